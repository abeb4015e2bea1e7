//! Table `uploaded_file`: files that WhatsApp's media servers took from an account, so that what goes to many is uploaded once.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;
use crate::timestamp::Timestamp;
use crate::words::message::FileKind;

/// A file that was uploaded. No event, webhook or log has any of it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "uploaded_file")]
pub struct Model {
    /// The session that uploaded it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// SHA-256 of the file.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sha256: Vec<u8>,
    /// What it is sent as: that decides how it is encrypted.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: FileKind,
    /// JID of the account that uploaded it: another one does not use it.
    pub account: String,
    /// Its address.
    pub url: String,
    /// Its path on any of the media servers.
    pub direct_path: String,
    /// The key to it, 32 bytes.
    pub media_key: Vec<u8>,
    /// SHA-256 of the file as it is encrypted.
    pub file_enc_sha256: Vec<u8>,
    /// Its size, bytes.
    pub file_length: i64,
    /// When it was uploaded. How long it is used again, `message::store::upload_store` says.
    pub uploaded_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
