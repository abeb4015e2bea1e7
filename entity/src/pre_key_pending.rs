//! Table `pre_key_pending`: which pre-keys WhatsApp has not been given yet.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// Pre-keys of one block that are still to be uploaded. A block without a row has none.
///
/// Apart from the keys, so that marking them does not write the keys anew.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "pre_key_pending")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// As in `pre_key_block`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub block: i32,
    /// Bit n stands for the key whose id ends in n, as long as that key exists.
    pub pending: i32,
}

impl ActiveModelBehavior for ActiveModel {}
