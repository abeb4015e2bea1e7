//! Everybody in a message is a person with all names that it tells.

use super::*;

#[test]
fn what_the_account_sent_names_the_other_one_by_both_names() {
    let session = SessionId::parse("shop").expect("it is an id");
    let stanza = NodeBuilder::new("message")
        .attr("from", "100000000000001@lid")
        .attr("recipient", "100000000000077@lid")
        .attr("peer_recipient_pn", "15550100077@s.whatsapp.net")
        .attr("id", "M1")
        .attr("t", "1764845025")
        .attr("type", "text");
    let message = wa::Message { conversation: Some("hello".to_owned()), ..Default::default() };
    let inbound = InboundMessage::builder().message(message.into()).info(parsed(stanza.build()).into()).build();
    let report = super::super::read(&account(), &session, &inbound).expect("somebody said it");
    let EventBody::Message(message) = report.body else { panic!("it is a message") };
    let partner = message.partner.expect("it is a direct chat");
    assert_eq!((partner.id.as_str(), partner.lid.as_deref()), ("100000000000077@lid", Some("100000000000077@lid")));
    assert_eq!(partner.phone_number.as_deref(), Some("15550100077"));
    assert_eq!((message.is_from_me, message.sender.phone_number.as_deref()), (true, Some("15550100001")));
}

#[test]
fn the_other_one_of_a_direct_chat_is_who_writes_and_no_other_chat_has_one() {
    let session = SessionId::parse("shop").expect("it is an id");
    for (chat, has_partner) in [
        ("15550100077@s.whatsapp.net", true),
        ("120363000000000001@g.us", false),
        ("1767143264@broadcast", false),
        ("status@broadcast", false),
        ("120363000000000002@newsletter", false),
    ] {
        let report = super::super::read(&account(), &session, &inbound(chat, false)).expect("somebody said it");
        let EventBody::Message(message) = report.body else { panic!("it is a message") };
        assert_eq!(message.partner.is_some(), has_partner, "{chat}");
        assert!(message.partner.is_none_or(|partner| partner == message.sender));
    }
}

#[test]
fn who_wrote_the_message_that_another_is_about_is_a_person() {
    const FRIEND: &str = "15550100077@s.whatsapp.net";
    const GROUP: &str = "120363000000000001@g.us";
    let (friend, own, other) = (Some("15550100077"), Some("15550100001"), Some("15550100078"));
    for (chat, is_from_me, key_is_own, participant, author) in [
        (FRIEND, false, false, None, own),
        (FRIEND, false, true, None, friend),
        (FRIEND, true, false, None, friend),
        (FRIEND, true, true, None, own),
        (GROUP, false, true, None, friend),
        (GROUP, false, false, Some("15550100078@s.whatsapp.net"), other),
        (GROUP, false, false, None, None),
    ] {
        let sender = if is_from_me { "15550100001@s.whatsapp.net" } else { FRIEND };
        let source = MessageSource {
            chat: chat.parse().expect("it is a JID"),
            sender: sender.parse().expect("it is a JID"),
            is_from_me,
            ..Default::default()
        };
        let info = MessageInfo { source, ..Default::default() };
        let named = wa::MessageKey {
            participant: participant.map(str::to_owned),
            ..key("M1", key_is_own).as_option().cloned().unwrap_or_default()
        };
        let reaction = part::ReactionMessage { key: MessageField::some(named), ..Default::default() };
        let message = wa::Message { reaction_message: MessageField::some(reaction), ..Default::default() };
        let reaction = said_in(&message, &info).and_then(|content| content.reaction).expect("it is one");
        let phone = reaction.author.and_then(|author| author.phone_number);
        assert_eq!(phone.as_deref(), author, "{chat} {is_from_me} {key_is_own}");
    }
}

#[test]
fn those_whom_a_message_mentions_or_answers_are_people() {
    let context = wa::ContextInfo {
        stanza_id: Some("Q1".to_owned()),
        participant: Some("100000000000002@lid".to_owned()),
        mentioned_jid: vec!["15550100078:3@s.whatsapp.net".into(), "120363000000000001@g.us".into(), "nobody".into()],
        ..Default::default()
    };
    let text = part::ExtendedTextMessage { context_info: MessageField::some(context), ..Default::default() };
    let content = read(wa::Message { extended_text_message: MessageField::some(text), ..Default::default() });
    let author = content.quoted.and_then(|quoted| quoted.author).expect("it is somebody");
    assert_eq!(author.lid.as_deref(), Some("100000000000002@lid"));
    let [mentioned] = &content.mentioned[..] else { panic!("one of them is somebody") };
    assert_eq!(
        (mentioned.id.as_str(), mentioned.phone_number.as_deref()),
        ("15550100078@s.whatsapp.net", Some("15550100078"))
    );
    assert_eq!(content.mentions.len(), 3);
}

#[test]
fn those_whom_a_card_names_are_people() {
    let cards = [
        ("TEL;type=CELL;waid=15550100077:+1 555 0100077", vec!["15550100077"]),
        (
            "TEL;waid=15550100077:+1\nTEL;waid=15550100077:+1\nTEL;waid=15550100078:+1",
            vec!["15550100077", "15550100078"],
        ),
        ("TEL:+1 555 0100077", vec![]),
        ("waid=", vec![]),
        ("waid=1234:1", vec![]),
        ("waid=1234567890123456:1", vec![]),
    ];
    for (card, phones) in cards {
        let contact = part::ContactMessage { vcard: Some(card.to_owned()), ..Default::default() };
        let event = read(wa::Message { contact_message: MessageField::some(contact), ..Default::default() });
        let found: Vec<_> = event.contacts[0].people.iter().filter_map(|party| party.phone_number.as_deref()).collect();
        assert_eq!(found, phones, "{card}");
    }
    let many: String = (0..100_000).map(|number| format!("TEL;waid=1555{number:07}:x\n")).collect();
    let contact = part::ContactMessage { vcard: Some(many), ..Default::default() };
    let event = read(wa::Message { contact_message: MessageField::some(contact), ..Default::default() });
    assert_eq!(event.contacts[0].people.len(), 4);
}
