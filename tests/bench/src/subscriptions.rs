//! How soon a subscriber sees what happens to a session, and what a subscriber costs, beside a bare broadcast.

mod crowd;
mod tables;

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::options::{Measure, Options};
use crate::process::{Process, Usage};
use crate::report::Report;
use crate::storage::{Kind, Storage};
use crate::subscriber::{Door, Frames, Post, Shot, Spacing, Volley};
use crate::subscriptions::crowd::Crowd;
use crate::world::{BootRate, Server, Simulator, phone_number, poem_server, session_id};

/// The subject that the others are measured against.
const BARE: &str = "bare broadcast";
/// Events on the shared session that warm everything up before those that count.
const WARM_UP: usize = 3;
/// One subscriber of so many comes first: what the first ones make the process allocate once is not in the growth.
const FEW: usize = 10;
/// Pause after a session is back. The frames of its return have arrived then, the last ones of its login too.
const REST: Duration = Duration::from_millis(300);

/// How much is measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct Subscriptions {
    /// Subscribers: all on one session, then each on a session of its own.
    #[arg(long, default_value_t = 1000)]
    subscribers: usize,
    /// Events on the session that all follow.
    #[arg(long, default_value_t = 20)]
    events: usize,
    /// Milliseconds from one event to the next where each has a session of its own.
    #[arg(long, default_value_t = 20)]
    spacing_milliseconds: u64,
    /// Seconds of rest before each measurement of memory: idle threads end after ten.
    #[arg(long, default_value_t = 15)]
    settle_seconds: u64,
}

/// Who follows what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    /// All follow one session.
    OneSession,
    /// Each follows a session of its own.
    OwnSession,
}

/// One run of one subject in one shape.
#[derive(Clone, Debug, Serialize)]
struct Run {
    subject: &'static str,
    shape: Shape,
    /// Subscribers between the two measurements of memory.
    more: usize,
    with_few: Usage,
    with_all: Usage,
    /// After the events. Only with one session: where a thousand have gone down, there is less than before.
    afterwards: Option<Usage>,
    frames: Frames,
}

impl Run {
    /// Growth per subscriber until then.
    fn per_subscriber(&self, until: &Usage, of: fn(&Usage) -> u64) -> f64 {
        (of(until) as f64 - of(&self.with_few) as f64) / self.more as f64
    }
}

/// Who is measured, and what is let happen.
struct Subject<'a> {
    name: &'static str,
    door: Door,
    process: &'a Process,
    address: SocketAddr,
    /// One for each session.
    shots: Vec<Shot>,
}

impl Measure for Subscriptions {
    fn shrink(&mut self) {
        (self.subscribers, self.events) = (20, 2);
        self.settle_seconds = 1;
    }

    async fn measure(&self, options: &Options) -> anyhow::Result<Report> {
        anyhow::ensure!(self.subscribers > 1, "--subscribers must be at least 2");
        let mut runs = Vec::new();
        for number in 1..=options.runs() {
            for shape in [Shape::OneSession, Shape::OwnSession] {
                eprintln!("subscriptions: run {number}: {}, {BARE}", shape.name());
                let storage = Kind::Sqlite.prepare().await?;
                let run = self.bare(shape, &storage).await;
                storage.discard()?;
                runs.push(run?);
                for kind in options.kinds() {
                    eprintln!("subscriptions: run {number}: {}, {}", shape.name(), kind.name());
                    let storage = kind.prepare().await?;
                    let run = self.server(kind.name(), shape, &storage).await;
                    storage.discard()?;
                    runs.push(run?);
                }
            }
        }
        tables::report(self, &runs, options)
    }
}

