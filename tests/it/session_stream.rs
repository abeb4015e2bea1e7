//! A session's life as server-sent events of REST.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::events::Events;
use crate::support::world::{Kind, World};

const LIVE: &str = "/api/v1/sessions/shop/live";

#[tokio::test]
async fn a_session_is_followed_from_its_first_code_to_its_end() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let mut events = Events::open(world.door.request(Method::GET, LIVE)).await;
    let (first, _) = events.next().await.expect("the present state comes first");
    assert_eq!(first, "status");
    let code = events.until("qr", |_| true).await;
    assert_eq!(
        (&code["qr_codes"][0], &code["status"]),
        (&json!(world.door.qr("shop").await), &json!("waiting_for_qr"))
    );
    assert!((1..=60).contains(&code["timeout_seconds"].as_u64().expect("seconds")), "{code}");
    world.phone();
    let asked = world.door.post("/shop/pair", json!({ "phone_number": "15550100001" })).await.ok();
    assert_eq!(events.until("pair_code", |_| true).await["code"], asked["code"]);
    world.phone().enter(asked["code"].as_str().expect("a code")).await.expect("the code is good");
    let status = events.until("status", |status| status["status"] == "logged_in").await;
    assert_eq!(status, world.door.status("shop").await, "as the status call has it");
    world.door.delete("shop").await.ok();
    while events.next().await.is_some() {}
    world.finish().await;
}

#[tokio::test]
async fn who_may_not_pair_follows_without_codes_until_the_key_ends() {
    let world = World::new(Kind::Sqlite).await;
    let (key, token) = world.door.key(json!({ "name": "x", "scopes": ["sessions:read"] })).await;
    world.door.create("shop").await;
    let mut events = Events::open(world.door.holding(&token).request(Method::GET, LIVE)).await;
    events.until("status", |status| status["status"] == "waiting_for_qr").await;
    let path = format!("/api/v1/keys/{}", key["id"].as_str().expect("an id"));
    world.door.ask(Method::DELETE, &path, &Value::Null).await.ok();
    let deleted = Instant::now();
    while let Some((event, _)) = events.next().await {
        assert_eq!(event, "status", "no code for who may not pair");
    }
    assert!(deleted.elapsed() < Duration::from_secs(1), "within a second");
    world.finish().await;
}

#[tokio::test]
async fn what_cannot_be_followed_is_a_problem() {
    let mut world = World::new(Kind::Sqlite).await;
    let missing = world.door.ask(Method::GET, LIVE, &Value::Null).await.problem();
    assert_eq!(missing, (404, "session_not_found".to_owned()));
    // A stop ends the stream in order.
    world.door.create("shop").await;
    let mut events = Events::open(world.door.request(Method::GET, LIVE)).await;
    events.until("qr", |_| true).await;
    world.server.tell_to_stop();
    while events.next().await.is_some() {}
    world.finish().await;
}
