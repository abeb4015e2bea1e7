//! The ways to the journal: lists, streams and subscriptions take the same, show the same and refuse the same.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::events::Events;
use crate::support::graph::Socket;
use crate::support::journal::{all, of_type, page};
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const STREAM: &str = "/api/v1/events/stream";

/// A world in which the session `shop` got so many messages: "0", "1", ..
async fn told(count: usize) -> World {
    let world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    for number in 0..count {
        world.sim.phone("15550100077").send(SHOP, &number.to_string()).await.expect("it is sent");
    }
    of_type(&world, "message", count).await;
    world
}

/// What somebody follows over a socket.
async fn next(socket: &mut Socket, id: &str) -> (Value, String) {
    let mut told = socket.next(id, "events").await;
    let cursor = told["cursor"].as_str().expect("a cursor").to_owned();
    (told["node"].take(), cursor)
}

#[tokio::test]
async fn a_question_that_breaks_a_rule_is_refused_with_the_field_and_the_rule() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let (list, of_session) = ("/api/v1/events", "/api/v1/sessions/shop/events");
    let size = "`limit` must be from 1 to 1000";
    for (query, paths, code, says) in [
        ("type=gossip", &[list, of_session, STREAM][..], "invalid", "`type` has the unknown event `gossip`"),
        ("type=message,", &[list, of_session, STREAM], "invalid", "`type` has the unknown event ``"),
        ("session=a%20b", &[list, STREAM], "invalid", "`session` has `a b`, which is no id of a session"),
        ("after=x", &[list, of_session, STREAM], "invalid", "`after` must be a cursor"),
        ("limit=0", &[list, of_session], "page_size_limit", size),
        ("limit=1001", &[list, of_session], "page_size_limit", size),
        ("limit=many", &[list, of_session], "invalid", "`limit` "),
    ] {
        for path in paths {
            let answer = world.door.ask(Method::GET, &format!("{path}?{query}"), &Value::Null).await;
            let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
            assert!(detail.starts_with(says), "{path}?{query}: {detail}");
            assert_eq!(answer.problem(), (422, code.to_owned()), "{path}?{query}");
        }
    }
    let answer = world.door.send(world.door.request(Method::GET, STREAM).header("Last-Event-ID", "x")).await;
    assert!(answer.text().contains("`Last-Event-ID` must be a cursor"), "{}", answer.text());
    assert_eq!(answer.problem(), (422, "invalid".to_owned()));
    world.finish().await;
}

