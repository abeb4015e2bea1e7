//! One session's client of the library, dialled as often as the machine says.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use whatsapp_rust::bot::Bot;
use whatsapp_rust::wacore::store::DevicePropsOverride;
use whatsapp_rust::waproto::whatsapp::device_props::{AppVersion, PlatformType};
use whatsapp_rust::{CacheConfig, RawNodeLease};

use entity::ids::SessionId;
use entity::words::session::PresenceOnConnect;

use crate::account::{DeviceProps, Identity};
use crate::lifecycle::ShutdownPhase;
use crate::whatsapp::client::{Client, End};
use crate::whatsapp::connector::Connector;
use crate::whatsapp::device_store::DeviceStore;
use crate::whatsapp::history::History;
use crate::whatsapp::http::SessionHttp;
use crate::whatsapp::http::transfer::Transfers;
use crate::whatsapp::inbox::Inbox;
use crate::whatsapp::order::Order;
use crate::whatsapp::owed_sync::OwedSyncs;
use crate::whatsapp::presence::Presence;
use crate::whatsapp::reading::people::People;
use crate::whatsapp::reading::recipient::Recipients;
use crate::whatsapp::report::Report;
use crate::whatsapp::report_writer::ReportWriter;
use crate::whatsapp::reporter::{Handler, Reporter};
use crate::whatsapp::runtime::ClientRuntime;
use crate::whatsapp::signal::{Closing, Signal};
use crate::whatsapp::timers::Timers;
use crate::whatsapp::transport::{Dialler, Progress};
use crate::whatsapp::votes::Votes;
use crate::whatsapp::{reading, translate};

/// Longest wait for the encrypted channel. The library gives the dialling 20 s and the handshake 20 s.
const SECURE_LIMIT: Duration = Duration::from_secs(45);
/// Longest wait for the library to save and close; it gives itself twice five seconds.
const CLOSE_LIMIT: Duration = Duration::from_secs(12);

/// A client with its keys. Cheap to clone.
#[derive(Clone)]
pub struct Connection(Arc<Inner>);

struct Inner {
    client: Arc<whatsapp_rust::Client>,
    /// What operations have of it. None between two connections.
    operations: Mutex<Option<Client>>,
    /// The client until its first run, with its handlers.
    bot: Mutex<Option<Bot>>,
    reporter: Arc<Reporter>,
    progress: Arc<Progress>,
    store: Arc<DeviceStore>,
    runtime: ClientRuntime,
    transfers: Transfers,
    /// Ends when everything is submitted to the journal.
    writing: Mutex<Option<JoinHandle<()>>>,
    /// As long as this lives, the library shows every stanza that comes in.
    _stanzas: RawNodeLease,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// Where a client's words go.
pub(super) struct Outlets {
    pub(super) session: SessionId,
    pub(super) signals: mpsc::Sender<Signal>,
    /// What could not be written.
    pub(super) unwritten: mpsc::Sender<Report>,
}

impl Inner {
    fn end_operations(&self, why: End) {
        if let Some(client) = self.operations.lock().take() {
            client.end(why);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end_operations(End::Offline);
        self.reporter.order.close();
    }
}

/// Ends the operations of a connection with it, also when its task is aborted.
struct Running<'a>(&'a Inner);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.end_operations(End::Lost);
    }
}

/// What the library would do by itself and is not to.
fn overrule(client: &whatsapp_rust::Client) {
    // Whether and when to dial again is for the session's machine to say, which has every rule about that.
    client.enable_auto_reconnect.store(false, Ordering::Relaxed);
    // The sender sees two ticks, also while the session is unavailable: by itself the library gives them for an available one only.
    client.set_force_active_delivery_receipts(true);
}

