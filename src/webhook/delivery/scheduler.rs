//! The scheduler looks for lanes that are due, takes a lease on each for which there is a permit, and starts a worker for it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::error;

use entity::ids::WebhookId;
use entity::timestamp::Timestamp;

use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Result, chain};
use crate::lifecycle::last_run::LastRun;
use crate::lifecycle::{Lifecycle, ShutdownPhase};
use crate::webhook::delivery::concurrency::{Concurrency, Permit};
use crate::webhook::delivery::lane::{Lane, Lease};
use crate::webhook::delivery::lane::{LanesUnderWay, Worked};
use crate::webhook::delivery::lane_store;
use crate::webhook::delivery::store as delivery_store;
use crate::webhook::delivery::worker::{BATCH, Preloaded, Worker};
use crate::webhook::remembered::Remembered;
use crate::webhook::row::WebhookRow;
use crate::webhook::store;

/// How long a lease lasts: longer than a run with every delivery as slow as it can be.
const LEASE: Duration = Duration::from_secs(20 * 60);
/// Shortest pause between two looks that nobody woke it for.
const PAUSE: Duration = Duration::from_millis(50);
/// Shortest time from look to look: it is woken at the end of the work in each lane that has more, and one look serves all.
const SPAN: Duration = Duration::from_millis(10);
/// Lanes whose next deliveries are read in one query.
const LANES: usize = 16;
/// How often it looks although nothing is due.
const PERIOD: Duration = Duration::from_secs(30);
/// How long a lane rests whose worker panicked: what broke it may break the next one, too.
const RECOVERY: Duration = Duration::from_secs(2);

/// Starts workers for the lanes that are due.
#[derive(Debug)]
pub struct Scheduler {
    pub(in crate::webhook) db: Db,
    pub(in crate::webhook) clock: Clock,
    pub(in crate::webhook) lifecycle: Lifecycle,
    pub(in crate::webhook) worker: Arc<Worker>,
    pub(in crate::webhook) wake: Arc<Notify>,
    concurrency: Concurrency,
    under_way: Arc<LanesUnderWay>,
    webhooks: Remembered<WebhookId, Arc<WebhookRow>>,
}

/// When to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NextRun {
    /// At once: more may be due.
    Again,
    /// When there is a reason to.
    Later,
}

impl Scheduler {
    /// A scheduler that has nothing under way.
    pub(in crate::webhook) fn new(
        db: Db,
        clock: Clock,
        lifecycle: Lifecycle,
        worker: Arc<Worker>,
        wake: Arc<Notify>,
    ) -> Self {
        let concurrency = Concurrency::new(Arc::clone(&wake));
        Self {
            db,
            clock,
            lifecycle,
            worker,
            wake,
            concurrency,
            under_way: Arc::default(),
            webhooks: Remembered::default(),
        }
    }

    /// Looks again and again: when it is woken, when the next lane is due, and now and then.
    pub(in crate::webhook) async fn run(mut self, last_run: LastRun) {
        loop {
            let next = Instant::now() + SPAN;
            let look = self.run_once().await;
            last_run.note();
            match look {
                Ok(NextRun::Again) => {}
                Ok(NextRun::Later) => self.rest().await,
                Err(error) => {
                    error!(error = chain(&error), "deliveries could not be claimed");
                    let _ = tokio::time::timeout(PERIOD, self.wake.notified()).await; // Either is a reason to look.
                }
            }
            tokio::time::sleep_until(next).await;
        }
    }

    /// Waits until it is woken or the next lane is due.
    async fn rest(&self) {
        // While there is much to do it is woken at once, and need not ask what is due when.
        if tokio::time::timeout(PAUSE, self.wake.notified()).await.is_err() {
            let pause = self.until_next().await;
            let _ = tokio::time::timeout(pause, self.wake.notified()).await; // Either is a reason to look.
        }
    }

