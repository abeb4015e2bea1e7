//! The message that something is done to.
//!
//! Which chat it is in and who sent it is looked up, and not taken from the client: a reaction that names the wrong sender is
//! acknowledged, and nobody ever sees it. Only of a message that is not known (any more) the client has to say it.

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::message::MessageType;
use entity::words::outgoing::{FailureCode, MessageStatus};

use crate::account::Identity;
use crate::error::{Error, ErrorKind, Result};
use crate::event::index::{IndexedMessage, StoredMessage};
use crate::event::index_store;
use crate::message::lookup::naming::without_device;
use crate::message::lookup::person::Person;
use crate::message::lookup::recipient::{Recipient, STATUS, is_group};
use crate::message::rules;
use crate::message::store::outbox_store;
use crate::message::store::transition::{Progress, is_open};
use crate::message::{Messages, not_found};
use crate::whatsapp::compose::Target;

/// Which message is meant.
#[derive(Clone, Copy)]
pub(in crate::message) struct Which<'a> {
    pub(in crate::message) message_id: &'a str,
    pub(in crate::message) chat: Option<&'a str>,
    pub(in crate::message) sender: Option<&'a str>,
}

/// The message that it is done to.
pub(in crate::message) struct Found {
    pub(in crate::message) target: Target,
    /// What it is. None if it is not known.
    pub(in crate::message) message_type: Option<MessageType>,
    /// JID of who sent it, without a device.
    pub(in crate::message) sender: String,
    /// Its protobuf, with the words that it was given last. Empty if that is not kept.
    pub(in crate::message) content: Vec<u8>,
    /// When it was sent. None if it was not yet, or is not known.
    pub(in crate::message) sent_at: Option<Timestamp>,
    /// Whether it is known that there is such a chat.
    pub(in crate::message) is_checked: bool,
    /// Whether it was removed for everybody.
    pub(in crate::message) is_removed: bool,
}

impl Messages {
    /// The message that something is done to.
    pub(in crate::message) async fn target(
        &self,
        session: &SessionId,
        own: &Identity,
        which: Which<'_>,
    ) -> Result<Found> {
        let Which { message_id, chat, sender } = which;
        let chats = self.names_of(session, "chat", chat).await?;
        let senders = self.names_of(session, "sender", sender).await?;
        let is_one_of = |names: &Option<Vec<String>>, jid: &str| {
            names.as_ref().is_none_or(|names| names.iter().any(|name| name == jid))
        };
        let is_it = |stored: &StoredMessage| {
            let key = &stored.message.key;
            is_one_of(&chats, &key.chat) && is_one_of(&senders, &without_device(&key.sender))
        };
        let found = index_store::with_id(self.db.read(), session, message_id).await?.into_iter().find(is_it);
        match (found, chat, sender) {
            (Some(stored), _, _) => self.known_target(session, stored).await,
            (None, Some(chat), Some(sender)) => unknown_target(own, message_id, chat, sender),
            (None, _, _) => Err(not_found()),
        }
    }

    async fn names_of(&self, session: &SessionId, field: &str, jid: Option<&str>) -> Result<Option<Vec<String>>> {
        match jid {
            Some(jid) => Ok(Some(self.chat_names(session, field, jid).await?)),
            None => Ok(None),
        }
    }

