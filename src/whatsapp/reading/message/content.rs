//! What is in a message, whichever kind it is of.

use entity::words::message::{MediaKind, MessageType};
use whatsapp_rust::waproto::whatsapp as wa;

use crate::event::body::context::{MessageAlbum, MessageKeep, MessagePin, MessageTap, MessageUnknown};
use crate::event::body::location::MessageLocation;
use crate::event::body::message::{
    MessageContact, MessageEdit, MessageMedia, MessagePoll, MessageReaction, MessageRevoke,
};
use crate::event::body::offer::{MessageAppointment, MessageAttendance, MessageInvite, MessageOrder, MessageProduct};

/// What is offered in a message.
#[derive(Default)]
pub(super) struct Offer {
    pub(super) invite: Option<MessageInvite>,
    pub(super) order: Option<MessageOrder>,
    pub(super) product: Option<MessageProduct>,
    pub(super) appointment: Option<MessageAppointment>,
}

/// What is in a message.
pub(super) struct Content<'a> {
    pub(super) message_type: MessageType,
    pub(super) text: Option<String>,
    pub(super) caption: Option<String>,
    pub(super) media: Option<MessageMedia>,
    pub(super) location: Option<MessageLocation>,
    pub(super) reaction: Option<MessageReaction>,
    pub(super) edit: Option<MessageEdit>,
    pub(super) revoke: Option<MessageRevoke>,
    pub(super) poll: Option<MessagePoll>,
    pub(super) contacts: Vec<MessageContact>,
    pub(super) tap: Option<MessageTap>,
    pub(super) album: Option<MessageAlbum>,
    pub(super) pin: Option<MessagePin>,
    pub(super) keep: Option<MessageKeep>,
    pub(super) attendance: Option<MessageAttendance>,
    pub(super) offer: Offer,
    pub(super) unknown: Option<MessageUnknown>,
    pub(super) is_view_once: bool,
    /// The message below which it is a comment.
    pub(super) comment_on: Option<&'a wa::MessageKey>,
    /// What it answers, whom it mentions, how it came here.
    pub(super) context: Option<&'a wa::ContextInfo>,
}

impl<'a> Content<'a> {
    pub(super) fn of(message_type: MessageType) -> Self {
        Self {
            message_type,
            text: None,
            caption: None,
            media: None,
            location: None,
            reaction: None,
            edit: None,
            revoke: None,
            poll: None,
            contacts: Vec::new(),
            tap: None,
            album: None,
            pin: None,
            keep: None,
            attendance: None,
            offer: Offer::default(),
            unknown: None,
            is_view_once: false,
            comment_on: None,
            context: None,
        }
    }

    /// What it answers, whom it mentions, how it came here.
    pub(super) fn within(self, context: Option<&'a wa::ContextInfo>) -> Self {
        Self { context, ..self }
    }

    pub(super) fn media(media: MessageMedia, caption: Option<String>) -> Self {
        let message_type = match media.kind {
            MediaKind::Image => MessageType::Image,
            MediaKind::Video => MessageType::Video,
            MediaKind::Audio => MessageType::Audio,
            MediaKind::Voice => MessageType::Voice,
            MediaKind::Document => MessageType::Document,
            MediaKind::Sticker => MessageType::Sticker,
        };
        Self { media: Some(media), caption, ..Self::of(message_type) }
    }
}

/// The first of these that says something.
pub(super) fn text<'a>(texts: &[Option<&String>]) -> Content<'a> {
    let text = texts.iter().flatten().find(|text| !text.is_empty()).map(|text| (*text).clone());
    Content { text, ..Content::of(MessageType::Text) }
}

/// What does not fit is not known.
pub(super) fn number<N: TryInto<i64>>(number: Option<N>) -> Option<i64> {
    number.and_then(|number| number.try_into().ok())
}

/// The same, for small numbers.
pub(super) fn int<N: TryInto<i32>>(number: Option<N>) -> Option<i32> {
    number.and_then(|number| number.try_into().ok())
}
