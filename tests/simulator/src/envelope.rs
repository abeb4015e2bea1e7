//! The outside of the stanza that goes with each content that phones write.

use waproto::whatsapp as wa;
use waproto::whatsapp::message::ProtocolMessage;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;

/// What the server and other devices see of a message without opening it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Envelope {
    /// The stanza's `type`.
    pub(crate) kind: &'static str,
    /// The `mediatype` of what is encrypted.
    pub(crate) media: Option<&'static str>,
    /// The stanza's `edit`: 1 another text, 7 taken back by the sender, 8 by an admin.
    pub(crate) edit: Option<&'static str>,
    /// What the stanza's `<meta>` says of a poll or an event.
    pub(crate) meta: Option<(&'static str, &'static str)>,
    /// Whether nothing is to be shown when it cannot be read.
    pub(crate) is_failure_hidden: bool,
    /// Whether companions learn only that there is something, because it may be seen once, on the phone.
    pub(crate) is_for_phones: bool,
}

impl Envelope {
    /// The outside of a text.
    pub(crate) fn text() -> Self {
        Self { kind: "text", ..Self::default() }
    }

    /// The outside that belongs to a content.
    pub(crate) fn of(message: &wa::Message) -> Self {
        let text = Self::text();
        if let Some(reaction) = message.reaction_message.as_option() {
            // A reaction without an emoji takes the one before back.
            let is_removal = reaction.text.as_deref().unwrap_or_default().is_empty();
            return Self { kind: "reaction", edit: is_removal.then_some("7"), is_failure_hidden: !is_removal, ..text };
        }
        if let Some(protocol) = message.protocol_message.as_option() {
            return Self::of_protocol(protocol);
        }
        if let Some(envelope) = Self::of_addon(message) {
            return envelope;
        }
        match media_type(message) {
            None => text,
            media => Self { kind: "media", media, is_for_phones: is_view_once(message), ..text },
        }
    }

    /// The outside of polls, events and what is said about a message.
    fn of_addon(message: &wa::Message) -> Option<Self> {
        let text = Self::text();
        let is_poll = message.poll_creation_message.is_set() || message.poll_creation_message_v3.is_set();
        let found = [
            (is_poll, Self { kind: "poll", meta: Some(("polltype", "creation")), ..text }),
            (
                message.poll_update_message.is_set(),
                Self { kind: "poll", meta: Some(("polltype", "vote")), is_failure_hidden: true, ..text },
            ),
            (message.event_message.is_set(), Self { kind: "event", meta: Some(("event_type", "creation")), ..text }),
            (
                message.enc_event_response_message.is_set(),
                Self { kind: "event", meta: Some(("event_type", "response")), is_failure_hidden: true, ..text },
            ),
            (message.pin_in_chat_message.is_set(), Self { edit: Some("2"), is_failure_hidden: true, ..text }),
            (message.keep_in_chat_message.is_set(), Self { is_failure_hidden: true, ..text }),
        ];
        found.into_iter().find_map(|(is_set, envelope)| is_set.then_some(envelope))
    }

    fn of_protocol(protocol: &ProtocolMessage) -> Self {
        let is_own = protocol.key.from_me == Some(true);
        let (edit, is_failure_hidden) = match protocol.r#type {
            Some(ProtocolType::MESSAGE_EDIT) => (Some("1"), true),
            Some(ProtocolType::REVOKE) => (Some(if is_own { "7" } else { "8" }), false),
            _ => (None, false),
        };
        Self { edit, is_failure_hidden, ..Self::text() }
    }
}

fn is_view_once(message: &wa::Message) -> bool {
    let marks = [message.image_message.view_once, message.video_message.view_once, message.audio_message.view_once];
    marks.contains(&Some(true))
}

fn media_type(message: &wa::Message) -> Option<&'static str> {
    let either = |is_first: Option<bool>, first, second| if is_first == Some(true) { first } else { second };
    let found = [
        (message.image_message.is_set(), "image"),
        (message.video_message.is_set(), either(message.video_message.gif_playback, "gif", "video")),
        (message.ptv_message.is_set(), "ptv"),
        (message.audio_message.is_set(), either(message.audio_message.ptt, "ptt", "audio")),
        (message.document_message.is_set(), "document"),
        (message.document_with_caption_message.is_set(), "document"),
        (message.sticker_message.is_set(), "sticker"),
        (message.location_message.is_set(), either(message.location_message.is_live, "livelocation", "location")),
        (message.live_location_message.is_set(), "livelocation"),
        (message.contact_message.is_set(), "vcard"),
        (message.contacts_array_message.is_set(), "contact_array"),
        (message.extended_text_message.matched_text.is_some(), "url"),
    ];
    found.into_iter().find_map(|(is_set, name)| is_set.then_some(name))
}
