//! What is around a message: where it came from, and to whom.

use whatsapp_rust::types::message::MessageInfo;
use whatsapp_rust::waproto::whatsapp as wa;

use crate::event::body::party::Party;
use crate::whatsapp::reading::party::{Own, partner_of, sender, somebody};

/// What is around a message: where it came from, and to whom.
pub(super) struct Around<'a> {
    pub(super) info: &'a MessageInfo,
    pub(super) own: &'a Own,
}

impl Around<'_> {
    /// Who sent the message that a key names. It is written from the point of view of who sends it: it says whether the message
    /// is their own, and in a group whose else it is.
    pub(super) fn author(&self, key: &wa::MessageKey) -> Option<Party> {
        let source = &self.info.source;
        if key.from_me == Some(true) {
            return Some(sender(source, Some(&self.info.push_name)));
        }
        let named = key.participant.as_deref().and_then(somebody);
        let other = || match source.is_from_me {
            true => partner_of(source, self.info.peer_recipient_pn.as_ref()),
            false => partner_of(source, None).and_then(|_| self.own.party()),
        };
        named.or_else(other)
    }
}
