//! Requests that nobody should send: each gets a whole problem, and the server goes on.

use std::time::Duration;

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::server::TOKEN;
use crate::support::world::{Kind, World};

/// Method, path, body, and the answer to it.
type Malformed<'a> = (Method, &'a str, &'a [u8], &'a (u16, String));

#[tokio::test]
async fn what_cannot_be_read_is_malformed_and_what_breaks_a_rule_is_invalid() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let malformed = (400, "malformed_request".to_owned());
    let invalid = (422, "invalid".to_owned());
    let rows: &[Malformed] = &[
        (Method::POST, "", b"{\"id\":", &malformed),
        (Method::POST, "", b"id=shop", &malformed),
        (Method::POST, "", b"\xff\xfe", &malformed),
        (Method::POST, "", b"{} {}", &malformed),
        (Method::POST, "", b"{\"id\": 5}", &invalid),
        (Method::POST, "", b"{\"name\": [\"a\"]}", &invalid),
        (Method::POST, "", b"{\"metadata\": {\"a\": 1}}", &invalid),
        (Method::POST, "", b"{\"metadata\": []}", &invalid),
        (Method::POST, "", b"{\"webhook\": \"http://example.com\"}", &invalid),
        (Method::POST, "", b"{\"device\": 1}", &invalid),
        (Method::POST, "", b"[{}]", &invalid),
        (Method::POST, "", b"5", &invalid),
        (Method::POST, "", b"[]", &invalid),
        (Method::POST, "", b"null", &invalid),
        (Method::POST, "/shop/pairing-links", b"null", &invalid),
        (Method::POST, "/shop/pairing-links", b"[]", &invalid),
        (Method::POST, "/shop/pairing-links", b"{\"expires_in\": 1.5}", &invalid),
        (Method::POST, "/shop/pairing-links", b"{\"expires_in\": 1e9}", &invalid),
        (Method::PATCH, "/shop", b"{", &malformed),
        (Method::PATCH, "/shop", b"{\"name\": {}}", &invalid),
        (Method::PATCH, "/shop", b"[1]", &invalid),
        (Method::PATCH, "/shop", b"null", &invalid),
        (Method::POST, "/shop/pair", b"{", &malformed),
        (Method::POST, "/shop/pair", b"", &invalid),
        (Method::POST, "/shop/pair", b"[]", &invalid),
        (Method::POST, "/shop/pair", b"null", &invalid),
        (Method::POST, "/shop/connect", b"{", &malformed),
    ];
    for (method, path, body, expected) in rows {
        let request = world.door.request(method.clone(), &format!("/api/v1/sessions{path}")).body(body.to_vec());
        let shown = String::from_utf8_lossy(body);
        assert_eq!(&world.door.send(request).await.problem(), *expected, "{method} {path} {shown}");
    }
    assert_eq!(world.door.get("").await.ok()["total"], 1);
    world.finish().await;
}

#[tokio::test]
async fn a_body_that_may_be_absent_is_an_object_where_there_is_one() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let made = world.door.key(json!({ "name": "k", "scopes": ["sessions:read"] })).await.0;
    let webhook = world.door.post("/shop/webhooks", json!({ "url": "https://receiver.invalid/" })).await.ok();
    let (key, webhook) = (made["id"].as_str().expect("an id"), webhook["id"].as_str().expect("an id"));
    for path in [
        "/api/v1/sessions/shop/pairing-links".to_owned(),
        format!("/api/v1/keys/{key}/rotate"),
        format!("/api/v1/sessions/shop/webhooks/{webhook}/secret/rotate"),
    ] {
        for body in ["null", "[]", "\"\"", "false"] {
            let answer = world.door.send(world.door.request(Method::POST, &path).body(body)).await;
            assert_eq!(answer.json()["detail"], "`the body` must be a JSON object", "{path} {body}");
            assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{path} {body}");
        }
        for body in ["", " \n", "{}"] {
            world.door.send(world.door.request(Method::POST, &path).body(body)).await.ok();
        }
    }
    // What is whole may be written as a fraction.
    for body in [r#"{"expires_in": 60.0}"#, r#"{"expires_in": 6e1}"#] {
        let request = world.door.request(Method::POST, "/api/v1/sessions/shop/pairing-links").body(body);
        world.door.send(request).await.ok();
    }
    world.finish().await;
}

