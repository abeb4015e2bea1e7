//! Each row of the fault table: what WhatsApp does, and what the session then is.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::{Fault, HandshakeMode, LoginFailure, Settings};

use crate::support::world::{Kind, World};

const PHONE: &str = "15550100001";

/// A linked session and a fault on its device.
async fn afflicted(fault: Fault) -> World {
    let world = World::new(Kind::Sqlite).await;
    let device = world.linked("shop").await;
    world.sim.fault(PHONE, device, fault).await.expect("the device is there");
    world
}

#[rstest]
#[case::restart(Fault::StreamError { code: 515, close: true })]
#[case::unavailable(Fault::StreamError { code: 503, close: true })]
#[case::unavailable_and_left_open(Fault::StreamError { code: 503, close: false })]
#[case::unknown(Fault::StreamError { code: 500, close: true })]
#[case::rate_limited(Fault::StreamError { code: 429, close: true })]
#[case::ended(Fault::StreamEnd)]
#[case::closed(Fault::Close { code: 1000 })]
#[case::going_away(Fault::Close { code: 1001 })]
#[case::aborted(Fault::Abort)]
#[case::new_key(Fault::RotateStaticKey)]
#[tokio::test]
async fn after_a_lost_connection_the_session_logs_in_again(#[case] fault: Fault) {
    let world = World::new(Kind::Sqlite).await;
    let device = world.linked("shop").await;
    let before = world.logins();
    world.sim.fault(PHONE, device, fault).await.expect("the device is there");
    world.eventually("a new login", || world.logins() > before).await;
    world.reaches("shop", "logged_in").await;
    world.finish().await;
}

#[tokio::test]
async fn an_error_that_the_stream_survives_changes_nothing() {
    let world = afflicted(Fault::StreamError { code: 500, close: false }).await;
    let logins = world.logins();
    world.sim.phone("15550100002").send(PHONE, "still there?").await.expect("it is sent");
    world.eventually("the message arrives", || world.phone().devices()[0].undelivered == 0).await;
    assert_eq!(world.door.status("shop").await["status"], "logged_in");
    assert_eq!(world.logins(), logins);
    world.finish().await;
}

#[rstest]
#[case::unavailable(Fault::StreamError { code: 503, close: false }, "service_unavailable")]
#[case::rate_limited(Fault::StreamError { code: 429, close: true }, "rate_limited")]
#[case::ended(Fault::StreamEnd, "stream_ended")]
#[case::aborted(Fault::Abort, "connection_lost")]
#[tokio::test]
async fn while_it_waits_the_session_says_why_and_until_when(#[case] fault: Fault, #[case] reason: &str) {
    let world = World::new(Kind::Sqlite).await;
    let device = world.linked("shop").await;
    world.sim.set_accepting(false);
    world.sim.fault(PHONE, device, fault).await.expect("the device is there");
    let state = world.until("shop", reason, |state| state["reason"] == reason).await;
    assert_eq!(state["status"], "connecting");
    let state = world.until("shop", "waiting", |state| state["next_retry_at"].is_i64()).await;
    assert_eq!(state["is_logged_in"], false);
    world.sim.set_accepting(true);
    world.reaches("shop", "logged_in").await;
    world.finish().await;
}

#[rstest]
#[case::unauthorized(Fault::StreamError { code: 401, close: true }, "logged_out_by_phone")]
#[case::device_gone(Fault::StreamError { code: 516, close: true }, "device_removed")]
#[case::removed(Fault::Removed, "device_removed")]
#[case::unlinked_while_away(Fault::LoginFailure(LoginFailure::new(401)), "logged_out_by_phone")]
#[case::unknown_logout(Fault::LoginFailure(LoginFailure::new(406)), "logged_out_by_phone")]
#[tokio::test]
async fn a_session_that_the_phone_unlinked_stays_and_can_be_paired_again(#[case] fault: Fault, #[case] reason: &str) {
    let world = afflicted(fault).await;
    let state = world.reaches("shop", "disconnected").await;
    assert_eq!((&state["reason"], &state["desired"]), (&json!(reason), &json!("offline")));
    assert_eq!(state["phone_number"], Value::Null);
    world.door.post("/shop/connect", Value::Null).await.ok();
    world.link("shop", &world.sim.phone("15550100003")).await;
    world.finish().await;
}

#[rstest]
#[case::replaced(Fault::Replaced, "replaced")]
#[case::conflict(Fault::StreamError { code: 409, close: true }, "replaced")]
#[case::locked(Fault::LoginFailure(LoginFailure::new(403)), "account_locked")]
#[case::outdated(Fault::LoginFailure(LoginFailure::new(405)), "client_outdated")]
#[case::other(Fault::LoginFailure(LoginFailure::new(409)), "login_refused")]
#[tokio::test]
async fn a_refusal_that_a_person_must_mend_is_not_fought(#[case] fault: Fault, #[case] reason: &str) {
    let mut world = afflicted(fault).await;
    let state = world.reaches("shop", "disconnected").await;
    assert_eq!((&state["reason"], &state["desired"]), (&json!(reason), &json!("offline")));
    assert_eq!(state["next_retry_at"], Value::Null);
    assert_eq!(state["phone_number"], PHONE);
    let attempts = world.sim.stats().connections;
    world.crash();
    assert_eq!(world.door.status("shop").await["reason"], reason);
    assert_eq!(world.sim.stats().connections, attempts);

    let device = world.phone().devices()[0].id;
    world.sim.fault(PHONE, device, Fault::ClearFailure).await.expect("the device is there");
    world.door.post("/shop/connect", Value::Null).await.ok();
    world.reaches("shop", "logged_in").await;
    world.finish().await;
}

