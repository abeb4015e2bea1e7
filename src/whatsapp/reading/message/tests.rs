use entity::words::message::{MediaKind, MessageType};
use waproto::buffa::MessageField;
use whatsapp_rust::NodeBuilder;
use whatsapp_rust::types::message::{EditAttribute, MessageSource};
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message as part;
use whatsapp_rust::waproto::whatsapp::message::protocol_message::Type as ProtocolType;

use super::*;

fn read(message: wa::Message) -> MessageEvent {
    said_in(&message, &MessageInfo::default()).expect("somebody said it")
}

/// What a message says that came with this around it.
fn said_in(message: &wa::Message, info: &MessageInfo) -> Option<MessageEvent> {
    match report(message, info)?.body {
        EventBody::Message(event) => Some(*event),
        _ => None,
    }
}

fn report(message: &wa::Message, info: &MessageInfo) -> Option<Report> {
    let session = SessionId::parse("shop").expect("it is an id");
    let inbound = InboundMessage::builder().message(message.clone().into()).info(info.clone().into()).build();
    super::read(&account(), &session, &inbound)
}

/// The account that gets the messages.
fn account() -> Own {
    Own(["15550100001:7@s.whatsapp.net", "100000000000001:7@lid"].map(|jid| jid.parse().ok()))
}

fn context() -> MessageField<wa::ContextInfo> {
    MessageField::some(wa::ContextInfo {
        stanza_id: Some("Q1".to_owned()),
        participant: Some("2@lid".to_owned()),
        mentioned_jid: vec!["3@lid".into()],
        ..Default::default()
    })
}

fn key(id: &str, from_me: bool) -> MessageField<wa::MessageKey> {
    MessageField::some(wa::MessageKey { id: Some(id.to_owned()), from_me: Some(from_me), ..Default::default() })
}

fn protocol(kind: ProtocolType, edited: Option<wa::Message>) -> wa::Message {
    let edited_message = edited.map_or_else(Default::default, MessageField::some);
    let protocol =
        part::ProtocolMessage { r#type: Some(kind), key: key("M1", false), edited_message, ..Default::default() };
    wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() }
}

/// The bytes of a field that is a message, an id or a number, as they are on the wire.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("it is short");
    let tag = (number << 3) | 2;
    // A number is written in groups of seven bits, the least first.
    let tag = if tag < 128 { vec![tag as u8] } else { vec![(tag & 127 | 128) as u8, (tag >> 7) as u8] };
    [tag, vec![length], content.to_vec()].concat()
}

fn decoded(bytes: &[u8]) -> wa::Message {
    waproto::codec::message_decode(bytes).expect("it is a message")
}

/// A text that came in this chat, from this person.
fn inbound(chat: &str, is_group: bool) -> InboundMessage {
    let source = MessageSource {
        chat: chat.parse().expect("it is a JID"),
        sender: "15550100077@s.whatsapp.net".parse().expect("it is a JID"),
        is_group,
        ..Default::default()
    };
    let message = wa::Message { conversation: Some("hello".to_owned()), ..Default::default() };
    let info = MessageInfo { source, id: "M1".to_owned(), ..Default::default() };
    InboundMessage::builder().message(message.into()).info(info.into()).build()
}

#[test]
fn only_a_group_is_a_group_whatever_the_library_calls_one() {
    let session = SessionId::parse("shop").expect("it is an id");
    for (chat, is_library_sure, is_group) in [
        ("15550100077@s.whatsapp.net", false, false),
        ("120363000000000001@g.us", true, true),
        ("1767143264@broadcast", true, false),
        ("status@broadcast", true, false),
    ] {
        let report = super::read(&account(), &session, &inbound(chat, is_library_sure)).expect("somebody said it");
        let EventBody::Message(message) = report.body else { panic!("it is a message") };
        assert_eq!((message.is_group, message.participant.is_some()), (is_group, is_group), "{chat}");
        assert_eq!(message.from, "15550100077@s.whatsapp.net");
    }
}