#[rstest]
#[case(Method::GET, "/api/v1/sessions/", 404)]
#[case(Method::GET, "/api/v1/sessions/shop/", 404)]
#[case(Method::GET, "/api/v1/sessions/shop/nothing", 404)]
#[case(Method::GET, "/api/v1/sessions/%FF", 404)]
#[case(Method::GET, "/api/v1/sessions/%00", 404)]
#[case(Method::GET, "/api/v1/sessions/..%2f..%2flivez", 404)]
#[case(Method::GET, "/API/V1/SESSIONS", 404)]
#[case(Method::GET, "/api/v2/sessions", 404)]
#[case(Method::GET, "/", 404)]
#[case(Method::DELETE, "/api/v1/sessions", 405)]
#[case(Method::PATCH, "/api/v1/sessions", 405)]
#[case(Method::PUT, "/api/v1/sessions/shop", 405)]
#[case(Method::GET, "/api/v1/sessions/shop/connect", 405)]
#[case(Method::POST, "/api/v1/sessions/shop/status", 405)]
#[case(Method::DELETE, "/metrics", 405)]
#[tokio::test]
async fn what_is_not_there_is_said_to_be_not_there(#[case] method: Method, #[case] path: &str, #[case] status: u16) {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let answer = world.door.send(world.door.request(method, path)).await;
    if status == 405 {
        assert!(!answer.header("allow").is_empty(), "RFC 9110 wants an Allow header");
    }
    assert_eq!(answer.problem().0, status, "{path}");
    world.finish().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_however_it_comes() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let text = format!("{{\"name\": \"{}\"}}", "x".repeat(1024 * 1024));
    for (method, path) in
        [(Method::POST, ""), (Method::PATCH, "/shop"), (Method::POST, "/shop/pair"), (Method::POST, "/shop/connect")]
    {
        let path = format!("/api/v1/sessions{path}");
        let whole = world.door.request(method.clone(), &path).body(text.clone());
        let refused = world.door.send(whole).await.problem();
        assert_eq!(refused, (413, "payload_too_large".to_owned()), "{method} {path}");
        // In pieces, without saying how much there is.
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\
             Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        for piece in text.as_bytes().chunks(64 * 1024) {
            request.push_str(&format!("{:x}\r\n{}\r\n", piece.len(), String::from_utf8_lossy(piece)));
        }
        request.push_str("0\r\n\r\n");
        let reply = raw(&world, &request).await;
        assert!(reply.starts_with("HTTP/1.1 413 ") && reply.contains("payload_too_large"), "{method} {path}: {reply}");
    }
    world.finish().await;
}

/// Sends bytes as they are and reads what comes back.
async fn raw(world: &World, request: &str) -> String {
    let address = world.server.base().trim_start_matches("http://").to_owned();
    let (mut from, mut to) = TcpStream::connect(address).await.expect("it listens").into_split();
    let mut reply = Vec::new();
    let both = async {
        // The server may answer and hang up before it has read everything.
        let _ = tokio::join!(to.write_all(request.as_bytes()), from.read_to_end(&mut reply));
    };
    let reading = tokio::time::timeout(Duration::from_secs(10), both).await;
    assert!(reading.is_ok(), "the connection stays open after {}", String::from_utf8_lossy(&reply));
    String::from_utf8_lossy(&reply).into_owned()
}

