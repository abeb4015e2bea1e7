//! Who may do what: every operation x every scope x a session of the key's and another x three carriers.

use std::collections::BTreeSet;

use entity::words::access::Scope;
use futures::stream::{self, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use waypost::api::operation::Field;

use crate::support::door::Door;
use crate::support::graph::Socket;
use crate::support::operations::{self, On, Operation};
use crate::support::world::{Kind, World};

/// How an attempt ended, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It was let through, whatever came of it.
    Allowed,
    Forbidden,
    NotThere,
}

/// Every operation, and what is measured.
fn all() -> Vec<Operation> {
    // Nobody can be shown to lack `metrics:read` in a key for some sessions only: it cannot be in one.
    let metrics = Operation {
        name: "metrics",
        rest: Some((Method::GET, "/metrics".to_owned(), Value::Null)),
        graph: None,
        on: On::Nothing,
        scope: Some(Scope::MetricsRead),
        second_scope: None,
    };
    [metrics].into_iter().chain(operations::all()).collect()
}

fn outcome(code: Option<&str>) -> Outcome {
    match code {
        Some("forbidden") => Outcome::Forbidden,
        Some("session_not_found" | "key_not_found" | "webhook_not_found") => Outcome::NotThere,
        Some(code @ ("unauthenticated" | "graphql_invalid" | "not_found" | "internal")) => panic!("{code}"),
        Some(_) | None => Outcome::Allowed,
    }
}

fn code_of(failures: &Value) -> Option<&str> {
    failures[0]["extensions"]["code"].as_str()
}

/// What the one key under test may touch, and what it may not.
struct Things {
    world: World,
    door: Door,
    scopes: Vec<Scope>,
    socket: Socket,
    attempts: u64,
}

impl Things {
    /// The id to do it to. What is the key's own is made anew, since the operation before may have removed it.
    async fn target(&self, on: On, is_own: bool) -> String {
        match (on, is_own) {
            (On::Nothing | On::All, _) => String::new(),
            (On::Webhook, _) => {
                let session = if is_own { "own" } else { "foreign" };
                self.world.door.post("", json!({ "id": session })).await;
                let webhook = json!({ "url": "http://127.0.0.1:1/" });
                let webhook = self.world.door.post(&format!("/{session}/webhooks"), webhook).await.ok();
                format!("{session}/{}", webhook["id"].as_str().expect("an id"))
            }
            (On::Session, true) => {
                self.world.door.post("", json!({ "id": "own" })).await;
                "own".to_owned()
            }
            (On::Session, false) => "foreign".to_owned(),
            (On::Key, _) => {
                // Another key is one that may do more.
                let own_scopes: Vec<_> = self.scopes.iter().map(|scope| scope.as_str()).collect();
                let scopes = if is_own { json!(own_scopes) } else { json!(["sessions:read", "sessions:write"]) };
                let sessions = is_own.then(|| own(&self.scopes)).flatten();
                let (key, _) =
                    self.world.door.key(json!({ "name": "target", "scopes": scopes, "sessions": sessions })).await;
                key["id"].as_str().expect("an id").to_owned()
            }
        }
    }

    async fn by_rest(&self, (method, path, body): &(Method, String, Value), id: &str) -> Outcome {
        let body = serde_json::from_str(&named(&body.to_string(), id)).expect("it is JSON");
        let path = named(path, id);
        if path.ends_with("/live") || path.ends_with("/stream") {
            // What is let through never ends.
            let reply = self.door.request(method.clone(), &path).send().await.expect("the server answers");
            if reply.headers()["content-type"] == "text/event-stream" {
                return Outcome::Allowed;
            }
        }
        let answer = self.door.ask(method.clone(), &path, &body).await;
        outcome(answer.json()["code"].as_str())
    }

    async fn by_http(&self, graph: &str, id: &str) -> Outcome {
        let answer = self.door.graph(&named(graph, id), Value::Null).await.json();
        outcome(code_of(&answer["errors"]))
    }

