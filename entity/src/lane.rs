//! Table `lane`: for each webhook and session that have deliveries, when the next one is due and who is at it.

use sea_orm::entity::prelude::*;

use crate::ids::{SessionId, WebhookId};
use crate::timestamp::Timestamp;

/// The deliveries of one session to one webhook.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "lane")]
pub struct Model {
    /// The webhook.
    #[sea_orm(primary_key, auto_increment = false)]
    pub webhook_id: WebhookId,
    /// The session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// When its next delivery is due; null while none is pending.
    pub due_at: Option<Timestamp>,
    /// Until when somebody is at it; null while nobody is.
    pub leased_until: Option<Timestamp>,
    /// Counts what was queued, so that who leaves the lane sees whether something came meanwhile.
    pub arrivals: i64,
    /// Whether its last attempt took long.
    pub is_slow: bool,
}

impl ActiveModelBehavior for ActiveModel {}
