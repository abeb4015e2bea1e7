//! What is sent to groups, through both doors, as the phones of their members see it, and what becomes known of it.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::{Addressing, InboxMessage, MessageFault, ReceiptKind, Settings, content};

use crate::support::door::Answer;
use crate::support::journal::until;
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";
const OTHER: &str = "15550100078";
const STRANGER: &str = "15550100079";
/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
const SEND: &str = "mutation($i: SendMessageInput!) { sendMessage(input: $i) { id chat status } }";

/// Which door.
#[derive(Clone, Copy, Debug)]
enum Through {
    Rest,
    Graph,
}

/// A session that is logged in, and phones of people whom it can meet in groups.
async fn world(kind: Kind) -> World {
    let world = World::with(kind, Settings::default(), &["--send-rate", "0"]).await;
    world.linked("shop").await;
    for number in [FRIEND, OTHER, STRANGER] {
        world.sim.phone(number);
    }
    world
}

/// A group of the shop, the friend and the other, made by the other.
fn group(world: &World, addressing: Addressing) -> String {
    world.sim.phone(OTHER).create_group_addressed("Tea", &[SHOP, FRIEND], addressing).expect("a group")
}

/// A text that is to be sent there, with more of it.
fn text(group: &str, text: &str, more: Value) -> Value {
    let mut body = json!({ "to": group, "content": { "type": "text", "text": text } });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

/// Sends a text that WhatsApp takes. Gives its id.
async fn sent(world: &World, through: Through, group: &str, words: &str, more: Value) -> String {
    match through {
        Through::Rest => {
            let answer = world.door.post("/shop/messages", text(group, words, more)).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
            let message = answer.ok();
            assert_eq!(message["chat"], group);
            id(&message)
        }
        Through::Graph => {
            let mut given = json!({ "sessionId": "shop", "to": group, "content": { "text": { "text": words } } });
            for (name, value) in more.as_object().into_iter().flatten() {
                let name = match name.as_str() {
                    "reply_to" => "replyTo",
                    "mention_all" => "mentionAll",
                    other => other,
                };
                given[name] = value.clone();
            }
            let message = world.door.asked(SEND, json!({ "i": given })).await["sendMessage"].clone();
            assert_eq!(message["chat"], group);
            id(&message)
        }
    }
}

fn id(message: &Value) -> String {
    message["id"].as_str().unwrap_or_else(|| panic!("no id in {message}")).to_owned()
}

/// A message, once a member's phone has it.
async fn arrives(world: &World, number: &str, id: &str) -> InboxMessage {
    let phone = world.sim.phone(number);
    world.eventually("the message arrives", || phone.inbox().iter().any(|message| message.id == id)).await;
    phone.inbox().into_iter().find(|message| message.id == id).expect("it is there")
}

/// What is known of a message, once it is so.
async fn known(world: &World, id: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let message = world.door.get(&format!("/shop/messages/{id}")).await.ok();
        if is_it(&message) {
            return message;
        }
        assert!(begun.elapsed() < LIMIT, "not in time but {message}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

async fn status(world: &World, id: &str, status: &str) {
    known(world, id, |message| message["status"] == status).await;
}

fn lid(world: &World, number: &str) -> String {
    let lid = world.sim.phone(number).lid();
    if lid.contains('@') { lid } else { format!("{lid}@lid") }
}

/// What a member is called in a group.
fn member(world: &World, addressing: Addressing, number: &str) -> String {
    match addressing {
        Addressing::Lid => lid(world, number),
        Addressing::PhoneNumber => format!("{number}@s.whatsapp.net"),
    }
}

#[rstest]
#[tokio::test]
async fn a_text_reaches_all_members_with_mentions_and_quotes_as_the_group_names_people(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Through::Rest, Through::Graph)] through: Through,
    #[values(Addressing::Lid, Addressing::PhoneNumber)] addressing: Addressing,
) {
    let world = world(kind).await;
    let group = group(&world, addressing);
    let theirs = world.sim.phone(FRIEND).send(&group, "tea?").await.expect("it is sent");
    until(&world, "message", |body| body["message_id"] == theirs.as_str()).await;
    let words = format!("at six, @{FRIEND}");
    let id = sent(&world, through, &group, &words, json!({ "mentions": [FRIEND], "reply_to": theirs })).await;
    let friend = member(&world, addressing, FRIEND);
    let digits = friend.split('@').next().expect("it has some").to_owned();
    for number in [FRIEND, OTHER] {
        let seen = arrives(&world, number, &id).await;
        assert_eq!((seen.group.as_deref(), seen.from.as_str()), (Some(group.as_str()), SHOP));
        assert_eq!(seen.text, format!("at six, @{digits}"));
        assert_eq!(seen.content.mentions, [friend.as_str()]);
        let quoted = seen.content.quoted.expect("it answers");
        assert_eq!((quoted.id.as_str(), quoted.participant.as_str()), (theirs.as_str(), friend.as_str()));
        assert!(quoted.is_present, "phones show an empty box otherwise");
    }
    let own = sent(&world, through, &group, "all of you", json!({ "mention_all": true, "reply_to": id })).await;
    let seen = arrives(&world, FRIEND, &own).await;
    assert!(seen.content.mentions_all && seen.content.mentions.is_empty());
    assert_eq!(seen.content.quoted.expect("it answers").participant, member(&world, addressing, SHOP));
    status(&world, &own, "delivered").await;
    assert_eq!(world.sim.violations(), [] as [String; 0]);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_is_done_to_messages_in_a_group_names_who_sent_them(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Addressing::Lid, Addressing::PhoneNumber)] addressing: Addressing,
) {
    let world = world(kind).await;
    let group = group(&world, addressing);
    let theirs = world.sim.phone(FRIEND).send(&group, "tea?").await.expect("it is sent");
    until(&world, "message", |body| body["message_id"] == theirs.as_str()).await;
    let own = sent(&world, Through::Rest, &group, "at six", json!({})).await;
    let act = async |method: reqwest::Method, message: &str, path: &str, body: Value| -> Answer {
        world.door.ask(method, &format!("/api/v1/sessions/shop/messages/{message}/{path}"), &body).await
    };
    let reaction = act(reqwest::Method::PUT, &theirs, "reaction", json!({ "emoji": "\u{1f44d}" })).await;
    assert_eq!(reaction.status, 201, "{}", reaction.text());
    let seen = arrives(&world, FRIEND, &id(&reaction.ok())).await;
    let target = seen.content.target.expect("it has one");
    assert_eq!((target.chat.as_str(), target.id.as_str(), target.from_me), (group.as_str(), theirs.as_str(), false));
    assert_eq!(target.participant, Some(member(&world, addressing, FRIEND)));
    let edit = act(reqwest::Method::POST, &own, "edit", json!({ "text": "at seven" })).await;
    assert_eq!(edit.status, 201, "{}", edit.text());
    let seen = arrives(&world, OTHER, &id(&edit.ok())).await;
    assert_eq!((seen.content.kind, seen.text.as_str(), seen.edit.as_deref()), ("edit", "at seven", Some("1")));
    // What others sent is removed by admins, and by nobody else.
    let refused = act(reqwest::Method::POST, &theirs, "revoke", Value::Null).await;
    assert_eq!(refused.problem(), (403, "not_yours".to_owned()));
    world.sim.phone(OTHER).promote(&group, &[SHOP]).expect("they may");
    until(&world, "group_update", |body| body["change"] == "participants_promoted").await;
    let begun = Instant::now();
    let revoked = loop {
        let answer = act(reqwest::Method::POST, &theirs, "revoke", Value::Null).await;
        if answer.status == 201 || begun.elapsed() > LIMIT {
            break answer;
        }
        // What changed is looked at a moment after it is told.
        tokio::time::sleep(Duration::from_millis(15)).await;
    };
    assert_eq!(revoked.status, 201, "{}", revoked.text());
    let seen = arrives(&world, FRIEND, &id(&revoked.ok())).await;
    assert_eq!((seen.content.kind, seen.edit.as_deref()), ("revoke", Some("8")));
    assert_eq!(seen.content.target.expect("it has one").participant, Some(member(&world, addressing, FRIEND)));
    let revoked = act(reqwest::Method::POST, &own, "revoke", Value::Null).await;
    assert_eq!(arrives(&world, FRIEND, &id(&revoked.ok())).await.edit.as_deref(), Some("7"));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_message_is_where_the_last_of_its_members_is_and_who_leaves_is_not_waited_for(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = world(kind).await;
    let group = group(&world, Addressing::Lid);
    let (friend, other) = (world.sim.phone(FRIEND), world.sim.phone(OTHER));
    friend.switch_off();
    let id = sent(&world, Through::Rest, &group, "tea", json!({})).await;
    let receipts = async || world.door.get(&format!("/shop/messages/{id}/receipts")).await.ok()["receipts"].clone();
    let begun = Instant::now();
    while receipts().await.as_array().is_none_or(|found| found.len() != 1) {
        assert!(begun.elapsed() < LIMIT, "the other has it");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    status(&world, &id, "sent").await;
    friend.switch_on();
    status(&world, &id, "delivered").await;
    arrives(&world, OTHER, &id).await;
    other.read(&[&id]).expect("it is in the inbox");
    until(&world, "receipt", |body| body["kind"] == "read" && body["message_ids"] == json!([id])).await;
    status(&world, &id, "delivered").await;
    friend.read(&[&id]).expect("it is in the inbox");
    status(&world, &id, "read").await;
    assert_eq!(receipts().await.as_array().map(Vec::len), Some(2));
    // Of two who were there then, one leaves without having read it.
    let second = sent(&world, Through::Rest, &group, "more tea", json!({})).await;
    status(&world, &second, "delivered").await;
    other.read(&[&second]).expect("it is in the inbox");
    until(&world, "receipt", |body| body["kind"] == "read" && body["message_ids"] == json!([second])).await;
    status(&world, &second, "delivered").await;
    other.remove_from_group(&group, &[FRIEND]).await.expect("they may");
    status(&world, &second, "read").await;
    world.finish().await;
}

#[tokio::test]
async fn a_receipt_of_several_members_counts_for_each() {
    let world = world(Kind::Sqlite).await;
    let group = group(&world, Addressing::Lid);
    let id = sent(&world, Through::Rest, &group, "tea", json!({})).await;
    status(&world, &id, "delivered").await;
    world.phone().hear_from_group(&group, &id, ReceiptKind::Read, &[FRIEND, OTHER]).expect("they are members");
    status(&world, &id, "read").await;
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn where_the_account_may_not_write_is_said_before_anything_is_written(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = world(kind).await;
    let other = world.sim.phone(OTHER);
    let foreign = other.create_group("Coffee", &[FRIEND]).expect("a group");
    let quiet = group(&world, Addressing::Lid);
    other.set_announcement(&quiet, true).expect("they may");
    let fine = group(&world, Addressing::Lid);
    let rows = [
        ("120363999999999999@g.us", json!({}), (404, "group_not_found")),
        (foreign.as_str(), json!({}), (403, "not_in_group")),
        (quiet.as_str(), json!({}), (403, "group_admins_only")),
        (fine.as_str(), json!({ "mentions": [STRANGER] }), (422, "invalid")),
    ];
    for (group, more, (status, code)) in rows {
        let refused = world.door.post("/shop/messages", text(group, "tea", more.clone())).await;
        assert_eq!(refused.problem(), (status, code.to_owned()), "{group}");
        let mut given = json!({ "sessionId": "shop", "to": group, "content": { "text": { "text": "tea" } } });
        if let Some(mentions) = more.get("mentions") {
            given["mentions"] = mentions.clone();
        }
        assert_eq!(world.door.graph_failure(SEND, json!({ "i": given })).await, code, "{group}");
    }
    let listed = world.door.get("/shop/messages?direction=outgoing").await.ok();
    assert_eq!(listed["messages"], json!([]));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_was_taken_in_offline_is_checked_before_it_is_sent(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let other = world.sim.phone(OTHER);
    let (fine, quiet) = (group(&world, Addressing::Lid), group(&world, Addressing::Lid));
    other.set_announcement(&quiet, true).expect("they may");
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    world.reaches("shop", "disconnected").await;
    let mut ids = Vec::new();
    for group in [fine.as_str(), quiet.as_str(), "120363999999999999@g.us"] {
        let answer = world.door.post("/shop/messages", text(group, "tea", json!({}))).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        ids.push(id(&answer.ok()));
    }
    world.door.post("/shop/connect", Value::Null).await.ok();
    status(&world, &ids[0], "delivered").await;
    for (id, code) in [(&ids[1], "group_admins_only"), (&ids[2], "group_not_found")] {
        let message = known(&world, id, |message| message["status"] == "failed").await;
        assert_eq!(message["failed"]["code"], code);
    }
    world.finish().await;
}

#[tokio::test]
async fn a_group_that_knows_its_members_otherwise_gets_the_same_message_once_more() {
    let world = world(Kind::Sqlite).await;
    let group = group(&world, Addressing::Lid);
    sent(&world, Through::Rest, &group, "tea", json!({})).await;
    world.sim.spoil_messages(SHOP, MessageFault::Nack { code: 421 }, 1);
    let id = sent(&world, Through::Rest, &group, "more tea", json!({})).await;
    arrives(&world, FRIEND, &id).await;
    let message = known(&world, &id, |message| message["status"] == "delivered").await;
    assert_eq!(message["attempts"], 1);
    world.finish().await;
}

#[tokio::test]
async fn the_timer_of_a_group_is_kept() {
    let world = world(Kind::Sqlite).await;
    let group = group(&world, Addressing::Lid);
    world.sim.phone(OTHER).set_group_timer(&group, 86_400).expect("they may");
    let id = sent(&world, Through::Rest, &group, "tea", json!({})).await;
    assert_eq!(arrives(&world, FRIEND, &id).await.content.ephemeral_seconds, Some(86_400));
    world.finish().await;
}

#[tokio::test]
async fn a_message_that_was_made_for_too_few_devices_is_sent_on_once() {
    let world = world(Kind::Sqlite).await;
    let group = group(&world, Addressing::Lid);
    let friend = world.sim.phone(FRIEND);
    sent(&world, Through::Rest, &group, "tea", json!({})).await;
    friend.hide_devices();
    world.door.create("desk").await;
    world.link("desk", &friend).await;
    let id = sent(&world, Through::Rest, &group, "more tea", json!({})).await;
    let copies = || world.phone().sent().into_iter().find(|message| message.id == id);
    world.eventually("it is sent on", || copies().is_some_and(|sent| sent.copies == 2)).await;
    assert_eq!(copies().expect("it is there").contents, 1, "it is the same message");
    status(&world, &id, "delivered").await;
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_status_is_seen_by_those_who_are_listed(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = world(kind).await;
    let came = world.sim.phone(FRIEND).send(SHOP, "is there tea?").await.expect("it is sent");
    until(&world, "message", |body| body["message_id"] == came.as_str()).await;
    let status_to = |people: Value| text("status@broadcast", "tea is ready", json!({ "status_recipients": people }));
    for people in [json!([]), Value::Null] {
        let refused = world.door.post("/shop/messages", status_to(people)).await;
        assert_eq!(refused.problem(), (422, "invalid".to_owned()));
    }
    let own = world.door.post("/shop/messages", status_to(json!([SHOP]))).await;
    assert_eq!(own.problem(), (422, "invalid_recipient".to_owned()));
    let person = text(FRIEND, "tea", json!({ "status_recipients": [FRIEND] }));
    assert_eq!(world.door.post("/shop/messages", person).await.problem(), (422, "invalid".to_owned()));
    // Whom it is for is written with it.
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    world.reaches("shop", "disconnected").await;
    let answer = world.door.post("/shop/messages", status_to(json!([FRIEND]))).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let id = id(&answer.ok());
    world.crash();
    world.door.post("/shop/connect", Value::Null).await.ok();
    let seen = arrives(&world, FRIEND, &id).await;
    assert_eq!((seen.group.as_deref(), seen.text.as_str()), (Some("status@broadcast"), "tea is ready"));
    status(&world, &id, "delivered").await;
    assert!(world.sim.phone(OTHER).inbox().is_empty());
    let revoked = world.door.post(&format!("/shop/messages/{id}/revoke"), Value::Null).await;
    assert_eq!(revoked.problem(), (422, "invalid".to_owned()), "the library cannot write that as WhatsApp knows it");
    world.finish().await;
}

/// What both doors show of a message: its text, and whether it was removed.
async fn looks(world: &World, id: &str) -> (Value, bool) {
    let got = world.door.get(&format!("/shop/messages/{id}")).await.ok();
    let query = "query($id: ID!) { message(sessionId: \"shop\", id: $id) { text revokedAt } }";
    let graph = world.door.asked(query, json!({ "id": id })).await["message"].clone();
    let shown = (got["text"].clone(), !got["revoked_at"].is_null());
    assert_eq!((graph["text"].clone(), !graph["revokedAt"].is_null()), shown);
    shown
}

#[rstest]
#[tokio::test]
async fn only_an_admin_removes_what_somebody_else_sent(
    #[values(Addressing::Lid, Addressing::PhoneNumber)] addressing: Addressing,
) {
    let world = world(Kind::Sqlite).await;
    let group = group(&world, addressing);
    let (friend, other) = (world.sim.phone(FRIEND), world.sim.phone(OTHER));
    let theirs = friend.send(&group, "tea?").await.expect("it is sent");
    until(&world, "message", |body| body["message_id"] == theirs.as_str()).await;
    let admins = other.send(&group, "coffee!").await.expect("it is sent");
    until(&world, "message", |body| body["message_id"] == admins.as_str()).await;
    let own = sent(&world, Through::Rest, &group, "at six", json!({})).await;
    // The friend is no admin: what looks like a removal of their own message names what somebody else sent.
    for (message, sender) in [(&admins, OTHER), (&own, SHOP)] {
        let key = content::key(&group, message, true, Some(&member(&world, addressing, sender)));
        let forged = friend.send_content(&group, content::revoke(key)).await.expect("it is sent");
        until(&world, "message", |body| body["message_id"] == forged.as_str()).await;
    }
    assert_eq!(looks(&world, &admins).await, (json!("coffee!"), false));
    assert_eq!(looks(&world, &own).await, (json!("at six"), false));
    for (message, sender) in [(&theirs, FRIEND), (&own, SHOP)] {
        let key = content::key(&group, message, false, Some(&member(&world, addressing, sender)));
        let removal = other.send_content(&group, content::revoke(key)).await.expect("it is sent");
        until(&world, "message", |body| body["message_id"] == removal.as_str()).await;
        assert_eq!(looks(&world, message).await, (Value::Null, true));
    }
    world.finish().await;
}
