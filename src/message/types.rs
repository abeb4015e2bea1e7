//! What goes in and out of the message service: one struct per thing, for every door.

use async_graphql::{ComplexObject, ID, InputObject, SimpleObject};
use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::chat::ChatState;
use entity::words::message::MessageType;
use entity::words::outgoing::{Direction, FailureCode, MessageStatus};
use poem_openapi::Object;
use serde::Serialize;

use crate::message::content::MessageContent;

/// A message that is to be sent.
#[derive(Clone, PartialEq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "NewMessageInput")]
pub struct NewMessage {
    /// To whom: a phone number with its country code in any usual spelling, `15550100077@s.whatsapp.net`, `100000000000077@lid`, or
    /// the JID of a group that the account is in, `120363000000000001@g.us`; or `status@broadcast`, which is the account's status.
    pub to: String,
    /// What it says.
    pub content: MessageContent,
    /// Id of the message that it answers, which must be in the same chat.
    pub reply_to: Option<String>,
    /// Those whom it mentions, people written as in `to`; each must be in the chat. The text should have `@15550100077`, the digits of
    /// how you name them here: in a group that knows them by LIDs, those take their place.
    pub mentions: Option<Vec<String>>,
    /// Whether it mentions everybody in a group. False when absent, and in any other chat.
    #[oai(default)]
    #[graphql(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mention_all: bool,
    /// Those who are to see it as the account's status, 1 to 1,000 people written as in `to`. Needed there, and nowhere else. A status
    /// answers and mentions nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_recipients: Option<Vec<String>>,
    /// When it is to be sent, at most 30 days from now. At once when absent.
    pub send_at: Option<Timestamp>,
    /// From when on it is not to be sent any more, at most 30 days behind the moment at which it is to be sent; 24 hours behind it
    /// when absent.
    pub expires_at: Option<Timestamp>,
    /// What you call it: 1 to 255 characters. The same message with the same reference is the same message, which is not sent twice.
    pub client_reference: Option<String>,
}

/// A reaction to a message.
#[derive(Clone, Debug, PartialEq, Eq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "NewReactionInput")]
pub struct NewReaction {
    /// One emoji, at most 64 bytes. It takes the place of the account's reaction before.
    pub emoji: String,
    /// The chat of the message, written as `to` of a new message. Only needed for a message that this server does not know any more.
    pub chat: Option<String>,
    /// Who sent it, written in the same way. Only needed where `chat` is.
    pub sender: Option<String>,
}

/// Another text for a message.
#[derive(Clone, PartialEq, Eq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "NewEditInput")]
pub struct NewEdit {
    /// What it says from now on: 1 to 65,536 characters.
    pub text: String,
    /// The chat of the message, written as `to` of a new message. Only needed for a message that this server does not know any more.
    pub chat: Option<String>,
    /// Who sent it, written in the same way. Only needed where `chat` is.
    pub sender: Option<String>,
}

/// Where a message is that this server does not know any more, or which of several with the same id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "MessagePlaceInput")]
pub struct MessagePlace {
    /// The chat of the message, written as `to` of a new message. Only needed for a message that this server does not know any more.
    pub chat: Option<String>,
    /// Who sent it, written in the same way. Only needed where `chat` is.
    pub sender: Option<String>,
}

/// Which messages were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "ReadRequestInput")]
pub struct ReadRequest {
    /// Their ids, 1 to 256. When absent, all that came among the newest 256 of the chat.
    pub message_ids: Option<Vec<String>>,
}

/// Messages that were marked as read.
#[derive(Clone, Debug, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct ReadMessages {
    /// JID of the chat.
    pub chat: String,
    /// Their ids.
    pub message_ids: Vec<String>,
}

/// What somebody does in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "NewTypingInput")]
pub struct NewTyping {
    /// What they do.
    pub state: ChatState,
    /// After so many seconds, 1 to 25, it is shown that they stopped. When absent, you say so.
    pub seconds: Option<u32>,
}

/// What is shown in a chat.
#[derive(Clone, Debug, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct ChatTyping {
    /// JID of the chat.
    pub chat: String,
    /// What somebody does in it.
    pub state: ChatState,
    /// When it is shown that they stopped. Null when you are to say so.
    pub until: Option<Timestamp>,
}

/// What holds the messages of a session up.
#[derive(Clone, Debug, Default, PartialEq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct Limits {
    /// Until when WhatsApp lets the account write to nobody new. Null when it may, or that is not known.
    pub timelock: Option<Timelock>,
    /// How many chats the account may begin. Null when WhatsApp sets no limit, or that is not known.
    pub new_chats: Option<NewChats>,
    /// When WhatsApp last said what stands in `timelock` and `new_chats`. Null when it was never asked.
    pub checked_at: Option<Timestamp>,
    /// What waits.
    pub queue: MessageQueue,
    /// How fast it is sent.
    pub rate: SendRate,
}

/// A time in which an account may write to nobody new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct Timelock {
    /// When it ends.
    pub until: Timestamp,
}

/// How many chats an account may begin in the present cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct NewChats {
    /// How many it has begun.
    pub used: u32,
    /// How many it may begin.
    pub total: u32,
    /// When the cycle ends, and they are counted anew.
    pub resets_at: Timestamp,
}

