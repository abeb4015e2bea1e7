//! Writes down what came of deliveries, those of many lanes in one transaction.
//!
//! Nobody waits for the disk here: what is lost in a power cut is delivered once more, under the same id.

use std::collections::BTreeMap;

use entity::ids::WebhookId;
use futures::FutureExt;
use futures::future::BoxFuture;
use metrics::counter;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::lifecycle::Lifecycle;
use crate::webhook::queue::{self, Outcome, Verdict};
use crate::webhook::store;

/// Outcomes that wait to be written; with more, the lanes wait.
const QUEUE: usize = 512;

/// Ends when an outcome is written, or could not be.
pub(super) type Written = BoxFuture<'static, Result<()>>;

type Job = (Outcome, oneshot::Sender<Result<()>>);

/// The way to the one who writes outcomes down.
#[derive(Clone, Debug)]
pub struct Recorder {
    jobs: mpsc::Sender<Job>,
    db: Db,
    clock: Clock,
}

impl Recorder {
    /// Starts it.
    pub(super) fn start(db: Db, clock: Clock, lifecycle: &Lifecycle) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let recorder = Self { jobs, db, clock };
        let (db, clock, stop) = (recorder.db.clone(), recorder.clock.clone(), lifecycle.workers().clone());
        lifecycle.spawn("recorder", async move { keep_up(&db, &clock, queue, stop).await });
        recorder
    }

    /// Takes an outcome to be written down, and tells later whether it was. Fails with `Unavailable`.
    pub(super) async fn take(&self, outcome: Outcome) -> Written {
        let (done, written) = oneshot::channel();
        match self.jobs.send((outcome, done)).await {
            Ok(()) => written.map(|outcome| outcome.unwrap_or_else(|lost| Err(Error::internal(lost)))).boxed(),
            // The server stops: what is still on its way is written one by one.
            Err(mpsc::error::SendError((outcome, _))) => {
                let written = write(&self.db, &self.clock, &[&outcome]).await;
                std::future::ready(written).boxed()
            }
        }
    }
}

async fn keep_up(db: &Db, clock: &Clock, mut queue: mpsc::Receiver<Job>, stop: CancellationToken) {
    let mut jobs = Vec::new();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled(), if !queue.is_closed() => queue.close(),
            count = queue.recv_many(&mut jobs, QUEUE) => match count {
                0 => return,
                _ => settle(db, clock, std::mem::take(&mut jobs)).await,
            },
        }
    }
}

async fn settle(db: &Db, clock: &Clock, jobs: Vec<Job>) {
    let outcomes: Vec<_> = jobs.iter().map(|(outcome, _)| outcome).collect();
    let is_written = write(db, clock, &outcomes).await.is_ok();
    for (outcome, done) in jobs {
        // One may be of a webhook that was deleted meanwhile, which is no fault of the others.
        let written = if is_written { Ok(()) } else { write(db, clock, &[&outcome]).await };
        let _ = done.send(written); // The lane may have been given up.
    }
}

async fn write(db: &Db, clock: &Clock, outcomes: &[&Outcome]) -> Result<()> {
    let now = clock.now();
    let tx = db.write().begin().await?;
    queue::settle(&tx, outcomes, now).await?;
    let mut last: BTreeMap<&WebhookId, &Outcome> = BTreeMap::new();
    for outcome in outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Expired) {
        last.insert(&outcome.webhook_id, outcome);
    }
    let came: Vec<_> = last.iter().filter(|(_, last)| last.error.is_none()).map(|(id, _)| (*id).clone()).collect();
    if !came.is_empty() {
        for id in store::came(&tx, came).await? {
            queue::judge(&tx, &id, false).await?;
        }
    }
    for (id, outcome) in last {
        if let Some(why) = &outcome.error {
            store::failed(&tx, id, why, outcome.started_at).await?;
            queue::judge(&tx, id, true).await?;
        }
    }
    tx.commit_unhurried().await?;
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
