//! The GraphQL door: the same rooms as REST's, in one graph, and live.

use std::collections::BTreeMap;

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use waypost::api::operation::{self, Field};

use crate::support::graph::Socket;
use crate::support::world::{Kind, World};

const FOLLOW: &str = r#"subscription {
    sessionUpdated(id: "shop") { id status name qr { code expiresAt } pairCode { code } missedUpdates }
}"#;
const FOLLOW_ALL: &str = "subscription { sessionsUpdated { id } }";

#[derive(Clone, Copy, Debug)]
enum Way {
    Rest,
    Graphql,
}

/// Does something with the session `shop` and gives its status and its reason, as REST spells them.
async fn act(world: &World, way: Way, verb: &str) -> (String, String) {
    let (door, input) = (&world.door, json!({ "input": { "id": "shop" } }));
    match (way, verb) {
        (Way::Rest, "create") => drop(door.create("shop").await),
        (Way::Rest, "delete") => drop(door.delete("shop").await.ok()),
        (Way::Rest, _) => drop(door.post(&format!("/shop/{verb}"), Value::Null).await.ok()),
        (Way::Graphql, "create") => {
            let query = "mutation ($input: CreateSessionInput!) { createSession(input: $input) { id } }";
            door.asked(query, input).await;
        }
        (Way::Graphql, _) => {
            let query = format!("mutation ($input: SessionInput!) {{ {verb}Session(input: $input) {{ id }} }}");
            door.asked(&query, input).await;
        }
    }
    state(world, way).await
}

async fn state(world: &World, way: Way) -> (String, String) {
    let words = match way {
        Way::Rest => {
            let answer = world.door.get("/shop/status").await.json();
            [answer["status"].clone(), answer["reason"].clone()]
        }
        Way::Graphql => {
            let query = r#"{ session(id: "shop") { status statusReason } }"#;
            let session = world.door.graph(query, Value::Null).await.json()["data"]["session"].clone();
            [session["status"].clone(), session["statusReason"].clone()]
        }
    };
    let [status, reason] = words.map(|word| word.as_str().unwrap_or_default().to_lowercase());
    match status.parse::<u16>() {
        Ok(_) => (String::new(), String::new()), // A problem: there is no session.
        Err(_) => (status, reason),
    }
}

#[rstest]
#[tokio::test]
async fn the_life_of_a_session_is_the_same_through_both_doors(#[values(Way::Rest, Way::Graphql)] way: Way) {
    let world = World::new(Kind::Sqlite).await;
    act(&world, way, "create").await;
    let mut socket = Socket::admitted(world.server.base()).await;
    socket.subscribe("1", FOLLOW).await;
    let shown = socket.until("1", "sessionUpdated", |session| session["status"] == "WAITING_FOR_QR").await;
    let qr = shown["qr"]["code"].as_str().expect("a code").to_owned();
    assert_eq!(qr, world.door.qr("shop").await);
    world.phone().scan(&qr).await.expect("the code is good");
    let shown = socket.until("1", "sessionUpdated", |session| session["status"] == "LOGGED_IN").await;
    assert_eq!((&shown["qr"], &shown["pairCode"]), (&Value::Null, &Value::Null));
    let words = |status: &str, reason: &str| (status.to_owned(), reason.to_owned());
    assert_eq!(state(&world, way).await, words("logged_in", "authenticated"));
    assert_eq!(act(&world, way, "disconnect").await, words("disconnected", "requested"));
    act(&world, way, "connect").await;
    world.reaches("shop", "logged_in").await;
    assert_eq!(act(&world, way, "logout").await, words("disconnected", "logged_out"));
    assert!(world.phone().devices().is_empty());
    assert_eq!(act(&world, way, "delete").await, words("", ""));
    socket.completes("1").await;
    world.finish().await;
}

