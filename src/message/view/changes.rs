//! What was done to messages after they were sent: another text, or their removal for everybody. Each is a message of its own, and what
//! it was done to is shown as the phones of the chat show it.

use std::collections::HashMap;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::message::MessageType;
use entity::words::outgoing::MessageStatus;

use crate::error::Result;
use crate::event::index::{IndexedMessage, StoredMessage};
use crate::event::index_store;
use crate::message::Messages;
use crate::message::lookup::naming::without_device;
use crate::message::store::outbox_store;
use crate::message::store::outgoing::OutgoingRow;
use crate::message::types::Message;
use crate::whatsapp::compose::{self, reading};
use crate::whatsapp::names;

/// One change of a message.
struct Change {
    change: StoredMessage,
    /// What is known of it, if it was sent through this API.
    row: Option<OutgoingRow>,
}

/// What was done to some messages.
#[derive(Default)]
pub(in crate::message) struct Changes {
    /// By the id of the message that it was done to; oldest first.
    by_target: HashMap<String, Vec<Change>>,
    /// The other names of those who did it, and of their chats.
    other_names: HashMap<String, String>,
}

impl Messages {
    /// What was done to the messages with these ids.
    pub(in crate::message) async fn changes(&self, session: &SessionId, message_ids: &[String]) -> Result<Changes> {
        let found = index_store::changes(self.db.read(), session, message_ids).await?;
        if found.is_empty() {
            return Ok(Changes::default());
        }
        let own = found.iter().filter(|change| change.message.is_from_me);
        let own: Vec<_> = own.map(|change| change.message.key.message_id.clone()).collect();
        let rows = outbox_store::find_all(self.db.read(), session, &own).await?;
        let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.message_id.clone(), row)).collect();
        let jids: Vec<_> = found.iter().flat_map(names_in).collect();
        let jids: Vec<_> = jids.iter().map(String::as_str).collect();
        let other_names = names::other_names(self.db.read(), session, &jids).await?;
        let mut changes = Changes { other_names, ..Changes::default() };
        for change in found {
            let Some(target) = change.message.quoted_id.clone() else { continue };
            let row = rows.remove(&change.message.key.message_id).filter(|_| change.message.is_from_me);
            changes.by_target.entry(target).or_default().push(Change { change, row });
        }
        Ok(changes)
    }
}

impl Changes {
    /// A message as it is after what was done to it.
    pub(in crate::message) fn applied(&self, mut message: Message) -> Message {
        let is_from_me = message.direction == entity::words::outgoing::Direction::Outgoing;
        for change in self.of(&message.id, &message.chat, &message.sender, is_from_me).filter(|change| change.is_done())
        {
            let at = Some(change.at());
            match change.change.message.message_type {
                MessageType::Revoke => (message.revoked_at, message.text) = (at, None),
                _ if message.revoked_at.is_some() => {}
                _ => (message.edited_at, message.text) = (at, reading::words(&change.change.message.content)),
            }
        }
        message
    }

    /// The protobuf of a message, with the words that it was given last.
    pub(in crate::message) fn current(&self, stored: &StoredMessage) -> Vec<u8> {
        let IndexedMessage { key, is_from_me, content, .. } = &stored.message;
        let edits = self.of(&key.message_id, &key.chat, &key.sender, *is_from_me);
        let edits = edits.filter(|change| change.is_done() && change.change.message.message_type == MessageType::Edit);
        let words = edits.last().and_then(|edit| reading::words(&edit.change.message.content));
        words.and_then(|words| compose::reworded(content, &words)).unwrap_or_else(|| content.clone())
    }

    /// Whether a message was removed for everybody, or is about to be.
    pub(in crate::message) fn is_removed(&self, stored: &StoredMessage) -> bool {
        let key = &stored.message.key;
        self.of(&key.message_id, &key.chat, &key.sender, stored.message.is_from_me)
            .any(|change| change.change.message.message_type == MessageType::Revoke && change.may_count())
    }

    /// What those did to a message who may: its sender, and in a group an admin, who names the sender of what they remove.
    fn of<'a>(
        &'a self,
        message_id: &str,
        chat: &'a str,
        sender: &'a str,
        is_from_me: bool,
    ) -> impl Iterator<Item = &'a Change> {
        self.by_target.get(message_id).into_iter().flatten().filter(move |Change { change, .. }| {
            let of = &change.message;
            if !self.is_one(&of.key.chat, chat) {
                return false;
            }
            let is_by_sender = of.is_from_me == is_from_me && (is_from_me || self.is_one(&of.key.sender, sender));
            let author = || reading::revoked_author(&of.content);
            let is_by_admin = chat.ends_with("@g.us") && of.message_type == MessageType::Revoke;
            // By which of its names a group calls the account, nobody knows here.
            is_by_sender || is_by_admin && author().is_some_and(|author| is_from_me || self.is_one(&author, sender))
        })
    }

    /// Whether these are names of one person, from whichever device, or of one chat.
    fn is_one(&self, done_by: &str, name: &str) -> bool {
        let (done_by, name) = (without_device(done_by), without_device(name));
        done_by == name || self.other_names.get(&done_by).is_some_and(|other| *other == name)
    }
}

/// Those whom a change names.
fn names_in(change: &StoredMessage) -> impl Iterator<Item = String> {
    let key = &change.message.key;
    let author = reading::revoked_author(&change.message.content);
    [Some(key.chat.clone()), Some(key.sender.clone()), author].into_iter().flatten().map(|jid| without_device(&jid))
}

impl Change {
    /// Whether WhatsApp has it.
    fn is_done(&self) -> bool {
        let status = self.row.as_ref().map(|row| row.progress.status);
        status.is_none_or(|status| {
            matches!(
                status,
                MessageStatus::Sent | MessageStatus::Delivered | MessageStatus::Read | MessageStatus::Played
            )
        })
    }

    /// Whether WhatsApp has it, or may get it.
    fn may_count(&self) -> bool {
        let status = self.row.as_ref().map(|row| row.progress.status);
        !matches!(status, Some(MessageStatus::Failed | MessageStatus::Cancelled | MessageStatus::Expired))
    }

    fn at(&self) -> Timestamp {
        let sent_at = self.row.as_ref().and_then(|row| row.progress.sent_at);
        sent_at.unwrap_or(self.change.message.sent_at)
    }
}
