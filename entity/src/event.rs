//! Table `event`: what happened on the sessions, in the order in which it was written down.

use sea_orm::entity::prelude::*;

use crate::ids::{EventId, SessionId};
use crate::timestamp::Timestamp;
use crate::words::event::EventType;

/// One event. Never changed once it is written.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "event")]
pub struct Model {
    /// Its place among the events of all sessions: greater than that of every event before, with gaps.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    /// Generated, sortable.
    pub id: EventId,
    /// The session on which it happened. It may be deleted.
    pub session_id: SessionId,
    /// Its place among the events of its session, from 1, without gaps; on from there if one with the same id is created again.
    pub sequence: i64,
    /// What happened.
    #[sea_orm(column_name = "type")]
    pub event_type: EventType,
    /// When.
    pub created_at: Timestamp,
    /// All about it: a JSON object whose shape belongs to the type.
    pub body: String,
    /// The chat of a message; null for all other types, as are the next two.
    pub chat: Option<String>,
    /// Who sent the message.
    pub sender: Option<String>,
    /// The message's own id. With session, chat and sender it is unique, so that a redelivery is recognised.
    pub message_id: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
