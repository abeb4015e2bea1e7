//! Table `signal_session`: the Signal ratchets with remote devices.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// The ratchet with one remote device.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "signal_session")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Signal address: `user[:device]@server`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: String,
    /// The library's own record. Holds private keys.
    pub record: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
