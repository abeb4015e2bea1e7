//! What messages carry for programs: ids, where they came from, what they belong to.

use async_graphql::SimpleObject;
use entity::timestamp::Timestamp;
use entity::words::message::TapKind;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::event::body::party::Party;

/// Something that somebody tapped, as programs know it.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageTap {
    /// What it is.
    pub kind: TapKind,
    /// The id that whoever sent it gave it. Null when there is none.
    pub id: Option<String>,
    /// Its place among the buttons of a template, from 0. Null for all others.
    pub index: Option<i32>,
    /// The name of the flow. Null unless it is one.
    pub flow: Option<String>,
    /// What the flow answers, JSON as the phone wrote it. Null unless it is one, and when it has more than 64 KiB.
    pub params_json: Option<String>,
}

/// Where a chat came from, as the sender's phone says it.
#[derive(Clone, Default, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageReferral {
    /// What it is: `ad`, `post`.
    pub source_type: Option<String>,
    /// Id of the ad or post.
    pub source_id: Option<String>,
    /// Address of the ad or post.
    pub source_url: Option<String>,
    /// The app in which it was shown.
    pub source_app: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Its text.
    pub body: Option<String>,
    /// Address of its picture or video.
    pub media_url: Option<String>,
    /// Address of a small picture of it.
    pub thumbnail_url: Option<String>,
    /// Id of the tap on the ad (`ctwa_clid`), which the ad's provider knows again.
    pub click_id: Option<String>,
    /// What the ad's owner put into its link.
    pub reference: Option<String>,
    /// What the provider of the ad wants to know again (`ctwaSignals`).
    pub signals: Option<String>,
    /// The same in bytes (`ctwaPayload`), base64.
    pub payload: Option<String>,
    /// What brought the contact here (`conversionSource`).
    pub conversion_source: Option<String>,
    /// What belongs to that (`conversionData`), base64.
    pub conversion_data: Option<String>,
    /// Seconds between that and this message.
    pub conversion_delay_seconds: Option<i32>,
    /// By which way the chat was opened (`entryPointConversionSource`).
    pub entry_point_source: Option<String>,
    /// In which app that was.
    pub entry_point_app: Option<String>,
    /// Seconds between that and this message.
    pub entry_point_delay_seconds: Option<i32>,
    /// Where outside of WhatsApp that was.
    pub entry_point_external_source: Option<String>,
    /// By which medium.
    pub entry_point_external_medium: Option<String>,
    /// The campaign's source, `utm_source`.
    pub utm_source: Option<String>,
    /// The campaign, `utm_campaign`.
    pub utm_campaign: Option<String>,
}

/// That a message was forwarded.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageForward {
    /// How often it was, as far as WhatsApp counts; it calls 5 and more "many times". 0 when that is not told.
    pub score: i32,
}

/// That a message disappears.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageDisappearing {
    /// After how many seconds.
    pub seconds: i32,
    /// When that is, counted from when it was sent.
    pub disappears_at: Timestamp,
}

/// Pictures and videos that were sent together.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageAlbum {
    /// Id of its header, which is a message of its own and comes first.
    pub message_id: String,
    /// How many pictures belong to it. Null in all but the header.
    pub image_count: Option<i32>,
    /// How many videos belong to it. Null in all but the header.
    pub video_count: Option<i32>,
}

/// A message that is pinned in its chat, for all of its members, or not any more.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessagePin {
    /// Id of the message.
    pub message_id: String,
    /// Who sent the message. Null when that is not told.
    pub author: Option<Party>,
    /// Whether it is pinned now.
    pub is_pinned: bool,
}

/// A message that would disappear and is kept in its chat, for all of its members, or not any more.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageKeep {
    /// Id of the message.
    pub message_id: String,
    /// Who sent the message. Null when that is not told.
    pub author: Option<Party>,
    /// Whether it is kept now.
    pub is_kept: bool,
}

/// The message below which a comment was written.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageComment {
    /// Id of the message.
    pub message_id: String,
    /// Who sent the message. Null when that is not told.
    pub author: Option<Party>,
}

/// Something that has no word here yet, by its field of `Message` in WhatsApp's protocol.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageUnknown {
    /// The field's name: `payment_invite_message`.
    pub field: String,
    /// The field's number.
    pub number: i32,
}
