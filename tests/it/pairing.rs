//! The codes that link a phone: when they come, how long they are good, and who gets which.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::{Fault, HandshakeMode, Settings};

use crate::support::world::{Kind, World};

const PHONE: &str = "15550100001";

#[tokio::test]
async fn a_request_for_the_qr_code_waits_until_there_is_one() {
    let world = World::new(Kind::Sqlite).await;
    world.sim.set_accepting(false);
    world.door.create("shop").await;
    world.until("shop", "waiting", |state| state["next_retry_at"].is_i64()).await;
    let (reply, ()) = tokio::join!(world.door.get("/shop/qr"), async { world.sim.set_accepting(true) });
    let reply = reply.ok();
    assert_eq!((&reply["status"], reply["qr_codes"].as_array().map(Vec::len)), (&json!("waiting_for_qr"), Some(1)));
    world.finish().await;
}

#[tokio::test]
async fn slow_a_request_for_the_qr_code_waits_no_longer_than_ten_seconds() {
    let world = World::new(Kind::Sqlite).await;
    world.sim.set_handshake(HandshakeMode::Silent);
    world.door.create("shop").await;
    let begun = Instant::now();
    let reply = world.door.get("/shop/qr").await.ok();
    assert_eq!(reply, json!({ "qr_codes": [], "timeout_seconds": 0, "status": "connecting" }));
    assert!((9..15).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    world.finish().await;
}

#[tokio::test]
async fn slow_after_a_minute_another_code_is_shown_and_the_first_opens_nothing() {
    let settings = Settings { ref_count: 2, ..Settings::default() };
    let world = World::with(Kind::Sqlite, settings, &[]).await;
    world.door.create("shop").await;
    let first = world.door.qr("shop").await;
    let begun = Instant::now();
    let second = loop {
        let reply = world.door.get("/shop/qr").await.ok();
        match reply["qr_codes"][0].as_str() {
            Some(code) if code != first => break reply.clone(),
            _ => assert!(begun.elapsed() < Duration::from_secs(75), "{reply}"),
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    };
    assert!((15..=20).contains(&second["timeout_seconds"].as_u64().expect("seconds")), "{second}");
    let phone = world.phone();
    assert!(phone.scan(&first).await.is_err());
    phone.scan(second["qr_codes"][0].as_str().expect("it was there")).await.expect("the second code is good");
    world.reaches("shop", "logged_in").await;
    world.finish().await;
}

#[tokio::test]
async fn every_usual_spelling_of_a_number_is_the_same_number() {
    let world = World::new(Kind::Sqlite).await;
    let phone = world.phone();
    world.door.create("shop").await;
    let mut codes = Vec::new();
    for spelling in
        ["+1 555-010-0001", "15550100001", "0015550100001", "1.555.010.0001", " +1 (555) 010 0001 ", "+1/555/0100001"]
    {
        let reply = world.door.post("/shop/pair", json!({ "phone_number": spelling })).await.ok();
        codes.push(reply["code"].as_str().expect("a code").to_owned());
    }
    codes.dedup();
    assert_eq!(codes.len(), 1, "{codes:?}");
    phone.enter(&codes[0]).await.expect("it is the right code");
    assert_eq!(world.reaches("shop", "logged_in").await["phone_number"], PHONE);
    world.finish().await;
}

#[tokio::test]
async fn a_number_that_is_none_is_refused_with_the_rule_that_it_breaks() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let rows = [
        (json!("none"), "cannot be part"),
        (json!(""), "country code"),
        (json!("+"), "country code"),
        (json!("0155501000"), "zero"),
        (json!("+0155501000"), "zero"),
        (json!("123456"), "7 to 15 digits"),
        (json!("1234567890123456"), "7 to 15 digits"),
        (json!("+1 555 010 0001 ext 2"), "cannot be part"),
        (json!("\u{0661}5550100001"), "cannot be part"),
        (json!(15_550_100_001_u64), "phone_number"),
        (json!(["15550100001"]), "phone_number"),
        (Value::Null, "required"),
    ];
    for (number, rule) in rows {
        let answer = world.door.post("/shop/pair", json!({ "phone_number": number })).await;
        assert!(answer.text().contains(rule), "{number}: {rule} in {}", answer.text());
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{number}");
    }
    assert_eq!(world.door.status("shop").await["desired"], "online");
    world.finish().await;
}

#[tokio::test]
async fn many_who_ask_at_once_get_one_code() {
    let world = World::new(Kind::Sqlite).await;
    let phone = world.phone();
    world.door.create("shop").await;
    let asked = (0..8).map(|_| world.door.post("/shop/pair", json!({ "phone_number": PHONE })));
    let mut codes: Vec<_> =
        futures::future::join_all(asked).await.into_iter().map(|a| a.ok()["code"].clone()).collect();
    codes.dedup();
    assert_eq!(codes.len(), 1, "{codes:?}");
    phone.enter(codes[0].as_str().expect("a code")).await.expect("it is the right code");
    world.reaches("shop", "logged_in").await;
    world.finish().await;
}

#[tokio::test]
async fn another_number_gets_a_code_of_its_own_and_voids_the_first() {
    // The phone that holds the void code waits in vain for the other side.
    let settings = Settings { pairing_limit: Duration::from_secs(2), ..Settings::default() };
    let world = World::with(Kind::Sqlite, settings, &[]).await;
    let (first, second) = (world.phone(), world.sim.phone("15550100002"));
    world.door.create("shop").await;
    let ask = async |number: &str| {
        let reply = world.door.post("/shop/pair", json!({ "phone_number": number })).await.ok();
        reply["code"].as_str().expect("a code").to_owned()
    };
    let (void, good) = (ask(PHONE).await, ask("15550100002").await);
    assert_ne!(void, good);
    assert!(first.enter(&void).await.is_err());
    assert!(first.devices().is_empty());
    second.enter(&good).await.expect("it is the right code");
    assert_eq!(world.reaches("shop", "logged_in").await["phone_number"], "15550100002");
    world.finish().await;
}

#[tokio::test]
async fn a_qr_code_can_still_be_scanned_while_a_pair_code_is_outstanding() {
    let world = World::new(Kind::Sqlite).await;
    let phone = world.phone();
    world.door.create("shop").await;
    world.door.post("/shop/pair", json!({ "phone_number": PHONE })).await.ok();
    let reply = world.door.get("/shop/qr").await.ok();
    assert_eq!(reply["status"], "waiting_for_pair_code");
    phone.scan(reply["qr_codes"][0].as_str().expect("a code")).await.expect("the code is good");
    world.reaches("shop", "logged_in").await;
    world.finish().await;
}

#[tokio::test]
async fn slow_a_pair_code_outlives_the_qr_codes() {
    let settings = Settings { ref_count: 1, ..Settings::default() };
    let world = World::with(Kind::Sqlite, settings, &[]).await;
    let phone = world.phone();
    world.door.create("shop").await;
    let reply = world.door.post("/shop/pair", json!({ "phone_number": PHONE })).await.ok();
    let begun = Instant::now();
    loop {
        let qr = world.door.get("/shop/qr").await.ok();
        assert_eq!(qr["status"], "waiting_for_pair_code");
        if qr["qr_codes"] == json!([]) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(75), "{qr}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    phone.enter(reply["code"].as_str().expect("a code")).await.expect("the code is good for three minutes");
    world.reaches("shop", "logged_in").await;
    world.finish().await;
}

#[tokio::test]
async fn a_pair_code_can_be_had_for_a_session_that_was_disconnected() {
    let world = World::new(Kind::Sqlite).await;
    let phone = world.phone();
    world.door.create("shop").await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let reply = world.door.post("/shop/pair", json!({ "phone_number": PHONE })).await.ok();
    let state = world.door.status("shop").await;
    assert_eq!((&state["status"], &state["desired"]), (&json!("waiting_for_pair_code"), &json!("online")));
    phone.enter(reply["code"].as_str().expect("a code")).await.expect("the code is good");
    world.reaches("shop", "logged_in").await;
    world.finish().await;
}

#[rstest]
#[case::unreachable(false, HandshakeMode::Normal, "unreachable")]
#[case::no_handshake(true, HandshakeMode::Garbage, "handshake_failed")]
#[tokio::test]
async fn a_pair_code_that_cannot_be_had_is_a_failure_that_says_why(
    #[case] is_accepting: bool,
    #[case] handshake: HandshakeMode,
    #[case] reason: &str,
) {
    let world = World::new(Kind::Sqlite).await;
    world.sim.set_accepting(is_accepting);
    world.sim.set_handshake(handshake);
    world.door.create("shop").await;
    let answer = world.door.post("/shop/pair", json!({ "phone_number": PHONE })).await;
    assert!(answer.text().contains(reason), "{reason} in {}", answer.text());
    assert_eq!(answer.problem(), (502, "upstream".to_owned()));
    world.finish().await;
}

#[tokio::test]
async fn a_number_that_whatsapp_does_not_know_gets_no_code() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let answer = world.door.post("/shop/pair", json!({ "phone_number": "15550100099" })).await;
    assert_eq!(answer.problem(), (502, "upstream".to_owned()));
    // The session is as it was: a phone can be linked.
    world.link("shop", &world.phone()).await;
    world.finish().await;
}

#[tokio::test]
async fn slow_a_pair_code_that_does_not_come_in_time_is_said_to_be_late() {
    let world = World::new(Kind::Sqlite).await;
    world.phone();
    world.door.create("shop").await;
    world.door.qr("shop").await;
    world.sim.fault_pairing_connections(&Fault::SlowReplies { delay_ms: 60_000 });
    let answer = world.door.post("/shop/pair", json!({ "phone_number": PHONE })).await;
    assert_eq!(answer.problem(), (504, "upstream_timeout".to_owned()));
    world.finish().await;
}
