//! Table `webhook`: where a session's events are to be delivered.

use sea_orm::entity::prelude::*;

use crate::ids::{SessionId, WebhookId};
use crate::timestamp::Timestamp;

/// One webhook of one session.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "webhook")]
pub struct Model {
    /// Generated, sortable.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookId,
    /// The session whose events it gets.
    pub session_id: SessionId,
    /// Where to post.
    pub url: String,
    /// The events that it gets: a JSON array of words.
    pub events: Json,
    /// Key of the signature. Never leaves the server.
    pub secret: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
