//! What a new companion is told of the time before.

use std::time::Duration;

use wacore::store::traits::ProtocolStore;
use wacore::types::events::Event;
use wacore_binary::Jid;
use whatsapp_simulator::{History, HistoryChat, Simulator, TokenRule};

use crate::acknowledgement::{nth_ack, send, text};
use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};

const THIRD: &str = "15550100003";

/// The token that the client knows for somebody.
async fn known_token(sim: &Simulator, companion: &Companion, from: &str) -> Option<Vec<u8>> {
    let entry = companion.backend().get_tc_token(&sim.phone(from).lid()).await.unwrap();
    entry.map(|entry| entry.token)
}

/// A simulator whose account has been moved to hidden numbers, as most accounts have, and wants tokens.
async fn strict_simulator(prop: u32) -> Simulator {
    let sim = simulator().await;
    sim.phone(PHONE).migrate();
    sim.set_ab_prop(9_435, Some("1"));
    sim.set_ab_prop(prop, Some("1"));
    sim.require_tokens(TokenRule::Everyone);
    sim
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_link_brings_the_tokens_of_people_that_are_known() {
    let sim = strict_simulator(10_518).await;
    // Before anybody is linked.
    sim.phone(OTHER).send(PHONE, "hello").await.unwrap();
    sim.phone(OTHER).give_token(PHONE).unwrap();
    let companion = Companion::linked_with_history(&sim).await;
    for _ in 0..1000 {
        if known_token(&sim, &companion, OTHER).await.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(known_token(&sim, &companion, OTHER).await, sim.phone(OTHER).token_for(PHONE));
    send(&companion, "KNOWN", text("known")).await;
    assert_eq!(nth_ack(&companion, "KNOWN", 0).await, None);
    let address = Jid::lid(sim.phone(OTHER).lid()).to_string();
    assert_eq!(sim.phone(PHONE).sent()[0].address, address);
    until("every receipt", || sim.phone(PHONE).devices()[0].undelivered == 0).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_link_brings_the_salt_for_strangers() {
    let sim = strict_simulator(24_941).await;
    let companion = Companion::linked_with_history(&sim).await;
    until("the salt", || companion.client().persistence_manager().get_device_snapshot().nct_salt.is_some()).await;
    send(&companion, "STRANGER", text("stranger")).await;
    assert_eq!(nth_ack(&companion, "STRANGER", 0).await, None);
    assert_eq!(sim.phone(OTHER).inbox()[0].text, "stranger");
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_can_be_chosen() {
    let sim = simulator().await;
    let phone = sim.phone(PHONE);
    sim.phone(THIRD);
    let chats = vec![HistoryChat { has_token: false, ephemeral_seconds: Some(604_800), ..HistoryChat::with(THIRD) }];
    phone.set_history(History { chats: Some(chats), has_salt: false, ..History::default() }).unwrap();
    let nobody = History { chats: Some(vec![HistoryChat::with("15550100009")]), ..History::default() };
    assert!(phone.set_history(nobody).is_err());
    let companion = Companion::linked_with_history(&sim).await;
    let pick = |event: &Event| match event {
        Event::HistorySync(history) => history.get().cloned(),
        _ => None,
    };
    let history = companion.events.first("history", pick).await;
    assert_eq!((history.conversations.len(), history.nct_salt.clone()), (1, None));
    let chat = &history.conversations[0];
    assert_eq!((chat.id.as_str(), chat.ephemeral_expiration), (Jid::pn(THIRD).to_string().as_str(), Some(604_800)));
    assert_eq!(chat.tc_token, None);
    let pair = &history.phone_number_to_lid_mappings[0];
    assert_eq!(pair.lid_jid, Some(Jid::lid(sim.phone(THIRD).lid()).to_string()));
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_may_tell_nothing() {
    let sim = simulator().await;
    sim.phone(PHONE).set_history(History { is_sent: false, ..History::default() }).unwrap();
    let companion = Companion::linked_with_history(&sim).await;
    sim.phone(OTHER).send(PHONE, "hello").await.unwrap();
    companion.texts(1).await;
    assert_eq!(companion.events.count(|event| matches!(event, Event::HistorySync(_))), 0);
    companion.stop().await;
    finish(sim).await;
}
