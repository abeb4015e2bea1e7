//! What the protocol's own messages say: removals, settings of a chat, and edits that nobody could open. Most of them is no news.

use entity::words::message::MessageType;
use whatsapp_rust::types::message::{EditAttribute, MessageInfo};
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message as part;
use whatsapp_rust::waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use whatsapp_rust::waproto::whatsapp::message::secret_encrypted_message::SecretEncType;

use crate::event::body::EventBody;
use crate::event::body::chat::DisappearingUpdateEvent;
use crate::event::body::message::{MessageEdit, MessageRevoke};
use crate::whatsapp::reading::message::around::Around;
use crate::whatsapp::reading::message::content::{Content, int};
use crate::whatsapp::reading::message::wrapper;
use crate::whatsapp::reading::party::{name, partner_of, sender};

/// A removal. None if it is no news.
pub(super) fn removal<'a>(protocol: &part::ProtocolMessage, around: &Around<'_>) -> Option<Content<'a>> {
    if !is_removal(protocol.r#type, around.info) {
        return None;
    }
    let key = protocol.key.as_option();
    let message_id = key.and_then(|key| key.id.clone())?;
    let participant = key.and_then(|key| key.participant.clone());
    let author = key.and_then(|key| around.author(key));
    let revoke = MessageRevoke { message_id, participant, author };
    Some(Content { revoke: Some(revoke), ..Content::of(MessageType::Revoke) })
}

/// A setting of the chat that somebody changed.
pub(super) fn setting(message: &wa::Message, around: &Around<'_>) -> Option<EventBody> {
    let protocol = wrapper::opened(message).message.protocol_message.as_option()?;
    let seconds = match protocol.r#type {
        Some(ProtocolType::EPHEMERAL_SETTING) => int(Some(protocol.ephemeral_expiration.unwrap_or(0)))?,
        _ => return None,
    };
    let info = around.info;
    Some(EventBody::DisappearingUpdate(DisappearingUpdateEvent {
        chat: name(&info.source.chat),
        partner: partner_of(&info.source, info.peer_recipient_pn.as_ref()),
        author: Some(sender(&info.source, Some(&info.push_name))),
        is_default: false,
        seconds,
        timestamp: info.timestamp.into(),
    }))
}

/// An edit that the library could not open, because it never had the message. It opens the others.
pub(super) fn sealed_edit<'a>(message: &wa::Message) -> Option<Content<'a>> {
    let sealed = message.secret_encrypted_message.as_option()?;
    let is_edit = matches!(
        sealed.secret_enc_type,
        Some(SecretEncType::MESSAGE_EDIT | SecretEncType::EVENT_EDIT | SecretEncType::POLL_EDIT)
    );
    let message_id = sealed.target_message_key.as_option()?.id.clone().filter(|_| is_edit)?;
    Some(Content { edit: Some(MessageEdit { message_id }), ..Content::of(MessageType::Edit) })
}

/// Whether it takes a message back. The phones write the type of a removal, although it is the default, and say on the outside
/// what it is. A type that the library does not know yet is absent, too: then only the outside tells.
fn is_removal(kind: Option<ProtocolType>, info: &MessageInfo) -> bool {
    let is_taking_back = matches!(info.edit, EditAttribute::SenderRevoke | EditAttribute::AdminRevoke);
    kind == Some(ProtocolType::REVOKE) || (kind.is_none() && is_taking_back)
}
