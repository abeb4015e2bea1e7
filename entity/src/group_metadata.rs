//! Table `group_metadata`: what is known of each group.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// One group.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "group_metadata")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The group.
    #[sea_orm(primary_key, auto_increment = false)]
    pub group_jid: String,
    /// The library's own record.
    pub data: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
