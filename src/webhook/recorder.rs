//! Writes down what came of deliveries, and which lanes are worked no more: those of many lanes in one transaction.
//!
//! Nobody waits for the disk here: what is lost in a power cut is delivered once more, under the same id. At a shutdown it ends
//! behind the workers, so that everybody who has a note finds it here.

use std::collections::BTreeMap;
use std::time::Duration;

use entity::ids::WebhookId;
use entity::timestamp::Timestamp;
use futures::FutureExt;
use futures::future::BoxFuture;
use metrics::counter;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::db::{Batch, Db};
use crate::error::{Error, ErrorKind, Result};
use crate::lifecycle::{Lifecycle, ShutdownPhase};
use crate::webhook::lane::{self, Claim};
use crate::webhook::queue::{self, Outcome, Verdict};
use crate::webhook::store;

/// Shortest time from transaction to transaction: what comes in quick succession is written together.
const SPAN: Duration = Duration::from_millis(25);
/// Notes with which that is not waited for: lanes with much in them go on when what came of the last part is written.
const ENOUGH: usize = 64;
/// Notes that wait to be written; with more, the lanes wait.
const QUEUE: usize = 512;

/// What is to be written down.
pub(super) enum Note {
    /// What came of a delivery.
    Came(Outcome),
    /// A lane is worked no more. It is due when its next delivery is.
    Left {
        /// Which lane.
        claim: Claim,
        /// Whether its deliveries wait for each other.
        is_ordered: bool,
        /// Whether its last attempt took long.
        is_slow: bool,
    },
}

/// Ends when a note is written, or could not be.
pub(super) type Written = BoxFuture<'static, Result<()>>;

type Job = (Note, oneshot::Sender<Result<()>>);

/// The way to the one who writes notes down.
#[derive(Clone, Debug)]
pub struct Recorder(mpsc::Sender<Job>);

impl Recorder {
    /// Starts it.
    pub(super) fn start(db: Db, clock: Clock, lifecycle: &Lifecycle) -> Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let stop = lifecycle.journal().clone();
        let keeping_up = async move { keep_up(&db, &clock, queue, stop).await };
        lifecycle.spawn_apart(ShutdownPhase::Journal, "recorder", keeping_up).map_err(Error::internal)?;
        Ok(Self(jobs))
    }

    /// Takes a note to be written down, after those that came before, and tells later whether it was. Fails with
    /// `Unavailable`, and with `ShuttingDown` for whoever comes later than the workers may.
    pub(super) async fn take(&self, note: Note) -> Written {
        let (done, written) = oneshot::channel();
        let _ = self.0.send((note, done)).await; // If it has ended, nobody answers.
        let has_ended = |_| Err(Error::new(ErrorKind::ShuttingDown, "the server is shutting down"));
        written.map(move |outcome| outcome.unwrap_or_else(has_ended)).boxed()
    }
}

async fn keep_up(db: &Db, clock: &Clock, mut queue: mpsc::Receiver<Job>, stop: CancellationToken) {
    let (mut jobs, mut next) = (Vec::new(), Instant::now());
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled(), if !queue.is_closed() => queue.close(),
            count = queue.recv_many(&mut jobs, QUEUE) => match count {
                0 => return,
                _ => {
                    gather(&mut queue, &mut jobs, next).await;
                    next = Instant::now() + SPAN;
                    settle(db, clock, std::mem::take(&mut jobs)).await;
                }
            },
        }
    }
}

/// Takes in what comes until then.
async fn gather(queue: &mut mpsc::Receiver<Job>, jobs: &mut Vec<Job>, until: Instant) {
    while jobs.len() < ENOUGH {
        match tokio::time::timeout_at(until, queue.recv()).await {
            Ok(Some(job)) => jobs.push(job),
            // The time is over, or nothing comes any more.
            Ok(None) | Err(_) => return,
        }
    }
}

async fn settle(db: &Db, clock: &Clock, jobs: Vec<Job>) {
    let notes: Vec<_> = jobs.iter().map(|(note, _)| note).collect();
    let is_written = write(db, clock, &notes).await.is_ok();
    for (note, done) in jobs {
        // One may be of a webhook that was deleted meanwhile, which is no fault of the others.
        let written = if is_written { Ok(()) } else { write_one(db, clock, &note).await };
        let _ = done.send(written); // The lane may have been given up.
    }
}

/// What came of a delivery that was deleted meanwhile, with its webhook, need not be written.
async fn write_one(db: &Db, clock: &Clock, note: &Note) -> Result<()> {
    let written = write(db, clock, &[note]).await;
    if written.is_err()
        && let Note::Came(outcome) = note
        && !queue::is_there(db.read(), &outcome.delivery_id).await?
    {
        return Ok(());
    }
    written
}

async fn write(db: &Db, clock: &Clock, notes: &[&Note]) -> Result<()> {
    let (mut outcomes, mut left) = (Vec::new(), Vec::new());
    for note in notes {
        match note {
            Note::Came(outcome) => outcomes.push(outcome),
            Note::Left { claim, is_ordered, is_slow } => left.push((claim, *is_ordered, *is_slow)),
        }
    }
    // In the order in which every transaction takes them.
    left.sort_by(|(one, ..), (other, ..)| one.lane.cmp(&other.lane));
    let now = clock.now();
    let mut batch = db.write().batch();
    keep(&mut batch, &outcomes, now);
    for (claim, is_ordered, is_slow) in left {
        lane::release_in(&mut batch, claim, is_ordered, is_slow, now);
    }
    db.write().begin().await?.run_blocking(batch).await?;
    for outcome in outcomes {
        let word = match outcome.verdict {
            Verdict::Delivered => "delivered",
            Verdict::Retry(_) => "failed",
            Verdict::Dead => "dead",
            Verdict::Expired => "expired",
        };
        counter!("waypost_deliveries_total", "outcome" => word).increment(1);
    }
    Ok(())
}

/// What outcomes say of one webhook, in their order.
#[derive(Default)]
struct Opinion<'a> {
    /// Whether one came.
    has_come: bool,
    /// Why the last one failed that did.
    why: Option<&'a str>,
    /// When the first one failed after the last that came.
    since: Option<Timestamp>,
}

impl<'a> Opinion<'a> {
    fn hear(&mut self, outcome: &'a Outcome) {
        match &outcome.error {
            None => (self.has_come, self.since) = (true, None),
            Some(why) => {
                self.why = Some(why);
                self.since.get_or_insert(outcome.started_at);
            }
        }
    }
}

/// Writes outcomes, and what they say of their webhooks.
fn keep(batch: &mut Batch, outcomes: &[&Outcome], now: Timestamp) {
    let mut opinions: BTreeMap<&WebhookId, Opinion<'_>> = BTreeMap::new();
    for outcome in outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Expired) {
        opinions.entry(&outcome.webhook_id).or_default().hear(outcome);
    }
    let came = opinions.iter().filter(|(_, opinion)| opinion.has_come).map(|(id, _)| (*id).clone());
    let came: Vec<_> = came.collect();
    if !came.is_empty() {
        store::came_in(batch, came);
    }
    for (id, Opinion { has_come: _, why, since }) in opinions {
        if let Some(why) = why {
            store::failed_in(batch, id, why, since);
        }
    }
    // After the webhooks: whoever deletes one takes it before its deliveries.
    queue::record_outcomes_in(batch, outcomes, now);
}
