//! Subscribers, all in one process of their own and on one thread: opens sockets, lets something happen, and tells how
//! long each socket's frame took.
//!
//! The child reads orders from its standard input and writes an answer to each, one JSON line each. It also sends the
//! request that makes something happen, so that one clock tells both moments.

mod socket;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::http::{self, Connection};
use crate::process::cpu_of;
use crate::report::percentile;
use crate::subscriber::socket::Seen;

/// Longest wait for a frame.
const FRAME_LIMIT: Duration = Duration::from_secs(60);
/// Frames that may wait to be counted. Their moment is taken before.
const UNCOUNTED: usize = 4096;

/// What the child is started with.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Subscriber {
    #[arg(long, env = "WAYPOST_ADMIN_TOKEN", hide_env_values = true)]
    token: String,
}

/// What the child is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    Open(Opening),
    Fire(Volley),
}

/// Sockets to open one after the other, each until it has its first frame.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Opening {
    pub(crate) door: Door,
    pub(crate) address: SocketAddr,
    /// What each follows: a session, or a bare topic.
    pub(crate) topics: Vec<String>,
}

/// Whose sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Door {
    /// The server's, which speak graphql-transport-ws.
    Graphql,
    /// The bare broadcast's.
    Bare,
}

/// Things to let happen.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Volley {
    pub(crate) shots: Vec<Shot>,
    pub(crate) spacing: Spacing,
}

/// How they follow each other.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Spacing {
    /// Each when all frames of the last one have come, what went down is back, and so long after that.
    InTurn(Duration),
    /// One after every such span, whatever has become of the last one.
    Every(Duration),
}

/// Something to let happen to a topic: it goes down.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Shot {
    pub(crate) topic: String,
    pub(crate) trigger: Post,
    /// What brings it back, if anything has to.
    pub(crate) back: Option<Post>,
}

/// A request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Post {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
    pub(crate) body: String,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Frames {
    pub(crate) frames: usize,
    /// Milliseconds from the sending of the request to the arrival of the frame.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) most: f64,
    /// Bytes of one frame's text.
    pub(crate) frame_bytes: usize,
    /// How busy this process was meanwhile, as a share of one core.
    pub(crate) subscriber_cpu: f64,
}

/// The child's life: until its standard input ends.
pub(crate) fn run(subscriber: &Subscriber) -> anyhow::Result<()> {
    let (sender, orders) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(obey(orders, &subscriber.token))
}

async fn obey(mut orders: mpsc::Receiver<String>, token: &str) -> anyhow::Result<()> {
    let mut crowd = Crowd::new(token);
    while let Some(order) = orders.recv().await {
        let answer = match serde_json::from_str(&order)? {
            Order::Open(opening) => json!(crowd.open(&opening).await?),
            Order::Fire(volley) => json!(crowd.fire(&volley).await?),
        };
        println!("{answer}");
    }
    Ok(())
}

/// All sockets.
struct Crowd {
    token: String,
    /// The sockets that follow each topic, by their numbers.
    followers: HashMap<String, Vec<usize>>,
    listening: JoinSet<anyhow::Result<()>>,
    seen: mpsc::Receiver<Seen>,
    /// For the sockets.
    told: mpsc::Sender<Seen>,
}

/// When the request behind each socket's frame was sent.
type Sent = HashMap<usize, Instant>;

impl Crowd {
    fn new(token: &str) -> Self {
        let (told, seen) = mpsc::channel(UNCOUNTED);
        Self { token: token.to_owned(), followers: HashMap::new(), listening: JoinSet::new(), seen, told }
    }

    async fn open(&mut self, opening: &Opening) -> anyhow::Result<()> {
        for topic in &opening.topics {
            let opened = tokio::time::timeout(FRAME_LIMIT, socket::open(opening, topic, &self.token)).await;
            let socket = opened.with_context(|| format!("{topic} shows no first frame"))??;
            let number = self.listening.len();
            self.followers.entry(topic.clone()).or_default().push(number);
            self.listening.spawn(socket::listen(socket, number, self.told.clone()));
        }
        Ok(())
    }

