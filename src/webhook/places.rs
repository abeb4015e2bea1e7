//! Places for lanes that are worked at the same time. How many there are is bounded, and whoever is slow steps aside, so
//! that slow receivers do not take the places of prompt ones.

use std::collections::HashMap;
use std::sync::Arc;

use entity::ids::WebhookId;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Places of lanes whose receivers answer promptly.
const PROMPT: usize = 64;
/// Places of those whose receivers take their time: mere waits, so there can be more of them.
const SLOW: usize = 256;
/// Lanes of one webhook that are worked at the same time.
const OF_ONE: usize = 32;

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    prompt: Arc<Semaphore>,
    slow: Arc<Semaphore>,
    /// Of each webhook that has a lane under way.
    own: Mutex<HashMap<WebhookId, Arc<Semaphore>>>,
    /// Told when a place is free again.
    poke: Arc<Notify>,
}

impl Places {
    /// Places that are all free.
    pub(super) fn new(poke: Arc<Notify>) -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self { prompt: places(PROMPT), slow: places(SLOW), own: Mutex::default(), poke }
    }

    /// How many are free for lanes of this kind.
    pub(super) fn free(&self, is_slow: bool) -> usize {
        self.of(is_slow).available_permits()
    }

    /// The webhooks all of whose places are taken.
    pub(super) fn crowded(&self) -> Vec<WebhookId> {
        let mut own = self.own.lock();
        own.retain(|_, places| places.available_permits() < OF_ONE);
        own.iter().filter(|(_, places)| places.available_permits() == 0).map(|(id, _)| id.clone()).collect()
    }

    /// A place for a lane of this webhook; None if it has to wait.
    pub(super) fn take(&self, webhook: &WebhookId, is_slow: bool) -> Option<Place> {
        let own = {
            let mut own = self.own.lock();
            Arc::clone(own.entry(webhook.clone()).or_insert_with(|| Arc::new(Semaphore::new(OF_ONE))))
        };
        let own = own.try_acquire_owned().ok()?;
        let general = Arc::clone(self.of(is_slow)).try_acquire_owned().ok()?;
        let (slow, poke) = (Arc::clone(&self.slow), Arc::clone(&self.poke));
        Some(Place { _own: own, general, is_slow, slow, poke })
    }

    fn of(&self, is_slow: bool) -> &Arc<Semaphore> {
        if is_slow { &self.slow } else { &self.prompt }
    }
}

/// A lane's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _own: OwnedSemaphorePermit,
    general: OwnedSemaphorePermit,
    is_slow: bool,
    slow: Arc<Semaphore>,
    poke: Arc<Notify>,
}

impl Place {
    /// Whether it is one of those for slow receivers.
    pub(super) const fn is_slow(&self) -> bool {
        self.is_slow
    }

    /// Becomes a place for a slow receiver, if one is free; another lane gets the prompt one.
    pub(super) fn step_aside(&mut self) {
        if !self.is_slow
            && let Ok(slow) = Arc::clone(&self.slow).try_acquire_owned()
        {
            self.general = slow;
            self.is_slow = true;
            self.poke.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_steps_aside_makes_room_until_all_slow_places_are_taken() {
        let places = Places::new(Arc::default());
        let take = |is_slow| places.take(&WebhookId::generate(), is_slow);
        let mut prompt: Vec<_> = (0..PROMPT).map(|_| take(false).expect("a place")).collect();
        assert!(take(false).is_none());
        prompt[0].step_aside();
        assert_eq!((prompt[0].is_slow(), places.free(false), places.free(true)), (true, 1, SLOW - 1));
        let slow: Vec<_> = (1..SLOW).map(|_| take(true).expect("a place")).collect();
        prompt[1].step_aside();
        assert_eq!((prompt[1].is_slow(), places.free(false), places.free(true)), (false, 1, 0));
        drop((prompt, slow));
        assert_eq!((places.free(false), places.free(true)), (PROMPT, SLOW));
    }

    #[test]
    fn a_webhook_has_its_own_bound() {
        let (places, webhook) = (Places::new(Arc::default()), WebhookId::generate());
        let taken: Vec<_> = (0..OF_ONE).map(|_| places.take(&webhook, false).expect("a place")).collect();
        assert!(places.take(&webhook, true).is_none());
        assert_eq!(places.crowded(), [webhook]);
        drop(taken);
        assert!(places.crowded().is_empty());
    }
}
