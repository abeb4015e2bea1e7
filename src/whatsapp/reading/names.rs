//! The names that senders show, as their messages have brought them: the library does not tell when one changes. They are
//! remembered as long as the client lives, and no longer.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use entity::timestamp::Timestamp;
use parking_lot::Mutex;

use crate::event::body::contact::PushNameUpdateEvent;
use crate::event::body::message::MessageEvent;

/// Senders of one client whose names are remembered: less than a megabyte.
const MOST: usize = 4096;

/// The names that one client has seen.
#[derive(Default)]
pub(in crate::whatsapp) struct Names(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    names: HashMap<Arc<str>, Name>,
    /// Whose they are, in the order in which they were first seen.
    senders: VecDeque<Arc<str>>,
}

struct Name {
    name: String,
    /// When the message was sent that brought it.
    at: Timestamp,
}

impl Names {
    /// Takes the sender's name from a message. Some if it is another one than before.
    pub(in crate::whatsapp) fn learn(&self, message: &MessageEvent) -> Option<PushNameUpdateEvent> {
        let name = message.push_name.clone().filter(|_| !message.is_from_me)?;
        let sender = message.sender.lid.as_ref().unwrap_or(&message.sender.id);
        let old = self.0.lock().learn(sender, Name { name, at: message.timestamp })?;
        Some(PushNameUpdateEvent { contact: message.sender.clone(), old_push_name: Some(old) })
    }
}

impl Seen {
    /// The name before, if it was another one.
    fn learn(&mut self, sender: &str, new: Name) -> Option<String> {
        if let Some(known) = self.names.get_mut(sender) {
            // What WhatsApp brings once more has the name of its time.
            if new.at < known.at {
                return None;
            }
            let old = std::mem::replace(known, new);
            return (old.name != known.name).then_some(old.name);
        }
        if self.senders.len() == MOST
            && let Some(oldest) = self.senders.pop_front()
        {
            self.names.remove(&oldest);
        }
        let sender: Arc<str> = sender.into();
        self.senders.push_back(Arc::clone(&sender));
        self.names.insert(sender, new);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str, at: i64) -> Name {
        Name { name: name.to_owned(), at: Timestamp::from_millis(at * 1000) }
    }

    #[test]
    fn a_name_has_changed_when_it_was_another_one_before() {
        let mut seen = Seen::default();
        assert_eq!(seen.learn("ada", name("Ada", 1)), None);
        assert_eq!(seen.learn("bob", name("Bob", 1)), None);
        assert_eq!(seen.learn("ada", name("Ada", 2)), None);
        assert_eq!(seen.learn("ada", name("Ada L", 3)).as_deref(), Some("Ada"));
        assert_eq!(seen.learn("ada", name("Ada L", 3)), None);
    }

    #[test]
    fn a_message_that_comes_once_more_brings_no_old_name_back() {
        let mut seen = Seen::default();
        seen.learn("ada", name("Ada", 1));
        seen.learn("ada", name("Ada L", 3));
        assert_eq!(seen.learn("ada", name("Ada", 1)), None);
        assert_eq!(seen.learn("ada", name("Ada L", 4)), None);
    }

    #[test]
    fn the_sender_that_was_seen_first_is_forgotten_first() {
        let mut seen = Seen::default();
        for number in 0..=MOST {
            seen.learn(&number.to_string(), name("old", 1));
        }
        assert_eq!((seen.names.len(), seen.senders.len()), (MOST, MOST));
        assert_eq!(seen.learn("1", name("new", 2)).as_deref(), Some("old"));
        assert_eq!(seen.learn("0", name("new", 2)), None);
    }
}
