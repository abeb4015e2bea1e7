//! Messages that could not be made when they were tried, and how often. In memory: after a start each has all its tries again, until its
//! time is over.

use std::collections::HashMap;
use std::time::Duration;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use parking_lot::Mutex;

use crate::message::store::transition::Happening;

/// Messages that are known, at most. One that is not is tried as if it were for the first time.
const MOST: usize = 10_000;
/// How long one is known after it was tried. It is tried again within half an hour, unless it was taken back or its session is offline.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Messages that could not be made.
#[derive(Debug, Default)]
pub(in crate::message) struct Preventions(Mutex<HashMap<(SessionId, String), Prevention>>);

/// One of them.
#[derive(Debug)]
struct Prevention {
    /// How often it could not be made.
    times: u32,
    /// The last time.
    at: Timestamp,
}

impl Preventions {
    /// A message could not be made. Gives how often now.
    pub(in crate::message) fn count(&self, session: &SessionId, message_id: &str, now: Timestamp) -> u32 {
        let (mut known, key) = (self.0.lock(), (session.clone(), message_id.to_owned()));
        if known.len() >= MOST && !known.contains_key(&key) {
            known.retain(|_, prevention| prevention.at.after(KEPT) > now);
            if known.len() >= MOST {
                return 1;
            }
        }
        let prevention = known.entry(key).or_insert(Prevention { times: 0, at: now });
        *prevention = Prevention { times: prevention.times.saturating_add(1), at: now };
        prevention.times
    }

    /// Whether a message could not be made before.
    pub(in crate::message) fn is_known(&self, session: &SessionId, message_id: &str) -> bool {
        self.0.lock().contains_key(&(session.clone(), message_id.to_owned()))
    }

    /// It was made, or is given up.
    pub(in crate::message) fn forget(&self, session: &SessionId, message_id: &str) {
        let mut known = self.0.lock();
        if !known.is_empty() {
            known.remove(&(session.clone(), message_id.to_owned()));
        }
    }

    /// That a message is about to be given to WhatsApp: told the first time.
    pub(in crate::message) fn sending(&self, session: &SessionId, message_id: &str, recipient: String) -> Happening {
        match self.is_known(session, message_id) {
            true => Happening::SendingAgain { recipient },
            false => Happening::Sending { recipient },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn each_message_has_its_own_count_until_it_is_made() {
        let (preventions, shop) = (Preventions::default(), SessionId::parse("shop").expect("an id"));
        let sending = |id| preventions.sending(&shop, id, String::new());
        assert!(matches!(sending("A"), Happening::Sending { .. }));
        assert_eq!((preventions.count(&shop, "A", at(1)), preventions.count(&shop, "A", at(2))), (1, 2));
        assert_eq!(preventions.count(&shop, "B", at(2)), 1);
        assert!(matches!(sending("A"), Happening::SendingAgain { .. }));
        preventions.forget(&shop, "A");
        assert!(matches!(sending("A"), Happening::Sending { .. }));
        assert_eq!(preventions.count(&shop, "A", at(3)), 1);
    }

    #[test]
    fn there_are_never_more_than_there_may_be_and_old_ones_make_room() {
        let (preventions, shop) = (Preventions::default(), SessionId::parse("shop").expect("an id"));
        for number in 0..MOST {
            preventions.count(&shop, &number.to_string(), at(0));
        }
        assert_eq!((preventions.count(&shop, "new", at(1)), preventions.is_known(&shop, "new")), (1, false));
        assert_eq!(preventions.count(&shop, "0", at(1)), 2);
        assert_eq!(preventions.count(&shop, "new", at(24 * 60 * 60)), 1);
        assert!(preventions.is_known(&shop, "new") && preventions.is_known(&shop, "0"));
        assert!(!preventions.is_known(&shop, "1"));
    }
}
