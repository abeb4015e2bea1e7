//! What a page of another site may do with the API: nothing, unless its origin was allowed; and streams by ticket.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use whatsapp_simulator::Settings;

use crate::support::door::Answer;
use crate::support::events::Events;
use crate::support::world::{Kind, World};

const APP: &str = "https://app.example.com";
const STREAM: &str = "/api/v1/events/stream";

/// What a browser asks before it sends a request of a page of this origin.
async fn preflight(world: &World, origin: &str, path: &str) -> Answer {
    let request = world.door.anonymous(Method::OPTIONS, path).header("origin", origin);
    let request = request.header("access-control-request-method", "GET");
    world.door.send(request.header("access-control-request-headers", "authorization")).await
}

fn allowed(answer: &Answer) -> &str {
    answer.header("access-control-allow-origin")
}

#[tokio::test]
async fn pages_of_other_sites_may_do_nothing_unless_somebody_says_so() {
    let world = World::new(Kind::Sqlite).await;
    let asked = preflight(&world, APP, "/api/v1/sessions").await;
    assert!(asked.headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{:?}", asked.headers);
    assert_eq!(asked.problem(), (401, "unauthenticated".to_owned()));
    let answer = world.door.send(world.door.request(Method::GET, "/api/v1/sessions").header("origin", APP)).await;
    assert_eq!((answer.status, allowed(&answer), answer.header("vary")), (200, "", ""));
    world.finish().await;
}

#[tokio::test]
async fn pages_of_an_origin_that_was_named_may_ask_and_those_of_others_may_not() {
    let flags = ["--cors-origin", "https://App.example.com:443/", "--cors-origin", "http://localhost:5173"];
    let world = World::with(Kind::Sqlite, Settings::default(), &flags).await;
    for origin in [APP, "http://localhost:5173"] {
        for path in ["/api/v1/sessions", "/api/v1/sessions/none", "/graphql", "/graphql/stream", STREAM] {
            let asked = preflight(&world, origin, path).await;
            assert_eq!((asked.status, allowed(&asked)), (204, origin), "{path}");
            assert!(asked.header("access-control-allow-methods").contains("PATCH"));
            for name in ["Authorization", "X-API-Key", "Content-Type", "Last-Event-ID"] {
                assert!(asked.header("access-control-allow-headers").contains(name), "{name}");
            }
            assert_eq!((asked.header("access-control-allow-credentials"), asked.header("vary")), ("", "Origin"));
        }
    }
    for origin in ["https://evil.example.com", "http://app.example.com", "https://app.example.com.evil.example", "null"]
    {
        let asked = preflight(&world, origin, "/api/v1/sessions").await;
        assert_eq!((asked.status, allowed(&asked), asked.header("vary")), (401, "", "Origin"), "{origin}");
    }
    // OPTIONS without the words of a browser is a request like any other.
    let plain = world.door.request(Method::OPTIONS, "/api/v1/sessions").header("origin", APP);
    assert_eq!(world.door.send(plain).await.status, 405);

    let from = |request: RequestBuilder, origin: &str| world.door.send(request.header("origin", origin.to_owned()));
    let create = || world.door.request(Method::POST, "/api/v1/sessions").json(&json!({ "id": "shop" }));
    let made = from(create(), APP).await;
    assert_eq!((made.status, allowed(&made)), (201, APP));
    for name in ["Location", "Retry-After", "X-Request-Id"] {
        assert!(made.header("access-control-expose-headers").contains(name), "{name}");
    }
    // A refusal can be read as well.
    let refused = from(create(), APP).await;
    assert_eq!((refused.status, allowed(&refused)), (409, APP));
    let refused = from(world.door.anonymous(Method::GET, "/api/v1/sessions"), APP).await;
    assert_eq!((refused.status, allowed(&refused)), (401, APP));
    let graph = world.door.request(Method::POST, "/graphql").json(&json!({ "query": "{ version }" }));
    assert_eq!(allowed(&from(graph, APP).await), APP);
    let other = from(world.door.request(Method::GET, "/api/v1/sessions"), "https://evil.example.com").await;
    assert_eq!((other.status, allowed(&other), other.header("vary")), (200, "", "Origin"));
    let stream = world.door.request(Method::GET, STREAM).header("origin", APP).send().await.expect("it answers");
    assert_eq!(stream.headers()["access-control-allow-origin"], APP);
    drop(stream);
    world.finish().await;
}

/// A ticket of this door's key, by one of the doors.
async fn ticket(door: &crate::support::door::Door, by_graph: bool) -> String {
    let answer = match by_graph {
        true => {
            door.asked("mutation { createStreamTicket { ticket expiresAt } }", Value::Null).await["createStreamTicket"]
                .clone()
        }
        false => door.ask(Method::POST, "/api/v1/stream-tickets", &Value::Null).await.ok(),
    };
    answer["ticket"].as_str().expect("a ticket").to_owned()
}

#[tokio::test]
async fn a_ticket_opens_one_stream_as_its_key_would_and_nothing_else() {
    let flags = ["--log-level", "trace"];
    let world = World::with(Kind::Sqlite, Settings::default(), &flags).await;
    world.door.create("shop").await;
    let scopes = json!(["messages:read", "sessions:read"]);
    let (key, token) = world.door.key(json!({ "name": "front end", "scopes": scopes, "sessions": ["shop"] })).await;
    let door = world.door.holding(&token);
    let open = |path: &str, ticket: &str| {
        let sign = if path.contains('?') { '&' } else { '?' };
        world.door.anonymous(Method::GET, &format!("{path}{sign}ticket={ticket}"))
    };
    let mut used = Vec::new();
    let graph = "/graphql/stream?query=subscription%20%7B%20events%20%7B%20cursor%20%7D%20%7D";
    for (path, by_graph) in [(STREAM, false), ("/api/v1/sessions/shop/live", true), (graph, true)] {
        let ticket = ticket(&door, by_graph).await;
        let stream = Events::open(open(path, &ticket)).await;
        assert_eq!(world.door.send(open(path, &ticket)).await.problem(), (401, "unauthenticated".to_owned()));
        used.push((stream, ticket));
    }
    // It opens streams only, and is spent on the first try, whatever comes of it.
    let other = ticket(&door, false).await;
    for path in ["/api/v1/events", "/api/v1/sessions", "/graphql?query=%7Bversion%7D", "/metrics"] {
        assert_eq!(world.door.send(open(path, &other)).await.status, 401, "{path}");
    }
    let by_post = world.door.anonymous(Method::POST, &format!("/graphql/stream?ticket={other}"));
    assert_eq!(world.door.send(by_post.json(&json!({ "query": "{ version }" }))).await.status, 401);
    let foreign = world.door.send(open("/api/v1/sessions/none/live", &other)).await;
    assert_eq!(foreign.problem(), (404, "session_not_found".to_owned()));
    assert_eq!(world.door.send(open(STREAM, &other)).await.status, 401);
    for bad in ["", "wpt_", &token] {
        assert_eq!(world.door.send(open(STREAM, bad)).await.status, 401, "{bad}");
    }
    let (_, narrow) = world.door.key(json!({ "name": "narrow", "scopes": ["webhooks:read"] })).await;
    let narrow = ticket(&world.door.holding(&narrow), false).await;
    assert_eq!(world.door.send(open(STREAM, &narrow)).await.problem(), (403, "forbidden".to_owned()));

    // All that was opened or could be ends with the key.
    let unused = ticket(&door, false).await;
    let path = format!("/api/v1/keys/{}", key["id"].as_str().expect("an id"));
    world.door.ask(Method::DELETE, &path, &Value::Null).await.ok();
    assert_eq!(world.door.send(open(STREAM, &unused)).await.status, 401);
    let mut tickets = vec![other, narrow, unused];
    for (mut stream, ticket) in used {
        while stream.next().await.is_some() {}
        tickets.push(ticket);
    }
    let output = world.finish().await;
    for ticket in tickets {
        assert!(!output.contains(&ticket[4..]), "a ticket is in the log");
    }
}

#[tokio::test]
async fn a_key_has_at_most_a_hundred_tickets_and_takes_none_from_another() {
    let world = World::new(Kind::Sqlite).await;
    let (_, token) = world.door.key(json!({ "name": "greedy", "scopes": ["sessions:read"] })).await;
    let door = world.door.holding(&token);
    for _ in 0..100 {
        ticket(&door, false).await;
    }
    let answer = door.ask(Method::POST, "/api/v1/stream-tickets", &Value::Null).await;
    assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=60).contains(&seconds)));
    assert_eq!(answer.problem(), (429, "too_many_tickets".to_owned()));
    assert_eq!(door.graph_failure("mutation { createStreamTicket { ticket } }", Value::Null).await, "too_many_tickets");
    ticket(&world.door, false).await;
    world.finish().await;
}
