//! Table `stored_file`: the files that are kept on the disk, each once.

use sea_orm::entity::prelude::*;

use crate::timestamp::Timestamp;

/// One file.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "stored_file")]
pub struct Model {
    /// SHA-256 of its bytes: its name on the disk.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sha256: Vec<u8>,
    /// How many bytes there are.
    pub size: i64,
    /// When it came in for the first time.
    pub created_at: Timestamp,
    /// When it was needed last, to a few minutes.
    pub used_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
