//! Each fault and what the client makes of it.

use std::time::Duration;

use wacore::types::events::Event;
use whatsapp_simulator::{Fault, HandshakeMode, LoginFailure, Simulator};

use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};

/// Lets something go wrong for the only device.
async fn fault(sim: &Simulator, fault: Fault) {
    let device = sim.phone(PHONE).devices()[0].id;
    sim.fault(PHONE, device, fault).await.unwrap();
}

/// A fault after which the client comes back by itself.
async fn is_survived(what: Fault) {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let before = sim.stats().logins;
    fault(&sim, what).await;
    until("another login", || sim.stats().logins > before).await;
    // The new connection works.
    sim.phone(OTHER).send(PHONE, "still there?").await.unwrap();
    companion.texts(1).await;
    companion.stop().await;
    finish(sim).await;
}

/// A fault that the client reports with one event, and then gives up.
async fn is_reported(what: Fault, name: &str, fits: impl Fn(&Event) -> bool) {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    fault(&sim, what).await;
    companion.events.first(name, |event| fits(event).then_some(())).await;
    companion.stop().await;
    finish(sim).await;
}

#[rstest::rstest]
#[case::abort(Fault::Abort)]
#[case::close(Fault::Close { code: 1001 })]
#[case::stream_end(Fault::StreamEnd)]
#[case::error_500(Fault::StreamError { code: 500, close: true })]
#[case::error_503(Fault::StreamError { code: 503, close: true })]
#[case::error_515(Fault::StreamError { code: 515, close: true })]
#[case::error_429(Fault::StreamError { code: 429, close: true })]
#[case::rotated(Fault::RotateStaticKey)]
#[case::away(Fault::Close { code: 1000 })]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_comes_back(#[case] fault: Fault) {
    is_survived(fault).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_login_replaces_the_first() {
    is_reported(Fault::Replaced, "StreamReplaced", |event| matches!(event, Event::StreamReplaced(_))).await;
}

#[rstest::rstest]
#[case::removed(Fault::Removed)]
#[case::error_401(Fault::StreamError { code: 401, close: true })]
#[case::error_516(Fault::StreamError { code: 516, close: true })]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_is_logged_out_while_connected(#[case] fault: Fault) {
    is_reported(fault, "LoggedOut", |event| matches!(event, Event::LoggedOut(event) if !event.on_connect)).await;
}

#[rstest::rstest]
#[case::logged_out(401)]
#[case::locked(403)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_is_logged_out_at_login(#[case] reason: u16) {
    let failure = Fault::LoginFailure(LoginFailure::new(reason));
    is_reported(failure, "LoggedOut", |event| matches!(event, Event::LoggedOut(event) if event.on_connect)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ban_has_a_code_and_an_end() {
    is_reported(
        Fault::LoginFailure(LoginFailure::ban(101, 3600)),
        "TemporaryBan",
        |event| matches!(event, Event::TemporaryBan(ban) if ban.expire.num_seconds() == 3600),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outdated_client_is_told_so() {
    let failure = Fault::LoginFailure(LoginFailure::new(405));
    is_reported(failure, "ClientOutdated", |event| matches!(event, Event::ClientOutdated(_))).await;
}

#[rstest::rstest]
#[case::internal(500)]
#[case::unavailable(503)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_login_is_tried_again(#[case] reason: u16) {
    let sim = simulator().await;
    let (companion, device) = Companion::linked(&sim).await;
    let before = sim.stats();
    fault(&sim, Fault::LoginFailure(LoginFailure::new(reason))).await;
    until("two refusals", || sim.stats().refused_logins >= before.refused_logins + 2).await;
    sim.fault(PHONE, device, Fault::ClearFailure).await.unwrap();
    until("another login", || sim.stats().logins > before.logins).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_without_a_close_leaves_the_socket_open() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let before = sim.stats();
    fault(&sim, Fault::StreamError { code: 503, close: false }).await;
    until("the client's notice of the error", || !companion.client().is_logged_in()).await;
    assert!(companion.client().is_connected());
    assert_eq!((sim.stats().logins, sim.stats().open_connections), (before.logins, 1));
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_connection_swallows_everything() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    fault(&sim, Fault::Silence).await;
    sim.phone(OTHER).send(PHONE, "into the void").await.unwrap();
    // Nothing may arrive: the one fixed wait here, and a short one.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(companion.events.texts(), Vec::<String>::new());
    assert_eq!(companion.events.count(|event| matches!(event, Event::Disconnected(_))), 0);
    // Cutting it brings the message with the next login.
    fault(&sim, Fault::Abort).await;
    assert_eq!(companion.texts(1).await, ["into the void"]);
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_come_in_bursts_again_and_late() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    fault(&sim, Fault::Burst { count: 50, from: OTHER.to_owned() }).await;
    assert_eq!(companion.texts(50).await[49], "burst 50");
    until("every receipt", || sim.phone(PHONE).devices()[0].undelivered == 0).await;

    let before = sim.stats();
    fault(&sim, Fault::Redeliver { count: 3 }).await;
    until("the repeats' receipts", || sim.stats().acknowledged == before.acknowledged + 3).await;
    assert_eq!(companion.events.texts().len(), 50);

    fault(&sim, Fault::SlowReplies { delay_ms: 200 }).await;
    let sent = std::time::Instant::now();
    sim.phone(OTHER).send(PHONE, "late").await.unwrap();
    companion.texts(51).await;
    assert!(sent.elapsed() >= Duration::from_millis(200));
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_wait_while_the_device_is_away() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    fault(&sim, Fault::QueuedWhileAway { count: 20, from: OTHER.to_owned() }).await;
    assert_eq!(companion.texts(20).await.len(), 20);
    companion
        .events
        .first("OfflineSyncPreview", |event| matches!(event, Event::OfflineSyncPreview(_)).then_some(()))
        .await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn used_up_references_end_the_pairing() {
    let sim = simulator().await;
    let companion = Companion::start(&sim).await;
    let qr = companion.qr().await;
    sim.fault_pairing_connections(&Fault::RefsExhausted);
    companion
        .events
        .first("PairingQrCodesExhausted", |event| matches!(event, Event::PairingQrCodesExhausted(_)).then_some(()))
        .await;
    assert!(sim.phone(PHONE).scan(&qr).await.is_err());
    companion.stop().await;
    finish(sim).await;
}

#[rstest::rstest]
#[case::garbage(HandshakeMode::Garbage)]
#[case::silent(HandshakeMode::Silent)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_handshake_shows_no_code(#[case] mode: HandshakeMode) {
    let sim = simulator().await;
    sim.set_handshake(mode);
    let companion = Companion::start(&sim).await;
    until("a connection", || sim.stats().connections > 0).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(companion.events.count(|event| matches!(event, Event::PairingQrCode(_))), 0);
    assert_eq!(sim.stats().handshakes, 0);
    if mode == HandshakeMode::Garbage {
        sim.set_handshake(HandshakeMode::Normal);
        companion.qr().await;
    }
    // In order it would end only when its own handshake limit is over.
    companion.abort();
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_connection_can_be_cut() {
    let sim = simulator().await;
    sim.fault_next_connection(Fault::Abort);
    let companion = Companion::start(&sim).await;
    companion.qr().await;
    assert_eq!(sim.stats().connections, 2);
    companion.stop().await;
    finish(sim).await;
}
