//! What waits: messages of a session that is offline take place on the disk and none in memory, and go out in order when it is
//! back.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use serde::Serialize;

use crate::process::Usage;
use crate::sender::{Chats, warm_up};
use crate::sends::book::Book;
use crate::sends::client::{Answered, post};
use crate::sends::plan::{Plan, Round};
use crate::sends::{REST, Sends, start};
use crate::storage::Storage;
use crate::watch::{Seen, Watch};
use crate::world::{Server, Simulator, phone_number, session_id};

/// Pause between two looks at whether the session is where it should be.
const LOOK_PAUSE: Duration = Duration::from_millis(100);
/// Longest time without another message at the simulator.
const PATIENCE: Duration = Duration::from_secs(120);
/// The session whose messages wait.
const SESSION: usize = 0;

/// What waited, what it cost, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Queued {
    /// How they were accepted.
    pub(super) accepted: Round,
    pub(super) before: Usage,
    pub(super) after: Usage,
    pub(super) disk_before_bytes: u64,
    pub(super) disk_after_bytes: u64,
    /// From the order to connect until the simulator had the last one.
    pub(super) gone_seconds: f64,
    pub(super) seen: Seen,
    pub(super) book: Book,
    pub(super) simulator_complaints: usize,
}

impl Queued {
    /// More anonymous memory with all of them than before.
    pub(super) fn memory_bytes(&self) -> f64 {
        self.after.anonymous_bytes as f64 - self.before.anonymous_bytes as f64
    }

    /// More on the disk with all of them than before.
    pub(super) fn disk_bytes(&self) -> f64 {
        self.disk_after_bytes as f64 - self.disk_before_bytes as f64
    }

    /// Messages that did not come, came twice or as something else, or behind a later one.
    pub(super) fn wrong(&self) -> f64 {
        let Book { taken, repeated, changed, out_of_order } = self.book;
        let lost = (self.accepted.messages as usize).abs_diff(taken);
        (lost + repeated + changed + out_of_order) as f64
    }
}

impl Sends {
    pub(super) async fn queue(&self, storage: &Storage) -> anyhow::Result<Queued> {
        let chats = Chats { sessions: 1, per_session: self.chats };
        let simulator = Simulator::start(storage).await?;
        let server = start(storage, &simulator).await?;
        server.link(&simulator, SESSION..SESSION + 1).await?;
        warm_up(&simulator.control, chats).await?;
        // Memory that is filled once (the newest events, the database's pages) is filled by then.
        let few = Plan { chats, each: self.warm_messages.div_ceil(self.chats), rate: None };
        go_offline(&server).await?;
        let accepted = post(&server, few, Answered::Accepted).await?;
        go_online(&server, &simulator, accepted.messages).await?;
        go_offline(&server).await?;
        let known = simulator.control.sent(&phone_number(SESSION)).await?.len();
        tokio::time::sleep(self.idle_time()).await;
        let (before, disk_before_bytes) = (server.process.usage()?, storage.bytes().await?);
        let all = Plan { chats, each: self.queued / self.chats, rate: None };
        let accepted = post(&server, all, Answered::Accepted).await?;
        tokio::time::sleep(self.idle_time()).await;
        let (after, disk_after_bytes) = (server.process.usage()?, storage.bytes().await?);
        let watch = Watch::begin(&server.process)?;
        let gone_seconds = go_online(&server, &simulator, accepted.messages).await?;
        let seen = watch.end(self.idle_time()).await?;
        let sent = simulator.control.sent(&phone_number(SESSION)).await?;
        let book = Book::of(&sent[known..]);
        let simulator_complaints = simulator.control.complaints().await?;
        Ok(Queued {
            accepted,
            before,
            after,
            disk_before_bytes,
            disk_after_bytes,
            gone_seconds,
            seen,
            book,
            simulator_complaints,
        })
    }
}

/// The session is logged out of WhatsApp's server, and stays linked.
async fn go_offline(server: &Server) -> anyhow::Result<()> {
    // What was delivered is told, and written down, before that.
    tokio::time::sleep(REST).await;
    server.rest.disconnect(&session_id(SESSION)).await?;
    let deadline = Instant::now() + PATIENCE;
    while server.rest.count_logged_in().await? > 0 {
        ensure!(Instant::now() < deadline, "the session stays online");
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    Ok(())
}

/// The session comes back and sends so many messages. How many seconds that took.
async fn go_online(server: &Server, simulator: &Simulator, messages: u64) -> anyhow::Result<f64> {
    let control = &simulator.control;
    let before = control.received().await?;
    let begun = Instant::now();
    server.rest.connect(&session_id(SESSION)).await?;
    let (mut last, mut changed) = (before, Instant::now());
    while last < before + messages {
        if changed.elapsed() > PATIENCE {
            bail!("{} of {messages} messages went out", last - before);
        }
        tokio::time::sleep(LOOK_PAUSE).await;
        let received = control.received().await?;
        if received != last {
            (last, changed) = (received, Instant::now());
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    while server.rest.count_open(&session_id(SESSION)).await? > 0 {
        ensure!(changed.elapsed() < PATIENCE, "some messages are not acknowledged");
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    Ok(seconds)
}
