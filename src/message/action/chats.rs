//! What is told in chats beside messages: that they were read, and that somebody types. None of it waits: it is only true now, so who
//! is not logged in cannot tell it.

use std::collections::{BTreeMap, BTreeSet};

use entity::ids::SessionId;
use entity::words::access::Scope;

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::event::index::StoredMessage;
use crate::event::index_store::{self, MessageRange};
use crate::message::Messages;
use crate::message::action::kind::is_about_another;
use crate::message::lookup::naming::without_device;
use crate::message::lookup::recipient::Recipient;
use crate::message::rules::{self, READ_MAX};
use crate::message::types::{ChatTyping, NewTyping, ReadMessages, ReadRequest};
use crate::message::typing::Turn;
use crate::whatsapp::operation::chat::ReadMark;

impl Messages {
    /// Marks messages of a chat as read: those that are named, or all that came among its newest.
    ///
    /// # Errors
    /// `SessionNotFound`, `SessionNotConnected`, `ChatNotFound`, `MessageNotFound`, `Invalid`, `Upstream`, `UpstreamTimeout`,
    /// `Unavailable`.
    #[tracing::instrument(level = "debug", name = "mark_messages_read", skip_all, fields(session.id = %session))]
    pub async fn mark_read(
        &self,
        caller: &Caller,
        session: &SessionId,
        chat: &str,
        ReadRequest { message_ids }: ReadRequest,
    ) -> Result<ReadMessages> {
        let account = self.sessions.account(caller, Scope::ChatsWrite, session)?;
        let chat = self::chat(chat)?;
        let ids = message_ids.map(message_ids_of).transpose()?;
        let client = account.online()?;
        let chats = self.chat_names(session, "chat_id", &chat).await?;
        let found = match ids {
            Some(ids) => self.incoming(session, &chats, &ids).await?,
            None => self.newest(session, chats).await?,
        };
        let marks = marks(found);
        client.mark_read(&marks).await?;
        let message_ids = marks.into_iter().flat_map(|mark| mark.message_ids).collect();
        Ok(ReadMessages { chat, message_ids })
    }

    /// Messages that came in a chat, each of which must be there.
    async fn incoming(&self, session: &SessionId, chats: &[String], ids: &[String]) -> Result<Vec<StoredMessage>> {
        let found = index_store::incoming(self.db.read(), session, chats, ids).await?;
        let known: BTreeSet<_> = found.iter().map(|stored| &stored.message.key.message_id).collect();
        match ids.iter().all(|id| known.contains(id)) {
            true => Ok(found),
            false => {
                let rule = "must only have ids of messages that came in this chat";
                Err(Error::about(ErrorKind::MessageNotFound, "message_ids", rule))
            }
        }
    }

    /// What came in a chat, of its newest messages. What is itself about another message has no ticks.
    async fn newest(&self, session: &SessionId, chats: Vec<String>) -> Result<Vec<StoredMessage>> {
        let range = MessageRange { chats, is_from_me: Some(false), status: None, before: i64::MAX };
        let mut found = index_store::page(self.db.read(), session, &range, READ_MAX as u64).await?;
        found.retain(|stored| !is_about_another(stored.message.message_type));
        found.reverse();
        Ok(found)
    }

    /// Shows in a chat that somebody types or records, or stopped; for so many seconds, if that is said.
    ///
    /// # Errors
    /// `SessionNotFound`, `SessionNotConnected`, `ChatNotFound`, `Invalid`, `Upstream`, `UpstreamTimeout`.
    #[tracing::instrument(level = "debug", name = "send_typing", skip_all, fields(session.id = %session))]
    pub async fn show_typing(
        &self,
        caller: &Caller,
        session: &SessionId,
        chat: &str,
        NewTyping { state, seconds }: NewTyping,
    ) -> Result<ChatTyping> {
        let account = self.sessions.account(caller, Scope::ChatsWrite, session)?;
        let chat = self::chat(chat)?;
        let wait = seconds.map(|seconds| rules::typing_time(state, seconds)).transpose()?;
        let client = account.online()?;
        let turn = Turn { session: session.clone(), chat: chat.clone() };
        let turn = self.typing.begin(turn, wait.is_some());
        client.show_chat_state(&chat, state).await?;
        let until = wait.map(|wait| self.clock.now().after(wait));
        if let Some(wait) = wait {
            self.typing.end_later(&self.lifecycle, client, turn, wait);
        }
        Ok(ChatTyping { chat, state, until })
    }
}

