//! Table `pre_key_pending`: which pre-keys WhatsApp has not been given yet.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// Pre-keys of one band of 64 ids that are still to be uploaded. A band without a row has none.
///
/// Apart from the keys, so that marking them does not write the keys anew.
// 64, and not the 16 of a block: marking writes a row anew, and PostgreSQL keeps the old one until it is vacuumed. A session with
// 812 keys takes 104 kB there instead of 110.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "pre_key_pending")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The ids' common part: id divided by 64.
    #[sea_orm(primary_key, auto_increment = false)]
    pub band: i32,
    /// Bit n stands for the nth key of the band, as long as that key exists.
    pub pending: i64,
}

impl ActiveModelBehavior for ActiveModel {}
