//! What a GraphQL request may ask for. Whatever is too much is refused before anything of it is done, whichever way it
//! comes in, and the server goes on.

use reqwest::{Method, RequestBuilder};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::graph::Socket;
use crate::support::world::{Kind, World};

/// A way in for documents.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Post,
    Get,
    PostStream,
    GetStream,
    Socket,
}

const WAYS: [Way; 5] = [Way::Post, Way::Get, Way::PostStream, Way::GetStream, Way::Socket];

/// A GET with these parameters.
fn asking(world: &World, path: &str, parameters: &[(&str, &str)]) -> RequestBuilder {
    let mut request = world.door.request(Method::GET, path).build().expect("a request");
    request.url_mut().query_pairs_mut().extend_pairs(parameters);
    world.door.request(Method::GET, &format!("{path}?{}", request.url().query().unwrap_or_default()))
}

/// The code with which a document is refused.
async fn refused(world: &World, way: Way, query: &str) -> String {
    let door = &world.door;
    let (method, path) = match way {
        Way::Post => (Method::POST, "/graphql"),
        Way::Get => (Method::GET, "/graphql"),
        Way::PostStream => (Method::POST, "/graphql/stream"),
        Way::GetStream => (Method::GET, "/graphql/stream"),
        Way::Socket => {
            let mut socket = Socket::admitted(world.server.base()).await;
            socket.subscribe("1", query).await;
            let message = socket.hear().await;
            assert_eq!(message["type"], "error", "{message}");
            return code(&message["payload"]);
        }
    };
    let request = match method {
        Method::POST => door.request(method, path).json(&json!({ "query": query })),
        _ => asking(world, path, &[("query", query)]),
    };
    let answer = door.send(request).await;
    match way {
        Way::PostStream | Way::GetStream => {
            let text = answer.text();
            let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or_else(|| panic!("{text}"));
            code(&serde_json::from_str::<Value>(data).expect("it is JSON")["errors"])
        }
        _ => {
            assert_eq!(answer.status, 400, "{}", answer.text());
            code(&answer.json()["errors"])
        }
    }
}

