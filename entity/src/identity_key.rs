//! Table `identity_key`: the public keys that remote devices have shown.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// The identity of one remote device.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "identity_key")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Signal address: `user[:device]@server`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: String,
    /// 32 bytes.
    pub key: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