    /// Leases lanes that are due and starts their workers.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn run_once(&mut self) -> Result<NextRun> {
        self.end_orphaned_leases().await?;
        let now = self.clock.now();
        let (mut permits, mut look) = (HashMap::new(), NextRun::Later);
        let [prompt, slow] = [false, true].map(|is_slow| self.concurrency.free(is_slow) as u64);
        let saturated = self.concurrency.saturated();
        let due = match prompt + slow {
            0 => Vec::new(),
            _ => lane_store::due(self.db.read(), &saturated, now, prompt, slow).await?,
        };
        let found = |kind| due.iter().filter(|(_, is_slow)| *is_slow == kind).count() as u64;
        // Before any of their workers can end.
        let is_short = !saturated.is_empty() || found(false) >= prompt || found(true) >= slow;
        self.under_way.0.lock().is_short = is_short;
        for (lane, is_slow) in due {
            match self.concurrency.acquire(&lane.webhook_id, is_slow) {
                Some(permit) => drop(permits.insert(lane, permit)),
                // Its webhook has no permit left, and it took the place of another lane in the answer.
                None => look = NextRun::Again,
            }
        }
        if permits.is_empty() {
            return Ok(look);
        }
        let lanes: Vec<_> = permits.keys().cloned().collect();
        // Without waiting for the disk: a lease that a power cut takes back was this process's own.
        let leases = lane_store::lease(self.db.write().without_fsync(), &lanes, now, now.after(LEASE)).await;
        // If only the answer was lost, they are leased all the same.
        let leases = leases.inspect_err(|_| self.under_way.0.lock().has_orphans = true)?;
        // Before the webhooks are read: workers see by this number whether one changed later.
        let version = self.worker.journal.demand().version();
        let ids: BTreeSet<_> = leases.iter().map(|lease| &lease.lane.webhook_id).collect();
        // If this fails, each worker reads its own. No lane that was leased may be left behind.
        let webhooks = self.webhooks(ids, version).await.unwrap_or_default();
        let mut next = self.next(&leases, &webhooks, now).await;
        for lease in leases {
            let webhook = webhooks.get(&lease.lane.webhook_id).cloned();
            let deliveries = next.remove(&lease.lane);
            if let Some(permit) = permits.remove(&lease.lane) {
                self.start(lease, Preloaded { webhook, deliveries, version }, permit);
            }
        }
        Ok(look)
    }

    /// These webhooks, without those that are gone. The version is asked for before.
    async fn webhooks(
        &mut self,
        ids: BTreeSet<&WebhookId>,
        version: u64,
    ) -> Result<HashMap<WebhookId, Arc<WebhookRow>>> {
        let preloaded = self.webhooks.at(version);
        let missing: Vec<_> = ids.iter().copied().filter(|id| !preloaded.contains_key(*id)).collect();
        if !missing.is_empty() {
            let read = store::all_of(self.db.read(), missing).await?;
            preloaded.extend(read.into_iter().map(|webhook| (webhook.id.clone(), Arc::new(webhook))));
        }
        Ok(ids.into_iter().filter_map(|id| Some((id.clone(), Arc::clone(preloaded.get(id)?)))).collect())
    }

    /// The next deliveries of these lanes, without those that could not be read.
    async fn next(
        &self,
        leases: &[Lease],
        webhooks: &HashMap<WebhookId, Arc<WebhookRow>>,
        now: Timestamp,
    ) -> HashMap<Lane, Vec<delivery_store::DeliveryRow>> {
        let mut next = HashMap::new();
        for is_ordered in [false, true] {
            let is_alike = |id: &WebhookId| webhooks.get(id).is_some_and(|webhook| webhook.is_ordered == is_ordered);
            let lanes: Vec<_> =
                leases.iter().map(|lease| &lease.lane).filter(|lane| is_alike(&lane.webhook_id)).collect();
            for some in lanes.chunks(LANES) {
                let some = some.iter().map(|lane| (*lane).clone()).collect();
                next.extend(
                    delivery_store::next_of(self.db.read(), some, is_ordered, now, BATCH).await.unwrap_or_default(),
                );
            }
        }
        next
    }

    fn start(&self, lease: Lease, preloaded: Preloaded, mut permit: Permit) {
        let (worker, lane) = (Arc::clone(&self.worker), lease.lane.clone());
        self.under_way.0.lock().worked.insert(lane.clone());
        let (under_way, wake) = (Arc::clone(&self.under_way), Arc::clone(&self.wake));
        let worked = Worked { lane, under_way, wake, is_done: false, is_at_rest: false };
        self.lifecycle.spawn(ShutdownPhase::Workers, "delivery", async move {
            let has_more = worker.run(lease, preloaded, &mut permit).await;
            drop(permit);
            worked.done(has_more);
        });
    }

    /// Ends the leases of lanes that nobody works.
    async fn end_orphaned_leases(&self) -> Result<()> {
        let worked: Vec<_> = {
            let mut lanes = self.under_way.0.lock();
            if !std::mem::take(&mut lanes.has_orphans) {
                return Ok(());
            }
            lanes.worked.iter().cloned().collect()
        };
        let end = async {
            let tx = self.db.write().begin().await?;
            lane_store::end_orphaned_leases(&tx, &worked, self.clock.now().after(RECOVERY)).await?;
            tx.commit().await
        };
        end.await.inspect_err(|_| self.under_way.0.lock().has_orphans = true)
    }

    async fn until_next(&self) -> Duration {
        match lane_store::next_due(self.db.read()).await {
            // All permits may be taken; whoever gives one back wakes it.
            Ok(Some(due)) => due.remaining(self.clock.now()).min(PERIOD),
            Ok(None) | Err(_) => PERIOD,
        }
    }
}
