//! Who got, read and played what was sent: each person once, whenever and however often it is told.

use std::time::{Duration, Instant};

use async_graphql::ScalarType;
use entity::timestamp::Timestamp;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use whatsapp_simulator::{ReceiptKind, Settings};

use crate::support::journal::{self, of_type, until};
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";
const OTHER: &str = "15550100078";
/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

const QUERY: &str = r#"query($id: ID!, $first: Int, $after: String) {
    messageReceipts(sessionId: "shop", id: $id, first: $first, after: $after) {
        edges { cursor node { participant { id lid phoneNumber pushName } deliveredAt readAt playedAt } }
        pageInfo { hasNextPage }
    }
}"#;

/// A session that is logged in, and two friends with phones, one of whom has written.
async fn world(kind: Kind) -> World {
    let world = World::with(kind, Settings::default(), &["--send-rate", "0"]).await;
    world.linked("shop").await;
    world.sim.phone(OTHER);
    let came = world.sim.phone(FRIEND).send(SHOP, "is there tea?").await.expect("it is sent");
    until(&world, "message", |body| body["message_id"] == came).await;
    world
}

/// Sends a text to the friend, and waits until it is there. Gives its id.
async fn delivered(world: &World) -> String {
    let body = json!({ "to": FRIEND, "content": { "type": "text", "text": "tea is ready" } });
    let message = world.door.post("/shop/messages", body).await.ok();
    let id = message["id"].as_str().expect("an id").to_owned();
    receipts(world, &id, |found| found.len() == 1).await;
    id
}

