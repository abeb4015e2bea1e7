//! Table `message_file`: what it takes to fetch the files of messages from WhatsApp. No event, webhook or log has any of it.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;
use crate::timestamp::Timestamp;
use crate::words::message::FileKind;

/// The file of one message. Kept as long as the session, and longer than the event: what is not kept can never be fetched.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "message_file")]
pub struct Model {
    /// The session that got the message.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The message's chat, as in `event`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat: String,
    /// Who sent it, as in `event`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sender: String,
    /// Its id, as in `event`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_id: String,
    /// What it is: that decides how its key is used.
    pub kind: FileKind,
    /// Where it is on WhatsApp's media servers.
    pub direct_path: String,
    /// The key to it, 32 bytes. Null in channels, whose files are not encrypted.
    pub media_key: Option<Vec<u8>>,
    /// SHA-256 of the file.
    pub file_sha256: Option<Vec<u8>>,
    /// SHA-256 of the file as it is encrypted.
    pub file_enc_sha256: Option<Vec<u8>>,
    /// Size of the file, bytes.
    pub file_length: Option<i64>,
    /// Its media type.
    pub mimetype: Option<String>,
    /// When it was written down.
    pub created_at: Timestamp,
    /// When it is to be fetched next. Null unless its session fetches files as they come, and this one was not fetched yet.
    pub fetch_at: Option<Timestamp>,
    /// How often that has failed.
    pub fetch_attempts: i32,
    /// Whether the file is known to have the hash that the message says: it was fetched and checked, or sent from here. The word of a
    /// sender opens nobody else's file in the store.
    pub is_verified: bool,
}

impl ActiveModelBehavior for ActiveModel {}
