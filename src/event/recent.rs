//! The newest events of all sessions, in memory, for those who follow them. Nothing durable depends on it: whoever is too far
//! behind reads the table.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;

use crate::event::record::EventRow;

/// Events that are kept in memory for those who follow, at most.
const RECENT_EVENTS: usize = 1024;
/// What their bodies may take together, bytes.
const RECENT_BYTES: usize = 4 * 1024 * 1024;

/// The newest events of all sessions, and the position of the very newest.
#[derive(Debug)]
pub struct RecentEvents {
    kept: RwLock<Kept>,
    head: watch::Sender<i64>,
}

#[derive(Debug)]
struct Kept {
    events: VecDeque<Arc<EventRow>>,
    bytes: usize,
    /// Every event behind this position is here.
    floor: i64,
}

impl RecentEvents {
    /// No events yet; the journal ends at `head`.
    pub fn new(head: i64) -> Self {
        let kept = Kept { events: VecDeque::new(), bytes: 0, floor: head };
        Self { kept: RwLock::new(kept), head: watch::Sender::new(head) }
    }

    /// Tells events, in order, each behind all that were told before.
    pub fn publish(&self, events: &[Arc<EventRow>]) {
        let Some(newest) = events.last() else { return };
        let newest = newest.position;
        {
            let mut kept = self.kept.write();
            for event in events {
                kept.push(Arc::clone(event));
            }
        }
        self.head.send_replace(newest);
    }

    /// Forgets all events: there may be others up to `head` that were never told. The table has them all.
    pub fn forget(&self, head: i64) {
        *self.kept.write() = Kept { events: VecDeque::new(), bytes: 0, floor: head };
        self.head.send_replace(head);
    }

    /// The events behind `after`, at most `limit`. None if they are not all here: then the table has them.
    pub fn since(&self, after: i64, limit: usize) -> Option<Vec<Arc<EventRow>>> {
        let kept = self.kept.read();
        if after < kept.floor {
            return None;
        }
        let first = kept.events.partition_point(|event| event.position <= after);
        Some(kept.events.range(first..).take(limit).cloned().collect())
    }

    /// Those of these events that are still here, by position.
    pub fn at(&self, positions: impl IntoIterator<Item = i64>) -> HashMap<i64, Arc<EventRow>> {
        let kept = self.kept.read();
        let find = |position| {
            let index = kept.events.binary_search_by_key(&position, |event| event.position).ok()?;
            Some((position, Arc::clone(&kept.events[index])))
        };
        positions.into_iter().filter_map(find).collect()
    }

    /// The position of the newest event, and each later one.
    pub fn head(&self) -> watch::Receiver<i64> {
        self.head.subscribe()
    }
}

impl Kept {
    fn push(&mut self, event: Arc<EventRow>) {
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
    use entity::words::event::EventType;

    use super::*;

    fn event(position: i64, bytes: usize) -> Arc<EventRow> {
        Arc::new(EventRow {
            position,
            id: EventId::generate(),
            session_id: SessionId::parse("shop").expect("it is an id"),
            sequence: position,
            event_type: EventType::Test,
            created_at: Timestamp::from_millis(0),
            body: "x".repeat(bytes).into(),
        })
    }

    fn positions(recent: &RecentEvents, after: i64) -> Option<Vec<i64>> {
        Some(recent.since(after, 2)?.iter().map(|event| event.position).collect())
    }

    #[test]
    fn who_is_behind_what_is_kept_is_sent_to_the_table() {
        let recent = RecentEvents::new(10);
        assert_eq!((positions(&recent, 9), positions(&recent, 10)), (None, Some(Vec::new())));
        recent.publish(&[event(11, 1), event(15, 1), event(16, 1)]);
        assert_eq!(positions(&recent, 10), Some(vec![11, 15]));
        assert_eq!((positions(&recent, 15), positions(&recent, 9)), (Some(vec![16]), None));
        let found = recent.at([9, 11, 12, 16]);
        assert_eq!(
            found.iter().map(|(at, event)| (*at, event.position)).collect::<BTreeSet<_>>(),
            [(11, 11), (16, 16)].into()
        );
        for position in 17..17 + 1024 {
            recent.publish(&[event(position, 1)]);
        }
        assert_eq!((positions(&recent, 15), positions(&recent, 16)), (None, Some(vec![17, 18])));
        assert_eq!(*recent.head().borrow(), 1040);
    }

    #[test]
    fn large_events_do_not_pile_up() {
        let recent = RecentEvents::new(0);
        for position in 1..=9 {
            recent.publish(&[event(position, 1024 * 1024)]);
        }
        assert_eq!((positions(&recent, 4), positions(&recent, 5)), (None, Some(vec![6, 7])));
    }
}
