//! The names that senders show, as their messages have brought them: the library does not tell when one changes. They are
//! remembered as long as the client lives, and no longer.

use entity::timestamp::Timestamp;

use crate::event::body::contact::PushNameUpdateEvent;
use crate::event::body::message::MessageEvent;
use crate::event::body::party::Party;
use crate::whatsapp::reading::recent::Recent;

/// Senders of one client whose names are remembered: less than a megabyte.
const MOST: usize = 4096;

/// The names that one client has seen.
pub(super) struct Names(Recent<Name>);

struct Name {
    name: String,
    /// When the message was sent that brought it.
    at: Timestamp,
}

impl Default for Names {
    fn default() -> Self {
        Self(Recent::new(MOST))
    }
}

impl Names {
    /// Takes the sender's name from a message. Some if it is another one than before.
    pub(super) fn learn(&mut self, message: &MessageEvent) -> Option<PushNameUpdateEvent> {
        let name = message.push_name.clone().filter(|_| !message.is_from_me)?;
        let old = self.learn_one(key(&message.sender), Name { name, at: message.timestamp })?;
        Some(PushNameUpdateEvent { contact: message.sender.clone(), old_push_name: Some(old) })
    }

    /// The name of somebody.
    pub(super) fn find(&self, party: &Party) -> Option<&str> {
        self.0.get(key(party)).map(|name| name.name.as_str())
    }

    /// The name before, if it was another one.
    fn learn_one(&mut self, sender: &str, new: Name) -> Option<String> {
        // What WhatsApp brings once more has the name of its time.
        if self.0.get(sender).is_some_and(|known| new.at < known.at) {
            return None;
        }
        let name = new.name.clone();
        self.0.learn(sender, new).map(|old| old.name).filter(|old| *old != name)
    }
}

fn key(party: &Party) -> &str {
    party.lid.as_ref().unwrap_or(&party.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str, at: i64) -> Name {
        Name { name: name.to_owned(), at: Timestamp::from_millis(at * 1000) }
    }

    #[test]
    fn a_name_has_changed_when_it_was_another_one_before() {
        let mut names = Names::default();
        assert_eq!(names.learn_one("ada", name("Ada", 1)), None);
        assert_eq!(names.learn_one("bob", name("Bob", 1)), None);
        assert_eq!(names.learn_one("ada", name("Ada", 2)), None);
        assert_eq!(names.learn_one("ada", name("Ada L", 3)).as_deref(), Some("Ada"));
        assert_eq!(names.learn_one("ada", name("Ada L", 3)), None);
    }

    #[test]
    fn a_message_that_comes_once_more_brings_no_old_name_back() {
        let mut names = Names::default();
        names.learn_one("ada", name("Ada", 1));
        names.learn_one("ada", name("Ada L", 3));
        assert_eq!(names.learn_one("ada", name("Ada", 1)), None);
        assert_eq!(names.learn_one("ada", name("Ada L", 4)), None);
    }
}
