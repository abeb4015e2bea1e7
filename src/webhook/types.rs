//! What goes in and out of the webhook service: one struct per thing, for every door.

use std::collections::HashMap;
use std::fmt;

use async_graphql::{ComplexObject, ID, InputObject, SimpleObject};
use entity::ids::{DeliveryId, EventId, SessionId, WebhookId};
use entity::timestamp::Timestamp;
use entity::words::event::EventType;
use entity::words::webhook::{DeliveryState, DisabledReason};
use poem_openapi::Object;
use serde::Serialize;

/// An address to which events are delivered.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
#[graphql(complex)]
pub struct Webhook {
    /// Generated id.
    #[graphql(skip)]
    pub id: WebhookId,
    /// Id of the session whose events it gets. Null is all sessions.
    #[graphql(skip)]
    pub session_id: Option<SessionId>,
    /// Where to post.
    pub url: String,
    /// The events that it gets; `all` is every event.
    pub events: Vec<EventType>,
    /// Names of the headers that are sent with each request. Their values are not shown again.
    pub header_names: Vec<String>,
    /// What is left out.
    pub filters: WebhookFilters,
    /// Whether a delivery that fails holds back the later ones of its session.
    pub ordered: bool,
    /// Whether what happens is delivered.
    pub enabled: bool,
    /// Why it is not. Null while it is.
    pub disabled_reason: Option<DisabledReason>,
    /// Whether requests are signed.
    pub has_secret: bool,
    /// Since when every delivery failed. Null after one that did not.
    pub failing_since: Option<Timestamp>,
    /// Why the last delivery failed that did. Null if none did.
    pub last_error: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl fmt::Debug for Webhook {
    /// The address, which may hold a secret, stays out of every log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("id", &self.id).finish_non_exhaustive()
    }
}

#[ComplexObject]
impl Webhook {
    /// Generated id.
    pub(crate) async fn id(&self) -> ID {
        ID(self.id.to_string())
    }

    /// Id of the session whose events it gets. Null is all sessions.
    async fn session_id(&self) -> Option<ID> {
        self.session_id.as_ref().map(|id| ID(id.to_string()))
    }
}

/// What is left out of what a webhook gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object, SimpleObject, InputObject, Serialize)]
#[oai(example)]
#[graphql(input_name = "WebhookFiltersInput")]
pub struct WebhookFilters {
    /// Leaves out messages and receipts of groups.
    #[oai(default)]
    #[graphql(default)]
    pub ignore_groups: bool,
    /// Leaves out status updates.
    #[oai(default)]
    #[graphql(default)]
    pub ignore_status: bool,
    /// Leaves out messages that the account itself sent.
    #[oai(default)]
    #[graphql(default)]
    pub ignore_own: bool,
    /// Leaves out what channels publish.
    #[oai(default)]
    #[graphql(default)]
    pub ignore_channels: bool,
    /// Leaves out messages and receipts of broadcast lists.
    #[oai(default)]
    #[graphql(default)]
    pub ignore_broadcasts: bool,
}

/// Where to deliver events.
#[derive(Clone, Default, PartialEq, Eq, Object, InputObject)]
#[oai(example)]
#[graphql(name = "NewWebhookInput")]
pub struct NewWebhook {
    /// `http` or `https` address. Private networks are refused unless the server allows them.
    pub url: String,
    /// Words of the events to deliver; all when absent or empty, without `qr_code` and `pair_code` for a key that may not
    /// pair. Needs a key that may read these events itself.
    pub events: Option<Vec<String>>,
    /// Key for the signature: `whsec_` and base64 of 24 to 64 bytes, or 1 to 256 characters, whose bytes are the key then: a
    /// Standard Webhooks library knows that key as `whsec_` and the base64 of the text. Never shown again.
    pub secret: Option<String>,
    /// Headers to send with each request, at most 20. Their values are never shown again.
    pub headers: Option<HashMap<String, String>>,
    /// What to leave out.
    pub filters: Option<WebhookFilters>,
    /// Whether a delivery that fails holds back the later ones of its session; true when absent.
    pub ordered: Option<bool>,
}

impl fmt::Debug for NewWebhook {
    /// The secret and the address, which may hold one, stay out of every log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewWebhook").field("events", &self.events).finish_non_exhaustive()
    }
}

/// What to change about a webhook. What is absent stays.
#[derive(Clone, Default, PartialEq, Eq, Object, InputObject)]
#[oai(example)]
#[graphql(name = "WebhookChangesInput")]
pub struct WebhookChanges {
    /// `http` or `https` address. Another host, port or scheme gets neither the headers nor the secret of before: they are
    /// dropped unless this request has them.
    pub url: Option<String>,
    /// Words of the events to deliver; all when empty, without `qr_code` and `pair_code` for a key that may not pair.
    pub events: Option<Vec<String>>,
    /// Key for the signature, as at the creation, from now on; rotating it lets the one before sign on for a while.
    pub secret: Option<String>,
    /// Headers to send with each request, replacing all of the present ones.
    pub headers: Option<HashMap<String, String>>,
    /// What to leave out.
    pub filters: Option<WebhookFilters>,
    /// Whether a delivery that fails holds back the later ones of its session.
    pub ordered: Option<bool>,
    /// Whether to deliver. What happens while it is off is not queued, and can be had by a replay.
    pub enabled: Option<bool>,
}

impl fmt::Debug for WebhookChanges {
    /// The address and the headers, which may hold secrets, stay out of every log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookChanges").field("events", &self.events).finish_non_exhaustive()
    }
}

