//! What a message says: one look at each thing that it can be.

use entity::words::message::{AttendanceState, MessageType};
use whatsapp_rust::Jid;
use whatsapp_rust::wacore_binary::JidExt as _;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::KeepType;
use whatsapp_rust::waproto::whatsapp::message as part;
use whatsapp_rust::waproto::whatsapp::message::pin_in_chat_message::Type as PinType;
use whatsapp_rust::waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use whatsapp_rust::waproto::whatsapp::message_association::AssociationType;

use crate::event::body::context::{MessageAlbum, MessageKeep, MessagePin};
use crate::event::body::message::{MessageEdit, MessageReaction};
use crate::event::body::offer::MessageAttendance;
use crate::whatsapp::reading::message::around::Around;
use crate::whatsapp::reading::message::content::{Content, int};
use crate::whatsapp::reading::message::{attached, interactive, media, offer, protocol, unknown, wrapper};

/// None if no person said it.
pub(super) fn content<'a>(message: &'a wa::Message, around: &Around<'_>) -> Option<Content<'a>> {
    let opened = wrapper::opened(message);
    let content = match opened.message.protocol_message.as_option() {
        Some(protocol) if protocol.r#type == Some(ProtocolType::MESSAGE_EDIT) => edit(protocol, around)?,
        Some(protocol) => protocol::removal(protocol, around)?,
        None => spoken(opened.message, around)?,
    };
    let album = content.album.or_else(|| album_of(message).or_else(|| album_of(opened.message)));
    let is_view_once = content.is_view_once || opened.is_view_once;
    Some(Content { is_view_once, album, comment_on: opened.comment_on, ..content })
}

/// What a message says from now on. None if it does not tell which.
fn edit<'a>(protocol: &'a part::ProtocolMessage, around: &Around<'_>) -> Option<Content<'a>> {
    let message_id = protocol.key.as_option().and_then(|key| key.id.clone())?;
    // What an edit edits is no protocol message again: so this ends.
    let edited = protocol.edited_message.as_option().map(|edited| wrapper::opened(edited).message);
    let edited = edited.and_then(|edited| spoken(edited, around));
    let edited = edited.unwrap_or_else(|| Content::of(MessageType::Unknown));
    Some(Content { message_type: MessageType::Edit, edit: Some(MessageEdit { message_id }), ..edited })
}

/// The same, of a message without wrappers that is none of the protocol's own.
fn spoken<'a>(message: &'a wa::Message, around: &Around<'_>) -> Option<Content<'a>> {
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
    let content = content.or_else(|| keep(message, around)).or_else(|| attendance(message, around));
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

fn keep<'a>(message: &wa::Message, around: &Around<'_>) -> Option<Content<'a>> {
    let kept = message.keep_in_chat_message.as_option()?;
    let keep = kept.key.as_option().and_then(|key| {
        Some(MessageKeep {
            message_id: key.id.clone()?,
            author: around.author(key),
            is_kept: kept.keep_type == Some(KeepType::KEEP_FOR_ALL),
        })
    });
    Some(Content { keep, ..Content::of(MessageType::Keep) })
}

/// Whether somebody comes to an appointment. Whoever knows that opens it.
fn attendance<'a>(message: &wa::Message, around: &Around<'_>) -> Option<Content<'a>> {
    let sealed = message.enc_event_response_message.as_option()?;
    let attendance = sealed.event_creation_message_key.as_option().and_then(|key| {
        Some(MessageAttendance {
            message_id: key.id.clone()?,
            creator: around.author(key),
            state: AttendanceState::AppointmentUnknown,
            answer: None,
            extra_guests: None,
        })
    });
    Some(Content { attendance, ..Content::of(MessageType::Attendance) })
}
