use std::collections::BTreeMap;

use entity::words::message::MessageType;
use whatsapp_rust::types::durability_hook::InboundMessage;
use whatsapp_rust::types::message::MessageInfo;
use whatsapp_rust::waproto::tags::message::protocol_message as protocol_tag;
use whatsapp_rust::waproto::whatsapp::message::protocol_message::Type as ProtocolType;

use super::*;
use crate::event::body::EventBody;
use crate::event::body::message::MessageEvent;
use crate::whatsapp::reading::message;
use crate::whatsapp::reading::party::Own;

/// Fields that are told as `unknown`, and why they have no word. Those of them that have words say them in `text`.
const UNTYPED: &[(u32, &str)] = &[
    (tag::CALL, "the invitation to a call in a business's chat; calls have an event of their own"),
    (tag::CHAT, "never sent any more"),
    (tag::HIGHLY_STRUCTURED_MESSAGE, "the first templates of businesses, which templates have replaced"),
    (tag::SEND_PAYMENT_MESSAGE, "payments are made in two countries only, and nobody has asked for them"),
    (tag::REQUEST_PAYMENT_MESSAGE, "as payments"),
    (tag::DECLINE_PAYMENT_REQUEST_MESSAGE, "as payments"),
    (tag::CANCEL_PAYMENT_REQUEST_MESSAGE, "as payments"),
    (tag::PAYMENT_INVITE_MESSAGE, "as payments"),
    (tag::PAYMENT_REMINDER_MESSAGE, "as payments"),
    (tag::SPLIT_PAYMENT_MESSAGE, "as payments"),
    (tag::INVOICE_MESSAGE, "as payments"),
    (tag::STICKER_SYNC_RMR_MESSAGE, "stickers that devices of one account hand each other"),
    (tag::REQUEST_PHONE_NUMBER_MESSAGE, "a request to a person, who answers on the phone"),
    (
        tag::ENC_REACTION_MESSAGE,
        "sealed: the library opens it when it knows what it is about, and then it is a reaction",
    ),
    (tag::SCHEDULED_CALL_CREATION_MESSAGE, "scheduled calls became events"),
    (tag::SCHEDULED_CALL_EDIT_MESSAGE, "scheduled calls became events"),
    (tag::CALL_LOG_MESSSAGE, "calls have an event of their own"),
    (tag::MESSAGE_HISTORY_BUNDLE, "the history that a group gives to who joins it; histories are not read"),
    (tag::MESSAGE_HISTORY_NOTICE, "as the bundle"),
    (tag::ENC_COMMENT_MESSAGE, "sealed: the library opens it when it knows what it is about, and then it is a comment"),
    (tag::BCALL_MESSAGE, "a call to many that apps show and nobody can answer here"),
    (tag::NEWSLETTER_ADMIN_INVITE_MESSAGE, "an invitation for a person to take"),
    (tag::NEWSLETTER_FOLLOWER_INVITE_MESSAGE_V2, "an invitation for a person to take"),
    (tag::PLACEHOLDER_MESSAGE, "that something is missing, which undecryptable_message says"),
    (tag::SECRET_ENCRYPTED_MESSAGE, "sealed: edits are told as such, all else is opened by the library or by nobody"),
    (tag::STICKER_PACK_MESSAGE, "its file is kept; there is no way to show a package"),
    (tag::POLL_RESULT_SNAPSHOT_MESSAGE, "the result of a poll in a channel, which votes are not told of"),
    (tag::POLL_RESULT_SNAPSHOT_MESSAGE_V3, "as the one before"),
    (tag::POLL_ADD_OPTION_MESSAGE, "an option that somebody adds to a poll: polls are told as they were asked"),
    (tag::RICH_RESPONSE_MESSAGE, "what a bot of WhatsApp's own answers, in parts that only its apps know"),
    (tag::STATUS_NOTIFICATION_MESSAGE, "a notice of the apps about a status"),
    (tag::STATUS_QUESTION_ANSWER_MESSAGE, "an answer to a question in a status: status updates are not read closely"),
    (tag::STATUS_QUOTED_MESSAGE, "as the one before"),
    (tag::STATUS_STICKER_INTERACTION_MESSAGE, "as the one before"),
    (tag::QUESTION_RESPONSE_MESSAGE, "an answer to a question in a channel"),
    (tag::CONDITIONAL_REVEAL_MESSAGE, "sealed until a moment that only WhatsApp knows"),
];

