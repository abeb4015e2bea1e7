//! What goes in and out of the session service: one struct per thing, for every door.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_graphql::{InputObject, SimpleObject};
use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::session::{
    AccountPresence, DesiredState, MediaFetch, PresenceOnConnect, SessionStatus, StatusReason,
};
use poem_openapi::Object;
use serde::Serialize;

use crate::account::{Code, Device, DeviceProps, Identity, PairRequest, PhoneNumber};
use crate::error::Result;
use crate::session::setting::Setting;
use crate::webhook::types::NewWebhook;

/// A WhatsApp account's place in this server.
#[derive(Clone, Debug, PartialEq, Object, Serialize)]
#[oai(example)]
pub struct Session {
    /// Id, chosen by the client or generated.
    pub id: SessionId,
    /// Friendly name.
    pub name: Option<String>,
    /// Phone number of the linked account, digits only. Null until a phone is linked.
    pub phone_number: Option<String>,
    /// Name that the account shows to others. Null until WhatsApp told it.
    pub push_name: Option<String>,
    /// What the session is doing right now.
    pub status: SessionStatus,
    /// When it was created, Unix seconds.
    pub created_at: Timestamp,
    /// When it last changed, Unix seconds.
    pub updated_at: Timestamp,
    /// When it last was logged in, Unix seconds. Null if it never was.
    pub last_connected_at: Option<Timestamp>,
    /// True exactly when `status` is `logged_in`.
    pub is_logged_in: bool,
    /// The client's own labels.
    pub metadata: BTreeMap<String, String>,
    /// What WhatsApp is told at each login: whether somebody uses the session.
    pub presence_on_connect: PresenceOnConnect,
    /// Messages per second that it sends in the long run, 0 as fast as it goes. Null for the server's choice.
    pub send_rate: Option<f64>,
    /// Messages that it sends at once after a while without any. Null for the server's choice.
    pub send_burst: Option<u32>,
    /// When the files of messages that come in are fetched.
    pub media: MediaFetching,
}

/// How fast a session is to send, as far as its client chose it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SendPace {
    /// Messages per second in the long run, 0 as fast as it goes.
    pub rate: Option<f64>,
    /// Messages that go at once after a while without any.
    pub burst: Option<u32>,
}

/// When the files of messages that come in are fetched from WhatsApp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct MediaFetching {
    /// When.
    pub fetch: MediaFetch,
    /// Only those of at most so many bytes are fetched as they come. Null for all.
    pub max_bytes: Option<u32>,
}

impl Default for MediaFetching {
    fn default() -> Self {
        Self { fetch: MediaFetch::Lazy, max_bytes: None }
    }
}

/// When the files of messages that come in are to be fetched from WhatsApp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Object, InputObject)]
#[oai(example)]
#[graphql(name = "MediaFetchingInput")]
pub struct NewMediaFetching {
    /// When.
    pub fetch: MediaFetch,
    /// Only those of at most so many bytes are fetched as they come, 1 to 2147483647; all when absent. The others are fetched when
    /// somebody asks for them.
    pub max_bytes: Option<u32>,
}

/// What a session is doing right now, and why.
#[derive(Clone, Debug, PartialEq, Object, Serialize)]
#[oai(example)]
pub struct Status {
    /// What the session is doing.
    pub status: SessionStatus,
    /// True exactly when `status` is `logged_in`.
    pub is_logged_in: bool,
    /// Phone number of the linked account, digits only. Null until a phone is linked.
    pub phone_number: Option<String>,
    /// Name that the account shows to others. Null until WhatsApp told it.
    pub push_name: Option<String>,
    /// Why the session is in this state.
    pub reason: StatusReason,
    /// Since when it is in this state, Unix seconds.
    pub since: Timestamp,
    /// What the client asked for.
    pub desired: DesiredState,
    /// When the next attempt to connect starts, Unix seconds. Null while none is planned.
    pub next_retry_at: Option<Timestamp>,
    /// When a temporary ban ends, Unix seconds. Null unless `reason` is `banned_temporarily`.
    pub banned_until: Option<Timestamp>,
}