#[tokio::test]
async fn a_session_has_every_field_that_rest_has() {
    let world = World::new(Kind::Sqlite).await;
    let create = "mutation ($input: CreateSessionInput!) { createSession(input: $input) { id name metadata status } }";
    let input = json!({ "id": "shop", "name": "Shop", "metadata": { "team": "a" }, "device": { "os": "Windows" } });
    let created = world.door.asked(create, json!({ "input": input })).await["createSession"].clone();
    let expected = json!({ "id": "shop", "name": "Shop", "metadata": { "team": "a" }, "status": "CONNECTING" });
    assert_eq!(created, expected);
    world.link("shop", &world.phone()).await;
    world.until("shop", "named", |state| !state["push_name"].is_null()).await;
    let query = r#"{
        session(id: "shop") {
            id name phoneNumber pushName createdAt updatedAt lastConnectedAt isLoggedIn metadata
            desiredState nextRetryAt bannedUntil statusSince device { deviceId phoneNumber lid pushName }
        }
        node(id: "shop") { __typename id } missing: node(id: "nothing") { id } me { scopes } version
    }"#;
    let answer = world.door.asked(query, Value::Null).await;
    let (seen, rest) = (&answer["session"], world.door.get("/shop").await.ok());
    for (field, twin) in [("id", "id"), ("name", "name"), ("phoneNumber", "phone_number"), ("pushName", "push_name")] {
        assert_eq!(seen[field], rest[twin], "{field}");
    }
    for (field, twin) in
        [("createdAt", "created_at"), ("updatedAt", "updated_at"), ("lastConnectedAt", "last_connected_at")]
    {
        let moment =
            seen[field].as_str().expect("a moment").parse::<chrono::DateTime<chrono::Utc>>().expect("RFC 3339");
        assert_eq!(moment.timestamp(), rest[twin].as_i64().expect("seconds"), "{field}");
    }
    let device = world.door.get("/shop/device").await.ok();
    assert_eq!((&seen["device"]["deviceId"], &seen["device"]["lid"]), (&device["device_id"], &device["lid"]));
    assert_eq!((&seen["isLoggedIn"], &seen["desiredState"]), (&json!(true), &json!("ONLINE")));
    assert_eq!(answer["node"], json!({ "__typename": "Session", "id": "shop" }));
    assert_eq!(answer["missing"], Value::Null);
    assert!(answer["me"]["scopes"].as_array().expect("a list").contains(&json!("SESSIONS_WRITE")));
    let update = r#"mutation { updateSession(input: { id: "shop", name: "", metadata: {} }) { name metadata } }"#;
    assert_eq!(world.door.asked(update, Value::Null).await["updateSession"], json!({ "name": null, "metadata": {} }));
    assert_eq!(world.door.get("/shop").await.ok()["name"], Value::Null);
    world.finish().await;
}

