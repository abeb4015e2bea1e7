//! A memory that forgets what it learnt first.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The last things that were learnt, by their names.
pub(in crate::whatsapp) struct Recent<V> {
    values: HashMap<Arc<str>, V>,
    /// The names, in the order in which they were first learnt.
    names: VecDeque<Arc<str>>,
    most: usize,
}

impl<V> Recent<V> {
    /// Remembers this many.
    pub(in crate::whatsapp) fn new(most: usize) -> Self {
        Self { values: HashMap::new(), names: VecDeque::new(), most }
    }

    /// What is known by a name.
    pub(in crate::whatsapp) fn get(&self, name: &str) -> Option<&V> {
        self.values.get(name)
    }

    /// Learns something. Gives what was known before.
    pub(in crate::whatsapp) fn learn(&mut self, name: &str, value: V) -> Option<V> {
        if let Some(known) = self.values.get_mut(name) {
            return Some(std::mem::replace(known, value));
        }
        if self.names.len() == self.most
            && let Some(oldest) = self.names.pop_front()
        {
            self.values.remove(&oldest);
        }
        let name: Arc<str> = name.into();
        self.names.push_back(Arc::clone(&name));
        self.values.insert(name, value);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learnt_first_is_forgotten_first() {
        let mut recent = Recent::new(2);
        assert_eq!(recent.learn("a", 1), None);
        assert_eq!(recent.learn("b", 1), None);
        assert_eq!(recent.learn("a", 2), Some(1));
        assert_eq!(recent.learn("c", 1), None);
        assert_eq!((recent.get("a"), recent.get("b"), recent.get("c")), (None, Some(&1), Some(&1)));
        assert_eq!((recent.values.len(), recent.names.len()), (2, 2));
    }
}