/// Builds the client on the session's keys.
pub(super) async fn open(
    connector: &Connector,
    store: Arc<DeviceStore>,
    props: &DeviceProps,
    outlets: Outlets,
) -> anyhow::Result<Connection> {
    let Outlets { session, signals, unwritten } = outlets;
    let progress = Arc::new(Progress::default());
    let own = Arc::new(OnceLock::new());
    let order = Arc::new(Order::new());
    let runtime = ClientRuntime::new(connector.lifecycle.clone(), Arc::clone(&order));
    let reporter = Arc::new(Reporter {
        signals,
        order: Arc::clone(&order),
        session: session.clone(),
        store: Arc::clone(&store),
        recipients: Recipients::default(),
        client: Arc::clone(&own),
        presence: Presence::new(runtime.clone()),
        started: Instant::now(),
        last_stanza: AtomicI64::new(0),
        runtime: runtime.clone(),
        owed_syncs: OwedSyncs::default(),
        acks: Arc::clone(store.acks()),
        history: History { session: session.clone(), journal: connector.journal.clone(), runtime: runtime.clone() },
    });
    let inbox = Inbox { session: session.clone(), store: Arc::clone(&store), order: Arc::clone(&order) };
    let mut builder = Bot::builder()
        .with_backend_arc(Arc::clone(&store) as _)
        .with_transport_factory(Dialler {
            shared: Arc::clone(&connector.sockets),
            progress: Arc::clone(&progress),
            client: Arc::clone(&own),
            store: Arc::clone(&store),
        })
        .with_http_client(SessionHttp { client: connector.http.clone(), progress: Arc::clone(&progress) })
        .with_runtime(runtime.clone())
        .with_event_handler(Handler(Arc::clone(&reporter)))
        .with_inbound_durability_hook(inbox)
        .with_device_props(device_props(props))
        .with_cache_config(cache_config());
    if let Some(version) = connector.settings.version {
        builder = builder.with_version(version);
    }
    let bot = builder.build().await?;
    let client = bot.client();
    overrule(&client);
    let _ = own.set(Arc::downgrade(&client)); // The cell is new, so it is empty.
    let stanzas = client.acquire_raw_node_forwarding();
    let writer = ReportWriter {
        session,
        journal: connector.journal.clone(),
        db: connector.db.clone(),
        clock: connector.clock.clone(),
        store: Arc::clone(&store),
        order,
        client: own,
        runtime: runtime.clone(),
        people: People::default(),
        votes: Votes::new(connector.db.clone()),
        timers: Timers::default(),
        unwritten,
    };
    let writing = connector.lifecycle.spawn(ShutdownPhase::Sessions, "report writer", writer.run());
    Ok(Connection(Arc::new(Inner {
        client,
        operations: Mutex::new(None),
        bot: Mutex::new(Some(bot)),
        reporter,
        progress,
        store,
        runtime,
        transfers: connector.transfers.clone(),
        writing: Mutex::new(Some(writing)),
        _stanzas: stanzas,
    })))
}

impl Connection {
    /// A client for the operations of the next connection. They end with it.
    pub fn next_client(&self) -> Client {
        let client = Client::new(
            self.0.reporter.session.clone(),
            Arc::downgrade(&self.0.client),
            self.0.store.given_up().clone(),
            Arc::clone(&self.0.reporter.acks),
            self.0.reporter.presence.said_last(),
            self.0.transfers.clone(),
        );
        if let Some(last) = self.0.operations.lock().replace(client.clone()) {
            last.end(End::Lost);
        }
        client
    }

    /// Dials, and lives through one connection. Its last signal is `Closed`.
    pub async fn run(self, presence: PresenceOnConnect) {
        self.0.reporter.presence.choose(presence);
        self.0.progress.restart();
        self.0.reporter.saw_stanza();
        let outcome = std::panic::AssertUnwindSafe(self.live()).catch_unwind().await;
        let closing = outcome.map_or(Closing::Crashed, |()| self.0.progress.closing());
        self.0.reporter.signal(Signal::Closed(closing));
    }

