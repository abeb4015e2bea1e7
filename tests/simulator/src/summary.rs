//! What a message says, in the words that a test asks in: its kind, its text, and which other message it is about.

mod parts;
mod wrapping;

pub use parts::{Album, Card, EventAnswer, EventInfo, Pin, Place, Poll};
pub(crate) use parts::{options, poll_of};
pub(crate) use wrapping::{is_wrapped, unwrapped};

use serde::Serialize;
use waproto::whatsapp as wa;
use waproto::whatsapp::KeepType;
use waproto::whatsapp::message::ExtendedTextMessage;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;

use crate::media::{DeclaredFile, declared};

/// The content of a message, as far as a test asks.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// `text`, `image`, `reaction`, `edit`, `revoke`, ..; `other` for what has no name here.
    pub kind: &'static str,
    /// The text of a text or of an edit; empty when the message is something else.
    pub text: String,
    /// The words below a picture, video or document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// What it says about its file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<DeclaredFile>,
    /// The emoji of a reaction; empty when it takes one back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
    /// The address that a text shows a preview of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// What it shows of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<LinkPreview>,
    /// The message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quoted: Option<Quoted>,
    /// Who is mentioned, as the sender addressed them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// Whether everybody in the group is mentioned.
    #[serde(skip_serializing_if = "is_false")]
    pub mentions_all: bool,
    /// Whether it was forwarded.
    #[serde(skip_serializing_if = "is_false")]
    pub is_forwarded: bool,
    /// How often it was forwarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarding_score: Option<u32>,
    /// Whether it may be seen once.
    #[serde(skip_serializing_if = "is_false")]
    pub is_view_once: bool,
    /// A place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Cards of people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<Card>,
    /// A poll.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll: Option<Poll>,
    /// The options that a vote is for, in an inbox: the phone opens it when it has the poll.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vote: Option<Vec<String>>,
    /// An event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventInfo>,
    /// An answer to an event, in an inbox: the phone opens it when it has the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_answer: Option<EventAnswer>,
    /// What a pin does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
    /// Whether a message is kept although the others of its chat disappear, or is not any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_kept: Option<bool>,
    /// An album.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub album: Option<Album>,
    /// The id of the album that a picture or video belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub album_id: Option<String>,
    /// The message that a reaction, edit, revoke, pin or vote is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Whether it carries the 32 bytes that open what others say about it.
    pub has_secret: bool,
    /// After how long it disappears, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_seconds: Option<u32>,
}

/// What a text shows of an address in it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct LinkPreview {
    /// The page's title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the page says about itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How large the picture in the message is, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail_bytes: Option<usize>,
}

/// The message that another one answers.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Quoted {
    /// Its id.
    pub id: String,
    /// Who wrote it, as the sender addressed them; empty when the sender did not say.
    pub participant: String,
    /// Its text; empty when the sender did not put the message in, which phones show as an empty box.
    pub text: String,
    /// Whether the sender put the message in.
    pub is_present: bool,
}

/// How a message names another one.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Target {
    /// The chat, as the sender addressed it.
    pub chat: String,
    /// Its id.
    pub id: String,
    /// Whether the sender wrote it as well.
    pub from_me: bool,
    /// Who wrote it, in a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant: Option<String>,
}

