//! What becomes of the messages that a companion sends, when the server does not simply take and acknowledge them.

use wacore::types::events::Event;
use wacore_binary::Jid;
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use whatsapp_rust::SendOptions;
use whatsapp_simulator::{MessageFault, SentMessage, Simulator, Verdict};

use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};

/// A text as an outbox keeps it: its secret is made before, so that every try says the same.
pub(crate) fn text(text: &str) -> wa::Message {
    let context = wa::MessageContextInfo { message_secret: Some(vec![7; 32]), ..Default::default() };
    wa::Message {
        conversation: Some(text.to_owned()),
        message_context_info: MessageField::some(context),
        ..Default::default()
    }
}

/// Sends a message under an id of the test's choice.
pub(crate) async fn send(companion: &Companion, id: &str, message: wa::Message) {
    let mut options = SendOptions::default();
    options.message_id = Some(id.to_owned());
    companion.client().send_message_with_options(Jid::pn(OTHER), message, options).await.unwrap();
}

/// The error of the `nth` acknowledgement of a message, none for a good one.
pub(crate) async fn nth_ack(companion: &Companion, id: &str, nth: usize) -> Option<String> {
    let pick = |event: &Event| match event {
        Event::ServerAck(ack) if ack.id == id && ack.class.as_deref() == Some("message") => Some(ack.error.clone()),
        _ => None,
    };
    companion.events.nth(&format!("acknowledgement of {id}"), nth, pick).await
}

fn acks(companion: &Companion, id: &str) -> usize {
    companion.events.count(|event| matches!(event, Event::ServerAck(ack) if ack.id == id))
}

fn verdicts(sent: &SentMessage) -> Vec<Verdict> {
    sent.outcomes.iter().map(|outcome| outcome.verdict).collect()
}

fn inbox(sim: &Simulator) -> Vec<(String, usize, usize)> {
    let inbox = sim.phone(OTHER).inbox();
    inbox.into_iter().map(|message| (message.text, message.copies, message.contents)).collect()
}