/// What the library makes of a stanza of the account that is known by both of its names.
fn parsed(stanza: whatsapp_rust::wacore_binary::Node) -> MessageInfo {
    let [own, lid] = ["15550100001@s.whatsapp.net", "100000000000001@lid"].map(|jid| jid.parse().expect("it is a JID"));
    wacore::messages::parse_message_info(&stanza.as_node_ref(), &own, Some(&lid)).expect("it is a message")
}

#[test]
fn a_text_is_the_same_with_and_without_what_is_around_it() {
    let plain = wa::Message { conversation: Some("hello".to_owned()), ..Default::default() };
    let extended =
        part::ExtendedTextMessage { text: Some("hello".to_owned()), context_info: context(), ..Default::default() };
    let extended = wa::Message { extended_text_message: MessageField::some(extended), ..Default::default() };
    let wrapper = part::FutureProofMessage { message: MessageField::some(plain.clone()) };
    let ephemeral = wa::Message { ephemeral_message: MessageField::some(wrapper), ..Default::default() };
    for message in [plain, ephemeral] {
        let content = read(message);
        assert_eq!((content.message_type, content.text.as_deref()), (MessageType::Text, Some("hello")));
        assert!(content.quoted.is_none() && content.mentions.is_empty());
    }
    let content = read(extended);
    let quoted = content.quoted.expect("it answers");
    assert_eq!((quoted.message_id.as_str(), quoted.participant.as_deref()), ("Q1", Some("2@lid")));
    assert_eq!((content.text.as_deref(), content.mentions), (Some("hello"), vec!["3@lid".to_owned()]));
}

/// The fields of a message that are wrappers; src: whatsapp.proto, `FutureProofMessage`.
const WRAPPERS: &[u32] = &[
    37, 40, 53, 55, 58, 59, 62, 67, 74, 85, 87, 90, 91, 92, 93, 95, 96, 99, 100, 101, 103, 104, 106, 116, 117, 118, 126,
];

#[test]
fn a_message_is_the_same_in_every_wrapper_and_in_any_order_of_them() {
    let text = field(1, b"hello");
    let wrapped = |number: u32, inner: &[u8]| field(number, &field(1, inner));
    for first in WRAPPERS {
        for second in WRAPPERS {
            let message = decoded(&wrapped(*first, &wrapped(*second, &text)));
            assert_eq!(read(message).text.as_deref(), Some("hello"), "{second} in {first}");
        }
        let sent = decoded(&field(31, &field(2, &wrapped(*first, &text))));
        assert_eq!(read(sent).text.as_deref(), Some("hello"), "{first} from another device");
    }
}

#[test]
fn a_poll_is_one_in_every_form() {
    let asked = field(2, b"which?");
    let wrapped = field(93, &field(1, &field(64, &asked)));
    for message in [49, 60, 64, 111, 119].map(|form| field(form, &asked)).into_iter().chain([wrapped]) {
        let content = read(decoded(&message));
        assert_eq!(content.message_type, MessageType::Poll);
        assert_eq!(content.poll.and_then(|poll| poll.name).as_deref(), Some("which?"));
    }
}

