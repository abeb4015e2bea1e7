//! A receiver of webhooks: a real HTTP server on loopback that keeps what it gets and answers what it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::HeaderMap;
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{Body, Request, Response};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Longest wait for a request. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(40);

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its path.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, byte by byte.
    pub body: Vec<u8>,
    /// When it came.
    pub at: Instant,
}

impl Received {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("it is JSON")
    }

    /// A header's value; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// What the receiver answers.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Answer only after so long.
    pub after: Duration,
}

impl From<u16> for Reply {
    fn from(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: format!("status {status}").into_bytes(), after: Duration::ZERO }
    }
}

struct Inner {
    received: Mutex<Vec<Received>>,
    /// The answers to the next requests; after them it answers 200.
    next: Mutex<VecDeque<Reply>>,
    /// What it answers when there is none planned.
    otherwise: Mutex<Option<Reply>>,
    /// Whether it answers at all.
    is_open: watch::Sender<bool>,
}

/// A running receiver.
pub struct Receiver {
    inner: Arc<Inner>,
    base: String,
    /// Ends with it.
    _server: JoinSet<()>,
}

impl Receiver {
    /// Starts one on a free port.
    pub async fn start() -> Self {
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a free port");
        let base = format!("http://{}", acceptor.local_addr()[0].as_socket_addr().expect("an address"));
        let inner = Arc::new(Inner {
            received: Mutex::default(),
            next: Mutex::default(),
            otherwise: Mutex::default(),
            is_open: watch::Sender::new(true),
        });
        let kept = Arc::clone(&inner);
        let endpoint = poem::endpoint::make(move |request| answer(Arc::clone(&kept), request));
        let mut server = JoinSet::new();
        server.spawn(async move {
            let server = poem::Server::new_with_acceptor(acceptor);
            let _ = server.run(endpoint).await; // It ends with the test.
        });
        Self { inner, base, _server: server }
    }

    /// Where it listens, with this path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Answers the next requests so, one after the other.
    pub fn then(&self, replies: impl IntoIterator<Item = impl Into<Reply>>) {
        self.inner.next.lock().expect("nobody panics").extend(replies.into_iter().map(Into::into));
    }

    /// Answers so whenever nothing else is planned.
    pub fn always(&self, reply: impl Into<Reply>) {
        *self.inner.otherwise.lock().expect("nobody panics") = Some(reply.into());
    }

    /// Takes requests and answers none of them until it is let.
    pub fn hold(&self) {
        self.inner.is_open.send_replace(false);
    }

    /// Answers those that wait, and all others.
    pub fn go_on(&self) {
        self.inner.is_open.send_replace(true);
    }

    /// What it got so far.
    pub fn received(&self) -> Vec<Received> {
        self.inner.received.lock().expect("nobody panics").clone()
    }

    /// Waits until it got something like this, and gives all of it.
    pub async fn until(&self, what: &str, is_it: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let begun = Instant::now();
        loop {
            let received = self.received();
            if is_it(&received) {
                return received;
            }
            let events: Vec<_> = received.iter().map(|received| received.json()["event"].clone()).collect();
            assert!(begun.elapsed() < LIMIT, "not in time: {what}; it got {events:?}");
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// Waits until it got so many requests.
    pub async fn gets(&self, count: usize) -> Vec<Received> {
        self.until(&format!("{count} requests"), |received| received.len() >= count).await
    }
}

async fn answer(inner: Arc<Inner>, mut request: Request) -> poem::Result<Response> {
    let body: Body = request.take_body();
    let received = Received {
        path: request.uri().path().to_owned(),
        headers: request.headers().clone(),
        body: body.into_vec().await?,
        at: Instant::now(),
    };
    inner.received.lock().expect("nobody panics").push(received);
    let planned = inner.next.lock().expect("nobody panics").pop_front();
    let planned = planned.or_else(|| inner.otherwise.lock().expect("nobody panics").clone());
    let reply = planned.unwrap_or_else(|| 200.into());
    let mut is_open = inner.is_open.subscribe();
    let _ = is_open.wait_for(|is_open| *is_open).await; // It lives as long as the receiver.
    tokio::time::sleep(reply.after).await;
    let status = poem::http::StatusCode::from_u16(reply.status).expect("a status");
    let mut response = Response::builder().status(status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    Ok(response.body(reply.body))
}
