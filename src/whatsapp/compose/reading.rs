//! What is shown of a protobuf that was kept.

mod asked;

pub use asked::{AskedPoll, event_secret, poll};

use wacore::proto_helpers::MessageExt as _;
use waproto::codec::message_decode;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;

use crate::event::file::MessageFile;
use crate::whatsapp::key_text;
use crate::whatsapp::reading::message::file;

/// The words of a message, or those below its media. None if it has none, or cannot be read.
pub fn words(content: &[u8]) -> Option<String> {
    let message = message_decode(content).ok()?;
    let base = message.get_base_message();
    let edited = base.protocol_message.as_option().and_then(|protocol| protocol.edited_message.as_option());
    let base = edited.unwrap_or(base);
    let reaction = base.reaction_message.as_option().and_then(|reaction| reaction.text.as_deref());
    base.text_content().or_else(|| base.get_caption()).or(reaction).map(str::to_owned)
}

/// What the sender calls the file of a message. None if it has none, or cannot be read.
pub fn file_name(content: &[u8]) -> Option<String> {
    let message = message_decode(content).ok()?;
    let base = message.get_base_message();
    let edited = base.protocol_message.as_option().and_then(|protocol| protocol.edited_message.as_option());
    let document = edited.unwrap_or(base).document_message.as_option()?;
    document.file_name.clone().or_else(|| document.title.clone())
}

/// What it takes to fetch the file of a message. None if it has none, or cannot be read.
pub fn file(content: &[u8]) -> Option<MessageFile> {
    file::of(&message_decode(content).ok()?)
}

/// The id of the message that a message is about: a reaction, a vote, a pin and so on. None if it is about none, or cannot be read.
pub fn target_id(content: &[u8]) -> Option<String> {
    let message = message_decode(content).ok()?;
    let base = message.get_base_message();
    let keys = [
        &base.protocol_message.key,
        &base.reaction_message.key,
        &base.poll_update_message.poll_creation_message_key,
        &base.pin_in_chat_message.key,
        &base.keep_in_chat_message.key,
        &base.enc_event_response_message.event_creation_message_key,
    ];
    keys.into_iter().find_map(|key| key.id.as_deref()).map(|id| key_text::id(id).into_owned())
}

/// JID of who sent what is removed, if somebody else removes it. None if it removes nothing, or its own sender does.
pub fn revoked_author(content: &[u8]) -> Option<String> {
    let message = message_decode(content).ok()?;
    let protocol = message.get_base_message().protocol_message.as_option()?;
    let is_revoke = protocol.r#type == Some(ProtocolType::REVOKE);
    protocol.key.participant.clone().filter(|_| is_revoke)
}
