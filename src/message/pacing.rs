//! How fast a session sends: a token bucket for each, so that nobody's program gets an account into trouble by mistake. It delays and
//! hides nothing: who sends faster than it allows sees the queue grow.

use std::collections::HashMap;
use std::time::Duration;

use entity::ids::SessionId;
use parking_lot::Mutex;
use tokio::time::Instant;

/// How fast each session sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Messages per second in the long run. Zero is as fast as it goes.
    pub per_second: f64,
    /// Messages that go at once after a while without any.
    pub burst: u32,
}

/// The buckets of all sessions.
#[derive(Debug)]
pub(super) struct Pacing {
    pace: Pace,
    buckets: Mutex<HashMap<SessionId, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// What may be sent at once; less than zero is promised to those who wait.
    tokens: f64,
    at: Instant,
}

impl Pacing {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, buckets: Mutex::default() }
    }

    /// How fast each session sends.
    pub(super) const fn pace(&self) -> Pace {
        self.pace
    }

    /// Takes a turn: how long to wait for it.
    pub(super) fn take(&self, session: &SessionId) -> Duration {
        self.take_at(session, Instant::now())
    }

    fn take_at(&self, session: &SessionId, now: Instant) -> Duration {
        let Pace { per_second, burst } = self.pace;
        if per_second <= 0.0 {
            return Duration::ZERO;
        }
        let full = f64::from(burst.max(1));
        let filled =
            |bucket: &Bucket| (bucket.tokens + now.duration_since(bucket.at).as_secs_f64() * per_second).min(full);
        let mut buckets = self.buckets.lock();
        // What is full again says nothing.
        buckets.retain(|id, bucket| id == session || filled(bucket) < full);
        let bucket = buckets.entry(session.clone()).or_insert(Bucket { tokens: full, at: now });
        *bucket = Bucket { tokens: filled(bucket) - 1.0, at: now };
        Duration::from_secs_f64((-bucket.tokens / per_second).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_one_after_the_other() {
        let pacing = Pacing::new(Pace { per_second: 2.0, burst: 2 });
        let (shop, other) = (SessionId::parse("shop").expect("an id"), SessionId::parse("other").expect("an id"));
        let start = Instant::now();
        let waits: Vec<_> = (0..4).map(|_| pacing.take_at(&shop, start).as_millis()).collect();
        assert_eq!(waits, [0, 0, 500, 1_000]);
        assert_eq!(pacing.take_at(&other, start), Duration::ZERO, "each session has its own");
        assert_eq!(pacing.take_at(&shop, start + Duration::from_secs(60)), Duration::ZERO);
        assert_eq!(pacing.buckets.lock().len(), 1, "who has sent nothing for a while takes no memory");
        let fast = Pacing::new(Pace { per_second: 0.0, burst: 1 });
        assert!((0..100).all(|_| fast.take_at(&shop, start).is_zero()));
    }
}
