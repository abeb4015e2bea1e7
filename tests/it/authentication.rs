//! Who may come in, and what an answer looks like that is no success.

use std::process::Command;

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::graph::Socket;
use crate::support::server::TOKEN;
use crate::support::world::{Kind, World};

#[tokio::test]
async fn every_refusal_is_a_problem_whatever_refused() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let sessions = "/api/v1/sessions";
    let long = format!("{{\"name\": \"{}\"}}", "x".repeat(1024 * 1024 + 1));
    let door = &world.door;
    let rows = [
        (door.anonymous(Method::GET, sessions), 401, "unauthenticated"),
        (door.anonymous(Method::GET, "/nowhere"), 401, "unauthenticated"),
        (door.anonymous(Method::GET, sessions).bearer_auth("wrong"), 401, "unauthenticated"),
        (door.anonymous(Method::GET, "/metrics"), 401, "unauthenticated"),
        (door.request(Method::GET, "/nowhere"), 404, "not_found"),
        (door.request(Method::GET, "/api/v1/nowhere"), 404, "not_found"),
        (door.request(Method::GET, "/api/v1/sessions/none"), 404, "session_not_found"),
        (door.request(Method::GET, "/api/v1/sessions/no%20id"), 404, "session_not_found"),
        (door.request(Method::GET, "/api/v1/sessions/shop/device"), 404, "device_not_linked"),
        (door.request(Method::PUT, sessions), 405, "method_not_allowed"),
        (door.request(Method::POST, "/livez"), 405, "method_not_allowed"),
        (door.request(Method::POST, sessions).body("{"), 400, "malformed_request"),
        (door.request(Method::POST, sessions).body("[1]"), 422, "invalid"),
        (door.request(Method::POST, sessions).body("\"text\""), 422, "invalid"),
        (door.request(Method::POST, sessions).body(long), 413, "payload_too_large"),
        (door.request(Method::POST, sessions).json(&json!({ "id": "shop" })), 409, "session_exists"),
    ];
    for (number, (request, status, code)) in rows.into_iter().enumerate() {
        assert_eq!(door.send(request).await.problem(), (status, code.to_owned()), "row {number}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_key_is_taken_in_either_header_and_what_is_open_is_open() {
    let world = World::new(Kind::Sqlite).await;
    let sessions = "/api/v1/sessions";
    let by_header = world.door.anonymous(Method::GET, sessions).header("x-api-key", TOKEN);
    assert_eq!(world.door.send(by_header).await.status, 200);
    let lower = world.door.anonymous(Method::GET, sessions).header("authorization", format!("bearer {TOKEN}"));
    assert_eq!(world.door.send(lower).await.status, 200);
    for open in ["/livez", "/readyz", "/openapi.json", "/swagger-ui"] {
        assert_eq!(world.door.send(world.door.anonymous(Method::GET, open)).await.status, 200, "{open}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_request_keeps_a_sane_name_and_loses_an_insane_one() {
    let world = World::new(Kind::Sqlite).await;
    let named = |name: &str| world.door.anonymous(Method::GET, "/livez").header("x-request-id", name);
    assert_eq!(world.door.send(named("order-4711")).await.header("x-request-id"), "order-4711");
    for insane in ["two words", &"x".repeat(65)] {
        let given = world.door.send(named(insane)).await;
        assert!(given.header("x-request-id").len() == 32, "{}", given.header("x-request-id"));
    }
    world.finish().await;
}

#[tokio::test]
async fn swagger_asks_no_other_host_and_the_document_names_every_word() {
    let world = World::new(Kind::Sqlite).await;
    let page = world.door.send(world.door.anonymous(Method::GET, "/swagger-ui")).await.text();
    for reference in ["src=\"http", "href=\"http", "src=\"//", "@import", "<link"] {
        assert!(!page.contains(reference), "{reference}");
    }
    let document = world.door.send(world.door.anonymous(Method::GET, "/openapi.json")).await;
    let text = document.text();
    for status in entity::words::session::SessionStatus::ALL {
        assert!(text.contains(&format!("\"{status}\"")), "{status}");
    }
    for reason in entity::words::session::StatusReason::ALL {
        assert!(text.contains(&format!("\"{reason}\"")), "{reason}");
    }
    for code in waypost::api::error::codes() {
        assert!(text.contains(code), "{code}");
    }
    let operations = [
        "createSession",
        "listSessions",
        "getSession",
        "updateSession",
        "deleteSession",
        "getSessionStatus",
        "getSessionQr",
        "connectSession",
        "disconnectSession",
        "logoutSession",
        "pairSession",
        "getSessionDevice",
    ];
    for operation in operations {
        assert!(text.contains(&format!("\"operationId\": \"{operation}\"")), "{operation}");
    }
    world.finish().await;
}

#[tokio::test]
async fn metrics_count_sessions_and_requests_by_closed_labels() {
    let world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    let odd = Method::from_bytes(b"INVENTED").expect("a method");
    world.door.send(world.door.request(odd, "/api/v1/sessions/shop")).await;
    let text = world.door.send(world.door.request(Method::GET, "/metrics")).await.text();
    assert!(text.contains("waypost_sessions{status=\"logged_in\"} 1"), "{text}");
    assert!(text.contains("route=\"/api/v1/sessions/{session_id}\""), "{text}");
    assert!(!text.contains("shop") && !text.contains("INVENTED"), "{text}");
    world.finish().await;
}

/// Flags, variables, and what the refusal names.
type BadStart<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

/// What the binary says when it refuses to start, and its exit code.
fn refusal(arguments: &[&str], variables: &[(&str, &str)]) -> (String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waypost"));
    command.env_clear().args(arguments).envs(variables.iter().copied());
    let output = command.output().expect("the binary starts");
    (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
}

#[test]
fn a_bad_value_stops_the_start_with_a_line_that_names_it() {
    let url = ["--whatsapp-url", "ws://127.0.0.1:9/ws/chat"];
    let rows: &[BadStart] = &[
        (&["--listen", "0.0.0.0:0", url[0], url[1]], &[], "WAYPOST_ADMIN_TOKEN"),
        (&["--listen", "nowhere"], &[], "--listen"),
        (&[url[0], url[1]], &[("WAYPOST_ADMIN_TOKEN", "short")], "at least 16"),
        (&[url[0], url[1], "--admin-token-file", "/nowhere/token"], &[], "/nowhere/token"),
        (&[url[0], url[1], "--database-url", "mysql://host"], &[], "postgres://"),
        (&[url[0], url[1], "--log-level", "a=b=c"], &[], "--log-level"),
        (&[url[0], url[1], "--log-level", "lound"], &[], "`lound` is no level"),
        (&[url[0], url[1], "--log-level", "info,waypots=debug"], &[], "`waypots` says nothing"),
        (&[url[0], url[1], "--cors-origin", "*"], &[], "--cors-origin"),
        (&[url[0], url[1]], &[("WAYPOST_CORS_ORIGIN", "https://a.example,https://b.example/path")], "--cors-origin"),
        (&[url[0], url[1], "--event-retention-rows", "18446744073709551615"], &[], "--event-retention-rows"),
        (&[url[0], url[1]], &[("https_proxy", "ftp://proxy.example")], "HTTPS_PROXY must be"),
        (&["sandbox", "--data-dir", "somewhere"], &[], "--data-dir"),
        (&["sandbox"], &[("WAYPOST_DATA_DIR", "somewhere")], "--data-dir"),
        (&["sandbox", "--listen", "0.0.0.0:0"], &[("WAYPOST_ADMIN_TOKEN", "test-token-0123456789abcdef")], "loopback"),
        (
            &["pair", "shop", "--server", "http://127.0.0.1:9", "--phone-number", "0301234"],
            &[("WAYPOST_ADMIN_TOKEN", "test-token-0123456789abcdef")],
            "`--phone-number` must start with a country code",
        ),
        (&["--whatsapp-url", "wss://web.whatsapp.com/ws/chat"], &[], "loopback"),
        (&["--whatsapp-url", "ws://localhost:9/ws/chat"], &[], "loopback"),
        (&[], &[("WAYPOST_BOOT_CONCURRENCY", "0")], "--boot-concurrency"),
        (&["--no-such-flag"], &[], "--no-such-flag"),
    ];
    for (arguments, variables, names) in rows {
        let (said, code) = refusal(arguments, variables);
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(names), "{names} in {said}");
    }
}

#[rstest]
#[tokio::test]
async fn a_broken_database_is_unavailable_on_every_carrier_and_tells_nothing(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::new(kind).await;
    world.door.create("shop").await;
    world.reaches("shop", "waiting_for_qr").await;
    world.tables().await.hide("event").await;
    let rest = world.door.ask(Method::GET, "/api/v1/events?session=shop", &Value::Null).await;
    assert_eq!(rest.json()["detail"], "the database is unavailable");
    assert_eq!(rest.problem(), (503, "unavailable".to_owned()));
    let query = r#"{ events(first: 5, filter: { sessions: ["shop"] }) { nodes { id } } }"#;
    let graph = world.door.graph(query, Value::Null).await;
    assert_eq!(graph.json()["errors"][0]["message"], "the database is unavailable", "{}", graph.text());
    assert_eq!(world.door.graph_failure(query, Value::Null).await, "unavailable");
    let mut socket = Socket::admitted(world.server.base()).await;
    socket.subscribe("1", query).await;
    let told = socket.hear().await;
    assert_eq!(told["payload"]["errors"][0]["extensions"]["code"], "unavailable", "{told}");
    assert!(!told.to_string().contains("hidden"), "{told}");
    // What the client is not told, the log is; and what needs no table goes on.
    world.is_logged("a request failed").await;
    assert_eq!(world.door.status("shop").await["status"], "waiting_for_qr");
    assert_eq!(world.door.get("").await.ok()["sessions"][0]["status"], "waiting_for_qr");
    world.server.kill();
}
