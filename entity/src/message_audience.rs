//! Table `message_audience`: for whom messages are that are for several, without those who have left the group since.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;
use crate::timestamp::Timestamp;

/// For whom one message is. It goes with its message.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "message_audience")]
pub struct Model {
    /// The session that sent the message.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// The message's id, as in `outgoing`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_id: String,
    /// JID of the group.
    pub chat: String,
    /// Those whom it is for, as in `audience`.
    pub audience_id: String,
    /// When it was given to WhatsApp.
    pub sent_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
