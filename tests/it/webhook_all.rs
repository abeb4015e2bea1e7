//! A webhook for all sessions, and what is written down of attempts that had no answer.

use std::time::Duration;

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::Settings;

use crate::support::receiver::{Receiver, Reply};
use crate::support::world::{Kind, World};

const WEBHOOKS: &str = "/api/v1/webhooks";

/// A world whose server may post to loopback, and tries again soon.
async fn world(kind: Kind, flags: &[&str]) -> World {
    let flags: Vec<_> =
        ["--egress-allow", "127.0.0.0/8", "--webhook-retries", "1s,1s"].iter().chain(flags).copied().collect();
    World::with(kind, Settings::default(), &flags).await
}

async fn ask(world: &World, method: Method, path: &str, body: Value) -> Value {
    world.door.ask(method, &format!("{WEBHOOKS}{path}"), &body).await.ok()
}

/// Waits until the deliveries are so, and gives them.
async fn deliveries(world: &World, id: &str, query: &str, is_it: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let begun = std::time::Instant::now();
    loop {
        let page = ask(world, Method::GET, &format!("/{id}/deliveries?{query}"), Value::Null).await;
        let found = page["deliveries"].as_array().expect("a list").clone();
        if is_it(&found) {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{found:?}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

/// Something happens on the session, once.
async fn disconnect(world: &World, session: &str) {
    world.door.create(session).await;
    world.door.qr(session).await;
    world.door.post(&format!("/{session}/disconnect"), Value::Null).await.ok();
}

#[rstest]
#[tokio::test]
async fn a_webhook_for_all_sessions_can_do_all_that_one_of_a_session_can(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (world, receiver) = (world(kind, &[]).await, Receiver::start().await);
    let new = json!({ "url": receiver.url("/old"), "events": ["connected"] });
    let webhook = ask(&world, Method::POST, "", new).await;
    let id = webhook["id"].as_str().expect("an id");
    let changes = json!({ "url": receiver.url("/all"), "events": ["qr_code"] });
    let changed = ask(&world, Method::PATCH, &format!("/{id}"), changes).await;
    assert_eq!((&changed["session_id"], &changed["events"]), (&Value::Null, &json!(["qr_code"])));
    assert_eq!(ask(&world, Method::POST, &format!("/{id}/ping"), Value::Null).await["status"], 200);
    receiver.then([500, 500, 500]);
    world.door.create("a").await;
    let dead = deliveries(&world, id, "state=dead", |found| found.len() == 1).await;
    let metrics = world.door.send(world.door.request(Method::GET, "/metrics")).await.text();
    assert!(metrics.contains("waypost_deliveries_total{outcome=\"dead\"} 1"), "{metrics}");
    let retry = format!("/{id}/deliveries/{}/retry", dead[0]["id"].as_str().expect("an id"));
    ask(&world, Method::POST, &retry, Value::Null).await;
    let done = deliveries(&world, id, "state=delivered", |found| !found.is_empty()).await;
    assert_eq!(done[0]["session_id"], "a");
    let replayed = ask(&world, Method::POST, &format!("/{id}/replay"), json!({ "from": 1 })).await;
    assert!(replayed["queued"].as_u64().is_some_and(|queued| queued >= 1), "{replayed}");
    ask(&world, Method::DELETE, &format!("/{id}"), Value::Null).await;
    let gone = world.door.ask(Method::GET, &format!("{WEBHOOKS}/{id}"), &Value::Null).await;
    assert_eq!(gone.problem(), (404, "webhook_not_found".to_owned()));
    world.finish().await;
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_in_time_is_written_down_with_how_long_it_had() {
    let (world, receiver) = (world(Kind::Sqlite, &["--webhook-timeout-seconds", "1"]).await, Receiver::start().await);
    receiver.always(Reply { after: Duration::from_secs(20), ..200.into() });
    let new = json!({ "url": receiver.url("/"), "events": ["session_status"] });
    let webhook = ask(&world, Method::POST, "", new).await;
    disconnect(&world, "shop").await;
    let id = webhook["id"].as_str().expect("an id");
    let tried = deliveries(&world, id, "", |found| found.last().is_some_and(|one| one["attempts"] != json!([]))).await;
    let attempt = &tried.last().expect("one")["attempts"][0];
    assert_eq!((&attempt["status"], &attempt["error"]), (&Value::Null, &json!("no answer within 1 s")));
    assert!(attempt["duration_ms"].as_i64().is_some_and(|millis| (1_000..20_000).contains(&millis)), "{attempt}");
    world.finish().await;
}

#[tokio::test]
async fn an_address_that_may_not_be_reached_is_written_down_as_an_attempt() {
    let mut world = World::new(Kind::Sqlite).await;
    world.server.kill();
    world.start_with(&["--egress-allow", "127.0.0.0/8,::1"]);
    let new = json!({ "url": "http://localhost:9/", "events": ["session_status"] });
    let webhook = ask(&world, Method::POST, "", new).await;
    // Allowed when it was written down, and no more.
    world.crash();
    disconnect(&world, "shop").await;
    let id = webhook["id"].as_str().expect("an id");
    let tried = deliveries(&world, id, "", |found| found.last().is_some_and(|one| one["attempts"] != json!([]))).await;
    let error = tried.last().expect("one")["attempts"][0]["error"].as_str().expect("a reason").to_owned();
    assert!(error.starts_with("refused: ") && error.contains("loopback"), "{error}");
    world.finish().await;
}

/// Reads a list to its end and gives the ids on each page.
async fn pages(world: &World, path: &str) -> Vec<Vec<String>> {
    let (mut pages, mut after) = (Vec::new(), String::new());
    loop {
        let page = world.door.ask(Method::GET, &format!("{path}{after}"), &Value::Null).await.ok();
        let ids = page["webhooks"].as_array().expect("a list").iter();
        pages.push(ids.map(|webhook| webhook["id"].as_str().expect("an id").to_owned()).collect());
        let Some(cursor) = page["next_cursor"].as_str() else { return pages };
        after = format!("{}after={cursor}", if path.contains('?') { "&" } else { "?" });
    }
}

#[rstest]
#[tokio::test]
async fn a_list_of_webhooks_is_never_longer_than_a_page_and_none_is_left_out(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = world(kind, &[]).await;
    let (mut all, mut of_b) = (Vec::new(), Vec::new());
    for session in ["a", "b", "c"] {
        world.door.create(session).await;
        for _ in 0..if session == "c" { 1 } else { 50 } {
            let new = json!({ "url": "https://receiver.invalid/" });
            let made = world.door.post(&format!("/{session}/webhooks"), new).await.ok();
            let id = made["id"].as_str().expect("an id").to_owned();
            all.push(id.clone());
            if session == "b" {
                of_b.push(id);
            }
        }
    }
    let found = pages(&world, WEBHOOKS).await;
    assert_eq!((found.iter().map(Vec::len).collect::<Vec<_>>(), found.concat()), (vec![100, 1], all.clone()));
    let found = pages(&world, "/api/v1/sessions/b/webhooks?limit=30").await;
    assert_eq!((found.iter().map(Vec::len).collect::<Vec<_>>(), found.concat()), (vec![30, 20], of_b.clone()));
    for bad in ["?limit=0", "?limit=101", "?after=nonsense"] {
        let answer = world.door.ask(Method::GET, &format!("{WEBHOOKS}{bad}"), &Value::Null).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{bad}");
    }

    let ask = async |arguments: &str| {
        let query = format!("{{ webhooks{arguments} {{ nodes {{ id }} pageInfo {{ hasNextPage endCursor }} }} }}");
        let list = world.door.asked(&query, Value::Null).await["webhooks"].clone();
        let nodes = list["nodes"].as_array().expect("a list").iter();
        let ids: Vec<_> = nodes.map(|node| node["id"].as_str().expect("an id").to_owned()).collect();
        (ids, list["pageInfo"].clone())
    };
    let (mut seen, mut arguments) = (Vec::new(), String::new());
    loop {
        let (ids, info) = ask(&arguments).await;
        seen.extend(ids);
        if info["hasNextPage"] == false {
            break;
        }
        arguments = format!("(after: {})", info["endCursor"]);
    }
    assert_eq!(seen, all);
    assert_eq!(ask(r#"(sessionId: "b", last: 2)"#).await.0, of_b[48..]);
    assert_eq!(
        world.door.graph_failure("{ webhooks(first: 101) { nodes { id } } }", Value::Null).await,
        "page_size_limit"
    );
    world.finish().await;
}