/// A session to be created.
#[derive(Clone, Debug, Default, PartialEq, Object, InputObject)]
#[oai(example)]
#[graphql(name = "CreateSessionInput")]
pub struct NewSession {
    /// Own id: `^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`, but not `search`, which is a path of this API. Generated when absent.
    pub id: Option<String>,
    /// Friendly name, at most 100 characters.
    pub name: Option<String>,
    /// Where to deliver its events.
    pub webhook: Option<NewWebhook>,
    /// What the phone shows under linked devices.
    pub device: Option<DeviceProps>,
    /// Own labels: at most 50, names up to 64 and values up to 512 characters.
    pub metadata: Option<HashMap<String, String>>,
    /// What WhatsApp is told at each login; `unavailable` when absent, so that the phone goes on to notify.
    pub presence_on_connect: Option<PresenceOnConnect>,
    /// Messages per second that it sends in the long run, 0 to 1000 with at most three decimals; 0 is as fast as it goes. The server's
    /// choice when absent.
    pub send_rate: Option<f64>,
    /// Messages that it sends at once after a while without any, 1 to 1000. The server's choice when absent.
    pub send_burst: Option<u32>,
    /// When the files of messages that come in are fetched; when somebody asks for them, if absent.
    pub media: Option<NewMediaFetching>,
}

/// What to change about a session. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Object, InputObject)]
#[oai(example)]
#[graphql(name = "SessionChangesInput")]
pub struct SessionChanges {
    /// Friendly name, at most 100 characters; empty removes it.
    pub name: Option<String>,
    /// Own labels, replacing all of the present ones.
    pub metadata: Option<HashMap<String, String>>,
    /// What WhatsApp is told at each login, from the next one on.
    pub presence_on_connect: Option<PresenceOnConnect>,
    /// Messages per second that it sends in the long run, 0 to 1000 with at most three decimals; 0 is as fast as it goes. Null is the
    /// server's choice. It counts at once.
    pub send_rate: Setting<f64>,
    /// Messages that it sends at once after a while without any, 1 to 1000. Null is the server's choice. It counts at once.
    pub send_burst: Setting<u32>,
    /// When the files of messages that come in from now on are fetched.
    pub media: Option<NewMediaFetching>,
}

/// Whether somebody is to be seen to use the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Object, InputObject, Serialize)]
#[oai(example)]
#[graphql(name = "NewPresenceInput")]
pub struct NewPresence {
    /// Whether somebody does.
    pub state: AccountPresence,
}

/// Whether somebody uses the account, as WhatsApp was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct Presence {
    /// Whether somebody does.
    pub state: AccountPresence,
}

/// A phone that is to be linked by a code.
#[derive(Clone, Debug, PartialEq, Eq, Object, InputObject)]
#[oai(example)]
#[graphql(name = "PhoneInput")]
pub struct PairBody {
    /// Its number with the country code, in any usual spelling: `+1 555 010-0001`.
    pub phone_number: String,
    /// Whether the phone is to show a notification.
    #[oai(default = "yes")]
    #[graphql(default = true)]
    pub show_push_notification: bool,
}

fn yes() -> bool {
    true
}

impl PairBody {
    /// What is asked for.
    ///
    /// # Errors
    /// `Invalid` for what is no phone number.
    pub fn request(&self) -> Result<PairRequest> {
        let phone_number = PhoneNumber::parse("phone_number", &self.phone_number)?;
        Ok(PairRequest { phone_number, show_push_notification: self.show_push_notification })
    }
}

/// Which sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, InputObject)]
pub struct SessionFilter {
    /// Only those in this status.
    pub status: Option<SessionStatus>,
    /// Only those whose id, name or phone number contains this, whatever the case.
    pub query: Option<String>,
    /// Only those that have all of these labels with these values.
    pub metadata: Option<BTreeMap<String, String>>,
}

/// A session and its present state, taken at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The session.
    pub session: Arc<Session>,
    /// What it is doing.
    pub live: Live,
    /// Which state it is.
    pub revision: Revision,
}

/// Orders the states of a session, and those of an earlier session with the same id before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision {
    /// How many sessions this process knew before this one.
    pub born: u64,
    /// How many states were shown before this one.
    pub number: u64,
}

/// A state of a session, as a subscriber gets it.
#[derive(Clone, Debug)]
pub struct Update {
    /// The state.
    pub snapshot: Snapshot,
    /// How many states this subscriber was too slow for since its last one.
    pub missed: u64,
}

