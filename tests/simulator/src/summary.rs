//! What a message says, in the words that a test asks in: its kind, its text, and which other message it is about.

use serde::Serialize;
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use waproto::whatsapp::message::{ExtendedTextMessage, FutureProofMessage};

use crate::media::{DeclaredFile, declared};

/// The content of a message, as far as a test asks.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
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
        let message = unwrapped(message);
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
        }
    }
}

/// The message inside of wrappers.
pub(crate) fn unwrapped(message: &wa::Message) -> &wa::Message {
    if let Some(inner) = message.device_sent_message.message.as_option() {
        return unwrapped(inner);
    }
    match wrappers(message).into_iter().find_map(|wrapper| wrapper.message.as_option()) {
        Some(inner) => unwrapped(inner),
        None => message,
    }
}

/// Whether a message stands in a wrapper.
pub(crate) fn is_wrapped(message: &wa::Message) -> bool {
    wrappers(message).into_iter().any(|wrapper| wrapper.is_set())
}

fn wrappers(message: &wa::Message) -> [&MessageField<FutureProofMessage>; 6] {
    [
        &message.ephemeral_message,
        &message.view_once_message,
        &message.view_once_message_v2,
        &message.view_once_message_v2_extension,
        &message.document_with_caption_message,
        &message.edited_message,
    ]
}

fn kind(message: &wa::Message) -> &'static str {
    let protocol = match message.protocol_message.r#type {
        Some(ProtocolType::MESSAGE_EDIT) => "edit",
        Some(ProtocolType::REVOKE) => "revoke",
        Some(ProtocolType::EPHEMERAL_SETTING) => "timer",
        _ => "protocol",
    };
    let polls = message.poll_creation_message.is_set()
        || message.poll_creation_message_v2.is_set()
        || message.poll_creation_message_v3.is_set();
    let kinds = [
        (message.protocol_message.is_set(), protocol),
        (message.reaction_message.is_set(), "reaction"),
        (message.pin_in_chat_message.is_set(), "pin"),
        (message.keep_in_chat_message.is_set(), "keep"),
        (polls, "poll"),
        (message.poll_update_message.is_set(), "vote"),
        (message.event_message.is_set(), "event"),
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
        &message.poll_creation_message_v3.context_info,
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
