//! Table `sent_message`: messages that we sent, for a device that asks for them again.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// One sent message.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "sent_message")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Where it was sent.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_jid: String,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_id: String,
    /// The message before encryption.
    pub payload: Vec<u8>,
    /// Unix seconds by the library's clock.
    pub stored_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
