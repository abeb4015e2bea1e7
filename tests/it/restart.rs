//! What a crash, a stop and a start leave behind: every linked session, and no lie about its state.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::{Fault, Settings};

use crate::support::journal::of_type;
use crate::support::world::{Kind, World};

#[rstest]
#[tokio::test]
async fn a_killed_server_logs_in_again_without_a_scan(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let device = world.linked("shop").await;
    let before = world.logins();
    world.crash();
    let first = world.door.status("shop").await;
    assert!(first["status"] != "logged_in" || world.logins() > before, "{first}");
    world.reaches("shop", "logged_in").await;
    // Killed again while it comes back.
    world.crash();
    world.crash();
    world.reaches("shop", "logged_in").await;
    let devices: Vec<_> = world.phone().devices().iter().map(|device| device.id).collect();
    assert_eq!(devices, [device]);
    world.finish().await;
}

#[tokio::test]
async fn right_after_a_start_a_session_is_connecting_and_not_what_it_was() {
    let mut world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    world.server.kill();
    world.sim.set_accepting(false);
    world.start_again();
    let state = world.door.status("shop").await;
    assert_eq!(state["status"], "connecting", "{state}");
    assert_eq!(world.door.get("/shop").await.ok()["status"], "connecting");
    world.sim.set_accepting(true);
    world.reaches("shop", "logged_in").await;
    world.finish().await;
}

#[tokio::test]
async fn a_crash_around_the_scan_never_leaves_a_device_without_its_keys() {
    let mut world = World::new(Kind::Sqlite).await;
    for round in 0..12u64 {
        let id = format!("round-{round}");
        world.door.create(&id).await;
        let phone = world.sim.phone(&format!("155501000{round:02}"));
        let qr = world.door.qr(&id).await;
        let scan = {
            let phone = phone.clone();
            async move { phone.scan(&qr).await }
        };
        let kill_after = Duration::from_millis(round * 4);
        let _ = tokio::time::timeout(kill_after, scan).await; // Whether it got through is the question.
        world.crash();
        // Either both sides know of the link, or neither does. A device that the server saved and that the phone never
        // heard of is refused at its login, and the session can be paired again.
        world
            .until(&id, "of the phone's opinion", |state| match state["status"].as_str() {
                Some("logged_in") => !phone.devices().is_empty(),
                Some("waiting_for_qr" | "disconnected") => phone.devices().is_empty(),
                _ => false,
            })
            .await;
    }
    world.sim.stop().await;
}

#[tokio::test]
async fn what_was_wanted_offline_stays_offline() {
    let mut world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let logins = world.logins();
    world.crash();
    let state = world.door.status("shop").await;
    assert_eq!((&state["status"], &state["desired"]), (&json!("disconnected"), &json!("offline")));
    assert_eq!(world.logins(), logins);
    world.finish().await;
}

#[tokio::test]
async fn a_stop_in_order_saves_every_session_and_the_next_start_shows_the_queue() {
    let mut world = World::with(Kind::Sqlite, Settings::default(), &["--boot-concurrency", "1"]).await;
    for session in ["a", "b", "c"] {
        world.door.create(session).await;
        world.link(session, &world.sim.phone(&format!("1555010000{}", session.len()))).await;
    }
    assert!(world.server.stop().success());
    world.start_again();
    for session in ["a", "b", "c"] {
        world.reaches(session, "logged_in").await;
    }
    let ready = world.door.send(world.door.anonymous(reqwest::Method::GET, "/readyz")).await.ok();
    assert_eq!(ready["boot"], json!({ "waiting": 0, "started": 3 }));
    world.finish().await;
}

/// Whatever the device acknowledged does not come again, so it must have been written before the server ended.
#[rstest]
#[tokio::test]
async fn a_stop_in_order_loses_no_receipt(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    const RECEIPTS: usize = 400;
    let mut world = World::new(kind).await;
    world.linked("shop").await;
    let friend = world.sim.phone("15550100077");
    world.phone().send(friend.phone_number(), "hello").await.expect("it is sent");
    of_type(&world, "message", 1).await;
    let mut sent = BTreeSet::new();
    for number in 0..RECEIPTS {
        sent.insert(world.phone().send(friend.phone_number(), &number.to_string()).await.expect("it is sent"));
    }
    let acknowledged = world.sim.stats().acknowledged_notices;
    for id in &sent {
        friend.read(&[id]).expect("it is there");
    }
    world.eventually("some are taken", || world.sim.stats().acknowledged_notices > acknowledged + 20).await;
    assert!(world.server.stop().success());
    world.start_again();
    world.reaches("shop", "logged_in").await;
    world.eventually("the rest is taken", || world.phone().devices()[0].unnoticed == 0).await;
    let begun = Instant::now();
    loop {
        let receipts = of_type(&world, "receipt", 0).await;
        let read = receipts.iter().filter(|event| event["data"]["kind"] == "read");
        let ids = read.flat_map(|event| event["data"]["message_ids"].as_array().expect("a list").clone());
        let read: BTreeSet<_> = ids.map(|id| id.as_str().expect("an id").to_owned()).collect();
        if read == sent {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{} of {RECEIPTS} are lost", RECEIPTS - read.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.finish().await;
}

#[tokio::test]
async fn a_client_that_waits_for_a_code_is_told_that_the_server_stops() {
    let mut world = World::with(Kind::Sqlite, Settings::default(), &["--shutdown-grace", "4"]).await;
    let phone = world.phone();
    world.door.create("shop").await;
    world.door.qr("shop").await;
    world.sim.fault_pairing_connections(&Fault::SlowReplies { delay_ms: 60_000 });
    let door = world.door.clone();
    let asked = door.post("/shop/pair", json!({ "phone_number": phone.phone_number() }));
    let stopped = async {
        world.eventually("the code is asked for", || phone.pending_link_code()).await;
        world.server.tell_to_stop();
    };
    let (answer, ()) = tokio::join!(asked, stopped);
    assert_eq!(answer.problem(), (503, "shutting_down".to_owned()));
    assert!(world.server.stop().success());
    world.sim.stop().await;
}