/// What REST lists of a message, once it is so.
async fn receipts(world: &World, id: &str, is_it: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let page = world.door.get(&format!("/shop/messages/{id}/receipts")).await.ok();
        let found = page["receipts"].as_array().expect("a list").clone();
        if is_it(&found) {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "not in time but {page}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

/// The same through the graph, as REST writes it.
async fn graphed(world: &World, id: &str) -> Vec<Value> {
    let found = world.door.asked(QUERY, json!({ "id": id })).await;
    let edges = found["messageReceipts"]["edges"].as_array().expect("a list").clone();
    edges.into_iter().map(|edge| edge["node"].clone()).collect()
}

/// A moment that REST wrote, as the graph writes it.
fn graph_moment(moment: &Value) -> Value {
    let Some(seconds) = moment.as_i64() else { return Value::Null };
    Timestamp::from_millis(seconds * 1000).to_value().into_json().expect("it is JSON")
}

/// Changes the tables under the server, as nobody does.
async fn tamper(world: &World, statements: &[String]) {
    for sql in statements {
        match world.database_url() {
            None => journal::tamper(world, sql).await,
            Some(_) => {
                world.database().write().execute_unprepared(sql).await.expect("it can be changed");
            }
        }
    }
}

fn lid_of(world: &World, number: &str) -> String {
    let lid = world.sim.phone(number).lid();
    if lid.contains('@') { lid } else { format!("{lid}@lid") }
}

#[rstest]
#[tokio::test]
async fn who_got_read_and_played_a_message_is_told_by_both_doors(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let before = receipts_seconds();
    let id = delivered(&world).await;
    let first = receipts(&world, &id, |found| found[0]["delivered_at"].is_i64()).await;
    assert_eq!((&first[0]["read_at"], &first[0]["played_at"]), (&Value::Null, &Value::Null));
    let friend = world.sim.phone(FRIEND);
    friend.read(&[&id]).expect("it is in the inbox");
    receipts(&world, &id, |found| found[0]["read_at"].is_i64()).await;
    friend.play(&[&id]).expect("it is in the inbox");
    let all = receipts(&world, &id, |found| found[0]["played_at"].is_i64()).await;
    let receipt = &all[0];
    assert_eq!(all.len(), 1);
    assert_eq!(receipt["delivered_at"], first[0]["delivered_at"]);
    for moment in ["delivered_at", "read_at", "played_at"] {
        let moment = receipt[moment].as_i64().expect("a moment");
        assert!((before - 60..=receipts_seconds() + 60).contains(&moment), "{receipt}");
    }
    let participant = &receipt["participant"];
    assert_eq!((&participant["phone_number"], &participant["push_name"]), (&json!(FRIEND), &Value::Null));
    assert_eq!(participant["lid"], json!(lid_of(&world, FRIEND)));
    let graphed = graphed(&world, &id).await;
    assert_eq!(graphed.len(), 1);
    for (rest, graph) in [("delivered_at", "deliveredAt"), ("read_at", "readAt"), ("played_at", "playedAt")] {
        assert_eq!(graphed[0][graph], graph_moment(&receipt[rest]), "{rest}");
    }
    assert_eq!(graphed[0]["participant"]["phoneNumber"], json!(FRIEND));
    world.finish().await;
}

fn receipts_seconds() -> i64 {
    waypost::clock::Clock::system().now().seconds()
}

#[rstest]
#[tokio::test]
async fn a_receipt_that_comes_twice_changes_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let id = delivered(&world).await;
    let friend = world.sim.phone(FRIEND);
    friend.read(&[&id]).expect("it is in the inbox");
    let known = receipts(&world, &id, |found| found[0]["read_at"].is_i64()).await;
    // A receipt tells whole seconds: the next ones tell later moments.
    let told = |events: &[Value]| events.iter().filter(|event| event["data"]["message_ids"] == json!([id])).count();
    let count = told(&of_type(&world, "receipt", 0).await);
    world.eventually("another second", || receipts_seconds() > known[0]["read_at"].as_i64().expect("a moment")).await;
    friend.deliver(&[&id]).expect("it is in the inbox");
    friend.read(&[&id]).expect("it is in the inbox");
    let begun = Instant::now();
    while told(&of_type(&world, "receipt", 0).await) < count + 2 {
        assert!(begun.elapsed() < LIMIT, "they do not come");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    // Receipts are read in order: with those of a later message, these were read.
    delivered(&world).await;
    assert_eq!(receipts(&world, &id, |_| true).await, known);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_an_earlier_session_of_the_same_id_sent_is_followed_no_more(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = world(kind).await;
    let id = delivered(&world).await;
    world.door.delete("shop").await.ok();
    world.linked("shop").await;
    world.sim.phone(FRIEND).read(&[&id]).expect("it is in the inbox");
    until(&world, "receipt", |body| body["message_ids"] == json!([id]) && body["kind"] == "read").await;
    // Receipts are read in order: with those of a later message, this one was read.
    delivered(&world).await;
    // What was told before the session was deleted may be gone, or still be there.
    let told = of_type(&world, "message_status", 0).await;
    let is_read = |event: &&Value| event["data"]["message_id"] == id.as_str() && event["data"]["status"] == "read";
    assert_eq!(told.iter().find(is_read), None);
    assert_eq!(world.door.get(&format!("/shop/messages/{id}")).await.status, 404);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn no_receipt_is_lost_with_the_process(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = world(kind).await;
    let id = delivered(&world).await;
    // One comes while there is nobody.
    world.server.kill();
    world.sim.phone(FRIEND).read(&[&id]).expect("it is in the inbox");
    world.start_again();
    world.reaches("shop", "logged_in").await;
    let known = receipts(&world, &id, |found| found[0]["read_at"].is_i64()).await;
    // And what the journal has is read from there, if the process had not come to it.
    world.server.kill();
    let forget = [
        "DELETE FROM message_receipt",
        "DELETE FROM bookmark WHERE name = 'receipts'",
        "INSERT INTO bookmark (name, position) VALUES ('receipts', 0)",
    ];
    tamper(&world, &forget.map(str::to_owned)).await;
    world.start_again();
    let is_all = |found: &[Value]| found.first().is_some_and(|receipt| receipt["read_at"].is_i64());
    assert_eq!(receipts(&world, &id, is_all).await, known);
    world.reaches("shop", "logged_in").await;
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn each_member_of_a_group_is_listed_once_page_by_page(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = world(kind).await;
    let group = world.phone().create_group("Tea", &[FRIEND, OTHER]).expect("a group");
    let id = delivered(&world).await;
    // As if it had gone to the group.
    let friend_lid = lid_of(&world, FRIEND);
    world.server.kill();
    tamper(&world, &[format!("UPDATE outgoing SET recipient = '{group}' WHERE message_id = '{id}'")]).await;
    world.start_again();
    world.reaches("shop", "logged_in").await;
    world.phone().hear_from_group(&group, &id, ReceiptKind::Read, &[FRIEND, OTHER]).expect("they are members");
    let is_read = |found: &[Value]| found.iter().filter(|receipt| receipt["read_at"].is_i64()).count() == 2;
    receipts(&world, &id, is_read).await;
    // The friend by LID, from before their number was known; and the account itself.
    let insert = |participant: &str, millis: u32| {
        format!(
            "INSERT INTO message_receipt (session_id, message_id, participant, played_at) \
             VALUES ('shop', '{id}', '{participant}', {millis}) \
             ON CONFLICT (session_id, message_id, participant) DO UPDATE SET played_at = excluded.played_at"
        )
    };
    tamper(&world, &[insert(&friend_lid, 5_000), insert(&format!("{SHOP}@s.whatsapp.net"), 5_000)]).await;
    let all = receipts(&world, &id, |_| true).await;
    assert_eq!(all.len(), 2, "{all:?}");
    // Whose number is not known is there by LID.
    let of = |number: &str| {
        let is_them = |who: &Value| who["phone_number"] == number || who["lid"] == lid_of(&world, number).as_str();
        let found = all.iter().find(|receipt| is_them(&receipt["participant"]));
        found.unwrap_or_else(|| panic!("no {number} in {all:?}"))
    };
    assert!(of(OTHER)["read_at"].is_i64());
    let friend = of(FRIEND);
    assert_eq!(friend["played_at"], 5);
    assert!(friend["delivered_at"].is_i64() && friend["read_at"].is_i64(), "{friend}");
    let first = world.door.get(&format!("/shop/messages/{id}/receipts?limit=1")).await.ok();
    let cursor = first["next_cursor"].as_str().expect("there are more");
    let second = world.door.get(&format!("/shop/messages/{id}/receipts?limit=1&after={cursor}")).await.ok();
    assert_eq!([&first["receipts"][0], &second["receipts"][0]], [&all[0], &all[1]]);
    assert_eq!(second["next_cursor"], Value::Null);
    let page = world.door.asked(QUERY, json!({ "id": id, "first": 1 })).await["messageReceipts"].clone();
    let edge = &page["edges"][0];
    assert_eq!((&edge["cursor"], &page["pageInfo"]["hasNextPage"]), (&json!(cursor), &json!(true)));
    assert_eq!(edge["node"]["participant"]["id"], all[0]["participant"]["id"]);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn only_what_was_sent_here_is_followed_and_it_goes_with_its_message(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = world(kind).await;
    let came = world.door.get("/shop/messages?direction=incoming").await.ok()["messages"][0]["id"].clone();
    let came = came.as_str().expect("an id");
    assert_eq!(receipts(&world, came, |_| true).await, [] as [Value; 0]);
    assert_eq!(graphed(&world, came).await, [] as [Value; 0]);
    let unknown = world.door.get("/shop/messages/3EB0NONE/receipts").await;
    assert_eq!(unknown.problem(), (404, "message_not_found".to_owned()));
    assert_eq!(world.door.graph_failure(QUERY, json!({ "id": "3EB0NONE" })).await, "message_not_found");
    let (old, new) = (delivered(&world).await, delivered(&world).await);
    for (query, code) in [("limit=0", "invalid"), ("limit=101", "invalid"), ("after=tea", "invalid")] {
        let refused = world.door.get(&format!("/shop/messages/{new}/receipts?{query}")).await;
        assert_eq!(refused.problem(), (422, code.to_owned()), "{query}");
    }
    // As if the one had been sent long ago, and the journal had dropped its events.
    world.server.kill();
    let age = [
        format!("UPDATE message SET position = 1 WHERE message_id = '{old}'"),
        "DELETE FROM bookmark WHERE name = 'pruned'".to_owned(),
        "INSERT INTO bookmark (name, position) VALUES ('pruned', 2)".to_owned(),
    ];
    tamper(&world, &age).await;
    world.start_again();
    world.reaches("shop", "logged_in").await;
    let begun = Instant::now();
    while world.door.get(&format!("/shop/messages/{old}")).await.status != 404 {
        assert!(begun.elapsed() < LIMIT, "it is kept");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    let kept = world.tables().await.texts("SELECT message_id FROM message_receipt").await;
    assert_eq!(kept, [new]);
    world.door.delete("shop").await.ok();
    assert_eq!(world.tables().await.rows().await.get("message_receipt"), None);
    world.finish().await;
}
