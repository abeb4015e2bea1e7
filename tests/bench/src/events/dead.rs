//! One dead receiver among many: how soon the others get their events with and without it, in turns.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;

use crate::events::{DELIVERED_LIMIT, Events, REST, start};
use crate::receiver::Mode;
use crate::receiver::ledger::Latency;
use crate::receiver::process::Receiver;
use crate::rest::Webhook;
use crate::sender::{Chats, Kept, Steady, warm_up};
use crate::storage::Storage;
use crate::watch::{Seen, Watch};
use crate::world::{Server, Simulator, phone_number, sender_number, session_id};

/// The session whose receiver is dead half of the time.
const DEAD: usize = 0;
/// Longest wait for the server to send a request that nobody answers, or to let go of it; it gives an answer 15 s.
const HELD_LIMIT: Duration = Duration::from_secs(40);
/// Pause between two looks at the requests that are still open.
const LOOK_PAUSE: Duration = Duration::from_millis(200);

/// A half, and how the others fared in it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Half {
    pub(super) is_dead: bool,
    pub(super) kept: Kept,
    pub(super) latency: Latency,
    pub(super) seen: Seen,
}

/// All halves of a run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Halves {
    pub(super) halves: Vec<Half>,
    /// Of all halves without a dead receiver together, and of all with it.
    pub(super) without: Latency,
    pub(super) with: Latency,
    last_with_dead: Seen,
}

impl Halves {
    /// How much more the slowest hundredth waits beside a dead receiver, percent.
    pub(super) fn change_percent(&self) -> f64 {
        (self.with.p99 / self.without.p99 - 1.0) * 100.0
    }

    /// How the server fared in the last half with the dead receiver.
    pub(super) fn last_seen(&self) -> &Seen {
        &self.last_with_dead
    }

    /// The slowest hundredth of each half of a kind.
    pub(super) fn p99s(&self, is_dead: bool) -> impl Iterator<Item = f64> {
        self.halves.iter().filter(move |half| half.is_dead == is_dead).map(|half| half.latency.p99)
    }
}

/// Who takes part.
struct World<'a> {
    simulator: &'a Simulator,
    receiver: &'a Receiver,
    server: &'a Server,
}

impl Events {
    /// With and without in turns, each first as often as second.
    pub(super) async fn dead(&self, storage: &Storage) -> anyhow::Result<Halves> {
        let simulator = Simulator::start(storage).await?;
        let receiver = Receiver::start(storage).await?;
        let server = start(storage, &simulator).await?;
        let webhook = Webhook::new(receiver.url("ok"), &["message"]);
        server.link(&simulator, DEAD..DEAD + 1).await?;
        server.link_with(&simulator, DEAD + 1..self.receivers, Some(&webhook)).await?;
        warm_up(&simulator.control, Chats { sessions: self.receivers, per_session: 1 }).await?;
        let others = self.receivers as u64 - 1;
        let warm = receiver.reaches(others, None, DELIVERED_LIMIT).await?.distinct;
        ensure!(warm == others, "{warm} of {others} sessions deliver to the receiver");
        let world = World { simulator: &simulator, receiver: &receiver, server: &server };
        let (mut halves, mut without, mut with) = (Vec::new(), Vec::new(), Vec::new());
        for turn in 0..self.turns {
            for is_dead in [turn % 2 == 1, turn % 2 == 0] {
                let (half, latencies) = self.half(&world, is_dead).await?;
                if is_dead {
                    with.extend(latencies)
                } else {
                    without.extend(latencies)
                }
                halves.push(half);
            }
        }
        let all = |latencies: &[u32]| Latency::of(latencies).unwrap_or(Latency::UNKNOWN);
        let last = halves.iter().rfind(|half: &&Half| half.is_dead).context("no half with a dead receiver")?;
        let last_with_dead = last.seen;
        Ok(Halves { halves, without: all(&without), with: all(&with), last_with_dead })
    }

    /// Both kinds send the same to all; only the address of one webhook differs. Its webhook is made for the half and
    /// goes with it, so that no half has to do with what the last one left.
    async fn half(&self, world: &World<'_>, is_dead: bool) -> anyhow::Result<(Half, Vec<u32>)> {
        let World { simulator, receiver, server } = world;
        let dead = session_id(DEAD);
        let url = receiver.url(if is_dead { "dead" } else { "ok" });
        let webhook = server.rest.add_webhook(&dead, &Webhook::new(url, &["message"])).await?;
        tokio::time::sleep(REST).await;
        receiver.reset().await?;
        let watch = Watch::begin(&server.process)?;
        let (from, to) = (sender_number(DEAD), phone_number(DEAD));
        simulator.control.send(&from, &to, "waiting", Some(self.held_messages)).await?;
        if is_dead {
            // The others are measured beside a request that hangs, not beside one that is still to come.
            until(receiver, |held| held > 0).await?;
        }
        let steady =
            Steady { sessions: self.receivers, rate: self.rate, duration: Duration::from_secs(self.half_seconds) };
        let kept = steady.send(&simulator.control).await?;
        let to_others = kept.messages - steady.messages_to(DEAD);
        let came = receiver.reaches(to_others, Some(&dead), DELIVERED_LIMIT).await?;
        ensure!(came.distinct == to_others, "{} of {to_others} messages came", came.distinct);
        let seen = watch.end(Duration::ZERO).await?;
        let latencies = receiver.latencies(Some(&dead)).await?;
        server.rest.delete_webhook(&dead, &webhook).await?;
        receiver.switch(Mode::Up).await?;
        until(receiver, |held| held == 0).await?;
        let latency = Latency::of(&latencies).unwrap_or(Latency::UNKNOWN);
        Ok((Half { is_dead, kept, latency, seen }, latencies))
    }
}

/// Waits until so many requests hang at the dead receiver.
async fn until(receiver: &Receiver, is_so: fn(u64) -> bool) -> anyhow::Result<()> {
    let wait = async {
        while !is_so(receiver.count(None).await?.held) {
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        Ok(())
    };
    tokio::time::timeout(HELD_LIMIT, wait).await.context("the requests to the dead receiver do not come or go")?
}