#[test]
fn media_is_described_and_its_caption_kept() {
    let image = part::ImageMessage {
        mimetype: Some("image/jpeg".to_owned()),
        caption: Some("look".to_owned()),
        file_length: Some(5),
        file_sha256: Some(vec![0x0a, 0xff]),
        width: Some(640),
        height: Some(480),
        context_info: context(),
        ..Default::default()
    };
    let content = read(wa::Message { image_message: MessageField::some(image), ..Default::default() });
    let media = content.media.expect("it has some");
    assert_eq!((content.message_type, content.caption.as_deref()), (MessageType::Image, Some("look")));
    assert_eq!(
        (media.kind, media.mimetype.as_deref(), media.file_length),
        (MediaKind::Image, Some("image/jpeg"), Some(5))
    );
    assert_eq!((media.file_sha256.as_deref(), media.width, media.height), (Some("0aff"), Some(640), Some(480)));
    assert!(content.quoted.is_some());
    for (ptt, kind) in [(true, MessageType::Voice), (false, MessageType::Audio)] {
        let audio = part::AudioMessage { ptt: Some(ptt), seconds: Some(7), ..Default::default() };
        let content = read(wa::Message { audio_message: MessageField::some(audio), ..Default::default() });
        assert_eq!((content.message_type, content.media.and_then(|media| media.seconds)), (kind, Some(7)));
    }
    let file = part::DocumentMessage { file_name: Some("a.pdf".to_owned()), ..Default::default() };
    let content = read(wa::Message { document_message: MessageField::some(file), ..Default::default() });
    assert_eq!(content.media.and_then(|media| media.file_name).as_deref(), Some("a.pdf"));
}

#[test]
fn places_reactions_polls_and_contacts_have_their_own_fields() {
    let place =
        part::LocationMessage { degrees_latitude: Some(1.5), degrees_longitude: Some(-2.5), ..Default::default() };
    let content = read(wa::Message { location_message: MessageField::some(place), ..Default::default() });
    let location = content.location.expect("it shows one");
    assert_eq!((location.latitude, location.longitude, location.is_live), (1.5, -2.5, false));

    let reaction = part::ReactionMessage { key: key("M1", false), text: Some("👍".to_owned()), ..Default::default() };
    let content = read(wa::Message { reaction_message: MessageField::some(reaction), ..Default::default() });
    let reaction = content.reaction.expect("it is one");
    assert_eq!((reaction.message_id.as_str(), reaction.emoji.as_str(), reaction.is_to_me), ("M1", "👍", true));

    let options = ["a", "b"]
        .map(|name| part::poll_creation_message::Option { option_name: Some(name.to_owned()), ..Default::default() });
    let asked = part::PollCreationMessage {
        name: Some("which?".to_owned()),
        options: options.into(),
        selectable_options_count: Some(1),
        ..Default::default()
    };
    let content = read(wa::Message { poll_creation_message_v3: MessageField::some(asked), ..Default::default() });
    let poll = content.poll.expect("it is one");
    assert_eq!(
        (poll.name.as_deref(), poll.options, poll.selectable_count),
        (Some("which?"), vec!["a".into(), "b".into()], Some(1))
    );

    let card = |name: &str| part::ContactMessage { display_name: Some(name.to_owned()), ..Default::default() };
    let several = part::ContactsArrayMessage { contacts: vec![card("Ada"), card("Bob")], ..Default::default() };
    let content = read(wa::Message { contacts_array_message: MessageField::some(several), ..Default::default() });
    let names: Vec<_> = content.contacts.iter().filter_map(|contact| contact.display_name.as_deref()).collect();
    assert_eq!((content.message_type, names), (MessageType::Contacts, vec!["Ada", "Bob"]));
}

