//! Table `pairing_link`: addresses that let somebody link one phone to one session.

use sea_orm::entity::prelude::*;

use crate::ids::{KeyId, PairingLinkId, SessionId};
use crate::timestamp::Timestamp;

/// One link. Its token is not kept, only the digest.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "pairing_link")]
pub struct Model {
    /// Generated, sortable.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PairingLinkId,
    /// The session that it is for.
    pub session_id: SessionId,
    /// SHA-256 of the token.
    #[sea_orm(unique)]
    pub digest: Vec<u8>,
    /// Until when it can be used.
    pub expires_at: Timestamp,
    /// When it was created.
    pub created_at: Timestamp,
    /// The key that made it, without which it is worth nothing; null is the admin token.
    pub created_by: Option<KeyId>,
}

impl ActiveModelBehavior for ActiveModel {}