/// The JID of a chat that can be told something.
pub(in crate::message) fn chat(chat: &str) -> Result<String> {
    match Recipient::parse("chat_id", chat) {
        Ok(chat @ (Recipient::Person(_) | Recipient::Group(_))) => Ok(chat.jid()),
        Ok(Recipient::Status) | Err(_) => {
            let detail = "no chat has this id: it is a phone number, or the JID of a person or a group";
            Err(Error::new(ErrorKind::ChatNotFound, detail))
        }
    }
}

/// Ids, each once.
fn message_ids_of(ids: Vec<String>) -> Result<Vec<String>> {
    if !(1..=READ_MAX).contains(&ids.len()) {
        return Err(Error::invalid("message_ids", format!("must have 1 to {READ_MAX} ids")));
    }
    let ids: BTreeSet<_> = ids.into_iter().map(|id| rules::key("message_ids", id)).collect::<Result<_>>()?;
    Ok(ids.into_iter().collect())
}

/// Who is told what: in a group each sender about their own messages, in a chat of two the other one.
fn marks(messages: Vec<StoredMessage>) -> Vec<ReadMark> {
    let mut marks: BTreeMap<(String, Option<String>), Vec<String>> = BTreeMap::new();
    for stored in messages {
        let key = stored.message.key;
        let participant = key.chat.ends_with("@g.us").then(|| without_device(&key.sender));
        marks.entry((key.chat, participant)).or_default().push(key.message_id);
    }
    let mark = |((chat, participant), message_ids)| ReadMark { chat, participant, message_ids };
    marks.into_iter().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use entity::timestamp::Timestamp;
    use entity::words::message::MessageType;

    use super::*;
    use crate::event::index::{IndexedMessage, MessageKey};

    fn stored(chat: &str, sender: &str, id: &str) -> StoredMessage {
        let key = MessageKey {
            session_id: SessionId::parse("shop").expect("an id"),
            chat: chat.to_owned(),
            sender: sender.to_owned(),
            message_id: id.to_owned(),
        };
        let sent_at = Timestamp::from_millis(1_767_143_264_000);
        let (message_type, quoted_id, content) = (MessageType::Text, None, Vec::new());
        let message = IndexedMessage { key, is_from_me: false, message_type, quoted_id, content, sent_at };
        StoredMessage { message, position: 1, created_at: sent_at }
    }

    #[test]
    fn each_sender_in_a_group_is_told_of_their_own_messages() {
        let (group, friend) = ("120363000000000001@g.us", "15550100077@s.whatsapp.net");
        let found = vec![
            stored(group, "100000000000077:3@lid", "A"),
            stored(group, "100000000000078@lid", "B"),
            stored(group, "100000000000077@lid", "C"),
            stored(friend, friend, "D"),
        ];
        let told: Vec<_> =
            marks(found).into_iter().map(|mark| (mark.chat, mark.participant, mark.message_ids.join(" "))).collect();
        let of_group = |sender: &str, ids: &str| (group.to_owned(), Some(sender.to_owned()), ids.to_owned());
        let expected = [
            of_group("100000000000077@lid", "A C"),
            of_group("100000000000078@lid", "B"),
            (friend.to_owned(), None, "D".to_owned()),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_chat_is_a_person_or_a_group() {
        let known =
            ["+1 555 010-0077", "100000000000077@lid", "120363000000000001@g.us", "15550100077-1400000000@g.us"];
        for id in known {
            assert!(chat(id).is_ok(), "{id}");
        }
        for id in ["", "none", "@g.us", "a@g.us", "status@broadcast", "1@newsletter", "120363000000000001 @g.us"] {
            assert_eq!(chat(id).expect_err(id).kind(), ErrorKind::ChatNotFound, "{id}");
        }
    }

    #[test]
    fn up_to_256_ids_are_taken_and_each_counts_once() {
        let ids = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
        assert_eq!(message_ids_of(ids(256)).expect("it may").len(), 256);
        assert_eq!(message_ids_of(vec!["A".to_owned(), "A".to_owned()]).expect("it may"), ["A"]);
        for count in [0, 257] {
            assert!(message_ids_of(ids(count)).is_err());
        }
    }
}
