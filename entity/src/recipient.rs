//! Table `recipient`: what WhatsApp said about numbers before something was sent to them for the first time.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;
use crate::timestamp::Timestamp;

/// What WhatsApp said about one number.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "recipient")]
pub struct Model {
    /// The session that asked.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The number as it was asked about, digits only.
    #[sea_orm(primary_key, auto_increment = false)]
    pub phone_number: String,
    /// JID under which messages reach it. Null if nobody on WhatsApp has this number.
    pub jid: Option<String>,
    /// When WhatsApp was asked. The answer is used again for as long as `message::lookup::recipients` says.
    pub checked_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
