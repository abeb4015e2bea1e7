//! Table `signed_pre_key`: signed pre-keys.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// One signed pre-key.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "signed_pre_key")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The library's number.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    /// The library's own record. Holds a private key.
    pub record: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
