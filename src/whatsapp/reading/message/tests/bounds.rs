//! What somebody else's program may send, and how much of it is told.

use super::*;
use crate::whatsapp::reading::message::bound::{CARD_BYTES, CARDS_BYTES, NAME_BYTES, QUOTE_BYTES, TEXT_BYTES};

/// A field as [`field`] makes it, of any length.
fn long(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = field(number, b"");
    bytes.pop();
    let mut length = content.len();
    while length > 127 {
        bytes.push((length & 127 | 128) as u8);
        length >>= 7;
    }
    bytes.push(length as u8);
    [bytes, content.to_vec()].concat()
}

/// A text in so many wrappers.
fn wrapped(layers: usize) -> Vec<u8> {
    (0..layers).fold(field(1, b"hello"), |inner, _| long(40, &long(1, &inner)))
}

#[test]
fn sixteen_wrappers_are_taken_off_and_no_more() {
    assert_eq!(read(decoded(&wrapped(16))).text.as_deref(), Some("hello"));
    let event = read(decoded(&wrapped(17)));
    assert_eq!((event.message_type, event.text), (MessageType::Unknown, None));
    assert_eq!(event.unknown.map(|unknown| unknown.field).as_deref(), Some("ephemeral_message"));
}

#[test]
fn a_hundred_levels_are_no_message_to_the_library() {
    assert!(waproto::codec::message_decode(&wrapped(49)).is_ok());
    for layers in [51, 5_000] {
        assert!(waproto::codec::message_decode(&wrapped(layers)).is_err(), "{layers}");
    }
}

#[test]
fn of_a_quote_in_a_quote_only_the_first_is_told() {
    // An extended text whose context quotes another one, as deep as the library reads.
    let quoting = |inner: Vec<u8>, depth: usize| {
        let context = [field(1, format!("Q{depth}").as_bytes()), long(3, &inner)].concat();
        long(6, &[field(1, format!("text {depth}").as_bytes()), long(17, &context)].concat())
    };
    let message = (1..=30).fold(field(1, b"hello"), quoting);
    let event = read(decoded(&message));
    let quoted = event.quoted.expect("it answers");
    assert_eq!((event.text.as_deref(), quoted.message_id.as_str()), (Some("text 30"), "Q30"));
    assert_eq!(quoted.text.as_deref(), Some("text 29"));
}

#[test]
fn an_edit_of_an_edit_has_no_text() {
    let text = wa::Message { conversation: Some("better".to_owned()), ..Default::default() };
    let twice = protocol(ProtocolType::MESSAGE_EDIT, Some(protocol(ProtocolType::MESSAGE_EDIT, Some(text))));
    let event = read(twice);
    assert_eq!((event.message_type, event.text), (MessageType::Edit, None));
}

#[test]
fn a_group_of_people_can_be_mentioned_and_no_more() {
    let mentioned_jid = (0..5_000).map(|number| format!("{number}@lid")).chain([format!("{}@lid", "1".repeat(1_000))]);
    let context = wa::ContextInfo { mentioned_jid: mentioned_jid.collect(), ..Default::default() };
    let text = part::ExtendedTextMessage { context_info: MessageField::some(context), ..Default::default() };
    let event = read(wa::Message { extended_text_message: MessageField::some(text), ..Default::default() });
    assert_eq!((event.mentions.len(), event.mentioned.len()), (1_024, 1_024));
}

#[test]
fn a_name_that_is_none_is_nobody() {
    let context = wa::ContextInfo {
        mentioned_jid: vec![format!("{}@lid", "1".repeat(1_000)), "2@lid".to_owned()],
        ..Default::default()
    };
    let text = part::ExtendedTextMessage { context_info: MessageField::some(context), ..Default::default() };
    let event = read(wa::Message { extended_text_message: MessageField::some(text), ..Default::default() });
    assert_eq!(event.mentions, ["2@lid"]);
}

