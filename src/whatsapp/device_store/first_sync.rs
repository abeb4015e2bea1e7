//! Which collections of the app state are synced for the first time since the phone linked this device. What that brings is how
//! things are; whatever comes later has happened since, also when the library has to ask for all there is: a collection that
//! was empty the first time has no version to go on from.

use std::collections::HashMap;
use std::time::Duration;

use entity::timestamp::Timestamp;
use parking_lot::Mutex;
use tokio::time::Instant;
use wacore::time::now_utc;

/// How long the library may take from page to page of a first sync. Only the first is said to be part of one.
const PAGES: Duration = Duration::from_secs(60);
/// How far the phone's clock may be from ours: what it says it did shortly before the sync is news. To tell how something is
/// costs less than not to tell that it changed.
const SKEW: Duration = Duration::from_secs(60);

/// The collections whose first sync this client has begun, and when.
#[derive(Debug, Default)]
pub(super) struct FirstSyncs(Mutex<HashMap<String, Begun>>);

#[derive(Clone, Copy, Debug)]
struct Begun {
    at: Instant,
    by_the_clock: Timestamp,
}

impl FirstSyncs {
    /// The library asks for a collection that was never synced.
    pub(super) fn begin(&self, collection: &str) {
        let begun = Begun { at: Instant::now(), by_the_clock: now_utc().into() };
        self.0.lock().insert(collection.to_owned(), begun);
    }

    /// The library asks for a collection that was empty when it was synced.
    pub(super) fn end(&self, collection: &str) {
        self.0.lock().remove(collection);
    }

    /// Whether something is what a first sync has brought. The library says whether it had to ask for all there is, and the
    /// phone when it was done.
    pub(super) fn has_brought(&self, collection: &str, is_from_all: bool, done_at: Timestamp, now: Instant) -> bool {
        let Some(begun) = self.0.lock().get(collection).copied() else { return false };
        is_from_all || (now < begun.at + PAGES && done_at.after(SKEW) < begun.by_the_clock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOW: &str = "regular_low";

    #[test]
    fn only_what_the_first_sync_brings_is_no_news() {
        let syncs = FirstSyncs::default();
        let now = Instant::now();
        let (before, after) = (Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX));
        assert!(!syncs.has_brought(LOW, true, before, now), "it was synced by a client before this one");
        syncs.begin(LOW);
        assert!(syncs.has_brought(LOW, true, after, now));
        assert!(syncs.has_brought(LOW, false, before, now), "a second page");
        assert!(!syncs.has_brought(LOW, false, after, now));
        assert!(!syncs.has_brought(LOW, false, now_utc().into(), now), "the phone's clock is a little slow");
        assert!(!syncs.has_brought("regular_high", true, before, now));
        let later = Instant::now() + PAGES;
        assert!(!syncs.has_brought(LOW, false, before, later), "a change that came late");
        syncs.end(LOW);
        assert!(!syncs.has_brought(LOW, true, after, now), "it was empty");
    }
}
