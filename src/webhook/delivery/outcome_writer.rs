//! The outcome writer writes what came of attempts, and which lanes were released: for many lanes in one transaction.
//!
//! Nobody waits for the disk here: what a power cut takes back is delivered once more, under the same id. At a shutdown it ends
//! behind the workers, so that what they still have to report is written.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use entity::ids::WebhookId;
use entity::timestamp::Timestamp;
use futures::FutureExt;
use futures::future::BoxFuture;
use metrics::counter;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::db::Db;
use crate::db::batch::Batch;
use crate::db::fault::failed;
use crate::error::{Error, ErrorKind, Result};
use crate::lifecycle::last_run::{LastRun, Loop};
use crate::lifecycle::{Lifecycle, ShutdownPhase};
use crate::webhook::delivery::attempt::{Attempt, AttemptOutcome};
use crate::webhook::delivery::lane::{Lane, Lease};
use crate::webhook::delivery::lane_store;
use crate::webhook::delivery::store as delivery_store;
use crate::webhook::store;

/// Shortest time from transaction to transaction: what comes in quick succession is written together.
// As long as the journal waits for more (its `LINGER`), for the same reason.
const SPAN: Duration = Duration::from_millis(40);
/// With so many updates it does not wait for that: full lanes go on only when the outcomes of their last run are written.
const ENOUGH: usize = 64;
/// Updates that wait to be written. With more, workers wait.
const QUEUE: usize = 512;

/// What is to be written about a lane.
pub(in crate::webhook) enum LaneUpdate {
    /// A delivery was attempted.
    Attempted(Attempt),
    /// A worker is done with it. It is due again when its next delivery is.
    Released {
        /// Which lane.
        lease: Lease,
        /// Whether its deliveries wait for each other.
        is_ordered: bool,
        /// Whether its last attempt took long.
        is_slow: bool,
    },
}

/// Ends when an update is written, or could not be. Says whether the lane that it released may have more to do, now or later.
pub(in crate::webhook) type Written = BoxFuture<'static, Result<bool>>;

type Job = (LaneUpdate, oneshot::Sender<Result<bool>>);

/// The way to the outcome writer. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OutcomeWriter {
    jobs: mpsc::Sender<Job>,
    /// Notified when it need not wait for more.
    enough: Arc<Notify>,
}

impl OutcomeWriter {
    /// Starts it.
    pub(in crate::webhook) fn start(db: Db, clock: Clock, lifecycle: &Lifecycle) -> Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let stop = lifecycle.journal().clone();
        let last_run = lifecycle.last_run(Loop::OutcomeWriter);
        let enough = Arc::new(Notify::new());
        let its = Arc::clone(&enough);
        let writing = async move { run(&db, &clock, queue, &its, stop, last_run).await };
        lifecycle.spawn_apart(ShutdownPhase::Journal, "outcome writer", writing).map_err(Error::internal)?;
        Ok(Self { jobs, enough })
    }

    /// Takes an update to be written down, after those that came before, and tells later whether it was. Fails with
    /// `Unavailable`, and with `ShuttingDown` for whoever comes later than the workers may.
    pub(in crate::webhook) async fn submit(&self, update: LaneUpdate) -> Written {
        let (done, written) = oneshot::channel();
        let _ = self.jobs.send((update, done)).await; // If it has ended, nobody answers.
        if self.jobs.max_capacity() - self.jobs.capacity() >= ENOUGH {
            self.enough.notify_one();
        }
        let has_ended = |_| Err(Error::new(ErrorKind::ShuttingDown, "the server is shutting down"));
        written.map(move |answer| answer.unwrap_or_else(has_ended)).boxed()
    }
}

async fn run(
    db: &Db,
    clock: &Clock,
    mut queue: mpsc::Receiver<Job>,
    enough: &Notify,
    stop: CancellationToken,
    last_run: LastRun,
) {
    let (mut jobs, mut next) = (Vec::new(), Instant::now());
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled(), if !queue.is_closed() => queue.close(),
            count = queue.recv_many(&mut jobs, QUEUE) => match count {
                0 => return,
                _ => {
                    gather(&mut queue, &mut jobs, next, enough).await;
                    next = Instant::now() + SPAN;
                    record_outcomes(db, clock, std::mem::take(&mut jobs)).await;
                    last_run.note();
                }
            },
        }
    }
}

/// Takes in what comes until then. It is not woken by each: at a steady rate that was ten times as often as it writes.
async fn gather(queue: &mut mpsc::Receiver<Job>, jobs: &mut Vec<Job>, until: Instant, enough: &Notify) {
    let mut is_over = false;
    loop {
        let room = QUEUE.saturating_sub(jobs.len());
        jobs.extend(std::iter::from_fn(|| queue.try_recv().ok()).take(room));
        if is_over || jobs.len() >= ENOUGH || queue.is_closed() {
            return;
        }
        is_over = tokio::time::timeout_at(until, enough.notified()).await.is_err();
    }
}

