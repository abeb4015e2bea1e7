//! Phones that could not read what the companion wrote, and receipts of many members at once.

use wacore::types::events::Event;
use wacore::types::presence::ReceiptType;
use whatsapp_simulator::ReceiptKind;

use crate::acknowledgement::{nth_ack, send, text};
use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_asks_again_and_gets_the_same_in_a_new_session() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    send(&companion, "FIRST", text("first")).await;
    nth_ack(&companion, "FIRST", 0).await;
    sim.phone(OTHER).break_outbound(1, true);
    send(&companion, "AGAIN", text("again")).await;
    until("the answer", || sim.phone(OTHER).inbox().len() == 2).await;
    let inbox = sim.phone(OTHER).inbox();
    assert_eq!((inbox[1].id.as_str(), inbox[1].text.as_str(), inbox[1].copies), ("AGAIN", "again", 1));
    let retry = sim.phone(OTHER).retries().remove(0);
    assert_eq!((retry.count, retry.answers, retry.is_same, retry.is_new_session), (1, 1, true, true));
    // Days later the phone has lost it.
    sim.phone(OTHER).ask_again("FIRST").await.unwrap();
    until("the second answer", || sim.phone(OTHER).retries().iter().all(|retry| retry.is_same)).await;
    assert_eq!(sim.phone(OTHER).inbox().len(), 2);
    send(&companion, "LAST", text("last")).await;
    until("the last arrival", || sim.phone(OTHER).inbox().len() == 3).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_sent_no_keys_sends_them_when_the_answer_does_not_help() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    sim.phone(OTHER).send(PHONE, "hello").await.unwrap();
    companion.texts(1).await;
    send(&companion, "FIRST", text("first")).await;
    nth_ack(&companion, "FIRST", 0).await;
    sim.phone(OTHER).break_outbound(1, false);
    send(&companion, "AGAIN", text("again")).await;
    until("the answer", || sim.phone(OTHER).inbox().len() == 2).await;
    let retry = sim.phone(OTHER).retries().remove(0);
    assert_eq!((retry.count, retry.answers, retry.is_same), (2, 2, true));
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_own_phone_asks_again() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    sim.phone(PHONE).break_outbound(1, true);
    send(&companion, "COPY", text("copy")).await;
    until("the answer", || sim.phone(PHONE).retries().iter().any(|retry| retry.is_same)).await;
    assert_eq!(sim.phone(OTHER).inbox()[0].text, "copy");
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_of_a_group_are_heard_in_one_stanza() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let third = sim.phone("15550100003");
    let group = sim.phone(PHONE).create_group("trip", &[OTHER, third.phone_number()]).unwrap();
    let author = sim.phone(PHONE);
    author.hear_from_group(&group, "THEIRS", ReceiptKind::Read, &[OTHER, third.phone_number()]).unwrap();
    let mut readers = Vec::new();
    for skip in 0..2 {
        let pick = |event: &Event| match event {
            Event::Receipt(receipt) if receipt.r#type == ReceiptType::Read => {
                Some((receipt.message_ids.clone(), receipt.source.sender.user.to_string()))
            }
            _ => None,
        };
        let (ids, reader) = companion.events.nth("read receipt", skip, pick).await;
        assert_eq!(ids, ["THEIRS"]);
        readers.push(reader);
    }
    assert_eq!(readers, [sim.phone(OTHER).lid(), third.lid()]);
    assert!(author.hear_from_group(&group, "THEIRS", ReceiptKind::Read, &["15550100009"]).is_err());
    until("every acknowledgement", || sim.phone(PHONE).devices()[0].unnoticed == 0).await;
    companion.stop().await;
    finish(sim).await;
}
