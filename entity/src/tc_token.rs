//! Table `tc_token`: tokens by which contacts trust us and we them.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// The tokens between us and one contact.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "tc_token")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The contact, by LID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub jid: String,
    /// What the contact gave us; empty if nothing yet.
    pub token: Vec<u8>,
    /// When it was received, unix seconds.
    pub token_timestamp: i64,
    /// When we last gave ours, unix seconds.
    pub sender_timestamp: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
