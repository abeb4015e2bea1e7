//! What holds the messages of a session up: how fast it may send, which its client can choose, and what WhatsApp keeps the account from.

use std::time::{Duration, Instant};

use entity::timestamp::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use waypost::clock::Clock;
use whatsapp_simulator::{NewChatCap, Restrictions, Settings, Timelock};

use crate::support::door::Answer;
use crate::support::world::{Kind, World};

const FRIEND: &str = "15550100077";
const OTHER: &str = "15550100078";
/// What the graph shows of limits.
const LIMITS: &str = r#"{ limits(sessionId: "shop") {
    timelock { until } newChats { used total resetsAt } checkedAt queue { waiting } rate { perSecond burst }
} }"#;

async fn world(kind: Kind, flags: &[&str]) -> World {
    let world = World::with(kind, Settings::default(), flags).await;
    let _ = (world.sim.phone(FRIEND), world.sim.phone(OTHER));
    world
}

async fn limits(world: &World) -> Value {
    world.door.get("/shop/limits").await.ok()
}

async fn text(world: &World, to: &str, query: &str) -> Answer {
    let body = json!({ "to": to, "content": { "type": "text", "text": "tea" } });
    world.door.post(&format!("/shop/messages{query}"), body).await
}

/// Unix seconds.
fn now() -> i64 {
    Clock::system().now().seconds()
}

/// A moment in Unix seconds, as the graph writes it.
fn in_graph(seconds: i64) -> Value {
    let value = async_graphql::ScalarType::to_value(&Timestamp::from_millis(seconds * 1_000));
    value.into_json().expect("it is JSON")
}