fn code(errors: &Value) -> String {
    assert_eq!(errors.as_array().map(Vec::len), Some(1), "{errors}");
    assert!(errors[0]["extensions"]["requestId"].is_string(), "{errors}");
    errors[0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no code: {errors}")).to_owned()
}

#[rstest]
#[case(1_600)]
#[case(250_000)]
#[case(500_000)]
#[tokio::test]
async fn nested_brackets_never_reach_the_parser(#[case] levels: usize) {
    let world = World::new(Kind::Sqlite).await;
    let (open, close) = ("[".repeat(levels), "]".repeat(levels));
    let mut forms = vec![
        format!("{{version(a:{open}{close})}}"),
        format!("query($a:Int={open}{close}){{version}}"),
        format!("query($a:{open}Int{close}){{version}}"),
        format!("{{version @include(if:{open}{close})}}"),
        format!("mutation{{createSession(input:{open}{close}){{id}}}}"),
    ];
    if levels < 500_000 {
        // Twice as long.
        forms.push(format!("{{version(a:{}1{})}}", "{a:".repeat(levels), "}".repeat(levels)));
        forms.push(format!("{{a{}{}}}", "{a".repeat(levels), "}".repeat(levels)));
    }
    for way in WAYS {
        // An address has less room.
        let fits = levels == 1_600 || !matches!(way, Way::Get | Way::GetStream);
        for form in forms.iter().filter(|_| fits) {
            assert_eq!(refused(&world, way, form).await, "depth_limit", "{way:?} {}", &form[..40]);
        }
    }
    assert!(world.door.asked("{ version }", Value::Null).await["version"].is_string());
    world.finish().await;
}

#[tokio::test]
async fn fragments_that_multiply_or_go_in_a_circle_are_refused_at_once() {
    let world = World::new(Kind::Sqlite).await;
    let multiplying = |spreads: usize| {
        let level = |n: usize| format!("fragment f{n} on Query{{{}}}", format!("...f{} ", n + 1).repeat(spreads));
        format!("{{...f0}}{}fragment f30 on Query{{version}}", (0..30).map(level).collect::<String>())
    };
    for way in WAYS {
        for (document, expected) in [
            (multiplying(2), "document_limit"),
            (multiplying(3), "document_limit"),
            ("{...a} fragment a on Query{...b} fragment b on Query{...a}".to_owned(), "graphql_invalid"),
            ("{version} fragment a on Query{...a}".to_owned(), "graphql_invalid"),
        ] {
            assert_eq!(refused(&world, way, &document).await, expected, "{way:?} {document}");
        }
    }
    let live = world.door.send(world.door.anonymous(Method::GET, "/livez")).await;
    assert_eq!(live.status, 200);
    world.finish().await;
}

#[tokio::test]
async fn fields_at_the_root_are_counted_wherever_they_are_written() {
    let world = World::new(Kind::Sqlite).await;
    for (kind, on, field) in
        [("mutation", "Mutation", "createSession(input:{}){id} "), ("query", "Query", "sessions{totalCount} ")]
    {
        let many = field.repeat(21);
        for document in [
            format!("{kind}{{{many}}}"),
            format!("{kind}{{...A}} fragment A on {on}{{{many}}}"),
            format!("{kind}{{... on {on}{{{many}}}}}"),
        ] {
            for way in [Way::Post, Way::PostStream, Way::Socket] {
                assert_eq!(refused(&world, way, &document).await, "root_field_limit", "{way:?} {document}");
            }
        }
        let few = format!("{kind}{{...A ...A}} fragment A on {on}{{{}}}", field.repeat(10));
        world.door.asked(&few, Value::Null).await;
    }
    assert_eq!(world.door.get("").await.ok()["total"], 20, "nothing of what was refused was done");
    world.finish().await;
}

#[tokio::test]
async fn a_variable_is_counted_as_often_as_it_is_used() {
    let world = World::new(Kind::Sqlite).await;
    let query =
        format!("query($v: [ID!]) {{ sessions(filter: {{ query: [{}] }}) {{ totalCount }} }}", "$v ".repeat(100));
    let answer = world.door.graph(&query, json!({ "v": vec!["x"; 10_000] })).await;
    assert_eq!((answer.status, code(&answer.json()["errors"])), (400, "variable_limit".to_owned()));
    // What is nested too deep is no JSON to the server.
    let nested = format!(r#"{{"query":"{{version}}","variables":{{"a":{}{}}}}}"#, "[".repeat(2_000), "]".repeat(2_000));
    let request = world.door.request(Method::POST, "/graphql").header("content-type", "application/json").body(nested);
    assert_eq!(world.door.send(request).await.problem(), (400, "malformed_request".to_owned()));
    world.finish().await;
}

#[tokio::test]
async fn an_answer_does_not_repeat_a_document_a_hundred_times() {
    let world = World::new(Kind::Sqlite).await;
    let unknown = format!("{{ {} }}", "me { unknown } ".repeat(20));
    let answer = world.door.graph(&unknown, Value::Null).await;
    assert_eq!(answer.json()["errors"].as_array().map(Vec::len), Some(20), "{}", answer.text());
    let unknown = format!("{{ me {{ {} }} }}", "unknown ".repeat(4_000));
    let answer = world.door.graph(&unknown, Value::Null).await;
    assert_eq!(answer.json()["errors"].as_array().map(Vec::len), Some(100));
    // The parser shows the line that it does not understand.
    let line = format!("{{ me {{ {} 1 }} }}", "unknown ".repeat(4_000));
    let answer = world.door.graph(&line, Value::Null).await;
    assert_eq!(code(&answer.json()["errors"]), "graphql_invalid");
    assert!(answer.bytes.len() < 8 * 1024, "{} bytes", answer.bytes.len());
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn lists_of_ids_and_words_are_bounded(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let door = &world.door;
    let ids = |count: usize| (0..count).map(|number| format!("s{number}")).collect::<Vec<_>>();
    let words = |count: usize| vec!["message"; count];
    for path in ["/api/v1/events", "/api/v1/events/stream"] {
        for (field, list) in [("session", ids(1_001).join(",")), ("type", words(1_001).join(","))] {
            let answer = door.send(asking(&world, path, &[(field, &list)])).await;
            assert!(answer.text().contains(&format!("`{field}` must name at most 1000")), "{path} {}", answer.text());
            assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{path} {field}");
        }
    }
    let full = [("session", &*ids(1_000).join(",")), ("type", &*words(1_000).join(","))];
    door.send(asking(&world, "/api/v1/events", &full)).await.ok();

    let query = "query($f: EventFilter) { events(filter: $f) { nextCursor } }";
    let upper = |count: usize| vec!["MESSAGE"; count];
    for (field, filter) in
        [("sessions", json!({ "sessions": ids(1_001) })), ("types", json!({ "types": upper(1_001) }))]
    {
        let answer = door.graph(query, json!({ "f": filter })).await;
        assert_eq!(code(&answer.json()["errors"]), "invalid", "{}", answer.text());
        assert!(answer.text().contains(&format!("`filter.{field}` must name at most 1000")), "{}", answer.text());
    }
    door.asked(query, json!({ "f": { "sessions": ids(1_000), "types": upper(1_000) } })).await;
    let mut socket = Socket::admitted(world.server.base()).await;
    let follow = "subscription($s: [ID!], $t: [EventType!]) { events(sessions: $s, types: $t) { cursor } }";
    for (id, variables) in [("sessions", json!({ "s": ids(1_001) })), ("types", json!({ "t": upper(1_001) }))] {
        let payload = json!({ "query": follow, "variables": variables });
        socket.say(json!({ "type": "subscribe", "id": id, "payload": payload })).await;
        let message = socket.hear().await;
        assert_eq!(code(&message["payload"]["errors"]), "invalid", "{message}");
        assert!(message.to_string().contains(&format!("`{id}` must name at most 1000")), "{message}");
        socket.completes(id).await;
    }

    let webhook = |count: usize| json!({ "url": "https://receiver.example/", "events": words(count) });
    let created = door.ask(Method::POST, "/api/v1/webhooks", &webhook(1_000)).await.ok();
    assert_eq!(created["events"], json!(["message"]));
    let of_one = format!("/api/v1/webhooks/{}", created["id"].as_str().expect("an id"));
    let scopes = vec!["sessions:read"; 101];
    for (method, path, body, field) in [
        (Method::POST, "/api/v1/webhooks".to_owned(), webhook(1_001), "events"),
        (Method::PATCH, of_one.clone(), json!({ "events": words(1_001) }), "events"),
        (Method::POST, format!("{of_one}/replay"), json!({ "from": 0, "types": words(1_001) }), "types"),
        (Method::POST, "/api/v1/keys".to_owned(), json!({ "name": "k", "scopes": scopes }), "scopes"),
        (Method::POST, "/api/v1/sessions".to_owned(), json!({ "webhook": webhook(1_001) }), "webhook.events"),
    ] {
        let answer = door.ask(method, &path, &body).await;
        assert!(answer.text().contains(&format!("`{field}` must name at most")), "{path} {}", answer.text());
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{path}");
    }
    world.finish().await;
}
