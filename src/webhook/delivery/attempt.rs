//! What came of one attempt to deliver an event.

use std::time::Duration;

use entity::ids::{DeliveryId, WebhookId};
use entity::timestamp::Timestamp;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The receiver took it.
    Delivered,
    /// It is tried again at this moment.
    Retry(Timestamp),
    /// It is given up.
    Dead,
    /// Its time was over: there was no attempt.
    Expired,
}

/// What came of a delivery.
#[derive(Clone)]
pub struct Attempt {
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// Its webhook.
    pub webhook_id: WebhookId,
    /// Which attempt it was, from 1.
    pub number: i32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, milliseconds.
    pub duration_ms: i64,
    /// The HTTP status of the answer.
    pub status: Option<u16>,
    /// Why it failed.
    pub error: Option<String>,
    /// The first bytes of the answer.
    pub reply: Option<String>,
    /// What comes of it.
    pub outcome: AttemptOutcome,
}

impl Attempt {
    /// How long it took.
    pub fn took(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.duration_ms).unwrap_or(0))
    }
}
