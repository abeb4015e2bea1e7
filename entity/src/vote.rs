//! Table `vote`: the last vote of each person in each poll.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;
use crate::timestamp::Timestamp;
use crate::words::message::VoteState;

/// What one person voted last in one poll. It goes with the message that asks the poll.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "vote")]
pub struct Model {
    /// The session that knows the poll.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// Id of the message that asks the poll.
    #[sea_orm(primary_key, auto_increment = false)]
    pub poll_id: String,
    /// JID of its chat.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat: String,
    /// JID of who voted: by number, if that was known when the vote came.
    #[sea_orm(primary_key, auto_increment = false)]
    pub voter: String,
    /// The position of the event that told of the vote: of two votes the one behind counts.
    pub position: i64,
    /// Whether it could be read.
    pub state: VoteState,
    /// SHA-256 of the words of the chosen options, hex, separated by commas.
    pub chosen: String,
    /// When it was sent.
    pub voted_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
