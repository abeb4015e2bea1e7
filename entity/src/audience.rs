//! Table `audience`: the people to whom messages of a session went that are for several. Most messages to a group are for the same.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// Some people.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "audience")]
pub struct Model {
    /// The session that writes to them.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// A hash of who they are.
    #[sea_orm(primary_key, auto_increment = false)]
    pub audience_id: String,
    /// Their JIDs, one a line.
    pub members: String,
}

impl ActiveModelBehavior for ActiveModel {}