    async fn by_socket(&mut self, graph: &str, id: &str) -> Outcome {
        self.attempts += 1;
        let name = self.attempts.to_string();
        self.socket.subscribe(&name, &named(graph, id)).await;
        // A subscription to all sessions of a key that has none yet says nothing: what is asked next is answered first.
        let probe = format!("probe-{name}");
        let silent = ["sessionsUpdated", "subscription { events", "subscription { messageStatus"];
        let message = match silent.iter().any(|subscription| graph.contains(subscription)) {
            true => {
                self.socket.subscribe(&probe, "{ version }").await;
                self.socket.hear().await
            }
            false => self.socket.hear().await,
        };
        self.socket.say(json!({ "type": "complete", "id": name })).await;
        let failures = if message["type"] == "error" { &message["payload"] } else { &message["payload"]["errors"] };
        let outcome = outcome(code_of(failures));
        self.socket.quiet(&[&name, &probe]).await;
        outcome
    }
}

/// What is written for a thing, with the ids of the thing in it.
fn named(text: &str, id: &str) -> String {
    let (id, webhook) = id.split_once('/').unwrap_or((id, ""));
    text.replace("{id}", id).replace("{webhook}", webhook)
}

fn expected(operation: &Operation, scopes: &[Scope], is_own: bool) -> Outcome {
    match operation.scope {
        Some(needed) if !scopes.contains(&needed) => Outcome::Forbidden,
        // To create another session is not to find one.
        _ if operation.name == "createSession" && !is_own => Outcome::Forbidden,
        _ if operation.on == On::All => Outcome::Forbidden,
        _ if operation.on != On::Nothing && !is_own => Outcome::NotThere,
        _ if operation.second_scope.is_some_and(|scope| !scopes.contains(&scope)) => Outcome::Forbidden,
        _ => Outcome::Allowed,
    }
}

/// The sessions of a key with these scopes: what is measured is measured over all.
fn own(scopes: &[Scope]) -> Option<[&'static str; 1]> {
    (scopes != [Scope::MetricsRead]).then_some(["own"])
}

async fn row(scopes: Vec<Scope>) -> usize {
    let flags = ["--egress-allow", "127.0.0.0/8"];
    let world = World::with(Kind::Sqlite, whatsapp_simulator::Settings::default(), &flags).await;
    world.phone();
    world.door.create("foreign").await;
    let sessions = own(&scopes);
    let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    let (_, token) = world.door.key(json!({ "name": "x", "scopes": words, "sessions": sessions })).await;
    let socket = Socket::holding(world.server.base(), &token).await;
    let mut things = Things { door: world.door.holding(&token), world, scopes: scopes.clone(), socket, attempts: 0 };
    let mut tried = 0;
    for operation in all() {
        let targets: &[bool] = if matches!(operation.on, On::Nothing | On::All) { &[true] } else { &[true, false] };
        for is_own in targets.iter().copied() {
            let expected = expected(&operation, &scopes, is_own);
            if let Some(rest) = &operation.rest {
                let id = things.target(operation.on, is_own).await;
                assert_eq!(things.by_rest(rest, &id).await, expected, "{} {} with {words:?}", rest.0, rest.1);
                tried += 1;
            }
            if let Some((Field { parent, name }, graph)) = &operation.graph {
                let id = things.target(operation.on, is_own).await;
                if *parent != "Subscription" {
                    assert_eq!(things.by_http(graph, &id).await, expected, "{name} on {id:?} with {words:?}");
                    tried += 1;
                }
                let id = things.target(operation.on, is_own).await;
                assert_eq!(things.by_socket(graph, &id).await, expected, "{name} on {id:?} by socket with {words:?}");
                tried += 1;
            }
        }
    }
    let foreign = things.world.door.get("/foreign").await.ok();
    assert_eq!((&foreign["name"], &foreign["status"]), (&Value::Null, &json!("waiting_for_qr")), "nobody touched it");
    things.world.finish().await;
    tried
}

#[tokio::test]
async fn slow_each_operation_needs_its_scope_and_a_session_of_the_key_on_every_carrier() {
    let both = vec![Scope::WebhooksWrite, Scope::MessagesRead];
    let rows = stream::iter(Scope::ALL.iter().map(|scope| vec![*scope]).chain([both])).map(row).buffer_unordered(3);
    let tried: Vec<usize> = rows.collect().await;
    assert!(tried.iter().sum::<usize>() > 1200, "{tried:?}");
}

