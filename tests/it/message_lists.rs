//! Lists of messages that have the same status, page by page.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::Settings;

use crate::support::world::{Kind, World};

const FRIEND: &str = "15550100077";
const OTHER: &str = "15550100078";

const QUERY: &str = r#"query($after: String) {
    messages(sessionId: "shop", first: 2, after: $after, filter: { status: QUEUED }) {
        edges { cursor node { id status } }
        pageInfo { hasNextPage }
    }
}"#;

/// The ids of all messages that REST lists with this query, read two by two; newest first.
async fn listed(world: &World, query: &str) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), String::new());
    let mut moments: Vec<i64> = Vec::new();
    loop {
        let page = world.door.get(&format!("/shop/messages?limit=2&{query}{after}")).await.ok();
        for message in page["messages"].as_array().expect("a list") {
            ids.push(message["id"].as_str().expect("an id").to_owned());
            moments.push(message["created_at"].as_i64().expect("a moment"));
        }
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        after = format!("&after={cursor}");
    }
    assert!(moments.iter().rev().is_sorted(), "newest first: {moments:?}");
    ids
}

fn sorted(ids: &[String]) -> Vec<String> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids
}

#[rstest]
#[tokio::test]
async fn messages_with_one_status_are_listed_each_once_in_pages(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::with(kind, Settings::default(), &["--send-rate", "0"]).await;
    world.linked("shop").await;
    let _ = (world.sim.phone(FRIEND), world.sim.phone(OTHER));
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let mut ids = Vec::new();
    for number in 0..5 {
        let to = [FRIEND, OTHER][number % 2];
        let body = json!({ "to": to, "content": { "type": "text", "text": "tea" } });
        let message = world.door.post("/shop/messages?wait=0", body).await.ok();
        ids.push(message["id"].as_str().expect("an id").to_owned());
    }
    let last = format!("/api/v1/sessions/shop/messages/{}", ids[4]);
    world.door.ask(Method::DELETE, &last, &Value::Null).await.ok();
    let queued = &ids[..4];
    let newest_first = listed(&world, "status=queued").await;
    assert_eq!(sorted(&newest_first), sorted(queued));
    assert_eq!(listed(&world, "status=queued&direction=outgoing").await, newest_first);
    assert_eq!(listed(&world, "status=cancelled").await, ids[4..]);
    assert_eq!(listed(&world, "status=queued&direction=incoming").await, [""; 0]);
    assert_eq!(listed(&world, "status=failed").await, [""; 0]);
    let of_chat = listed(&world, &format!("status=queued&chat={FRIEND}")).await;
    assert_eq!(sorted(&of_chat), sorted(&[ids[0].clone(), ids[2].clone()]));
    let (mut graphed, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = world.door.asked(QUERY, json!({ "after": after })).await["messages"].clone();
        for edge in page["edges"].as_array().expect("a list") {
            assert_eq!(edge["node"]["status"], "QUEUED");
            graphed.push(edge["node"]["id"].as_str().expect("an id").to_owned());
            after = edge["cursor"].clone();
        }
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(graphed, newest_first);
    // A cursor is a place in the list that gave it.
    let all = world.door.get("/shop/messages?limit=1").await.ok();
    let cursor = all["next_cursor"].as_str().expect("there are more");
    let refused = world.door.get(&format!("/shop/messages?status=queued&after={cursor}")).await;
    assert_eq!(refused.problem(), (422, "invalid".to_owned()));
    world.finish().await;
}
