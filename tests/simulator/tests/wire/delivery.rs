//! Messages that cannot be read, and messages that come again: a delivery ends with its acknowledgement, and not before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wacore::types::events::Event;
use whatsapp_simulator::Fault;

use crate::companion::{Companion, Hook, OTHER, PHONE, finish, simulator, until};

fn is_undecryptable(event: &Event) -> bool {
    matches!(event, Event::UndecryptableMessage(_))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_message_is_asked_for_again() {
    let sim = simulator().await;
    let (companion, device) = Companion::linked(&sim).await;
    sim.phone(OTHER).send(PHONE, "whole").await.unwrap();
    companion.texts(1).await;
    sim.fault(PHONE, device, Fault::BreakMessages { count: 1, repairable: true }).await.unwrap();
    sim.phone(OTHER).send(PHONE, "broken").await.unwrap();
    assert_eq!(companion.texts(2).await, ["whole", "broken"]);
    assert_eq!((companion.events.count(is_undecryptable), sim.stats().retries), (1, 1));
    sim.phone(OTHER).send(PHONE, "whole again").await.unwrap();
    assert_eq!(companion.texts(3).await[2], "whole again");
    until("every receipt", || sim.phone(PHONE).devices()[0].undelivered == 0).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hopeless_message_is_given_up() {
    let sim = simulator().await;
    let (companion, device) = Companion::linked(&sim).await;
    sim.fault(PHONE, device, Fault::BreakMessages { count: 1, repairable: false }).await.unwrap();
    sim.phone(OTHER).send(PHONE, "never readable").await.unwrap();
    until("five requests", || sim.stats().retries == 5).await;
    until("every acknowledgement", || sim.phone(PHONE).devices()[0].undelivered == 0).await;
    assert_eq!(companion.events.count(is_undecryptable), 1);
    sim.phone(OTHER).send(PHONE, "readable").await.unwrap();
    assert_eq!(companion.texts(1).await, ["readable"]);
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unacknowledged_message_comes_again() {
    let sim = simulator().await;
    let (companion, device) = Companion::linked(&sim).await;
    until("every receipt", || sim.phone(PHONE).devices()[0].undelivered == 0).await;
    let backend = companion.stop().await;

    let taken = Arc::new(AtomicUsize::new(0));
    let hook = |is_willing| Hook { is_willing, taken: Arc::clone(&taken) };
    let deaf = Companion::resume_with(&sim, backend.clone(), hook(false)).await;
    deaf.connected(1).await;
    let before = sim.stats();
    let id = sim.phone(OTHER).send(PHONE, "once").await.unwrap();
    until("the decryption", || taken.load(Ordering::Relaxed) == 1).await;
    let first = deaf.events.stanza("message", &id).await;
    // Killed: the process ends, and its socket with it.
    deaf.abort();
    sim.fault(PHONE, device, Fault::Abort).await.unwrap();
    until("its end", || !sim.phone(PHONE).devices()[0].connected).await;
    assert_eq!(sim.phone(PHONE).devices()[0].undelivered, 1);

    let companion = Companion::resume_with(&sim, backend, hook(true)).await;
    assert_eq!(companion.texts(1).await, ["once"]);
    until("its receipt", || sim.phone(PHONE).devices()[0].undelivered == 0).await;
    assert_eq!(sim.stats().deliveries, before.deliveries + 2);
    let mut again = companion.events.stanza("message", &id).await;
    assert!(first.attrs.get("offline").is_none());
    assert_eq!(again.attrs.get("offline").map(|value| value.as_str().into_owned()).as_deref(), Some("0"));
    // The same stanza, with the same encrypted bytes in it.
    again.attrs.0.retain(|(key, _)| key != "offline");
    assert_eq!(again, first);
    assert_eq!(companion.events.count(is_undecryptable), 0);
    companion.stop().await;
    finish(sim).await;
}
