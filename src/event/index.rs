//! Messages as what refers to them later needs them: replies, reactions, edits, receipts and what is sent again. Written beside
//! the event that tells of a message, in its transaction; whoever sent it.

use std::borrow::Cow;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::message::MessageType;

use crate::db::text;

/// What makes a message the same message, whenever and however often it comes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageKey {
    /// The session that got it.
    pub session_id: SessionId,
    /// The chat that it is in.
    pub chat: String,
    /// Who sent it.
    pub sender: String,
    /// The id that the sender gave it.
    pub message_id: String,
}

impl MessageKey {
    /// The same, as every database can keep and find it, whatever its parts are made of.
    #[must_use]
    pub fn fitted(self) -> Self {
        let Self { session_id, chat, sender, message_id } = self;
        let fit = |part: String| match text::key(&part) {
            Cow::Borrowed(_) => part,
            Cow::Owned(fitted) => fitted,
        };
        Self { session_id, chat: fit(chat), sender: fit(sender), message_id: fit(message_id) }
    }
}

/// What is written of a message.
#[derive(Clone, PartialEq, Eq)]
pub struct IndexedMessage {
    /// Which message.
    pub key: MessageKey,
    /// Whether the account sent it, from whichever device.
    pub is_from_me: bool,
    /// What it is.
    pub message_type: MessageType,
    /// The message that it answers; of an edit and a removal, the one that they are about.
    pub quoted_id: Option<String>,
    /// The protobuf.
    pub content: Vec<u8>,
    /// When it was sent, by WhatsApp's clock; for what this server sends, when it was asked for.
    pub sent_at: Timestamp,
}

/// A message as it was written down.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// What was written of it.
    pub message: IndexedMessage,
    /// The position of the event that told of it: its place in lists.
    pub position: i64,
    /// When it was written down.
    pub created_at: Timestamp,
}

impl std::fmt::Debug for IndexedMessage {
    /// What is in it stays out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IndexedMessage({} {})", self.key.session_id, self.key.message_id)
    }
}

impl std::fmt::Debug for StoredMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredMessage({} {})", self.message.key.session_id, self.position)
    }
}