#[tokio::test]
async fn a_path_with_dots_opens_no_door() {
    let world = World::new(Kind::Sqlite).await;
    for path in
        ["/livez/../api/v1/sessions", "/swagger-ui/../metrics", "//api/v1/sessions", "/swagger-ui/%2e%2e/metrics"]
    {
        let reply = raw(&world, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        let status = reply.split(' ').nth(1).unwrap_or_default();
        assert!(["401", "404"].contains(&status), "{path}: {reply}");
        assert!(!reply.contains("waypost_") && !reply.contains("\"total\""), "{path}: {reply}");
    }
    world.finish().await;
}

#[tokio::test]
async fn nothing_that_comes_in_stops_the_server() {
    let world = World::new(Kind::Sqlite).await;
    let rubbish = [
        "\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\u{2}\u{0}".to_owned() + "\r\n\r\n",
        format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(1024 * 1024)),
        format!("GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "x".repeat(70_000)),
        "POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: nonsense\r\n\r\n".to_owned(),
    ];
    for request in rubbish {
        let address = world.server.base().trim_start_matches("http://").to_owned();
        let mut socket = TcpStream::connect(address).await.expect("it listens");
        // The server may hang up before it has read everything.
        let _ = socket.write_all(request.as_bytes()).await;
    }
    assert_eq!(world.door.send(world.door.anonymous(Method::GET, "/livez")).await.status, 200);
    world.finish().await;
}

#[tokio::test]
async fn explicit_nulls_are_as_good_as_absence() {
    let world = World::new(Kind::Sqlite).await;
    let body = json!({ "id": null, "name": null, "webhook": null, "device": null, "metadata": null });
    let session = world.door.post("", body).await.ok()["session"].clone();
    assert_eq!((&session["name"], &session["metadata"]), (&Value::Null, &json!({})));
    let id = session["id"].as_str().expect("an id").to_owned();
    world.door.update(&id, json!({ "name": "Shop", "metadata": { "a": "1" } })).await.ok();
    let after = world.door.update(&id, json!({ "name": null, "metadata": null })).await.ok();
    assert_eq!((&after["name"], &after["metadata"]), (&json!("Shop"), &json!({ "a": "1" })));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn pages_show_each_session_once_whenever_they_were_created(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    // Many in the same moment: the order must not depend on the clock alone.
    let created = futures::future::join_all((0..24).map(|_| world.door.post("", json!({})))).await;
    let mut expected: Vec<_> = created.into_iter().map(|answer| answer.ok()["session"]["id"].clone()).collect();
    let (mut seen, mut path, mut pages) = (Vec::new(), "?limit=8".to_owned(), 0);
    loop {
        let page = world.door.get(&path).await.ok();
        seen.extend(page["sessions"].as_array().expect("a list").iter().map(|session| session["id"].clone()));
        pages += 1;
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("?limit=8&after={cursor}");
    }
    assert_eq!(pages, 3, "a full last page names no next one");
    let whole = world.door.get("").await.ok();
    let order: Vec<_> = whole["sessions"].as_array().expect("a list").iter().map(|s| s["id"].clone()).collect();
    assert_eq!(seen, order);
    expected.sort_by_key(Value::to_string);
    seen.sort_by_key(Value::to_string);
    assert_eq!(seen, expected);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_search_takes_every_letter_as_it_is(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let names = ["100% wool", "snake_case", "back\\slash", "it's", "Ä Öl", "emoji 🐑"];
    for (number, name) in names.iter().enumerate() {
        world.door.post("", json!({ "id": format!("s{number}"), "name": name })).await.ok();
    }
    for (number, query) in ["0% w", "e_c", "k\\s", "t's", "Öl", "🐑"].into_iter().enumerate() {
        let query: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let page = world.door.get(&format!("?q={query}")).await.ok();
        assert_eq!((&page["total"], &page["sessions"][0]["id"]), (&json!(1), &json!(format!("s{number}"))), "{query}");
    }
    assert_eq!(world.door.get("?q=S3&status=waiting_for_qr").await.status, 200);
    world.finish().await;
}

#[tokio::test]
async fn every_refusal_of_a_key_asks_for_a_bearer_token() {
    let world = World::new(Kind::Sqlite).await;
    let path = "/api/v1/sessions";
    let door = &world.door;
    let half = &TOKEN[..TOKEN.len() - 1];
    let requests = [
        door.anonymous(Method::GET, path),
        door.anonymous(Method::GET, path).header("authorization", TOKEN),
        door.anonymous(Method::GET, path).header("authorization", format!("Basic {TOKEN}")),
        door.anonymous(Method::GET, path).header("authorization", "Bearer "),
        door.anonymous(Method::GET, path).bearer_auth(half),
        door.anonymous(Method::GET, path).bearer_auth(format!("{TOKEN}x")),
        door.anonymous(Method::GET, path).header("x-api-key", TOKEN.to_uppercase()),
        door.anonymous(Method::GET, &format!("{path}?token={TOKEN}&api_key={TOKEN}")),
        door.anonymous(Method::OPTIONS, path),
        door.anonymous(Method::GET, "/api/v1/nowhere"),
        door.anonymous(Method::GET, "/"),
        door.anonymous(Method::GET, "/livez/deeper"),
        door.anonymous(Method::GET, "/swagger-ui/nowhere"),
        door.anonymous(Method::GET, "/openapi.json/"),
        door.anonymous(Method::POST, path).json(&json!({ "id": "shop" })),
        door.anonymous(Method::DELETE, "/api/v1/sessions/shop"),
    ];
    for (number, request) in requests.into_iter().enumerate() {
        let answer = door.send(request).await;
        assert_eq!(answer.header("www-authenticate"), "Bearer", "row {number}: {}", answer.text());
        assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()), "row {number}");
    }
    assert_eq!(world.door.get("").await.ok()["total"], 0);
    world.finish().await;
}
