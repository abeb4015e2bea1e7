//! Table `api_key`: who may come in, and what they may do.

use sea_orm::entity::prelude::*;

use crate::ids::KeyId;
use crate::timestamp::Timestamp;

/// One key. The key itself is not kept, only its digest.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "api_key")]
pub struct Model {
    /// Generated, sortable.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: KeyId,
    /// What it is for, in its maker's words.
    pub name: String,
    /// SHA-256 of the key.
    #[sea_orm(unique)]
    pub digest: Vec<u8>,
    /// SHA-256 of the key before the last rotation, while that one still works.
    #[sea_orm(unique)]
    pub old_digest: Option<Vec<u8>>,
    /// Until when the key before the last rotation works.
    pub old_expires_at: Option<Timestamp>,
    /// What it may do: a JSON array of words.
    pub scopes: Json,
    /// The sessions that it may touch, a JSON array of ids; null is all.
    pub sessions: Option<Json>,
    /// Until when it works.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// The key that made it; null is the admin token.
    pub created_by: Option<KeyId>,
}

impl ActiveModelBehavior for ActiveModel {}
