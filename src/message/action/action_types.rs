//! What is done to messages beside reactions, edits and removals, as clients ask for it: one struct per thing, for both doors.

use async_graphql::{InputObject, SimpleObject};
use entity::words::message::Attendance;
use poem_openapi::Object;
use serde::Serialize;

use crate::message::types::Message;

/// A vote in a poll.
#[derive(Clone, Debug, PartialEq, Eq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "NewVoteInput")]
pub struct NewVote {
    /// The options that are chosen, word for word as the poll has them; at most as many as it allows. None takes the vote back.
    pub options: Vec<String>,
    /// The chat of the poll, written as `to` of a new message. Only needed when several messages have the same id.
    pub chat: Option<String>,
    /// Who asked it, written in the same way. Only needed where `chat` is.
    pub sender: Option<String>,
}

/// Whether the account comes to an event.
#[derive(Clone, Debug, PartialEq, Eq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "NewAttendanceInput")]
pub struct NewAttendance {
    /// Whether it comes.
    pub answer: Attendance,
    /// How many others it brings along, at most 99; none when absent.
    pub extra_guests: Option<u32>,
    /// The chat of the event, written as `to` of a new message. Only needed when several messages have the same id.
    pub chat: Option<String>,
    /// Who sent it, written in the same way. Only needed where `chat` is.
    pub sender: Option<String>,
}

/// To whom a message is forwarded.
#[derive(Clone, Debug, PartialEq, Eq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "NewForwardInput")]
pub struct NewForward {
    /// To whom, written as `to` of a new message.
    pub to: String,
    /// The chat that the message is in, written in the same way. Only needed when several messages have the same id.
    pub chat: Option<String>,
    /// Who sent it, written in the same way. Only needed where `chat` is.
    pub sender: Option<String>,
}

/// A message that is pinned in its chat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "NewPinInput")]
pub struct NewPin {
    /// For how many days: 1, 7 or 30. 7 when absent.
    pub days: Option<u32>,
    /// The chat of the message, written as `to` of a new message. Only needed for a message that this server does not know any more.
    pub chat: Option<String>,
    /// Who sent it, written in the same way. Only needed where `chat` is.
    pub sender: Option<String>,
}

/// A message that the account has starred, or has not any more.
#[derive(Clone, Debug, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct StarredMessage {
    /// The message's id.
    pub message_id: String,
    /// JID of the chat.
    pub chat: String,
    /// Whether it is starred now.
    pub is_starred: bool,
}

/// After how long messages disappear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Object, InputObject, Serialize)]
#[oai(example)]
#[graphql(name = "NewTimerInput")]
pub struct NewTimer {
    /// After how many seconds: 86400 (a day), 604800 (a week) or 7776000 (90 days); 0 if they stay.
    pub seconds: u32,
}

/// The timer of a chat.
#[derive(Clone, Debug, PartialEq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct TimerOfChat {
    /// JID of the chat.
    pub chat: String,
    /// After how many seconds messages disappear; 0 if they stay.
    pub seconds: u32,
    /// The message that tells the other person, which counts once WhatsApp has it. Null for a group: WhatsApp tells its members.
    pub message: Option<Message>,
}

/// The timer with which chats begin that others do not begin with one of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct DefaultTimer {
    /// After how many seconds messages disappear; 0 if they stay.
    pub seconds: u32,
}
