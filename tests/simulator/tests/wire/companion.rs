//! A companion under test: the real client with an in-memory store, and its events to wait for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use wacore::store::in_memory::InMemoryBackend;
use wacore::types::events::{Event, EventHandler, InboundMessage};
use wacore_binary::Node;
use whatsapp_rust::bot::{Bot, BotHandle};
use whatsapp_rust::pair_code::PairCodeOptions;
use whatsapp_rust::transport::TokioWebSocketTransportFactory;
use whatsapp_rust::{Client, InboundDurabilityHook, RawNodeLease, TokioRuntime};
use whatsapp_simulator::{Settings, Simulator};

use crate::loopback::LoopbackHttp;

/// How long anything may take in a debug build on a busy machine.
const LIMIT: Duration = Duration::from_secs(40);

/// The account that companions link to.
pub(crate) const PHONE: &str = "15550100001";

/// Somebody else.
pub(crate) const OTHER: &str = "15550100002";

/// A simulator with two phones.
pub(crate) async fn simulator() -> Simulator {
    simulator_with(Settings::default()).await
}

pub(crate) async fn simulator_with(settings: Settings) -> Simulator {
    let sim = Simulator::start(settings).await.unwrap();
    sim.add_phone(PHONE, "Ada");
    sim.add_phone(OTHER, "Grace");
    sim
}

/// Stops a simulator that must have understood everything.
pub(crate) async fn finish(sim: Simulator) {
    assert_eq!(sim.unknown_stanzas(), Vec::<String>::new());
    assert_eq!(sim.violations(), Vec::<String>::new());
    sim.stop().await;
}

/// Waits until a fact holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.unwrap_or_else(|_| panic!("{what} did not happen"));
}

/// The events of a client in order, with the waiting for them.
#[derive(Default)]
pub(crate) struct Events {
    seen: Mutex<Vec<Arc<Event>>>,
    news: Notify,
}

impl Events {
    /// The first event that fits, seen already or not.
    pub(crate) async fn first<T>(&self, what: &str, pick: impl FnMut(&Event) -> Option<T>) -> T {
        self.nth(what, 0, pick).await
    }

    /// The event that fits after `skip` others that fit.
    pub(crate) async fn nth<T>(&self, what: &str, skip: usize, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let news = self.news.notified();
                if let Some(found) = self.seen.lock().iter().filter_map(|event| pick(event)).nth(skip) {
                    return found;
                }
                news.await;
            }
        };
        match tokio::time::timeout(LIMIT, waiting).await {
            Ok(found) => found,
            Err(_) => panic!("no {what}; the events were {:?}", self.seen.lock()),
        }
    }

    pub(crate) fn count(&self, mut fits: impl FnMut(&Event) -> bool) -> usize {
        self.seen.lock().iter().filter(|event| fits(event)).count()
    }

    /// The first stanza with this tag and id, as it came over the wire.
    pub(crate) async fn stanza(&self, tag: &str, id: &str) -> Node {
        let pick = |event: &Event| match event {
            Event::RawNode(node) => Some(node.get().to_owned())
                .filter(|node| node.tag == tag && node.attrs.get("id").is_some_and(|value| value.as_str() == id)),
            _ => None,
        };
        self.first(&format!("<{tag}> {id}"), pick).await
    }

    /// Texts received so far, in order.
    pub(crate) fn texts(&self) -> Vec<String> {
        let seen = self.seen.lock();
        let batches = seen.iter().filter_map(|event| match &**event {
            Event::Messages(batch) => Some(batch.messages.clone()),
            _ => None,
        });
        let messages = batches.flat_map(|batch| batch.iter().cloned().collect::<Vec<_>>());
        messages.filter_map(|inbound| inbound.message.conversation.clone()).collect()
    }
}

struct Recorder(Arc<Events>);

impl EventHandler for Recorder {
    fn handle_event(&self, event: Arc<Event>) {
        self.0.seen.lock().push(event);
        self.0.news.notify_waiters();
    }
}

/// Somebody who keeps messages, or takes them and never says that it has.
pub(crate) struct Hook {
    pub(crate) is_willing: bool,
    pub(crate) taken: Arc<AtomicUsize>,
}

