//! What a connection does, as far as it can be told from outside: by that it has its time.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::api::listener::limits::Timing;

/// A connection that has taken nothing for so long may have to go for another one.
const SLUGGISH: Duration = Duration::from_secs(5);

/// What a connection does.
#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<State>,
    leave: Notify,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// Some exactly while there is something to take and the client takes nothing.
    untaken_since: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No request is under way.
    Waiting,
    /// A request has begun, and its head is not whole.
    Head,
    /// A request is under way.
    Request,
    /// It is no HTTP any more: whoever took it over has limits of their own.
    Upgraded,
}

/// A request that is under way until this is dropped.
pub(super) struct Request(Arc<Activity>);

impl Activity {
    /// Of a connection that has said something.
    pub(super) fn new() -> Self {
        let state = State { phase: Phase::Head, since: Instant::now(), untaken_since: None };
        Self { state: Mutex::new(state), leave: Notify::new() }
    }

    /// Something came in.
    pub(super) fn came(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Waiting {
            state.enter(Phase::Head);
        }
    }

    /// The client took something.
    pub(super) fn took(&self) {
        let mut state = self.state.lock();
        state.untaken_since = None;
        // It may be the end of an answer that is over for us.
        if state.phase == Phase::Waiting {
            state.since = Instant::now();
        }
    }

    /// There is something to take, and the client does not take it.
    pub(super) fn takes_nothing(&self) {
        self.state.lock().untaken_since.get_or_insert_with(Instant::now);
    }

    /// A request is whole, and under way.
    pub(super) fn begin(self: &Arc<Self>) -> Request {
        self.state.lock().enter(Phase::Request);
        Request(Arc::clone(self))
    }

    /// It is no HTTP any more.
    pub(super) fn upgrade(&self) {
        self.state.lock().enter(Phase::Upgraded);
    }

    /// How well it can be done without, the least first. None if it cannot.
    pub(super) fn dispensable(&self) -> Option<(bool, Instant)> {
        self.state.lock().dispensable(Instant::now())
    }

    /// Tells it to make room.
    pub(super) fn leave(&self) {
        self.leave.notify_one();
    }

    /// Resolves when it is told to make room.
    pub(super) async fn told_to_leave(&self) {
        self.leave.notified().await;
    }

    /// Resolves when the connection has had its time. To be polled by the task that serves the connection: whatever happens
    /// on it wakes that task, and so this looks again.
    pub(super) async fn expired(&self, timing: Timing) {
        let mut sleep = Box::pin(tokio::time::sleep(timing.head));
        poll_fn(|cx| {
            loop {
                let Some(deadline) = self.state.lock().deadline(timing) else { return Poll::Pending };
                // One that fires early looks again; to move it at each request would cost more.
                if sleep.is_elapsed() || deadline < sleep.deadline() {
                    sleep.as_mut().reset(deadline);
                }
                ready!(sleep.as_mut().poll(cx));
                if deadline <= Instant::now() {
                    return Poll::Ready(());
                }
            }
        })
        .await;
    }
}

impl State {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }

    fn dispensable(&self, now: Instant) -> Option<(bool, Instant)> {
        match (self.phase, self.untaken_since) {
            (Phase::Waiting | Phase::Head, None) => Some((false, self.since)),
            (Phase::Waiting | Phase::Head | Phase::Request, Some(since)) if now >= since + SLUGGISH => {
                Some((true, since))
            }
            (Phase::Waiting | Phase::Head | Phase::Request | Phase::Upgraded, _) => None,
        }
    }

    fn deadline(&self, timing: Timing) -> Option<Instant> {
        match (self.untaken_since, self.phase) {
            (_, Phase::Upgraded) => None,
            (Some(since), Phase::Waiting | Phase::Head | Phase::Request) => Some(since + timing.take),
            (None, Phase::Waiting) => Some(self.since + timing.idle),
            (None, Phase::Head) => Some(self.since + timing.head),
            (None, Phase::Request) => None,
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        if state.phase == Phase::Request {
            state.enter(Phase::Waiting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> (State, Timing, Instant) {
        let now = Instant::now();
        (State { phase: Phase::Head, since: now, untaken_since: None }, Timing::default(), now)
    }

    #[test]
    fn a_head_has_ten_seconds_the_next_request_a_minute_and_a_request_its_time() {
        let (mut state, timing, now) = state();
        assert_eq!(state.deadline(timing), Some(now + Duration::from_secs(10)));
        state.enter(Phase::Request);
        assert_eq!((state.deadline(timing), state.dispensable(now + Duration::from_secs(600))), (None, None));
        state.enter(Phase::Waiting);
        assert_eq!(state.deadline(timing), Some(state.since + Duration::from_secs(60)));
        assert_eq!(state.dispensable(state.since), Some((false, state.since)));
    }

    #[test]
    fn who_takes_nothing_for_a_minute_has_had_their_time_whatever_they_do() {
        let (mut state, timing, now) = state();
        for phase in [Phase::Waiting, Phase::Head, Phase::Request] {
            state.enter(phase);
            state.untaken_since = Some(now);
            assert_eq!(state.deadline(timing), Some(now + Duration::from_secs(60)));
            assert_eq!(state.dispensable(now + Duration::from_secs(4)), None);
            assert_eq!(state.dispensable(now + Duration::from_secs(5)), Some((true, now)));
        }
        state.enter(Phase::Upgraded);
        assert_eq!((state.deadline(timing), state.dispensable(now + Duration::from_secs(600))), (None, None));
    }

    #[test]
    fn only_the_first_byte_of_a_head_counts_and_only_the_first_moment_without_taking() {
        let activity = Arc::new(Activity::new());
        drop(activity.begin());
        assert_eq!(activity.state.lock().phase, Phase::Waiting);
        activity.came();
        let since = activity.state.lock().since;
        activity.came();
        assert_eq!(activity.state.lock().since, since);
        assert_eq!(activity.state.lock().phase, Phase::Head);
        activity.takes_nothing();
        let since = activity.state.lock().untaken_since;
        activity.takes_nothing();
        assert_eq!(activity.state.lock().untaken_since, since);
        activity.took();
        assert_eq!(activity.state.lock().untaken_since, None);
        let request = activity.begin();
        activity.upgrade();
        drop(request);
        assert_eq!(activity.state.lock().phase, Phase::Upgraded);
    }
}
