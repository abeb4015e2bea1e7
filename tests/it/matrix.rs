//! Who may do what: every operation x every scope x a session of the key's and another x three carriers.

use std::collections::BTreeSet;

use entity::words::Scope;
use futures::stream::{self, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::door::Door;
use crate::support::graph::Socket;
use crate::support::world::{Kind, World};

/// What an operation is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    Nothing,
    /// All sessions: not for a key that is for some.
    All,
    Session,
    /// A webhook of a session: `{id}` is the session, `{webhook}` the webhook.
    Webhook,
    Key,
}

/// An operation as each door has it. `{id}` stands for what it is done to.
struct Operation {
    rest: Option<(&'static str, Method, &'static str, Value)>,
    /// Where its field is in the schema, and a request for it.
    graph: Option<(&'static str, &'static str)>,
    on: On,
    /// What it takes; None is any key at all.
    scope: Option<Scope>,
}

/// How an attempt ended, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It was let through, whatever came of it.
    Allowed,
    Forbidden,
    NotThere,
}

fn rest(id: &'static str, method: Method, path: &'static str) -> Option<(&'static str, Method, &'static str, Value)> {
    Some((id, method, path, Value::Null))
}

fn operations() -> Vec<Operation> {
    let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
    let with = |id, method, path, body| Some((id, method, path, body));
    let at = |rest, graph, on, scope| Operation { rest, graph, on, scope: Some(scope) };
    let (read, write, pair, keys) = (Scope::SessionsRead, Scope::SessionsWrite, Scope::SessionsPair, Scope::KeysAdmin);
    let session = "/api/v1/sessions/{id}";
    let named = json!({ "name": "Other" });
    let phone = json!({ "phone_number": "15550100001" });
    // Nobody can be shown to lack `metrics:read` in a key for some sessions only: it cannot be in one.
    let metrics = Operation {
        rest: rest("", get.clone(), "/metrics"),
        graph: None,
        on: On::Nothing,
        scope: Some(Scope::MetricsRead),
    };
    let mut all = vec![
        metrics,
        at(
            with("createSession", post.clone(), "/api/v1/sessions", json!({ "id": "{id}" })),
            Some(("Mutation.createSession", r#"mutation { createSession(input: { id: "{id}" }) { id } }"#)),
            On::Session,
            write,
        ),
        at(
            rest("listSessions", get.clone(), "/api/v1/sessions"),
            Some(("Query.sessions", "{ sessions { totalCount } }")),
            On::Nothing,
            read,
        ),
        at(
            rest("getSession", get.clone(), session),
            Some(("Query.session", r#"{ session(id: "{id}") { id } }"#)),
            On::Session,
            read,
        ),
        at(
            with("updateSession", Method::PATCH, session, named),
            Some((
                "Mutation.updateSession",
                r#"mutation { updateSession(input: { id: "{id}", name: "Other" }) { id } }"#,
            )),
            On::Session,
            write,
        ),
        at(rest("getSessionStatus", get.clone(), "/api/v1/sessions/{id}/status"), None, On::Session, read),
        at(rest("followSession", get.clone(), "/api/v1/sessions/{id}/live"), None, On::Session, read),
        at(
            rest("createPairingLink", post.clone(), "/api/v1/sessions/{id}/pairing-links"),
            Some((
                "Mutation.createPairingLink",
                r#"mutation { createPairingLink(input: { id: "{id}" }) { expiresAt } }"#,
            )),
            On::Session,
            pair,
        ),
        at(
            rest("listPairingLinks", get.clone(), "/api/v1/sessions/{id}/pairing-links"),
            Some(("Query.pairingLinks", r#"{ pairingLinks(sessionId: "{id}") { expiresAt } }"#)),
            On::Session,
            pair,
        ),
        at(rest("getSessionDevice", get.clone(), "/api/v1/sessions/{id}/device"), None, On::Session, read),
        at(rest("getSessionQr", get.clone(), "/api/v1/sessions/{id}/qr"), None, On::Session, pair),
        at(
            None,
            Some(("Subscription.sessionUpdated", r#"subscription { sessionUpdated(id: "{id}") { id } }"#)),
            On::Session,
            read,
        ),
        at(None, Some(("Subscription.sessionsUpdated", "subscription { sessionsUpdated { id } }")), On::Nothing, read),
        at(
            with("pairSession", post.clone(), "/api/v1/sessions/{id}/pair", phone),
            Some((
                "Mutation.pairSession",
                r#"mutation { pairSession(input: { id: "{id}", phoneNumber: "15550100001" }) { id } }"#,
            )),
            On::Session,
            pair,
        ),
        at(
            with("createKey", post.clone(), "/api/v1/keys", json!({ "name": "x", "scopes": ["keys:admin"] })),
            Some((
                "Mutation.createKey",
                r#"mutation { createKey(input: { name: "x", scopes: [KEYS_ADMIN] }) { token } }"#,
            )),
            On::Nothing,
            keys,
        ),
        at(rest("listKeys", get, "/api/v1/keys"), Some(("Query.keys", "{ keys { nodes { id } } }")), On::Nothing, keys),
        at(
            rest("rotateKey", post.clone(), "/api/v1/keys/{id}/rotate"),
            Some(("Mutation.rotateKey", r#"mutation { rotateKey(input: { id: "{id}" }) { token } }"#)),
            On::Key,
            keys,
        ),
        at(
            rest("deleteKey", delete.clone(), "/api/v1/keys/{id}"),
            Some(("Mutation.deleteKey", r#"mutation { deleteKey(input: { id: "{id}" }) { id } }"#)),
            On::Key,
            keys,
        ),
        Operation {
            rest: rest("createStreamTicket", post.clone(), "/api/v1/stream-tickets"),
            graph: Some(("Mutation.createStreamTicket", "mutation { createStreamTicket { ticket } }")),
            on: On::Nothing,
            scope: None,
        },
        Operation { rest: None, graph: Some(("Query.me", "{ me { scopes } }")), on: On::Nothing, scope: None },
        Operation { rest: None, graph: Some(("Query.version", "{ version }")), on: On::Nothing, scope: None },
    ];
    let verbs = [
        (
            "disconnectSession",
            post.clone(),
            "/api/v1/sessions/{id}/disconnect",
            r#"mutation { disconnectSession(input: { id: "{id}" }) { id } }"#,
        ),
        (
            "connectSession",
            post.clone(),
            "/api/v1/sessions/{id}/connect",
            r#"mutation { connectSession(input: { id: "{id}" }) { id } }"#,
        ),
        (
            "logoutSession",
            post,
            "/api/v1/sessions/{id}/logout",
            r#"mutation { logoutSession(input: { id: "{id}" }) { id } }"#,
        ),
        ("deleteSession", delete, session, r#"mutation { deleteSession(input: { id: "{id}" }) { id } }"#),
    ];
    all.extend(events());
    all.extend(webhooks());
    for (name, method, path, graph) in verbs {
        let field: &'static str = Box::leak(format!("Mutation.{name}").into_boxed_str());
        all.push(at(rest(name, method, path), Some((field, graph)), On::Session, write));
    }
    all
}

fn events() -> Vec<Operation> {
    let at = |rest, graph, on| Operation { rest, graph, on, scope: Some(Scope::MessagesRead) };
    let get = || Method::GET;
    vec![
        at(
            rest("listEvents", get(), "/api/v1/events"),
            Some(("Query.events", "{ events { nodes { id } } }")),
            On::Nothing,
        ),
        at(rest("listSessionEvents", get(), "/api/v1/sessions/{id}/events"), None, On::Session),
        at(
            rest("followEvents", get(), "/api/v1/events/stream"),
            Some(("Subscription.events", "subscription { events { cursor } }")),
            On::Nothing,
        ),
    ]
}

fn webhooks() -> Vec<Operation> {
    let (read, write) = (Scope::WebhooksRead, Scope::WebhooksWrite);
    let address = json!({ "url": "https://receiver.invalid/" });
    let mut all = vec![
        Operation {
            rest: Some(("createWebhook", Method::POST, "/api/v1/webhooks", address.clone())),
            graph: None,
            on: On::All,
            scope: Some(write),
        },
        Operation {
            rest: Some(("createSessionWebhook", Method::POST, "/api/v1/sessions/{id}/webhooks", address)),
            graph: Some((
                "Mutation.createWebhook",
                r#"mutation { createWebhook(input: { sessionId: "{id}", url: "https://receiver.invalid/" }) { id } }"#,
            )),
            on: On::Session,
            scope: Some(write),
        },
        Operation {
            rest: rest("listWebhooks", Method::GET, "/api/v1/webhooks"),
            graph: None,
            on: On::Nothing,
            scope: Some(read),
        },
        Operation {
            rest: rest("listSessionWebhooks", Method::GET, "/api/v1/sessions/{id}/webhooks"),
            graph: Some(("Query.webhooks", r#"{ webhooks(sessionId: "{id}") { nodes { id } } }"#)),
            on: On::Session,
            scope: Some(read),
        },
    ];
    // What is done to one webhook: REST's two names for it, the rest of the path, and the field.
    let rows = [
        (
            ["getSessionWebhook", "getWebhook"],
            Method::GET,
            "",
            "Query.webhook",
            r#"{ webhook(id: "{webhook}") { id } }"#,
        ),
        (["updateSessionWebhook", "updateWebhook"], Method::PATCH, "", "Mutation.updateWebhook", ""),
        (["pingSessionWebhook", "pingWebhook"], Method::POST, "/ping", "Mutation.pingWebhook", ""),
        (
            ["rotateSessionWebhookSecret", "rotateWebhookSecret"],
            Method::POST,
            "/secret/rotate",
            "Mutation.rotateWebhookSecret",
            "",
        ),
        (["enableSessionWebhook", "enableWebhook"], Method::POST, "/enable", "Mutation.enableWebhook", ""),
        (
            ["listSessionWebhookDeliveries", "listWebhookDeliveries"],
            Method::GET,
            "/deliveries",
            "Query.webhookDeliveries",
            r#"{ webhookDeliveries(webhookId: "{webhook}") { nodes { id } } }"#,
        ),
        (
            ["retrySessionWebhookDelivery", "retryWebhookDelivery"],
            Method::POST,
            "/deliveries/none/retry",
            "Mutation.retryWebhookDelivery",
            r#"mutation { retryWebhookDelivery(input: { webhookId: "{webhook}", id: "none" }) { id } }"#,
        ),
        (
            ["discardSessionWebhookDelivery", "discardWebhookDelivery"],
            Method::POST,
            "/deliveries/none/discard",
            "Mutation.discardWebhookDelivery",
            r#"mutation { discardWebhookDelivery(input: { webhookId: "{webhook}", id: "none" }) { id } }"#,
        ),
        (
            ["replaySessionWebhook", "replayWebhook"],
            Method::POST,
            "/replay",
            "Mutation.replayWebhook",
            r#"mutation { replayWebhook(input: { id: "{webhook}", from: "2026-01-01T00:00:00Z" }) { queued } }"#,
        ),
        (["deleteSessionWebhook", "deleteWebhook"], Method::DELETE, "", "Mutation.deleteWebhook", ""),
    ];
    for (names, method, path, field, graph) in rows {
        let scope = if method == Method::GET { read } else { write };
        let mut graph = (!graph.is_empty()).then(|| graph.to_owned());
        let inner = match field {
            "Mutation.pingWebhook" => "durationMs",
            "Mutation.rotateWebhookSecret" => "secret",
            _ => "id",
        };
        let verb = field.trim_start_matches("Mutation.");
        let graph = graph
            .get_or_insert_with(|| format!(r#"mutation {{ {verb}(input: {{ id: "{{webhook}}" }}) {{ {inner} }} }}"#));
        let graph: &'static str = Box::leak(graph.clone().into_boxed_str());
        for (name, base) in names.iter().zip(["/api/v1/sessions/{id}/webhooks/{webhook}", "/api/v1/webhooks/{webhook}"])
        {
            let path: &'static str = Box::leak(format!("{base}{path}").into_boxed_str());
            let body = if name.starts_with("replay") { json!({ "from": 1 }) } else { Value::Null };
            let rest = Some((*name, method.clone(), path, body));
            let graph = name.contains("Session").then_some((field, graph));
            all.push(Operation { rest, graph, on: On::Webhook, scope: Some(scope) });
        }
    }
    all
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

    async fn by_rest(&self, (_, method, path, body): &(&str, Method, &str, Value), id: &str) -> Outcome {
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
        let message = match graph.contains("sessionsUpdated") || graph.contains("subscription { events") {
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

/// Whether it makes somebody read what the caller must be able to read as well.
fn reads_through(operation: &Operation) -> bool {
    let through = ["createWebhook", "createSessionWebhook", "replayWebhook", "replaySessionWebhook"];
    operation.rest.as_ref().is_some_and(|rest| through.contains(&rest.0))
}

fn expected(operation: &Operation, scopes: &[Scope], is_own: bool) -> Outcome {
    match operation.scope {
        Some(needed) if !scopes.contains(&needed) => Outcome::Forbidden,
        // To create another session is not to find one.
        _ if operation.rest.as_ref().is_some_and(|rest| rest.0 == "createSession") && !is_own => Outcome::Forbidden,
        _ if operation.on == On::All => Outcome::Forbidden,
        _ if operation.on != On::Nothing && !is_own => Outcome::NotThere,
        _ if reads_through(operation) && !scopes.contains(&Scope::MessagesRead) => Outcome::Forbidden,
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
    for operation in operations() {
        let targets: &[bool] = if matches!(operation.on, On::Nothing | On::All) { &[true] } else { &[true, false] };
        for is_own in targets.iter().copied() {
            let expected = expected(&operation, &scopes, is_own);
            if let Some(rest) = &operation.rest {
                let id = things.target(operation.on, is_own).await;
                assert_eq!(things.by_rest(rest, &id).await, expected, "{} {} with {words:?}", rest.1, rest.2);
                tried += 1;
            }
            if let Some((field, graph)) = operation.graph {
                let id = things.target(operation.on, is_own).await;
                if !field.starts_with("Subscription") {
                    assert_eq!(things.by_http(graph, &id).await, expected, "{field} on {id:?} with {words:?}");
                    tried += 1;
                }
                let id = things.target(operation.on, is_own).await;
                assert_eq!(things.by_socket(graph, &id).await, expected, "{field} on {id:?} by socket with {words:?}");
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
    let operations = operations();
    let here = operations.iter().filter_map(|operation| Some(operation.rest.as_ref()?.0.to_owned()));
    let here: BTreeSet<String> = here.filter(|name| !name.is_empty()).collect();
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
    let here: BTreeSet<String> =
        operations.iter().filter_map(|operation| Some(operation.graph?.0.to_owned())).collect();
    assert_eq!(here, in_schema);
}