#[rstest]
#[tokio::test]
async fn the_limits_say_what_whatsapp_keeps_the_account_from(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind, &["--send-rate", "0"]).await;
    world.door.create("shop").await;
    let unlinked = limits(&world).await;
    assert_eq!(
        (&unlinked["timelock"], &unlinked["new_chats"], &unlinked["checked_at"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    world.link("shop", &world.phone()).await;
    let (begun, until) = (now(), now() + 3_600);
    let lock = Timelock { until: until.unsigned_abs() };
    let cap = NewChatCap { total: 10, used: 3, ends_at: until.unsigned_abs() };
    world.phone().restrict(Restrictions { timelock: Some(lock), new_chats: Some(cap), ..Restrictions::default() });
    let shown = limits(&world).await;
    assert_eq!(shown["timelock"], json!({ "until": until }));
    assert_eq!(shown["new_chats"], json!({ "used": 3, "total": 10, "resets_at": until }));
    let checked_at = shown["checked_at"].as_i64().expect("seconds");
    assert!((begun..=now()).contains(&checked_at), "{shown}");
    // It is not asked again for a while, whatever has changed: the moment says so.
    world.phone().restrict(Restrictions::default());
    assert_eq!(limits(&world).await, shown);
    let graph = world.door.asked(LIMITS, Value::Null).await["limits"].clone();
    assert_eq!(graph["timelock"], json!({ "until": in_graph(until) }));
    assert_eq!(graph["newChats"], json!({ "used": 3, "total": 10, "resetsAt": in_graph(until) }));
    assert!(graph["checkedAt"].is_string(), "{graph}");
    // Nor can it be while the session is offline.
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    assert_eq!(limits(&world).await, shown);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn that_whatsapp_does_not_answer_fails_no_question_for_limits(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = world(kind, &["--send-rate", "0"]).await;
    world.linked("shop").await;
    world.phone().limit_rate("w:mex", Some(3_600), 100);
    for _ in 0..2 {
        let shown = limits(&world).await;
        assert_eq!((&shown["timelock"], &shown["new_chats"]), (&Value::Null, &Value::Null));
        assert_eq!((&shown["checked_at"], &shown["queue"]["waiting"]), (&Value::Null, &json!(0)));
    }
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_session_has_a_pace_of_its_own_if_its_client_chooses_one(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = world(kind, &["--send-rate", "7", "--send-burst", "9"]).await;
    let rate = |per_second: f64, burst: u32| json!({ "per_second": per_second, "burst": burst });
    let made = world.door.post("", json!({ "id": "shop", "send_rate": 2.5 })).await.ok()["session"].clone();
    assert_eq!((&made["send_rate"], &made["send_burst"]), (&json!(2.5), &Value::Null));
    assert_eq!(limits(&world).await["rate"], rate(2.5, 9));
    let changed = world.door.update("shop", json!({ "send_burst": 3 })).await.ok();
    assert_eq!((&changed["send_rate"], &changed["send_burst"]), (&json!(2.5), &json!(3)), "what is absent stays");
    world.crash();
    let kept = world.door.get("/shop").await.ok();
    assert_eq!((&kept["send_rate"], &kept["send_burst"]), (&json!(2.5), &json!(3)));
    assert_eq!(limits(&world).await["rate"], rate(2.5, 3));
    let changed = world.door.update("shop", json!({ "name": "Shop", "send_rate": null })).await.ok();
    assert_eq!(
        (&changed["send_rate"], &changed["send_burst"]),
        (&Value::Null, &json!(3)),
        "null is the server's choice"
    );
    assert_eq!(limits(&world).await["rate"], rate(7.0, 3));
    for (broken, field) in [
        (json!({ "send_rate": -1 }), "send_rate"),
        (json!({ "send_rate": 1000.001 }), "send_rate"),
        (json!({ "send_rate": 0.0001 }), "send_rate"),
        (json!({ "send_rate": true }), "send_rate"),
        (json!({ "send_burst": 0 }), "send_burst"),
        (json!({ "send_burst": 1.5 }), "send_burst"),
        (json!({ "send_burst": 1001 }), "send_burst"),
    ] {
        let refused = world.door.update("shop", broken).await;
        assert!(refused.text().contains(field), "{}", refused.text());
        assert_eq!(refused.problem().0, 422);
    }
    assert_eq!(limits(&world).await["rate"], rate(7.0, 3), "what was refused has changed nothing");
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn the_graph_sets_a_pace_and_takes_it_back(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind, &["--send-rate", "7", "--send-burst", "9"]).await;
    let create =
        r#"mutation { createSession(input: { id: "shop", sendRate: 0.5, sendBurst: 2 }) { sendRate sendBurst } }"#;
    let made = world.door.asked(create, Value::Null).await;
    assert_eq!(made["createSession"], json!({ "sendRate": 0.5, "sendBurst": 2 }));
    let update = "mutation($input: UpdateSessionInput!) { updateSession(input: $input) { sendRate sendBurst } }";
    for (changes, expected) in [
        (json!({ "id": "shop", "name": "Shop" }), json!({ "sendRate": 0.5, "sendBurst": 2 })),
        (json!({ "id": "shop", "sendRate": null }), json!({ "sendRate": null, "sendBurst": 2 })),
        (json!({ "id": "shop", "sendRate": 0, "sendBurst": null }), json!({ "sendRate": 0.0, "sendBurst": null })),
    ] {
        let changed = world.door.asked(update, json!({ "input": changes })).await;
        assert_eq!(changed["updateSession"], expected);
    }
    let shown = world.door.asked(LIMITS, Value::Null).await;
    assert_eq!(shown["limits"]["rate"], json!({ "perSecond": 0.0, "burst": 9 }));
    let input = json!({ "id": "shop", "sendBurst": 0 });
    let refused = world.door.graph(update, json!({ "input": input })).await;
    assert!(refused.text().contains("`sendBurst` must be from 1 to 1000"), "{}", refused.text());
    assert_eq!(world.door.graph_failure(update, json!({ "input": input })).await, "invalid");
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn another_pace_counts_at_once_for_what_waits_too(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind, &[]).await;
    world.door.post("", json!({ "id": "shop", "send_rate": 0.001, "send_burst": 1 })).await.ok();
    world.link("shop", &world.phone()).await;
    assert_eq!(text(&world, FRIEND, "?wait=30").await.status, 201, "one goes at once");
    let waiting = text(&world, FRIEND, "?wait=1").await;
    assert_eq!((waiting.status, &waiting.json()["status"]), (202, &json!("queued")));
    world.door.update("shop", json!({ "send_rate": 0 })).await.ok();
    let begun = Instant::now();
    assert_eq!(text(&world, OTHER, "?wait=60").await.status, 201);
    assert!(begun.elapsed() < Duration::from_secs(60));
    // Who waits already waits no longer, either.
    let id = waiting.json()["id"].as_str().expect("an id").to_owned();
    while world.door.get(&format!("/shop/messages/{id}")).await.ok()["status"] == "queued" {
        assert!(begun.elapsed() < Duration::from_secs(120), "it still waits");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    world.finish().await;
}
