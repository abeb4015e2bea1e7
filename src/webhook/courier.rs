//! Carries deliveries out: claims the lanes whose time has come, posts what waits in them, writes down what came of it.
//!
//! Lanes are worked side by side, each in order. How many at a time is bounded, and those whose last attempt failed have
//! places of their own, so that dead receivers cannot take all of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use entity::ids::WebhookId;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tracing::error;

use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Result, chain};
use crate::lifecycle::Lifecycle;
use crate::webhook::carrier::Carrier;
use crate::webhook::lane::{self, Claim};
use crate::webhook::store::{self, Record};

/// Lanes that are worked at the same time: those that work, and those whose last attempt failed.
const PLACES: [usize; 2] = [64, 32];
/// Lanes of one webhook that are worked at the same time.
const PLACES_OF_ONE: usize = 32;
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
    places: [Arc<Semaphore>; 2],
    /// Of each webhook that has a lane under way.
    own: Mutex<HashMap<WebhookId, Arc<Semaphore>>>,
}

/// When to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// At once: more may be due.
    Again,
    /// When there is a reason to.
    Later,
}

/// A lane's place among those that are worked at the same time.
struct Place {
    _own: OwnedSemaphorePermit,
    _general: OwnedSemaphorePermit,
}

impl Courier {
    /// A courier that has nothing under way.
    pub(super) fn new(db: Db, clock: Clock, lifecycle: Lifecycle, carrier: Arc<Carrier>, poke: Arc<Notify>) -> Self {
        let places = PLACES.map(|places| Arc::new(Semaphore::new(places)));
        Self { db, clock, lifecycle, carrier, poke, places, own: Mutex::default() }
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
        for (is_failing, general) in [(false, &self.places[0]), (true, &self.places[1])] {
            let free = general.available_permits();
            if free == 0 {
                continue;
            }
            for lane in lane::due(self.db.read(), is_failing, &self.crowded(), now, free as u64).await? {
                match self.place(&lane.webhook_id, general) {
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
        // If this fails, each looks for itself. Nothing that was claimed may be left behind.
        let webhooks: BTreeSet<_> = claims.iter().map(|claim| &claim.lane.webhook_id).collect();
        let webhooks = store::all_of(self.db.read(), webhooks).await.unwrap_or_default();
        for claim in claims {
            let webhook = webhooks.iter().find(|webhook| webhook.id == claim.lane.webhook_id).cloned();
            if let Some(place) = places.remove(&claim.lane) {
                self.start(claim, webhook, place);
            }
        }
        Ok(look)
    }

    /// The webhooks all of whose places are taken.
    fn crowded(&self) -> Vec<WebhookId> {
        let mut own = self.own.lock();
        own.retain(|_, places| places.available_permits() < PLACES_OF_ONE);
        own.iter().filter(|(_, places)| places.available_permits() == 0).map(|(id, _)| id.clone()).collect()
    }

    /// A place for a lane of this webhook; None if it has to wait.
    fn place(&self, webhook: &WebhookId, general: &Arc<Semaphore>) -> Option<Place> {
        let own = {
            let mut own = self.own.lock();
            let places = own.entry(webhook.clone()).or_insert_with(|| Arc::new(Semaphore::new(PLACES_OF_ONE)));
            Arc::clone(places)
        };
        let (own, general) = (own.try_acquire_owned().ok()?, Arc::clone(general).try_acquire_owned().ok()?);
        Some(Place { _own: own, _general: general })
    }

    fn start(&self, claim: Claim, webhook: Option<Record>, place: Place) {
        let (carrier, poke) = (Arc::clone(&self.carrier), Arc::clone(&self.poke));
        self.lifecycle.spawn("delivery", async move {
            carrier.carry(claim, webhook).await;
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