#[test]
fn a_reaction_is_to_the_account_when_the_message_is_its_own() {
    const FRIEND: &str = "15550100077@s.whatsapp.net";
    const GROUP: &str = "120363000000000001@g.us";
    for (chat, is_from_me, key_is_own, participant, is_to_me) in [
        // A friend reacts, in a direct chat.
        (FRIEND, false, Some(false), None, true),
        (FRIEND, false, None, None, true),
        (FRIEND, false, Some(true), None, false),
        // The account reacts on its phone.
        (FRIEND, true, Some(true), None, true),
        (FRIEND, true, Some(false), None, false),
        (GROUP, true, Some(true), None, true),
        (GROUP, true, Some(false), Some(FRIEND), false),
        // Somebody reacts in a group: to the account, by both of its names, to somebody else, to themselves.
        (GROUP, false, Some(false), Some("15550100001@s.whatsapp.net"), true),
        (GROUP, false, Some(false), Some("100000000000001@lid"), true),
        (GROUP, false, Some(false), Some("15550100078@s.whatsapp.net"), false),
        (GROUP, false, Some(false), Some("100000000000001@s.whatsapp.net"), false),
        (GROUP, false, Some(true), Some(FRIEND), false),
        (GROUP, false, Some(false), None, false),
    ] {
        let key = wa::MessageKey {
            id: Some("M1".to_owned()),
            from_me: key_is_own,
            participant: participant.map(str::to_owned),
            ..Default::default()
        };
        let reaction = part::ReactionMessage { key: MessageField::some(key), ..Default::default() };
        let message = wa::Message { reaction_message: MessageField::some(reaction), ..Default::default() };
        let source = MessageSource {
            chat: chat.parse().expect("it is a JID"),
            sender: FRIEND.parse().expect("it is a JID"),
            is_from_me,
            ..Default::default()
        };
        let content = said_in(&message, &MessageInfo { source, ..Default::default() }).expect("somebody said it");
        let reaction = content.reaction.expect("it is one");
        assert_eq!(reaction.is_to_me, is_to_me, "{chat} {is_from_me} {key_is_own:?} {participant:?}");
    }
}

#[test]
fn a_place_that_is_nowhere_is_a_message_without_a_place() {
    let good = (Some(1.5), Some(-2.5));
    let nowhere =
        [(Some(f64::NAN), Some(1.0)), (Some(1.0), Some(f64::INFINITY)), (Some(f64::NEG_INFINITY), None), (None, None)];
    for (latitude, longitude) in nowhere.into_iter().chain([good]) {
        let fixed = part::LocationMessage {
            degrees_latitude: latitude,
            degrees_longitude: longitude,
            name: Some("the shop".to_owned()),
            ..Default::default()
        };
        let live = part::LiveLocationMessage {
            degrees_latitude: latitude,
            degrees_longitude: longitude,
            ..Default::default()
        };
        for message in [
            wa::Message { location_message: MessageField::some(fixed), ..Default::default() },
            wa::Message { live_location_message: MessageField::some(live), ..Default::default() },
        ] {
            let content = read(message);
            assert_eq!(content.message_type, MessageType::Location);
            assert_eq!(content.location.is_some(), (latitude, longitude) == good);
        }
    }
}

/// A message with a context at this field of its content, and texts at others.
fn worded(number: u32, context: u32, texts: &[(u32, &str)]) -> wa::Message {
    let context = field(context, &field(1, b"Q1"));
    let texts = texts.iter().map(|(number, text)| field(*number, text.as_bytes()));
    decoded(&field(number, &texts.chain([context]).collect::<Vec<_>>().concat()))
}

#[test]
fn what_somebody_taps_is_a_text_that_answers_the_message_with_the_buttons() {
    let body = field(1, b"Two, please");
    let response = decoded(&field(48, &[field(1, &body), field(15, &field(1, b"Q1"))].concat()));
    for message in [
        worded(43, 3, &[(1, "button-2"), (2, "Two, please")]),
        worded(39, 4, &[(1, "Two, please"), (5, "of the small ones")]),
        worded(29, 3, &[(1, "button-2"), (2, "Two, please")]),
        response,
    ] {
        let content = read(message);
        assert_eq!((content.message_type, content.text.as_deref()), (MessageType::Text, Some("Two, please")));
        assert_eq!(content.quoted.map(|quoted| quoted.message_id).as_deref(), Some("Q1"));
    }
}

#[test]
fn what_stands_above_buttons_and_lists_is_a_text() {
    let body = field(2, &field(1, b"How many?"));
    let rows = field(6, b"How many?");
    for message in [
        worded(42, 8, &[(1, "Buns"), (6, "How many?")]),
        worded(42, 8, &[(1, "How many?")]),
        worded(36, 8, &[(1, "Buns"), (2, "How many?")]),
        decoded(&field(45, &body)),
        decoded(&field(25, &field(4, &rows))),
        decoded(&field(25, &field(2, &rows))),
        decoded(&field(25, &field(5, &body))),
    ] {
        let content = read(message);
        assert_eq!((content.message_type, content.text.as_deref()), (MessageType::Text, Some("How many?")));
    }
}

