//! Webhooks: what a receiver gets, when, and what becomes of what it does not take.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use sha2::Sha256;
use whatsapp_simulator::Settings;

use crate::support::receiver::{Received, Receiver, Reply};
use crate::support::world::{Kind, World};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A world whose server may post to loopback, and tries again soon.
async fn world(kind: Kind) -> World {
    let flags = ["--egress-allow", "127.0.0.0/8", "--webhook-retries", "1s,1s,1s"];
    World::with(kind, Settings::default(), &flags).await
}

/// A logged-in session with a webhook at the receiver. Gives the webhook.
async fn hooked(world: &World, receiver: &Receiver, webhook: Value) -> Value {
    world.linked("shop").await;
    let mut webhook = webhook;
    webhook["url"] = json!(receiver.url("/hook"));
    world.door.post("/shop/webhooks", webhook).await.ok()
}

async fn send(world: &World, text: &str) {
    let friend = world.sim.phone("15550100077");
    friend.send("15550100001", text).await.expect("it is sent");
}

fn texts(received: &[Received]) -> Vec<String> {
    let text = |received: &Received| received.json()["data"]["text"].as_str().map(str::to_owned);
    received.iter().filter_map(text).collect()
}

/// Waits until the webhook's deliveries are so, and gives them.
async fn deliveries(world: &World, webhook: &Value, query: &str, is_it: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let path = format!("/shop/webhooks/{}/deliveries?{query}", webhook["id"].as_str().expect("an id"));
    let begun = std::time::Instant::now();
    loop {
        let found = world.door.get(&path).await.ok()["deliveries"].as_array().expect("a list").clone();
        if is_it(&found) {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{found:?}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

fn path_of(webhook: &Value) -> String {
    format!("/shop/webhooks/{}", webhook["id"].as_str().expect("an id"))
}

/// Both signatures are good: that of Standard Webhooks, and the contract's, over the timestamp and the body.
fn is_signed(received: &Received) {
    let webhook = standardwebhooks::Webhook::new(SECRET).expect("it is a secret");
    webhook.verify(&received.body, &received.headers).expect("it is signed");
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key of any length");
    mac.update(received.header("x-webhook-timestamp").as_bytes());
    mac.update(b".");
    mac.update(&received.body);
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(received.header("x-webhook-signature"), format!("sha256={digest}"));
    assert_eq!(received.header("x-webhook-signature-version"), "v2");
}

#[rstest]
#[tokio::test]
async fn a_message_reaches_the_receiver_as_the_journal_has_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (world, receiver) = (world(kind).await, Receiver::start().await);
    let headers = json!({ "X-Tenant": "north" });
    let webhook =
        hooked(&world, &receiver, json!({ "events": ["message"], "secret": SECRET, "headers": headers })).await;
    assert_eq!((&webhook["enabled"], &webhook["has_secret"]), (&json!(true), &json!(true)));
    assert_eq!(webhook["header_names"], json!(["x-tenant"]));
    send(&world, "hello").await;
    let received = receiver.gets(1).await.remove(0);
    let listed = world.door.get("/shop/events?type=message").await.ok();
    assert_eq!(received.json(), listed["events"][0]);
    is_signed(&received);
    assert_eq!(received.header("webhook-id"), listed["events"][0]["id"]);
    assert_eq!((received.header("x-tenant"), received.header("content-type")), ("north", "application/json"));
    let done = deliveries(&world, &webhook, "state=delivered", |found| found.len() == 1).await;
    assert_eq!(
        (&done[0]["attempts"][0]["status"], &done[0]["attempts"][0]["reply"]),
        (&json!(200), &json!("status 200"))
    );
    assert_eq!((&done[0]["event_id"], &done[0]["event"]), (&listed["events"][0]["id"], &json!("message")));
    assert!(!world.finish().await.contains("hello"), "no text in the log");
}

#[tokio::test]
async fn the_webhook_of_a_new_session_gets_its_whole_life() {
    let (world, receiver) = (world(Kind::Sqlite).await, Receiver::start().await);
    let webhook = json!({ "url": receiver.url("/life"), "secret": "any string" });
    world.door.post("", json!({ "id": "shop", "webhook": webhook })).await.ok();
    world.link("shop", &world.phone()).await;
    let has = |received: &[Received], word: &str| received.iter().any(|received| received.json()["event"] == word);
    let received = receiver.until("connected", |received| has(received, "connected")).await;
    assert!(has(&received, "qr_code") && has(&received, "session_status"));
    let sequences: Vec<_> = received.iter().map(|received| received.json()["sequence"].as_i64()).collect();
    assert!(sequences.is_sorted(), "{sequences:?}");
    let listed = world.door.get("/shop/webhooks").await.ok();
    assert_eq!(
        (&listed["webhooks"][0]["events"], &listed["webhooks"][0]["has_secret"]),
        (&json!(["all"]), &json!(true))
    );
    assert!(!listed.to_string().contains("any string"));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_fails_is_tried_again_and_holds_back_only_what_comes_after_it(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (world, receiver) = (world(kind).await, Receiver::start().await);
    let webhook = hooked(&world, &receiver, json!({ "events": ["message"] })).await;
    receiver.then([500, 503]);
    for text in ["one", "two", "three"] {
        send(&world, text).await;
    }
    let received = receiver.gets(5).await;
    assert_eq!(texts(&received), ["one", "one", "one", "two", "three"]);
    let ids: std::collections::BTreeSet<_> =
        received.iter().map(|received| received.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 3, "a repetition has the same id");
    let done = deliveries(&world, &webhook, "state=delivered", |found| found.len() == 3).await;
    let statuses: Vec<_> =
        done[2]["attempts"].as_array().expect("a list").iter().map(|attempt| attempt["status"].clone()).collect();
    assert_eq!(statuses, [500, 503, 200]);
    let shown = world.door.get(&path_of(&webhook)).await.ok();
    assert_eq!((&shown["failing_since"], &shown["last_error"]), (&Value::Null, &json!("the receiver answered 503")));
    world.finish().await;
}

#[tokio::test]
async fn an_unordered_webhook_does_not_wait_for_what_failed() {
    let (world, receiver) = (world(Kind::Sqlite).await, Receiver::start().await);
    hooked(&world, &receiver, json!({ "events": ["message"], "ordered": false })).await;
    receiver.then([500]);
    for text in ["one", "two"] {
        send(&world, text).await;
    }
    assert_eq!(texts(&receiver.gets(3).await), ["one", "two", "one"]);
    world.finish().await;
}

#[tokio::test]
async fn a_delivery_that_fails_to_the_end_is_dead_until_somebody_retries_it() {
    let (world, receiver) = (world(Kind::Sqlite).await, Receiver::start().await);
    let webhook = hooked(&world, &receiver, json!({ "events": ["message"] })).await;
    receiver.then([500, 500, 500, 500]);
    send(&world, "one").await;
    let dead = deliveries(&world, &webhook, "state=dead", |found| found.len() == 1).await;
    assert_eq!((dead[0]["attempts"].as_array().expect("a list").len(), &dead[0]["next_attempt_at"]), (4, &Value::Null));
    let shown = world.door.get(&path_of(&webhook)).await.ok();
    assert!(shown["failing_since"].is_i64(), "{shown}");
    // What comes later is not held back any more.
    send(&world, "two").await;
    receiver.gets(5).await;
    let retry = format!("{}/deliveries/{}/retry", path_of(&webhook), dead[0]["id"].as_str().expect("an id"));
    assert_eq!(world.door.post(&retry, Value::Null).await.ok()["state"], "pending");
    deliveries(&world, &webhook, "state=delivered", |found| found.len() == 2).await;
    assert_eq!(texts(&receiver.received()), ["one", "one", "one", "one", "two", "one"]);
    world.finish().await;
}

#[tokio::test]
async fn metrics_count_events_and_what_becomes_of_deliveries() {
    let (world, receiver) = (world(Kind::Sqlite).await, Receiver::start().await);
    let webhook = hooked(&world, &receiver, json!({ "events": ["message"] })).await;
    receiver.then([Reply { headers: vec![("Retry-After", "3600".to_owned())], ..429.into() }]);
    send(&world, "one").await;
    receiver.gets(1).await;
    deliveries(&world, &webhook, "state=pending", |found| found[0]["attempts"] != json!([])).await;
    let text = world.door.send(world.door.request(Method::GET, "/metrics")).await.text();
    for line in [
        "waypost_events_total{type=\"message\"} 1",
        "waypost_deliveries_total{outcome=\"failed\"} 1",
        "waypost_deliveries_pending 1",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_for_good_is_asked_no_more() {
    let (world, receiver) = (world(Kind::Sqlite).await, Receiver::start().await);
    let webhook = hooked(&world, &receiver, json!({ "events": ["message"] })).await;
    receiver.then([410]);
    send(&world, "one").await;
    receiver.gets(1).await;
    let begun = std::time::Instant::now();
    while world.door.get(&path_of(&webhook)).await.ok()["disabled_reason"] != "gone" {
        assert!(begun.elapsed() < Duration::from_secs(40));
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    let events = world.door.get("/shop/events?type=webhook_disabled").await.ok();
    assert_eq!(events["events"][0]["data"]["webhook_id"], webhook["id"]);
    // What happens meanwhile is not queued, and comes by a replay.
    let after = events["next_cursor"].clone();
    send(&world, "two").await;
    let begun = std::time::Instant::now();
    while world.door.get("/shop/events?type=message").await.ok()["events"].as_array().map(Vec::len) != Some(2) {
        assert!(begun.elapsed() < Duration::from_secs(40));
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    let enabled = world.door.post(&format!("{}/enable", path_of(&webhook)), Value::Null).await.ok();
    assert_eq!((&enabled["enabled"], &enabled["failing_since"]), (&json!(true), &Value::Null));
    let replayed = world.door.post(&format!("{}/replay", path_of(&webhook)), json!({ "after": after })).await.ok();
    assert_eq!(replayed, json!({ "queued": 1, "next_cursor": null }));
    assert_eq!(texts(&receiver.gets(2).await), ["one", "two"]);
    world.finish().await;
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it() {
    let (world, receiver) = (world(Kind::Sqlite).await, Receiver::start().await);
    let webhook = hooked(&world, &receiver, json!({ "events": ["message"] })).await;
    receiver.then([Reply { headers: vec![("Retry-After", "3600".to_owned())], ..429.into() }]);
    send(&world, "one").await;
    let waiting =
        deliveries(&world, &webhook, "state=pending", |found| found.len() == 1 && found[0]["attempts"] != json!([]))
            .await;
    let tried = waiting[0]["attempts"][0]["started_at"].as_i64().expect("a moment");
    assert!(waiting[0]["next_attempt_at"].as_i64().expect("a moment") >= tried + 3600, "{waiting:?}");
    world.finish().await;
}

#[tokio::test]
async fn a_dead_receiver_does_not_hold_up_another() {
    let (world, receiver) = (world(Kind::Sqlite).await, Receiver::start().await);
    hooked(&world, &receiver, json!({ "events": ["message"] })).await;
    let dead = Receiver::start().await;
    dead.always(Reply { after: Duration::from_secs(60), ..200.into() });
    world.door.post("/shop/webhooks", json!({ "url": dead.url("/"), "events": ["message"] })).await.ok();
    for text in ["one", "two", "three"] {
        send(&world, text).await;
    }
    assert_eq!(texts(&receiver.gets(3).await), ["one", "two", "three"]);
    assert_eq!(texts(&dead.gets(1).await), ["one"]);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_was_under_way_at_a_crash_arrives_after_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (mut world, receiver) = (world(kind).await, Receiver::start().await);
    hooked(&world, &receiver, json!({ "events": ["message"] })).await;
    receiver.then([Reply { after: Duration::from_secs(60), ..200.into() }]);
    for text in ["one", "two"] {
        send(&world, text).await;
    }
    receiver.gets(1).await;
    world.crash();
    let received = receiver.gets(3).await;
    assert_eq!(texts(&received), ["one", "one", "two"]);
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    world.finish().await;
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_does_not_hold_up_the_shutdown() {
    let flags = ["--egress-allow", "127.0.0.0/8", "--webhook-timeout-seconds", "60"];
    let mut world = World::with(Kind::Sqlite, Settings::default(), &flags).await;
    let receiver = Receiver::start().await;
    hooked(&world, &receiver, json!({ "events": ["message"] })).await;
    receiver.then([Reply { after: Duration::from_secs(60), ..200.into() }]);
    send(&world, "one").await;
    receiver.gets(1).await;
    assert!(world.server.stop().success(), "{}", world.server.output());
    world.start_again();
    assert_eq!(texts(&receiver.gets(2).await), ["one", "one"]);
    world.finish().await;
}

#[tokio::test]
async fn filters_leave_out_what_they_name() {
    let (world, receiver) = (world(Kind::Sqlite).await, Receiver::start().await);
    let webhook = hooked(&world, &receiver, json!({ "events": ["message"], "filters": { "ignore_own": true } })).await;
    assert_eq!(
        webhook["filters"],
        json!({ "ignore_groups": false, "ignore_status": false, "ignore_own": true, "ignore_channels": false, "ignore_broadcasts": false })
    );
    world.sim.phone("15550100077");
    world.phone().send("15550100077", "from the phone itself").await.expect("it is sent");
    send(&world, "from a friend").await;
    assert_eq!(texts(&receiver.gets(1).await), ["from a friend"]);
    world.finish().await;
}

#[tokio::test]
async fn a_webhook_for_all_sessions_gets_what_happens_on_each() {
    let (world, receiver) = (world(Kind::Sqlite).await, Receiver::start().await);
    let webhook = json!({ "url": receiver.url("/all"), "events": ["qr_code"] });
    let webhook = world.door.ask(Method::POST, "/api/v1/webhooks", &webhook).await.ok();
    assert_eq!(webhook["session_id"], Value::Null);
    for id in ["a", "b"] {
        world.door.create(id).await;
    }
    let received = receiver.gets(2).await;
    let mut sessions: Vec<_> = received.iter().map(|received| received.json()["session_id"].to_string()).collect();
    sessions.sort();
    assert_eq!(sessions, ["\"a\"", "\"b\""]);
    assert!(received.iter().all(|received| received.path == "/all"));
    world.finish().await;
}

#[tokio::test]
async fn a_ping_tells_at_once_whether_the_receiver_works() {
    let (world, receiver) = (world(Kind::Sqlite).await, Receiver::start().await);
    world.door.create("shop").await;
    let webhook = json!({ "url": receiver.url("/hook"), "events": ["message"], "secret": SECRET });
    let webhook = world.door.post("/shop/webhooks", webhook).await.ok();
    let ping = format!("{}/ping", path_of(&webhook));
    let good = world.door.post(&ping, Value::Null).await.ok();
    assert_eq!((&good["status"], &good["error"], &good["reply"]), (&json!(200), &Value::Null, &json!("status 200")));
    assert_eq!(receiver.gets(1).await[0].json()["event"], "test");
    receiver.then([418]);
    let bad = world.door.post(&ping, Value::Null).await.ok();
    assert_eq!((&bad["status"], &bad["error"]), (&json!(418), &json!("the receiver answered 418")));
    world.finish().await;
}

#[tokio::test]
async fn a_webhook_is_changed_and_removed() {
    let (world, receiver) = (world(Kind::Sqlite).await, Receiver::start().await);
    let webhook = hooked(&world, &receiver, json!({ "events": ["message"], "secret": "first" })).await;
    let changes = json!({ "events": ["message", "receipt"], "enabled": false, "ordered": false });
    let path = format!("/api/v1/sessions{}", path_of(&webhook));
    let changed = world.door.ask(Method::PATCH, &path, &changes).await.ok();
    assert_eq!(
        (&changed["events"], &changed["disabled_reason"]),
        (&json!(["message", "receipt"]), &json!("requested"))
    );
    assert_eq!((&changed["url"], &changed["ordered"]), (&webhook["url"], &json!(false)));
    let rotated = world.door.post(&format!("{}/secret/rotate", path_of(&webhook)), Value::Null).await.ok();
    assert!(rotated["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")), "{rotated}");
    assert!(rotated["old_secret_expires_at"].is_i64());
    world.door.ask(Method::DELETE, &path, &Value::Null).await.ok();
    assert_eq!(world.door.get(&path_of(&webhook)).await.problem(), (404, "webhook_not_found".to_owned()));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_is_no_id_is_not_there(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    world.door.create("shop").await;
    let webhook = world.door.post("/shop/webhooks", json!({ "url": "https://receiver.invalid/" })).await.ok();
    for id in ["%00", "whk_", "whk_%00", "WHK_0"] {
        let answer = world.door.get(&format!("/shop/webhooks/{id}")).await;
        assert_eq!(answer.problem(), (404, "webhook_not_found".to_owned()), "{id}");
    }
    let list = format!("{}/deliveries", path_of(&webhook));
    for id in ["%00", "dlv_%00"] {
        let answer = world.door.post(&format!("{list}/{id}/retry"), Value::Null).await;
        assert_eq!(answer.problem(), (404, "delivery_not_found".to_owned()), "{id}");
        let answer = world.door.get(&format!("{list}?after={id}")).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{id}");
    }
    world.finish().await;
}

#[tokio::test]
async fn deliveries_are_listed_by_event_and_page() {
    let (world, receiver) = (world(Kind::Sqlite).await, Receiver::start().await);
    let webhook = hooked(&world, &receiver, json!({ "events": ["message", "disconnected"] })).await;
    for text in ["one", "two", "three"] {
        send(&world, text).await;
    }
    receiver.gets(3).await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    deliveries(&world, &webhook, "event=all&state=delivered", |found| found.len() == 4).await;
    let messages = deliveries(&world, &webhook, "event=message", |found| found.len() == 3).await;
    let list = format!("{}/deliveries?event=message&limit=2", path_of(&webhook));
    let first = world.door.get(&list).await.ok();
    let cursor = first["next_cursor"].as_str().expect("there is more");
    let second = world.door.get(&format!("{list}&after={cursor}")).await.ok();
    assert_eq!(second["next_cursor"], Value::Null);
    let pages: Vec<_> =
        [&first, &second].iter().flat_map(|page| page["deliveries"].as_array().expect("a list")).collect();
    assert_eq!(pages, messages.iter().collect::<Vec<_>>());
    world.finish().await;
}

#[tokio::test]
async fn an_address_in_a_private_network_is_refused_with_the_reason() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    for url in ["http://127.0.0.1:9/", "http://2130706433/", "http://[::1]/", "http://169.254.169.254/latest/"] {
        let answer = world.door.post("/shop/webhooks", json!({ "url": url })).await;
        assert!(answer.text().contains("url"), "{}", answer.text());
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{url}");
    }
    // Nor may a new session bring one along.
    for url in ["http://127.0.0.1:9/", "http://user:word@example.com/", "http://example.com:0/"] {
        let answer = world.door.post("", json!({ "id": "other", "webhook": { "url": url } })).await;
        assert!(answer.text().contains("webhook.url"), "{}", answer.text());
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{url}");
    }
    // A name of this machine is looked up at once.
    let answer = world.door.post("/shop/webhooks", json!({ "url": "http://localhost:9/" })).await;
    assert!(answer.text().contains("--egress-allow"), "{}", answer.text());
    assert_eq!(answer.problem(), (422, "invalid".to_owned()));
    world.finish().await;
}