/// One page of sessions, oldest first.
#[derive(Clone, Debug, PartialEq, Object, Serialize)]
#[oai(example)]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<Session>,
    /// How many match the filter, on all pages.
    pub total: u64,
    /// Where the next page starts. Null on the last one.
    pub next_cursor: Option<String>,
}

/// A state that a session came into.
#[derive(Clone, Debug, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct Transition {
    /// When it came into this state.
    pub at: Timestamp,
    /// What it did from then on.
    pub status: SessionStatus,
    /// Why.
    pub reason: StatusReason,
    /// What the client had asked for.
    pub desired: DesiredState,
    /// When the next attempt to connect was to start. Null when none was planned.
    pub next_retry_at: Option<Timestamp>,
    /// When a temporary ban was to end. Null when there was none.
    pub banned_until: Option<Timestamp>,
}

/// One page of the states that a session came into, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
#[oai(example)]
pub struct TransitionPage {
    /// The states.
    pub transitions: Vec<Transition>,
    /// Where the next page starts. Null on the last one.
    pub next_cursor: Option<String>,
}

/// A part of the states that a session came into, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The states, each with the cursor behind it.
    pub entries: Vec<(Transition, String)>,
    /// Where the next part starts. None if this is the last one.
    pub next_cursor: Option<String>,
}

impl From<Timeline> for TransitionPage {
    fn from(timeline: Timeline) -> Self {
        let Timeline { entries, next_cursor } = timeline;
        Self { transitions: entries.into_iter().map(|(transition, _)| transition).collect(), next_cursor }
    }
}

/// A QR code that can be scanned now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QrCode {
    /// What the picture says.
    pub code: Code,
    /// Until when a phone can scan it.
    pub expires_at: Timestamp,
}

/// A pair code that can be entered now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairCode {
    /// Eight characters and a dash: `ABCD-EFGH`.
    pub code: Code,
    /// The phone number for which it was made.
    pub phone_number: PhoneNumber,
    /// Until when it can be entered.
    pub expires_at: Timestamp,
}

/// The present state of a session: what a subscriber gets first, and again at each change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// What it is doing.
    pub status: SessionStatus,
    /// Why.
    pub reason: StatusReason,
    /// Since when.
    pub since: Timestamp,
    /// When a temporary ban ends.
    pub banned_until: Option<Timestamp>,
    /// What the client asked for.
    pub desired: DesiredState,
    /// When the next attempt starts.
    pub next_retry_at: Option<Timestamp>,
    /// Who it is. None until a phone is linked.
    pub identity: Option<Identity>,
    /// The account's own name.
    pub push_name: Option<String>,
    /// Some only while `status` is `WaitingForQr` or `WaitingForPairCode`.
    pub qr: Option<QrCode>,
    /// Some exactly while `status` is `WaitingForPairCode`.
    pub pair_code: Option<PairCode>,
}

impl Live {
    /// The linked device. None until a phone is linked.
    pub fn device(&self) -> Option<Device> {
        self.identity.as_ref().map(|identity| Device {
            device_id: identity.device_id,
            phone_number: identity.phone_number.digits().to_owned(),
            lid: identity.lid.as_ref().map(|user| format!("{user}@lid")),
            push_name: self.push_name.clone(),
        })
    }

    /// Whether it was unlinked here only, so that the phone still lists the device.
    pub fn is_still_listed(&self) -> bool {
        self.reason == StatusReason::LoggedOutHere
    }

    /// Since when it is logged in, if it is.
    pub fn last_connected(&self) -> Option<Timestamp> {
        (self.status == SessionStatus::LoggedIn).then_some(self.since)
    }

    /// This state as the status call shows it.
    pub fn status(&self) -> Status {
        Status {
            status: self.status,
            is_logged_in: self.status == SessionStatus::LoggedIn,
            phone_number: self.identity.as_ref().map(|identity| identity.phone_number.digits().to_owned()),
            push_name: self.push_name.clone(),
            reason: self.reason,
            since: self.since,
            desired: self.desired,
            next_retry_at: self.next_retry_at,
            banned_until: self.banned_until,
        }
    }
}
