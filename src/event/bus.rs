//! What was written to the journal, told inside the process. Nothing durable hangs on it: whoever missed something reads
//! the journal.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;

use crate::event::record::Record;

/// Events that are kept in memory for those who follow, at most.
const RECENT_EVENTS: usize = 1024;
/// What their bodies may take together, bytes.
const RECENT_BYTES: usize = 4 * 1024 * 1024;

/// The newest events of all sessions, and the position of the very newest.
#[derive(Debug)]
pub struct Bus {
    recent: RwLock<Recent>,
    head: watch::Sender<i64>,
}

#[derive(Debug)]
struct Recent {
    events: VecDeque<Arc<Record>>,
    bytes: usize,
    /// Every event behind this position is here.
    floor: i64,
}

impl Bus {
    /// A bus on which nothing was told; the journal ends at `head`.
    pub fn new(head: i64) -> Self {
        let recent = Recent { events: VecDeque::new(), bytes: 0, floor: head };
        Self { recent: RwLock::new(recent), head: watch::Sender::new(head) }
    }

    /// Tells events, in order, each behind all that were told before.
    pub fn publish(&self, events: &[Arc<Record>]) {
        let Some(newest) = events.last() else { return };
        let newest = newest.position;
        {
            let mut recent = self.recent.write();
            for event in events {
                recent.push(Arc::clone(event));
            }
        }
        self.head.send_replace(newest);
    }

    /// Keeps nothing that was told: there may be events up to `head` that were not. The table has them all.
    pub fn forget(&self, head: i64) {
        *self.recent.write() = Recent { events: VecDeque::new(), bytes: 0, floor: head };
        self.head.send_replace(head);
    }

    /// The events behind `after`, at most `limit`. None if they are not all here: then the table has them.
    pub fn since(&self, after: i64, limit: usize) -> Option<Vec<Arc<Record>>> {
        let recent = self.recent.read();
        if after < recent.floor {
            return None;
        }
        let first = recent.events.partition_point(|event| event.position <= after);
        Some(recent.events.range(first..).take(limit).cloned().collect())
    }

    /// Those of these events that are still here, by position.
    pub fn at(&self, positions: impl IntoIterator<Item = i64>) -> HashMap<i64, Arc<Record>> {
        let recent = self.recent.read();
        let find = |position| {
            let place = recent.events.binary_search_by_key(&position, |event| event.position).ok()?;
            Some((position, Arc::clone(&recent.events[place])))
        };
        positions.into_iter().filter_map(find).collect()
    }

    /// The position of the newest event, and each later one.
    pub fn head(&self) -> watch::Receiver<i64> {
        self.head.subscribe()
    }
}

impl Recent {
    fn push(&mut self, event: Arc<Record>) {
        self.bytes += event.body.len();
        self.events.push_back(event);
        while self.events.len() > RECENT_EVENTS || self.bytes > RECENT_BYTES {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= oldest.body.len();
            self.floor = oldest.position;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use entity::ids::{EventId, SessionId};
    use entity::timestamp::Timestamp;
    use entity::words::EventType;

    use super::*;

    fn event(position: i64, bytes: usize) -> Arc<Record> {
        Arc::new(Record {
            position,
            id: EventId::generate(),
            session_id: SessionId::parse("shop").expect("it is an id"),
            sequence: position,
            event_type: EventType::Test,
            created_at: Timestamp::from_millis(0),
            body: "x".repeat(bytes).into(),
        })
    }

    fn positions(bus: &Bus, after: i64) -> Option<Vec<i64>> {
        Some(bus.since(after, 2)?.iter().map(|event| event.position).collect())
    }

    #[test]
    fn who_is_behind_what_is_kept_is_sent_to_the_table() {
        let bus = Bus::new(10);
        assert_eq!((positions(&bus, 9), positions(&bus, 10)), (None, Some(Vec::new())));
        bus.publish(&[event(11, 1), event(15, 1), event(16, 1)]);
        assert_eq!(positions(&bus, 10), Some(vec![11, 15]));
        assert_eq!((positions(&bus, 15), positions(&bus, 9)), (Some(vec![16]), None));
        let found = bus.at([9, 11, 12, 16]);
        assert_eq!(
            found.iter().map(|(at, event)| (*at, event.position)).collect::<BTreeSet<_>>(),
            [(11, 11), (16, 16)].into()
        );
        for position in 17..17 + 1024 {
            bus.publish(&[event(position, 1)]);
        }
        assert_eq!((positions(&bus, 15), positions(&bus, 16)), (None, Some(vec![17, 18])));
        assert_eq!(*bus.head().borrow(), 1040);
    }

    #[test]
    fn large_events_do_not_pile_up() {
        let bus = Bus::new(0);
        for position in 1..=9 {
            bus.publish(&[event(position, 1024 * 1024)]);
        }
        assert_eq!((positions(&bus, 4), positions(&bus, 5)), (None, Some(vec![6, 7])));
    }
}
