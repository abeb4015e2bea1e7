//! What is in a message: one look at each thing that it can be.

use entity::words::{MediaKind, MessageType};
use whatsapp_rust::Jid;
use whatsapp_rust::wacore_binary::JidExt as _;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message::pin_in_chat_message::Type as PinType;
use whatsapp_rust::waproto::whatsapp::message_association::AssociationType;

use crate::event::body::context::{MessageAlbum, MessagePin, MessageTap, MessageUnknown};
use crate::event::body::location::MessageLocation;
use crate::event::body::message::{
    MessageContact, MessageEdit, MessageMedia, MessagePoll, MessageReaction, MessageRevoke,
};
use crate::whatsapp::reading::message::around::Around;
use crate::whatsapp::reading::message::offer::Offer;
use crate::whatsapp::reading::message::{attached, interactive, media, offer, protocol, unknown, wrapper};

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

/// None if no person said it.
pub(super) fn content<'a>(message: &'a wa::Message, around: &Around<'_>) -> Option<Content<'a>> {
    let opened = wrapper::opened(message);
    let content = match opened.message.protocol_message.as_option() {
        Some(protocol) => protocol::content(protocol, around)?,
        None => spoken(opened.message, around)?,
    };
    let album = content.album.or_else(|| album_of(message).or_else(|| album_of(opened.message)));
    let is_view_once = content.is_view_once || opened.is_view_once;
    Some(Content { is_view_once, album, comment_on: opened.comment_on, ..content })
}

/// The same, of a message without wrappers that is none of the protocol's own.
pub(super) fn spoken<'a>(message: &'a wa::Message, around: &Around<'_>) -> Option<Content<'a>> {
    if let Some(text) = &message.conversation {
        return Some(Content { text: Some(text.clone()), ..Content::of(MessageType::Text) });
    }
    if let Some(extended) = message.extended_text_message.as_option() {
        let content = Content { text: extended.text.clone(), ..Content::of(MessageType::Text) };
        return Some(content.within(extended.context_info.as_option()));
    }
    let content = media::media(message).or_else(|| attached::place(message)).or_else(|| reaction(message, around));
    let content = content.or_else(|| attached::poll(message, around)).or_else(|| attached::contacts(message));
    let content = content.or_else(|| interactive::words(message)).or_else(|| offer::offer(message));
    let content = content.or_else(|| protocol::sealed_edit(message));
    let content = content.or_else(|| album(message, around)).or_else(|| pin(message, around));
    let content = content.or_else(|| unknown::is_news(message).then(|| Content::of(MessageType::Unknown)))?;
    let is_unknown = content.message_type == MessageType::Unknown;
    Some(Content { unknown: is_unknown.then(|| unknown::field(message)).flatten(), ..content })
}

fn reaction<'a>(message: &wa::Message, around: &Around<'_>) -> Option<Content<'a>> {
    let reaction = message.reaction_message.as_option()?;
    let reaction = reaction.key.as_option().and_then(|key| {
        Some(MessageReaction {
            message_id: key.id.clone()?,
            emoji: reaction.text.clone().unwrap_or_default(),
            is_to_me: is_to_account(key, around),
            author: around.author(key),
        })
    });
    Some(Content { reaction, ..Content::of(MessageType::Reaction) })
}

/// Whether a reaction is to a message of the account. Its key is written from the point of view of who reacts: it says whether
/// the message is their own, and in a group whose else it is.
fn is_to_account(key: &wa::MessageKey, around: &Around<'_>) -> bool {
    let (source, is_reactors) = (&around.info.source, key.from_me == Some(true));
    if source.is_from_me || !source.chat.is_group() {
        return source.is_from_me == is_reactors;
    }
    let author = key.participant.as_deref().and_then(|author| author.parse::<Jid>().ok());
    author.is_some_and(|author| around.own.is(&author))
}

/// The header of an album. What belongs to it comes in messages of its own.
fn album<'a>(message: &'a wa::Message, around: &Around<'_>) -> Option<Content<'a>> {
    let header = message.album_message.as_option()?;
    let album = MessageAlbum {
        message_id: around.info.id.clone(),
        image_count: int(header.expected_image_count),
        video_count: int(header.expected_video_count),
    };
    let content = Content { album: Some(album), ..Content::of(MessageType::Album) };
    Some(content.within(header.context_info.as_option()))
}

/// The album that a picture or video belongs to.
fn album_of(message: &wa::Message) -> Option<MessageAlbum> {
    let association = message.message_context_info.as_option()?.message_association.as_option()?;
    let is_album = association.association_type == Some(AssociationType::MEDIA_ALBUM);
    let message_id = association.parent_message_key.as_option()?.id.clone().filter(|_| is_album)?;
    Some(MessageAlbum { message_id, image_count: None, video_count: None })
}

fn pin<'a>(message: &wa::Message, around: &Around<'_>) -> Option<Content<'a>> {
    let pinned = message.pin_in_chat_message.as_option()?;
    let pin = pinned.key.as_option().and_then(|key| {
        Some(MessagePin {
            message_id: key.id.clone()?,
            author: around.author(key),
            is_pinned: pinned.r#type == Some(PinType::PIN_FOR_ALL),
        })
    });
    Some(Content { pin, ..Content::of(MessageType::Pin) })
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