/// How a webhook's secret is to be rotated.
#[derive(Default, Object, InputObject)]
#[oai(example, rename = "RotateSecretBody")]
#[graphql(name = "SecretRotationInput")]
pub struct SecretRotation {
    /// The new secret; a generated one when absent.
    pub secret: Option<String>,
    /// Seconds that the secret before signs as well: 0 to 2,592,000 (30 days), a day when absent.
    pub overlap_seconds: Option<u64>,
}

/// A webhook with its new secret.
#[derive(Clone, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct RotatedSecret {
    /// The webhook.
    pub webhook: Webhook,
    /// What signs from now on. Shown this once and never again.
    pub secret: String,
    /// Until when the secret before signs as well. Null when there was none.
    pub old_secret_expires_at: Option<Timestamp>,
}

impl fmt::Debug for RotatedSecret {
    /// The secret stays out of every log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RotatedSecret").field("webhook", &self.webhook).finish_non_exhaustive()
    }
}

/// How one request to a webhook went.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct DeliveryAttempt {
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, milliseconds.
    pub duration_ms: i64,
    /// HTTP status of the answer. Null when none came.
    pub status: Option<i32>,
    /// Why it failed. Null when it did not.
    pub error: Option<String>,
    /// The answer's first bytes as text, at most 16 KiB. Null when none came, and for a key that may not read messages: it may
    /// hold what was posted.
    pub reply: Option<String>,
}

impl fmt::Debug for DeliveryAttempt {
    /// What the receiver answered stays out of every log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryAttempt").field("status", &self.status).field("error", &self.error).finish()
    }
}

/// One event on its way to one webhook.
#[derive(Clone, Debug, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
#[graphql(complex)]
pub struct Delivery {
    /// Generated id.
    #[graphql(skip)]
    pub id: DeliveryId,
    /// Id of the webhook.
    #[graphql(skip)]
    pub webhook_id: WebhookId,
    /// Id of the session of the event.
    #[graphql(skip)]
    pub session_id: SessionId,
    /// Id of the event, which is the request's `webhook-id`.
    #[graphql(skip)]
    pub event_id: EventId,
    /// What happened.
    pub event: EventType,
    /// How far it has come.
    pub state: DeliveryState,
    /// The attempts, oldest first; the newest 50 if there are more.
    pub attempts: Vec<DeliveryAttempt>,
    /// When it is tried next. Null unless it is pending.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it was delivered or given up. Null while it is pending.
    pub finished_at: Option<Timestamp>,
}

#[ComplexObject]
impl Delivery {
    /// Generated id.
    pub(crate) async fn id(&self) -> ID {
        ID(self.id.to_string())
    }

    /// Id of the webhook.
    async fn webhook_id(&self) -> ID {
        ID(self.webhook_id.to_string())
    }

    /// Id of the session of the event.
    async fn session_id(&self) -> ID {
        ID(self.session_id.to_string())
    }

    /// Id of the event, which is the request's `webhook-id`.
    async fn event_id(&self) -> ID {
        ID(self.event_id.to_string())
    }
}

/// One page of deliveries, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
#[oai(example)]
pub struct DeliveryPage {
    /// The deliveries.
    pub deliveries: Vec<Delivery>,
    /// Where the next page starts. Null on the last one.
    pub next_cursor: Option<String>,
}

/// One page of webhooks, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
#[oai(example)]
pub struct WebhookPage {
    /// The webhooks.
    pub webhooks: Vec<Webhook>,
    /// How many there are, on all pages.
    pub count: u64,
    /// Where the next page starts. Null on the last one.
    pub next_cursor: Option<String>,
}

/// A delivery that failed to the end.
#[derive(Clone, PartialEq, Eq, Object, Serialize)]
#[oai(example)]
pub struct DeadLetter {
    /// Id of the delivery.
    pub id: DeliveryId,
    /// Id of the session of the event.
    pub session_id: SessionId,
    /// What happened.
    pub event: EventType,
    /// Where it was posted.
    pub webhook_url: String,
    /// How often it was tried.
    pub attempts: i32,
    /// When it was given up.
    pub failed_at: Timestamp,
    /// Why the last attempt failed. Null if it was given up without one.
    pub last_error: Option<String>,
    /// The body of the post: JSON as a text. Null for a key that may not read it itself: messages, or codes for a phone.
    pub payload: Option<String>,
}

impl fmt::Debug for DeadLetter {
    /// What was to be delivered and the address stay out of every log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter").field("id", &self.id).finish_non_exhaustive()
    }
}

/// One page of dead letters, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
#[oai(example)]
pub struct DeadLetterPage {
    /// How many there are, on all pages.
    pub count: u64,
    /// The dead letters.
    pub entries: Vec<DeadLetter>,
    /// Where the next page starts. Null on the last one.
    pub next_cursor: Option<String>,
}

/// Which events to deliver once more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object, InputObject)]
#[oai(example)]
#[graphql(name = "ReplayRangeInput")]
pub struct ReplayRange {
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Up to this moment; up to now when absent.
    pub to: Option<Timestamp>,
    /// Instead of `from`: behind this cursor of an event or of a replay.
    pub after: Option<String>,
    /// Words of the events; those of the webhook when absent or empty.
    pub types: Option<Vec<String>>,
}

/// What a replay queued.
#[derive(Clone, Debug, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct Replayed {
    /// How many deliveries were queued, at most 50,000.
    pub queued: u64,
    /// Where the next replay goes on, as its `after`. Null when everything was queued.
    pub next_cursor: Option<String>,
}

/// Which deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Only those in this state.
    pub state: Option<DeliveryState>,
    /// Only those of this type.
    pub event: Option<EventType>,
}
