//! Table `sender_key`: keys with which group messages are encrypted.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// The sender key of one member in one group.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "sender_key")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Group and sender, in the library's form.
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: String,
    /// The library's own record. Holds private keys.
    pub record: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
