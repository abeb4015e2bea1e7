//! A lane is what one webhook gets of one session: its deliveries are made in order, by one worker at a time, which holds a
//! lease on it. One row stands for all that waits in it, so that a hundred thousand deliveries for a dead receiver are one row to
//! the scheduler. Which lanes are worked at this moment is known here, in memory.

use std::collections::HashSet;
use std::sync::Arc;

use entity::ids::{SessionId, WebhookId};
use entity::timestamp::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The deliveries of one webhook for one session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The session.
    pub session_id: SessionId,
}

/// The right to work a lane.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Which lane.
    pub lane: Lane,
    /// How often something had been queued in it when it was leased.
    pub arrivals: i64,
    /// Until when it is ours.
    pub until: Timestamp,
}

/// The lanes that are worked right now. One process owns the database, so nobody works any other.
#[derive(Debug, Default)]
pub(super) struct LanesUnderWay(pub(super) Mutex<Lanes>);

#[derive(Debug, Default)]
pub(super) struct Lanes {
    pub(super) worked: HashSet<Lane>,
    /// Whether others may be leased as well: a lease whose answer was lost, or work that broke off.
    pub(super) has_orphans: bool,
    /// Whether lanes that are due may wait for a permit.
    pub(super) is_short: bool,
}

/// A lane that is being worked, until it is dropped.
pub(super) struct Worked {
    pub(super) lane: Lane,
    pub(super) under_way: Arc<LanesUnderWay>,
    pub(super) wake: Arc<Notify>,
    /// Whether the work came to its end.
    pub(super) is_done: bool,
    /// Whether the lane has nothing to do, now or later.
    pub(super) is_at_rest: bool,
}

impl Worked {
    /// The work came to its end, and the lane has something to do, or has not.
    pub(super) fn done(mut self, has_more: bool) {
        (self.is_done, self.is_at_rest) = (true, !has_more);
    }
}

impl Drop for Worked {
    fn drop(&mut self) {
        let mut lanes = self.under_way.0.lock();
        lanes.worked.remove(&self.lane);
        lanes.has_orphans |= !self.is_done;
        // Otherwise there is no reason to look: whoever queues something wakes the scheduler.
        if lanes.is_short || !self.is_at_rest {
            self.wake.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::ids::{SessionId, WebhookId};
    use futures::FutureExt;

    use super::*;

    #[test]
    fn a_lane_whose_work_broke_off_is_looked_for_and_one_that_was_left_is_not() {
        let (under_way, wake) = (Arc::new(LanesUnderWay::default()), Arc::new(Notify::new()));
        let lane = Lane { webhook_id: WebhookId::generate(), session_id: SessionId::parse("shop").expect("it is one") };
        let begin = || {
            under_way.0.lock().worked.insert(lane.clone());
            let (under_way, wake) = (Arc::clone(&under_way), Arc::clone(&wake));
            Worked { lane: lane.clone(), under_way, wake, is_done: false, is_at_rest: false }
        };
        begin().done(false);
        assert!(wake.notified().now_or_never().is_none(), "nobody waits for anything");
        begin().done(true);
        wake.notified().now_or_never().expect("the lane has more");
        under_way.0.lock().is_short = true;
        begin().done(false);
        wake.notified().now_or_never().expect("another lane waits for the permit");
        assert!(!under_way.0.lock().has_orphans && under_way.0.lock().worked.is_empty());
        let worked = begin();
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _worked = worked;
            std::panic::resume_unwind(Box::new("its work breaks off"));
        }));
        assert!(panic.is_err() && under_way.0.lock().has_orphans && under_way.0.lock().worked.is_empty());
    }
}
