//! Table `base_key`: base keys of sessions whose messages were asked for again.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// The base key at one retry.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "base_key")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Signal address: `user[:device]@server`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: String,
    /// The message that was asked for again.
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_id: String,
    /// To tell whether the session is still the same.
    pub base_key: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
