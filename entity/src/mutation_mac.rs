//! Table `mutation_mac`: what each entry of the app state last added to its collection's hash.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// The MAC of one entry.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "mutation_mac")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// WhatsApp's name of the collection.
    #[sea_orm(primary_key, auto_increment = false)]
    pub collection: String,
    /// Which entry: 32 bytes.
    #[sea_orm(primary_key, auto_increment = false)]
    pub index_mac: Vec<u8>,
    /// 32 bytes.
    pub value_mac: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