/// Sends a first message in peace, so that the next ones need no keys.
async fn acquainted(sim: &Simulator) -> Companion {
    let (companion, _) = Companion::linked(sim).await;
    send(&companion, "FIRST", text("first")).await;
    assert_eq!(nth_ack(&companion, "FIRST", 0).await, None);
    companion
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withheld_acknowledgement_never_comes_and_a_late_one_comes_late() {
    let sim = simulator().await;
    let companion = acquainted(&sim).await;
    sim.spoil_messages(PHONE, MessageFault::AckWithheld, 1);
    sim.spoil_messages(PHONE, MessageFault::AckDelayed { ms: 2_000 }, 1);
    for id in ["WITHHELD", "LATE", "PROMPT"] {
        send(&companion, id, text(id)).await;
    }
    assert_eq!(nth_ack(&companion, "PROMPT", 0).await, None);
    assert_eq!((acks(&companion, "WITHHELD"), acks(&companion, "LATE")), (0, 0));
    assert_eq!(nth_ack(&companion, "LATE", 0).await, None);
    assert_eq!(acks(&companion, "WITHHELD"), 0);
    // All of them were taken, in order.
    let texts: Vec<String> = sim.phone(OTHER).inbox().into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["first", "WITHHELD", "LATE", "PROMPT"]);
    let places: Vec<Option<u64>> = sim.phone(PHONE).sent().iter().map(|sent| sent.place).collect();
    assert_eq!(places, [Some(0), Some(1), Some(2), Some(3)]);
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_message_reaches_nobody_and_may_come_again() {
    let sim = simulator().await;
    let companion = acquainted(&sim).await;
    sim.spoil_messages(PHONE, MessageFault::Nack { code: 503 }, 1);
    send(&companion, "AGAIN", text("again")).await;
    assert_eq!(nth_ack(&companion, "AGAIN", 0).await.as_deref(), Some("503"));
    assert_eq!(sim.phone(OTHER).inbox().len(), 1);
    send(&companion, "AGAIN", text("again")).await;
    assert_eq!(nth_ack(&companion, "AGAIN", 1).await, None);
    assert_eq!(inbox(&sim), [("first".to_owned(), 1, 1), ("again".to_owned(), 2, 1)]);
    assert_eq!(verdicts(&sim.phone(PHONE).sent()[1]), [Verdict::Refused(503), Verdict::Taken]);
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_lost_on_the_way_is_taken_when_it_comes_again() {
    let sim = simulator().await;
    let companion = acquainted(&sim).await;
    sim.spoil_messages(PHONE, MessageFault::DropBeforeTaking, 1);
    send(&companion, "LOST", text("lost")).await;
    companion.connected(2).await;
    assert_eq!(inbox(&sim).len(), 1);
    let sent = sim.phone(PHONE).sent().remove(1);
    assert_eq!((sent.is_taken, sent.place, verdicts(&sent)), (false, None, vec![Verdict::Lost]));
    assert_eq!(sent.content.unwrap().text, "lost");
    send(&companion, "LOST", text("lost")).await;
    assert_eq!(nth_ack(&companion, "LOST", 0).await, None);
    assert_eq!(inbox(&sim)[1], ("lost".to_owned(), 2, 1));
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_taken_is_acknowledged_again_and_reaches_nobody() {
    let sim = simulator().await;
    let companion = acquainted(&sim).await;
    sim.spoil_messages(PHONE, MessageFault::DropAfterTaking, 1);
    send(&companion, "TAKEN", text("taken")).await;
    companion.connected(2).await;
    assert_eq!((inbox(&sim)[1].clone(), acks(&companion, "TAKEN")), (("taken".to_owned(), 1, 1), 0));
    send(&companion, "TAKEN", text("taken")).await;
    assert_eq!(nth_ack(&companion, "TAKEN", 0).await, None);
    assert_eq!(inbox(&sim)[1..], [("taken".to_owned(), 2, 1)]);
    assert_eq!(verdicts(&sim.phone(PHONE).sent()[1]), [Verdict::Taken, Verdict::Repeated]);

    // Something else under the same id is lost without a word, but seen here.
    send(&companion, "TAKEN", text("something else")).await;
    assert_eq!(nth_ack(&companion, "TAKEN", 1).await, None);
    assert_eq!(inbox(&sim)[1..], [("taken".to_owned(), 3, 2)]);
    // And the phone reads what comes next.
    send(&companion, "NEXT", text("next")).await;
    until("the next arrival", || inbox(&sim).len() == 3).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_may_be_reset_right_behind_the_acknowledgement() {
    let sim = simulator().await;
    let companion = acquainted(&sim).await;
    sim.spoil_messages(PHONE, MessageFault::DropOnAck, 1);
    send(&companion, "RESET", text("reset")).await;
    companion.connected(2).await;
    assert_eq!(inbox(&sim)[1], ("reset".to_owned(), 1, 1));
    assert_eq!(sim.phone(PHONE).message_faults(), []);
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_is_off_has_its_messages_later() {
    let sim = simulator().await;
    let companion = acquainted(&sim).await;
    sim.phone(OTHER).switch_off();
    send(&companion, "LATER", text("later")).await;
    assert_eq!(nth_ack(&companion, "LATER", 0).await, None);
    let is_receipt = |event: &Event| match event {
        Event::Receipt(receipt) => receipt.message_ids.contains(&"LATER".to_owned()).then_some(()),
        _ => None,
    };
    assert_eq!((inbox(&sim).len(), companion.events.count(|event| is_receipt(event).is_some())), (1, 0));
    sim.phone(OTHER).switch_on();
    companion.events.first("receipt", is_receipt).await;
    assert_eq!(inbox(&sim)[1].0, "later");
    companion.stop().await;
    finish(sim).await;
}
