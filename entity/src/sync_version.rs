//! Table `sync_version`: how far each collection of the app state is known.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// The state of one collection.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "sync_version")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// WhatsApp's name of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub collection: String,
    /// Bits of the library's unsigned version.
    pub version: i64,
    /// 128 bytes over everything in the collection.
    pub hash: Vec<u8>,
    /// The library's index map as JSON; none while it is empty.
    pub index_values: Option<Vec<u8>>,
    /// Whether the hash is known to be beyond repair.
    pub is_mac_mismatch_fatal: bool,
}

impl ActiveModelBehavior for ActiveModel {}
