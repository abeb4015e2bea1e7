//! Table `device`: the keys and facts with which a session is one linked device of a phone.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// The device of one session.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "device")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The library's own record, as JSON. Holds private keys.
    pub data: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
