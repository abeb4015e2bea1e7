//! What a companion writes to groups and as its status, and what the server and the members' phones make of it.

use wacore::types::events::Event;
use wacore::types::presence::ReceiptType;
use wacore_binary::Jid;
use waproto::whatsapp as wa;
use whatsapp_rust::SendOptions;
use whatsapp_simulator::{Addressing, InboxMessage, MessageFault, ReceiptKind, Simulator, Verdict, content};

use crate::acknowledgement::{nth_ack, text};
use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};
use crate::contents::message;

/// A third member.
const THIRD: &str = "15550100003";

async fn send(companion: &Companion, to: &str, id: &str, message: wa::Message) {
    let to: Jid = to.parse().unwrap();
    let options = SendOptions::default().with_message_id(id);
    companion.client().send_message_with_options(to, message, options).await.unwrap();
}

async fn arrival(sim: &Simulator, phone: &str, id: &str) -> InboxMessage {
    let find = || sim.phone(phone).inbox().into_iter().find(|message| message.id == id);
    until(&format!("the arrival of {id} at {phone}"), || find().is_some()).await;
    find().unwrap()
}

#[rstest::rstest]
#[case::lid(Addressing::Lid)]
#[case::phone_number(Addressing::PhoneNumber)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_companions_texts_reach_every_member(#[case] addressing: Addressing) {
    let sim = simulator().await;
    sim.add_phone(THIRD, "Alan");
    let group = sim.phone(OTHER).create_group_addressed("Tea", &[PHONE, THIRD], addressing).unwrap();
    let (companion, _) = Companion::linked(&sim).await;
    let sibling = Companion::start(&sim).await;
    sim.phone(PHONE).scan(&sibling.qr().await).await.unwrap();
    sibling.connected(1).await;
    let reader = Companion::start(&sim).await;
    sim.phone(OTHER).scan(&reader.qr().await).await.unwrap();
    reader.connected(1).await;

    send(&companion, &group, "FIRST", text("one")).await;
    assert_eq!(nth_ack(&companion, "FIRST", 0).await, None);
    for phone in [OTHER, THIRD] {
        let found = arrival(&sim, phone, "FIRST").await;
        assert_eq!((found.text.as_str(), found.from.as_str(), found.group.as_deref()), ("one", PHONE, Some(&*group)));
    }
    assert_eq!(sim.phone(PHONE).inbox().len(), 0);
    send(&companion, &group, "SECOND", text("two")).await;
    arrival(&sim, THIRD, "SECOND").await;
    for other in [&sibling, &reader] {
        assert_eq!(message(other, "SECOND").await.1.conversation.as_deref(), Some("two"));
    }
    let source = message(&reader, "FIRST").await.0.info.source.clone();
    let expected = if addressing == Addressing::Lid { sim.phone(PHONE).lid() } else { PHONE.to_owned() };
    assert_eq!((source.sender.user.to_string(), source.chat.to_string()), (expected, group.clone()));

    let sent = sim.phone(PHONE).sent();
    assert_eq!((sent[0].to.as_str(), sent[0].content.as_ref().unwrap().text.as_str()), (&*group, "one"));
    // Two other phones, the own one, the sibling and the reader have the key after the first; the own ones get it again.
    assert_eq!((sent[0].keys, sent[1].keys <= 2, sent[0].contents), (5, true, 1));
    sim.phone(THIRD).read(&["FIRST"]).unwrap();
    sim.phone(PHONE).hear_from_group(&group, "FIRST", ReceiptKind::Read, &[OTHER]).unwrap();
    let read = |event: &Event| match event {
        Event::Receipt(receipt) if receipt.r#type == ReceiptType::Read && receipt.message_ids == ["FIRST"] => {
            Some(receipt.source.sender.user.to_string())
        }
        _ => None,
    };
    let name = |phone: &str| match addressing {
        Addressing::Lid => sim.phone(phone).lid(),
        Addressing::PhoneNumber => phone.to_owned(),
    };
    // One came alone and one with others; the client tells of them in any order.
    let mut readers = [companion.events.nth("a receipt", 0, read).await, companion.events.nth("both", 1, read).await];
    let mut expected = [name(OTHER), name(THIRD)];
    readers.sort();
    expected.sort();
    assert_eq!(readers, expected);
    for companion in [companion, sibling, reader] {
        companion.stop().await;
    }
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_write_is_refused() {
    let sim = simulator().await;
    let group = sim.phone(OTHER).create_group("Tea", &[PHONE]).unwrap();
    let (companion, _) = Companion::linked(&sim).await;
    send(&companion, &group, "FIRST", text("one")).await;
    arrival(&sim, OTHER, "FIRST").await;
    sim.phone(OTHER).set_announcement(&group, true).unwrap();
    send(&companion, &group, "REFUSED", text("two")).await;
    assert_eq!(nth_ack(&companion, "REFUSED", 0).await.as_deref(), Some("405"));
    assert!(sim.phone(OTHER).groups()[0].is_announcement);
    sim.phone(OTHER).set_announcement(&group, false).unwrap();
    send(&companion, &group, "REFUSED", text("two")).await;
    arrival(&sim, OTHER, "REFUSED").await;
    let sent = sim.phone(PHONE).sent();
    let verdicts: Vec<_> = sent[1].outcomes.iter().map(|outcome| outcome.verdict).collect();
    assert_eq!((verdicts, sent[1].contents), (vec![Verdict::Refused(405), Verdict::Taken], 1));
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_cannot_read_asks_the_companion() {
    let sim = simulator().await;
    sim.add_phone(THIRD, "Alan");
    let group = sim.phone(OTHER).create_group("Tea", &[PHONE, THIRD]).unwrap();
    let (companion, _) = Companion::linked(&sim).await;
    sim.phone(THIRD).break_outbound(1, true);
    send(&companion, &group, "FIRST", text("one")).await;
    arrival(&sim, OTHER, "FIRST").await;
    assert_eq!(arrival(&sim, THIRD, "FIRST").await.text, "one");
    let retries = sim.phone(THIRD).retries();
    assert_eq!((retries.len(), retries[0].is_same, retries[0].is_new_session), (1, true, true));
    send(&companion, &group, "SECOND", text("two")).await;
    arrival(&sim, THIRD, "SECOND").await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_message_reaches_nobody_twice() {
    let sim = simulator().await;
    let group = sim.phone(OTHER).create_group("Tea", &[PHONE]).unwrap();
    let (companion, _) = Companion::linked(&sim).await;
    sim.spoil_messages(PHONE, MessageFault::Nack { code: 503 }, 1);
    for place in 0..3 {
        send(&companion, &group, "ONE", text("one")).await;
        nth_ack(&companion, "ONE", place).await;
    }
    // The key came with the one that was refused, so that the member has to ask; the answer is acknowledged as well.
    arrival(&sim, OTHER, "ONE").await;
    until("the third copy", || sim.phone(PHONE).sent()[0].copies == 3).await;
    let sent = sim.phone(PHONE).sent();
    assert_eq!((sent.len(), sent[0].contents), (1, 1));
    assert_eq!(sim.phone(OTHER).inbox().len(), 1);
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_reaches_those_who_are_listed() {
    let sim = simulator().await;
    sim.add_phone(THIRD, "Alan");
    let (companion, _) = Companion::linked(&sim).await;
    sim.phone(OTHER).send(PHONE, "hello").await.unwrap();
    companion.texts(1).await;
    let options = whatsapp_rust::StatusSendOptions { message_id: Some("STATUS".to_owned()), ..Default::default() };
    companion.client().status().send_raw(content::text("news"), &[Jid::pn(OTHER)], options).await.unwrap();
    let found = arrival(&sim, OTHER, "STATUS").await;
    assert_eq!((found.text.as_str(), found.group.as_deref()), ("news", Some("status@broadcast")));
    assert_eq!(nth_ack(&companion, "STATUS", 0).await, None);
    let sent = sim.phone(PHONE).sent();
    assert_eq!(sent[0].status_setting.as_deref(), Some("contacts"));
    assert!(sim.phone(THIRD).inbox().is_empty());
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_list_of_devices_is_told_of() {
    let sim = simulator().await;
    let group = sim.phone(OTHER).create_group("Tea", &[PHONE]).unwrap();
    let (companion, _) = Companion::linked(&sim).await;
    send(&companion, &group, "FIRST", text("one")).await;
    arrival(&sim, OTHER, "FIRST").await;
    assert_eq!(companion.events.stanza("ack", "FIRST").await.attrs.get("phash"), None);
    sim.phone(OTHER).hide_devices();
    let reader = Companion::start(&sim).await;
    sim.phone(OTHER).scan(&reader.qr().await).await.unwrap();
    reader.connected(1).await;
    send(&companion, &group, "SECOND", text("two")).await;
    assert!(companion.events.stanza("ack", "SECOND").await.attrs.get("phash").is_some());
    companion.stop().await;
    reader.stop().await;
    // The reader asks for what it could not read, and nobody answers.
    assert_eq!(sim.violations(), Vec::<String>::new());
    sim.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_group_is_told_of_together() {
    let sim = simulator().await;
    let numbers: Vec<String> = (0..1000).map(|number| format!("15550102{number:03}")).collect();
    for number in &numbers {
        sim.add_phone(number, "Member");
    }
    let mut members: Vec<&str> = numbers.iter().map(String::as_str).collect();
    members.push(PHONE);
    let group = sim.phone(OTHER).create_group("Many", &members).unwrap();
    let (companion, _) = Companion::linked(&sim).await;
    send(&companion, &group, "FIRST", text("one")).await;
    nth_ack(&companion, "FIRST", 0).await;
    send(&companion, &group, "SECOND", text("two")).await;
    nth_ack(&companion, "SECOND", 0).await;
    for number in &numbers {
        arrival(&sim, number, "FIRST").await;
    }
    let pick = |event: &Event| match event {
        Event::Receipt(receipt) if receipt.message_ids == ["FIRST"] => Some(()),
        _ => None,
    };
    companion.events.nth("the last member's receipt", numbers.len(), pick).await;
    assert_eq!(sim.phone(PHONE).sent()[0].keys, numbers.len() + 2);
    companion.stop().await;
    finish(sim).await;
}
