//! Table `bookmark`: how far in the journal something has come.

use sea_orm::entity::prelude::*;

/// One place in the journal.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "bookmark")]
pub struct Model {
    /// What it marks: `dispatched` or `pruned`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The position of the last event that it is done with.
    pub position: i64,
}

impl ActiveModelBehavior for ActiveModel {}
