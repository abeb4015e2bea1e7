//! Table `upload_key`: the keys of large files whose uploads are under way, so that an upload goes on after a restart.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;
use crate::timestamp::Timestamp;
use crate::words::message::FileKind;

/// The key of a file that is being uploaded. No event, webhook or log has any of it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "upload_key")]
pub struct Model {
    /// The session that uploads it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// SHA-256 of the file.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sha256: Vec<u8>,
    /// What it is sent as: that decides how it is encrypted.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: FileKind,
    /// JID of the account that uploads it: another one gets another key.
    pub account: String,
    /// The key, 32 bytes.
    pub media_key: Vec<u8>,
    /// When it was made. How long it is used, `message::store::upload_key_store` says.
    pub created_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
