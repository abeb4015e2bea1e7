//! Table `sender_key_device`: which devices of a group have our sender key.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// One device in one group.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "sender_key_device")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The group.
    #[sea_orm(primary_key, auto_increment = false)]
    pub group_jid: String,
    /// The device.
    #[sea_orm(primary_key, auto_increment = false)]
    pub device_jid: String,
    /// Whether it can read what we send; if not, the next message brings it the key.
    pub has_key: bool,
}

impl ActiveModelBehavior for ActiveModel {}
