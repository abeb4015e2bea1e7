//! Table `message_secret`: secrets of messages, with which answers to them are decrypted.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// The secret of one message.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "message_secret")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The chat's JID, without device.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat: String,
    /// The sender's JID, without device.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sender: String,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_id: String,
    /// 32 bytes.
    pub secret: Vec<u8>,
    /// When it may go, unix seconds; 0 is never.
    pub expires_at: i64,
    /// When the message was sent, unix seconds; 0 is unknown.
    pub message_ts: i64,
}

impl ActiveModelBehavior for ActiveModel {}
