//! The only room that knows the WhatsApp library: a connector makes connections, a connection reports signals.
//!
//! The library is driven one connection at a time. Its own reconnecting is switched off: when to dial again, and
//! whether at all, is decided by `session::machine` alone.

pub mod client;
pub mod device_store;

mod connection;
mod foreign;
mod http;
mod inbox;
mod operation;
mod order;
mod owed_sync;
mod presence;
mod reading;
mod report_writer;
mod reporter;
mod runtime;
mod translate;
mod transport;
mod votes;

use std::sync::Arc;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use tokio::sync::mpsc;
use whatsapp_rust::transport::{TokioWebSocketTransportFactory, default_tls_connector};

use crate::account::{Code, DeviceProps, Identity};
use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::event::body::EventBody;
use crate::event::entry::Draft;
use crate::event::file::MessageFile;
use crate::event::journal::Journal;
use crate::event::record::MessageKey;
use crate::lifecycle::Lifecycle;
use crate::whatsapp::connection::Outlets;

pub use connection::Connection;

/// Signals that wait for the actor. A session has a handful per login; whoever leaves more unread is stuck.
const SIGNAL_CAPACITY: usize = 128;

/// Reports that could not be written and wait for the actor. It does not keep more either.
const UNWRITTEN_CAPACITY: usize = 1024;

/// How to reach WhatsApp.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Another address than WhatsApp's own. Only a sandbox build has a way to set it.
    pub url: Option<String>,
    /// The protocol version to announce, instead of the one that WhatsApp publishes.
    pub version: Option<(u32, u32, u32)>,
}

/// What a connection reports, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The encrypted channel stands.
    HandshakeDone,
    /// A QR code can be scanned for so long.
    Qr {
        /// What the picture says.
        code: Code,
        /// How long a phone can scan it.
        lives: std::time::Duration,
    },
    /// The last QR code expired unscanned.
    QrExhausted,
    /// A pair code can be entered for so long.
    PairCode {
        /// Eight characters and a dash.
        code: Code,
        /// How long it can be entered.
        lives: std::time::Duration,
    },
    /// The outstanding pair code is void.
    PairCodeVoid,
    /// The phone linked this device; the login follows.
    Paired(Identity),
    /// The phone's answer to the pairing does not verify.
    PairingRejected,
    /// A phone without multi-device support scanned the code.
    MultideviceRequired,
    /// The account wants a passkey.
    PasskeyRequired,
    /// WhatsApp accepted the login.
    Authenticated {
        /// Who this is.
        identity: Option<Identity>,
        /// The account's own name, if it is known by now.
        push_name: Option<String>,
    },
    /// The account's own name.
    PushName(String),
    /// The stream is about to end, or has to be ended.
    StreamEnding(StreamEnding),
    /// WhatsApp turned the login down, or ended it.
    Refused(Refusal),
    /// The connection is over. Nothing follows until the next one.
    Closed(Closing),
}

/// Why the server ends a stream although the login stays good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnding {
    /// It expects a new connection at once.
    Restart,
    /// It ended the stream in good order.
    Ended,
    /// It cannot serve now.
    Unavailable,
    /// It got too many requests.
    RateLimited,
    /// It gave a reason that has no meaning for us.
    Unknown,
}

/// Why WhatsApp does not want this login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The identity is not linked any more.
    LoggedOut,
    /// The device was taken off the phone's list.
    DeviceRemoved,
    /// The account is locked.
    AccountLocked,
    /// The account is banned for so long.
    Banned(std::time::Duration),
    /// The protocol version is too old.
    ClientOutdated,
    /// Somebody else logged in with this identity.
    Replaced,
    /// It cannot serve now.
    Unavailable,
    /// Another reason.
    Other,
}

/// How far a connection had come when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// WhatsApp could not be reached.
    Unreachable,
    /// The protocol version could not be learnt.
    VersionUnavailable,
    /// The encrypted channel could not be set up.
    HandshakeFailed,
    /// The channel stood and ended.
    Lost,
    /// The library panicked.
    Crashed,
}

