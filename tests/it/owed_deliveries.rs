//! What is owed about a session outlives it: its last events come to whoever was to get them, however slow, and go then.

use std::time::{Duration, Instant};

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::Settings;

use crate::support::receiver::{Received, Receiver, Reply};
use crate::support::small_disk::SmallDisk;
use crate::support::world::{Kind, World};

/// Longest wait for a fact.
const LIMIT: Duration = Duration::from_secs(40);
const FLAGS: &[&str] = &["--egress-allow", "127.0.0.0/8", "--webhook-retries", "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s"];
/// What is said of a linked session that is deleted.
const LAST: [&str; 4] = ["session_status", "logged_out", "disconnected", "session_deleted"];

async fn world(kind: Kind) -> World {
    World::with(kind, Settings::default(), FLAGS).await
}

/// A webhook for all sessions.
async fn for_all(world: &World, receiver: &Receiver) -> Value {
    world.door.ask(Method::POST, "/api/v1/webhooks", &json!({ "url": receiver.url("/all") })).await.ok()
}

async fn webhooks(world: &World) -> Vec<Value> {
    let list = world.door.ask(Method::GET, "/api/v1/webhooks", &Value::Null).await.ok();
    list["webhooks"].as_array().expect("a list").clone()
}

/// Waits until only so many webhooks are left, and gives them.
async fn webhooks_left(world: &World, count: usize) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let found = webhooks(world).await;
        if found.len() == count {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "{found:?}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

/// What the journal has of a session.
async fn journal(world: &World, id: &str) -> Vec<Value> {
    let path = format!("/api/v1/events?session={id}&limit=1000");
    let list = world.door.ask(Method::GET, &path, &Value::Null).await.ok();
    list["events"].as_array().expect("a list").clone()
}

fn words(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["event"].as_str().expect("a word").to_owned()).collect()
}

/// The last so many, but for when the library was done with what waited offline: that may be told at any moment.
fn lasting(events: &[Value], count: usize) -> Vec<String> {
    let mut words = words(events);
    words.retain(|word| !word.starts_with("offline_sync"));
    words.split_off(words.len() - count)
}

fn came(received: &[Received]) -> Vec<Value> {
    received.iter().map(Received::json).collect()
}

/// Whether a receiver has heard that a session is gone.
fn is_told(received: &[Received], id: &str) -> bool {
    received.iter().map(Received::json).any(|event| event["event"] == "session_deleted" && event["session_id"] == id)
}

#[rstest]
#[tokio::test]
async fn a_slow_receiver_gets_the_last_events_of_a_deleted_session(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(false, true)] over_graphql: bool,
) {
    let (world, all, own) = (world(kind).await, Receiver::start().await, Receiver::start().await);
    for receiver in [&all, &own] {
        receiver.always(Reply { after: Duration::from_millis(400), ..200.into() });
    }
    for_all(&world, &all).await;
    world.linked("shop").await;
    world.door.post("/shop/webhooks", json!({ "url": own.url("/own") })).await.ok();
    match over_graphql {
        true => {
            let delete = r#"mutation { deleteSession(input: { id: "shop" }) { id } }"#;
            let answer = world.door.graph(delete, Value::Null).await.json();
            assert_eq!(answer["data"]["deleteSession"]["id"], "shop", "{answer}");
        }
        false => drop(world.door.delete("shop").await.ok()),
    }
    for receiver in [&all, &own] {
        let received = receiver.until("its end", |received| is_told(received, "shop")).await;
        let came = came(&received);
        assert_eq!(lasting(&came, 4), LAST);
        let sequences: Vec<_> = came.iter().map(|event| event["sequence"].as_i64().expect("a number")).collect();
        assert!(sequences.windows(2).all(|two| two[1] == two[0] + 1), "{sequences:?}");
        assert_eq!(came[came.len() - 1]["data"]["name"], Value::Null);
        assert!(came[came.len() - 1]["data"]["created_at"].is_i64());
    }
    // Its own webhook goes when it has all; the journal keeps how it ended.
    webhooks_left(&world, 1).await;
    assert_eq!(world.door.get("/shop/webhooks").await.status, 404);
    let kept = journal(&world, "shop").await;
    assert_eq!(lasting(&kept, 4), LAST);
    world.finish().await;
}

