//! What is told in chats beside messages: read marks, typing and presence; and what holds messages up, and what becomes of them.

use std::time::{Duration, Instant};

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::Settings;

use crate::support::door::Answer;
use crate::support::events::Events;
use crate::support::graph::Socket;
use crate::support::journal::until;
use crate::support::world::{Kind, World};

/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(40);
const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";

/// A session that is logged in, and a friend with a phone.
async fn world(kind: Kind) -> World {
    let world = World::with(kind, Settings::default(), &["--send-rate", "0"]).await;
    world.linked("shop").await;
    world.sim.phone(FRIEND);
    world
}

/// Texts that came from the friend.
async fn heard(world: &World, texts: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for text in texts {
        let id = world.sim.phone(FRIEND).send(SHOP, text).await.expect("it is sent");
        until(world, "message", |body| body["message_id"] == id).await;
        ids.push(id);
    }
    ids
}

fn read_receipts(world: &World) -> u64 {
    let stanzas = world.sim.stats().stanzas;
    stanzas.iter().filter(|(kind, _)| kind.starts_with("receipt/read")).map(|(_, count)| count).sum()
}

async fn read(world: &World, chat: &str, body: Value) -> Answer {
    world.door.post(&format!("/shop/chats/{chat}/read"), body).await
}

async fn set_presence(world: &World, session: &str, state: &str) -> Answer {
    let path = format!("/api/v1/sessions/{session}/presence");
    world.door.ask(Method::PUT, &path, &json!({ "state": state })).await
}

