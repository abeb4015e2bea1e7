//! How far a clock can be believed. One that somebody sets, or that a machine wakes up with, may be years ahead for a while: what is
//! done by it in that time cannot be undone.

use std::time::{Duration, Instant};

use entity::timestamp::Timestamp;

/// How often the clock is compared with the time that passed.
pub const LOOK: Duration = Duration::from_secs(60);
/// How long the clock must have gone right before it is believed whatever it says.
pub const STEADY: Duration = Duration::from_secs(10 * 60);
/// How much a clock may differ from the time that passed: it is corrected a little now and then.
const DRIFT_MILLIS: u64 = 10_000;

/// For how long the clock has gone right, as far as can be told: by as much as time passed.
#[derive(Debug)]
pub struct Trust {
    seen: (Timestamp, Instant),
    since: (Timestamp, Instant),
}

impl Trust {
    /// Looks for the first time.
    pub fn new(clock: Timestamp, now: Instant) -> Self {
        Self { seen: (clock, now), since: (clock, now) }
    }

    /// Looks at the clock. Gives for how long it has gone right.
    pub fn look(&mut self, clock: Timestamp, now: Instant) -> Duration {
        let (before, then) = self.seen;
        let passed = now.saturating_duration_since(then);
        let millis = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        let has_jumped = clock.millis().saturating_sub(before.millis()).abs_diff(millis) > DRIFT_MILLIS;
        if has_jumped {
            self.since = (clock, now);
        }
        // Who looks all the time must not take a clock that runs ten times too fast for many small corrections.
        if has_jumped || passed >= LOOK {
            self.seen = (clock, now);
        }
        now.saturating_duration_since(self.since.1)
    }

    /// What the clock showed when it began to go right.
    pub const fn since(&self) -> Timestamp {
        self.since.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const START: Timestamp = Timestamp::from_millis(1_767_143_000_000);

    #[test]
    fn a_clock_that_jumps_is_trusted_again_after_a_while() {
        let begun = Instant::now();
        let mut trust = Trust::new(START, begun);
        let mut looks = Vec::new();
        for minute in 1..=6 {
            // Sixty days ahead, and back a minute later.
            let now = if minute == 4 { START.after(DAY * 60) } else { START.after(LOOK * minute) };
            looks.push(trust.look(now, begun + LOOK * minute).as_secs() / 60);
        }
        assert_eq!(looks, [1, 2, 3, 0, 0, 1]);
        assert_eq!(trust.since(), START.after(LOOK * 5));
    }

    #[test]
    fn a_clock_that_runs_too_fast_is_found_out_however_often_it_is_looked_at() {
        let begun = Instant::now();
        let mut trust = Trust::new(START, begun);
        let second = Duration::from_secs(1);
        let looks: Vec<_> =
            (1..=20).map(|count| trust.look(START.after(second * 2 * count), begun + second * count)).collect();
        assert_eq!(looks[9], second * 10, "ten seconds more than passed may be a correction");
        assert_eq!(looks[10], Duration::ZERO);
    }
}
