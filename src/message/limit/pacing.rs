//! How fast a session sends: a token bucket for each, so that nobody's program gets an account into trouble by mistake. It delays and
//! hides nothing: who sends faster than it allows sees the queue grow.

use std::collections::HashMap;
use std::time::Duration;

use entity::ids::SessionId;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::session::Sessions;
use crate::session::types::SendPace;

/// How often who waits for a turn looks whether another pace was chosen.
const LOOK: Duration = Duration::from_secs(5);

/// How fast a session sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Messages per second in the long run. Zero is as fast as it goes.
    pub per_second: f64,
    /// Messages that go at once after a while without any.
    pub burst: u32,
}

impl Pace {
    /// What was chosen for a session, and this for the rest.
    fn chosen(self, SendPace { rate, burst }: SendPace) -> Self {
        Self { per_second: rate.unwrap_or(self.per_second), burst: burst.unwrap_or(self.burst) }
    }
}

/// How fast each session sends, and what it may send at once.
#[derive(Debug)]
pub(in crate::message) struct Pacing {
    /// Of sessions for which nothing else was chosen.
    pace: Pace,
    sessions: Sessions,
    buckets: Buckets,
}

impl Pacing {
    pub(in crate::message) fn new(pace: Pace, sessions: Sessions) -> Self {
        Self { pace, sessions, buckets: Buckets::default() }
    }

    /// How fast a session sends.
    pub(in crate::message) fn pace(&self, session: &SessionId) -> Pace {
        self.pace.chosen(self.sessions.send_pace(session))
    }

    /// Waits for a turn. Whoever waits when another pace is chosen waits at that one.
    pub(in crate::message) async fn turn(&self, session: &SessionId) {
        let mut pace = self.pace(session);
        let mut wait = self.buckets.take(session, pace, Instant::now());
        while !wait.is_zero() {
            let part = wait.min(LOOK);
            tokio::time::sleep(part).await;
            wait -= part;
            let chosen = self.pace(session);
            if chosen != pace {
                (pace, wait) = (chosen, self.buckets.take(session, chosen, Instant::now()));
            }
        }
    }
}

/// The buckets of all sessions.
#[derive(Debug, Default)]
struct Buckets(Mutex<HashMap<SessionId, Bucket>>);

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// What may be sent at once; less than zero is promised to those who wait.
    tokens: f64,
    at: Instant,
    /// How fast it is filled.
    pace: Pace,
}

impl Bucket {
    /// What is in it when it is full.
    fn size(pace: Pace) -> f64 {
        f64::from(pace.burst.max(1))
    }

    /// What is in it at this moment.
    fn level(&self, now: Instant) -> f64 {
        let filled = self.tokens + now.duration_since(self.at).as_secs_f64() * self.pace.per_second;
        filled.min(Self::size(self.pace))
    }
}

impl Buckets {
    fn take(&self, session: &SessionId, pace: Pace, now: Instant) -> Duration {
        let mut buckets = self.0.lock();
        // What is full again says nothing. Nor does what was, once there is no pace any more.
        buckets.retain(|id, bucket| {
            if id == session { pace.per_second > 0.0 } else { bucket.level(now) < Bucket::size(bucket.pace) }
        });
        if pace.per_second <= 0.0 {
            return Duration::ZERO;
        }
        let level = match buckets.get(session) {
            Some(bucket) if bucket.pace == pace => bucket.level(now),
            // It was filled at another pace until now. Those to whom something was promised at that one take a turn anew.
            Some(bucket) => bucket.level(now).clamp(0.0, Bucket::size(pace)),
            None => Bucket::size(pace),
        };
        let tokens = level - 1.0;
        buckets.insert(session.clone(), Bucket { tokens, at: now, pace });
        Duration::from_secs_f64((-tokens / pace.per_second).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(per_second: f64, burst: u32) -> Pace {
        Pace { per_second, burst }
    }

    fn id(text: &str) -> SessionId {
        SessionId::parse(text).expect("an id")
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_one_after_the_other() {
        let (buckets, two) = (Buckets::default(), pace(2.0, 2));
        let (shop, other) = (id("shop"), id("other"));
        let start = Instant::now();
        let waits: Vec<_> = (0..4).map(|_| buckets.take(&shop, two, start).as_millis()).collect();
        assert_eq!(waits, [0, 0, 500, 1_000]);
        assert_eq!(buckets.take(&other, two, start), Duration::ZERO, "each session has its own");
        assert_eq!(buckets.take(&shop, two, start + Duration::from_secs(60)), Duration::ZERO);
        assert_eq!(buckets.0.lock().len(), 1, "who has sent nothing for a while takes no memory");
        assert!((0..100).all(|_| buckets.take(&shop, pace(0.0, 1), start).is_zero()));
        assert!(buckets.0.lock().is_empty());
    }

    #[test]
    fn another_pace_counts_at_once() {
        let (buckets, shop, start) = (Buckets::default(), id("shop"), Instant::now());
        let slow: Vec<_> = (0..3).map(|_| buckets.take(&shop, pace(0.001, 1), start).as_secs()).collect();
        assert_eq!(slow, [0, 1_000, 2_000]);
        let fast: Vec<_> = (0..3).map(|_| buckets.take(&shop, pace(10.0, 1), start).as_millis()).collect();
        assert_eq!(fast, [100, 200, 300], "what was promised at the other pace is void");
        assert!(buckets.take(&shop, pace(0.0, 1), start).is_zero());
        // A smaller bucket has no more in it than it holds.
        assert!(buckets.take(&shop, pace(1.0, 100), start).is_zero());
        assert!(buckets.take(&shop, pace(1.0, 1), start).is_zero());
        assert_eq!(buckets.take(&shop, pace(1.0, 1), start).as_secs(), 1);
    }

    #[test]
    fn what_is_not_chosen_for_a_session_is_the_servers_choice() {
        let server = pace(1.0, 5);
        assert_eq!(server.chosen(SendPace::default()), server);
        assert_eq!(server.chosen(SendPace { rate: Some(0.0), burst: None }), pace(0.0, 5));
        assert_eq!(server.chosen(SendPace { rate: None, burst: Some(9) }), pace(1.0, 9));
    }
}