#[tokio::test]
async fn the_graph_refuses_what_rest_refuses_and_names_its_own_arguments() {
    let world = World::new(Kind::Sqlite).await;
    for (arguments, code, says) in [
        ("first: 0", "page_size_limit", "`first` must be from 1 to 1000"),
        ("first: 1001", "page_size_limit", "`first` must be from 1 to 1000"),
        (r#"after: "x""#, "invalid", "`after` must be a cursor"),
        (r#"filter: { sessions: ["a b"] }"#, "invalid", "`filter.sessions` has `a b`, which is no id of a session"),
        ("filter: { types: [GOSSIP] }", "graphql_invalid", "Invalid value for argument \"filter.types"),
    ] {
        let query = format!("{{ events({arguments}) {{ nodes {{ id }} }} }}");
        let failure = world.door.graph(&query, Value::Null).await.json()["errors"][0].take();
        assert_eq!(failure["extensions"]["code"], code, "{failure}");
        assert!(failure["message"].as_str().is_some_and(|message| message.starts_with(says)), "{failure}");
    }
    let mut socket = Socket::admitted(world.server.base()).await;
    for (number, (arguments, code, says)) in [
        (r#"sessions: ["a b"]"#, "invalid", "`sessions` has `a b`, which is no id of a session"),
        (r#"after: "x""#, "invalid", "`after` must be a cursor"),
        ("types: [GOSSIP]", "graphql_invalid", "Invalid value for argument \"types"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = number.to_string();
        socket.subscribe(&id, &format!("subscription {{ events({arguments}) {{ cursor }} }}")).await;
        let message = socket.hear().await;
        // What cannot run at all is an error; what failed is an answer, and then it is over.
        let failure =
            if message["type"] == "error" { &message["payload"][0] } else { &message["payload"]["errors"][0] };
        assert_eq!(failure["extensions"]["code"], code, "{message}");
        assert!(failure["message"].as_str().is_some_and(|message| message.starts_with(says)), "{message}");
        if message["type"] != "error" {
            socket.completes(&id).await;
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn a_connection_has_the_pages_and_the_places_that_rest_has() {
    let world = told(3).await;
    let whole = all(&world.door, "").await;
    let (mut after, mut seen) = (None::<String>, Vec::new());
    loop {
        let query = "query ($after: String) { events(first: 4, after: $after) {
            edges { cursor node { id sessionId event sequence } } pageInfo { hasNextPage endCursor } nextCursor
        } }";
        let answer = world.door.asked(query, json!({ "after": after })).await["events"].take();
        let path = after.map_or("limit=4".to_owned(), |after| format!("limit=4&after={after}"));
        let (same, next) = page(&world.door, &path).await;
        assert_eq!(answer["nextCursor"], next);
        let edges = answer["edges"].as_array().expect("a list");
        for (edge, event) in edges.iter().zip(&same) {
            let node = &edge["node"];
            assert_eq!((&node["id"], &node["sessionId"]), (&event["id"], &event["session_id"]));
            assert_eq!(node["sequence"], event["sequence"]);
            let word = node["event"].as_str().expect("a word").to_lowercase();
            assert_eq!(event["event"], word);
        }
        assert_eq!((edges.len(), &answer["pageInfo"]["endCursor"]), (same.len(), &edges[edges.len() - 1]["cursor"]));
        seen.extend(same);
        if answer["pageInfo"]["hasNextPage"] == false {
            break;
        }
        assert_eq!(answer["pageInfo"]["endCursor"], next);
        after = Some(next);
    }
    assert_eq!(seen, whole);
    world.finish().await;
}

#[tokio::test]
async fn a_subscription_replays_from_its_cursor_and_goes_on_without_gap_or_double() {
    let world = told(4).await;
    let (_, cursor) = page(&world.door, "type=message&limit=2").await;
    let follow = |after: &str| {
        format!(
            r#"subscription {{ events(sessions: ["shop"], types: [MESSAGE], after: "{after}") {{
                cursor node {{ event sessionId data {{ ... on MessageEvent {{ text }} }} }}
            }} }}"#
        )
    };
    let friend = world.sim.phone("15550100077");
    let mut socket = Socket::admitted(world.server.base()).await;
    socket.subscribe("1", &follow(&cursor)).await;
    friend.send(SHOP, "4").await.expect("it is sent");
    let mut last = cursor;
    for text in ["2", "3", "4"] {
        let (node, cursor) = next(&mut socket, "1").await;
        assert_eq!(node, json!({ "event": "MESSAGE", "sessionId": "shop", "data": { "text": text } }));
        last = cursor;
    }
    // It goes away, and comes back.
    drop(socket);
    friend.send(SHOP, "5").await.expect("it is sent");
    of_type(&world, "message", 6).await;
    let mut socket = Socket::admitted(world.server.base()).await;
    socket.subscribe("1", &follow(&last)).await;
    assert_eq!(next(&mut socket, "1").await.0["data"]["text"], "5");
    world.finish().await;
}

#[tokio::test]
async fn a_stream_takes_sessions_and_types_and_the_header_goes_before_the_query() {
    let world = told(2).await;
    world.door.create("other").await;
    world.door.qr("other").await;
    let (_, begin) = page(&world.door, "limit=1").await;
    let (_, first) = page(&world.door, "type=message&limit=1").await;
    let path = format!("{STREAM}?session=shop,none&type=message,qr_code&after={begin}");
    let mut stream = Events::open(world.door.request(Method::GET, &path)).await;
    let mut seen = Vec::new();
    while seen.last().is_none_or(|event: &Value| event["data"]["text"] != "1") {
        let (name, event) = stream.next().await.expect("it goes on");
        assert_eq!((&event["event"], &event["session_id"]), (&json!(name), &json!("shop")));
        seen.push(event);
    }
    let (expected, _) = page(&world.door, &format!("session=shop&type=message,qr_code&after={begin}")).await;
    assert_eq!(seen, expected);
    let mut stream = Events::open(world.door.request(Method::GET, &path).header("Last-Event-ID", first)).await;
    assert_eq!(stream.next().await.expect("it goes on").1["data"]["text"], "1");
    world.finish().await;
}

#[tokio::test]
async fn who_follows_hears_nothing_of_sessions_that_are_not_theirs_and_no_codes() {
    let world = World::new(Kind::Sqlite).await;
    let (_, begin) = page(&world.door, "").await;
    world.door.create("foreign").await;
    world.door.qr("foreign").await;
    world.linked("own").await;
    let (_, token) = world.door.key(json!({ "name": "x", "scopes": ["messages:read"], "sessions": ["own"] })).await;
    let door = world.door.holding(&token);
    let asked = r#"{ events(filter: { sessions: ["foreign"] }) { nodes { id } nextCursor } }"#;
    assert_eq!(door.asked(asked, Value::Null).await["events"]["nodes"], json!([]));
    let path = format!("{STREAM}?session=own,foreign&after={begin}");
    let mut stream = Events::open(door.request(Method::GET, &path)).await;
    let mut socket = Socket::holding(world.server.base(), &token).await;
    let follow = format!(r#"subscription {{ events(after: "{begin}") {{ cursor node {{ event sessionId }} }} }}"#);
    socket.subscribe("1", &follow).await;
    world.door.update("foreign", json!({ "name": "Theirs" })).await.ok();
    world.door.post("/foreign/disconnect", Value::Null).await.ok();
    world.door.post("/own/disconnect", Value::Null).await.ok();
    let whole = all(&world.door, "&session=own").await;
    let shown: Vec<_> = whole.iter().filter(|event| event["event"] != "qr_code").collect();
    for event in &shown {
        assert_eq!(&stream.next().await.expect("it goes on").1, *event);
        let (node, _) = next(&mut socket, "1").await;
        let word = node["event"].as_str().expect("a word").to_lowercase();
        assert_eq!((&json!(word), &node["sessionId"]), (&event["event"], &event["session_id"]));
    }
    assert!(shown.len() < whole.len() && shown.iter().any(|event| event["event"] == "disconnected"), "{whole:?}");
    world.finish().await;
}