    async fn fire(&mut self, volley: &Volley) -> anyhow::Result<Frames> {
        let (cpu, begun) = (cpu_of("self")?, Instant::now());
        let mut frames = match volley.spacing {
            Spacing::InTurn(rest) => self.in_turn(&volley.shots, rest).await?,
            Spacing::Every(span) => self.every(&volley.shots, span).await?,
        };
        let busy = (cpu_of("self")? - cpu).as_secs_f64() / begun.elapsed().as_secs_f64();
        frames.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let waits: Vec<f64> = frames.iter().map(|(wait, _)| *wait).collect();
        Ok(Frames {
            frames: waits.len(),
            p50: percentile(&waits, 50.0),
            p99: percentile(&waits, 99.0),
            most: percentile(&waits, 100.0),
            frame_bytes: frames.first().map_or(0, |(_, bytes)| *bytes),
            subscriber_cpu: busy,
        })
    }

    async fn in_turn(&mut self, shots: &[Shot], rest: Duration) -> anyhow::Result<Vec<(f64, usize)>> {
        let mut requests = Requests::new(&self.token);
        let mut frames = Vec::new();
        for shot in shots {
            let sent = requests.post(&shot.trigger).await?;
            frames.extend(self.frames(self.sent(shot, sent)?, true).await?);
            if let Some(back) = &shot.back {
                let sent = requests.post(back).await?;
                self.frames(self.sent(shot, sent)?, false).await?;
            }
            tokio::time::sleep(rest).await;
        }
        Ok(frames)
    }

    async fn every(&mut self, shots: &[Shot], span: Duration) -> anyhow::Result<Vec<(f64, usize)>> {
        let mut requests = Requests::new(&self.token);
        let mut all = Sent::new();
        let mut turn = tokio::time::interval(span);
        for shot in shots {
            turn.tick().await;
            let sent = requests.post(&shot.trigger).await?;
            all.extend(self.sent(shot, sent)?);
        }
        self.frames(all, true).await
    }

    fn sent(&self, shot: &Shot, at: Instant) -> anyhow::Result<Sent> {
        let followers = self.followers.get(&shot.topic).context("nobody follows that topic")?;
        Ok(followers.iter().map(|&socket| (socket, at)).collect())
    }

    /// The first frame of that kind on each of these sockets: milliseconds since its request was sent, and bytes.
    async fn frames(&mut self, mut missing: Sent, is_down: bool) -> anyhow::Result<Vec<(f64, usize)>> {
        let mut frames = Vec::with_capacity(missing.len());
        while !missing.is_empty() {
            let Ok(seen) = tokio::time::timeout(FRAME_LIMIT, self.seen.recv()).await else {
                // A socket that ended has told why, and no frame comes from it.
                while let Some(ended) = self.listening.try_join_next() {
                    ended??;
                }
                bail!("{} frames did not come", missing.len());
            };
            let Seen { socket, at, is_down: went_down, bytes } = seen.context("this crowd keeps a sender itself")?;
            if went_down == is_down
                && let Some(sent) = missing.remove(&socket)
            {
                // What is older than the request would be the frame of another one.
                let wait = at.checked_duration_since(sent).context("a frame came before it was asked for")?;
                frames.push((wait.as_secs_f64() * 1e3, bytes));
            }
        }
        Ok(frames)
    }
}

/// The requests that make things happen, over connections that stay open.
struct Requests {
    token: String,
    open: HashMap<SocketAddr, Connection>,
}

impl Requests {
    fn new(token: &str) -> Self {
        Self { token: token.to_owned(), open: HashMap::new() }
    }

    /// Sends one and waits for its answer. The moment at which it was sent.
    async fn post(&mut self, post: &Post) -> anyhow::Result<Instant> {
        let Post { address, path, body } = post;
        let request = http::request(*address, &self.token, path, Some(body));
        if !self.open.contains_key(address) {
            self.open.insert(*address, Connection::open(*address).await?);
        }
        let connection = self.open.get_mut(address).context("it was opened above")?;
        let sent = Instant::now();
        connection.ask(&request).await.with_context(|| format!("POST {path}"))?;
        Ok(sent)
    }
}
