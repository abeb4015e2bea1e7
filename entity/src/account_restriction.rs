//! Table `account_restriction`: what WhatsApp keeps the account of a session from.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;
use crate::timestamp::Timestamp;
use crate::words::outgoing::RestrictionKind;

/// One restriction.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "account_restriction")]
pub struct Model {
    /// The session to which the account is linked.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// What it is kept from.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: RestrictionKind,
    /// JID of the account: another one that is linked later is not kept from it.
    pub account: String,
    /// When it ends, as WhatsApp said.
    pub ends_at: Timestamp,
    /// When WhatsApp said so.
    pub noted_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