#[async_trait::async_trait]
impl InboundDurabilityHook for Hook {
    async fn on_messages(&self, _client: Arc<Client>, batch: &[InboundMessage]) -> anyhow::Result<()> {
        self.taken.fetch_add(batch.len(), Ordering::Relaxed);
        if !self.is_willing {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// A running client.
pub(crate) struct Companion {
    pub(crate) events: Arc<Events>,
    /// While it is held the events have every stanza as it came.
    _raw: RawNodeLease,
    backend: Arc<InMemoryBackend>,
    handle: BotHandle,
}

impl Companion {
    /// A new companion that shows QR codes.
    pub(crate) async fn start(sim: &Simulator) -> Self {
        Self::start_on(sim, Arc::new(InMemoryBackend::new()), None, None).await
    }

    /// A new companion that asks for a pair code for `phone_number`.
    pub(crate) async fn start_with_code(sim: &Simulator, phone_number: &str) -> Self {
        let options = PairCodeOptions { phone_number: phone_number.to_owned(), ..Default::default() };
        Self::start_on(sim, Arc::new(InMemoryBackend::new()), Some(options), None).await
    }

    /// A companion that is linked to `PHONE` and has finished its first login. The number is the device's.
    pub(crate) async fn linked(sim: &Simulator) -> (Self, u16) {
        let companion = Self::start(sim).await;
        let device = sim.phone(PHONE).scan(&companion.qr().await).await.unwrap();
        companion.connected(1).await;
        (companion, device)
    }

    /// The same, with a companion that wants to know of the time before.
    pub(crate) async fn linked_with_history(sim: &Simulator) -> Self {
        let companion = Self::start_telling(sim, Arc::new(InMemoryBackend::new()), None, None, false).await;
        sim.phone(PHONE).scan(&companion.qr().await).await.unwrap();
        companion.connected(1).await;
        companion
    }

    async fn start_on(
        sim: &Simulator,
        backend: Arc<InMemoryBackend>,
        code: Option<PairCodeOptions>,
        hook: Option<Hook>,
    ) -> Self {
        Self::start_telling(sim, backend, code, hook, true).await
    }

    async fn start_telling(
        sim: &Simulator,
        backend: Arc<InMemoryBackend>,
        code: Option<PairCodeOptions>,
        hook: Option<Hook>,
        is_history_skipped: bool,
    ) -> Self {
        let events = Arc::new(Events::default());
        let mut builder = Bot::builder()
            .with_backend_arc(backend.clone())
            .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(sim.url()))
            .with_http_client(LoopbackHttp::start())
            .with_runtime(TokioRuntime)
            .with_version((2, 3000, 1_023_000_000))
            .with_wanted_pre_key_count(30)
            .with_event_handler(Recorder(events.clone()));
        if is_history_skipped {
            builder = builder.skip_history_sync();
        }
        if let Some(code) = code {
            builder = builder.with_pair_code(code);
        }
        if let Some(hook) = hook {
            builder = builder.with_inbound_durability_hook(hook);
        }
        let bot = builder.build().await.unwrap();
        // Before the first stanza can come.
        let raw = bot.client().acquire_raw_node_forwarding();
        Self { events, _raw: raw, backend, handle: bot.spawn() }
    }

    pub(crate) fn client(&self) -> Arc<Client> {
        self.handle.client()
    }

    /// The store that the client works on.
    pub(crate) fn backend(&self) -> Arc<InMemoryBackend> {
        Arc::clone(&self.backend)
    }

    /// The first QR code.
    pub(crate) async fn qr(&self) -> String {
        let pick = |event: &Event| match event {
            Event::PairingQrCode(qr) => Some(qr.code.clone()),
            _ => None,
        };
        self.events.first("QR code", pick).await
    }

    /// The first pair code.
    pub(crate) async fn code(&self) -> String {
        let pick = |event: &Event| match event {
            Event::PairingCode(code) => Some(code.code.clone()),
            _ => None,
        };
        self.events.first("pair code", pick).await
    }

    /// Waits until the client has said `times` times that it is connected.
    pub(crate) async fn connected(&self, times: usize) {
        self.events.nth("Connected", times - 1, |event| matches!(event, Event::Connected(_)).then_some(())).await;
    }

    /// Waits until the server knows that somebody looks at the client, which typing and presence ask for.
    pub(crate) async fn available(&self, sim: &Simulator) {
        until("the client's presence", || sim.phone(PHONE).devices()[0].available).await;
    }

    /// Waits for so many texts.
    pub(crate) async fn texts(&self, count: usize) -> Vec<String> {
        until(&format!("receiving {count} texts"), || self.events.texts().len() >= count).await;
        self.events.texts()
    }

    /// Ends the client in order and starts it again on the same store.
    pub(crate) async fn restart(self, sim: &Simulator) -> Self {
        let backend = self.stop().await;
        Self::start_on(sim, backend, None, None).await
    }

    /// Ends the client in order.
    pub(crate) async fn stop(self) -> Arc<InMemoryBackend> {
        self.handle.shutdown().await;
        self.backend
    }

    /// Ends the client at once.
    pub(crate) fn abort(self) {
        self.handle.abort();
    }

    /// A client on the store of one that was stopped.
    pub(crate) async fn resume(sim: &Simulator, backend: Arc<InMemoryBackend>) -> Self {
        Self::start_on(sim, backend, None, None).await
    }

    /// The same, with somebody who keeps the messages.
    pub(crate) async fn resume_with(sim: &Simulator, backend: Arc<InMemoryBackend>, hook: Hook) -> Self {
        Self::start_on(sim, backend, None, Some(hook)).await
    }
}
