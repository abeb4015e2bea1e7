//! What is known of the messages that are worked on right now, so that each change need not ask the database for it first. Whoever
//! changes a message holds its lock until that is written: no change is based on what is not so any more.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use entity::ids::SessionId;
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use crate::message::store::outgoing::OutgoingRow;

/// The row of a message as it was written last. None if that is not known.
type Slot = tokio::sync::Mutex<Option<OutgoingRow>>;
type Slots = Mutex<HashMap<(SessionId, String), Weak<Slot>>>;

/// Messages that are remembered although nobody works on them: receipts follow soon.
const RECENT: usize = 512;

/// The messages that are worked on.
#[derive(Clone, Debug, Default)]
pub(in crate::message) struct KnownRows {
    slots: Arc<Slots>,
    recent: Arc<Mutex<VecDeque<KnownRow>>>,
    /// Writes of which it is not known what came, and how many of these are decided by now.
    doubtful: Arc<AtomicU64>,
    decided: Arc<AtomicU64>,
}

/// One message that is worked on. What is known of it is forgotten with the last of these.
#[derive(Clone, Debug)]
pub(in crate::message) struct KnownRow {
    key: (SessionId, String),
    /// Some until it is dropped.
    slot: Option<Arc<Slot>>,
    slots: Arc<Slots>,
}

/// A write that is under way. If it is dropped before it is known what came of it, what was known is in doubt.
pub(in crate::message) struct Doubt<'a> {
    known: &'a KnownRows,
    before: u64,
    is_decided: bool,
}

impl KnownRows {
    /// This message.
    pub(in crate::message) fn of(&self, session: &SessionId, message_id: &str) -> KnownRow {
        let key = (session.clone(), message_id.to_owned());
        let slot = {
            let mut slots = self.slots.lock();
            let slot = slots.entry(key.clone()).or_default();
            slot.upgrade().unwrap_or_else(|| {
                let new = Arc::default();
                *slot = Arc::downgrade(&new);
                new
            })
        };
        KnownRow { key, slot: Some(slot), slots: Arc::clone(&self.slots) }
    }

    /// Remembers these for a while.
    pub(in crate::message) fn remember(&self, rows: Vec<KnownRow>) {
        let forgotten: Vec<_> = {
            let mut recent = self.recent.lock();
            recent.extend(rows);
            let surplus = recent.len().saturating_sub(RECENT);
            recent.drain(..surplus).collect()
        };
        drop(forgotten);
    }

    /// The row of a message, if that is known without a question to the database.
    pub(in crate::message) async fn row(&self, session: &SessionId, message_id: &str) -> Option<OutgoingRow> {
        let key = (session.clone(), message_id.to_owned());
        let slot = self.slots.lock().get(&key)?.upgrade()?;
        let known = KnownRow { key, slot: Some(slot), slots: Arc::clone(&self.slots) };
        known.current().await
    }

    /// Whether what the tables say is what holds: nothing may still be written of which nobody knows.
    pub(in crate::message) fn is_certain(&self) -> bool {
        self.doubtful.load(Ordering::SeqCst) == self.decided.load(Ordering::SeqCst)
    }

    /// Begins a write.
    pub(in crate::message) fn doubt(&self) -> Doubt<'_> {
        Doubt { known: self, before: self.doubtful.load(Ordering::SeqCst), is_decided: false }
    }
}

impl Doubt<'_> {
    /// It was written, in a transaction that waited for those before it.
    pub(in crate::message) fn decided(mut self) {
        self.is_decided = true;
        self.known.decided.fetch_max(self.before, Ordering::SeqCst);
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if !self.is_decided {
            self.known.doubtful.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl KnownRow {
    /// Its row, for who changes it. To be given back before this is dropped: until then nothing is forgotten.
    pub(in crate::message) async fn lock(&self) -> OwnedMutexGuard<Option<OutgoingRow>> {
        Arc::clone(self.slot()).lock_owned().await
    }

    /// Its row as it was written last, if that is known.
    pub(in crate::message) async fn current(&self) -> Option<OutgoingRow> {
        self.slot().lock().await.clone()
    }

    fn slot(&self) -> &Arc<Slot> {
        self.slot.as_ref().expect("it is there until it is dropped")
    }
}

impl Drop for KnownRow {
    fn drop(&mut self) {
        let mut slots = self.slots.lock();
        // Under the lock: of two that are dropped at once, the second finds nobody left.
        drop(self.slot.take());
        if slots.get(&self.key).is_some_and(|slot| slot.strong_count() == 0) {
            slots.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_nobody_works_on_takes_no_memory() {
        let (known, shop) = (KnownRows::default(), SessionId::parse("shop").expect("an id"));
        let (one, again) = (known.of(&shop, "3EB0"), known.of(&shop, "3EB0"));
        let held = one.lock().await;
        assert!(again.slot().try_lock().is_err(), "one message has one lock");
        assert!(known.of(&shop, "3EB1").slot().try_lock().is_ok(), "another one has another");
        drop(held);
        drop(one);
        assert_eq!(known.slots.lock().len(), 1);
        drop(again);
        assert!(known.slots.lock().is_empty());
    }

    #[test]
    fn a_doubt_ends_with_the_next_write_that_succeeds() {
        let known = KnownRows::default();
        known.doubt().decided();
        assert!(known.is_certain());
        let under_way = known.doubt();
        drop(known.doubt());
        assert!(!known.is_certain());
        under_way.decided();
        assert!(!known.is_certain(), "it had begun before");
        known.doubt().decided();
        assert!(known.is_certain());
    }
}
