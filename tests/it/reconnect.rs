//! Reconnecting to WhatsApp: how a session tries again, and what it says meanwhile.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use whatsapp_simulator::{Fault, HandshakeMode, Settings};

use crate::support::journal::of_type;
use crate::support::world::{Kind, World};

const PHONE: &str = "15550100001";

#[tokio::test]
async fn attempts_that_fail_come_at_growing_distances() {
    let world = World::new(Kind::Sqlite).await;
    world.sim.set_accepting(false);
    let begun = Instant::now();
    world.door.create("shop").await;
    world.eventually("four attempts", || world.sim.stats().connections >= 4).await;
    // 1 + 2 + 4 seconds, each up to a fifth shorter by chance.
    assert!(begun.elapsed() > Duration::from_millis(5500), "{:?}", begun.elapsed());
    let state = world.until("shop", "waiting", |state| state["next_retry_at"].is_i64()).await;
    assert_eq!((&state["status"], &state["reason"]), (&json!("connecting"), &json!("unreachable")));
    assert!(state["next_retry_at"].as_i64() > state["since"].as_i64(), "{state}");
    world.finish().await;
}

#[tokio::test]
async fn a_connect_does_not_wait_for_the_next_attempt() {
    let world = World::new(Kind::Sqlite).await;
    world.sim.set_accepting(false);
    world.door.create("shop").await;
    world.eventually("four attempts", || world.sim.stats().connections >= 4).await;
    world.until("shop", "waiting", |state| state["next_retry_at"].is_i64()).await;
    world.sim.set_accepting(true);
    let begun = Instant::now();
    world.door.post("/shop/connect", Value::Null).await.ok();
    let state = world.reaches("shop", "waiting_for_qr").await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(state["next_retry_at"], Value::Null);
    world.finish().await;
}

#[tokio::test]
async fn a_disconnect_ends_the_attempts() {
    let world = World::new(Kind::Sqlite).await;
    world.sim.set_accepting(false);
    world.door.create("shop").await;
    world.until("shop", "waiting", |state| state["next_retry_at"].is_i64()).await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let state = world.door.status("shop").await;
    let expected = json!({
        "status": "disconnected", "is_logged_in": false, "phone_number": null, "push_name": null,
        "reason": "requested", "since": state["since"], "desired": "offline", "next_retry_at": null,
        "banned_until": null,
    });
    assert_eq!(state, expected);
    world.finish().await;
}

#[tokio::test]
async fn slow_a_handshake_that_is_not_answered_is_said_to_have_failed() {
    let world = World::new(Kind::Sqlite).await;
    world.sim.set_handshake(HandshakeMode::Silent);
    world.door.create("shop").await;
    let limit = Duration::from_secs(60);
    world.within(limit, "shop", "failed", |state| state["reason"] == "handshake_failed").await;
    world.sim.set_handshake(HandshakeMode::Normal);
    world.reaches("shop", "waiting_for_qr").await;
    world.finish().await;
}

#[tokio::test]
async fn while_the_login_is_pending_a_linked_session_is_connected() {
    let world = World::new(Kind::Sqlite).await;
    let device = world.linked("shop").await;
    world.sim.fault_next_connection(Fault::SlowReplies { delay_ms: 700 });
    world.sim.fault(PHONE, device, Fault::Abort).await.expect("the device is there");
    let state = world.reaches("shop", "connected").await;
    assert_eq!((&state["is_logged_in"], &state["phone_number"]), (&json!(false), &json!(PHONE)));
    world.reaches("shop", "logged_in").await;
    world.finish().await;
}

#[tokio::test]
async fn between_the_scan_and_the_login_a_session_is_connected() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let qr = world.door.qr("shop").await;
    world.sim.fault_next_connection(Fault::SlowReplies { delay_ms: 700 });
    world.phone().scan(&qr).await.expect("the code is good");
    let state = world.reaches("shop", "connected").await;
    assert_eq!((&state["reason"], &state["phone_number"]), (&json!("paired"), &json!(PHONE)));
    world.reaches("shop", "logged_in").await;
    world.finish().await;
}

