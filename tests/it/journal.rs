//! The journal, as a client of the API reads it.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::{Fault, Settings, content};

use crate::support::events::Events;
use crate::support::journal::{all, has_no_gap, of_type, page, tamper};
use crate::support::world::{Kind, World};

#[derive(Clone, Copy, Debug)]
enum Way {
    Rest,
    Graphql,
}

/// The messages behind a cursor, and where to read on.
async fn polled(world: &World, way: Way, after: &str) -> (Vec<Value>, String) {
    match way {
        Way::Rest => page(&world.door, &format!("type=message&after={after}")).await,
        Way::Graphql => {
            let query = "query ($after: String) { events(after: $after, filter: { types: [MESSAGE] }) {
                nodes { data { ... on MessageEvent { text } } } pageInfo { hasNextPage } nextCursor
            } }";
            let answer = world.door.asked(query, json!({ "after": after })).await["events"].take();
            assert_eq!(answer["pageInfo"]["hasNextPage"], false);
            let cursor = answer["nextCursor"].as_str().expect("a cursor").to_owned();
            (answer["nodes"].as_array().expect("a list").clone(), cursor)
        }
    }
}

fn words(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().expect("a word")).collect()
}

fn texts(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["data"]["text"].as_str().expect("a text")).collect()
}

#[rstest]
#[tokio::test]
async fn the_life_of_a_session_is_written_down_in_order(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    world.linked("shop").await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let events = all(&world.door, "&session=shop").await;
    has_no_gap(&events);
    let life = ["session_status", "qr_code", "connected", "disconnected"];
    let first: Vec<_> = life.iter().map(|word| words(&events).iter().position(|seen| seen == word)).collect();
    assert!(first.is_sorted() && first.iter().all(Option::is_some), "{:?}", words(&events));
    let statuses = events.iter().filter(|event| event["event"] == "session_status");
    let statuses: Vec<_> = statuses.map(|event| event["data"]["status"].as_str().expect("a status")).collect();
    assert_eq!((statuses[0], statuses[statuses.len() - 1]), ("waiting_for_qr", "disconnected"));
    let connected = events.iter().find(|event| event["event"] == "connected").expect("it was looked for above");
    assert_eq!(connected["data"]["phone_number"], "15550100001");
    let listed = world.door.get("/shop/events?limit=1000").await.ok();
    assert_eq!(listed["events"], Value::Array(events));
    assert_eq!(world.door.get("/nobody/events").await.problem(), (404, "session_not_found".to_owned()));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_message_is_in_the_journal_once_it_is_acknowledged(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    world.linked("shop").await;
    let friend = world.sim.phone("15550100077");
    friend.send("15550100001", "one").await.expect("it is sent");
    let events = of_type(&world, "message", 1).await;
    let message = &events[0]["data"];
    assert_eq!(
        (&message["text"], &message["is_from_me"], &message["is_group"]),
        (&json!("one"), &json!(false), &json!(false))
    );
    assert_eq!(message["from_phone"], "15550100077");
    // The same after a crash, and what came while the server was away.
    world.server.kill();
    for text in ["two", "three"] {
        friend.send("15550100001", text).await.expect("it is kept");
    }
    world.start_again();
    let events = of_type(&world, "message", 3).await;
    assert_eq!(texts(&events), ["one", "two", "three"]);
    assert_eq!((&events[0]["data"]["offline"], &events[2]["data"]["offline"]), (&json!(false), &json!(true)));
    has_no_gap(&all(&world.door, "&session=shop").await);
    world.finish().await;
}

#[tokio::test]
async fn a_message_that_whatsapp_delivers_twice_is_one_event() {
    let world = World::new(Kind::Sqlite).await;
    let device = world.linked("shop").await;
    let friend = world.sim.phone("15550100077");
    friend.send("15550100001", "once").await.expect("it is sent");
    of_type(&world, "message", 1).await;
    world.sim.fault("15550100001", device, Fault::Redeliver { count: 1 }).await.expect("the device is there");
    friend.send("15550100001", "then another").await.expect("it is sent");
    let events = of_type(&world, "message", 2).await;
    assert_eq!(texts(&events), ["once", "then another"]);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_poller_gets_what_came_since_it_asked_and_nothing_else(#[values(Way::Rest, Way::Graphql)] way: Way) {
    let world = World::new(Kind::Sqlite).await;
    // Before anything has happened, too.
    let (none, cursor) = page(&world.door, "").await;
    assert_eq!(none.len(), 0);
    world.linked("shop").await;
    let friend = world.sim.phone("15550100077");
    friend.send("15550100001", "one").await.expect("it is sent");
    of_type(&world, "message", 1).await;
    let (drained, cursor) = polled(&world, way, &cursor).await;
    assert_eq!(texts(&drained), ["one"]);
    let (none, cursor) = polled(&world, way, &cursor).await;
    assert_eq!(none.len(), 0);
    friend.send("15550100001", "two").await.expect("it is sent");
    of_type(&world, "message", 2).await;
    let (some, cursor) = polled(&world, way, &cursor).await;
    assert_eq!(texts(&some), ["two"]);
    assert_eq!(polled(&world, way, &cursor).await.0.len(), 0);
    world.finish().await;
}

#[tokio::test]
async fn a_stream_replays_from_its_cursor_and_goes_on_without_gap_or_double() {
    let world = World::with(Kind::Sqlite, Settings::default(), &[]).await;
    world.linked("shop").await;
    let friend = world.sim.phone("15550100077");
    for number in 0..5 {
        friend.send("15550100001", &format!("{number}")).await.expect("it is sent");
    }
    of_type(&world, "message", 5).await;
    let page = world.door.get("/shop/events?type=message&limit=2").await.ok();
    let cursor = page["next_cursor"].as_str().expect("a cursor").to_owned();
    let stream = world.door.request(Method::GET, "/api/v1/events/stream?type=message");
    let mut stream = Events::open(stream.header("Last-Event-ID", cursor)).await;
    let mut seen = Vec::new();
    for number in 5..8 {
        friend.send("15550100001", &format!("{number}")).await.expect("it is sent");
    }
    while seen.len() < 6 {
        let (name, event) = stream.next().await.expect("it goes on");
        assert_eq!(name, "message");
        seen.push(event["data"]["text"].as_str().expect("a text").to_owned());
    }
    assert_eq!(seen, ["2", "3", "4", "5", "6", "7"]);
    world.finish().await;
}

#[tokio::test]
async fn what_a_key_may_not_see_is_not_in_its_journal() {
    let world = World::new(Kind::Sqlite).await;
    world.linked("own").await;
    world.door.create("foreign").await;
    world.door.qr("foreign").await;
    let (_, token) = world.door.key(json!({ "name": "x", "scopes": ["messages:read"], "sessions": ["own"] })).await;
    let door = world.door.holding(&token);
    let events = all(&door, "").await;
    assert!(!events.is_empty() && events.iter().all(|event| event["session_id"] == "own"), "{events:?}");
    assert!(!words(&events).contains(&"qr_code"), "codes are for those who may pair");
    assert!(all(&door, "&session=foreign").await.is_empty());
    assert_eq!(door.get("/foreign/events").await.problem(), (404, "session_not_found".to_owned()));
    assert!(words(&all(&world.door, "&session=foreign").await).contains(&"qr_code"));
    world.finish().await;
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_passed_and_the_log_names_it_once() {
    let mut world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    let friend = world.sim.phone("15550100077");
    for text in ["one", "two", "three"] {
        friend.send("15550100001", text).await.expect("it is sent");
    }
    let broken = of_type(&world, "message", 3).await[1]["id"].as_str().expect("an id").to_owned();
    tamper(&world, &format!(r#"UPDATE event SET body = '{{"text":["tea at six"]}}' WHERE id = '{broken}'"#)).await;
    // Nothing of it is in memory any more.
    world.crash();
    assert_eq!(texts(&all(&world.door, "&type=message").await), ["one", "three"]);
    let (first, cursor) = page(&world.door, "type=message&limit=1").await;
    let (second, next) = page(&world.door, &format!("type=message&limit=1&after={cursor}")).await;
    let (third, _) = page(&world.door, &format!("type=message&limit=1&after={next}")).await;
    assert_eq!((texts(&first), texts(&second), texts(&third)), (vec!["one"], vec!["three"], vec![]));
    let query = "{ events(filter: { types: [MESSAGE] }) { nodes { data { ... on MessageEvent { text } } } } }";
    let nodes = world.door.asked(query, Value::Null).await["events"]["nodes"].clone();
    assert_eq!(texts(nodes.as_array().expect("a list")), ["one", "three"]);
    let stream = world.door.request(Method::GET, "/api/v1/events/stream?type=message");
    let mut stream = Events::open(stream.header("Last-Event-ID", cursor)).await;
    friend.send("15550100001", "four").await.expect("it is sent");
    for text in ["three", "four"] {
        assert_eq!(stream.next().await.expect("it goes on").1["data"]["text"], text);
    }
    let output = world.is_logged(&broken).await;
    let errors: Vec<_> = output.lines().filter(|line| line.contains("\"level\":\"ERROR\"")).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains(&broken) && errors[0].contains("\"session.id\":\"shop\""), "{}", errors[0]);
    assert!(!output.contains("tea at six"));
    world.server.kill();
}

#[tokio::test]
async fn a_number_of_any_size_is_one_that_clients_of_the_graph_can_take() {
    let world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    let friend = world.sim.phone("15550100077");
    friend.send_content("15550100001", content::image(None)).await.expect("it is sent");
    of_type(&world, "message", 1).await;
    let claims = "'$.media.file_length', 3000000000, '$.media.width', 4000000000, '$.media.height', 720";
    tamper(&world, &format!("UPDATE event SET body = json_set(body, {claims}) WHERE type = 'message'")).await;
    let media = of_type(&world, "message", 1).await[0]["data"]["media"].take();
    assert_eq!((&media["file_length"], &media["width"]), (&json!(3_000_000_000_u64), &json!(4_000_000_000_u64)));
    let query = "{ events(filter: { types: [MESSAGE] }) {
        nodes { data { ... on MessageEvent { media { fileLength width height seconds } } } }
    } }";
    let media = world.door.asked(query, Value::Null).await["events"]["nodes"][0]["data"]["media"].take();
    assert_eq!(media, json!({ "fileLength": 3_000_000_000_u64, "width": null, "height": 720, "seconds": null }));
    // `Int` has 32 bits. src: the specification of GraphQL, 3.5.1
    let schema = include_str!("../../schema/schema.graphql");
    assert!(schema.contains("\tfileLength: Long\n") && schema.contains("\tsequence: Long!\n"));
    world.finish().await;
}

#[tokio::test]
async fn what_ends_a_stream_early_is_in_the_log() {
    let mut world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    let (_, cursor) = page(&world.door, "limit=1").await;
    // Nothing of it is in memory any more, so the table is asked.
    world.crash();
    world.tables().await.hide("event").await;
    let path = format!("/api/v1/events/stream?after={cursor}");
    let request = world.door.request(Method::GET, &path).header("x-request-id", "order-4711");
    assert_eq!(Events::open(request).await.next().await, None);
    let is_told = |line: &&str| line.contains("a stream of events ended early");
    let output = world.is_logged("a stream of events ended early").await;
    let line = output.lines().find(is_told).expect("it is told");
    assert!(line.contains("order-4711") && line.contains("the database is unavailable"), "{line}");
    world.server.kill();
}
