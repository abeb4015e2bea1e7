//! kill -9 at the worst moments. The law: what the phone shows as linked logs in again, and what is said to be gone is.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::{Phone, Settings};

use crate::support::world::{Kind, World};

/// A phone for each round.
fn phone(world: &World, round: u64) -> Phone {
    world.sim.phone(&format!("155501001{round:02}"))
}

/// A session whose phone shows a device logs in with it; another one waits for a scan.
async fn holds_its_promise(world: &World, id: &str, phone: &Phone) {
    if phone.devices().is_empty() {
        world.reaches(id, "waiting_for_qr").await;
    } else {
        world.reaches(id, "logged_in").await;
    }
    assert!(phone.devices().len() <= 1, "{:?}", phone.devices());
}

async fn nothing_strange_was_said(world: World) {
    assert_eq!(world.sim.unknown_stanzas(), Vec::<String>::new());
    assert_eq!(world.sim.violations(), Vec::<String>::new());
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_crash_at_any_moment_after_the_scan_loses_no_login(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    for round in 0..10u64 {
        let id = format!("round-{round}");
        world.door.create(&id).await;
        let phone = phone(&world, round);
        phone.scan(&world.door.qr(&id).await).await.expect("the code is good");
        // The moment of the crash is what the rounds differ in.
        tokio::time::sleep(Duration::from_millis(round * 12)).await;
        // Those of the rounds before are coming back while it is killed again.
        world.crash();
        world.reaches(&id, "logged_in").await;
    }
    for round in 0..10 {
        world.reaches(&format!("round-{round}"), "logged_in").await;
        assert_eq!(phone(&world, round).devices().len(), 1);
    }
    nothing_strange_was_said(world).await;
}

#[tokio::test]
async fn a_crash_around_the_entering_of_a_pair_code_never_leaves_a_device_without_its_keys() {
    let mut world = World::new(Kind::Sqlite).await;
    for round in 0..8u64 {
        let id = format!("round-{round}");
        world.door.create(&id).await;
        let phone = phone(&world, round);
        let reply = world.door.post(&format!("/{id}/pair"), json!({ "phone_number": phone.phone_number() })).await.ok();
        let code = reply["code"].as_str().expect("a code").to_owned();
        // Whether it got through is the question.
        let _ = tokio::time::timeout(Duration::from_millis(round * 25), phone.enter(&code)).await;
        world.crash();
        holds_its_promise(&world, &id, &phone).await;
    }
    nothing_strange_was_said(world).await;
}

#[tokio::test]
async fn a_crash_within_a_delete_never_leaves_a_device_without_its_session() {
    let mut world = World::new(Kind::Sqlite).await;
    for round in 0..8u64 {
        let id = format!("round-{round}");
        world.door.create(&id).await;
        let phone = phone(&world, round);
        world.link(&id, &phone).await;
        // Whether it got through is the question.
        let _ = tokio::time::timeout(Duration::from_millis(round * 10), world.door.delete(&id)).await;
        world.crash();
        match world.door.get(&format!("/{id}")).await.status {
            404 => world.eventually("the phone shows no device", || phone.devices().is_empty()).await,
            200 if phone.devices().is_empty() => {
                let state = world.until(&id, "unlinked", |state| state["phone_number"].is_null()).await;
                assert_ne!(state["status"], "logged_in");
            }
            200 => _ = world.reaches(&id, "logged_in").await,
            status => panic!("{status}"),
        }
    }
    nothing_strange_was_said(world).await;
}

#[rstest]
#[tokio::test]
async fn many_sessions_come_back_however_often_they_are_interrupted(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::with(kind, Settings::default(), &["--boot-concurrency", "2"]).await;
    for round in 0..6 {
        let id = format!("round-{round}");
        world.door.create(&id).await;
        world.link(&id, &phone(&world, round)).await;
    }
    for after in [0, 20, 60, 120] {
        world.crash();
        // The moment of the next crash is what the rounds differ in.
        tokio::time::sleep(Duration::from_millis(after)).await;
    }
    for round in 0..6 {
        world.reaches(&format!("round-{round}"), "logged_in").await;
        assert_eq!(phone(&world, round).devices().len(), 1);
    }
    nothing_strange_was_said(world).await;
}

#[rstest]
#[tokio::test]
async fn no_message_becomes_unreadable_by_a_crash(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    world.linked("shop").await;
    let (phone, friend) = (world.phone(), world.sim.phone("15550100077"));
    for round in 0..4u64 {
        let burst = friend.send_burst("15550100001", "hello", 60);
        // One that is taken shows that the session is back entirely.
        let before = world.sim.stats().acknowledged;
        friend.send("15550100001", "hello").await.expect("it is sent");
        world.eventually("it is taken", || world.sim.stats().acknowledged > before).await;
        let before = before + 1;
        let (sent, ()) = tokio::join!(burst, async {
            world.eventually("it is in the midst of it", || world.sim.stats().acknowledged > before + round * 5).await;
        });
        sent.expect("it is sent");
        world.crash();
        world.eventually("every message is taken", || phone.devices()[0].undelivered == 0).await;
    }
    assert_eq!(world.sim.stats().retries, 0, "messages that could not be decrypted");
    nothing_strange_was_said(world).await;
}

#[tokio::test]
async fn sessions_come_back_at_the_pace_that_was_set_and_the_health_check_shows_it() {
    let mut world = World::with(Kind::Sqlite, Settings::default(), &["--boot-rate", "1"]).await;
    for round in 0..4 {
        let id = format!("round-{round}");
        world.door.create(&id).await;
        world.link(&id, &phone(&world, round)).await;
    }
    world.crash();
    let ready = async || world.door.send(world.door.anonymous(reqwest::Method::GET, "/readyz")).await.ok();
    let early = ready().await;
    assert!(early["boot"]["waiting"].as_u64() >= Some(1), "{early}");
    let last = world.door.status("round-3").await;
    assert_eq!((&last["status"], &last["reason"]), (&json!("connecting"), &json!("starting")));
    // Whoever asks for one by hand does not wait for the queue.
    world.door.post("/round-3/connect", Value::Null).await.ok();
    world.reaches("round-3", "logged_in").await;
    for round in 0..4 {
        world.reaches(&format!("round-{round}"), "logged_in").await;
    }
    let begun = Instant::now();
    while ready().await["boot"] != json!({ "waiting": 0, "started": 4 }) {
        assert!(begun.elapsed() < Duration::from_secs(10), "{}", ready().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    nothing_strange_was_said(world).await;
}

#[tokio::test]
async fn a_stop_lets_a_request_that_is_under_way_finish() {
    let world = World::new(Kind::Sqlite).await;
    world.sim.set_accepting(false);
    world.door.create("shop").await;
    let door = world.door.clone();
    let stopped = async {
        // Three whole round trips: the request below has long arrived.
        for _ in 0..3 {
            world.door.status("shop").await;
        }
        let mut server = world.server;
        tokio::task::spawn_blocking(move || (server.stop(), server.output())).await.expect("it is stopped")
    };
    let (reply, (exit, output)) = tokio::join!(door.get("/shop/qr"), stopped);
    assert_eq!(reply.ok()["qr_codes"], json!([]));
    assert!(exit.success(), "{exit}:\n{output}");
    world.sim.stop().await;
}
