//! Text messages in both directions, live and after an absence.

use wacore::types::events::Event;
use wacore_binary::Jid;

use crate::acknowledgement::{nth_ack, send, text};
use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};
use crate::contents::message;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_go_both_ways() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    sim.phone(OTHER).send(PHONE, "hello").await.unwrap();
    assert_eq!(companion.texts(1).await, ["hello"]);

    let to: Jid = Jid::pn(OTHER);
    let sent = companion.client().send_text(to.clone(), "hi there").await.unwrap();
    until("the reply's arrival", || sim.phone(OTHER).inbox().len() == 1).await;
    let received = sim.phone(OTHER).inbox().remove(0);
    assert_eq!((received.id, received.text.as_str()), (sent.message_id, "hi there"));
    companion.events.first("receipt", |event| matches!(event, Event::Receipt(_)).then_some(())).await;

    // The second one needs no key exchange any more.
    sim.phone(OTHER).send(PHONE, "and you?").await.unwrap();
    companion.texts(2).await;
    companion.client().send_text(to, "fine").await.unwrap();
    until("the second arrival", || sim.phone(OTHER).inbox().len() == 2).await;
    until("every receipt", || sim.phone(PHONE).devices()[0].undelivered == 0).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_companions_write_to_each_other() {
    let sim = simulator().await;
    let (first, _) = Companion::linked(&sim).await;
    let second = Companion::start(&sim).await;
    sim.phone(OTHER).scan(&second.qr().await).await.unwrap();
    second.connected(1).await;
    first.client().send_text(Jid::pn(OTHER), "between companions").await.unwrap();
    assert_eq!(second.texts(1).await, ["between companions"]);
    assert_eq!(sim.phone(OTHER).inbox()[0].text, "between companions");
    second.client().send_text(Jid::pn(PHONE), "and back").await.unwrap();
    assert_eq!(first.texts(1).await, ["and back"]);
    first.stop().await;
    second.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_delivered_after_the_next_login() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    // What it got with the link is not among what it missed.
    until("every receipt", || sim.phone(PHONE).devices()[0].undelivered == 0).await;
    let backend = companion.stop().await;
    sim.phone(OTHER).send_burst(PHONE, "missed", 300).await.unwrap();
    assert_eq!(sim.phone(PHONE).devices()[0].undelivered, 300);
    let companion = Companion::resume(&sim, backend).await;
    let texts = companion.texts(300).await;
    assert_eq!((texts[0].as_str(), texts[299].as_str(), texts.len()), ("missed 1", "missed 300", 300));
    until("every receipt", || sim.phone(PHONE).devices()[0].undelivered == 0).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_companion_sees_what_its_phone_sends() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    sim.phone(PHONE).send(OTHER, "from the phone").await.unwrap();
    let pick = |event: &Event| match event {
        Event::Messages(batch) => batch.messages.iter().find_map(|inbound| {
            let chat = inbound.info.source.chat.user.to_string();
            (inbound.message.conversation.as_deref() == Some("from the phone"))
                .then(|| (chat, inbound.info.source.is_from_me))
        }),
        _ => None,
    };
    assert_eq!(companion.events.first("the copy", pick).await, (OTHER.to_owned(), true));
    assert_eq!(sim.phone(OTHER).inbox()[0].text, "from the phone");
    until("every receipt", || sim.phone(PHONE).devices()[0].undelivered == 0).await;
    assert!(sim.phone(PHONE).send(PHONE, "to myself").await.is_err());
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moved_accounts_chats_go_by_hidden_numbers() {
    let sim = simulator().await;
    sim.phone(PHONE).migrate();
    sim.set_ab_prop(9_435, Some("1"));
    let (companion, _) = Companion::linked(&sim).await;
    let theirs = sim.phone(OTHER).send(PHONE, "hello").await.unwrap();
    let lid = Jid::lid(sim.phone(OTHER).lid());
    let source = message(&companion, &theirs).await.0.info.source.clone();
    assert_eq!((&source.chat, source.sender_alt.map(|jid| jid.user.to_string()).as_deref()), (&lid, Some(OTHER)));
    send(&companion, "ANSWER", text("hello yourself")).await;
    assert_eq!(nth_ack(&companion, "ANSWER", 0).await, None);
    until("the answer", || sim.phone(OTHER).inbox().len() == 1).await;
    assert_eq!(sim.phone(PHONE).sent()[0].address, lid.to_string());
    sim.phone(OTHER).read(&["ANSWER"]).unwrap();
    let read = companion.events.nth("the receipt", 1, |event| match event {
        Event::Receipt(receipt) if receipt.message_ids == ["ANSWER"] => Some(receipt.source.chat.clone()),
        _ => None,
    });
    assert_eq!(read.await, lid);
    companion.stop().await;
    finish(sim).await;
}
