//! What happens to a session itself.

use async_graphql::SimpleObject;
use entity::timestamp::Timestamp;
use entity::words::outgoing::RestrictionKind;
use entity::words::session::{DesiredState, SessionStatus, StatusReason};
use entity::words::webhook::DisabledReason;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

/// The session logged in.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct ConnectedEvent {
    /// Phone number of the account, digits only. Null when WhatsApp did not tell it.
    pub phone_number: Option<String>,
    /// The account's LID, `100000000000001@lid`. Null when WhatsApp did not tell it.
    pub lid: Option<String>,
    /// Name that the account shows to others. Null until WhatsApp told it.
    pub push_name: Option<String>,
    /// Number of this device among the phone's linked devices.
    pub device_id: Option<i32>,
}

/// The session is not logged in any more.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct DisconnectedEvent {
    /// Why.
    pub reason: StatusReason,
    /// When the next attempt to connect starts. Null while none is planned.
    pub next_retry_at: Option<Timestamp>,
}

/// The session was unlinked from its phone. It can be paired again.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct LoggedOutEvent {
    /// Who did it: a client of this API, the phone, or WhatsApp, which removed the device. After `logged_out_here` the phone
    /// still lists the device.
    pub reason: StatusReason,
}

/// The account's own push name became known, or changed.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct OwnPushNameUpdateEvent {
    /// The name that the account shows to others now.
    pub push_name: String,
    /// The name before. Null when it was not known.
    pub old_push_name: Option<String>,
}

/// A QR code can be scanned.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct QrCodeEvent {
    /// What the picture says.
    pub code: String,
    /// Until when a phone can scan it.
    pub expires_at: Timestamp,
}

/// A pair code can be entered on the phone.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct PairCodeEvent {
    /// Eight characters and a dash: `ABCD-EFGH`.
    pub code: String,
    /// The phone number for which it was made, digits only.
    pub phone_number: String,
    /// Until when it can be entered.
    pub expires_at: Timestamp,
}

/// The session's status, or the reason for it, changed.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct SessionStatusEvent {
    /// What the session is doing.
    pub status: SessionStatus,
    /// True exactly when the session is logged in.
    pub is_logged_in: bool,
    /// Why it is in this state.
    pub reason: StatusReason,
    /// Since when.
    pub since: Timestamp,
    /// What the client asked for.
    pub desired: DesiredState,
    /// When the next attempt to connect starts. Null while none is planned.
    pub next_retry_at: Option<Timestamp>,
    /// When a temporary ban ends. Null unless there is one.
    pub banned_until: Option<Timestamp>,
}

/// The session was deleted: nothing happens on it any more. One with the same id may be created again.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct SessionDeletedEvent {
    /// Friendly name that it had. Null if it had none.
    pub name: Option<String>,
    /// When it was created, which tells it from others that had its id.
    pub created_at: Timestamp,
}

/// WhatsApp refused this version of the protocol client.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct ClientOutdatedEvent {
    /// Since when.
    pub since: Timestamp,
}

/// WhatsApp locked the account.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct AccountLockedEvent {
    /// Since when.
    pub since: Timestamp,
}

/// WhatsApp banned the account for a time.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct TemporaryBanEvent {
    /// Until when.
    pub until: Timestamp,
}

/// WhatsApp lets the account write to nobody new for a time. Messages to people who have never written wait until then, all others go.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct AccountRestrictedEvent {
    /// How.
    pub kind: RestrictionKind,
    /// Until when.
    pub until: Timestamp,
}

/// Another client logged in with this device's identity.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct StreamReplacedEvent {
    /// Since when.
    pub since: Timestamp,
}

/// WhatsApp announced what it kept while the session was away.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct OfflineSyncPreviewEvent {
    /// How many stanzas there are.
    pub total: i32,
    /// How many of them are messages.
    pub messages: i32,
    /// How many are receipts.
    pub receipts: i32,
    /// How many are notifications.
    pub notifications: i32,
    /// How many are changes of the account's own settings.
    pub app_data_changes: i32,
    /// How many are calls.
    pub calls: i32,
}

/// Everything that was kept while the session was away has arrived.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct OfflineSyncCompletedEvent {
    /// How many stanzas it was.
    pub count: i32,
}

/// A webhook was switched off.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct WebhookDisabledEvent {
    /// Id of the webhook.
    pub webhook_id: String,
    /// Why: `gone` when the receiver answered 410, `failing` when it failed for five days on end.
    pub reason: DisabledReason,
    /// Since when every delivery failed. Null when the last one before did not.
    pub failing_since: Option<Timestamp>,
    /// Why the last delivery failed that did.
    pub last_error: Option<String>,
}

/// A test that a client of this API asked for.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct TestEvent {
    /// Always the same sentence.
    pub message: String,
}
