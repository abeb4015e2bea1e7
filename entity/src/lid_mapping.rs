//! Table `lid_mapping`: which phone number stands behind which LID.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// One LID and its number.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "lid_mapping")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// User part of the LID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub lid: String,
    /// User part of the phone number's JID.
    pub phone_number: String,
    /// When it was first learned, unix seconds.
    pub created_at: i64,
    /// When it was last learned, unix seconds.
    pub updated_at: i64,
    /// The library's word for where it was learned.
    pub learning_source: String,
}

impl ActiveModelBehavior for ActiveModel {}
