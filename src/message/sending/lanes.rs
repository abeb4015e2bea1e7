//! Which lanes of a session have their turn, which wait for a moment, and in which something is new meanwhile. Without a clock and
//! without a task: the outbox has both.

use std::collections::{BTreeMap, HashMap, VecDeque};

use entity::timestamp::Timestamp;

use crate::message::sending::wake::{News, Ready};

/// A lane, on one connection.
#[derive(Debug)]
pub(in crate::message) struct Lane {
    pub(in crate::message) name: String,
    /// Up to this place everything was tried on this connection.
    pub(in crate::message) after: i64,
    /// Its next message, if that need not be read.
    pub(in crate::message) ready: Option<Ready>,
}

/// What comes next in a lane.
#[derive(Debug)]
pub(in crate::message) enum Next {
    /// Its next message.
    More(Lane),
    /// Its next message, at this moment.
    At(Timestamp, Lane),
    /// Nothing.
    Empty(Lane),
}

/// The lanes of a session, on one connection.
#[derive(Debug, Default)]
pub(in crate::message) struct Lanes {
    ready: VecDeque<Lane>,
    asleep: BTreeMap<(Timestamp, String), Lane>,
    /// Lanes that are ready, asleep or under way, and whether there was something new in them since they were looked at.
    known: HashMap<String, bool>,
    /// Up to which place everything was tried in a lane that has a message in doubt.
    doubts: HashMap<String, i64>,
}

impl Lanes {
    /// Something is new in these lanes.
    pub(in crate::message) fn add(&mut self, news: News) {
        for (name, ready) in news {
            match self.known.get_mut(&name) {
                Some(has_more) => {
                    *has_more = true;
                    // What it waits for may have changed.
                    let sleeper = self.asleep.keys().find(|(_, sleeper)| *sleeper == name).cloned();
                    self.ready.extend(sleeper.and_then(|sleeper| self.asleep.remove(&sleeper)));
                }
                None => {
                    self.known.insert(name.clone(), false);
                    let after = self.doubts.get(&name).copied().unwrap_or(0);
                    self.ready.push_back(Lane { name, after, ready });
                }
            }
        }
    }

    /// The lane that has its turn.
    pub(in crate::message) fn take(&mut self) -> Option<Lane> {
        self.ready.pop_front()
    }

    /// The turn of a lane is over.
    pub(in crate::message) fn put(&mut self, next: Next) {
        let (moment, lane) = match next {
            Next::More(lane) => return self.ready.push_back(lane),
            Next::At(moment, lane) => (Some(moment), lane),
            Next::Empty(lane) => (None, lane),
        };
        // What it waits for may have changed since it was looked at, or there may be something to be sent in it again.
        if let Some(has_more) = self.known.get_mut(&lane.name).filter(|has_more| **has_more) {
            *has_more = false;
            return self.ready.push_back(lane);
        }
        match moment {
            Some(moment) => {
                self.asleep.insert((moment, lane.name.clone()), lane);
            }
            None => {
                self.known.remove(&lane.name);
                if lane.after > 0 {
                    self.doubts.insert(lane.name, lane.after);
                }
            }
        }
    }

    /// When the next one that waits has its turn.
    pub(in crate::message) fn next_moment(&self) -> Option<Timestamp> {
        self.asleep.first_key_value().map(|((moment, _), _)| *moment)
    }

    /// That moment has come.
    pub(in crate::message) fn wake_next(&mut self) {
        self.ready.extend(self.asleep.pop_first().map(|(_, lane)| lane));
    }

    /// Whether nothing is to be sent in any of them. What is in doubt is, on the next connection.
    pub(in crate::message) fn is_empty(&self) -> bool {
        self.known.is_empty() && self.doubts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn news(names: &[&str]) -> News {
        names.iter().map(|name| ((*name).to_owned(), None)).collect()
    }

    fn took(lanes: &mut Lanes, name: &str) -> Lane {
        let lane = lanes.take().expect("one has its turn");
        assert_eq!(lane.name, name);
        lane
    }

    #[test]
    fn a_lane_has_one_turn_at_a_time_and_another_one_if_something_came_meanwhile() {
        let mut lanes = Lanes::default();
        lanes.add(news(&["a", "b"]));
        let a = took(&mut lanes, "a");
        lanes.add(news(&["a"]));
        let b = took(&mut lanes, "b");
        assert!(lanes.take().is_none(), "it is under way");
        lanes.put(Next::Empty(a));
        let a = took(&mut lanes, "a");
        lanes.put(Next::Empty(a));
        lanes.put(Next::More(b));
        assert!(!lanes.is_empty());
        let b = took(&mut lanes, "b");
        lanes.put(Next::Empty(b));
        assert!(lanes.take().is_none() && lanes.is_empty());
    }

    #[test]
    fn what_waits_has_its_turn_when_its_moment_comes_or_something_is_new_in_it() {
        let mut lanes = Lanes::default();
        lanes.add(news(&["a", "b"]));
        let (a, b) = (took(&mut lanes, "a"), took(&mut lanes, "b"));
        lanes.put(Next::At(at(20), a));
        lanes.put(Next::At(at(10), b));
        assert_eq!(lanes.next_moment(), Some(at(10)));
        lanes.add(news(&["a"]));
        let a = took(&mut lanes, "a");
        lanes.wake_next();
        let b = took(&mut lanes, "b");
        assert!(lanes.next_moment().is_none() && !lanes.is_empty());
        // It was let go while it was looked at: its moment is not waited for.
        lanes.add(news(&["b"]));
        lanes.put(Next::At(at(1_000), b));
        took(&mut lanes, "b");
        lanes.put(Next::At(at(1_000), a));
        assert_eq!(lanes.next_moment(), None, "something was new in it when it was woken");
        took(&mut lanes, "a");
    }

    #[test]
    fn a_lane_with_a_message_in_doubt_goes_on_behind_it_and_is_never_done() {
        let mut lanes = Lanes::default();
        lanes.add(news(&["a"]));
        let a = took(&mut lanes, "a");
        lanes.put(Next::More(Lane { after: 7, ..a }));
        let a = took(&mut lanes, "a");
        lanes.put(Next::Empty(a));
        assert!(lanes.take().is_none() && !lanes.is_empty(), "the next connection sends it again");
        lanes.add(news(&["a"]));
        assert_eq!(took(&mut lanes, "a").after, 7);
    }
}