/// Messages of a session that are still to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct MessageQueue {
    /// How many there are, with those that are scheduled; 10,000 at most.
    pub waiting: u32,
    /// When the oldest of them was asked for. Null when there are none.
    pub oldest_at: Option<Timestamp>,
}

/// How fast a session sends.
#[derive(Clone, Debug, Default, PartialEq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct SendRate {
    /// Messages per second in the long run; 0 is as fast as it goes.
    pub per_second: f64,
    /// Messages that go at once after a while without any.
    pub burst: u32,
}

/// What to do with a message while the session is not logged in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, async_graphql::Enum)]
pub enum IfOffline {
    /// Keep it, and send it once the session is logged in.
    #[default]
    Queue,
    /// Refuse it.
    Fail,
}

/// How a message is to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendOptions {
    /// How long to wait for WhatsApp's answer.
    pub wait: std::time::Duration,
    /// What to do while the session is not logged in.
    pub if_offline: IfOffline,
    /// The client's key for this request, 1 to 255 characters.
    pub idempotency_key: Option<String>,
}

/// A message that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// As it is now.
    pub message: Message,
    /// Whether it was asked for before, with the same key or reference.
    pub is_replayed: bool,
}

/// A message, whoever sent it.
#[derive(Clone, PartialEq, Object, SimpleObject, Serialize)]
#[oai(example)]
#[graphql(complex)]
pub struct Message {
    /// The id that its sender gave it; unique with chat and sender.
    #[graphql(skip)]
    pub id: String,
    /// Id of the session that got or sent it.
    #[graphql(skip)]
    pub session_id: SessionId,
    /// Where it went.
    pub direction: Direction,
    /// JID of the chat.
    pub chat: String,
    /// JID of who sent it.
    pub sender: String,
    /// What it is.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    #[graphql(name = "type")]
    pub message_type: MessageType,
    /// Its text, or that below its media, as it was edited last. Null when it has none, or was removed for everybody.
    pub text: Option<String>,
    /// When its text was last changed, by WhatsApp's clock. Null when it was not.
    pub edited_at: Option<Timestamp>,
    /// When it was removed for everybody, by WhatsApp's clock. Null when it was not.
    pub revoked_at: Option<Timestamp>,
    /// Id of the message that it answers. Null when it answers none.
    pub reply_to: Option<String>,
    /// Id of the message that this one is about: a reaction, an edit, a removal, a vote, a pin and so on. Null for all others.
    pub target_id: Option<String>,
    /// Ids of the pictures and videos of an album, in its order. Null unless it is an album that was sent through this API.
    pub album_items: Option<Vec<String>>,
    /// When it was sent, by WhatsApp's clock; when it was asked for, until WhatsApp acknowledged it.
    pub timestamp: Timestamp,
    /// What is known of it: in a group the least that is known of anybody who was in it then and has not left since. Null unless it was
    /// sent through this API.
    pub status: Option<MessageStatus>,
    /// Why it was not sent. Null unless `status` is `failed`.
    pub failed: Option<MessageFailure>,
    /// How often it was given to WhatsApp. Null unless it was sent through this API.
    pub attempts: Option<i32>,
    /// Before this moment it is not sent. Null unless it is `scheduled`, or waits before another attempt.
    pub send_at: Option<Timestamp>,
    /// From this moment on it is not sent any more. Null unless it is still to be sent.
    pub expires_at: Option<Timestamp>,
    /// What the client calls it.
    pub client_reference: Option<String>,
    /// When it was written down.
    pub created_at: Timestamp,
    /// When what is known of it last changed.
    pub updated_at: Timestamp,
}

/// Why a message was not sent, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct MessageFailure {
    /// Why.
    pub code: FailureCode,
    /// WhatsApp's own code. Null when it gave none.
    pub upstream_code: Option<i32>,
}

#[ComplexObject]
impl Message {
    /// The id that its sender gave it; unique with chat and sender.
    pub(crate) async fn id(&self) -> ID {
        ID(self.id.clone())
    }

    /// Id of the session that got or sent it.
    async fn session_id(&self) -> ID {
        ID(self.session_id.to_string())
    }
}

impl std::fmt::Debug for NewEdit {
    /// What it says stays out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewEdit").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Message {
    /// What it says stays out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({} {} {:?})", self.session_id, self.id, self.status)
    }
}

/// Which messages of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Only those in this chat: a person, written as `to` of a new message, or the JID of a group.
    pub chat: Option<String>,
    /// Only those of which this is known.
    pub status: Option<MessageStatus>,
    /// Only those that went there.
    pub direction: Option<Direction>,
}

/// A part of the messages of a session, newest first.
#[derive(Clone, Debug, PartialEq, Object, Serialize)]
#[oai(example)]
pub struct MessagePage {
    /// The messages.
    pub messages: Vec<Message>,
    /// Where to read on. Null when there are no more.
    pub next_cursor: Option<String>,
}

/// A message with its place in the list.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageWithCursor {
    /// The message.
    pub message: Message,
    /// The place behind it.
    pub cursor: String,
}

/// A part of the messages of a session, newest first, with their places.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageSlice {
    /// The messages.
    pub items: Vec<MessageWithCursor>,
    /// Whether there are more behind it.
    pub has_next: bool,
}
