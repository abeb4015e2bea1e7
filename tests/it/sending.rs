//! Texts that are sent: each once, and what became of it is known, whatever WhatsApp, the network or the process does meanwhile.

use std::time::{Duration, Instant};

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use waypost::clock::Clock;
use whatsapp_simulator::{MessageFault, SentMessage, Settings};

use crate::support::door::Answer;
use crate::support::journal::{of_type, until};
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";
const OTHER: &str = "15550100078";
/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
/// As fast as it goes: how fast a session sends is tested by itself.
const FAST: &[&str] = &["--send-rate", "0"];

/// A session that is logged in, and two friends with phones.
async fn world(kind: Kind) -> World {
    let world = World::with(kind, Settings::default(), FAST).await;
    world.linked("shop").await;
    let _ = (world.sim.phone(FRIEND), world.sim.phone(OTHER));
    world
}

fn text(to: &str, text: &str) -> Value {
    json!({ "to": to, "content": { "type": "text", "text": text } })
}

impl World {
    async fn sends(&self, query: &str, body: Value) -> Answer {
        self.door.post(&format!("/shop/messages{query}"), body).await
    }

    async fn message(&self, id: &str) -> Value {
        self.door.get(&format!("/shop/messages/{id}")).await.ok()
    }

    /// Waits until this is known of a message.
    async fn becomes(&self, id: &str, status: &str) -> Value {
        self.becomes_one_of(id, &[status]).await
    }

