//! Clients that break the rules of the real server, and messages that cannot be read.

use std::sync::Arc;

use wacore::store::Device;
use wacore::store::in_memory::InMemoryBackend;
use wacore::store::traits::{DeviceStore, SignalStore};
use wacore::types::events::Event;
use wacore::types::jid::JidExt;
use wacore_binary::Jid;
use whatsapp_simulator::LinkError;

use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};

/// Changes what a stopped client has stored about itself.
async fn tamper(backend: &InMemoryBackend, change: impl FnOnce(&mut Device)) {
    let mut device = backend.load().await.unwrap().unwrap();
    change(&mut device);
    backend.save(&device).await.unwrap();
}

/// A stored client that was stopped before it was linked.
async fn unlinked() -> Arc<InMemoryBackend> {
    let sim = simulator().await;
    let companion = Companion::start(&sim).await;
    companion.qr().await;
    let backend = companion.stop().await;
    sim.stop().await;
    backend
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_noise_key_does_not_log_in() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let backend = companion.stop().await;
    tamper(&backend, |device| device.noise_key = wacore::crypto::generate_curve_key_pair()).await;
    let companion = Companion::resume(&sim, backend).await;
    companion.events.first("LoggedOut", |event| matches!(event, Event::LoggedOut(_)).then_some(())).await;
    assert_eq!(sim.violations().len(), 1);
    companion.stop().await;
    sim.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrongly_signed_key_does_not_register() {
    let backend = unlinked().await;
    tamper(&backend, |device| device.signed_pre_key_signature[0] ^= 1).await;
    let sim = simulator().await;
    let companion = Companion::resume(&sim, backend).await;
    companion.events.first("ConnectFailure", |event| matches!(event, Event::ConnectFailure(_)).then_some(())).await;
    assert_eq!(sim.violations().len(), 1);
    companion.stop().await;
    sim.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_from_another_connection_does_not_link() {
    let sim = simulator().await;
    let (first, second) = (Companion::start(&sim).await, Companion::start(&sim).await);
    let (qr, other) = (first.qr().await, second.qr().await);
    let reference = qr.split(',').next().unwrap();
    let mixed = format!("{reference},{}", other.split_once(',').unwrap().1);
    assert!(matches!(sim.phone(PHONE).scan(&mixed).await, Err(LinkError::Rejected(_))));
    first.stop().await;
    second.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_secret_is_refused_by_the_companion() {
    let sim = simulator().await;
    let companion = Companion::start(&sim).await;
    let qr = companion.qr().await;
    let mut fields: Vec<&str> = qr.split(',').collect();
    let forged = format!("{}=", "A".repeat(43));
    fields[3] = &forged;
    let refused = sim.phone(PHONE).scan(&fields.join(",")).await;
    assert!(matches!(refused, Err(LinkError::Rejected(_))), "{refused:?}");
    assert!(sim.phone(PHONE).devices().is_empty());
    companion.stop().await;
    sim.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_login_of_a_device_replaces_the_first() {
    let sim = simulator().await;
    let (first, _) = Companion::linked(&sim).await;
    let second = Companion::resume(&sim, first.backend()).await;
    first.events.first("StreamReplaced", |event| matches!(event, Event::StreamReplaced(_)).then_some(())).await;
    second.connected(1).await;
    until("one connection", || sim.stats().open_connections == 1).await;
    first.stop().await;
    assert!(sim.phone(PHONE).devices()[0].connected);
    second.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_cannot_be_read_is_sent_again() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    // Both sides use their session before the companion loses it.
    sim.phone(OTHER).send(PHONE, "first").await.unwrap();
    companion.texts(1).await;
    companion.client().send_text(Jid::pn(OTHER), "an answer").await.unwrap();
    until("the answer's arrival", || sim.phone(OTHER).inbox().len() == 1).await;
    let backend = companion.stop().await;
    for address in [Jid::pn(OTHER), Jid::lid(sim.phone(OTHER).lid())] {
        backend.delete_session(&address.to_protocol_address_string()).await.unwrap();
    }
    sim.phone(OTHER).send(PHONE, "second").await.unwrap();
    let companion = Companion::resume(&sim, backend).await;
    assert_eq!(companion.texts(1).await, ["second"]);
    assert_eq!(sim.stats().retries, 1);
    until("every receipt", || sim.phone(PHONE).devices()[0].undelivered == 0).await;
    companion.stop().await;
    finish(sim).await;
}
