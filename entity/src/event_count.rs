//! Table `event_count`: how many events each session has had, those that are not kept any more too.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// The count of one session. There is none before its first event.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "event_count")]
pub struct Model {
    /// The session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The sequence of its newest event.
    pub last_sequence: i64,
}

impl ActiveModelBehavior for ActiveModel {}
