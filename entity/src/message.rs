//! Table `message`: the messages that came and those that went, as what refers to them needs them.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;
use crate::timestamp::Timestamp;
use crate::words::message::MessageType;

/// One message, whoever sent it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "message")]
pub struct Model {
    /// The session that got or sent it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The id that its sender gave it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_id: String,
    /// JID of the chat as it came: a person may be in it by number and by LID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat: String,
    /// JID of the sender.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sender: String,
    /// The position of the event that told of it: the order of the list.
    pub position: i64,
    /// Whether the account sent it, from whichever device.
    pub is_from_me: bool,
    /// What it is.
    #[sea_orm(column_name = "type")]
    pub message_type: MessageType,
    /// The message that it answers.
    pub quoted_id: Option<String>,
    /// The protobuf, as it was sent: what it takes to quote, edit or forward it, and to send it again.
    pub content: Vec<u8>,
    /// When it was sent, by WhatsApp's clock; for the account's own, when it was asked for.
    pub sent_at: Timestamp,
    /// When it was written down.
    pub created_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
