//! Messages: what a person sent.

mod attached;
mod content;
mod interactive;
mod media;
mod wrapper;

use entity::ids::SessionId;
use whatsapp_rust::types::durability_hook::InboundMessage;
use whatsapp_rust::types::message::{MessageCategory, MessageInfo};
use whatsapp_rust::wacore_binary::JidExt as _;

use crate::event::body::EventBody;
use crate::event::body::message::MessageEvent;
use crate::event::store::MessageKey;
use crate::whatsapp::reading::message::content::{Around, Content};
use crate::whatsapp::reading::{Own, name, said, sender};
use crate::whatsapp::{Report, foreign};

/// What a message says. None if no person said it: devices send each other keys and histories in messages too.
pub(in crate::whatsapp) fn read(own: &Own, session: &SessionId, inbound: &InboundMessage) -> Option<Report> {
    let info = &inbound.info;
    if info.category == MessageCategory::Peer {
        return None;
    }
    let content = content::content(&inbound.message, &Around { info, own })?;
    let key = MessageKey {
        session_id: session.clone(),
        chat: foreign::id(&info.source.chat.to_string()).into_owned(),
        sender: foreign::id(&info.source.sender.to_string()).into_owned(),
        message_id: foreign::id(&info.id).into_owned(),
    };
    Some(Report { body: EventBody::Message(Box::new(event(info, content))), message: Some(key) })
}

fn event(info: &MessageInfo, content: Content) -> MessageEvent {
    let source = &info.source;
    let Content {
        message_type,
        text,
        caption,
        media,
        location,
        quoted,
        mentions,
        reaction,
        edit,
        revoke,
        poll,
        contacts,
    } = content;
    // The library's own `is_group` is true for status updates and broadcast lists as well.
    let is_group = source.chat.is_group();
    MessageEvent {
        message_id: info.id.clone(),
        chat: name(&source.chat),
        from: name(&source.sender),
        from_phone: None,
        participant: is_group.then(|| name(&source.sender)),
        sender: sender(source, Some(&info.push_name)),
        is_from_me: source.is_from_me,
        is_group,
        push_name: said(&info.push_name),
        timestamp: info.timestamp.into(),
        message_type,
        text,
        caption,
        media,
        location,
        quoted,
        mentions,
        reaction,
        edit,
        revoke,
        poll,
        contacts,
        offline: info.is_offline,
    }
}

#[cfg(test)]
mod tests;
