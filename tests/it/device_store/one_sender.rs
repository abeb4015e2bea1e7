//! What `whatsapp::transport` rests on: the library hands it one frame after the other, each when the one before has left. It holds
//! frames up for as long as the disk takes; of two at once the later could overtake the other, and WhatsApp reads frames only in
//! the order in which they were encrypted.
//!
//! The library does not promise it. In 0.7.0 `sender_task` in its `socket/noise_socket.rs` is the only one that calls
//! `Transport::send`, but for the handshake in `handshake.rs`, which is over before. Look there when this fails after an upgrade.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;
use wacore::store::InMemoryBackend;
use wacore::types::events::{Event, EventKind};
use whatsapp_rust::bot::Bot;
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::transport::{TokioWebSocketTransportFactory, Transport, TransportEvent, TransportFactory};
use whatsapp_rust::{NodeBuilder, TokioRuntime};
use whatsapp_simulator::{Settings, Simulator};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";
/// The protocol version that the client announces; without one it would ask WhatsApp's web site.
const VERSION: (u32, u32, u32) = (2, 3000, 1_023_223_821);
/// Tasks that send at once: far more than frames that the library puts into one write.
const SENDERS: usize = 200;
/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(40);

/// How many writes were in one transport at once, at most, and how many have left.
#[derive(Default)]
struct Counts {
    most_inside: AtomicUsize,
    left: AtomicUsize,
}

/// Holds frames up as ours does, for unequal times. Each connection has its own: the last frame of the one before may be in it
/// while the next one begins.
struct Holding {
    socket: Arc<dyn Transport>,
    inside: AtomicUsize,
    counts: Arc<Counts>,
}

#[async_trait]
impl Transport for Holding {
    async fn send(&self, data: Bytes) -> anyhow::Result<()> {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.counts.most_inside.fetch_max(inside, Ordering::SeqCst);
        // The first of several waits longest.
        for _ in 0..100 / inside {
            tokio::task::yield_now().await;
        }
        let outcome = self.socket.send(data).await;
        self.counts.left.fetch_add(1, Ordering::SeqCst);
        self.inside.fetch_sub(1, Ordering::SeqCst);
        outcome
    }

    async fn disconnect(&self) {
        self.socket.disconnect().await;
    }
}

struct Dialler {
    sockets: TokioWebSocketTransportFactory,
    counts: Arc<Counts>,
}

#[async_trait]
impl TransportFactory for Dialler {
    async fn create_transport(
        &self,
    ) -> anyhow::Result<(Arc<dyn Transport>, whatsapp_rust::async_channel::Receiver<TransportEvent>)> {
        let (socket, events) = self.sockets.create_transport().await?;
        Ok((Arc::new(Holding { socket, inside: AtomicUsize::new(0), counts: Arc::clone(&self.counts) }), events))
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

#[derive(Debug)]
enum Told {
    Qr(String),
    Connected,
    Messages(usize),
}

async fn next(told: &mut mpsc::UnboundedReceiver<Told>) -> Told {
    tokio::time::timeout(LIMIT, told.recv()).await.expect("it is told in time").expect("the client lives")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_library_hands_the_transport_one_frame_after_the_other() {
    let sim = Simulator::start(Settings::default()).await.expect("the simulator starts");
    let counts = Arc::new(Counts::default());
    let (tell, mut told) = mpsc::unbounded_channel();
    let bot = Bot::builder()
        .with_backend(InMemoryBackend::new())
        .with_transport_factory(Dialler {
            sockets: TokioWebSocketTransportFactory::new().with_url(sim.url()),
            counts: Arc::clone(&counts),
        })
        .with_http_client(NoHttp)
        .with_runtime(TokioRuntime)
        .with_version(VERSION)
        .skip_history_sync()
        .on_event_for(&[EventKind::PairingQrCode, EventKind::Connected, EventKind::Messages], move |event, _client| {
            let _ = tell.send(match &*event {
                Event::PairingQrCode(qr) => Told::Qr(qr.code.clone()),
                Event::Messages(batch) => Told::Messages(batch.len()),
                _ => Told::Connected,
            }); // The test has ended.
            std::future::ready(())
        })
        .build()
        .await
        .expect("a client");
    let client = bot.client();
    let handle = bot.spawn();
    let (shop, friend) = (sim.phone(SHOP), sim.phone(FRIEND));
    loop {
        match next(&mut told).await {
            Told::Qr(code) => {
                shop.scan(&code).await.expect("the code is good");
            }
            Told::Connected => break,
            Told::Messages(_) => {}
        }
    }
    let before = counts.left.load(Ordering::SeqCst);

    // Everybody sends: callers, and the library's own tasks, which acknowledge messages.
    let pings = (0..SENDERS).map(|number| {
        let ping = NodeBuilder::new("iq").attr("xmlns", "w:p").attr("type", "get").attr("to", "s.whatsapp.net");
        let (client, ping) = (Arc::clone(&client), ping.attr("id", format!("ping-{number}")).build());
        async move { client.send_node(ping).await.expect("it is sent") }
    });
    let messages = async {
        for number in 0..20 {
            friend.send(SHOP, &format!("message {number}")).await.expect("it is sent");
        }
    };
    futures::future::join(futures::future::join_all(pings), messages).await;
    let mut came = 0;
    while came < 20 {
        match next(&mut told).await {
            Told::Messages(count) => came += count,
            Told::Qr(_) | Told::Connected => {}
        }
    }

    assert!(counts.left.load(Ordering::SeqCst) >= before + 10, "hardly anything was sent");
    assert_eq!(counts.most_inside.load(Ordering::SeqCst), 1);
    assert_eq!(sim.violations(), Vec::<String>::new());
    handle.shutdown().await;
}