#[tokio::test]
async fn no_answer_lies_while_the_connection_comes_and_goes() {
    let world = World::new(Kind::Sqlite).await;
    let device = world.linked("shop").await;
    let storm = async {
        for fault in [Fault::Abort, Fault::StreamError { code: 515, close: true }, Fault::Close { code: 1000 }] {
            let before = world.logins();
            world.sim.fault(PHONE, device, fault).await.expect("the device is there");
            world.eventually("a new login", || world.logins() > before).await;
            world.reaches("shop", "logged_in").await;
        }
    };
    // The door looks at every answer: `is_logged_in` and `status` must agree in all of them.
    let watch = async {
        loop {
            futures::future::join_all(["", "/shop", "/shop/status"].map(|path| world.door.get(path))).await;
        }
    };
    tokio::select! {
        () = storm => {}
        () = watch => {}
    }
    world.finish().await;
}

#[tokio::test]
async fn a_session_that_was_replaced_is_not_connected_again() {
    let world = World::new(Kind::Sqlite).await;
    let device = world.linked("shop").await;
    world.sim.fault(PHONE, device, Fault::Replaced).await.expect("the device is there");
    let state = world.reaches("shop", "disconnected").await;
    assert_eq!((&state["reason"], &state["next_retry_at"]), (&json!("replaced"), &Value::Null));
    world.eventually("the client is gone", || world.sim.stats().open_connections == 0).await;
    let (logins, connections) = (world.logins(), world.sim.stats().connections);
    // Another session's whole login passes meanwhile.
    world.door.create("other").await;
    world.link("other", &world.sim.phone("15550100002")).await;
    world.door.delete("other").await.ok();
    let others = world.sim.stats().connections - connections;
    assert_eq!((world.logins(), others), (logins, 2));
    assert!(!world.phone().devices()[0].connected);
    world.finish().await;
}

#[tokio::test]
async fn a_session_that_panics_ends_its_client_says_so_and_comes_back() {
    let mut world = World::with(Kind::Sqlite, Settings::default(), &["--crash-at", "go_online"]).await;
    world.linked("shop").await;
    let logins = world.logins();
    let answer = world.door.post("/shop/connect", Value::Null).await;
    assert_eq!(answer.problem(), (500, "internal".to_owned()));
    world.eventually("a new login", || world.logins() > logins).await;
    world.reaches("shop", "logged_in").await;
    let told = of_type(&world, "session_status", 0).await;
    let crash = told.iter().position(|event| event["data"]["reason"] == "crashed").expect("it is told");
    assert_eq!(told[crash]["data"]["status"], "connecting");
    assert_eq!(of_type(&world, "stream_replaced", 0).await, Vec::<Value>::new(), "two clients at once");
    assert_eq!((world.sim.stats().open_connections, world.logins()), (1, logins + 1));
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    world.eventually("the client is gone", || world.sim.stats().open_connections == 0).await;
    assert!(world.server.stop().success());
    let errors = world.server.output().lines().filter(|line| line.contains(r#""level":"ERROR""#)).count();
    assert_eq!(errors, 1, "the request that met it");
}

#[tokio::test]
async fn what_came_while_the_session_was_away_is_taken_when_it_is_back() {
    let world = World::new(Kind::Sqlite).await;
    let device = world.linked("shop").await;
    let from = "15550100002".to_owned();
    world.sim.fault(PHONE, device, Fault::QueuedWhileAway { count: 40, from }).await.expect("the device is there");
    world.eventually("all are taken", || world.phone().devices()[0].undelivered == 0).await;
    world.sim.fault(PHONE, device, Fault::Redeliver { count: 5 }).await.expect("the device is there");
    world.eventually("all are taken again", || world.phone().devices()[0].undelivered == 0).await;
    assert_eq!(world.sim.stats().retries, 0);
    world.finish().await;
}

#[tokio::test]
async fn a_storm_of_commands_ends_in_what_was_asked_for_last() {
    let world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    for _ in 0..3 {
        let paths = ["/shop/connect", "/shop/disconnect"].repeat(4);
        let answers = futures::future::join_all(paths.iter().map(|path| world.door.post(path, Value::Null))).await;
        assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    }
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    assert_eq!(world.door.status("shop").await["status"], "disconnected");
    world.eventually("the device is away", || !world.phone().devices()[0].connected).await;
    world.door.post("/shop/connect", Value::Null).await.ok();
    world.reaches("shop", "logged_in").await;
    assert_eq!(world.phone().devices().len(), 1);
    world.finish().await;
}