/// Kinds of the protocol's own messages that are no news, and why.
const NO_NEWS: &[(ProtocolType, &str)] = &[
    (ProtocolType::EPHEMERAL_SYNC_RESPONSE, "devices of one account"),
    (ProtocolType::HISTORY_SYNC_NOTIFICATION, "devices of one account"),
    (ProtocolType::APP_STATE_SYNC_KEY_SHARE, "keys"),
    (ProtocolType::APP_STATE_SYNC_KEY_REQUEST, "keys"),
    (ProtocolType::MSG_FANOUT_BACKFILL_REQUEST, "devices of one account"),
    (ProtocolType::INITIAL_SECURITY_NOTIFICATION_SETTING_SYNC, "devices of one account"),
    (ProtocolType::APP_STATE_FATAL_EXCEPTION_NOTIFICATION, "devices of one account"),
    (ProtocolType::SHARE_PHONE_NUMBER, "the number itself comes with the stanza, and every party has it from then on"),
    (ProtocolType::PEER_DATA_OPERATION_REQUEST_MESSAGE, "devices of one account"),
    (ProtocolType::PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE, "devices of one account"),
    (ProtocolType::REQUEST_WELCOME_MESSAGE, "an app asks a business for its greeting"),
    (ProtocolType::BOT_FEEDBACK_MESSAGE, "bots of WhatsApp's own"),
    (ProtocolType::MEDIA_NOTIFY_MESSAGE, "devices of one account"),
    (ProtocolType::CLOUD_API_THREAD_CONTROL_NOTIFICATION, "businesses that use WhatsApp's own API"),
    (ProtocolType::LID_MIGRATION_MAPPING_SYNC, "the library learns the names"),
    (ProtocolType::REMINDER_MESSAGE, "a note to oneself, kept in the app"),
    (ProtocolType::BOT_MEMU_ONBOARDING_MESSAGE, "bots of WhatsApp's own"),
    (ProtocolType::STATUS_MENTION_MESSAGE, "the status itself comes as well"),
    (ProtocolType::STOP_GENERATION_MESSAGE, "bots of WhatsApp's own"),
    (ProtocolType::LIMIT_SHARING, "a setting of the apps, about what may be exported"),
    (ProtocolType::AI_PSI_METADATA, "bots of WhatsApp's own"),
    (ProtocolType::AI_QUERY_FANOUT, "bots of WhatsApp's own"),
    (ProtocolType::GROUP_MEMBER_LABEL_CHANGE, "a label beside a name in one group, which no party has"),
    (ProtocolType::AI_MEDIA_COLLECTION_MESSAGE, "bots of WhatsApp's own"),
    (ProtocolType::MESSAGE_UNSCHEDULE, "devices of one account"),
    (ProtocolType::CHAT_THEME_SETTING, "what the apps look like"),
    (ProtocolType::AI_METADATA_OPERATION, "bots of WhatsApp's own"),
];

/// A field with something in it.
fn filled(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = empty(number);
    *bytes.last_mut().expect("it has a length") = u8::try_from(content.len()).expect("it is short");
    [bytes, content.to_vec()].concat()
}

fn told(bytes: &[u8]) -> Option<EventBody> {
    let session = entity::ids::SessionId::parse("shop").expect("it is an id");
    let read = codec::message_decode(bytes).ok()?;
    let inbound = InboundMessage::builder().message(read.into()).info(MessageInfo::default().into()).build();
    message::read(&Own([None, None]), &session, &inbound).map(|report| report.body)
}

fn read(bytes: &[u8]) -> Option<MessageEvent> {
    match told(bytes)? {
        EventBody::Message(event) => Some(*event),
        _ => None,
    }
}