#[tokio::test]
async fn a_session_that_nobody_linked_is_said_to_be_deleted() {
    let (world, all) = (world(Kind::Sqlite).await, Receiver::start().await);
    for_all(&world, &all).await;
    world.door.post("", json!({ "id": "shop", "name": "The shop" })).await.ok();
    world.door.delete("shop").await.ok();
    let received = all.until("its end", |received| is_told(received, "shop")).await;
    let end = received[received.len() - 1].json();
    assert_eq!((&end["event"], &end["data"]["name"]), (&json!("session_deleted"), &json!("The shop")));
    assert_eq!(journal(&world, "shop").await.last().map(|event| event["id"].clone()), Some(end["id"].clone()));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_is_owed_is_delivered_after_a_crash(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (mut world, own) = (world(kind).await, Receiver::start().await);
    world.door.create("shop").await;
    world.door.post("/shop/webhooks", json!({ "url": own.url("/own"), "events": ["session_deleted"] })).await.ok();
    own.hold();
    world.door.delete("shop").await.ok();
    world.crash();
    own.go_on();
    own.until("its end", |received| is_told(received, "shop")).await;
    webhooks_left(&world, 0).await;
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_session_with_the_id_of_a_deleted_one_gets_nothing_that_was_owed_to_that(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (world, first, second) = (world(kind).await, Receiver::start().await, Receiver::start().await);
    let create = |receiver: &Receiver| json!({ "id": "shop", "webhook": { "url": receiver.url("/") } });
    world.door.post("", create(&first)).await.ok();
    first.hold();
    world.door.delete("shop").await.ok();
    let end = journal(&world, "shop").await.last().expect("it is told").clone();
    world.door.post("", create(&second)).await.ok();
    world.door.qr("shop").await;
    first.go_on();
    let begin = second.gets(1).await[0].json();
    // One goes on counting where the other ended.
    assert_eq!(begin["sequence"].as_i64(), end["sequence"].as_i64().map(|sequence| sequence + 1));
    webhooks_left(&world, 1).await;
    let last = came(&first.received()).pop().expect("it got some");
    assert_eq!(last["id"], end["id"], "the first one's webhook ends where the first one did");
    let list = world.door.get("/shop/webhooks").await.ok();
    assert_eq!(list["webhooks"].as_array().map(Vec::len), Some(1));
    world.finish().await;
}

#[tokio::test]
async fn a_webhook_that_is_owed_something_is_shown_until_that_is_discarded() {
    let (world, own) = (World::with(Kind::Sqlite, Settings::default(), &FLAGS[..2]).await, Receiver::start().await);
    world.door.create("shop").await;
    let webhook = json!({ "url": own.url("/own"), "events": ["session_deleted"] });
    let made = world.door.post("/shop/webhooks", webhook).await.ok();
    let path = format!("/api/v1/webhooks/{}", made["id"].as_str().expect("an id"));
    own.always(503);
    world.door.delete("shop").await.ok();
    own.gets(1).await;
    let shown = world.door.ask(Method::GET, &path, &Value::Null).await.ok();
    assert_eq!((&shown["enabled"], &shown["disabled_reason"]), (&json!(false), &json!("session_deleted")));
    // It is of no session that there is.
    let key = json!({ "name": "Desk", "scopes": ["webhooks:read", "webhooks:write"], "sessions": ["shop"] });
    let desk = world.door.holding(&world.door.key(key).await.1);
    assert_eq!(desk.ask(Method::GET, &path, &Value::Null).await.status, 404);
    world.door.create("shop").await;
    assert_eq!(desk.ask(Method::GET, &path, &Value::Null).await.status, 404);
    assert_eq!(world.door.get("/shop/webhooks").await.ok(), json!({ "webhooks": [], "count": 0, "next_cursor": null }));
    for enabled in [true, false] {
        let refused = world.door.ask(Method::PATCH, &path, &json!({ "enabled": enabled })).await;
        assert_eq!(refused.problem(), (422, "invalid".to_owned()));
    }
    let owed = world.door.ask(Method::GET, &format!("{path}/deliveries?state=pending"), &Value::Null).await.ok();
    let id = owed["deliveries"][0]["id"].as_str().expect("one waits");
    let discard = format!("{path}/deliveries/{id}/discard");
    assert_eq!(world.door.ask(Method::POST, &discard, &Value::Null).await.ok()["state"], "discarded");
    webhooks_left(&world, 0).await;
    world.finish().await;
}

#[tokio::test]
async fn a_webhook_that_is_off_goes_with_its_session() {
    let (world, own) = (world(Kind::Sqlite).await, Receiver::start().await);
    world.door.create("shop").await;
    let made = world.door.post("/shop/webhooks", json!({ "url": own.url("/own") })).await.ok();
    let path = format!("/api/v1/webhooks/{}", made["id"].as_str().expect("an id"));
    world.door.ask(Method::PATCH, &path, &json!({ "enabled": false })).await.ok();
    world.door.delete("shop").await.ok();
    assert_eq!(webhooks(&world).await, Vec::<Value>::new());
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn nothing_that_was_said_stays_when_a_session_is_deleted_but_for_who_is_owed_it(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (world, all) = (world(kind).await, Receiver::start().await);
    world.linked("shop").await;
    for_all(&world, &all).await;
    all.hold();
    world.sim.phone("15550100077").send("15550100001", "tea at six").await.expect("it is sent");
    let begun = Instant::now();
    while !words(&journal(&world, "shop").await).contains(&"message".to_owned()) {
        assert!(begun.elapsed() < LIMIT);
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    world.door.delete("shop").await.ok();
    all.go_on();
    let received = all.until("its end", |received| is_told(received, "shop")).await;
    assert!(words(&came(&received)).contains(&"message".to_owned()), "it is owed");
    let begun = Instant::now();
    loop {
        let kept = words(&journal(&world, "shop").await);
        if kept.iter().all(|word| LAST.contains(&word.as_str())) {
            assert!(kept.ends_with(&LAST.map(str::to_owned)), "{kept:?}");
            break;
        }
        assert!(begun.elapsed() < LIMIT, "{kept:?}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    let log = world.finish().await;
    assert!(!log.contains("tea at six"));
}

#[tokio::test]
async fn where_nothing_can_be_written_the_phone_keeps_its_device() {
    let disk = SmallDisk::new(12);
    let world = World::on(&disk, FLAGS).await;
    world.linked("shop").await;
    disk.fill();
    // What SQLite's log has room for still goes through.
    let begun = Instant::now();
    while world.door.post("", json!({})).await.status != 503 {
        assert!(begun.elapsed() < LIMIT, "the disk is not full");
    }
    assert_eq!(world.door.delete("shop").await.problem(), (503, "unavailable".to_owned()));
    assert_eq!(world.phone().devices().len(), 1, "it is not unlinked");
    assert_eq!(world.door.get("/shop/status").await.status, 200, "it is there");
    disk.make_room();
    world.reaches("shop", "logged_in").await;
    world.door.delete("shop").await.ok();
    assert!(world.phone().devices().is_empty());
    assert_eq!(world.door.get("/shop/status").await.status, 404);
}
