//! Carries deliveries out: claims the lanes whose time has come, posts what waits in them, writes down what came of it.
//!
//! Lanes are worked side by side, each in order. How many at a time is bounded, and those of slow receivers have places of
//! their own, so that they cannot take all of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tracing::error;

use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Result, chain};
use crate::lifecycle::Lifecycle;
use crate::webhook::carrier::{Carrier, Known};
use crate::webhook::lane::{self, Claim};
use crate::webhook::places::{Place, Places};
use crate::webhook::store;

/// How long a lane may be worked before it counts as left: all that is taken from it at once, each as slow as can be.
const LEASE: Duration = Duration::from_secs(20 * 60);
/// Shortest pause between two looks for which there is no reason but the time.
const PAUSE: Duration = Duration::from_millis(50);
/// How often it looks although nothing is due.
const PERIOD: Duration = Duration::from_secs(30);

/// Carries deliveries out.
#[derive(Debug)]
pub struct Courier {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) lifecycle: Lifecycle,
    pub(super) carrier: Arc<Carrier>,
    pub(super) poke: Arc<Notify>,
    places: Places,
}

/// When to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// At once: more may be due.
    Again,
    /// When there is a reason to.
    Later,
}

impl Courier {
    /// A courier that has nothing under way.
    pub(super) fn new(db: Db, clock: Clock, lifecycle: Lifecycle, carrier: Arc<Carrier>, poke: Arc<Notify>) -> Self {
        let places = Places::new(Arc::clone(&poke));
        Self { db, clock, lifecycle, carrier, poke, places }
    }

    /// Looks again and again: when it is poked, when the next lane is due, and now and then.
    pub(super) async fn run(self) {
        loop {
            match self.run_once().await {
                Ok(Look::Again) => {}
                Ok(Look::Later) => self.rest().await,
                Err(error) => {
                    error!(error = chain(&error), "deliveries could not be claimed");
                    let _ = tokio::time::timeout(PERIOD, self.poke.notified()).await; // Either is a reason to look.
                }
            }
        }
    }

    /// Waits until it is poked or the next lane is due.
    async fn rest(&self) {
        // While there is much to do it is poked at once, and need not ask what is due when.
        if tokio::time::timeout(PAUSE, self.poke.notified()).await.is_err() {
            let pause = self.until_next().await;
            let _ = tokio::time::timeout(pause, self.poke.notified()).await; // Either is a reason to look.
        }
    }

    /// Claims what is due and starts to carry it out.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn run_once(&self) -> Result<Look> {
        let now = self.clock.now();
        let (mut places, mut look) = (HashMap::new(), Look::Later);
        for is_slow in [false, true] {
            let free = self.places.free(is_slow);
            if free == 0 {
                continue;
            }
            for lane in lane::due(self.db.read(), is_slow, &self.places.crowded(), now, free as u64).await? {
                match self.places.take(&lane.webhook_id, is_slow) {
                    Some(place) => drop(places.insert(lane, place)),
                    // It stood in the way of others.
                    None => look = Look::Again,
                }
            }
        }
        if places.is_empty() {
            return Ok(look);
        }
        let lanes: Vec<_> = places.keys().cloned().collect();
        // A lease that is lost in a power cut was this process's own.
        let claims = lane::claim(self.db.write().unhurried(), &lanes, now, now.after(LEASE)).await?;
        // Before they are read: a change that comes later is seen by the number.
        let version = self.carrier.journal.interest().version();
        // If this fails, each looks for itself. Nothing that was claimed may be left behind.
        let webhooks: BTreeSet<_> = claims.iter().map(|claim| &claim.lane.webhook_id).collect();
        let webhooks = store::all_of(self.db.read(), webhooks).await.unwrap_or_default();
        for claim in claims {
            let webhook = webhooks.iter().find(|webhook| webhook.id == claim.lane.webhook_id).cloned();
            if let Some(place) = places.remove(&claim.lane) {
                self.start(claim, Known { webhook, version }, place);
            }
        }
        Ok(look)
    }

    fn start(&self, claim: Claim, known: Known, mut place: Place) {
        let (carrier, poke) = (Arc::clone(&self.carrier), Arc::clone(&self.poke));
        self.lifecycle.spawn("delivery", async move {
            carrier.carry(claim, known, &mut place).await;
            drop(place);
            // The lane may have more, and another may have waited for the place.
            poke.notify_one();
        });
    }

    async fn until_next(&self) -> Duration {
        match lane::next_due(self.db.read()).await {
            // All places may be taken; whoever leaves one pokes.
            Ok(Some(due)) => due.remaining(self.clock.now()).min(PERIOD),
            Ok(None) | Err(_) => PERIOD,
        }
    }
}
