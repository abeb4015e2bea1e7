//! Messages.

use async_graphql::SimpleObject;
use entity::timestamp::Timestamp;
use entity::words::{MediaKind, MessageType};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::event::body::Party;

/// A message arrived, or the account sent one from another device.
#[derive(Clone, PartialEq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageEvent {
    /// The id that its sender gave it; unique with chat and sender.
    pub message_id: String,
    /// JID of the chat.
    pub chat: String,
    /// JID of the sender as it came, without a device.
    pub from: String,
    /// Phone number of the sender, digits only. Null when it is not known.
    pub from_phone: Option<String>,
    /// JID of the sender in a group. Null in other chats.
    pub participant: Option<String>,
    /// The sender, by every name that is known.
    pub sender: Party,
    /// Whether the account itself sent it, from another device.
    pub is_from_me: bool,
    /// Whether the chat is a group.
    pub is_group: bool,
    /// The name that the sender shows to others. Null when it is not known.
    pub push_name: Option<String>,
    /// When it was sent, by WhatsApp's clock.
    pub timestamp: Timestamp,
    /// What it is.
    pub message_type: MessageType,
    /// Its text. Null when it has none.
    pub text: Option<String>,
    /// The text below its media. Null when it has none.
    pub caption: Option<String>,
    /// Its media. Null when it has none.
    pub media: Option<MessageMedia>,
    /// The place that it shows. Null when it shows none.
    pub location: Option<MessageLocation>,
    /// The message that it answers. Null when it answers none.
    pub quoted: Option<MessageQuote>,
    /// JIDs of those whom it mentions.
    pub mentions: Vec<String>,
    /// The reaction that it is. Null unless it is one.
    pub reaction: Option<MessageReaction>,
    /// The edit that it is. Null unless it is one; the new text is in `text` or `caption`, if it could be decrypted.
    pub edit: Option<MessageEdit>,
    /// The removal that it is. Null unless it is one.
    pub revoke: Option<MessageRevoke>,
    /// The poll that it asks. Null unless it is one.
    pub poll: Option<MessagePoll>,
    /// The contacts that it carries.
    pub contacts: Vec<MessageContact>,
    /// Whether it came while the session was away.
    pub offline: bool,
}

/// Media of a message. The bytes are at WhatsApp.
#[derive(Clone, PartialEq, Object, SimpleObject, Serialize, Deserialize)]
#[graphql(complex)]
pub struct MessageMedia {
    /// What it is.
    pub kind: MediaKind,
    /// Its media type, such as `image/jpeg`.
    pub mimetype: Option<String>,
    /// Its size, bytes.
    #[graphql(skip)]
    pub file_length: Option<i64>,
    /// SHA-256 of its bytes, hex.
    pub file_sha256: Option<String>,
    /// Its width, pixels.
    #[graphql(skip)]
    pub width: Option<i64>,
    /// Its height, pixels.
    #[graphql(skip)]
    pub height: Option<i64>,
    /// How long it plays, seconds.
    #[graphql(skip)]
    pub seconds: Option<i64>,
    /// The name of its file.
    pub file_name: Option<String>,
}

/// A place.
#[derive(Clone, PartialEq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageLocation {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Its name.
    pub name: Option<String>,
    /// Its address.
    pub address: Option<String>,
    /// Whether the sender shares where they are as they move.
    pub is_live: bool,
}

/// The message that another one answers.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageQuote {
    /// Its id.
    pub message_id: String,
    /// JID of who sent it.
    pub participant: Option<String>,
}

/// A reaction to another message.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageReaction {
    /// Id of the message.
    pub message_id: String,
    /// The emoji; empty takes the reaction back.
    pub emoji: String,
    /// Whether the message is the account's own.
    pub is_to_me: bool,
}

/// An edit of another message.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageEdit {
    /// Id of the message.
    pub message_id: String,
}

/// The removal of another message for everybody.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageRevoke {
    /// Id of the message.
    pub message_id: String,
    /// JID of who had sent it. Null when it is the sender of the removal.
    pub participant: Option<String>,
}

/// A poll. Votes are encrypted and not shown.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
#[graphql(complex)]
pub struct MessagePoll {
    /// What it asks. Null in a vote.
    pub name: Option<String>,
    /// What can be chosen. Empty in a vote.
    pub options: Vec<String>,
    /// How many options can be chosen; 0 is any number. Null in a vote.
    #[graphql(skip)]
    pub selectable_count: Option<i64>,
    /// Id of the poll that was voted on. Null unless it is a vote.
    pub vote_on: Option<String>,
}

/// A contact that a message carries.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageContact {
    /// The name that it is shown with.
    pub display_name: Option<String>,
    /// The whole card, as vCard text.
    pub vcard: Option<String>,
}