fn is_typed(bytes: &[u8]) -> bool {
    read(bytes).is_some_and(|event| event.message_type != MessageType::Unknown)
}

#[test]
fn every_field_of_a_message_has_a_word_or_a_reason_why_it_has_none() {
    let reasons: BTreeMap<u32, &str> = UNTYPED.iter().copied().collect();
    assert_eq!(reasons.len(), UNTYPED.len());
    assert!(FIELDS.len() > 100 && FIELDS[&tag::CONVERSATION] == "conversation", "{FIELDS:?}");
    for (number, name) in &*FIELDS {
        // A wrapper has a message in it, at one of two places.
        let text = filled(1, b"hello");
        let wrapped = [1, 2].map(|place| filled(*number, &filled(place, &text)));
        let is_wrapper =
            wrapped.iter().any(|bytes| read(bytes).is_some_and(|event| event.text.as_deref() == Some("hello")));
        let is_typed = is_typed(&empty(*number)) || (is_wrapper && *number != tag::CONVERSATION);
        let is_silent = SILENT.contains(number) || *number == tag::PROTOCOL_MESSAGE;
        let has_reason = reasons.get(number).is_some_and(|reason| !reason.is_empty());
        let homes = [is_typed, is_silent, has_reason].into_iter().filter(|home| *home).count();
        assert_eq!(homes, 1, "{name} = {number}: typed {is_typed}, silent {is_silent}, with a reason {has_reason}");
    }
    assert!(reasons.keys().all(|number| FIELDS.contains_key(number)));
}

#[test]
fn what_has_no_word_says_which_field_it_is() {
    for (number, _) in UNTYPED {
        let event = read(&empty(*number)).unwrap_or_else(|| panic!("{number} is told"));
        let unknown = event.unknown.expect("it has a name");
        assert_eq!((&unknown.field, u32::try_from(unknown.number).ok()), (&FIELDS[number], Some(*number)));
    }
    let payment = read(&empty(tag::PAYMENT_INVITE_MESSAGE)).and_then(|event| event.unknown).expect("it has a name");
    assert_eq!((payment.field.as_str(), payment.number), ("payment_invite_message", 44));
    // Keys that come along are not what it is.
    let with_keys = [empty(tag::SENDER_KEY_DISTRIBUTION_MESSAGE), empty(tag::PAYMENT_INVITE_MESSAGE)].concat();
    assert_eq!(read(&with_keys).and_then(|event| event.unknown).map(|unknown| unknown.number), Some(44));
}

#[test]
fn a_kind_that_the_library_does_not_know_yet_is_told() {
    let number = 2_000;
    assert!(!FIELDS.contains_key(&number));
    for bytes in [empty(number), [empty(number), empty(tag::MESSAGE_CONTEXT_INFO)].concat()] {
        let event = read(&bytes).expect("it is told");
        assert!(event.message_type == MessageType::Unknown && event.unknown.is_none());
    }
    assert!(read(&empty(tag::SENDER_KEY_DISTRIBUTION_MESSAGE)).is_none());
}

#[test]
fn every_kind_of_protocol_message_is_news_or_has_a_reason_why_it_is_none() {
    let reasons: Vec<_> = NO_NEWS.iter().map(|(kind, _)| *kind as u32).collect();
    let key = filled(protocol_tag::KEY, &filled(3, b"M1"));
    let of_kind = |kind: u8| filled(tag::PROTOCOL_MESSAGE, &[key.clone(), vec![0x10, kind]].concat());
    let mut seen = 0;
    for kind in 0..=127_u8 {
        let message = codec::message_decode(&of_kind(kind)).expect("it is a message");
        if message.protocol_message.r#type.is_none() {
            continue;
        }
        seen += 1;
        let is_news = told(&of_kind(kind)).is_some();
        assert_ne!(is_news, reasons.contains(&u32::from(kind)), "{kind}");
    }
    assert_eq!(seen, NO_NEWS.len() + 3, "edits, removals and the time after which messages disappear are news");
}
