//! Table `sync_key`: keys of the app state that all devices of a phone share.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// One app state key.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "sync_key")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// WhatsApp's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key_id: Vec<u8>,
    /// The secret.
    pub key_data: Vec<u8>,
    /// Which devices it was made for.
    pub fingerprint: Vec<u8>,
    /// When it was made; the phone's own unit.
    pub timestamp: i64,
    /// Order of storing within the session: the highest is the latest.
    pub sequence: i64,
}

impl ActiveModelBehavior for ActiveModel {}
