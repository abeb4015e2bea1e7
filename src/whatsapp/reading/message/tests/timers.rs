//! What messages tell of their chat's timer.

use waproto::buffa::MessageField;
use whatsapp_rust::types::message::MessageSource;

use super::*;

const SENT: i64 = 1_767_143_264;

fn info(chat: &str) -> MessageInfo {
    let source = MessageSource { chat: chat.parse().expect("it is a JID"), ..Default::default() };
    let timestamp = std::time::UNIX_EPOCH + std::time::Duration::from_secs(SENT.unsigned_abs());
    MessageInfo { source, id: "M1".to_owned(), timestamp: timestamp.into(), ..Default::default() }
}

/// A text in a context that says this.
fn text(expiration: Option<u32>, ephemeral_setting_timestamp: Option<i64>) -> wa::Message {
    let context = wa::ContextInfo { expiration, ephemeral_setting_timestamp, ..Default::default() };
    let text = part::ExtendedTextMessage {
        text: Some("hello".to_owned()),
        context_info: MessageField::some(context),
        ..Default::default()
    };
    wa::Message { extended_text_message: MessageField::some(text), ..Default::default() }
}

/// The timer that a message in a chat tells: seconds, and when it was set.
fn told(message: &wa::Message, chat: &str) -> Option<(i32, i64)> {
    let timer = report(message, &info(chat)).expect("somebody said it").timer?;
    assert_eq!(timer.chat, chat);
    Some((timer.seconds, timer.set_at.seconds()))
}

#[test]
fn a_message_tells_the_timer_with_which_it_was_sent() {
    let chat = "15550100077@s.whatsapp.net";
    let rows = [
        (text(Some(86_400), None), Some((86_400, SENT))),
        (text(Some(86_400), Some(SENT - 5)), Some((86_400, SENT - 5))),
        // A clock that is fast, and one that is not set.
        (text(Some(86_400), Some(SENT + 5)), Some((86_400, SENT))),
        (text(Some(86_400), Some(0)), Some((86_400, SENT))),
        (text(Some(0), None), Some((0, SENT))),
        (text(Some(u32::MAX), None), None),
        // That nothing is said says nothing.
        (text(None, Some(SENT)), None),
        (wa::Message { conversation: Some("hello".to_owned()), ..Default::default() }, None),
        // The old message may have been sent with another timer.
        (protocol(ProtocolType::MESSAGE_EDIT, Some(text(Some(86_400), None))), None),
    ];
    for (message, expected) in rows {
        assert_eq!(told(&message, chat), expected, "{message:?}");
    }
    let wrapper = part::FutureProofMessage { message: MessageField::some(text(Some(604_800), None)) };
    let wrapped = wa::Message { ephemeral_message: MessageField::some(wrapper), ..Default::default() };
    assert_eq!(told(&wrapped, chat), Some((604_800, SENT)));
}

#[test]
fn who_sets_the_timer_tells_it_and_lists_and_status_updates_have_none() {
    let setting = |ephemeral_expiration| {
        let r#type = Some(ProtocolType::EPHEMERAL_SETTING);
        let protocol = part::ProtocolMessage { r#type, ephemeral_expiration, ..Default::default() };
        wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() }
    };
    for chat in ["15550100077@s.whatsapp.net", "100000000000077@lid", "120363000000000001@g.us"] {
        assert_eq!(told(&setting(Some(86_400)), chat), Some((86_400, SENT)));
        assert_eq!(told(&setting(None), chat), Some((0, SENT)));
        assert_eq!(told(&text(Some(86_400), None), chat), Some((86_400, SENT)));
    }
    for chat in ["status@broadcast", "1767143264@broadcast", "120363000000000002@newsletter"] {
        assert_eq!(told(&text(Some(86_400), None), chat), None);
    }
}