impl Subscriptions {
    async fn server(&self, name: &'static str, shape: Shape, storage: &Storage) -> anyhow::Result<Run> {
        let simulator = Simulator::start(storage).await?;
        let server = Server::start(storage, &simulator, BootRate::Lifted).await?;
        let sessions = self.sessions(shape);
        server.link(&simulator, 0..sessions).await?;
        let address = loopback(server.port);
        let mut shots = Vec::new();
        for session in 0..sessions {
            let topic = session_id(session);
            let back = format!("/api/v1/sessions/{topic}/connect");
            shots.push(Shot {
                trigger: replaced(&simulator, session).await?,
                back: Some(Post { address, path: back, body: String::new() }),
                topic,
            });
        }
        let subject = Subject { name, door: Door::Graphql, process: &server.process, address, shots };
        self.run(&subject, shape, storage).await
    }

    async fn bare(&self, shape: Shape, storage: &Storage) -> anyhow::Result<Run> {
        let (process, port) = poem_server(storage, "child-broadcast").await?;
        let address = loopback(port);
        let shot = |session| {
            let topic = session_id(session);
            // The server's own frame, so that both have the same to carry.
            let body = format!(
                r#"{{"id":"1","payload":{{"data":{{"sessionUpdated":{{"id":"{topic}","status":"DISCONNECTED"}}}}}},"type":"next"}}"#
            );
            Shot { trigger: Post { address, path: format!("/topics/{topic}"), body }, back: None, topic }
        };
        let shots = (0..self.sessions(shape)).map(shot).collect();
        let subject = Subject { name: BARE, door: Door::Bare, process: &process, address, shots };
        self.run(&subject, shape, storage).await
    }

    async fn run(&self, subject: &Subject<'_>, shape: Shape, storage: &Storage) -> anyhow::Result<Run> {
        let mut crowd = Crowd::start(storage)?;
        let follow = |subscriber: usize| subject.shots[subscriber % subject.shots.len()].topic.clone();
        let few = (self.subscribers / FEW).max(1);
        crowd.open(subject, (0..few).map(follow).collect()).await?;
        let with_few = self.settled(subject.process).await?;
        crowd.open(subject, (few..self.subscribers).map(follow).collect()).await?;
        let with_all = self.settled(subject.process).await?;
        let (frames, afterwards) = match shape {
            Shape::OneSession => {
                let events = |events: usize| Volley {
                    shots: subject.shots.iter().cycle().take(events).cloned().collect(),
                    spacing: Spacing::InTurn(REST),
                };
                crowd.fire(events(WARM_UP)).await?;
                let frames = crowd.fire(events(self.events)).await?;
                (frames, Some(self.settled(subject.process).await?))
            }
            Shape::OwnSession => {
                let spacing = Spacing::Every(Duration::from_millis(self.spacing_milliseconds));
                (crowd.fire(Volley { shots: subject.shots.clone(), spacing }).await?, None)
            }
        };
        let more = self.subscribers - few;
        Ok(Run { subject: subject.name, shape, more, with_few, with_all, afterwards, frames })
    }

    /// What a process uses once it has come to rest.
    async fn settled(&self, process: &Process) -> anyhow::Result<Usage> {
        tokio::time::sleep(Duration::from_secs(self.settle_seconds)).await;
        process.usage()
    }

    fn sessions(&self, shape: Shape) -> usize {
        match shape {
            Shape::OneSession => 1,
            Shape::OwnSession => self.subscribers,
        }
    }
}

impl Shape {
    /// As it is written in the tables.
    fn name(self) -> &'static str {
        match self {
            Self::OneSession => "one session",
            Self::OwnSession => "a session each",
        }
    }
}

/// Lets the simulator say that the account was opened elsewhere. It makes the library tell of one event, which the server
/// follows with one new state, and the session stays down until it is connected again.
async fn replaced(simulator: &Simulator, session: usize) -> anyhow::Result<Post> {
    let phone_number = phone_number(session);
    let device = simulator.control.device(&phone_number).await?;
    let path = format!("/phones/{phone_number}/devices/{device}/faults");
    Ok(Post { address: loopback(simulator.control_port), path, body: r#"{"kind":"replaced"}"#.to_owned() })
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
