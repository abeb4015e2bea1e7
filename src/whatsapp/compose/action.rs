//! What is done to a message: a reaction, another text, its removal.

use entity::timestamp::Timestamp;
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use waproto::whatsapp::message::{ExtendedTextMessage, ProtocolMessage, ReactionMessage};

use crate::whatsapp::compose::parts::{SECRET_BYTES, Target, key, written};

/// The protobuf of a reaction. An empty one takes the account's reaction back.
pub fn reaction(target: &Target, emoji: &str, now: Timestamp, secret: [u8; SECRET_BYTES]) -> Vec<u8> {
    let reaction = ReactionMessage {
        key: MessageField::some(key(target)),
        text: Some(emoji.to_owned()),
        sender_timestamp_ms: Some(now.millis()),
        ..Default::default()
    };
    written(wa::Message { reaction_message: MessageField::some(reaction), ..Default::default() }, secret)
}

/// The protobuf that gives a message another text.
pub fn edit(target: &Target, text: &str, now: Timestamp, secret: [u8; SECRET_BYTES]) -> Vec<u8> {
    let content = ExtendedTextMessage { text: Some(text.to_owned()), ..Default::default() };
    let edited = wa::Message { extended_text_message: MessageField::some(content), ..Default::default() };
    let protocol = ProtocolMessage {
        key: MessageField::some(key(target)),
        r#type: Some(ProtocolType::MESSAGE_EDIT),
        edited_message: MessageField::some(edited),
        timestamp_ms: Some(now.millis()),
        ..Default::default()
    };
    written(wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() }, secret)
}

/// The protobuf that removes a message for everybody.
pub fn revoke(target: &Target, secret: [u8; SECRET_BYTES]) -> Vec<u8> {
    let protocol = ProtocolMessage {
        key: MessageField::some(key(target)),
        r#type: Some(ProtocolType::REVOKE),
        ..Default::default()
    };
    written(wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() }, secret)
}

#[cfg(test)]
mod tests {
    use waproto::codec::message_decode;

    use super::*;
    use crate::whatsapp::compose::parts::Context;
    use crate::whatsapp::compose::reading::{target_id, words};
    use crate::whatsapp::compose::text::{Text, text};

    #[test]
    fn what_is_done_to_a_message_names_it_and_says_the_same_whenever_it_is_sent() {
        let target = Target {
            chat: "15550100077@s.whatsapp.net".to_owned(),
            message_id: "3EB0A".to_owned(),
            is_from_me: true,
            participant: None,
        };
        let (now, secret) = (Timestamp::from_millis(1_767_143_264_123), [3; SECRET_BYTES]);
        let rows = [
            (reaction(&target, "\u{1f44d}", now, secret), Some("\u{1f44d}")),
            (reaction(&target, "", now, secret), Some("")),
            (edit(&target, "at seven", now, secret), Some("at seven")),
            (revoke(&target, secret), None),
        ];
        for (content, said) in &rows {
            assert_eq!(words(content).as_deref(), *said);
            assert_eq!(target_id(content).as_deref(), Some("3EB0A"));
            let read = message_decode(content).expect("it is a message");
            assert_eq!(read.message_context_info.message_secret.as_deref(), Some(&secret[..]));
        }
        let read = message_decode(&rows[2].0).expect("it is a message");
        let protocol = &read.protocol_message;
        assert_eq!((protocol.key.from_me, protocol.key.participant.as_ref()), (Some(true), None));
        assert_eq!(protocol.timestamp_ms, Some(1_767_143_264_123));
        assert_eq!(target_id(&text(&Text { text: "tea".to_owned(), preview: None }, &Context::default())), None);
    }
}
