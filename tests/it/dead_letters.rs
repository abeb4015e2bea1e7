//! Dead letters: what failed to the end, of all webhooks together, with what was to be delivered; and how many webhooks there are.

use std::time::{Duration, Instant};

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::Settings;

use crate::support::door::{Answer, Door};
use crate::support::receiver::Receiver;
use crate::support::world::{Kind, World};

/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(40);

/// A world whose server may post to loopback, and gives up after the second attempt.
async fn world(kind: Kind) -> World {
    let flags = ["--egress-allow", "127.0.0.0/8", "--webhook-retries", "1s"];
    World::with(kind, Settings::default(), &flags).await
}

async fn send(world: &World, text: &str) {
    world.sim.phone("15550100077").send("15550100001", text).await.expect("it is sent");
}

/// A webhook of the session for these events.
async fn hook(world: &World, session: &str, receiver: &Receiver, events: Value) -> Value {
    let new = json!({ "url": receiver.url("/hook"), "events": events });
    world.door.post(&format!("/{session}/webhooks"), new).await.ok()
}

async fn dead(door: &Door, below: &str, query: &str) -> Answer {
    door.ask(Method::GET, &format!("/api/v1{below}/webhooks/dlq{query}"), &Value::Null).await
}

/// Waits until the session has so many dead letters, and gives them.
async fn until_dead(world: &World, session: &str, count: usize) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let page = dead(&world.door, &format!("/sessions/{session}"), "").await.ok();
        let entries = page["entries"].as_array().expect("a list").clone();
        if entries.len() >= count {
            return entries;
        }
        assert!(begun.elapsed() < LIMIT, "{} of {count} are dead", entries.len());
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

fn id(thing: &Value) -> &str {
    thing["id"].as_str().expect("an id")
}

#[rstest]
#[tokio::test]
async fn what_failed_to_the_end_is_listed_with_what_was_posted_and_can_be_replayed(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (world, receiver) = (world(kind).await, Receiver::start().await);
    receiver.always(500);
    world.linked("shop").await;
    let webhook = hook(&world, "shop", &receiver, json!(["message"])).await;
    send(&world, "walnut").await;
    send(&world, "almond").await;
    let entries = until_dead(&world, "shop", 2).await;
    let posted = receiver.received();
    let posted = posted.iter().rev().find(|post| post.json()["data"]["text"] == "almond").expect("it was posted");
    let payload = String::from_utf8(posted.body.clone()).expect("it is JSON");
    assert!(entries[0]["failed_at"].as_i64().is_some_and(|moment| moment > 1_700_000_000), "{entries:?}");
    let expected = json!({
        "id": entries[0]["id"], "session_id": "shop", "event": "message", "webhook_url": receiver.url("/hook"),
        "attempts": 2, "failed_at": entries[0]["failed_at"], "last_error": "the receiver answered 500",
        "payload": payload,
    });
    assert_eq!(entries[0], expected, "byte for byte, newest first");

    // In pages, and the same beside all webhooks.
    for below in ["/sessions/shop", ""] {
        let first = dead(&world.door, below, "?limit=1").await.ok();
        assert_eq!((&first["count"], &first["entries"]), (&json!(2), &json!([entries[0]])));
        let cursor = first["next_cursor"].as_str().expect("there is more").to_owned();
        let second = dead(&world.door, below, &format!("?limit=1&after={cursor}")).await.ok();
        let last = json!({ "count": 2, "entries": [entries[1]], "next_cursor": null });
        assert_eq!(second, last, "{below}");
        for query in ["?limit=0", "?limit=101", "?after=1"] {
            assert_eq!(dead(&world.door, below, query).await.problem().0, 422, "{below} {query}");
        }
    }
    let query = "query($id: ID!) { webhookDeliveries(webhookId: $id, state: DEAD) { nodes { id } } }";
    let shown = world.door.asked(query, json!({ "id": webhook["id"] })).await;
    assert_eq!(shown["webhookDeliveries"]["nodes"], json!([{ "id": entries[0]["id"] }, { "id": entries[1]["id"] }]));

    // The receiver was mended.
    receiver.always(200);
    let before = receiver.received().len();
    for (below, entry) in [("/sessions/shop", &entries[1]), ("", &entries[0])] {
        let path = format!("/api/v1{below}/webhooks/dlq/{}/replay", id(entry));
        let replayed = world.door.ask(Method::POST, &path, &Value::Null).await.ok();
        assert_eq!(replayed, json!({ "success": true, "message": "The delivery is tried again" }));
        // It is dead no more.
        let gone = (404, "delivery_not_found".to_owned());
        assert_eq!(world.door.ask(Method::POST, &path, &Value::Null).await.problem(), gone);
    }
    let received = receiver.gets(before + 2).await;
    let texts: Vec<_> = received[before..].iter().map(|post| post.json()["data"]["text"].clone()).collect();
    assert!(texts.contains(&json!("walnut")) && texts.contains(&json!("almond")), "{texts:?}");
    assert_eq!(dead(&world.door, "/sessions/shop", "").await.ok()["count"], 0);
    let log = world.finish().await;
    assert!(!log.contains("walnut") && !log.contains("almond"), "no text in the log");
}

