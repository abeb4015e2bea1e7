//! Table `media`: what clients handed in to be sent.

use sea_orm::entity::prelude::*;

use crate::ids::{KeyId, MediaId};
use crate::timestamp::Timestamp;

/// What one client handed in. Several may be one file.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "media")]
pub struct Model {
    /// Generated, sortable.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MediaId,
    /// The key with which it was handed in, and with which it goes; null is the admin token.
    pub key_id: Option<KeyId>,
    /// SHA-256 of its bytes: which file it is.
    pub sha256: Vec<u8>,
    /// What it is, by its own bytes.
    pub mimetype: String,
    /// What the client calls it.
    pub file_name: Option<String>,
    /// How many bytes there are.
    pub size: i64,
    /// Width in pixels. Null if it has none, or nobody has looked.
    pub width: Option<i32>,
    /// Height in pixels. Null if it has none, or nobody has looked.
    pub height: Option<i32>,
    /// How long it plays, seconds. Null if it does not, or nobody has looked.
    pub seconds: Option<i32>,
    /// When it was handed in.
    pub created_at: Timestamp,
    /// Until when it can be sent. Each use moves that.
    pub expires_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
