//! Carries deliveries out: claims the lanes whose time has come, posts what waits in them, writes down what came of it.
//!
//! Lanes are worked side by side, each in order. How many at a time is bounded, and those whose last attempt failed have
//! places of their own, so that dead receivers cannot take all of them.

use std::collections::HashMap;
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
use crate::webhook::queue::{self, Claim};

/// Lanes that are worked at the same time: those that work, and those whose last attempt failed.
const PLACES: [usize; 2] = [64, 32];
/// Lanes of one webhook that are worked at the same time.
const PLACES_OF_ONE: usize = 32;
/// How long a lane may be worked before it counts as left: all that is taken from it at once, each as slow as can be.
const LEASE: Duration = Duration::from_secs(20 * 60);
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
            let pause = match self.run_once().await {
                Ok(0) => self.until_next().await,
                Ok(_) => Duration::ZERO,
                Err(error) => {
                    error!(error = chain(&error), "deliveries could not be claimed");
                    PERIOD
                }
            };
            let _ = tokio::time::timeout(pause, self.poke.notified()).await; // Either is a reason to look.
        }
    }

    /// Claims what is due and starts to carry it out. Gives how many lanes it claimed.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn run_once(&self) -> Result<usize> {
        let now = self.clock.now();
        let mut places = HashMap::new();
        for (is_failing, general) in [(false, &self.places[0]), (true, &self.places[1])] {
            let free = general.available_permits();
            if free == 0 {
                continue;
            }
            for lane in queue::due(self.db.read(), is_failing, &self.crowded(), now, free as u64).await? {
                if let Some(place) = self.place(&lane.webhook_id, general) {
                    places.insert(lane, place);
                }
            }
        }
        if places.is_empty() {
            return Ok(0);
        }
        let lanes: Vec<_> = places.keys().cloned().collect();
        // A lease that is lost in a power cut was this process's own.
        let claims = queue::claim(self.db.write().unhurried(), &lanes, now, now.after(LEASE)).await?;
        let count = claims.len();
        for claim in claims {
            if let Some(place) = places.remove(&claim.lane) {
                self.start(claim, place);
            }
        }
        Ok(count)
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

    fn start(&self, claim: Claim, place: Place) {
        let (carrier, poke) = (Arc::clone(&self.carrier), Arc::clone(&self.poke));
        self.lifecycle.spawn("delivery", async move {
            carrier.carry(claim).await;
            drop(place);
            // The lane may have more, and another may have waited for the place.
            poke.notify_one();
        });
    }

    async fn until_next(&self) -> Duration {
        match queue::next_due(self.db.read()).await {
            // All places may be taken; whoever leaves one pokes.
            Ok(Some(due)) => due.remaining(self.clock.now()).clamp(Duration::from_millis(50), PERIOD),
            Ok(None) | Err(_) => PERIOD,
        }
    }
}
