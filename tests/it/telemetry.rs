//! What operators see: when each loop took its last turn, and what belongs to which session, operation and delivery.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use waypost::clock::Clock;
use waypost::lifecycle::last_run::Loop;
use whatsapp_simulator::Settings;

use crate::support::receiver::Receiver;
use crate::support::world::{Kind, World};

/// Longest wait for a turn. The loops that are waited for take one every few seconds.
const LIMIT: Duration = Duration::from_secs(40);
const LAST_RUN: &str = "waypost_loop_last_run_timestamp_seconds{loop=\"";

/// When each loop took its last turn, by the metrics.
async fn last_runs(world: &World) -> BTreeMap<String, f64> {
    let text = world.door.send(world.door.request(Method::GET, "/metrics")).await.text();
    let lines = text.lines().filter_map(|line| line.strip_prefix(LAST_RUN)?.split_once("\"} "));
    lines.map(|(which, moment)| (which.to_owned(), moment.parse().expect("a number"))).collect()
}

#[tokio::test]
async fn each_loop_shows_when_it_took_its_last_turn() {
    let now = || Clock::system().now().seconds() as f64;
    let start = now();
    let world = World::with(Kind::Sqlite, Settings::default(), &["--egress-allow", "127.0.0.0/8"]).await;
    // Some write only what others did.
    let receiver = Receiver::start().await;
    let webhook = json!({ "url": receiver.url("/hook"), "events": ["session_status"] });
    world.door.post("", json!({ "id": "shop", "webhook": webhook })).await.ok();
    receiver.gets(1).await;
    let (begun, mut first) = (Instant::now(), BTreeMap::new());
    while first.len() < Loop::ALL.len() {
        assert!(begun.elapsed() < LIMIT, "not all took one: {first:?}");
        first = last_runs(&world).await;
    }
    let mut names = Loop::ALL.map(Loop::as_str);
    names.sort_unstable();
    assert_eq!(first.keys().collect::<Vec<_>>(), names);
    assert!(first.values().all(|moment| (start..=now()).contains(moment)), "{start}: {first:?}");
    // They go on although nothing happens.
    while last_runs(&world).await["fan_out"] <= first["fan_out"] {
        assert!(begun.elapsed() < LIMIT, "it hangs");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.finish().await;
}

/// A session, and a message that came to its webhook. Gives the log.
async fn log_of_a_delivery(flags: &[&str]) -> String {
    let flags = [&["--egress-allow", "127.0.0.0/8"], flags].concat();
    let world = World::with(Kind::Sqlite, Settings::default(), &flags).await;
    let receiver = Receiver::start().await;
    world.linked("shop").await;
    let webhook = json!({ "url": receiver.url("/hook"), "events": ["message"] });
    world.door.post("/shop/webhooks", webhook).await.ok();
    world.sim.phone("15550100077").send("15550100001", "hello").await.expect("it is sent");
    receiver.gets(1).await;
    world.finish().await
}

/// The spans of this name in which something was logged.
fn spans(log: &str, name: &str) -> Vec<Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let spans = lines.filter_map(|mut line| line.get_mut("span").map(Value::take));
    spans.filter(|span| span["name"] == name).collect()
}

#[tokio::test]
async fn whoever_asks_for_spans_sees_which_session_and_which_delivery_it_is() {
    let log = log_of_a_delivery(&["--log-level", "debug"]).await;
    for (name, session) in [("create_session", "shop"), ("session_turn", "shop"), ("delivery", "shop")] {
        let spans = spans(&log, name);
        assert!(!spans.is_empty(), "{name}");
        assert!(spans.iter().all(|span| span["session.id"] == session), "{spans:?}");
    }
    let delivery = &spans(&log, "delivery")[0];
    for (field, prefix) in [("delivery.id", "dlv_"), ("webhook.id", "whk_")] {
        assert!(delivery[field].as_str().expect("an id").starts_with(prefix), "{delivery}");
    }
    assert_eq!(spans(&log, "create_webhook")[0]["webhook.id"], delivery["webhook.id"]);
}

#[tokio::test]
async fn whoever_asks_for_spans_sees_each_operation_with_the_ids_of_what_it_is_done_to() {
    let world = World::with(Kind::Sqlite, Settings::default(), &["--log-level", "debug"]).await;
    let door = &world.door;
    world.linked("shop").await;
    door.post("/shop/logout", Value::Null).await.ok();
    door.create("desk").await;
    door.post("/desk/pair", json!({ "phone_number": "15550100001" })).await.ok();
    door.post("/desk/pairing-links", Value::Null).await.ok();
    let (key, _) = door.key(json!({ "name": "x", "scopes": ["sessions:read"] })).await;
    let path = format!("/api/v1/keys/{}", key["id"].as_str().expect("an id"));
    door.ask(Method::POST, &format!("{path}/rotate"), &Value::Null).await.ok();
    door.ask(Method::DELETE, &path, &Value::Null).await.ok();
    door.ask(Method::GET, "/api/v1/events", &Value::Null).await.ok();
    door.ask(Method::POST, "/api/v1/stream-tickets", &Value::Null).await.ok();
    let log = world.finish().await;
    for name in ["create_key", "rotate_key", "delete_key"] {
        assert_eq!(spans(&log, name)[0]["key.id"], key["id"], "{name}");
    }
    let link = &spans(&log, "create_pairing_link")[0];
    assert_eq!(link["session.id"], "desk");
    assert!(link["pairing_link.id"].as_str().is_some_and(|id| !id.is_empty()), "{link}");
    let asked: Vec<_> = spans(&log, "whatsapp_operation");
    for (session, operation) in [("shop", "unlink"), ("desk", "request_pair_code")] {
        let is_it = |span: &&Value| span["session.id"] == session && span["operation"] == operation;
        assert!(asked.iter().any(|span| is_it(&span)), "{operation}: {asked:?}");
    }
    for name in ["list_events", "create_stream_ticket"] {
        assert!(!spans(&log, name).is_empty(), "{name}");
    }
}

#[tokio::test]
async fn the_log_has_no_spans_unless_somebody_asks_for_them() {
    let log = log_of_a_delivery(&[]).await;
    let has_span = |line: &str| line.contains("\"span\":") || line.contains("\"spans\":");
    assert_eq!(log.lines().filter(|line| has_span(line)).collect::<Vec<_>>(), Vec::<&str>::new());
}
