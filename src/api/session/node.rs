//! A session as a node of the graph.

use std::collections::BTreeMap;

use async_graphql::{Context, ID, Object, SimpleObject};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entity::timestamp::Timestamp;
use entity::words::session::{DesiredState, PresenceOnConnect, SessionStatus, StatusReason};

use crate::account::{Code, Device};
use crate::api::graphql::resolver::{api, or_null};
use crate::api::session::qr;
use crate::error::Error;
use crate::session::types::{Live, MediaFetching, Session, Snapshot, Update};

/// Smallest and largest side of a bitmap, pixels.
const PNG_SIDES: std::ops::RangeInclusive<u32> = 64..=2048;
/// Side of a bitmap when none is asked for, pixels.
const PNG_SIDE: u32 = 512;

/// A session with its state at one moment.
pub struct SessionNode {
    snapshot: Snapshot,
    missed: u64,
}

impl From<Snapshot> for SessionNode {
    fn from(snapshot: Snapshot) -> Self {
        Self { snapshot, missed: 0 }
    }
}

impl From<Update> for SessionNode {
    fn from(update: Update) -> Self {
        let Update { snapshot, missed } = update;
        Self { snapshot, missed }
    }
}

impl SessionNode {
    fn row(&self) -> &Session {
        &self.snapshot.session
    }

    fn live(&self) -> &Live {
        &self.snapshot.live
    }
}

/// A WhatsApp account's place in this server.
#[Object(name = "Session")]
impl SessionNode {
    /// Id, chosen by the client or generated.
    pub(in crate::api) async fn id(&self) -> ID {
        ID(self.row().id.to_string())
    }

    /// Friendly name.
    pub(in crate::api) async fn name(&self) -> Option<&str> {
        self.row().name.as_deref()
    }

    /// What WhatsApp is told at each login: whether somebody uses the session.
    pub(in crate::api) async fn presence_on_connect(&self) -> PresenceOnConnect {
        self.row().presence_on_connect
    }

    /// Messages per second that it sends in the long run, 0 as fast as it goes. Null for the server's choice.
    pub(in crate::api) async fn send_rate(&self) -> Option<f64> {
        self.row().send_rate
    }

    /// Messages that it sends at once after a while without any. Null for the server's choice.
    pub(in crate::api) async fn send_burst(&self) -> Option<u32> {
        self.row().send_burst
    }

    /// When the files of messages that come in are fetched.
    pub(in crate::api) async fn media(&self) -> MediaFetching {
        self.row().media
    }

    /// Phone number of the linked account, digits only. Null until a phone is linked.
    pub(in crate::api) async fn phone_number(&self) -> Option<&str> {
        self.live().identity.as_ref().map(|identity| identity.phone_number.digits())
    }

    /// Name that the account shows to others. Null until WhatsApp told it.
    pub(in crate::api) async fn push_name(&self) -> Option<&str> {
        self.live().push_name.as_deref()
    }

    /// Shows what a session is doing right now, and why.
    pub(in crate::api) async fn status(&self) -> SessionStatus {
        self.live().status
    }

    /// Why the session is in this state.
    pub(in crate::api) async fn status_reason(&self) -> StatusReason {
        self.live().reason
    }

    /// Since when it is in this state.
    pub(in crate::api) async fn status_since(&self) -> Timestamp {
        self.live().since
    }

    /// What the client asked for.
    pub(in crate::api) async fn desired_state(&self) -> DesiredState {
        self.live().desired
    }

    /// When the next attempt to connect starts. Null while none is planned.
    pub(in crate::api) async fn next_retry_at(&self) -> Option<Timestamp> {
        self.live().next_retry_at
    }

    /// When a temporary ban ends. Null unless `statusReason` is `BANNED_TEMPORARILY`.
    pub(in crate::api) async fn banned_until(&self) -> Option<Timestamp> {
        self.live().banned_until
    }

    /// True exactly when `status` is `LOGGED_IN`.
    pub(in crate::api) async fn is_logged_in(&self) -> bool {
        self.live().status == SessionStatus::LoggedIn
    }

    /// When it was created.
    pub(in crate::api) async fn created_at(&self) -> Timestamp {
        self.row().created_at
    }

    /// When it last changed.
    pub(in crate::api) async fn updated_at(&self) -> Timestamp {
        self.row().updated_at
    }

    /// When it last was logged in. Null if it never was.
    pub(in crate::api) async fn last_connected_at(&self) -> Option<Timestamp> {
        self.row().last_connected_at
    }

    /// The client's own labels.
    pub(in crate::api) async fn metadata(&self) -> &BTreeMap<String, String> {
        &self.row().metadata
    }

    /// Shows the linked device.
    ///
    /// Null until a phone is linked.
    pub(in crate::api) async fn device(&self) -> Option<Device> {
        self.live().device()
    }

    /// Shows the current QR code.
    ///
    /// Null while there is none: subscribe to `sessionUpdated` to see it come and change.
    pub(in crate::api) async fn qr(&self, ctx: &Context<'_>) -> Option<QrCode> {
        let current = self.live().qr.as_ref().filter(|qr| qr.expires_at > api(ctx).clock.now());
        current.map(|qr| QrCode { code: qr.code.clone(), expires_at: qr.expires_at })
    }

    /// The pair code that can be entered now. Null while there is none.
    pub(in crate::api) async fn pair_code(&self, ctx: &Context<'_>) -> Option<PairCode> {
        let current = self.live().pair_code.as_ref().filter(|pair| pair.expires_at > api(ctx).clock.now());
        current.map(|pair| PairCode { code: pair.code.reveal().to_owned(), expires_at: pair.expires_at })
    }

    /// In a subscription: how many states were skipped since the last one, because this subscriber was too slow for them.
    pub(in crate::api) async fn missed_updates(&self) -> u64 {
        self.missed
    }
}

/// A QR code as the graph shows it.
pub struct QrCode {
    code: Code,
    expires_at: Timestamp,
}

/// A QR code that can be scanned now.
#[Object]
impl QrCode {
    /// What the picture says.
    async fn code(&self) -> &str {
        self.code.reveal()
    }

    /// Until when a phone can scan it.
    async fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// A vector picture.
    async fn svg(&self) -> String {
        qr::svg(self.code.reveal())
    }

    /// A bitmap, base64, no larger than `size` pixels along a side; 64 to 2048.
    async fn png(&self, ctx: &Context<'_>, #[graphql(default_with = "PNG_SIDE")] size: u32) -> Option<String> {
        let code = self.code.reveal();
        let side = if PNG_SIDES.contains(&size) {
            Ok(size as usize)
        } else {
            Err(Error::invalid("size", format!("must be from {} to {}", PNG_SIDES.start(), PNG_SIDES.end())))
        };
        let scale = or_null(ctx, side)? / qr::modules(code);
        Some(STANDARD.encode(qr::png(code, scale.max(1))))
    }
}

/// A pair code that can be entered now.
#[derive(SimpleObject)]
pub struct PairCode {
    /// Enter it on the phone: `ABCD-EFGH`.
    code: String,
    /// Until when it can be entered.
    expires_at: Timestamp,
}
