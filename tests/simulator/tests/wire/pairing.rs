//! Linking, logging in again, and the end of a link.

use std::time::Duration;

use wacore::types::events::Event;
use whatsapp_simulator::{LinkError, Settings};

use crate::companion::{Companion, OTHER, PHONE, finish, simulator, simulator_with, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanned_companion_logs_in() {
    let sim = simulator().await;
    let (companion, device) = Companion::linked(&sim).await;
    assert_eq!(device, 1);
    assert_eq!(companion.client().pn().unwrap().user.as_str(), PHONE);
    assert_eq!(companion.client().lid().unwrap().user.as_str(), sim.phone(PHONE).lid());
    assert_eq!(companion.client().push_name(), "Ada");
    until("the key share's receipt", || sim.phone(PHONE).devices()[0].undelivered == 0).await;
    let info = sim.phone(PHONE).devices().remove(0);
    assert!(info.connected && info.logins >= 1, "{info:?}");
    assert!(!info.os.is_empty() && !info.platform.is_empty(), "{info:?}");
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reference_is_scanned_only_while_it_lives() {
    let settings = Settings { first_ref_lifetime: Duration::ZERO, ..Settings::default() };
    let sim = simulator_with(settings).await;
    let companion = Companion::start(&sim).await;
    let qr = companion.qr().await;
    assert_eq!(sim.phone(PHONE).scan(&qr).await, Err(LinkError::ExpiredRef));
    assert_eq!(sim.phone(PHONE).scan("nonsense").await, Err(LinkError::BadQr));
    companion.stop().await;
    until("the connection's end", || sim.stats().open_connections == 0).await;
    assert_eq!(sim.phone(PHONE).scan(&qr).await, Err(LinkError::UnknownRef));
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reference_is_scanned_once() {
    let sim = simulator().await;
    let companion = Companion::start(&sim).await;
    let qr = companion.qr().await;
    let (phone, other) = (sim.phone(PHONE), sim.phone(OTHER));
    let (first, second) = tokio::join!(phone.scan(&qr), other.scan(&qr));
    assert_eq!(first, Ok(1));
    // Whether the first one's link is still under way or done by then is the scheduler's choice.
    assert!(matches!(second, Err(LinkError::ExpiredRef | LinkError::UnknownRef)), "{second:?}");
    companion.connected(1).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pair_code_links_and_a_wrong_one_does_not() {
    let sim = simulator().await;
    let phone = sim.phone(PHONE);
    assert_eq!(phone.enter("ABCD1234").await, Err(LinkError::NoCodeOutstanding));
    let companion = Companion::start_with_code(&sim, PHONE).await;
    let code = companion.code().await;
    assert!(phone.pending_link_code());
    assert_eq!(phone.enter("AAAA-AAAA").await, Err(LinkError::WrongCode));
    let device = phone.enter(&code).await.unwrap();
    companion.connected(1).await;
    assert_eq!(phone.devices()[0].id, device);
    assert!(!phone.pending_link_code());
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_pair_code_does_not_link() {
    let settings = Settings { link_code_lifetime: Duration::ZERO, ..Settings::default() };
    let sim = simulator_with(settings).await;
    let companion = Companion::start_with_code(&sim, PHONE).await;
    let code = companion.code().await;
    assert!(!sim.phone(PHONE).pending_link_code());
    assert_eq!(sim.phone(PHONE).enter(&code).await, Err(LinkError::NoCodeOutstanding));
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_without_a_phone_gets_no_pair_code() {
    let sim = simulator().await;
    let companion = Companion::start_with_code(&sim, "15550100097").await;
    let pick = |event: &Event| matches!(event, Event::PairingCodeError(_)).then_some(());
    companion.events.first("PairingCodeError", pick).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_companion_resumes_with_ik() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    // The client may log in twice right after pairing; only what comes later counts.
    let before = sim.stats();
    let companion = companion.restart(&sim).await;
    companion.connected(1).await;
    let after = sim.stats();
    assert!(after.resumptions > before.resumptions, "{after:?}");
    assert_eq!(after.handshakes - before.handshakes, after.resumptions - before.resumptions);
    assert_eq!(after.fallbacks, 0);
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_static_key_is_survived() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    sim.rotate_static_key().unwrap();
    let companion = companion.restart(&sim).await;
    companion.connected(1).await;
    assert_eq!(sim.stats().fallbacks, 1);
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_companion_logs_itself_out() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    companion.client().logout().await;
    until("the device's end", || sim.phone(PHONE).devices().is_empty()).await;
    let companion = companion.restart(&sim).await;
    assert!(on_connect(&companion).await);
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unlinked_companion_is_logged_out() {
    let sim = simulator().await;
    let (companion, device) = Companion::linked(&sim).await;
    assert!(sim.phone(PHONE).unlink(device));
    assert!(!sim.phone(PHONE).unlink(device));
    assert!(!on_connect(&companion).await);
    let companion = companion.restart(&sim).await;
    assert!(on_connect(&companion).await);
    companion.stop().await;
    finish(sim).await;
}

/// Waits for the logout; whether a login was refused (and not an open connection ended).
async fn on_connect(companion: &Companion) -> bool {
    let pick = |event: &Event| match event {
        Event::LoggedOut(event) => Some(event.on_connect),
        _ => None,
    };
    companion.events.first("LoggedOut", pick).await
}