#[tokio::test]
async fn a_qr_code_comes_as_text_and_as_pictures() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let qr = world.door.qr("shop").await;
    let query = r#"{ session(id: "shop") { qr { code svg png small: png(size: 64) } } }"#;
    let shown = world.door.asked(query, Value::Null).await["session"]["qr"].clone();
    assert_eq!(shown["code"], qr);
    assert!(shown["svg"].as_str().is_some_and(|svg| svg.starts_with("<svg")), "{shown}");
    for picture in ["png", "small"] {
        assert!(shown[picture].as_str().is_some_and(|png| png.starts_with("iVBOR")), "{picture}");
    }
    let query = r#"{ session(id: "shop") { qr { png(size: 63) } } }"#;
    assert_eq!(world.door.graph_failure(query, Value::Null).await, "invalid");
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_list_is_a_relay_connection(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    for (id, team) in [("a", "$x"), ("b", "y"), ("c", "$x"), ("d", "y"), ("e", "y")] {
        world.door.post("", json!({ "id": id, "metadata": { "$team": team } })).await.ok();
    }
    let page = async |arguments: &str| {
        let query = format!(
            "{{ sessions(filter: {{}}{arguments}) {{ totalCount nodes {{ id }} edges {{ cursor }}
                pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
        );
        world.door.asked(&query, Value::Null).await["sessions"].clone()
    };
    let ids = |page: &Value| -> String {
        page["nodes"].as_array().expect("a list").iter().map(|node| node["id"].as_str().expect("an id")).collect()
    };
    let first = page(" first: 2").await;
    assert_eq!((ids(&first), &first["totalCount"]), ("ab".to_owned(), &json!(5)));
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    assert_eq!(first["pageInfo"]["endCursor"], first["edges"][1]["cursor"]);
    let next = page(&format!(" first: 3, after: {}", first["pageInfo"]["endCursor"])).await;
    assert_eq!((ids(&next), &next["pageInfo"]["hasNextPage"]), ("cde".to_owned(), &json!(false)));
    let last = page(" last: 2").await;
    assert_eq!((ids(&last), &last["pageInfo"]["hasPreviousPage"]), ("de".to_owned(), &json!(true)));
    let before = page(&format!(" last: 5, before: {}", last["pageInfo"]["startCursor"])).await;
    assert_eq!((ids(&before), &before["pageInfo"]["hasPreviousPage"]), ("abc".to_owned(), &json!(false)));
    assert_eq!(ids(&page("").await), "abcde");

    let filtered = async |filter: Value| {
        let query = "query ($filter: SessionFilter) { sessions(filter: $filter) { totalCount nodes { id } } }";
        world.door.asked(query, json!({ "filter": filter })).await["sessions"].clone()
    };
    let of_team = filtered(json!({ "metadata": { "$team": "$x" } })).await;
    assert_eq!((ids(&of_team), &of_team["totalCount"]), ("ac".to_owned(), &json!(2)));
    assert_eq!(ids(&filtered(json!({ "metadata": { "$team": "$x", "other": "y" } })).await), "");
    assert_eq!(ids(&filtered(json!({ "query": "B" })).await), "b");
    assert_eq!(ids(&filtered(json!({ "status": "LOGGED_IN" })).await), "");

    for bad in ["first: 0", "first: 101", "last: 101", "first: 1, last: 1", r#"after: "x""#, r#"before: "x""#] {
        let query = format!("{{ sessions({bad}) {{ nodes {{ id }} }} }}");
        let is_size = bad.ends_with(": 0") || bad.ends_with(": 101");
        let code = if is_size { "page_size_limit" } else { "invalid" };
        assert_eq!(world.door.graph_failure(&query, Value::Null).await, code, "{bad}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_failure_has_the_same_code_through_both_doors() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    world.linked("linked").await;
    let session = |id: &str| format!(r#"{{ session(id: "{id}") {{ id }} }}"#);
    let create = |id: &str| format!(r#"mutation {{ createSession(input: {{ id: "{id}" }}) {{ id }} }}"#);
    let pair = |id: &str, number: &str| {
        format!(r#"mutation {{ pairSession(input: {{ id: "{id}", phoneNumber: "{number}" }}) {{ id }} }}"#)
    };
    let connect = r#"mutation { connectSession(input: { id: "none" }) { id } }"#.to_owned();
    let number = |number: &str| json!({ "phone_number": number });
    let rows = [
        (world.door.get("/none").await, session("none")),
        (world.door.get("/no%20id").await, session("no id")),
        (world.door.post("/none/connect", Value::Null).await, connect),
        (world.door.post("", json!({ "id": "shop" })).await, create("shop")),
        (world.door.post("", json!({ "id": "-" })).await, create("-")),
        (world.door.post("/linked/pair", number("15550100001")).await, pair("linked", "15550100001")),
        (world.door.post("/shop/pair", number("x")).await, pair("shop", "x")),
        (world.door.post("/shop/pair", number("15550100099")).await, pair("shop", "15550100099")),
    ];
    let mut codes = BTreeMap::new();
    for (rest, query) in rows {
        let code = rest.problem().1;
        assert_eq!(world.door.graph_failure(&query, Value::Null).await, code, "{query}");
        *codes.entry(code).or_insert(0) += 1;
    }
    let seen: Vec<_> = codes.keys().map(String::as_str).collect();
    assert_eq!(seen, ["already_logged_in", "invalid", "session_exists", "session_not_found", "upstream"]);
    let anonymous = world.door.anonymous(Method::POST, "/graphql").json(&json!({ "query": "{ version }" }));
    assert_eq!(world.door.send(anonymous).await.problem(), (401, "unauthenticated".to_owned()));
    world.finish().await;
}

#[tokio::test]
async fn what_asks_for_too_much_is_told_which_limit_it_hit() {
    let world = World::new(Kind::Sqlite).await;
    let nested = (0..20).fold("name".to_owned(), |inner, _| format!("ofType {{ {inner} }}"));
    let many = |count: usize, field: &str| (0..count).map(|n| format!("a{n}: {field} ")).collect::<String>();
    let rows = [
        (format!("{{ __schema {{ types {{ {nested} }} }} }}"), "depth_limit"),
        (format!("{{ {} }}", many(21, "version")), "root_field_limit"),
        (format!("{{ me {{ {} }} }}", many(31, "scopes")), "alias_limit"),
        (format!("{{ {} }}", many(20, "sessions(first: 100) { nodes { id name status } }")), "complexity_limit"),
        ("{ nothing }".to_owned(), "graphql_invalid"),
        ("{ version".to_owned(), "graphql_invalid"),
        ("{ session { id } }".to_owned(), "graphql_invalid"),
    ];
    for (query, code) in rows {
        assert_eq!(world.door.graph(&query, Value::Null).await.status, 400, "{query}");
        assert_eq!(world.door.graph_failure(&query, Value::Null).await, code, "{query}");
    }
    world.finish().await;
}

#[tokio::test]
async fn http_takes_queries_by_get_and_json_by_post_and_no_batches() {
    let world = World::new(Kind::Sqlite).await;
    let (door, graphql) = (&world.door, "application/graphql-response+json");
    let get = |query: &str| {
        let mut request = door.request(Method::GET, "/graphql").build().expect("a request");
        request.url_mut().query_pairs_mut().append_pair("query", query);
        door.request(Method::GET, &format!("/graphql?{}", request.url().query().expect("it was set")))
    };
    let answer = door.send(get("{ version }")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, graphql));
    assert!(answer.json()["data"]["version"].is_string());
    let answer = door.send(get(r#"mutation { createSession(input: { id: "shop" }) { id } }"#)).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD, POST"));
    assert_eq!(answer.problem().1, "method_not_allowed");
    let mutation = "mutation%7BcreateSession(input%3A%7Bid%3A%22shop%22%7D)%7Bid%7D%7D";
    let answer = door.send(door.request(Method::GET, &format!("/graphql/stream?query={mutation}"))).await;
    assert_eq!(answer.problem(), (405, "method_not_allowed".to_owned()));
    assert_eq!(door.get("").await.ok()["total"], 0);

    let post = |kind: &str, body: &str| {
        door.request(Method::POST, "/graphql").header("content-type", kind.to_owned()).body(body.to_owned())
    };
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let answer = door.send(post(kind, r#"{ "query": "{ version }" }"#)).await;
        assert_eq!(answer.problem(), (415, "unsupported_media_type".to_owned()), "{kind}");
    }
    for body in [r#"[{ "query": "{ version }" }]"#, "{", "", "5"] {
        let answer = door.send(post("application/json", body)).await;
        assert_eq!(answer.problem(), (400, "malformed_request".to_owned()), "{body}");
    }
    let legacy = post("application/json", r#"{ "query": "{ nothing }" }"#).header("accept", "application/json");
    let answer = door.send(legacy).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json; charset=utf-8"));
    assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "graphql_invalid");
    world.finish().await;
}

#[tokio::test]
async fn the_schema_can_be_asked_for_unless_that_is_switched_off() {
    let query = "{ __schema { queryType { name } } }";
    let world = World::new(Kind::Sqlite).await;
    assert_eq!(world.door.asked(query, Value::Null).await["__schema"]["queryType"]["name"], "Query");
    world.finish().await;
    let world = World::with(Kind::Sqlite, Default::default(), &["--graphql-introspection", "false"]).await;
    let answer = world.door.graph(query, Value::Null).await.json();
    assert!(answer["data"]["__schema"].is_null(), "{answer}");
    world.finish().await;
}

#[tokio::test]
async fn a_socket_is_closed_with_the_code_of_the_rule_that_was_broken() {
    let world = World::new(Kind::Sqlite).await;
    let base = world.server.base();
    for protocol in [None, Some("graphql-ws"), Some("soap")] {
        assert_eq!(Socket::open(base, protocol).await.err(), Some(400), "{protocol:?}");
    }
    let init = json!({ "type": "connection_init" });
    for (said, code) in [
        (json!("nonsense"), 4400),
        (json!({ "type": "start", "id": "1" }), 4400),
        (json!({ "type": "subscribe", "id": "1", "payload": { "query": "{ version }" } }), 4401),
        (init.clone(), 4403),
        (json!({ "type": "connection_init", "payload": { "authorization": "Bearer wrong" } }), 4403),
    ] {
        let mut socket = Socket::open(base, Some("graphql-transport-ws")).await.expect("it is taken");
        socket.say(said.clone()).await;
        assert_eq!(socket.closed().await, code, "{said}");
    }
    let mut socket = Socket::admitted(base).await;
    socket.say(init).await;
    assert_eq!(socket.closed().await, 4429);
    let mut socket = Socket::admitted(base).await;
    socket.subscribe("1", FOLLOW_ALL).await;
    socket.subscribe("1", FOLLOW_ALL).await;
    assert_eq!(socket.closed().await, 4409);
    world.finish().await;
}

#[tokio::test]
async fn slow_a_socket_that_never_says_who_it_is_is_closed() {
    let world = World::new(Kind::Sqlite).await;
    let mut socket = Socket::open(world.server.base(), Some("graphql-transport-ws")).await.expect("it is taken");
    assert_eq!(socket.closed().await, 4408);
    world.finish().await;
}

#[tokio::test]
async fn a_socket_answers_pings_and_queries_and_bears_a_hundred_operations() {
    let world = World::new(Kind::Sqlite).await;
    let mut socket = Socket::admitted(world.server.base()).await;
    socket.say(json!({ "type": "ping", "payload": { "a": 1 } })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong", "payload": { "a": 1 } }));
    socket.subscribe("q", "{ version }").await;
    assert!(socket.next("q", "version").await.is_string());
    socket.completes("q").await;
    socket.subscribe("bad", r#"subscription { sessionUpdated(id: "none") { id } }"#).await;
    let refused = socket.hear().await;
    assert_eq!((&refused["type"], &refused["id"]), (&json!("next"), &json!("bad")), "{refused}");
    assert_eq!(refused["payload"]["errors"][0]["extensions"]["code"], "session_not_found", "{refused}");
    socket.completes("bad").await;
    socket.subscribe("worse", "subscription { nothing }").await;
    let refused = socket.hear().await;
    assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("worse")), "{refused}");
    assert_eq!(refused["payload"][0]["extensions"]["code"], "graphql_invalid", "{refused}");
    for number in 0..100 {
        socket.subscribe(&format!("s{number}"), FOLLOW_ALL).await;
    }
    socket.subscribe("one-too-many", FOLLOW_ALL).await;
    let refused = socket.hear().await;
    assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("one-too-many")), "{refused}");
    assert_eq!(refused["payload"][0]["extensions"]["code"], "subscription_limit");
    // The id of an operation that the client ended is free at once.
    socket.say(json!({ "type": "complete", "id": "s0" })).await;
    socket.subscribe("s0", "{ version }").await;
    assert!(socket.next("s0", "version").await.is_string());
    socket.completes("s0").await;
    world.finish().await;
}

#[tokio::test]
async fn whoever_follows_all_sessions_sees_those_that_are_there_and_those_that_come() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("a").await;
    world.reaches("a", "waiting_for_qr").await;
    world.door.post("", json!({ "id": "other", "metadata": { "team": "b" } })).await.ok();
    let mut socket = Socket::admitted(world.server.base()).await;
    let query = "subscription ($filter: SessionFilter) { sessionsUpdated(filter: $filter) { id status name } }";
    let payload = json!({ "query": query, "variables": { "filter": { "metadata": { "team": "b" } } } });
    socket.say(json!({ "type": "subscribe", "id": "b", "payload": payload })).await;
    let waits = |session: &Value| session["status"] == "WAITING_FOR_QR";
    assert_eq!(socket.until("b", "sessionsUpdated", waits).await["id"], "other");
    world.door.update("a", json!({ "name": "not theirs" })).await.ok();
    world.door.post("", json!({ "id": "late", "metadata": { "team": "b" } })).await.ok();
    assert_eq!(socket.until("b", "sessionsUpdated", waits).await["id"], "late");
    world.door.update("other", json!({ "name": "Theirs" })).await.ok();
    assert_eq!(socket.next("b", "sessionsUpdated").await["name"], "Theirs");
    // Once more when it ceases to match, so that nobody keeps an old state of it; then never again.
    world.door.update("other", json!({ "name": "Gone", "metadata": {} })).await.ok();
    assert_eq!(socket.next("b", "sessionsUpdated").await["name"], "Gone");
    world.door.update("other", json!({ "name": "Unseen" })).await.ok();
    world.door.update("late", json!({ "name": "Seen" })).await.ok();
    assert_eq!(socket.next("b", "sessionsUpdated").await["name"], "Seen");
    world.finish().await;
}

#[tokio::test]
async fn a_shutdown_completes_every_subscription_and_says_goodbye() {
    let mut world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let mut socket = Socket::admitted(world.server.base()).await;
    socket.subscribe("1", FOLLOW).await;
    socket.until("1", "sessionUpdated", |session| session["status"] == "WAITING_FOR_QR").await;
    world.server.tell_to_stop();
    socket.completes("1").await;
    assert_eq!(socket.closed().await, 1001);
    world.finish().await;
}

#[tokio::test]
async fn a_subscription_can_come_as_server_sent_events() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let body = json!({ "query": FOLLOW });
    let request = world.door.request(Method::POST, "/graphql/stream").header("accept", "text/event-stream").json(&body);
    let mut reply = request.send().await.expect("it answers");
    assert_eq!(reply.headers()["content-type"], "text/event-stream");
    let mut seen = String::new();
    while !seen.contains("WAITING_FOR_QR") {
        let chunk = reply.chunk().await.expect("it goes on");
        seen.push_str(&String::from_utf8_lossy(&chunk.expect("it goes on")));
    }
    world.door.delete("shop").await.ok();
    while let Some(chunk) = reply.chunk().await.expect("it ends in order") {
        seen.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(seen.contains("event: next"), "{seen}");
    assert!(seen.rsplit("event: ").next().is_some_and(|last| last.starts_with("complete")), "{seen}");
    world.finish().await;
}

/// The lines of a type in the schema.
fn lines_of<'a>(schema: &'a str, kind: &str) -> Vec<&'a str> {
    let lines = schema.lines().skip_while(|line| !line.starts_with(&format!("type {kind} "))).skip(1);
    lines.take_while(|line| *line != "}").collect()
}

#[test]
fn both_documents_offer_the_same_and_say_the_same_of_it() {
    let openapi: Value = serde_json::from_str(include_str!("../../openapi/openapi.json")).expect("it is JSON");
    let schema = include_str!("../../schema/schema.graphql");
    let twins: BTreeMap<_, _> = operation::all()
        .flat_map(|row| [row.rest, row.below_session].into_iter().flatten().map(|name| (name, row.field)))
        .filter_map(|(name, field)| Some((name, field?)))
        .collect();
    let in_document = || {
        let paths = openapi["paths"].as_object().expect("an object").values();
        let operations = paths.flat_map(|path| path.as_object().expect("an object").values());
        operations.map(|operation| (operation["operationId"].as_str().expect("a name"), operation))
    };
    // An alias stands in REST alone, and says what it is.
    let mut aliases = BTreeMap::new();
    for row in operation::all() {
        for alias in row.rest_names().filter(|name| name.is_alias) {
            let of = row.rest.expect("an alias is one of an operation in REST");
            aliases.extend([Some(alias.rest), alias.below_session].into_iter().flatten().map(|name| (name, of)));
        }
    }
    for (alias, of) in &aliases {
        let (_, described) = in_document().find(|(name, _)| name == alias).unwrap_or_else(|| panic!("no {alias}"));
        let text = described["description"].as_str().expect("it is described");
        assert!(text.starts_with(&format!("Alias of `{of}`")), "{alias}: {text}");
        assert_eq!(described["tags"], json!(["Aliases"]), "{alias}");
    }
    // Bytes go over REST alone.
    let in_rest_alone: Vec<_> = operation::all().filter(|row| row.field.is_none()).filter_map(|row| row.rest).collect();
    let operations: BTreeMap<_, _> = in_document()
        .filter(|(name, _)| !aliases.contains_key(name) && !in_rest_alone.contains(name))
        .map(|(name, operation)| (name, operation["summary"].as_str()))
        .collect();
    assert!(operations.keys().eq(twins.keys()), "{:?}", operations.keys());
    for (operation, Field { parent: kind, name: field }) in &twins {
        let summary = operations[operation].expect("it is described");
        let lines = lines_of(schema, kind);
        let is_field = |line: &&str| line.trim().split(['(', ':']).next() == Some(*field);
        let at = lines.iter().position(is_field).unwrap_or_else(|| panic!("no {kind}.{field}"));
        // A field, or an argument, begins with a small letter; descriptions with a quotation mark or a large one.
        let is_text = |line: &&&str| !line.trim_start().starts_with(|c: char| c.is_lowercase() || c == ')');
        let described = lines[..at].iter().rev().take_while(is_text);
        assert!(described.into_iter().any(|line| line.trim().trim_matches('"') == summary), "{operation}: {summary}");
    }
    // The other way round: what can be done in the graph can be done in REST.
    let is_field = |line: &&str| line.starts_with('\t') && line.trim_start().starts_with(|c: char| c.is_lowercase());
    for line in lines_of(schema, "Mutation").into_iter().filter(is_field) {
        let name = line.trim().split(['(', ':']).next().expect("a name");
        assert!(operations.contains_key(name), "{name} is not in REST");
    }
    for code in openapi["info"]["description"].as_str().expect("a text").split('`').skip(1).step_by(2) {
        assert!(schema.contains(&format!("`{code}`")), "{code}");
    }
}

#[tokio::test]
async fn graphiql_runs_only_scripts_whose_hashes_are_known_and_can_be_switched_off() {
    let world = World::new(Kind::Sqlite).await;
    let page = world.door.send(world.door.anonymous(Method::GET, "/graphiql")).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let text = page.text();
    let loaded: Vec<_> = text.lines().filter(|line| line.contains("https://")).collect();
    assert_eq!(loaded.len(), 4, "{text}");
    for line in loaded {
        assert!(line.contains("integrity=\"sha384-") && line.contains("crossorigin"), "{line}");
        let version = line.split("/npm/").nth(1).and_then(|path| path.split(['@', '/']).nth(1)).expect("a version");
        assert_eq!(version.split('.').count(), 3, "{line}");
    }
    world.finish().await;
    let world = World::with(Kind::Sqlite, Default::default(), &["--graphiql", "false"]).await;
    assert_eq!(world.door.send(world.door.request(Method::GET, "/graphiql")).await.problem().0, 404);
    world.finish().await;
}

#[tokio::test]
async fn a_session_that_is_not_there_is_null_and_leaves_the_rest() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let query = r#"{ none: session(id: "none") { id } shop: session(id: "shop") { id } }"#;
    let answer = world.door.graph(query, Value::Null).await.json();
    assert_eq!(answer["data"], json!({ "none": null, "shop": { "id": "shop" } }), "{answer}");
    let failures = answer["errors"].as_array().expect("a list");
    assert_eq!((failures.len(), &failures[0]["path"]), (1, &json!(["none"])), "{answer}");
    world.finish().await;
}

#[tokio::test]
async fn what_fails_is_null_beside_its_failure_and_leaves_the_rest() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let (_, token) = world.door.key(json!({ "name": "reader", "scopes": ["sessions:read"] })).await;
    let query = "{ sessions { nodes { id } } keys { nodes { id } } webhooks { nodes { id } } events { nextCursor } }";
    let answer = world.door.holding(&token).graph(query, Value::Null).await.ok();
    let shop = json!({ "nodes": [{ "id": "shop" }] });
    let expected = json!({ "sessions": shop, "keys": null, "webhooks": null, "events": null });
    assert_eq!(answer["data"], expected, "{answer}");
    assert_eq!(answer["errors"].as_array().map(Vec::len), Some(3), "{answer}");
    for failure in answer["errors"].as_array().expect("a list") {
        assert_eq!(failure["extensions"]["code"], "forbidden", "{answer}");
        assert!(["keys", "webhooks", "events"].iter().any(|field| failure["path"] == json!([field])), "{answer}");
    }
    let change =
        r#"mutation { none: deleteSession(input: { id: "none" }) { id } a: createSession(input: { id: "a" }) { id } }"#;
    let answer = world.door.graph(change, Value::Null).await.ok();
    assert_eq!(answer["data"], json!({ "none": null, "a": { "id": "a" } }), "{answer}");
    assert_eq!(answer["errors"][0]["path"], json!(["none"]), "{answer}");
    world.door.qr("shop").await;
    let nested = r#"{ session(id: "shop") { qr { png(size: 63) code } } }"#;
    let answer = world.door.graph(nested, Value::Null).await.ok();
    let qr = &answer["data"]["session"]["qr"];
    assert!(qr["code"].is_string() && qr.as_object().is_some_and(|qr| qr.contains_key("png")), "{answer}");
    assert_eq!(
        (&qr["png"], &answer["errors"][0]["path"]),
        (&Value::Null, &json!(["session", "qr", "png"])),
        "{answer}"
    );
    world.finish().await;
}

