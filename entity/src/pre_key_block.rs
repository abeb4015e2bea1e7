//! Table `pre_key_block`: one-time pre-keys, sixteen in a row.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// The pre-keys whose ids are `block * 16` to `block * 16 + 15`; a row has at least one.
///
/// A key alone in its row would spend as many bytes on the row and its index as on the key, and a session has 812.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "pre_key_block")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The ids' common part: id divided by 16.
    #[sea_orm(primary_key, auto_increment = false)]
    pub block: i32,
    /// The key whose id ends in 0; none once it is consumed.
    #[sea_orm(column_name = "key_0")]
    pub key_0: Option<Vec<u8>>,
    /// The key whose id ends in 1; none once it is consumed.
    #[sea_orm(column_name = "key_1")]
    pub key_1: Option<Vec<u8>>,
    /// The key whose id ends in 2; none once it is consumed.
    #[sea_orm(column_name = "key_2")]
    pub key_2: Option<Vec<u8>>,
    /// The key whose id ends in 3; none once it is consumed.
    #[sea_orm(column_name = "key_3")]
    pub key_3: Option<Vec<u8>>,
    /// The key whose id ends in 4; none once it is consumed.
    #[sea_orm(column_name = "key_4")]
    pub key_4: Option<Vec<u8>>,
    /// The key whose id ends in 5; none once it is consumed.
    #[sea_orm(column_name = "key_5")]
    pub key_5: Option<Vec<u8>>,
    /// The key whose id ends in 6; none once it is consumed.
    #[sea_orm(column_name = "key_6")]
    pub key_6: Option<Vec<u8>>,
    /// The key whose id ends in 7; none once it is consumed.
    #[sea_orm(column_name = "key_7")]
    pub key_7: Option<Vec<u8>>,
    /// The key whose id ends in 8; none once it is consumed.
    #[sea_orm(column_name = "key_8")]
    pub key_8: Option<Vec<u8>>,
    /// The key whose id ends in 9; none once it is consumed.
    #[sea_orm(column_name = "key_9")]
    pub key_9: Option<Vec<u8>>,
    /// The key whose id ends in 10; none once it is consumed.
    #[sea_orm(column_name = "key_10")]
    pub key_10: Option<Vec<u8>>,
    /// The key whose id ends in 11; none once it is consumed.
    #[sea_orm(column_name = "key_11")]
    pub key_11: Option<Vec<u8>>,
    /// The key whose id ends in 12; none once it is consumed.
    #[sea_orm(column_name = "key_12")]
    pub key_12: Option<Vec<u8>>,
    /// The key whose id ends in 13; none once it is consumed.
    #[sea_orm(column_name = "key_13")]
    pub key_13: Option<Vec<u8>>,
    /// The key whose id ends in 14; none once it is consumed.
    #[sea_orm(column_name = "key_14")]
    pub key_14: Option<Vec<u8>>,
    /// The key whose id ends in 15; none once it is consumed.
    #[sea_orm(column_name = "key_15")]
    pub key_15: Option<Vec<u8>>,
}

impl ActiveModelBehavior for ActiveModel {}