/// What happened, beside what changes the session's state.
#[derive(Debug)]
pub struct Report {
    /// What.
    pub body: EventBody,
    /// For messages: what one is recognised by when it comes again.
    pub message: Option<MessageKey>,
    /// For messages that have one: the file, which no event shows.
    pub file: Option<MessageFile>,
    /// For polls and votes: what is sealed in them.
    pub(in crate::whatsapp) poll: Option<PollSeal>,
}

/// What is sealed in a message about a poll.
pub(in crate::whatsapp) enum PollSeal {
    /// With what the votes in a poll are sealed.
    Secret(Vec<u8>),
    /// A vote.
    Vote(SealedVote),
}

/// A vote as it came.
pub(in crate::whatsapp) struct SealedVote {
    pub(in crate::whatsapp) payload: Vec<u8>,
    pub(in crate::whatsapp) iv: Vec<u8>,
}

impl std::fmt::Debug for PollSeal {
    /// Only what it is.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret",
            Self::Vote(_) => "Vote",
        })
    }
}

impl From<EventBody> for Report {
    fn from(body: EventBody) -> Self {
        Self { body, message: None, file: None, poll: None }
    }
}

impl Report {
    /// What is written to the journal about it.
    ///
    /// # Errors
    /// `Internal`: the body cannot be written as JSON, which no body does.
    pub fn draft(&self, session: SessionId, now: Timestamp) -> Result<Draft> {
        let (message, file) = (self.message.clone(), self.file.clone());
        Ok(Draft { message, file, ..Draft::new(session, &self.body, now)? })
    }
}

/// A client that was prepared, and what it will tell.
#[derive(Debug)]
pub struct Opened {
    /// The client.
    pub connection: Connection,
    /// What changes the session's state.
    pub signals: mpsc::Receiver<Signal>,
    /// What happened beside that and could not be written. All else goes to the journal by itself.
    pub reports: mpsc::Receiver<Report>,
}

/// What has to hear the library's spans, so that nothing waits longer than it must for a message that became nothing.
pub fn message_ends<S>() -> impl tracing_subscriber::Layer<S> + Send + Sync
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    order::ends::layer()
}

/// Makes connections. One for the whole process.
#[derive(Clone)]
pub struct Connector {
    db: Db,
    journal: Journal,
    clock: Clock,
    settings: Settings,
    lifecycle: Lifecycle,
    sockets: Arc<TokioWebSocketTransportFactory>,
    http: http::SharedClient,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Connector {
    /// Prepares what all connections share: the TLS roots and the HTTP client.
    pub fn new(db: Db, journal: Journal, clock: Clock, settings: Settings, lifecycle: Lifecycle) -> Self {
        let mut sockets = TokioWebSocketTransportFactory::new().with_connector(default_tls_connector());
        if let Some(url) = &settings.url {
            sockets = sockets.with_url(url);
        }
        let (sockets, http) = (Arc::new(sockets), http::SharedClient::default());
        Self { db, journal, clock, settings, lifecycle, sockets, http }
    }

    /// Loads the session's keys (or makes new ones) and prepares a client; nothing is dialled yet. A session that is new
    /// has none, so none are looked for.
    ///
    /// # Errors
    /// `Unavailable`: the database failed.
    pub async fn open(&self, session: &SessionId, props: &DeviceProps, is_new: bool) -> Result<Opened> {
        let (signals, signalled) = mpsc::channel(SIGNAL_CAPACITY);
        let (unwritten, reported) = mpsc::channel(UNWRITTEN_CAPACITY);
        let store = match is_new {
            true => device_store::DeviceStore::empty(self.db.clone(), self.journal.clone(), session.clone()),
            false => device_store::DeviceStore::new(self.db.clone(), self.journal.clone(), session.clone()),
        };
        let store = Arc::new(store);
        let outlets = Outlets { session: session.clone(), signals, unwritten };
        let connection = connection::open(self, store, props, outlets).await;
        let connection = connection.map_err(|error| {
            Error::new(ErrorKind::Unavailable, "the session's keys could not be read").because(error)
        })?;
        Ok(Opened { connection, signals: signalled, reports: reported })
    }

    /// Forgets the session's keys, so that the next connection starts as a new device.
    ///
    /// # Errors
    /// `Unavailable`: the database failed.
    pub async fn forget(&self, session: &SessionId) -> Result<()> {
        device_store::DeviceStore::new(self.db.clone(), self.journal.clone(), session.clone()).forget().await
    }
}
