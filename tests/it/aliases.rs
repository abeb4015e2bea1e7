//! Paths of clients that were written for the contract: each is another operation under another path, so the same asked through both
//! is the same to WhatsApp, to the journal and in what is refused.

mod refusals;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use waypost::clock::Clock;
use whatsapp_simulator::Settings;

use crate::support::door::Answer;
use crate::support::events::Events;
use crate::support::journal::until;
use crate::support::world::{Kind, World};

/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(40);
const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";
const THUMB: &str = "\u{1f44d}";
/// What the contract answers to who sends something, and to who does something.
const SENT: [&str; 4] = ["message_id", "status", "timestamp", "to"];
const DONE: [&str; 3] = ["message_id", "timestamp", "to"];

/// A session that is logged in, and a friend with a phone.
async fn world(kind: Kind) -> World {
    let world = World::with(kind, Settings::default(), &["--send-rate", "0"]).await;
    world.linked("shop").await;
    world.sim.phone(FRIEND);
    world
}

/// Asks below the session.
async fn ask(world: &World, method: Method, path: &str, body: Value) -> Answer {
    world.door.ask(method, &format!("/api/v1/sessions/shop{path}"), &body).await
}

async fn post(world: &World, path: &str, body: Value) -> Answer {
    ask(world, Method::POST, path, body).await
}

/// The same with a key for the request.
async fn post_once(world: &World, path: &str, key: &str, body: &Value) -> Answer {
    let request = world.door.request(Method::POST, &format!("/api/v1/sessions/shop{path}"));
    world.door.send(request.header("Idempotency-Key", key).json(body)).await
}

/// A text that came from the friend.
async fn heard(world: &World, text: &str) -> String {
    let id = world.sim.phone(FRIEND).send(SHOP, text).await.expect("it is sent");
    until(world, "message", |body| body["message_id"] == id).await;
    id
}

fn text(message: &Value, field: &str) -> String {
    message[field].as_str().unwrap_or_else(|| panic!("no {field} in {message}")).to_owned()
}

