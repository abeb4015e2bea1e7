//! Table `delivery_attempt`: how each attempt to deliver an event went.

use sea_orm::entity::prelude::*;

use crate::ids::DeliveryId;
use crate::timestamp::Timestamp;

/// One attempt.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "delivery_attempt")]
pub struct Model {
    /// The delivery.
    #[sea_orm(primary_key, auto_increment = false)]
    pub delivery_id: DeliveryId,
    /// Which attempt, from 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, milliseconds.
    pub duration_ms: i64,
    /// The HTTP status of the answer; null when none came.
    pub status: Option<i32>,
    /// Why it failed; null when it did not.
    pub error: Option<String>,
    /// The first bytes of the answer, as text.
    pub reply: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