    async fn live(&self) {
        let inner = &self.0;
        let _running = Running(inner);
        // The library clears it when the server ends a login; whether that is final is for the machine to say.
        inner.client.enable_auto_reconnect.store(false, Ordering::Relaxed);
        let bot = inner.bot.lock().take();
        let run = async {
            match bot {
                Some(bot) => bot.run().await,
                None => inner.client.run().await,
            }
        };
        let secured = async {
            if inner.client.wait_for_socket(SECURE_LIMIT).await.is_ok() {
                inner.progress.secured();
                inner.reporter.signal(Signal::HandshakeDone);
            }
            std::future::pending::<()>().await;
        };
        let given_up = async {
            inner.store.given_up().cancelled().await;
            inner.client.signal_shutdown_sync();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            // In this order: a channel that stood and ended at once must still be seen to have stood.
            biased;
            () = secured => {}
            () = given_up => {}
            () = inner.reporter.order.reading(run) => {}
        }
    }

    /// Whether it is of no use any more: it holds what the disk does not. It must be closed, and another one opened.
    pub fn is_given_up(&self) -> bool {
        self.0.store.given_up().is_cancelled()
    }

    /// Whom this client is linked as, if a phone has linked it.
    pub fn identity(&self) -> Option<Identity> {
        translate::linked_identity(&self.0.client)
    }

    /// Adds what the library knows about the people in reports. It asks nobody.
    pub async fn complete(&self, reports: &mut [Report]) {
        for report in reports {
            reading::complete(&self.0.client, &mut report.body).await;
        }
    }

    /// How long ago the last stanza came in.
    pub fn quiet_for(&self) -> Duration {
        self.0.reporter.quiet_for()
    }

    /// Gives the outstanding pair code up.
    pub async fn cancel_pair_code(&self) {
        self.0.client.cancel_pair_code().await;
    }

    /// Ends the present connection; another can be dialled.
    pub async fn drop_socket(&self) {
        let _ = tokio::time::timeout(CLOSE_LIMIT, self.0.client.reconnect_immediately()).await; // `Closed` tells.
    }

    /// Saves and closes for good; from then on no task of the library can write the keys, and none is left. False if the
    /// library did not finish within the limit.
    pub async fn close(&self) -> bool {
        // Before the library saves: what operations still do would hold that up, or come behind it.
        self.0.end_operations(End::Offline);
        let is_closed = tokio::time::timeout(CLOSE_LIMIT, self.0.client.disconnect()).await.is_ok();
        self.0.reporter.order.close();
        let writing = self.0.writing.lock().take();
        if let Some(writing) = writing {
            let _ = tokio::time::timeout(CLOSE_LIMIT, writing).await; // What is submitted is written later.
        }
        self.0.store.retire().await;
        self.0.runtime.end();
        is_closed
    }
}

/// What the phone tells of the time before it linked the session is read for its tokens, its salt and its pairs of numbers and LIDs,
/// without which WhatsApp takes people who know the account for strangers, and for the timers of chats (`history`). The library and
/// we take them out piece by piece. The secrets of old messages are left out: there can be tens of thousands.
fn cache_config() -> CacheConfig {
    CacheConfig { seed_msg_secrets_from_history: false, ..CacheConfig::default() }
}

/// What the phone is to show. The library's own default is refused by the real server when it makes a pair code.
fn device_props(props: &DeviceProps) -> DevicePropsOverride {
    let version = props.version.as_deref().unwrap_or(env!("CARGO_PKG_VERSION"));
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    DevicePropsOverride::new()
        .with_os(props.os.as_deref().unwrap_or("Linux"))
        .with_platform_type(platform(props.platform.as_deref()))
        .with_version(AppVersion {
            primary: numbers.next().flatten(),
            secondary: numbers.next().flatten(),
            tertiary: numbers.next().flatten(),
            ..AppVersion::default()
        })
}

/// The words are checked when the session is created.
fn platform(word: Option<&str>) -> PlatformType {
    match word {
        Some("firefox") => PlatformType::FIREFOX,
        Some("safari") => PlatformType::SAFARI,
        Some("edge") => PlatformType::EDGE,
        Some("opera") => PlatformType::OPERA,
        Some("ie") => PlatformType::IE,
        Some("desktop") => PlatformType::DESKTOP,
        _ => PlatformType::CHROME,
    }
}