    /// Waits until one of these is known of a message.
    async fn becomes_one_of(&self, id: &str, statuses: &[&str]) -> Value {
        let begun = Instant::now();
        loop {
            let message = self.message(id).await;
            if message["status"].as_str().is_some_and(|status| statuses.contains(&status)) {
                return message;
            }
            assert!(begun.elapsed() < LIMIT, "it is none of {statuses:?} in time but {message}");
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// The message with this id, as WhatsApp has it.
    fn at_whatsapp(&self, id: &str) -> SentMessage {
        let sent = self.phone().sent();
        sent.into_iter().find(|sent| sent.id == id).unwrap_or_else(|| panic!("WhatsApp has no {id}"))
    }

    fn texts_at(&self, phone: &str) -> Vec<String> {
        self.sim.phone(phone).inbox().into_iter().map(|message| message.text).collect()
    }
}

fn seconds() -> i64 {
    Clock::system().now().seconds()
}

fn id(message: &Value) -> String {
    message["id"].as_str().unwrap_or_else(|| panic!("no id in {message}")).to_owned()
}

/// The states that the journal tells of a message, in order.
async fn told(world: &World, id: &str) -> Vec<String> {
    let events = of_type(world, "message_status", 0).await;
    let of_message = events.iter().filter(|event| event["data"]["message_id"] == id);
    of_message.map(|event| event["data"]["status"].as_str().expect("a word").to_owned()).collect()
}

#[rstest]
#[tokio::test]
async fn a_text_is_sent_delivered_and_read_and_both_doors_say_so(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let answer = world.sends("", text("+1 555 010-0077", "tea is ready")).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let location = answer.header("location").to_owned();
    let message = answer.json();
    let id = id(&message);
    assert_eq!(location, format!("/api/v1/sessions/shop/messages/{id}"));
    assert!(["sent", "delivered"].contains(&message["status"].as_str().expect("a word")), "{message}");
    assert_eq!(
        (&message["direction"], &message["type"], &message["attempts"]),
        (&json!("outgoing"), &json!("text"), &json!(1))
    );
    assert_eq!(message["text"], "tea is ready");
    world.becomes(&id, "delivered").await;
    let got = world.sim.phone(FRIEND).inbox();
    assert_eq!((got[0].text.as_str(), got[0].id.as_str(), got[0].copies), ("tea is ready", id.as_str(), 1));
    assert!(got[0].content.has_secret, "votes and edits would be unreadable");
    world.sim.phone(FRIEND).read(&[&id]).expect("it is in the inbox");
    world.becomes(&id, "read").await;
    assert_eq!(told(&world, &id).await, ["queued", "sending", "sent", "delivered", "read"]);
    let query = r#"query($id: ID!) { message(sessionId: "shop", id: $id) { id status text chat direction type } }"#;
    let shown = world.door.asked(query, json!({ "id": id })).await;
    assert_eq!(shown["message"]["status"], "READ");
    assert_eq!(shown["message"]["text"], "tea is ready");
    let mutation = r#"mutation { sendMessage(input: { sessionId: "shop", to: "15550100077",
        content: { text: { text: "and cake" } } }) { id status text } }"#;
    let sent = world.door.asked(mutation, Value::Null).await;
    world.becomes(sent["sendMessage"]["id"].as_str().expect("an id"), "delivered").await;
    assert_eq!(world.texts_at(FRIEND), ["tea is ready", "and cake"]);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_came_and_what_went_is_one_list_and_a_person_is_one_chat(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = world(kind).await;
    let came = world.sim.phone(FRIEND).send(SHOP, "is there tea?").await.expect("it is sent");
    of_type(&world, "message", 1).await;
    let answer = json!({ "to": FRIEND, "content": { "type": "text", "text": "yes" }, "reply_to": came });
    let sent = world.sends("", answer).await.ok();
    let got = world.sim.phone(FRIEND).inbox();
    let quoted = got[0].content.quoted.clone().expect("it answers something");
    assert_eq!((quoted.id.as_str(), quoted.text.as_str()), (came.as_str(), "is there tea?"));
    world.sends("", text(OTHER, "hello")).await.ok();
    let all = world.door.get("/shop/messages").await.ok();
    let texts = |page: &Value| -> Vec<String> {
        let messages = page["messages"].as_array().expect("a list").iter();
        messages.map(|message| message["text"].as_str().expect("a text").to_owned()).collect()
    };
    assert_eq!(texts(&all), ["hello", "yes", "is there tea?"]);
    let lid = world.sim.phone(FRIEND).lid();
    let lid = if lid.contains('@') { lid } else { format!("{lid}@lid") };
    for chat in [FRIEND, lid.as_str()] {
        let page = world.door.get(&format!("/shop/messages?chat={chat}")).await.ok();
        assert_eq!(texts(&page), ["yes", "is there tea?"], "{chat}");
    }
    let page = world.door.get("/shop/messages?direction=incoming").await.ok();
    assert_eq!(texts(&page), ["is there tea?"]);
    let first = world.door.get("/shop/messages?limit=1").await.ok();
    let rest = world
        .door
        .get(&format!("/shop/messages?after={}", first["next_cursor"].as_str().expect("there is more")))
        .await;
    assert_eq!(texts(&rest.ok()), ["yes", "is there tea?"]);
    assert_eq!(sent["reply_to"], came);
    let unknown = json!({ "to": OTHER, "content": { "type": "text", "text": "yes" }, "reply_to": came });
    assert_eq!(world.sends("", unknown).await.problem(), (404, "message_not_found".to_owned()));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_message_that_whatsapp_refuses_is_failed_with_the_reason(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    for (code, status, word) in
        [(405, 502, "not_allowed"), (463, 403, "account_restricted"), (404, 422, "recipient_not_found")]
    {
        world.phone().spoil_messages(MessageFault::Nack { code }, 1);
        let refused = world.sends("", text(FRIEND, "tea")).await;
        assert_eq!(refused.problem(), (status, word.to_owned()));
        let failed = until(&world, "message_status", |data| data["upstream_code"] == code).await;
        assert_eq!((&failed["status"], &failed["code"]), (&json!("failed"), &json!(word)));
    }
    assert!(world.texts_at(FRIEND).is_empty());
    let failed = world.door.get("/shop/messages?status=failed").await.ok();
    let first = failed["messages"][0].clone();
    assert_eq!(first["failed"], json!({ "code": "recipient_not_found", "upstream_code": 404 }));
    let again = world.door.post(&format!("/shop/messages/{}/retry", id(&first)), Value::Null).await.ok();
    assert_eq!(id(&again), id(&first));
    world.becomes(&id(&first), "delivered").await;
    assert_eq!(world.texts_at(FRIEND), ["tea"]);
    let refused = world.door.post(&format!("/shop/messages/{}/retry", id(&first)), Value::Null).await;
    assert_eq!(refused.problem(), (409, "message_not_failed".to_owned()));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_message_whose_answer_is_lost_is_the_same_message_again(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let faults = [
        (MessageFault::DropBeforeTaking, "before"),
        (MessageFault::DropAfterTaking, "after"),
        (MessageFault::DropOnAck, "on"),
    ];
    for (fault, text) in faults {
        world.phone().spoil_messages(fault, 1);
        let answer = world.sends("", self::text(FRIEND, text)).await;
        assert!([201, 202].contains(&answer.status), "{}", answer.text());
        let id = id(&answer.json());
        world.becomes(&id, "delivered").await;
        let sent = world.at_whatsapp(&id);
        assert!(sent.is_taken && sent.contents == 1, "{text}: {} contents in {} copies", sent.contents, sent.copies);
    }
    assert_eq!(world.texts_at(FRIEND), ["before", "after", "on"]);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_receipt_proves_what_no_answer_has_said(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    world.phone().spoil_messages(MessageFault::AckWithheld, 1);
    let answer = world.sends("?wait=5", text(FRIEND, "tea")).await;
    let id = id(&answer.json());
    world.becomes(&id, "delivered").await;
    assert_eq!(world.at_whatsapp(&id).copies, 1);
    // The chat goes on.
    world.sends("", text(FRIEND, "cake")).await.ok();
    assert_eq!(world.texts_at(FRIEND), ["tea", "cake"]);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn the_same_request_is_the_same_message(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let keyed = |key: &'static str, body: Value| {
        let request = world.door.request(Method::POST, "/api/v1/sessions/shop/messages");
        world.door.send(request.header("idempotency-key", key).json(&body))
    };
    let (first, second) = tokio::join!(keyed("a", text(FRIEND, "tea")), keyed("a", text(FRIEND, "tea")));
    let replayed = [&first, &second].map(|answer| answer.header("idempotent-replayed").to_owned());
    assert_eq!(id(&first.json()), id(&second.json()));
    assert!(replayed.contains(&"true".to_owned()) && replayed.contains(&String::new()), "{replayed:?}");
    let id = id(&first.ok());
    world.becomes(&id, "delivered").await;
    let again = keyed("a", text(FRIEND, "tea")).await;
    assert_eq!((again.status, again.json()["status"].as_str()), (201, Some("delivered")));
    let other = keyed("a", text(FRIEND, "coffee")).await;
    assert_eq!(other.problem(), (422, "idempotency_key_reused".to_owned()));
    let mut referred = text(FRIEND, "cake");
    referred["client_reference"] = json!("order-7");
    let one = world.sends("", referred.clone()).await.ok();
    let two = world.sends("", referred).await.ok();
    assert_eq!((self::id(&one), &one["client_reference"]), (self::id(&two), &json!("order-7")));
    assert_eq!(world.texts_at(FRIEND), ["tea", "cake"]);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_waits_for_an_offline_session_goes_out_in_order_or_is_taken_back(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = world(kind).await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let refused = world.sends("?if_offline=fail", text(FRIEND, "tea")).await;
    assert_eq!(refused.problem(), (409, "session_not_connected".to_owned()));
    let mut ids = Vec::new();
    for number in 0..12 {
        let begun = Instant::now();
        let answer = world.sends("", text([FRIEND, OTHER][number % 2], &number.to_string())).await;
        assert_eq!((answer.status, answer.json()["status"].as_str()), (202, Some("queued")), "{}", answer.text());
        assert!(begun.elapsed() < Duration::from_secs(10), "nobody waits for an answer that cannot come");
        ids.push(id(&answer.json()));
    }
    let cancel = |id: &str| world.door.request(Method::DELETE, &format!("/api/v1/sessions/shop/messages/{id}"));
    // Who may send and not read learns no text by it.
    let (_, sender) = world.door.key(json!({ "name": "sender", "scopes": ["messages:send"] })).await;
    let path = format!("/api/v1/sessions/shop/messages/{}", ids[3]);
    let cancelled = world.door.holding(&sender).ask(Method::DELETE, &path, &Value::Null).await.ok();
    assert_eq!((&cancelled["status"], &cancelled["text"]), (&json!("cancelled"), &Value::Null));
    assert_eq!(world.message(&ids[3]).await["text"], "3");
    assert_eq!(world.door.send(cancel(&ids[3])).await.problem(), (409, "message_not_waiting".to_owned()));
    world.crash();
    world.door.post("/shop/connect", Value::Null).await.ok();
    for id in [&ids[10], &ids[11]] {
        world.becomes(id, "delivered").await;
    }
    assert_eq!(world.texts_at(FRIEND), ["0", "2", "4", "6", "8", "10"]);
    assert_eq!(world.texts_at(OTHER), ["1", "5", "7", "9", "11"]);
    assert_eq!(world.message(&ids[3]).await["status"], "cancelled");
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_message_outlives_the_process_at_every_point(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values("message_accepted", "before_wire", "after_wire", "after_ack")] point: &str,
) {
    let mut world = world(kind).await;
    world.server.stop();
    world.start_with(&["--crash-at", point]);
    world.reaches("shop", "logged_in").await;
    let mut body = text(FRIEND, "tea");
    body["client_reference"] = json!("order-7");
    // The process dies under it.
    let request = world.door.request(Method::POST, "/api/v1/sessions/shop/messages").json(&body);
    assert!(request.send().await.is_err(), "the process has not died at {point}");
    world.start_again();
    world.reaches("shop", "logged_in").await;
    let answer = world.sends("", body).await;
    assert_eq!(answer.header("idempotent-replayed"), "true", "{}", answer.text());
    let id = id(&answer.json());
    // A receipt that the library had acknowledged when the process died does not come again.
    world.becomes_one_of(&id, &["sent", "delivered"]).await;
    let sent = world.at_whatsapp(&id);
    assert_eq!((world.phone().sent().len(), sent.contents), (1, 1), "{point}");
    assert_eq!(world.texts_at(FRIEND), ["tea"], "{point}");
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn nothing_is_written_of_what_breaks_a_rule(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let with = |field: &str, value: Value| {
        let mut body = text(FRIEND, "tea");
        body[field] = value;
        body
    };
    let rows = [
        (text("call me", "tea"), "invalid_recipient", "to"),
        (text(SHOP, "tea"), "invalid_recipient", "to"),
        (text("tea@g.us", "tea"), "invalid_recipient", "to"),
        (with("mention_all", json!(true)), "invalid", "mention_all"),
        (text(FRIEND, " "), "invalid", "content.text"),
        (text(FRIEND, &"x".repeat(65_537)), "invalid", "content.text"),
        (with("content", json!({ "type": "smoke" })), "invalid", "`content.type` must be one of text"),
        (with("content", json!({ "type": "image" })), "invalid", "`content.media` is required"),
        (with("content", json!({ "text": "tea" })), "invalid", "`content.type` is required"),
        (with("content", json!({ "type": "text" })), "invalid", "`content.text` is required"),
        (with("send_at", json!(1)), "invalid", "send_at"),
        (with("expires_at", json!(1)), "invalid", "expires_at"),
        (with("mentions", json!([OTHER])), "invalid", "mentions"),
        (with("client_reference", json!("")), "invalid", "client_reference"),
    ];
    for (body, code, field) in rows {
        let refused = world.sends("", body).await;
        let detail = refused.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(detail.contains(field), "{detail}");
        assert_eq!(refused.problem(), (422, code.to_owned()), "{detail}");
    }
    assert_eq!(world.sends("?wait=61", text(FRIEND, "tea")).await.problem().0, 422);
    assert_eq!(world.door.get("/shop/messages").await.ok()["messages"], json!([]));
    assert_eq!(world.door.get("/shop/messages/3EB0").await.problem(), (404, "message_not_found".to_owned()));
    let scheduled = world.door.key(json!({ "name": "reader", "scopes": ["messages:read"] })).await.1;
    let refused = world.door.holding(&scheduled).post("/shop/messages", text(FRIEND, "tea")).await;
    assert_eq!(refused.problem(), (403, "forbidden".to_owned()));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_message_waits_for_its_moment_and_not_longer_than_it_may(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let now = seconds();
    let mut later = text(FRIEND, "later");
    later["send_at"] = json!(now + 3);
    let scheduled = world.sends("", later).await;
    assert_eq!(
        (scheduled.status, scheduled.json()["status"].as_str()),
        (202, Some("scheduled")),
        "{}",
        scheduled.text()
    );
    world.sends("", text(FRIEND, "now")).await.ok();
    let id = id(&scheduled.json());
    world.becomes(&id, "delivered").await;
    assert_eq!(world.texts_at(FRIEND), ["now", "later"]);
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let mut short = text(FRIEND, "too late");
    short["expires_at"] = json!(seconds() + 2);
    let short = self::id(&world.sends("", short).await.ok());
    world.becomes(&short, "expired").await;
    world.door.post("/shop/connect", Value::Null).await.ok();
    world.reaches("shop", "logged_in").await;
    world.sends("", text(FRIEND, "on time")).await.ok();
    assert_eq!(world.texts_at(FRIEND), ["now", "later", "on time"]);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_phone_that_cannot_read_a_message_gets_the_same_one_again(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = world(kind).await;
    world.sim.phone(FRIEND).break_outbound(1, true);
    let sent = world.sends("", text(FRIEND, "tea")).await.ok();
    let retries = || world.sim.phone(FRIEND).retries();
    world.eventually("it is answered", || retries().iter().any(|retry| retry.answers > 0)).await;
    assert!(retries().iter().all(|retry| retry.is_same && retry.message_id == id(&sent)));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_one_account_was_to_send_is_not_sent_by_another(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let waiting = id(&world.sends("", text(FRIEND, "tea")).await.ok());
    world.door.post("/shop/logout", Value::Null).await.ok();
    world.door.post("/shop/connect", Value::Null).await.ok();
    world.link("shop", &world.sim.phone(OTHER)).await;
    let failed = world.becomes(&waiting, "failed").await;
    assert_eq!(failed["failed"]["code"], "account_changed");
    assert!(world.texts_at(FRIEND).is_empty());
    world.finish().await;
}

#[tokio::test]
async fn a_session_sends_no_faster_than_it_may() {
    let world = World::with(Kind::Sqlite, Settings::default(), &["--send-rate", "2", "--send-burst", "2"]).await;
    world.linked("shop").await;
    let _ = world.sim.phone(FRIEND);
    let begun = Instant::now();
    for number in 0..5 {
        world.sends("?wait=0", text(FRIEND, &number.to_string())).await.ok();
    }
    world.eventually("all are there", || world.texts_at(FRIEND).len() == 5).await;
    // Two at once, and half a second for each of the others.
    assert!(begun.elapsed() > Duration::from_millis(1_400), "{:?}", begun.elapsed());
    world.finish().await;
}
