//! What was done to messages after they were sent: another text, or their removal for everybody. Each is a message of its own, and what
//! it was done to is shown as the phones of the chat show it.

use std::collections::HashMap;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::message::MessageType;
use entity::words::outgoing::MessageStatus;

use crate::error::Result;
use crate::event::index::StoredMessage;
use crate::event::index_store;
use crate::message::outgoing::OutgoingRow;
use crate::message::types::Message;
use crate::message::{Messages, outbox_store};
use crate::whatsapp::compose::reading;

/// One change of a message.
struct Change {
    change: StoredMessage,
    /// What is known of it, if it was sent through this API.
    row: Option<OutgoingRow>,
}

/// What was done to some messages, by the id of the message that it was done to; oldest first.
#[derive(Default)]
pub(super) struct Changes(HashMap<String, Vec<Change>>);

impl Messages {
    /// What was done to the messages with these ids.
    pub(super) async fn changes(&self, session: &SessionId, message_ids: &[String]) -> Result<Changes> {
        let found = index_store::changes(self.db.read(), session, message_ids).await?;
        if found.is_empty() {
            return Ok(Changes::default());
        }
        let own = found.iter().filter(|change| change.message.is_from_me);
        let own: Vec<_> = own.map(|change| change.message.key.message_id.clone()).collect();
        let rows = outbox_store::find_all(self.db.read(), session, &own).await?;
        let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.message_id.clone(), row)).collect();
        let mut changes = Changes::default();
        for change in found {
            let Some(target) = change.message.quoted_id.clone() else { continue };
            let row = rows.remove(&change.message.key.message_id).filter(|_| change.message.is_from_me);
            changes.0.entry(target).or_default().push(Change { change, row });
        }
        Ok(changes)
    }
}

impl Changes {
    /// A message as it is after what was done to it.
    pub(super) fn applied(&self, mut message: Message) -> Message {
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

    /// Whether a message was removed for everybody, or is about to be.
    pub(super) fn is_removed(&self, stored: &StoredMessage) -> bool {
        let key = &stored.message.key;
        self.of(&key.message_id, &key.chat, &key.sender, stored.message.is_from_me)
            .any(|change| change.change.message.message_type == MessageType::Revoke && change.may_count())
    }

    /// What those did to a message who may: its sender, and in a group whoever WhatsApp let remove it.
    fn of<'a>(
        &'a self,
        message_id: &str,
        chat: &'a str,
        sender: &'a str,
        is_from_me: bool,
    ) -> impl Iterator<Item = &'a Change> {
        self.0.get(message_id).into_iter().flatten().filter(move |Change { change, .. }| {
            let of = &change.message;
            let is_group = chat.ends_with("@g.us");
            match (is_group, of.message_type) {
                // A person has two names, and there is only one other in such a chat.
                (false, _) => of.is_from_me == is_from_me && !of.key.chat.ends_with("@g.us"),
                (true, MessageType::Revoke) => of.key.chat == chat,
                (true, _) => of.key.chat == chat && (of.is_from_me && is_from_me || of.key.sender == sender),
            }
        })
    }
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
