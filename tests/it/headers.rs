//! What stands beside the bodies: who may keep an answer, and what a body says of itself.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::door::Answer;
use crate::support::world::{Kind, World};

/// A body that is right for many operations and wrong for the rest.
fn anything() -> Value {
    json!({ "phone_number": "15550100001", "name": "x", "scopes": ["sessions:read"], "url": "http://127.0.0.1:9/" })
}

/// The one value of a header.
fn only<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let values = answer.headers.get_all(name).iter().collect::<Vec<_>>();
    let [value] = values[..] else { panic!("{name}: {values:?}") };
    value.to_str().expect("it is text")
}

#[tokio::test]
async fn no_answer_behind_a_key_may_be_kept_by_a_cache() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let document: Value = serde_json::from_str(include_str!("../../openapi/openapi.json")).expect("it is JSON");
    let paths = document["paths"].as_object().expect("an object");
    let mut operations = Vec::new();
    for (path, methods) in paths {
        let path = path.replace("{session_id}", "shop").replace(['{', '}'], "");
        for method in methods.as_object().expect("an object").keys() {
            operations.push((method.to_uppercase().parse::<Method>().expect("a method"), path.clone()));
        }
    }
    assert!(operations.len() > 30, "{operations:?}");
    let beside = ["/metrics", "/readyz", "/livez", "/graphql?query={version}", "/nowhere", "/graphql/ws"];
    operations.extend(beside.map(|path| (Method::GET, path.to_owned())));
    operations.extend(["/pair/live", "/pair/code", "/graphql"].map(|path| (Method::POST, path.to_owned())));
    // Deleting comes last.
    operations.sort_by_key(|(method, _)| *method == Method::DELETE);
    for (method, path) in operations {
        let with_key = world.door.request(method.clone(), &path).json(&anything());
        let with_key = if method == Method::GET { world.door.request(method.clone(), &path) } else { with_key };
        for request in [with_key, world.door.anonymous(method.clone(), &path)] {
            // Streams do not end: only their heads are looked at.
            let reply = request.send().await.expect("the server answers");
            let status = reply.status().as_u16();
            let answer = Answer { status, headers: reply.headers().clone(), bytes: Vec::new() };
            assert_eq!(only(&answer, "cache-control"), "no-store", "{method} {path}");
            assert!(!only(&answer, "content-type").is_empty(), "{method} {path}");
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn metrics_have_one_type() {
    let world = World::new(Kind::Sqlite).await;
    let answer = world.door.send(world.door.request(Method::GET, "/metrics")).await;
    assert_eq!(only(&answer, "content-type"), "text/plain; version=0.0.4");
    assert!(answer.text().contains("waypost_connections 1\n"), "{}", answer.text());
    world.finish().await;
}

#[tokio::test]
async fn a_byte_order_mark_is_no_part_of_a_body() {
    let world = World::new(Kind::Sqlite).await;
    let marked = |path: &str, body: &str| {
        let request = world.door.request(Method::POST, path).header("content-type", "application/json");
        world.door.send(request.body(format!("\u{feff}{body}")))
    };
    assert_eq!(marked("/api/v1/sessions", r#"{"id":"shop"}"#).await.ok()["session"]["id"], "shop");
    assert_eq!(marked("/api/v1/sessions/shop/connect", "").await.status, 200);
    assert!(marked("/graphql", r#"{"query":"{ version }"}"#).await.ok()["data"]["version"].is_string());
    // Only the first one is a mark.
    assert_eq!(marked("/api/v1/sessions", "\u{feff}{}").await.problem().1, "malformed_request");
    world.finish().await;
}

#[rstest]
#[case("/api/v1/sessions")]
#[case("/api/v1/sessions/shop/connect")]
#[case("/api/v1/sessions/shop/pair")]
#[case("/graphql")]
#[case("/graphql/stream")]
#[case("/pair/code")]
#[tokio::test]
async fn a_packed_body_is_refused_as_what_it_is(#[case] path: &str) {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    for coding in ["gzip", "br", "x-nothing", "gzip, identity"] {
        let request = world.door.request(Method::POST, path).header("content-encoding", coding);
        let answer = world.door.send(request.header("content-type", "application/json").body("\u{1f}\u{8b}")).await;
        assert_eq!(only(&answer, "accept-encoding"), "identity");
        assert_eq!(answer.problem(), (415, "unsupported_media_type".to_owned()), "{coding}");
    }
    let plain = world.door.request(Method::POST, path).header("content-encoding", "Identity").body("{");
    assert_ne!(
        world.door.send(plain.header("content-type", "application/json")).await.problem().1,
        "unsupported_media_type"
    );
    world.finish().await;
}

#[rstest]
#[case("/api/v1/sessions/%FF", "session_not_found")]
#[case("/api/v1/keys/%FF", "key_not_found")]
#[case("/api/v1/webhooks/%FF", "webhook_not_found")]
#[case("/api/v1/sessions/%C3%28/webhooks/%FF", "session_not_found")]
#[case("/api/v1/sessions/shop/webhooks/%FF", "webhook_not_found")]
#[case("/api/v1/sessions/shop/pairing-links/%FF", "pairing_link_not_found")]
#[tokio::test]
async fn a_path_that_is_no_text_names_nothing_of_its_kind(#[case] path: &str, #[case] code: &str) {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let answer = world.door.ask(Method::DELETE, path, &Value::Null).await;
    assert_eq!(answer.problem(), (404, code.to_owned()));
    world.finish().await;
}