#[tokio::test]
async fn a_session_is_created_with_a_webhook_by_a_key_for_both_only() {
    let world = World::with(Kind::Sqlite, whatsapp_simulator::Settings::default(), &[]).await;
    let new = json!({ "id": "own", "webhook": { "url": "https://receiver.invalid/" } });
    let graph =
        r#"mutation { createSession(input: { id: "own", webhook: { url: "https://receiver.invalid/" } }) { id } }"#;
    for (scopes, expected) in [
        (json!(["sessions:write"]), Outcome::Forbidden),
        (json!(["webhooks:write"]), Outcome::Forbidden),
        (json!(["sessions:write", "webhooks:write"]), Outcome::Forbidden),
        (json!(["sessions:write", "webhooks:write", "messages:read"]), Outcome::Allowed),
    ] {
        let (_, token) = world.door.key(json!({ "name": "x", "scopes": scopes })).await;
        let door = world.door.holding(&token);
        let by_graph = door.graph(graph, Value::Null).await.json();
        assert_eq!(outcome(code_of(&by_graph["errors"])), expected, "{scopes}");
        // That it exists by now is no question of scopes.
        let by_rest = door.ask(Method::POST, "/api/v1/sessions", &new).await.json();
        assert_eq!(outcome(by_rest["code"].as_str()), expected, "{scopes}");
    }
    world.finish().await;
}

#[test]
fn the_matrix_has_every_operation_of_both_documents() {
    let openapi: Value = serde_json::from_str(include_str!("../../openapi/openapi.json")).expect("it is JSON");
    let paths = openapi["paths"].as_object().expect("an object").values();
    let operations_of = |path: &Value| path.as_object().expect("an object").values().cloned().collect::<Vec<_>>();
    let in_document: BTreeSet<String> = paths
        .flat_map(operations_of)
        .map(|operation| operation["operationId"].as_str().expect("a name").to_owned())
        .collect();
    let operations = operations::all();
    let here = operations.iter().filter(|operation| operation.rest.is_some());
    let here: BTreeSet<String> = here.map(|operation| operation.name.to_owned()).collect();
    assert_eq!(here, in_document);

    let schema = include_str!("../../schema/schema.graphql");
    let mut in_schema = BTreeSet::new();
    for kind in ["Query", "Mutation", "Subscription"] {
        let lines = schema.lines().skip_while(|line| !line.starts_with(&format!("type {kind} "))).skip(1);
        for line in lines.take_while(|line| *line != "}") {
            let is_field = line.starts_with('\t') && line.chars().nth(1).is_some_and(char::is_lowercase);
            if let Some(name) = line.trim().split(['(', ':']).next().filter(|_| is_field) {
                in_schema.insert(format!("{kind}.{name}"));
            }
        }
    }
    // What `node` gives is what `session` and `keys` give; keys.rs asks it.
    assert!(in_schema.remove("Query.node"));
    let fields = operations.iter().filter_map(|operation| Some(operation.graph.as_ref()?.0));
    let here: BTreeSet<String> = fields.map(|Field { parent, name }| format!("{parent}.{name}")).collect();
    assert_eq!(here, in_schema);
}

#[test]
fn each_operation_is_tried_on_what_it_is_done_to() {
    let operations = operations::all();
    let find = |name: &str| operations.iter().find(|operation| operation.name == name).expect("it is there");
    let asked = |name: &str| find(name).graph.as_ref().map(|(_, text)| text.as_str());
    assert_eq!(asked("createSession"), Some(r#"mutation { createSession(input: { id: "{id}" }) { __typename } }"#));
    assert_eq!(
        asked("createSessionWebhook"),
        Some(
            r#"mutation { createWebhook(input: { url: "https://receiver.invalid/", sessionId: "{id}" }) { __typename } }"#
        )
    );
    assert_eq!(asked("createWebhook"), None);
    assert_eq!(asked("listEvents"), Some("query { events { __typename } }"));
    assert_eq!(asked("version"), Some("query { version }"));
    assert_eq!(
        asked("retrySessionWebhookDelivery"),
        Some(r#"mutation { retryWebhookDelivery(input: { webhookId: "{webhook}", id: "none" }) { __typename } }"#)
    );
    assert_eq!(asked("followSession"), Some(r#"subscription { sessionUpdated(id: "{id}") { __typename } }"#));
    let places = ["listKeys", "rotateKey", "createWebhook", "createSessionWebhook", "pingWebhook", "createSession"];
    let places = places.map(|name| find(name).on);
    assert_eq!(places, [On::Nothing, On::Key, On::All, On::Session, On::Webhook, On::Session]);
}