async fn record_outcomes(db: &Db, clock: &Clock, jobs: Vec<Job>) {
    let updates: Vec<_> = jobs.iter().map(|(update, _)| update).collect();
    let at_rest = write(db, clock, &updates).await;
    for (update, done) in jobs {
        let written = match &at_rest {
            Ok(at_rest) => Ok(has_more(at_rest, &update)),
            // One may belong to a webhook that was deleted meanwhile; the others are written.
            Err(_) => write_one(db, clock, &update).await,
        };
        let _ = done.send(written); // The lane may have been given up.
    }
}

/// What came of a delivery that was deleted meanwhile, with its webhook, need not be written.
async fn write_one(db: &Db, clock: &Clock, update: &LaneUpdate) -> Result<bool> {
    let written = write(db, clock, &[update]).await;
    if written.is_err()
        && let LaneUpdate::Attempted(attempt) = update
        && !delivery_store::is_there(db.read(), &attempt.delivery_id).await?
    {
        return Ok(false);
    }
    written.map(|at_rest| has_more(&at_rest, update))
}

/// Whether an update released a lane that is not at rest.
fn has_more(at_rest: &HashSet<Lane>, update: &LaneUpdate) -> bool {
    matches!(update, LaneUpdate::Released { lease, .. } if !at_rest.contains(&lease.lane))
}

/// Gives the lanes that were released and have nothing to do.
async fn write(db: &Db, clock: &Clock, updates: &[&LaneUpdate]) -> Result<HashSet<Lane>> {
    let (mut attempts, mut released) = (Vec::new(), Vec::new());
    for update in updates {
        match update {
            LaneUpdate::Attempted(attempt) => attempts.push(attempt),
            LaneUpdate::Released { lease, is_ordered, is_slow } => released.push((lease, *is_ordered, *is_slow)),
        }
    }
    // In the order in which every transaction takes them.
    released.sort_by(|(one, ..), (other, ..)| one.lane.cmp(&other.lane));
    let now = clock.now();
    let mut batch = db.write().batch();
    push_outcomes(&mut batch, &attempts, now);
    for &(lease, is_ordered, is_slow) in &released {
        lane_store::release_in(&mut batch, lease, is_ordered, is_slow, now);
    }
    let run = db.write().begin().await?.run_blocking(batch).await;
    let told = run.map_err(|failure| failed(failure.into_error()))?;
    for attempt in attempts {
        let word = match attempt.outcome {
            AttemptOutcome::Delivered => "delivered",
            AttemptOutcome::Retry(_) => "failed",
            AttemptOutcome::Dead => "dead",
            AttemptOutcome::Expired => "expired",
        };
        counter!("waypost_deliveries_total", "outcome" => word).increment(1);
    }
    Ok(lane_store::at_rest(released.iter().map(|(lease, ..)| &lease.lane), told))
}

/// What attempts say about a webhook's health, in their order.
#[derive(Default)]
struct WebhookHealth<'a> {
    /// Whether one came.
    has_succeeded: bool,
    /// Why the last one failed that did.
    why: Option<&'a str>,
    /// When the first one failed after the last that came.
    since: Option<Timestamp>,
}

impl<'a> WebhookHealth<'a> {
    fn add(&mut self, attempt: &'a Attempt) {
        match &attempt.error {
            None => (self.has_succeeded, self.since) = (true, None),
            Some(why) => {
                self.why = Some(why);
                self.since.get_or_insert(attempt.started_at);
            }
        }
    }
}

/// Adds what came of attempts, and what that says about their webhooks.
fn push_outcomes(batch: &mut Batch, attempts: &[&Attempt], now: Timestamp) {
    let mut health: BTreeMap<&WebhookId, WebhookHealth<'_>> = BTreeMap::new();
    for attempt in attempts.iter().filter(|attempt| attempt.outcome != AttemptOutcome::Expired) {
        health.entry(&attempt.webhook_id).or_default().add(attempt);
    }
    let succeeded = health.iter().filter(|(_, of_one)| of_one.has_succeeded).map(|(id, _)| (*id).clone());
    let succeeded: Vec<_> = succeeded.collect();
    if !succeeded.is_empty() {
        store::succeeded_in(batch, succeeded);
    }
    for (id, WebhookHealth { has_succeeded: _, why, since }) in health {
        if let Some(why) = why {
            store::failed_in(batch, id, why, since);
        }
    }
    // After the webhooks: whoever deletes one takes it before its deliveries.
    delivery_store::record_outcomes_in(batch, attempts, now);
}
