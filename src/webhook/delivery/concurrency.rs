//! How many lanes are worked at the same time. Each needs a permit. Slow receivers have permits of their own: a worker that has
//! to wait for its receiver moves to one of those, so that slow receivers do not use up the permits of prompt ones.

use std::collections::HashMap;
use std::sync::Arc;

use entity::ids::WebhookId;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Permits for lanes whose receivers answer promptly.
const PROMPT_PERMITS: usize = 64;
/// Permits for lanes whose receivers are slow. These only wait, so there can be more of them.
const SLOW_PERMITS: usize = 256;
/// Lanes of one webhook that are worked at the same time.
const PERMITS_PER_WEBHOOK: usize = 32;

/// The permits of this process.
#[derive(Debug)]
pub(in crate::webhook) struct Concurrency {
    prompt: Arc<Semaphore>,
    slow: Arc<Semaphore>,
    /// Of each webhook that has a lane under way.
    own: Mutex<HashMap<WebhookId, Arc<Semaphore>>>,
    /// Notified when a permit is free again.
    wake: Arc<Notify>,
}

impl Concurrency {
    /// Permits that are all free.
    pub(in crate::webhook) fn new(wake: Arc<Notify>) -> Self {
        let permits = |count| Arc::new(Semaphore::new(count));
        Self { prompt: permits(PROMPT_PERMITS), slow: permits(SLOW_PERMITS), own: Mutex::default(), wake }
    }

    /// How many are free for lanes of this kind.
    pub(in crate::webhook) fn free(&self, is_slow: bool) -> usize {
        self.of(is_slow).available_permits()
    }

    /// The webhooks all of whose permits are taken.
    pub(in crate::webhook) fn saturated(&self) -> Vec<WebhookId> {
        let mut own = self.own.lock();
        own.retain(|_, permits| permits.available_permits() < PERMITS_PER_WEBHOOK);
        own.iter().filter(|(_, permits)| permits.available_permits() == 0).map(|(id, _)| id.clone()).collect()
    }

    /// A permit for a lane of this webhook; None if it has to wait.
    pub(in crate::webhook) fn acquire(&self, webhook: &WebhookId, is_slow: bool) -> Option<Permit> {
        let own = {
            let mut own = self.own.lock();
            Arc::clone(own.entry(webhook.clone()).or_insert_with(|| Arc::new(Semaphore::new(PERMITS_PER_WEBHOOK))))
        };
        let own = own.try_acquire_owned().ok()?;
        let general = Arc::clone(self.of(is_slow)).try_acquire_owned().ok()?;
        let (slow, wake) = (Arc::clone(&self.slow), Arc::clone(&self.wake));
        Some(Permit { _own: own, general, is_slow, slow, wake })
    }

    fn of(&self, is_slow: bool) -> &Arc<Semaphore> {
        if is_slow { &self.slow } else { &self.prompt }
    }
}

/// A permit to work one lane, until it is dropped.
#[derive(Debug)]
pub(in crate::webhook) struct Permit {
    _own: OwnedSemaphorePermit,
    general: OwnedSemaphorePermit,
    is_slow: bool,
    slow: Arc<Semaphore>,
    wake: Arc<Notify>,
}

impl Permit {
    /// Whether it is one of those for slow receivers.
    pub(in crate::webhook) const fn is_slow(&self) -> bool {
        self.is_slow
    }

    /// Becomes a permit for a slow receiver, if one is free; the prompt one goes to another lane.
    pub(in crate::webhook) fn make_slow(&mut self) {
        if !self.is_slow
            && let Ok(slow) = Arc::clone(&self.slow).try_acquire_owned()
        {
            self.general = slow;
            self.is_slow = true;
            self.wake.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_slow_makes_room_until_all_slow_permits_are_taken() {
        let permits = Concurrency::new(Arc::default());
        let take = |is_slow| permits.acquire(&WebhookId::generate(), is_slow);
        let mut prompt: Vec<_> = (0..PROMPT_PERMITS).map(|_| take(false).expect("a permit")).collect();
        assert!(take(false).is_none());
        prompt[0].make_slow();
        assert_eq!((prompt[0].is_slow(), permits.free(false), permits.free(true)), (true, 1, SLOW_PERMITS - 1));
        let slow: Vec<_> = (1..SLOW_PERMITS).map(|_| take(true).expect("a permit")).collect();
        prompt[1].make_slow();
        assert_eq!((prompt[1].is_slow(), permits.free(false), permits.free(true)), (false, 1, 0));
        drop((prompt, slow));
        assert_eq!((permits.free(false), permits.free(true)), (PROMPT_PERMITS, SLOW_PERMITS));
    }

    #[test]
    fn a_webhook_has_its_own_bound() {
        let (permits, webhook) = (Concurrency::new(Arc::default()), WebhookId::generate());
        let taken: Vec<_> =
            (0..PERMITS_PER_WEBHOOK).map(|_| permits.acquire(&webhook, false).expect("a permit")).collect();
        assert!(permits.acquire(&webhook, true).is_none());
        assert_eq!(permits.saturated(), [webhook]);
        drop(taken);
        assert!(permits.saturated().is_empty());
    }
}