#[rstest]
#[tokio::test]
async fn messages_are_marked_as_read_by_id_or_all_of_a_chat(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let ids = heard(&world, &["tea?", "at six?", "hello?"]).await;
    let chat = format!("{FRIEND}@s.whatsapp.net");
    let marked = read(&world, FRIEND, json!({ "message_ids": [ids[0]] })).await.ok();
    assert_eq!(marked, json!({ "chat": chat, "message_ids": [ids[0]] }));
    world.eventually("one receipt for one message", || read_receipts(&world) == 1).await;
    // By any spelling of the number, and by JID.
    for name in ["+15550100077", &chat] {
        let marked = read(&world, name, Value::Null).await.ok();
        assert_eq!(marked, json!({ "chat": chat, "message_ids": ids }));
    }
    world.eventually("one receipt for all of them", || read_receipts(&world) == 3).await;
    let query = "mutation($i: MarkMessagesReadInput!) { markMessagesRead(input: $i) { chat messageIds } }";
    for (given, expected) in [(json!([ids[1], ids[1]]), json!([ids[1]])), (Value::Null, json!(ids))] {
        let input = json!({ "sessionId": "shop", "chatId": FRIEND, "messageIds": given });
        let marked = world.door.asked(query, json!({ "i": input })).await;
        assert_eq!(marked["markMessagesRead"], json!({ "chat": chat, "messageIds": expected }));
    }
    world.eventually("the graph does the same", || read_receipts(&world) == 5).await;
    // In a chat in which nothing came there is nothing to tell.
    let marked = read(&world, "15550100079", Value::Null).await.ok();
    assert_eq!(marked["message_ids"], json!([]));
    assert_eq!(read_receipts(&world), 5);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn read_marks_name_each_sender_of_a_group(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let (phone, friend, other) = (world.phone(), world.sim.phone(FRIEND), world.sim.phone("15550100078"));
    let group = phone.create_group("tea", &[FRIEND, "15550100078"]).expect("it is made");
    let mut ids = Vec::new();
    for (sender, text) in [(&friend, "tea?"), (&other, "coffee!"), (&friend, "tea!")] {
        let id = sender.send(&group, text).await.expect("it is sent");
        until(&world, "message", |body| body["message_id"] == id).await;
        ids.push(id);
    }
    let marked = read(&world, &group, Value::Null).await.ok();
    let mut told: Vec<_> =
        marked["message_ids"].as_array().expect("a list").iter().map(|id| id.as_str().expect("an id")).collect();
    told.sort_unstable();
    ids.sort();
    assert_eq!(told, ids);
    world.eventually("one receipt for each sender", || read_receipts(&world) == 2).await;
    world.finish().await;
}

#[tokio::test]
async fn what_cannot_be_marked_or_shown_is_refused() {
    let world = world(Kind::Sqlite).await;
    let ids = heard(&world, &["tea?"]).await;
    let many: Vec<_> = (0..257).map(|number| format!("3EB0{number}")).collect();
    for (chat, body, expected) in [
        (FRIEND, json!({ "message_ids": ["3EB0NONE"] }), (404, "message_not_found")),
        ("15550100079", json!({ "message_ids": ids }), (404, "message_not_found")),
        (FRIEND, json!({ "message_ids": [] }), (422, "invalid")),
        (FRIEND, json!({ "message_ids": many }), (422, "invalid")),
        ("tea", Value::Null, (404, "chat_not_found")),
        ("status@broadcast", Value::Null, (404, "chat_not_found")),
    ] {
        let (status, code) = read(&world, chat, body).await.problem();
        assert_eq!((status, code.as_str()), expected, "{chat}");
    }
    for (chat, body, expected) in [
        (FRIEND, json!({ "state": "composing", "seconds": 0 }), (422, "invalid")),
        (FRIEND, json!({ "state": "composing", "seconds": 26 }), (422, "invalid")),
        (FRIEND, json!({ "state": "paused", "seconds": 1 }), (422, "invalid")),
        (FRIEND, json!({ "state": "shouting" }), (422, "invalid")),
        (FRIEND, json!({}), (422, "invalid")),
        ("tea", json!({ "state": "composing" }), (404, "chat_not_found")),
    ] {
        let (status, code) = world.door.post(&format!("/shop/chats/{chat}/typing"), body.clone()).await.problem();
        assert_eq!((status, code.as_str()), expected, "{body}");
    }
    assert_eq!(set_presence(&world, "shop", "away").await.problem(), (422, "invalid".to_owned()));
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let offline = (409, "session_not_connected".to_owned());
    assert_eq!(read(&world, FRIEND, Value::Null).await.problem(), offline);
    let typing = world.door.post(&format!("/shop/chats/{FRIEND}/typing"), json!({ "state": "composing" })).await;
    assert_eq!(typing.problem(), offline);
    assert_eq!(set_presence(&world, "shop", "available").await.problem(), offline);
    for query in [
        r#"mutation { markMessagesRead(input: { sessionId: "shop", chatId: "15550100077" }) { chat } }"#,
        r#"mutation { sendTyping(input: { sessionId: "shop", chatId: "15550100077", state: PAUSED }) { chat } }"#,
        r#"mutation { setPresence(input: { sessionId: "shop", state: AVAILABLE }) { state } }"#,
    ] {
        assert_eq!(world.door.graph_failure(query, Value::Null).await, "session_not_connected");
    }
    assert_eq!(read_receipts(&world), 0);
    world.finish().await;
}

/// What the friend's session is told next of who types.
async fn seen(stream: &mut Events) -> Value {
    let (name, event) = stream.next().await.expect("the stream goes on");
    assert_eq!((name.as_str(), &event["session_id"]), ("chat_presence", &json!("friend")), "{event}");
    event["data"]["state"].clone()
}

#[rstest]
#[tokio::test]
async fn who_is_there_is_told_who_types_until_they_stop(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    // The friend has a session as well, which hears what the shop does.
    world.door.create("friend").await;
    world.link("friend", &world.sim.phone(FRIEND)).await;
    // WhatsApp takes no presence without the account's name, which comes a moment after the login.
    let begun = Instant::now();
    while set_presence(&world, "friend", "available").await.status != 200 {
        assert!(begun.elapsed() < LIMIT, "the name has not come");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    assert_eq!(set_presence(&world, "friend", "available").await.ok(), json!({ "state": "available" }));
    world.eventually("somebody is there", || world.sim.phone(FRIEND).is_silent()).await;
    // Typing is told to who follows it, and is kept for nobody else.
    let mut stream =
        Events::open(world.door.request(Method::GET, "/api/v1/events/stream?session=friend&type=chat_presence")).await;
    let typing = format!("/shop/chats/{FRIEND}/typing");
    let shown = world.door.post(&typing, json!({ "state": "composing" })).await.ok();
    assert_eq!(shown, json!({ "chat": format!("{FRIEND}@s.whatsapp.net"), "state": "composing", "until": null }));
    assert_eq!(seen(&mut stream).await, "composing");
    let query = "mutation($i: SendTypingInput!) { sendTyping(input: $i) { chat state until } }";
    let input = json!({ "sessionId": "shop", "chatId": FRIEND, "state": "RECORDING", "seconds": 1 });
    let shown = world.door.asked(query, json!({ "i": input })).await;
    assert_eq!(shown["sendTyping"]["state"], "RECORDING");
    assert!(shown["sendTyping"]["until"].is_string());
    // It ends by itself.
    assert_eq!(seen(&mut stream).await, "recording");
    assert_eq!(seen(&mut stream).await, "paused");
    // Who types on is not stopped by what was said before.
    world.door.post(&typing, json!({ "state": "composing", "seconds": 1 })).await.ok();
    world.door.post(&typing, json!({ "state": "recording" })).await.ok();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    world.door.post(&typing, json!({ "state": "composing" })).await.ok();
    for state in ["composing", "recording", "composing"] {
        assert_eq!(seen(&mut stream).await, state);
    }
    let query = r#"mutation { setPresence(input: { sessionId: "friend", state: UNAVAILABLE }) { state } }"#;
    let said = world.door.asked(query, Value::Null).await;
    assert_eq!(said["setPresence"]["state"], "UNAVAILABLE");
    world.eventually("nobody is there", || !world.sim.phone(FRIEND).is_silent()).await;
    world.finish().await;
}

fn text(text: &str) -> Value {
    json!({ "to": FRIEND, "content": { "type": "text", "text": text } })
}

#[rstest]
#[tokio::test]
async fn the_limits_say_what_waits_and_how_fast_it_goes(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::with(kind, Settings::default(), &["--send-rate", "2.5", "--send-burst", "7"]).await;
    world.linked("shop").await;
    world.sim.phone(FRIEND);
    let rate = json!({ "per_second": 2.5, "burst": 7 });
    let limits = world.door.get("/shop/limits").await.ok();
    assert_eq!(limits["queue"], json!({ "waiting": 0, "oldest_at": null }));
    assert_eq!(limits["rate"], rate);
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let first = world.door.post("/shop/messages", text("one")).await.ok();
    world.door.post("/shop/messages", text("two")).await.ok();
    let limits = world.door.get("/shop/limits").await.ok();
    assert_eq!(limits["queue"], json!({ "waiting": 2, "oldest_at": first["created_at"] }));
    let query = r#"{ limits(sessionId: "shop") { queue { waiting oldestAt } rate { perSecond burst } } }"#;
    let shown = world.door.asked(query, Value::Null).await["limits"].clone();
    assert_eq!((&shown["queue"]["waiting"], &shown["rate"]["perSecond"]), (&json!(2), &json!(2.5)));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn the_graph_follows_what_becomes_of_messages_and_goes_on_where_it_stopped(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = world(kind).await;
    let field = |after: &str| {
        format!(
            "subscription {{ messageStatus(sessions: [\"shop\"]{after}) {{ cursor node {{ event data {{ \
             ... on MessageStatusEvent {{ messageId status previous }} }} }} }} }}"
        )
    };
    let mut socket = Socket::admitted(world.server.base()).await;
    socket.subscribe("1", &field("")).await;
    // It follows from now on, whenever that is: so something that was before it is asked for until it is heard.
    socket.subscribe("probe", "{ version }").await;
    assert_eq!(socket.hear().await["id"], "probe");
    let message = world.door.post("/shop/messages", text("tea?")).await.ok();
    heard(&world, &["yes"]).await;
    let mut cursors = Vec::new();
    let mut statuses = Vec::new();
    loop {
        let heard = socket.hear().await;
        if heard["id"] != "1" {
            continue;
        }
        let item = &heard["payload"]["data"]["messageStatus"];
        assert_eq!(item["node"]["event"], "MESSAGE_STATUS", "{heard}");
        assert_eq!(item["node"]["data"]["messageId"], message["id"]);
        cursors.push(item["cursor"].as_str().expect("a cursor").to_owned());
        statuses.push(item["node"]["data"]["status"].as_str().expect("a word").to_owned());
        if statuses.last().is_some_and(|status| status == "DELIVERED") {
            break;
        }
    }
    assert_eq!(statuses[..2], ["QUEUED", "SENDING"]);
    let mut again = Socket::admitted(world.server.base()).await;
    again.subscribe("2", &field(&format!(", after: \"{}\"", cursors[0]))).await;
    for status in &statuses[1..] {
        let item = again.next("2", "messageStatus").await;
        assert_eq!(item["node"]["data"]["status"], json!(status));
    }
    world.finish().await;
}
