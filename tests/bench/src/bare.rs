//! The limit that the server is measured against: the library alone, with its in-memory store, in a process of its own.
//!
//! The child reads `open <n>`, `close <n>`, `count` and `send <plan>` from its standard input, and writes one JSON line per
//! happening, per count and per plan. It is given the same settings as the server's clients, and nothing else runs in it.

mod sending;

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use wacore::store::in_memory::InMemoryBackend;
use whatsapp_rust::TokioRuntime;
use whatsapp_rust::bot::{Bot, BotHandle};
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::transport::{
    TokioWebSocketTransportFactory, Transport, TransportEvent, TransportFactory, default_tls_connector,
};
use whatsapp_rust::types::events::{Event, EventKind};

use crate::sends::plan::Plan;
use crate::wall_clock::unix_micros;

/// The protocol version that the client announces; without one it would ask WhatsApp's web site.
const VERSION: (u32, u32, u32) = (2, 3000, 1_023_223_821);

/// Commands that may wait: as many as are given at once.
const COMMANDS: usize = 64;

/// A happening of one session.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Happening {
    pub(crate) session: usize,
    /// Microseconds since the session was opened.
    pub(crate) after_micros: u64,
    /// The QR code to scan; without one the session is logged in.
    pub(crate) qr: Option<String>,
}

/// The messages that the library has told of, of all sessions together.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Counted {
    pub(crate) messages: u64,
    /// When it told of the last, Unix microseconds.
    pub(crate) last_micros: u64,
}

static MESSAGES: AtomicU64 = AtomicU64::new(0);
static LAST_MICROS: AtomicU64 = AtomicU64::new(0);

/// The child's life: until its standard input ends.
pub(crate) fn run(whatsapp_url: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(obey(whatsapp_url))
}

async fn obey(whatsapp_url: &str) -> anyhow::Result<()> {
    let sockets = TokioWebSocketTransportFactory::new().with_connector(default_tls_connector()).with_url(whatsapp_url);
    let sockets = Arc::new(sockets);
    let (sender, mut commands) = mpsc::channel(COMMANDS);
    std::thread::spawn(move || read_commands(&sender));
    let mut opening = JoinSet::new();
    let mut sending = JoinSet::new();
    let mut sessions: HashMap<usize, BotHandle> = HashMap::new();
    loop {
        tokio::select! {
            // In this order: a session must be known before it can be closed.
            biased;
            Some(opened) = opening.join_next() => {
                let (session, handle) = opened??;
                sessions.insert(session, handle);
            }
            Some(sent) = sending.join_next() => print(&sent??),
            command = commands.recv() => match command {
                Some(Command::Open(session)) => {
                    opening.spawn(open(session, Arc::clone(&sockets)));
                }
                Some(Command::Count) => count(),
                Some(Command::Close(session)) => close(sessions.remove(&session)).await,
                Some(Command::Send(plan)) => {
                    let open = |session| sessions.get(&session).map(BotHandle::client);
                    sending.spawn(sending::send(plan, (0..plan.chats.sessions).filter_map(open).collect()));
                }
                None => return Ok(()),
            },
        }
    }
}

enum Command {
    Open(usize),
    Close(usize),
    Count,
    Send(Plan),
}

/// Ends with the standard input, or at a line that is no command.
fn read_commands(commands: &mpsc::Sender<Command>) {
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let Some(command) = parse(&line) else { return };
        if commands.blocking_send(command).is_err() {
            return;
        }
    }
}

fn parse(line: &str) -> Option<Command> {
    if line == "count" {
        return Some(Command::Count);
    }
    match line.split_once(' ')? {
        ("open", session) => Some(Command::Open(session.parse().ok()?)),
        ("close", session) => Some(Command::Close(session.parse().ok()?)),
        ("send", plan) => Some(Command::Send(serde_json::from_str(plan).ok()?)),
        _ => None,
    }
}

async fn open(session: usize, sockets: Arc<TokioWebSocketTransportFactory>) -> anyhow::Result<(usize, BotHandle)> {
    let opened = Instant::now();
    let bot = Bot::builder()
        .with_backend(InMemoryBackend::new())
        .with_transport_factory(Dialler(sockets))
        .with_http_client(NoHttp)
        .with_runtime(TokioRuntime)
        .with_version(VERSION)
        .skip_history_sync()
        .on_event_for(&[EventKind::PairingQrCode, EventKind::Connected, EventKind::Messages], move |event, _client| {
            match &*event {
                Event::PairingQrCode(qr) => tell(session, opened, Some(qr.code.clone())),
                Event::Messages(batch) => note(batch.len() as u64),
                _ => tell(session, opened, None),
            }
            std::future::ready(())
        })
        .build()
        .await?;
    Ok((session, bot.spawn()))
}

async fn close(handle: Option<BotHandle>) {
    if let Some(handle) = handle {
        handle.shutdown().await;
    }
}

fn note(messages: u64) {
    MESSAGES.fetch_add(messages, Ordering::Relaxed);
    LAST_MICROS.fetch_max(unix_micros(), Ordering::Relaxed);
}

fn count() {
    let (messages, last_micros) = (MESSAGES.load(Ordering::Relaxed), LAST_MICROS.load(Ordering::Relaxed));
    print(&Counted { messages, last_micros });
}

fn tell(session: usize, opened: Instant, qr: Option<String>) {
    let after_micros = u64::try_from(opened.elapsed().as_micros()).unwrap_or(u64::MAX);
    print(&Happening { session, after_micros, qr });
}

fn print(told: &impl Serialize) {
    let line = serde_json::json!(told);
    let _ = writeln!(std::io::stdout().lock(), "{line}"); // Nobody listens any more: the input ends next.
}

/// Shares one factory, as the server does.
struct Dialler(Arc<TokioWebSocketTransportFactory>);

#[async_trait]
impl TransportFactory for Dialler {
    async fn create_transport(
        &self,
    ) -> anyhow::Result<(Arc<dyn Transport>, whatsapp_rust::async_channel::Receiver<TransportEvent>)> {
        self.0.create_transport().await
    }
}

/// Nothing is to be fetched here.
struct NoHttp;

#[async_trait]
impl HttpClient for NoHttp {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        anyhow::bail!("no requests here: {}", request.url)
    }
}
