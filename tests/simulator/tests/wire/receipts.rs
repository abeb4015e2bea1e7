//! What the client is told about its messages, and what others are told about theirs.

use wacore::types::events::Event;
use wacore::types::presence::ReceiptType;
use wacore_binary::Jid;

use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};

/// The ids and sender of the first receipt of a type.
async fn receipt(companion: &Companion, kind: ReceiptType) -> (Vec<String>, String, bool) {
    nth_receipt(companion, kind, 0).await
}

async fn nth_receipt(companion: &Companion, kind: ReceiptType, skip: usize) -> (Vec<String>, String, bool) {
    let pick = |event: &Event| match event {
        Event::Receipt(receipt) if receipt.r#type == kind => {
            Some((receipt.message_ids.clone(), receipt.source.sender.user.to_string(), receipt.offline))
        }
        _ => None,
    };
    companion.events.nth(&format!("{kind:?} receipt"), skip, pick).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_reads_and_plays() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let to = Jid::pn(OTHER);
    let first = companion.client().send_text(to.clone(), "one").await.unwrap().message_id;
    let second = companion.client().send_text(to, "two").await.unwrap().message_id;
    until("both arrivals", || sim.phone(OTHER).inbox().len() == 2).await;
    // The library tells of stanzas that are not messages in any order.
    let mut delivered = Vec::new();
    for skip in 0..2 {
        delivered.extend(nth_receipt(&companion, ReceiptType::Delivered, skip).await.0);
    }
    delivered.sort_by_key(|id| *id != first);
    assert_eq!(delivered, [first.clone(), second.clone()]);

    sim.phone(OTHER).read(&[&first, &second]).unwrap();
    let (mut ids, from, _) = receipt(&companion, ReceiptType::Read).await;
    ids.sort_by_key(|id| *id != first);
    assert_eq!((ids, from.as_str()), (vec![first.clone(), second], OTHER));
    sim.phone(OTHER).play(&[&first]).unwrap();
    assert_eq!(receipt(&companion, ReceiptType::Played).await.0, [first]);
    assert!(sim.phone(OTHER).read(&["never sent"]).is_err());
    until("every acknowledgement", || sim.phone(PHONE).devices()[0].unnoticed == 0).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_own_phone_reads() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let seen = sim.phone(OTHER).send(PHONE, "one").await.unwrap();
    let unseen = sim.phone(OTHER).send(PHONE, "two").await.unwrap();
    companion.texts(2).await;
    sim.phone(PHONE).read(&[&seen]).unwrap();
    assert_eq!(receipt(&companion, ReceiptType::Read).await.0, [seen]);
    sim.phone(PHONE).read_unseen(&[&unseen]).unwrap();
    assert_eq!(receipt(&companion, ReceiptType::ReadSelf).await.0, [unseen]);
    until("every acknowledgement", || sim.phone(PHONE).devices()[0].unnoticed == 0).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_waits_while_the_device_is_away() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let id = companion.client().send_text(Jid::pn(OTHER), "one").await.unwrap().message_id;
    until("the arrival", || sim.phone(OTHER).inbox().len() == 1).await;
    receipt(&companion, ReceiptType::Delivered).await;
    until("its acknowledgement", || sim.phone(PHONE).devices()[0].unnoticed == 0).await;
    let backend = companion.stop().await;
    sim.phone(OTHER).read(&[&id]).unwrap();
    assert_eq!(sim.phone(PHONE).devices()[0].unnoticed, 1);
    let companion = Companion::resume(&sim, backend).await;
    assert_eq!(receipt(&companion, ReceiptType::Read).await, (vec![id], OTHER.to_owned(), true));
    until("its acknowledgement", || sim.phone(PHONE).devices()[0].unnoticed == 0).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_companions_tell_each_other_what_they_read() {
    let sim = simulator().await;
    let (first, _) = Companion::linked(&sim).await;
    let second = Companion::start(&sim).await;
    sim.phone(OTHER).scan(&second.qr().await).await.unwrap();
    second.connected(1).await;
    let id = first.client().send_text(Jid::pn(OTHER), "read me").await.unwrap().message_id;
    second.texts(1).await;
    second.client().mark_as_read(&Jid::pn(PHONE), None, &[&id]).await.unwrap();
    assert_eq!(receipt(&first, ReceiptType::Read).await.0, [id]);
    first.stop().await;
    second.stop().await;
    finish(sim).await;
}