    async fn known_target(&self, session: &SessionId, stored: StoredMessage) -> Result<Found> {
        let message_ids = [stored.message.key.message_id.clone()];
        let changes = self.changes(session, &message_ids).await?;
        let (is_removed, content) = (changes.is_removed(&stored), changes.current(&stored));
        let IndexedMessage { key, is_from_me, message_type, sent_at, .. } = stored.message;
        let row = match is_from_me {
            true => outbox_store::find(self.db.read(), session, &key.message_id).await?,
            false => None,
        };
        let progress = row.map(|row| row.progress);
        if progress.as_ref().is_some_and(is_with_nobody) {
            return Err(Error::new(ErrorKind::MessageNotFound, "the message was not sent, so nobody has it"));
        }
        let sent_at = match &progress {
            Some(progress) if is_open(progress.status) => None,
            Some(progress) => Some(progress.sent_at.unwrap_or(sent_at)),
            None => Some(sent_at),
        };
        let is_checked = progress.as_ref().is_none_or(|progress| progress.is_checked);
        let chat = progress.map_or(key.chat, |progress| progress.recipient);
        // In a chat of two it is clear who sent what the account did not.
        let sender = without_device(&key.sender);
        let participant = ((is_group(&chat) || chat == STATUS) && !is_from_me).then(|| sender.clone());
        let target = Target { chat, message_id: key.message_id, is_from_me, participant };
        let message_type = Some(message_type);
        Ok(Found { target, message_type, sender, content, sent_at, is_checked, is_removed })
    }
}

/// A message of which only is known what the client says.
fn unknown_target(own: &Identity, message_id: &str, chat: &str, sender: &str) -> Result<Found> {
    let message_id = rules::key("message_id", message_id.to_owned())?;
    let (chat, sender) = (Recipient::parse("chat", chat)?, Person::parse("sender", sender)?);
    let is_from_me = sender.is(own);
    let participant = match &chat {
        Recipient::Person(person) if !is_from_me && sender != *person => {
            return Err(Error::invalid(
                "sender",
                "must be the account or the other person of the chat, written as in `chat`",
            ));
        }
        Recipient::Group(_) | Recipient::Status if !is_from_me => Some(sender.jid()),
        Recipient::Person(_) | Recipient::Group(_) | Recipient::Status => None,
    };
    let target = Target { chat: chat.jid(), message_id, is_from_me, participant };
    let (sender, content) = (sender.jid(), Vec::new());
    let (message_type, sent_at) = (None, None);
    Ok(Found { target, message_type, sender, content, sent_at, is_checked: false, is_removed: false })
}

/// Whether a message reached nobody, and will not.
fn is_with_nobody(progress: &Progress) -> bool {
    // What is done to it would be sent before it.
    if progress.awaits_upload {
        return true;
    }
    match progress.status {
        MessageStatus::Scheduled | MessageStatus::Cancelled | MessageStatus::Expired => true,
        MessageStatus::Failed => progress.code != Some(FailureCode::Unconfirmed),
        MessageStatus::Queued
        | MessageStatus::Sending
        | MessageStatus::Sent
        | MessageStatus::Delivered
        | MessageStatus::Read
        | MessageStatus::Played
        | MessageStatus::Unconfirmed => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::PhoneNumber;

    #[test]
    fn of_an_unknown_message_the_client_says_the_chat_and_who_sent_it() {
        let phone_number = PhoneNumber::parse("phone_number", "15550100001").expect("a number");
        let own = Identity { phone_number, lid: None, device_id: 1 };
        let target = |chat: &str, sender: &str| {
            let found = unknown_target(&own, "3EB0A", chat, sender).map_err(|error| error.kind());
            found.map(|found| (found.target.chat, found.target.is_from_me, found.target.participant))
        };
        let chat = || "15550100077@s.whatsapp.net".to_owned();
        assert_eq!(target("15550100077", "+1 555 010-0001"), Ok((chat(), true, None)));
        assert_eq!(target("15550100077", "15550100077@s.whatsapp.net"), Ok((chat(), false, None)));
        assert_eq!(target("15550100077", "15550100078"), Err(ErrorKind::Invalid));
        let group = || "120363000000000001@g.us".to_owned();
        let of_somebody = (group(), false, Some("15550100078@s.whatsapp.net".to_owned()));
        assert_eq!(target("120363000000000001@g.us", "15550100078"), Ok(of_somebody));
        assert_eq!(target("120363000000000001@g.us", "15550100001"), Ok((group(), true, None)));
        assert_eq!(target("1@newsletter", "15550100078"), Err(ErrorKind::InvalidRecipient));
    }
}
