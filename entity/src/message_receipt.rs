//! Table `message_receipt`: who got, read and played the messages that were sent through this API.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;
use crate::timestamp::Timestamp;

/// What one person did with one message. It goes with its message.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "message_receipt")]
pub struct Model {
    /// The session that sent the message.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The message's id, as in `outgoing`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_id: String,
    /// JID of the person: by number, if that was known when the receipt came.
    #[sea_orm(primary_key, auto_increment = false)]
    pub participant: String,
    /// When a device of theirs got it, by WhatsApp's clock.
    pub delivered_at: Option<Timestamp>,
    /// When they read it.
    pub read_at: Option<Timestamp>,
    /// When they played it.
    pub played_at: Option<Timestamp>,
}

impl ActiveModelBehavior for ActiveModel {}
