//! How many files each key brings in at the same time.

use std::collections::HashMap;

use entity::ids::KeyId;
use parking_lot::Mutex;

/// How many files each key brings in at the same time. The admin, who has no key, counts as one.
#[derive(Debug)]
pub(super) struct Shares {
    /// Most files of one key.
    most: usize,
    taken: Mutex<HashMap<Option<KeyId>, usize>>,
}

/// The share of one file, until this is dropped.
#[derive(Debug)]
pub(super) struct Share<'a> {
    shares: &'a Shares,
    key: Option<KeyId>,
}

impl Shares {
    /// So many files for each key.
    pub(super) fn new(most: usize) -> Self {
        Self { most, taken: Mutex::default() }
    }

    /// Lets a key bring in one more file. None if it brings in as many as it may.
    pub(super) fn take(&self, key: Option<KeyId>) -> Option<Share<'_>> {
        let mut taken = self.taken.lock();
        let count = taken.get(&key).copied().unwrap_or(0);
        if count >= self.most {
            return None;
        }
        taken.insert(key.clone(), count + 1);
        drop(taken);
        Some(Share { shares: self, key })
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut taken = self.shares.taken.lock();
        match taken.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            // Keys that bring in nothing are not remembered.
            _ => drop(taken.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_share() {
        let shares = Shares::new(2);
        let (one, other) = (|| Some(KeyId::named("one")), || Some(KeyId::named("other")));
        let first = shares.take(one()).expect("it has brought in nothing");
        let second = shares.take(one()).expect("it has brought in one");
        assert!(shares.take(one()).is_none(), "it has two");
        let third = shares.take(other()).expect("another key has its own");
        drop(first);
        let fourth = shares.take(one()).expect("one of its two is over");
        assert!(shares.take(one()).is_none());
        drop((second, third, fourth));
        assert!(shares.taken.lock().is_empty(), "nobody is remembered");
    }
}
