//! What may be done to the server without a key: connections that say nothing, say too much or take nothing.

use reqwest::Method;
use serde_json::{Value, json};
use whatsapp_simulator::Settings;

use crate::support::events::Events;
use crate::support::graph::Socket;
use crate::support::server::TOKEN;
use crate::support::wire::Wire;
use crate::support::world::{Kind, World};

/// Half a second for a head and as long as any test for the rest.
const SHORT_HEADS: [&str; 2] = ["--connection-millis", "500,600000,600000"];

async fn lives(world: &World) {
    let request = world.door.anonymous(Method::GET, "/livez");
    assert_eq!(world.door.send(request).await.ok(), json!({ "status": "ok" }));
}

#[tokio::test]
async fn a_connection_that_does_not_bring_a_whole_head_is_let_go() {
    let world = World::with(Kind::Sqlite, Settings::default(), &SHORT_HEADS).await;
    let before = world.server.open_files();
    let begun = ["", "G", "GET /livez HTTP/1.1\r\nHost: x\r\n", "GET /api/v1/sessions HTTP/1.1\r\nHost: x\r\nX-Half: "];
    let mut wires = Vec::new();
    for said in begun.iter().cycle().take(200) {
        wires.push(Wire::saying(&world, said).await);
    }
    // A whole request earns the next one no more time for its head.
    let whole = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n";
    for said in begun[2..].iter().cycle().take(50) {
        let mut wire = Wire::saying(&world, whole).await;
        wire.until("\"status\":\"ok\"").await;
        wire.say(said).await;
        wires.push(wire);
    }
    for mut wire in wires {
        assert_eq!(wire.rest().await, "");
    }
    world.eventually("nothing is left of them", || world.server.open_files() <= before).await;
    lives(&world).await;
    world.finish().await;
}

#[tokio::test]
async fn a_silent_connection_is_let_go_and_a_silent_stream_is_not() {
    let flags = ["--connection-millis", "600000,500,600000"];
    let world = World::with(Kind::Sqlite, Settings::default(), &flags).await;
    world.door.create("shop").await;
    let mut events = Events::open(world.door.request(Method::GET, "/api/v1/sessions/shop/live")).await;
    events.until("qr", |_| true).await;
    for _ in 0..3 {
        let mut idle = Wire::saying(&world, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(idle.rest().await.starts_with("HTTP/1.1 200 OK"));
    }
    world.door.post("/shop/disconnect", json!(null)).await.ok();
    events.until("status", |status| status["status"] == "disconnected").await;
    world.finish().await;
}

#[tokio::test]
async fn what_is_no_head_is_refused_with_a_problem() {
    let world = World::new(Kind::Sqlite).await;
    let start = "GET / HTTP/1.1\r\nX-Long: ";
    let rows = [
        ("GET\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nno field\r\n\r\n".to_owned(), 400),
        ("POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: nonsense\r\n\r\n".to_owned(), 400),
        // Longer than that is not read, without an end.
        (format!("{start}{}", "x".repeat(64 * 1024 - start.len())), 431),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "X-Many: x\r\n".repeat(101)), 431),
    ];
    for (said, status) in rows {
        let reply = Wire::saying(&world, &said).await.rest().await;
        let (head, body) = reply.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{reply}"));
        let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{reply}"));
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{reply}");
        assert!(head.contains("content-type: application/problem+json\r\n"), "{reply}");
        assert!(
            head.contains(&format!("x-request-id: {}\r\n", body["request_id"].as_str().expect("a name"))),
            "{reply}"
        );
        assert_eq!((&body["status"], &body["code"]), (&json!(status), &json!("malformed_request")));
    }
    world.finish().await;
}

