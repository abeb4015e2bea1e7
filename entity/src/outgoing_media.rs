//! Table `outgoing_media`: files of messages that were accepted and whose files are still to be uploaded.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;
use crate::timestamp::Timestamp;
use crate::words::message::FileKind;

/// The file of one message. Gone once WhatsApp's media servers have it; a message that was given up before keeps it for another try.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "outgoing_media")]
pub struct Model {
    /// The session that sends the message.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The message, as in `outgoing`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_id: String,
    /// SHA-256 of the file: what it is called in the store of files.
    pub sha256: Vec<u8>,
    /// What it is sent as: that decides how it is encrypted.
    pub kind: FileKind,
    /// Its media type.
    pub mimetype: String,
    /// The message before it in the same album: while the file of that waits, this one does. None if there is none.
    pub after_id: Option<String>,
    /// When the message was asked for.
    pub created_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