fn fields(answer: &Value) -> BTreeSet<&str> {
    answer.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// What an answer of the alias and one of the operation say of the message: its id.
fn ids(alias: Answer, operation: Answer) -> [String; 2] {
    assert_eq!((alias.status, operation.status), (200, 201), "{} {}", alias.text(), operation.text());
    let id = text(&alias.json(), "message_id");
    assert_eq!(alias.header("location"), format!("/api/v1/sessions/shop/messages/{id}"));
    [id, text(&operation.ok(), "id")]
}

/// What the message resource says, and what the friend's phone got; without what two messages never share.
async fn seen(world: &World, id: &str) -> (Value, Value) {
    let find = || world.sim.phone(FRIEND).inbox().into_iter().find(|message| message.id == id);
    world.eventually("the friend gets it", || find().is_some()).await;
    let mut got = serde_json::to_value(find()).expect("it is JSON");
    let mut shown = world.door.get(&format!("/shop/messages/{id}")).await.ok();
    assert!(["sent", "delivered"].contains(&text(&shown, "status").as_str()), "{shown}");
    // Whether the phone has said yet that it came.
    for field in ["status", "updated_at"] {
        shown[field].take();
    }
    for field in ["id", "target_id", "timestamp", "created_at"] {
        shown[field].take();
        got[field].take();
    }
    if let Some(target) = got["content"].get_mut("target") {
        target["id"].take();
    }
    (shown, got)
}

async fn are_the_same(world: &World, [alias, operation]: [String; 2]) {
    assert_ne!(alias, operation);
    assert_eq!(seen(world, &alias).await, seen(world, &operation).await);
}

#[rstest]
#[tokio::test]
async fn a_text_by_its_alias_is_the_same_message(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let theirs = heard(&world, "tea?").await;
    let words = format!("yes, @{FRIEND}");
    let alias = json!({ "to": FRIEND, "text": words, "reply_to": theirs, "mentions": [FRIEND], "mention_all": false });
    let content = json!({ "type": "text", "text": words });
    let operation = json!({ "to": FRIEND, "content": content, "reply_to": theirs, "mentions": [FRIEND] });
    let alias = post(&world, "/messages/text", alias).await;
    let answer = alias.json();
    assert_eq!(fields(&answer), BTreeSet::from(SENT));
    assert_eq!((&answer["status"], answer["timestamp"].is_i64()), (&json!("sent"), true));
    assert!(text(&answer, "to").contains('@'), "{answer}");
    are_the_same(&world, ids(alias, post(&world, "/messages", operation).await)).await;
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_is_done_to_a_message_by_an_alias_is_the_same(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let mut own = Vec::new();
    for words in ["tea at six", "tea at six"] {
        let sent = post(&world, "/messages/text", json!({ "to": FRIEND, "text": words })).await.ok();
        own.push(text(&sent, "message_id"));
    }
    let theirs = [heard(&world, "tea?").await, heard(&world, "tea?").await];
    let on = |message: &str, below: &str| format!("/messages/{message}/{below}");
    for targets in [&theirs[..], &own[..]] {
        let alias = json!({ "to": FRIEND, "message_id": targets[0], "emoji": THUMB });
        let alias = post(&world, "/messages/react", alias).await;
        let answer = alias.json();
        assert_eq!(fields(&answer), BTreeSet::from(DONE));
        let operation = ask(&world, Method::PUT, &on(&targets[1], "reaction"), json!({ "emoji": THUMB })).await;
        are_the_same(&world, ids(alias, operation)).await;
        // Nothing takes it back.
        let alias = json!({ "to": FRIEND, "message_id": targets[0], "emoji": "" });
        let alias = post(&world, "/messages/react", alias).await;
        let operation = ask(&world, Method::DELETE, &on(&targets[1], "reaction"), Value::Null).await;
        are_the_same(&world, ids(alias, operation)).await;
    }
    let alias = json!({ "to": FRIEND, "message_id": own[0], "text": "tea at seven" });
    let alias = post(&world, "/messages/edit", alias).await;
    let operation = post(&world, &on(&own[1], "edit"), json!({ "text": "tea at seven" })).await;
    are_the_same(&world, ids(alias, operation)).await;
    let alias = json!({ "to": FRIEND, "message_id": own[0], "original_sender": SHOP });
    let alias = post(&world, "/messages/revoke", alias).await;
    let operation = post(&world, &on(&own[1], "revoke"), Value::Null).await;
    are_the_same(&world, ids(alias, operation)).await;
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn the_same_request_is_the_same_message_whichever_path_it_takes(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = world(kind).await;
    let alias = json!({ "to": FRIEND, "text": "tea is ready" });
    let operation = json!({ "to": FRIEND, "content": { "type": "text", "text": "tea is ready" } });
    let first = post_once(&world, "/messages/text", "order-1", &alias).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (200, ""));
    let id = text(&first.ok(), "message_id");
    let again = post_once(&world, "/messages/text", "order-1", &alias).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
    assert_eq!(text(&again.ok(), "message_id"), id);
    let again = post_once(&world, "/messages", "order-1", &operation).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!(text(&again.ok(), "id"), id);
    let other = json!({ "to": FRIEND, "text": "coffee is ready" });
    let reused = (422, "idempotency_key_reused".to_owned());
    assert_eq!(post_once(&world, "/messages/text", "order-1", &other).await.problem(), reused);
    assert_eq!(world.sim.phone(FRIEND).inbox().len(), 1);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_whatsapp_does_not_have_yet_is_queued_or_pending(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let body = json!({ "to": FRIEND, "text": "tea is ready" });
    let refused = (409, "session_not_connected".to_owned());
    assert_eq!(post(&world, "/messages/text?if_offline=fail", body.clone()).await.problem(), refused);
    let answer = post_once(&world, "/messages/text", "tea", &body).await;
    assert_eq!(answer.status, 202);
    let queued = answer.json();
    assert_eq!((fields(&queued), &queued["status"]), (BTreeSet::from(SENT), &json!("queued")));
    let id = text(&queued, "message_id");
    let reacted = json!({ "to": FRIEND, "message_id": id, "emoji": THUMB });
    let reacted = post(&world, "/messages/react", reacted).await;
    assert_eq!(reacted.status, 202, "{}", reacted.text());
    assert_eq!(fields(&reacted.json()), BTreeSet::from(DONE));

    let soon = Clock::system().now().after(Duration::from_secs(3_600));
    let answer =
        post(&world, "/messages/text", json!({ "to": FRIEND, "text": "later", "send_at": soon.to_rfc3339() })).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let pending = answer.json();
    let schedule_id = text(&pending, "schedule_id");
    assert_eq!(pending, json!({ "status": "pending", "schedule_id": schedule_id, "send_at": soon.to_rfc3339() }));
    let shown = world.door.get(&format!("/shop/messages/{schedule_id}")).await.ok();
    assert_eq!((&shown["status"], &shown["send_at"]), (&json!("scheduled"), &json!(soon.seconds())));

    // What was taken back is told to who asks once more.
    ask(&world, Method::DELETE, &format!("/messages/{id}"), Value::Null).await.ok();
    let again = post_once(&world, "/messages/text", "tea", &body).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
    assert_eq!(again.json()["status"], "cancelled");
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn read_marks_typing_and_presence_are_told_by_their_aliases(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let success = json!({ "success": true });
    let theirs = heard(&world, "tea?").await;
    let read = |message: &str| json!({ "chat_jid": FRIEND, "sender": FRIEND, "message_ids": [message] });
    assert_eq!(post(&world, "/messages/read", read(&theirs)).await.ok(), success);
    let receipts = || {
        let stanzas = world.sim.stats().stanzas;
        stanzas.iter().filter(|(kind, _)| kind.starts_with("receipt/read")).map(|(_, count)| count).sum::<u64>()
    };
    world.eventually("one receipt", || receipts() == 1).await;

    // The friend has a session as well, which hears what the shop does.
    world.door.create("friend").await;
    world.link("friend", &world.sim.phone(FRIEND)).await;
    let set = async |status: &str| world.door.post("/friend/presence/set", json!({ "status": status })).await;
    // WhatsApp takes no presence without the account's name, which comes a moment after the login.
    let begun = Instant::now();
    while set("available").await.status != 200 {
        assert!(begun.elapsed() < LIMIT, "the name has not come");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    assert_eq!(set("available").await.ok(), success);
    world.eventually("somebody is there", || world.sim.phone(FRIEND).is_silent()).await;
    let mut stream =
        Events::open(world.door.request(Method::GET, "/api/v1/events/stream?session=friend&type=chat_presence")).await;
    for state in ["composing", "recording", "paused"] {
        let typing = json!({ "to": FRIEND, "state": state });
        assert_eq!(post(&world, "/chatstate/send", typing).await.ok(), success);
        let (_, event) = stream.next().await.expect("the stream goes on");
        assert_eq!((&event["session_id"], &event["data"]["state"]), (&json!("friend"), &json!(state)), "{event}");
    }
    assert_eq!(set("unavailable").await.ok(), success);
    world.eventually("nobody is there", || !world.sim.phone(FRIEND).is_silent()).await;
    world.finish().await;
}
