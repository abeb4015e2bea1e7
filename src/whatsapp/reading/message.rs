//! Messages: what a person sent.

mod around;
mod attached;
mod bound;
mod content;
mod context;
pub(in crate::whatsapp) mod file;
mod interactive;
mod media;
mod offer;
mod protocol;
mod spoken;
mod timer;
mod unknown;
mod wrapper;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use whatsapp_rust::types::durability_hook::InboundMessage;
use whatsapp_rust::types::message::{EditAttribute, MessageCategory, MessageInfo};
use whatsapp_rust::wacore_binary::JidExt as _;
use whatsapp_rust::waproto::codec::message_to_vec;
use whatsapp_rust::waproto::whatsapp as wa;

use crate::event::body::EventBody;
use crate::event::body::context::{MessageComment, MessageDisappearing};
use crate::event::body::message::MessageEvent;
use crate::event::body::party::Party;
use crate::event::index::{IndexedMessage, MessageKey};
use crate::whatsapp::key_text;
use crate::whatsapp::reading::message::around::Around;
use crate::whatsapp::reading::message::content::{Content, Offer, int};
use crate::whatsapp::reading::message::context::Context;
use crate::whatsapp::reading::party::{Own, name, partner_of, said, sender};
use crate::whatsapp::report::{PollSeal, Report, SealedVote};

/// Longest message that is kept to be quoted or forwarded, bytes. The longest text has a fourth of it; of a longer message only is
/// known that it came.
const CONTENT_BYTES: usize = 256 * 1024;

/// What a message says. None if no person said it: devices send each other keys and histories in messages too.
pub(in crate::whatsapp) fn read(own: &Own, session: &SessionId, inbound: &InboundMessage) -> Option<Report> {
    let info = &inbound.info;
    if info.category == MessageCategory::Peer {
        return None;
    }
    let around = Around { info, own };
    let (body, timer) = match protocol::setting(&inbound.message, &around) {
        Some(body) => {
            let timer = timer::of_setting(&body, info);
            (body, timer)
        }
        None => {
            let content = spoken::content(&inbound.message, &around)?;
            let timer = timer::of_content(&content, info);
            let mut event = event(&around, content);
            bound::cut(&mut event);
            (EventBody::Message(Box::new(event)), timer)
        }
    };
    let key = MessageKey {
        session_id: session.clone(),
        chat: key_text::id(&info.source.chat.to_string()).into_owned(),
        sender: key_text::id(&info.source.sender.to_string()).into_owned(),
        message_id: key_text::id(&info.id).into_owned(),
    };
    let indexed = match &body {
        EventBody::Message(event) => Some(indexed(key.clone(), event, inbound)),
        _ => None,
    };
    let (file, poll) = (file::of(&inbound.message), poll(&inbound.message));
    Some(Report { body, message: Some(key), file, indexed, timer, vote: None, poll })
}

/// What is written of a message for what refers to it later.
fn indexed(key: MessageKey, event: &MessageEvent, inbound: &InboundMessage) -> IndexedMessage {
    let message = &inbound.message;
    let mut content = message_to_vec(message);
    if content.len() > CONTENT_BYTES {
        content.clear();
    }
    let quoted = event.quoted.as_ref().map(|quoted| quoted.message_id.as_str());
    let edited = event.edit.as_ref().map(|edit| edit.message_id.as_str());
    // What somebody else wrote an admin removes, and WhatsApp says so where it cannot be made up: phones look at that as well.
    let is_admin = inbound.info.edit == EditAttribute::AdminRevoke;
    let revoked = event.revoke.as_ref().filter(|revoke| is_admin || revoke.participant.is_none());
    let revoked = revoked.map(|revoke| revoke.message_id.as_str());
    let about = edited.or(revoked).or(quoted);
    IndexedMessage {
        key,
        is_from_me: event.is_from_me,
        message_type: event.message_type,
        quoted_id: about.map(|id| key_text::id(id).into_owned()),
        content,
        sent_at: event.timestamp,
    }
}

/// What is sealed in a poll, an appointment, or an answer to one of them.
fn poll(message: &wa::Message) -> Option<PollSeal> {
    let opened = wrapper::opened(message).message;
    if let Some(update) = opened.poll_update_message.as_option() {
        let vote = update.vote.as_option()?;
        let (payload, iv) = (vote.enc_payload.clone()?, vote.enc_iv.clone()?);
        return Some(PollSeal::Vote(SealedVote { payload, iv }));
    }
    if let Some(answer) = opened.enc_event_response_message.as_option() {
        let (payload, iv) = (answer.enc_payload.clone()?, answer.enc_iv.clone()?);
        return Some(PollSeal::Attendance(SealedVote { payload, iv }));
    }
    let contexts = [message, opened].into_iter().filter_map(|message| message.message_context_info.as_option());
    let secret = contexts.filter_map(|context| context.message_secret.clone()).next()?;
    (attached::is_poll(opened) || opened.event_message.is_set()).then_some(PollSeal::Secret(secret))
}

fn event(around: &Around<'_>, content: Content<'_>) -> MessageEvent {
    let (info, source) = (around.info, &around.info.source);
    let Content {
        message_type,
        text,
        caption,
        media,
        location,
        reaction,
        edit,
        revoke,
        poll,
        contacts,
        tap,
        album,
        pin,
        keep,
        attendance,
        offer,
        unknown,
        is_view_once,
        comment_on,
        context,
    } = content;
    let disappearing = disappearing(info, context.and_then(|context| context.expiration));
    let Context { quoted, mentions, mentioned, forward, referral } = Context::of(context, around);
    let Offer { invite, order, product, appointment } = offer;
    // The library's own `is_group` is true for status updates and broadcast lists as well.
    let is_group = source.chat.is_group();
    let sender = sender(source, Some(&info.push_name));
    MessageEvent {
        message_id: info.id.clone(),
        chat: name(&source.chat),
        partner: partner(info, &sender),
        from: name(&source.sender),
        from_phone: None,
        participant: is_group.then(|| name(&source.sender)),
        sender,
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
        mentioned,
        reaction,
        edit,
        revoke,
        poll,
        contacts,
        tap,
        referral,
        forward,
        verified_name: info.verified_name.as_ref().and_then(|business| said(business.name.as_deref()?)),
        disappearing,
        is_view_once,
        album,
        pin,
        keep,
        comment: comment_on.or(info.comment_target.as_ref()).and_then(|key| comment(around, key)),
        invite,
        order,
        product,
        appointment,
        attendance,
        unknown,
        offline: info.is_offline,
    }
}

fn comment(around: &Around<'_>, key: &wa::MessageKey) -> Option<MessageComment> {
    Some(MessageComment { message_id: key.id.clone()?, author: around.author(key) })
}

/// After how long a message disappears, which the library has from most of them, and the others say themselves.
fn disappearing(info: &MessageInfo, said: Option<u32>) -> Option<MessageDisappearing> {
    let seconds = int(info.ephemeral_expiration.or(said)).filter(|seconds| *seconds > 0)?;
    let millis = Timestamp::from(info.timestamp).millis().saturating_add(i64::from(seconds) * 1000);
    Some(MessageDisappearing { seconds, disappears_at: Timestamp::from_millis(millis) })
}

/// The other person of a direct chat, with the name that came along.
fn partner(info: &MessageInfo, sender: &Party) -> Option<Party> {
    let partner = partner_of(&info.source, info.peer_recipient_pn.as_ref())?;
    Some(if partner.id == sender.id { sender.clone() } else { partner })
}

#[cfg(test)]
mod tests;