#[test]
fn a_text_is_cut_between_two_characters() {
    let text = format!("a{}", "é".repeat(TEXT_BYTES));
    let event = read(wa::Message { conversation: Some(text), ..Default::default() });
    let text = event.text.expect("it has one");
    assert_eq!(text.len(), TEXT_BYTES - 1);
    let longest = "x".repeat(65_536 * 4);
    let event = read(wa::Message { conversation: Some(longest.clone()), ..Default::default() });
    assert_eq!(event.text, Some(longest));
}

#[test]
fn what_is_quoted_and_what_things_are_called_is_cut() {
    let quoted = wa::Message { conversation: Some("x".repeat(TEXT_BYTES)), ..Default::default() };
    let context = wa::ContextInfo {
        stanza_id: Some("Q".repeat(TEXT_BYTES)),
        quoted_message: MessageField::some(quoted),
        conversion_source: Some("x".repeat(TEXT_BYTES)),
        ctwa_payload: Some(vec![0; TEXT_BYTES]),
        ..Default::default()
    };
    let file = part::DocumentMessage {
        file_name: Some("x".repeat(TEXT_BYTES)),
        context_info: MessageField::some(context),
        ..Default::default()
    };
    let event = read(wa::Message { document_message: MessageField::some(file), ..Default::default() });
    let quoted = event.quoted.expect("it answers");
    assert_eq!((quoted.message_id.len(), quoted.text.map(|text| text.len())), (NAME_BYTES, Some(QUOTE_BYTES)));
    assert_eq!(event.media.and_then(|media| media.file_name).map(|name| name.len()), Some(NAME_BYTES));
    let referral = event.referral.expect("it has one");
    assert_eq!((referral.conversion_source.map(|word| word.len()), referral.payload), (Some(NAME_BYTES), None));
}

#[test]
fn cards_that_are_too_long_are_left_out_with_their_names_kept() {
    let card = |bytes: usize| part::ContactMessage {
        display_name: Some("Ada".to_owned()),
        vcard: Some(format!("BEGIN:VCARD\nNOTE:{}\nEND:VCARD", "x".repeat(bytes))),
        ..Default::default()
    };
    let event = read(wa::Message { contact_message: MessageField::some(card(CARD_BYTES)), ..Default::default() });
    assert_eq!((event.contacts.len(), event.contacts[0].vcard.is_none()), (1, true));
    let several = part::ContactsArrayMessage { contacts: vec![card(100_000); 300], ..Default::default() };
    let event = read(wa::Message { contacts_array_message: MessageField::some(several), ..Default::default() });
    let cards: Vec<_> = event.contacts.iter().filter_map(|contact| contact.vcard.as_ref()).collect();
    assert_eq!((event.contacts.len(), cards.len()), (257, CARDS_BYTES / 100_030));
    assert!(event.contacts.iter().all(|contact| contact.display_name.as_deref() == Some("Ada")));
}

#[test]
fn a_poll_has_so_many_options() {
    let option = part::poll_creation_message::Option { option_name: Some("x".repeat(5_000)), ..Default::default() };
    let asked = part::PollCreationMessage { options: vec![option; 200], ..Default::default() };
    let event = read(wa::Message { poll_creation_message_v3: MessageField::some(asked), ..Default::default() });
    let options = event.poll.expect("it is one").options;
    assert_eq!((options.len(), options[0].len()), (64, NAME_BYTES));
}

#[test]
fn what_a_flow_answers_is_whole_or_absent() {
    for (bytes, is_told) in [(60_000, true), (70_000, false), (10_000_000, false)] {
        let json = format!("{}1{}", "[".repeat(bytes / 2), "]".repeat(bytes / 2));
        let reply = long(48, &long(2, &[field(1, b"form"), long(2, json.as_bytes())].concat()));
        let tap = read(decoded(&reply)).tap.expect("it is one");
        assert_eq!((tap.params_json.is_some(), tap.id, tap.flow.as_deref()), (is_told, None, Some("form")), "{bytes}");
    }
}
