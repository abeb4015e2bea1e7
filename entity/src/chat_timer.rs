//! Table `chat_timer`: after how long messages in a chat disappear, as its phones say.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;
use crate::timestamp::Timestamp;

/// What was told last of one chat.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "chat_timer")]
pub struct Model {
    /// The session that was told.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// JID of the chat. A person may be here by number and by LID: what was set last counts.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat: String,
    /// After how many seconds; 0 when they stay.
    pub seconds: i32,
    /// When it was set, as far as that was told.
    pub set_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
