//! What happens in and to chats, beside messages.

use async_graphql::SimpleObject;
use entity::timestamp::Timestamp;
use entity::words::chat::{ChatState, ReceiptKind, UndecryptableReason};
use entity::words::outgoing::{FailureCode, MessageStatus};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::event::body::party::Party;

/// Messages were delivered, read or played.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct ReceiptEvent {
    /// JID of the chat.
    pub chat: String,
    /// The other person of a direct chat. Null for all other chats.
    pub partner: Option<Party>,
    /// Whether the chat is a group.
    pub is_group: bool,
    /// Who received, read or played them.
    pub sender: Party,
    /// Ids of the messages.
    pub message_ids: Vec<String>,
    /// What became of them.
    pub kind: ReceiptKind,
    /// When, by WhatsApp's clock.
    pub timestamp: Timestamp,
    /// Whether it came while the session was away.
    pub offline: bool,
}

/// What is known of a message that was sent through this API changed.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageStatusEvent {
    /// The message's id.
    pub message_id: String,
    /// JID of the chat.
    pub chat: String,
    /// What is known of it now.
    pub status: MessageStatus,
    /// What was known of it before. Null when it is new.
    pub previous: Option<MessageStatus>,
    /// Why it was not sent. Null unless it failed.
    pub code: Option<FailureCode>,
    /// WhatsApp's code of that. Null when it gave none.
    pub upstream_code: Option<i32>,
    /// How often it was given to WhatsApp.
    pub attempt: i32,
    /// What the client calls it.
    pub client_reference: Option<String>,
    /// When this happened, by WhatsApp's clock where that told.
    pub timestamp: Timestamp,
}

/// The file of a message was fetched from WhatsApp, by a session that fetches files as they come.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
#[graphql(complex)]
pub struct MediaReadyEvent {
    /// The message's id.
    pub message_id: String,
    /// JID of the chat.
    pub chat: String,
    /// The size of the file, bytes.
    #[graphql(skip)]
    pub size: i64,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// What it is, by its own bytes; `application/octet-stream` if they do not say.
    pub mimetype: String,
    /// When it was there.
    pub timestamp: Timestamp,
}

/// A contact came online or went offline.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct PresenceEvent {
    /// Who.
    pub contact: Party,
    /// Whether they are online.
    pub is_online: bool,
    /// When they were last seen. Null when they hide it, or are online.
    pub last_seen: Option<Timestamp>,
}

/// A contact types or records.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct ChatPresenceEvent {
    /// JID of the chat.
    pub chat: String,
    /// The other person of a direct chat. Null for all other chats.
    pub partner: Option<Party>,
    /// Whether the chat is a group.
    pub is_group: bool,
    /// Who.
    pub sender: Party,
    /// What they do.
    pub state: ChatState,
}

/// A chat was pinned or unpinned on the phone or another device.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct PinUpdateEvent {
    /// JID of the chat.
    pub chat: String,
    /// The other person of a direct chat. Null for all other chats.
    pub partner: Option<Party>,
    /// Whether it is pinned now.
    pub is_pinned: bool,
    /// When.
    pub timestamp: Timestamp,
}

/// A chat was muted or unmuted on the phone or another device.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MuteUpdateEvent {
    /// JID of the chat.
    pub chat: String,
    /// The other person of a direct chat. Null for all other chats.
    pub partner: Option<Party>,
    /// Whether it is muted now.
    pub is_muted: bool,
    /// Until when. Null while it is not muted, or for ever.
    pub muted_until: Option<Timestamp>,
    /// When.
    pub timestamp: Timestamp,
}

/// A chat was archived or brought back on the phone or another device.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct ArchiveUpdateEvent {
    /// JID of the chat.
    pub chat: String,
    /// The other person of a direct chat. Null for all other chats.
    pub partner: Option<Party>,
    /// Whether it is archived now.
    pub is_archived: bool,
    /// When.
    pub timestamp: Timestamp,
}

/// A chat was marked as read or unread on the phone or another device.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MarkChatAsReadEvent {
    /// JID of the chat.
    pub chat: String,
    /// The other person of a direct chat. Null for all other chats.
    pub partner: Option<Party>,
    /// Whether it is read now.
    pub is_read: bool,
    /// When.
    pub timestamp: Timestamp,
}

/// The time after which messages of a chat disappear changed, or the one that a contact wants for all new chats. Changes of a
/// group's come as `group_update` as well.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct DisappearingUpdateEvent {
    /// JID of the chat.
    pub chat: String,
    /// The other person of a direct chat. Null for all other chats.
    pub partner: Option<Party>,
    /// Who changed it.
    pub author: Option<Party>,
    /// Whether it is what the contact wants for all new chats, and not this chat's own.
    pub is_default: bool,
    /// Seconds after which messages disappear; 0 is never.
    pub seconds: i32,
    /// When.
    pub timestamp: Timestamp,
}

/// A message arrived that could not be decrypted. Its sender is asked to send it again.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct UndecryptableMessageEvent {
    /// The message's id.
    pub message_id: String,
    /// JID of the chat.
    pub chat: String,
    /// The other person of a direct chat. Null for all other chats.
    pub partner: Option<Party>,
    /// Whether the account itself sent it, from another device.
    // The first events of this type were written without it.
    #[serde(default)]
    pub is_from_me: bool,
    /// Whether the chat is a group.
    pub is_group: bool,
    /// Who sent it.
    pub sender: Party,
    /// Why it cannot be read.
    pub reason: UndecryptableReason,
    /// When it was sent, by WhatsApp's clock.
    pub timestamp: Timestamp,
}