#[tokio::test]
async fn a_ban_says_until_when_and_is_kept_over_a_restart() {
    let mut world = afflicted(Fault::LoginFailure(LoginFailure::ban(101, 3600))).await;
    let state = world.reaches("shop", "disconnected").await;
    assert_eq!(state["reason"], "banned_temporarily");
    let lasts = state["banned_until"].as_i64().expect("an end") - state["since"].as_i64().expect("a beginning");
    assert!((3590..=3600).contains(&lasts), "{state}");
    assert_eq!(state["next_retry_at"], state["banned_until"]);
    // Who wants it online is told that it will be, and when; both doors name the same moment.
    let connected = world.door.post("/shop/connect", Value::Null).await.ok();
    let message = "The account is banned for a time: the session connects when that is over";
    assert_eq!(connected, json!({ "success": true, "message": message, "next_retry_at": state["banned_until"] }));
    let connect = r#"mutation { connectSession(input: { id: "shop" }) { status nextRetryAt bannedUntil } }"#;
    let connected = world.door.asked(connect, Value::Null).await["connectSession"].clone();
    assert_eq!(connected["status"], "DISCONNECTED");
    assert!(
        connected["nextRetryAt"].is_string() && connected["nextRetryAt"] == connected["bannedUntil"],
        "{connected}"
    );
    let attempts = world.sim.stats().connections;
    world.crash();
    let after = world.door.status("shop").await;
    assert_eq!((&after["reason"], &after["banned_until"]), (&state["reason"], &state["banned_until"]));
    assert_eq!(world.sim.stats().connections, attempts);
    world.finish().await;
}

#[rstest]
#[case(500)]
#[case(503)]
#[tokio::test]
async fn a_login_that_whatsapp_cannot_serve_now_is_tried_again(#[case] code: u16) {
    let world = afflicted(Fault::LoginFailure(LoginFailure::new(code))).await;
    let state = world.until("shop", "waiting", |state| state["reason"] == "service_unavailable").await;
    assert_eq!(state["status"], "connecting");
    let device = world.phone().devices()[0].id;
    world.sim.fault(PHONE, device, Fault::ClearFailure).await.expect("the device is there");
    world.reaches("shop", "logged_in").await;
    world.finish().await;
}

#[tokio::test]
async fn slow_a_silent_connection_is_noticed_and_replaced() {
    let world = afflicted(Fault::Silence).await;
    let before = world.logins();
    let limit = Duration::from_secs(120);
    world.within(limit, "shop", "noticed", |state| state["status"] != "logged_in").await;
    world.within(limit, "shop", "back", |state| state["status"] == "logged_in").await;
    assert!(world.logins() > before);
    world.finish().await;
}

#[tokio::test]
async fn an_unreachable_whatsapp_is_said_to_be_unreachable_and_tried_again() {
    let world = World::new(Kind::Sqlite).await;
    world.sim.set_accepting(false);
    world.door.create("shop").await;
    let state = world.until("shop", "unreachable", |state| state["next_retry_at"].is_i64()).await;
    assert_eq!((&state["status"], &state["desired"]), (&json!("connecting"), &json!("online")));
    world.sim.set_accepting(true);
    world.reaches("shop", "waiting_for_qr").await;
    world.finish().await;
}

#[tokio::test]
async fn a_handshake_that_fails_is_said_to_have_failed() {
    let world = World::new(Kind::Sqlite).await;
    world.sim.set_handshake(HandshakeMode::Garbage);
    world.door.create("shop").await;
    world.until("shop", "failed", |state| state["reason"] == "handshake_failed").await;
    world.sim.set_handshake(HandshakeMode::Normal);
    world.reaches("shop", "waiting_for_qr").await;
    world.finish().await;
}

#[tokio::test]
async fn slow_used_up_codes_stop_the_client_and_connect_starts_over() {
    let settings = Settings { ref_count: 1, ..Settings::default() };
    let world = World::with(Kind::Sqlite, settings, &[]).await;
    world.door.create("shop").await;
    world.door.qr("shop").await;
    let state =
        world.within(Duration::from_secs(90), "shop", "expired", |state| state["status"] == "disconnected").await;
    assert_eq!((&state["reason"], &state["desired"]), (&json!("qr_expired"), &json!("offline")));
    let empty = world.door.get("/shop/qr").await.ok();
    assert_eq!(empty, json!({ "qr_codes": [], "timeout_seconds": 0, "status": "disconnected" }));
    world.door.post("/shop/connect", Value::Null).await.ok();
    world.link("shop", &world.phone()).await;
    world.finish().await;
}
