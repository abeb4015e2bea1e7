//! What happens to contacts and groups.

use async_graphql::SimpleObject;
use entity::timestamp::Timestamp;
use entity::words::contact::DeviceChange;
use entity::words::group::GroupChange;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::event::body::party::Party;

/// A group changed.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
#[graphql(complex)]
pub struct GroupUpdateEvent {
    /// JID of the group.
    pub group: String,
    /// Who changed it. Null when WhatsApp did not tell.
    pub author: Option<Party>,
    /// What changed.
    pub change: GroupChange,
    /// Whom it is about: who was added, removed, promoted, demoted, or asks to join.
    pub participants: Vec<Party>,
    /// The new subject or description. Null for all other changes, and when it was removed.
    pub text: Option<String>,
    /// Seconds after which messages disappear; 0 is never. Null for all other changes.
    #[graphql(skip)]
    pub ephemeral_seconds: Option<i64>,
    /// When.
    pub timestamp: Timestamp,
}

/// The account joined a group: it was added, or the group was made with it.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct JoinedGroupEvent {
    /// JID of the group.
    pub group: String,
    /// Who added it. Null when WhatsApp did not tell.
    pub author: Option<Party>,
    /// When.
    pub timestamp: Timestamp,
}

/// A profile or group picture changed.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct PictureUpdateEvent {
    /// Whose: a contact or a group.
    pub subject: Party,
    /// Who changed it. Null unless it is a group's.
    pub author: Option<Party>,
    /// Whether it was removed.
    pub is_removed: bool,
    /// Id of the new picture. Null when it was removed.
    pub picture_id: Option<String>,
    /// When.
    pub timestamp: Timestamp,
}

/// A contact's about text changed.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct UserAboutUpdateEvent {
    /// Whose.
    pub contact: Party,
    /// The new text.
    pub about: String,
    /// When.
    pub timestamp: Timestamp,
}

/// A contact's push name changed: a message came with another one than before.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct PushNameUpdateEvent {
    /// Whose; with the new name.
    pub contact: Party,
    /// The name before. Null when it is not known. Names are remembered only while the session's client lives: after a start,
    /// each contact's first message tells no change.
    pub old_push_name: Option<String>,
}

/// A contact changed: in the account's address book, or its phone number.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct ContactUpdateEvent {
    /// Who.
    pub contact: Party,
    /// The name in the address book. Null when it is not in it, or not told.
    pub full_name: Option<String>,
    /// The first name in the address book. Null when it is not in it, or not told.
    pub first_name: Option<String>,
    /// Who it was before its phone number changed. Null unless that is what changed.
    pub old: Option<Party>,
    /// When.
    pub timestamp: Timestamp,
}

/// A contact's devices changed.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct DeviceListUpdateEvent {
    /// Whose.
    pub contact: Party,
    /// What changed.
    pub change: DeviceChange,
    /// Numbers of the devices that it is about.
    pub device_ids: Vec<i32>,
}
