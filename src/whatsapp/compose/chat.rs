//! What is done for all who are in a chat: messages are pinned and kept, and the chat's timer is set.

use entity::timestamp::Timestamp;
use wacore::proto_helpers::build_keep_in_chat_message;
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::disappearing_mode::{Initiator, Trigger};
use waproto::whatsapp::message::pin_in_chat_message::Type as PinType;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use waproto::whatsapp::message::{PinInChatMessage, ProtocolMessage};

use crate::whatsapp::compose::parts::{SECRET_BYTES, Target, key, written, written_for};

/// The protobuf that pins a message for so many seconds; none of them takes the pin back.
pub fn pin(target: &Target, seconds: Option<u32>, now: Timestamp, secret: [u8; SECRET_BYTES]) -> Vec<u8> {
    let pin = PinInChatMessage {
        key: MessageField::some(key(target)),
        r#type: Some(if seconds.is_some() { PinType::PIN_FOR_ALL } else { PinType::UNPIN_FOR_ALL }),
        sender_timestamp_ms: Some(now.millis()),
    };
    let message = wa::Message { pin_in_chat_message: MessageField::some(pin), ..Default::default() };
    // A pin without it ends at once.
    written_for(message, secret, Some(seconds.unwrap_or(0)))
}

/// The protobuf that keeps a message that would disappear, or does so no longer.
pub fn keep(target: &Target, is_kept: bool, now: Timestamp, secret: [u8; SECRET_BYTES]) -> Vec<u8> {
    written(build_keep_in_chat_message(key(target), is_kept, now.millis()), secret)
}

/// The protobuf that says after how many seconds what is sent in a chat of two disappears; 0 is never.
pub fn timer(seconds: u32, now: Timestamp, secret: [u8; SECRET_BYTES]) -> Vec<u8> {
    let mode = wa::DisappearingMode {
        initiator: Some(Initiator::CHANGED_IN_CHAT),
        trigger: Some(Trigger::UNKNOWN),
        ..Default::default()
    };
    let protocol = ProtocolMessage {
        r#type: Some(ProtocolType::EPHEMERAL_SETTING),
        ephemeral_expiration: Some(seconds),
        ephemeral_setting_timestamp: Some(now.seconds()),
        disappearing_mode: MessageField::some(mode),
        ..Default::default()
    };
    written(wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() }, secret)
}

#[cfg(test)]
mod tests {
    use waproto::codec::message_decode;
    use waproto::whatsapp::KeepType;

    use super::*;
    use crate::whatsapp::compose::reading::target_id;

    const SECRET: [u8; SECRET_BYTES] = [3; SECRET_BYTES];
    const NOW: Timestamp = Timestamp::from_millis(1_767_143_264_123);

    fn target() -> Target {
        let (chat, message_id) = ("15550100077@s.whatsapp.net".to_owned(), "3EB0A".to_owned());
        Target { chat, message_id, is_from_me: false, participant: None }
    }

    #[test]
    fn a_pin_says_for_how_long_and_an_end_of_one_that_it_is_over() {
        for (seconds, kind, duration) in
            [(Some(604_800), PinType::PIN_FOR_ALL, 604_800), (None, PinType::UNPIN_FOR_ALL, 0)]
        {
            let sent = pin(&target(), seconds, NOW, SECRET);
            assert_eq!(target_id(&sent).as_deref(), Some("3EB0A"));
            let read = message_decode(&sent).expect("it is a message");
            let (pinned, context) = (&read.pin_in_chat_message, &read.message_context_info);
            assert_eq!((pinned.r#type, pinned.sender_timestamp_ms), (Some(kind), Some(NOW.millis())));
            assert_eq!(context.message_add_on_duration_in_secs, Some(duration));
            assert_eq!(context.message_secret.as_deref(), Some(&SECRET[..]));
        }
    }

    #[test]
    fn a_message_is_kept_for_all_until_it_is_not() {
        for (is_kept, kind) in [(true, KeepType::KEEP_FOR_ALL), (false, KeepType::UNDO_KEEP_FOR_ALL)] {
            let sent = keep(&target(), is_kept, NOW, SECRET);
            assert_eq!(target_id(&sent).as_deref(), Some("3EB0A"));
            let read = message_decode(&sent).expect("it is a message").keep_in_chat_message;
            assert_eq!((read.keep_type, read.timestamp_ms), (Some(kind), Some(NOW.millis())));
        }
    }

    #[test]
    fn a_timer_says_after_how_many_seconds_and_since_when() {
        let read = message_decode(&timer(86_400, NOW, SECRET)).expect("it is a message").protocol_message;
        assert_eq!(read.r#type, Some(ProtocolType::EPHEMERAL_SETTING));
        assert_eq!((read.ephemeral_expiration, read.ephemeral_setting_timestamp), (Some(86_400), Some(NOW.seconds())));
        let off = message_decode(&timer(0, NOW, SECRET)).expect("it is a message").protocol_message;
        assert_eq!(off.ephemeral_expiration, Some(0));
    }
}