#[test]
fn an_edit_names_the_message_and_brings_the_new_text() {
    let text = wa::Message { conversation: Some("better".to_owned()), ..Default::default() };
    let content = read(protocol(ProtocolType::MESSAGE_EDIT, Some(text)));
    assert_eq!((content.message_type, content.text.as_deref()), (MessageType::Edit, Some("better")));
    assert_eq!(content.edit.map(|edit| edit.message_id).as_deref(), Some("M1"));
}

#[test]
fn an_edit_that_cannot_be_opened_still_names_the_message() {
    let sealed = |kind| {
        let target = field(1, &field(3, b"M1"));
        decoded(&field(82, &[target, vec![0x20, kind]].concat()))
    };
    for kind in [1, 2, 4] {
        let content = read(sealed(kind));
        assert_eq!((content.message_type, content.text), (MessageType::Edit, None));
        assert_eq!(content.edit.map(|edit| edit.message_id).as_deref(), Some("M1"));
    }
    assert_eq!(read(sealed(3)).message_type, MessageType::Unknown);
}

#[test]
fn a_removal_names_the_message() {
    let content = read(protocol(ProtocolType::REVOKE, None));
    assert_eq!(content.message_type, MessageType::Revoke);
    assert_eq!(content.revoke.map(|revoke| revoke.message_id).as_deref(), Some("M1"));
}

#[test]
fn a_kind_of_protocol_message_that_is_not_known_yet_removes_nothing() {
    let key = field(1, &field(3, b"M1"));
    let (unknown, untyped) = (decoded(&field(12, &[key.clone(), vec![0x10, 99]].concat())), decoded(&field(12, &key)));
    for message in [&unknown, &untyped] {
        assert!(said_in(message, &MessageInfo::default()).is_none());
        let edited = MessageInfo { edit: EditAttribute::MessageEdit, ..Default::default() };
        assert!(said_in(message, &edited).is_none());
    }
}

#[test]
fn a_removal_is_one_with_its_type_and_without_it() {
    let key = field(1, &field(3, b"M1"));
    let typed = decoded(&field(12, &[key.clone(), vec![0x10, 0]].concat()));
    let untyped = decoded(&field(12, &key));
    for (message, edit) in [
        (&typed, EditAttribute::Empty),
        (&typed, EditAttribute::AdminRevoke),
        (&untyped, EditAttribute::SenderRevoke),
        (&untyped, EditAttribute::AdminRevoke),
    ] {
        let info = MessageInfo { edit, ..Default::default() };
        let content = said_in(message, &info).expect("somebody said it");
        assert_eq!(content.message_type, MessageType::Revoke);
        assert_eq!(content.revoke.map(|revoke| revoke.message_id).as_deref(), Some("M1"));
    }
}

#[test]
fn what_devices_say_to_each_other_is_no_message() {
    for kind in [
        ProtocolType::APP_STATE_SYNC_KEY_SHARE,
        ProtocolType::HISTORY_SYNC_NOTIFICATION,
        ProtocolType::PEER_DATA_OPERATION_REQUEST_MESSAGE,
    ] {
        assert!(said_in(&protocol(kind, None), &MessageInfo::default()).is_none());
    }
    let keys = part::SenderKeyDistributionMessage { group_id: Some("1@g.us".to_owned()), ..Default::default() };
    let only_keys = wa::Message { sender_key_distribution_message: MessageField::some(keys), ..Default::default() };
    assert!(said_in(&only_keys, &MessageInfo::default()).is_none());
    // Keys of a group's root, and the secret of a chat.
    for message in [field(123, &[]), field(127, &field(1, b"1@g.us"))] {
        assert!(said_in(&decoded(&message), &MessageInfo::default()).is_none());
    }
}

mod bounds;
mod people;
mod programs;
mod timers;
