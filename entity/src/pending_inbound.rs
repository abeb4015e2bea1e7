//! Table `pending_inbound`: messages that were decrypted and are not yet in the journal.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// One decrypted message. Its ratchet has moved on, so this is the only copy that can be read.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "pending_inbound")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The chat's JID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat: String,
    /// The sender's JID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sender: String,
    /// Unique for chat and sender only.
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_id: String,
    /// The library's own record.
    pub message: Vec<u8>,
    /// Unix seconds by the library's clock.
    pub stored_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
