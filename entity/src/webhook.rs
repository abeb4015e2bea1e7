//! Table `webhook`: where events are to be delivered.

use sea_orm::entity::prelude::*;

use crate::ids::{SessionId, WebhookId};
use crate::timestamp::Timestamp;
use crate::words::webhook::DisabledReason;

/// One webhook, of one session or of all.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "webhook")]
pub struct Model {
    /// Generated, sortable.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookId,
    /// The session whose events it gets; null is all sessions.
    pub session_id: Option<SessionId>,
    /// Where to post.
    pub url: String,
    /// The events that it gets: a JSON array of words.
    pub events: Json,
    /// Whether `all` of them has `qr_code` and `pair_code`: whoever chose the events may pair.
    pub gets_codes: bool,
    /// Key of the signature. Never leaves the server.
    pub secret: Option<String>,
    /// The key before it, which signs as well until its moment.
    pub old_secret: Option<String>,
    /// Until when `old_secret` signs. Some exactly while there is one.
    pub old_secret_until: Option<Timestamp>,
    /// What is sent with each request: a JSON object of names and values. The values never leave the server otherwise.
    pub headers: Json,
    /// Whether what happens in groups is left out.
    pub ignores_groups: bool,
    /// Whether status updates are left out.
    pub ignores_status: bool,
    /// Whether the account's own messages are left out.
    pub ignores_own: bool,
    /// Whether what channels publish is left out.
    pub ignores_channels: bool,
    /// Whether messages of broadcast lists are left out.
    pub ignores_broadcasts: bool,
    /// Whether a delivery that fails holds back the later ones of its session.
    pub is_ordered: bool,
    /// Why nothing is delivered; null while it is.
    pub disabled: Option<DisabledReason>,
    /// Since when every delivery failed; null after one that did not.
    pub failing_since: Option<Timestamp>,
    /// Why the last delivery failed that did.
    pub last_error: Option<String>,
    /// Only events behind this position are delivered.
    pub after_position: i64,
    /// Only events up to this position are delivered; null is no end. Some exactly when its session was deleted: it goes when
    /// nothing waits for it any more.
    pub until_position: Option<i64>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed over the API.
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
