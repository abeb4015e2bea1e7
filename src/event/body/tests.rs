use serde_json::json;

use super::example::example;
use super::*;
use entity::timestamp::Timestamp;
use entity::words::session::{DesiredState, SessionStatus, StatusReason};
use entity::words::webhook::DisabledReason;

/// What must not be in a log: texts, codes, names, whole numbers.
const HUSH: &[&str] =
    &["See you", "Ada", "Shop", "15550100", "2@mO3q", "ABCD1234", "tea", "At the shop", "503", "When do"];

#[test]
fn every_word_but_all_has_a_shape_that_reads_back_as_it_was_written() {
    for event in EventType::ALL {
        let Some(json) = example(*event) else {
            assert_eq!(*event, EventType::All);
            continue;
        };
        let body = EventBody::parse(*event, &json.to_string()).unwrap_or_else(|error| panic!("{event}: {error}"));
        assert_eq!(body.event_type(), *event);
        assert_eq!(serde_json::to_value(&body).expect("it can be written"), json, "{event}");
        let documented = poem_openapi::types::ToJSON::to_json(&body).expect("it can be documented");
        assert_eq!(documented, json, "{event}: the document says the same");
        let shown = format!("{body:?}");
        assert!(!HUSH.iter().any(|hush| shown.contains(hush)), "{shown}");
    }
}

#[test]
fn a_shape_belongs_to_its_word() {
    assert!(EventBody::parse(EventType::All, "{}").is_err());
    assert!(EventBody::parse(EventType::LoggedOut, r#"{"reason":"gossip"}"#).is_err());
}

#[test]
fn an_event_that_was_written_before_a_field_was_there_reads_back() {
    let mut before = example(EventType::UndecryptableMessage).expect("it has an example");
    before.as_object_mut().expect("it is an object").remove("is_from_me").expect("it is new");
    let body = EventBody::parse(EventType::UndecryptableMessage, &before.to_string()).expect("it is one");
    assert!(matches!(body, EventBody::UndecryptableMessage(event) if !event.is_from_me));
}

#[test]
fn a_message_that_was_written_before_it_told_programs_more_reads_back() {
    let mut before = example(EventType::Message).expect("it has an example");
    let fields = before.as_object_mut().expect("it is an object");
    for new in [
        "partner",
        "mentioned",
        "tap",
        "referral",
        "forward",
        "verified_name",
        "disappearing",
        "is_view_once",
        "album",
        "pin",
        "comment",
        "invite",
        "order",
        "product",
        "appointment",
        "attendance",
        "keep",
        "unknown",
    ] {
        fields.remove(new).unwrap_or_else(|| panic!("{new} is new"));
    }
    let quoted = fields["quoted"].as_object_mut().expect("it answers");
    for new in ["author", "chat", "is_status", "message_type", "text"] {
        quoted.remove(new).unwrap_or_else(|| panic!("{new} is new"));
    }
    fields.insert("poll".to_owned(), json!({ "name": "tea?", "options": [], "selectable_count": 1, "vote_on": null }));
    fields.insert("contacts".to_owned(), json!([{ "display_name": "Bob", "vcard": null }]));
    let body = EventBody::parse(EventType::Message, &before.to_string()).expect("it is one");
    let EventBody::Message(message) = body else { panic!("it is a message") };
    assert!(message.partner.is_none() && message.mentioned.is_empty() && !message.is_view_once);
}

#[test]
fn moments_are_whole_seconds() {
    let status = SessionStatusEvent {
        status: SessionStatus::Connecting,
        is_logged_in: false,
        reason: StatusReason::Requested,
        since: Timestamp::from_millis(3_999),
        desired: DesiredState::Online,
        next_retry_at: None,
        banned_until: None,
    };
    assert_eq!(serde_json::to_value(status).expect("it can be written")["since"], 3);
    assert_eq!(serde_json::to_value(DisabledReason::Gone).expect("it can be written"), "gone");
}