#[tokio::test]
async fn idle_connections_make_room_and_busy_ones_do_not() {
    let world = World::with(Kind::Sqlite, Settings::default(), &["--max-connections", "16"]).await;
    world.door.create("shop").await;
    let before = world.server.open_files();
    let mut idle = Vec::new();
    for _ in 0..100 {
        let mut wire = Wire::saying(&world, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        wire.until("\"status\":\"ok\"").await;
        idle.push(wire);
    }
    // Sixteen, two that leave, and the test's own.
    world.eventually("most have made room", || world.server.open_files() <= before + 20).await;
    let follow =
        format!("GET /api/v1/sessions/shop/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", TOKEN);
    let mut busy = Vec::new();
    for _ in 0..16 {
        let mut wire = Wire::saying(&world, &follow).await;
        wire.until("event: qr").await;
        busy.push(wire);
    }
    let refused = Wire::saying(&world, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await.rest().await;
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("\"too_many_connections\""), "{refused}");
    lives(&world).await;
    drop(busy.pop());
    // Until the server has seen that it left.
    while Wire::saying(&world, "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.rest().await
        == refused
    {}
    drop(busy);
    drop(idle);
    world.finish().await;
}

#[tokio::test]
async fn connections_without_a_word_leave_descriptors_for_everything_else() {
    let line = ["bash", "-c", "ulimit -n 256; exec \"$0\" \"$@\""];
    let world = World::through(&line, &[]).await;
    let mut silent = Vec::new();
    for _ in 0..600 {
        silent.push(Wire::open(&world).await);
    }
    lives(&world).await;
    world.linked("shop").await;
    assert!(world.server.open_files() < 200, "{}", world.server.open_files());
    drop(silent);
    world.door.create("other").await;
    world.finish().await;
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_is_let_go() {
    let flags = ["--connection-millis", "600000,600000,1000"];
    let world = World::with(Kind::Sqlite, Settings::default(), &flags).await;
    let before = world.server.open_files();
    let mut greedy = Vec::new();
    for _ in 0..20 {
        let mut wire = Wire::narrow(&world).await;
        // More than any system keeps for them, from somebody without a key.
        wire.say(&"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50)).await;
        wire.until("HTTP/1.1 200 OK").await;
        greedy.push(wire);
    }
    world.eventually("they are let go", || world.server.open_files() <= before).await;
    lives(&world).await;
    drop(greedy);
    world.finish().await;
}

#[tokio::test]
async fn who_does_not_read_their_event_stream_is_let_go() {
    let flags = ["--connection-millis", "600000,600000,1000"];
    let world = World::with(Kind::Sqlite, Settings::default(), &flags).await;
    world.linked("shop").await;
    let before = world.server.open_files();
    let mut deaf = Vec::new();
    for _ in 0..20 {
        let mut wire = Wire::narrow(&world).await;
        wire.say(&format!("GET /api/v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", TOKEN))
            .await;
        wire.until("text/event-stream").await;
        deaf.push(wire);
    }
    let mut reader = Events::open(world.door.request(Method::GET, "/api/v1/events/stream")).await;
    let friend = world.sim.phone("15550100002");
    let text = "x".repeat(30_000);
    for _ in 0..60 {
        friend.send("15550100001", &text).await.expect("it is linked");
        reader.until("message", |_| true).await;
    }
    // But for the one that reads.
    world.eventually("they are let go", || world.server.open_files() <= before + 1).await;
    drop(deaf);
    world.finish().await;
}

#[tokio::test]
async fn a_socket_that_speaks_graphql_outlives_the_limits_of_requests() {
    let flags = ["--connection-millis", "300,300,300"];
    let world = World::with(Kind::Sqlite, Settings::default(), &flags).await;
    world.door.create("shop").await;
    let mut socket = Socket::admitted(world.server.base()).await;
    socket.subscribe("1", "subscription { sessionUpdated(id: \"shop\") { status } }").await;
    for _ in 0..3 {
        let mut idle = Wire::saying(&world, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(idle.rest().await.starts_with("HTTP/1.1 200 OK"));
    }
    world.door.post("/shop/disconnect", json!(null)).await.ok();
    socket.until("1", "sessionUpdated", |session| session["status"] == "DISCONNECTED").await;
    world.finish().await;
}
