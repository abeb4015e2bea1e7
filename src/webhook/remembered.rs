//! What was read of webhooks, until one of them is changed. The fan-out and the scheduler ask for the same ones many times a second,
//! and at a steady rate each question costs as much as writing what it is about.

use std::collections::HashMap;
use std::hash::Hash;

/// Answers that are kept, at most. With more, all are forgotten, and asked for again one by one.
const MOST: usize = 4096;

/// Answers that were read under one number of [`Demand::version`](crate::event::demand::Demand::version).
///
/// Since when a webhook fails, and why, does not count as a change of it: whoever needs that reads it.
#[derive(Debug)]
pub(super) struct Remembered<K, V> {
    version: u64,
    answers: HashMap<K, V>,
}

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self { version: 0, answers: HashMap::new() }
    }
}

impl<K: Eq + Hash, V> Remembered<K, V> {
    /// The answers of this version; what is read after the version was asked for may be added.
    pub(super) fn at(&mut self, version: u64) -> &mut HashMap<K, V> {
        if self.version != version || self.answers.len() >= MOST {
            self.answers.clear();
        }
        self.version = version;
        &mut self.answers
    }

    /// Forgets all of them.
    pub(super) fn forget(&mut self) {
        self.answers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_asked_for_again_and_what_is_kept_has_a_bound() {
        let mut remembered = Remembered::default();
        remembered.at(1).insert(0, "one");
        assert_eq!(remembered.at(1).get(&0), Some(&"one"));
        assert_eq!(remembered.at(2).get(&0), None);
        for number in 0..2 * MOST {
            remembered.at(2).insert(number, "other");
            assert!(remembered.answers.len() <= MOST);
        }
        remembered.forget();
        assert!(remembered.at(2).is_empty());
    }
}