#[test]
fn whatever_can_fail_at_the_root_can_be_null() {
    let schema = include_str!("../../schema/schema.graphql");
    for kind in ["Query", "Mutation"] {
        let answers: Vec<_> = lines_of(schema, kind)
            .into_iter()
            .filter(|line| line.starts_with('\t') && !line.starts_with("\t\t") && !line.trim().starts_with('"'))
            .filter_map(|line| {
                line.rsplit_once("): ").or_else(|| line.split_once(": ").filter(|_| !line.contains('(')))
            })
            .collect();
        assert!(answers.len() > 9, "{answers:?}");
        for (field, answer) in answers {
            let never_fails = ["me", "version"].contains(&field.trim());
            assert_eq!(answer.ends_with('!'), never_fails, "{field}: {answer}");
        }
    }
}

#[tokio::test]
async fn an_answer_has_the_order_of_its_query() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let query = "{
        z: sessions { totalCount nodes { status name id } } ...F u: version ... on Query { t: keys { edges { cursor } } }
    } fragment F on Query { y: events { nextCursor edges { cursor } } x: me { scopes name } w: webhooks { nodes { id } } }";
    let order = ["z", "totalCount", "nodes", "status", "y", "nextCursor", "edges", "x", "scopes", "w", "u", "t"];
    for _ in 0..30 {
        let text = world.door.graph(query, Value::Null).await.text();
        let places: Vec<_> = order.iter().map(|field| text.find(&format!("\"{field}\":"))).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{text}");
    }
    let socket_query =
        "query A { u: version } query B { z: sessions { totalCount } y: events { nextCursor } x: version }";
    let payload = json!({ "query": socket_query, "operationName": "B" });
    let answer = world.door.send(world.door.request(Method::POST, "/graphql/stream").json(&payload)).await.text();
    let places = ["z", "y", "x"].map(|field| answer.find(&format!("\"{field}\":")));
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{answer}");
    world.finish().await;
}