impl Summary {
    /// Reads a message.
    pub fn of(message: &wa::Message) -> Self {
        let secret = message.message_context_info.message_secret.as_ref();
        let file = declared(message);
        let (outer, message) = (message, unwrapped(message));
        let inner_secret = message.message_context_info.message_secret.as_ref();
        let about = About::of(message);
        let context = context(message);
        Self {
            kind: kind(message),
            text: text(message),
            caption: caption(message),
            file,
            emoji: message.reaction_message.as_option().map(|reaction| reaction.text.clone().unwrap_or_default()),
            link: message.extended_text_message.matched_text.clone(),
            preview: message.extended_text_message.as_option().and_then(preview),
            quoted: context.and_then(quoted),
            mentions: context.map(|context| context.mentioned_jid.clone()).unwrap_or_default(),
            target: about.map(About::target),
            has_secret: secret.or(inner_secret).is_some_and(|secret| secret.len() == 32),
            ephemeral_seconds: context.and_then(|context| context.expiration).or(timer(message)),
            mentions_all: context.is_some_and(|context| context.non_jid_mentions.is_some_and(|count| count > 0)),
            is_forwarded: context.is_some_and(|context| context.is_forwarded == Some(true)),
            forwarding_score: context.and_then(|context| context.forwarding_score),
            is_view_once: wrapping::is_view_once(outer),
            place: parts::place(message),
            contacts: parts::cards(message),
            poll: parts::poll(message),
            vote: None,
            event: message.event_message.as_option().map(parts::event),
            event_answer: None,
            pin: parts::pin(outer, message),
            is_kept: message
                .keep_in_chat_message
                .as_option()
                .map(|keep| keep.keep_type == Some(KeepType::KEEP_FOR_ALL)),
            album: parts::album(message),
            album_id: wrapping::album_id(outer, message),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde hands it over so
fn is_false(value: &bool) -> bool {
    !value
}

fn kind(message: &wa::Message) -> &'static str {
    let protocol = match message.protocol_message.r#type {
        Some(ProtocolType::MESSAGE_EDIT) => "edit",
        Some(ProtocolType::REVOKE) => "revoke",
        Some(ProtocolType::EPHEMERAL_SETTING) => "timer",
        _ => "protocol",
    };
    let kinds = [
        (message.protocol_message.is_set(), protocol),
        (message.reaction_message.is_set(), "reaction"),
        (message.pin_in_chat_message.is_set(), "pin"),
        (message.keep_in_chat_message.is_set(), "keep"),
        (poll_of(message).is_some(), "poll"),
        (message.poll_update_message.is_set(), "vote"),
        (message.event_message.is_set(), "event"),
        (message.enc_event_response_message.is_set(), "event_answer"),
        (message.image_message.is_set(), "image"),
        (message.video_message.is_set(), "video"),
        (message.ptv_message.is_set(), "video_note"),
        (message.audio_message.is_set(), if message.audio_message.ptt == Some(true) { "voice" } else { "audio" }),
        (message.document_message.is_set(), "document"),
        (message.sticker_message.is_set(), "sticker"),
        (message.location_message.is_set(), "location"),
        (message.live_location_message.is_set(), "live_location"),
        (message.contact_message.is_set(), "contact"),
        (message.contacts_array_message.is_set(), "contacts"),
        (message.album_message.is_set(), "album"),
        (message.conversation.is_some() || message.extended_text_message.is_set(), "text"),
    ];
    kinds.into_iter().find_map(|(is_set, name)| is_set.then_some(name)).unwrap_or("other")
}

fn text(message: &wa::Message) -> String {
    if let Some(edited) = message.protocol_message.edited_message.as_option() {
        return text(edited);
    }
    let text = message.conversation.clone().or_else(|| message.extended_text_message.text.clone());
    text.unwrap_or_default()
}

fn caption(message: &wa::Message) -> Option<String> {
    let caption = message.image_message.caption.as_ref().or(message.video_message.caption.as_ref());
    caption.or(message.document_message.caption.as_ref()).cloned()
}

fn context(message: &wa::Message) -> Option<&wa::ContextInfo> {
    let contexts = [
        &message.extended_text_message.context_info,
        &message.image_message.context_info,
        &message.video_message.context_info,
        &message.audio_message.context_info,
        &message.document_message.context_info,
        &message.sticker_message.context_info,
        &message.location_message.context_info,
        &message.contact_message.context_info,
        &message.contacts_array_message.context_info,
        &message.poll_creation_message.context_info,
        &message.poll_creation_message_v2.context_info,
        &message.poll_creation_message_v3.context_info,
        &message.poll_creation_message_v5.context_info,
        &message.ptv_message.context_info,
        &message.live_location_message.context_info,
        &message.event_message.context_info,
        &message.album_message.context_info,
    ];
    contexts.into_iter().find_map(|context| context.as_option())
}

fn preview(text: &ExtendedTextMessage) -> Option<LinkPreview> {
    text.matched_text.is_some().then(|| LinkPreview {
        title: text.title.clone(),
        description: text.description.clone(),
        thumbnail_bytes: text.jpeg_thumbnail.as_ref().map(|picture| picture.len()),
    })
}

fn quoted(context: &wa::ContextInfo) -> Option<Quoted> {
    Some(Quoted {
        id: context.stanza_id.clone()?,
        participant: context.participant.clone().unwrap_or_default(),
        text: context.quoted_message.as_option().map(|message| text(unwrapped(message))).unwrap_or_default(),
        is_present: context.quoted_message.is_set(),
    })
}

fn timer(message: &wa::Message) -> Option<u32> {
    let is_timer = message.protocol_message.r#type == Some(ProtocolType::EPHEMERAL_SETTING);
    is_timer.then(|| message.protocol_message.ephemeral_expiration.unwrap_or_default())
}

/// The key of the message that another one is about.
struct About<'a>(&'a wa::MessageKey);

impl<'a> About<'a> {
    fn of(message: &'a wa::Message) -> Option<Self> {
        let keys = [
            &message.protocol_message.key,
            &message.reaction_message.key,
            &message.pin_in_chat_message.key,
            &message.keep_in_chat_message.key,
            &message.poll_update_message.poll_creation_message_key,
            &message.enc_event_response_message.event_creation_message_key,
        ];
        keys.into_iter().find_map(|key| key.as_option()).map(Self)
    }

    fn target(self) -> Target {
        Target {
            chat: self.0.remote_jid.clone().unwrap_or_default(),
            id: self.0.id.clone().unwrap_or_default(),
            from_me: self.0.from_me.unwrap_or_default(),
            participant: self.0.participant.clone(),
        }
    }
}
