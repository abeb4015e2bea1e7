//! The wrappers around messages: what is inside, and what they say about it.

use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::FutureProofMessage;
use waproto::whatsapp::message_association::AssociationType;

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

fn wrappers(message: &wa::Message) -> [&MessageField<FutureProofMessage>; 7] {
    [
        &message.ephemeral_message,
        &message.view_once_message,
        &message.view_once_message_v2,
        &message.view_once_message_v2_extension,
        &message.document_with_caption_message,
        &message.edited_message,
        &message.associated_child_message,
    ]
}

/// Whether a message may be seen once: a mark inside or a wrapper around it says so.
pub(super) fn is_view_once(outer: &wa::Message) -> bool {
    let message = unwrapped(outer);
    let marks = [message.image_message.view_once, message.video_message.view_once, message.audio_message.view_once];
    let wrapped = |message: &wa::Message| {
        message.view_once_message.is_set()
            || message.view_once_message_v2.is_set()
            || message.view_once_message_v2_extension.is_set()
    };
    let inner = [&outer.ephemeral_message, &outer.edited_message].map(|wrapper| wrapper.message.as_option());
    marks.contains(&Some(true)) || wrapped(outer) || inner.into_iter().flatten().any(wrapped)
}

pub(super) fn album_id(outer: &wa::Message, message: &wa::Message) -> Option<String> {
    let wrapper = outer.associated_child_message.message.as_option();
    let messages = [Some(outer), wrapper, Some(message)].into_iter().flatten();
    let mut associations = messages.filter_map(|message| message.message_context_info.message_association.as_option());
    let album = associations.find(|association| association.association_type == Some(AssociationType::MEDIA_ALBUM))?;
    album.parent_message_key.id.clone()
}