#[tokio::test]
async fn a_refusal_names_a_field_as_the_graph_does() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let created =
        world.door.ask(Method::POST, "/api/v1/webhooks", &json!({ "url": "https://receiver.example/" })).await;
    let webhook = created.ok()["id"].as_str().expect("an id").to_owned();
    let (key, _) = world.door.key(json!({ "name": "k", "scopes": ["sessions:read"] })).await;
    let (key, long) = (key["id"].as_str().expect("an id"), "x".repeat(101));
    let rows = [
        (format!(r#"{{ webhookDeliveries(webhookId: "{webhook}", first: 500) {{ nodes {{ id }} }} }}"#), "`first`"),
        (format!(r#"{{ sessions(filter: {{ query: "{long}" }}) {{ totalCount }} }}"#), "`filter.query`"),
        (format!(r#"mutation {{ rotateKey(input: {{ id: "{key}", overlapSeconds: 9999999 }}) {{ token }} }}"#), "`overlapSeconds`"),
        (format!(r#"mutation {{ rotateWebhookSecret(input: {{ id: "{webhook}", overlapSeconds: 9999999 }}) {{ secret }} }}"#), "`overlapSeconds`"),
        (r#"mutation { createPairingLink(input: { id: "shop", expiresIn: 0 }) { url } }"#.to_owned(), "`expiresIn`"),
        (r#"mutation { createKey(input: { name: "k", scopes: [SESSIONS_READ], expiresAt: "2001-01-01T00:00:00Z" }) { token } }"#.to_owned(), "`expiresAt`"),
    ];
    for (query, field) in rows {
        let answer = world.door.graph(&query, Value::Null).await.json();
        let message = answer["errors"][0]["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.starts_with(field), "{field}: {answer}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_node_is_a_session_a_key_or_a_webhook() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let created =
        world.door.ask(Method::POST, "/api/v1/webhooks", &json!({ "url": "https://receiver.example/" })).await;
    let webhook = created.ok()["id"].as_str().expect("an id").to_owned();
    let (key, _) = world.door.key(json!({ "name": "k", "scopes": ["sessions:read"] })).await;
    let key = key["id"].as_str().expect("an id").to_owned();
    let (_, hooks) = world.door.key(json!({ "name": "hooks", "scopes": ["webhooks:read"] })).await;
    let (_, sender) = world.door.key(json!({ "name": "sender", "scopes": ["messages:send"] })).await;
    let node = |id: &str| format!(r#"{{ node(id: "{id}") {{ __typename id }} }}"#);
    for (id, kind) in [("shop", "Session"), (&*key, "Key"), (&*webhook, "Webhook")] {
        let answer = world.door.asked(&node(id), Value::Null).await;
        assert_eq!(answer["node"], json!({ "__typename": kind, "id": id }));
    }
    let hooks = world.door.holding(&hooks);
    assert_eq!(hooks.asked(&node(&webhook), Value::Null).await["node"]["id"], webhook);
    assert_eq!(hooks.asked(&node(&key), Value::Null).await["node"], Value::Null);
    assert_eq!(world.door.holding(&sender).graph_failure(&node("shop"), Value::Null).await, "forbidden");
    world.finish().await;
}