#[rstest]
#[tokio::test]
async fn dead_letters_are_for_who_may_see_them_and_read_them(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (world, receiver) = (world(kind).await, Receiver::start().await);
    receiver.always(500);
    world.linked("shop").await;
    world.door.create("other").await;
    hook(&world, "shop", &receiver, json!(["message"])).await;
    hook(&world, "other", &receiver, json!(["qr_code"])).await;
    // What a webhook for all sessions did not get is shown beside all webhooks only.
    let all = json!({ "url": receiver.url("/all"), "events": ["message"] });
    world.door.ask(Method::POST, "/api/v1/webhooks", &all).await.ok();
    send(&world, "one").await;
    world.door.post("/other/disconnect", Value::Null).await.ok();
    world.door.post("/other/connect", Value::Null).await.ok();
    world.door.qr("other").await;
    until_dead(&world, "shop", 1).await;
    until_dead(&world, "other", 1).await;
    let begun = Instant::now();
    let is_all = |page: &Value| {
        let urls = page["entries"].as_array().expect("a list").iter().map(|entry| entry["webhook_url"].clone());
        urls.collect::<Vec<_>>().contains(&json!(receiver.url("/all")))
    };
    while !is_all(&dead(&world.door, "", "").await.ok()) {
        assert!(begun.elapsed() < LIMIT, "the delivery of the webhook for all is not dead");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    assert!(!is_all(&dead(&world.door, "/sessions/shop", "").await.ok()));

    let held = async |scopes: Value, sessions: Value| {
        let (_, token) = world.door.key(json!({ "name": "x", "scopes": scopes, "sessions": sessions })).await;
        world.door.holding(&token)
    };
    let entry = async |door: &Door, below: &str| dead(door, below, "").await.ok()["entries"][0].clone();
    // Of another session nothing is there.
    let other = held(json!(["webhooks:read", "webhooks:write", "messages:read"]), json!(["other"])).await;
    let gone = (404, "session_not_found".to_owned());
    assert_eq!(dead(&other, "/sessions/shop", "").await.problem(), gone);
    let own = dead(&other, "", "").await.ok();
    let sessions: Vec<_> =
        own["entries"].as_array().expect("a list").iter().map(|entry| entry["session_id"].clone()).collect();
    assert!(!sessions.is_empty() && sessions.iter().all(|session| session == "other"), "{sessions:?}");
    let letter = entry(&world.door, "/sessions/shop").await;
    for (below, code) in [("", "delivery_not_found"), ("/sessions/shop", "session_not_found")] {
        let path = format!("/api/v1{below}/webhooks/dlq/{}/replay", id(&letter));
        assert_eq!(other.ask(Method::POST, &path, &Value::Null).await.problem(), (404, code.to_owned()));
    }
    for unknown in ["none", "dlv_00000000000000000000000000000000"] {
        let path = format!("/api/v1/sessions/shop/webhooks/dlq/{unknown}/replay");
        let refused = world.door.ask(Method::POST, &path, &Value::Null).await.problem();
        assert_eq!(refused, (404, "delivery_not_found".to_owned()), "{unknown}");
    }
    // Who may not read messages, or codes, does not see them here either.
    let blind = held(json!(["webhooks:read"]), Value::Null).await;
    let seen = entry(&blind, "/sessions/shop").await;
    assert_eq!((&seen["payload"], &seen["id"]), (&Value::Null, &letter["id"]));
    assert_eq!(entry(&blind, "/sessions/other").await["payload"], Value::Null);
    assert_eq!(entry(&other, "/sessions/other").await["payload"], Value::Null, "a code");
    let pairing = held(json!(["webhooks:read", "messages:read", "sessions:pair"]), Value::Null).await;
    let payload = entry(&pairing, "/sessions/other").await["payload"].clone();
    assert!(payload.as_str().is_some_and(|text| text.contains("\"event\":\"qr_code\"")), "{payload}");
    let forbidden = (403, "forbidden".to_owned());
    let path = format!("/api/v1/webhooks/dlq/{}/replay", id(&letter));
    assert_eq!(blind.ask(Method::POST, &path, &Value::Null).await.problem(), forbidden);
    let writer = held(json!(["webhooks:write"]), Value::Null).await;
    assert_eq!(dead(&writer, "", "").await.problem(), forbidden);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn the_webhooks_are_counted_that_the_caller_may_see(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (world, receiver) = (world(kind).await, Receiver::start().await);
    for session in ["shop", "other"] {
        world.door.create(session).await;
    }
    for session in ["shop", "shop", "other"] {
        hook(&world, session, &receiver, json!(["message"])).await;
    }
    let all = json!({ "url": receiver.url("/all"), "events": ["message"] });
    world.door.ask(Method::POST, "/api/v1/webhooks", &all).await.ok();
    let key = json!({ "name": "x", "scopes": ["webhooks:read"], "sessions": ["shop"] });
    let (_, token) = world.door.key(key).await;
    let limited = world.door.holding(&token);
    for (door, path, expected) in [
        (&world.door, "/api/v1/webhooks?limit=1", 4),
        (&world.door, "/api/v1/sessions/shop/webhooks?limit=1", 2),
        (&limited, "/api/v1/webhooks", 2),
        (&limited, "/api/v1/sessions/shop/webhooks", 2),
    ] {
        let listed = door.ask(Method::GET, path, &Value::Null).await.ok();
        assert_eq!(listed["count"], expected, "{path}");
    }
    let query = "query($id: ID) { webhooks(sessionId: $id, first: 1) { totalCount nodes { id } } }";
    for (door, session, expected) in
        [(&world.door, Value::Null, 4), (&world.door, json!("other"), 1), (&limited, Value::Null, 2)]
    {
        let shown = door.asked(query, json!({ "id": session })).await;
        assert_eq!(shown["webhooks"]["totalCount"], expected);
    }
    world.finish().await;
}
