//! Which moments have come, as far as the clock can be believed. One that jumps ahead would end everything that waits at once, and send
//! what is scheduled for next month.

use std::time::{Duration, Instant};

use entity::timestamp::Timestamp;
use parking_lot::Mutex;

use crate::clock::Clock;
use crate::clock::trust::{STEADY, Trust};

/// What may have come while no process was there to see it. The clock of a machine that starts may be wrong by any time.
const AWAY: Duration = Duration::from_secs(24 * 60 * 60);
/// No moment is before this one.
const EVER: Timestamp = Timestamp::from_millis(i64::MIN);

/// Says which moments have come.
#[derive(Debug)]
pub(in crate::message) struct Believed {
    clock: Clock,
    /// What the clock showed when this began.
    begun: Timestamp,
    trust: Mutex<Trust>,
}

/// Moments that have come: those behind the one, up to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::message) struct Come {
    pub(in crate::message) after: Timestamp,
    pub(in crate::message) now: Timestamp,
}

impl Come {
    /// Whether this one is among them.
    pub(in crate::message) fn has(self, moment: Timestamp) -> bool {
        self.after < moment && moment <= self.now
    }
}

impl Believed {
    /// By this clock, from now on.
    pub(in crate::message) fn new(clock: Clock) -> Self {
        let begun = clock.now();
        Self { clock, begun, trust: Mutex::new(Trust::new(begun, Instant::now())) }
    }

    /// Those that have come: all of them once the clock has gone right for long enough, and until then those that came while it was
    /// watched, or in the day before the start.
    pub(in crate::message) fn come(&self) -> Come {
        self.come_at(Instant::now())
    }

    fn come_at(&self, instant: Instant) -> Come {
        let now = self.clock.now();
        let mut trust = self.trust.lock();
        let steady = trust.look(now, instant);
        let after = match trust.since() {
            _ if steady >= STEADY => EVER,
            since if since == self.begun => since.before(AWAY),
            since => since,
        };
        Come { after, now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_767_143_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    /// What says so, and when it began.
    type Watched = (Believed, Instant);

    fn watched() -> Watched {
        let begun = Instant::now();
        let believed =
            Believed { clock: Clock::manual(START), begun: START, trust: Mutex::new(Trust::new(START, begun)) };
        (believed, begun)
    }

    /// Whether each of these moments has come, so many minutes after the start, when the clock shows this.
    fn have_come((believed, begun): &Watched, clock: Timestamp, minutes: u32, moments: &[Timestamp]) -> Vec<bool> {
        believed.clock.set(clock);
        let come = believed.come_at(*begun + MINUTE * minutes);
        moments.iter().map(|moment| come.has(*moment)).collect()
    }

    #[test]
    fn a_clock_that_jumps_ahead_ends_nothing_until_it_has_gone_right_for_a_while() {
        let watched = watched();
        // Just over, over in half an hour, and over in a month.
        let moments = [START, START.after(MINUTE * 30), START.after(MINUTE * 60 * 24 * 30)];
        assert_eq!(have_come(&watched, START.after(MINUTE), 1, &moments), [true, false, false]);
        let jumped = START.after(MINUTE * 60 * 24 * 60);
        assert_eq!(have_come(&watched, jumped, 2, &moments), [false; 3]);
        // What ends from then on ends, by the clock that it was given its end by.
        let new = jumped.after(MINUTE);
        assert_eq!(have_come(&watched, jumped.after(MINUTE * 2), 4, &[new, moments[2]]), [true, false]);
        // It was set right.
        assert_eq!(have_come(&watched, START.after(MINUTE * 5), 5, &moments), [false; 3]);
        assert_eq!(have_come(&watched, START.after(MINUTE * 14), 14, &moments), [false; 3]);
        assert_eq!(have_come(&watched, START.after(MINUTE * 15), 15, &moments), [true, false, false]);
        assert_eq!(have_come(&watched, START.after(MINUTE * 30), 30, &moments), [true, true, false]);
    }

    #[test]
    fn a_clock_that_stays_where_it_has_jumped_to_is_right() {
        let watched = watched();
        let (moment, jumped) = (START.after(MINUTE * 60), START.after(MINUTE * 60 * 24));
        assert_eq!(have_come(&watched, jumped, 1, &[moment]), [false]);
        assert_eq!(have_come(&watched, jumped.after(MINUTE * 9), 10, &[moment]), [false]);
        assert_eq!(have_come(&watched, jumped.after(MINUTE * 10), 11, &[moment]), [true]);
    }

    #[test]
    fn what_ended_while_the_server_was_away_has_ended_unless_it_was_away_for_long() {
        let watched = watched();
        let moments = [START.before(MINUTE * 60), START.before(MINUTE * 60 * 48)];
        assert_eq!(have_come(&watched, START, 0, &moments), [true, false]);
        assert_eq!(have_come(&watched, START.after(MINUTE * 10), 10, &moments), [true, true]);
    }
}
