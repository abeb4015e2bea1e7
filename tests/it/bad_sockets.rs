//! Sockets whose other end does not keep the rules: it sends what is no frame, too much, or takes nothing.

use std::io::ErrorKind;
use std::time::Duration;

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::graph::Socket;
use crate::support::server::TOKEN;
use crate::support::world::{Kind, World};

/// Longest wait for a frame.
const LIMIT: Duration = Duration::from_secs(40);

/// Asks for a socket with these headers. Gives the connection and the head of the answer as it came.
async fn opening(base: &str, headers: &str) -> (TcpStream, String) {
    let host = base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await.expect("it listens");
    let request = format!(
        "GET /graphql/ws HTTP/1.1\r\nHost: {host}\r\nConnection: keep-alive, Upgrade\r\n{headers}\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("it is open");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("it answers"));
    }
    (stream, String::from_utf8(head).expect("a text"))
}

/// A socket without a library: what it sends need not be right.
struct Raw(TcpStream);

impl Raw {
    async fn open(base: &str) -> Self {
        Self::asking(base, "Upgrade: websocket\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n").await
    }

    /// Opens it with these headers.
    async fn asking(base: &str, headers: &str) -> Self {
        let (stream, head) = opening(base, headers).await;
        let head = head.to_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        assert!(head.contains("sec-websocket-protocol: graphql-transport-ws\r\n"), "{head}");
        Self(stream)
    }

    /// Opens it and shows a token.
    async fn holding(base: &str, token: &str) -> Self {
        let mut raw = Self::open(base).await;
        raw.say(&init(token)).await;
        assert_eq!(raw.hear().await, json!({ "type": "connection_ack" }));
        raw
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("it is open");
    }

    async fn say(&mut self, message: &Value) {
        self.send(&frame(0x81, message.to_string().as_bytes())).await;
    }

    /// The next frame: its first byte and what is in it.
    async fn frame(&mut self) -> (u8, Vec<u8>) {
        let frame = async {
            let (first, length) = (self.0.read_u8().await?, self.0.read_u8().await?);
            let length = match length {
                126 => self.0.read_u16().await?.into(),
                127 => self.0.read_u64().await?,
                length => u64::from(length),
            };
            let mut payload = vec![0; usize::try_from(length).expect("it fits")];
            self.0.read_exact(&mut payload).await?;
            std::io::Result::Ok((first, payload))
        };
        timeout(LIMIT, frame).await.expect("a frame comes in time").expect("the connection stands")
    }

    async fn hear(&mut self) -> Value {
        let (first, payload) = self.frame().await;
        assert_eq!(first, 0x81, "{}", String::from_utf8_lossy(&payload));
        serde_json::from_slice(&payload).expect("it is JSON")
    }

    /// The code with which the socket is closed, whatever comes before. The connection ends in order behind it.
    async fn closed(&mut self) -> u16 {
        loop {
            let (first, payload) = self.frame().await;
            if first == 0x88 {
                let end = timeout(LIMIT, self.0.read(&mut [0])).await.expect("it ends in time");
                assert_eq!(end.expect("it ends in order"), 0);
                return payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
            }
        }
    }
}

fn init(token: &str) -> Value {
    json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } })
}

/// The head of a frame of a client, whose mask changes nothing.
fn head(first: u8, length: usize) -> Vec<u8> {
    let mut head = vec![first];
    match length {
        0..126 => head.push(0x80 | u8::try_from(length).expect("it is small")),
        126..65_536 => {
            head.push(0x80 | 126);
            head.extend(u16::try_from(length).expect("it is small").to_be_bytes());
        }
        _ => {
            head.push(0x80 | 127);
            head.extend((length as u64).to_be_bytes());
        }
    }
    head.extend([0; 4]);
    head
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [head(first, payload.len()), payload.to_vec()].concat()
}

#[tokio::test]
async fn the_answer_that_opens_a_socket_spells_headers_as_the_client_does() {
    let world = World::new(Kind::Sqlite).await;
    // Python's gql looks for the first spelling alone.
    for name in ["Sec-WebSocket-Protocol", "sec-websocket-protocol"] {
        let headers = format!("Upgrade: websocket\r\n{name}: graphql-transport-ws\r\n");
        let (_, head) = opening(world.server.base(), &headers).await;
        assert!(head.contains(&format!("\r\n{name}: graphql-transport-ws\r\n")), "{head}");
        for once in ["\r\nUpgrade: websocket\r\n", "\r\nConnection: Upgrade\r\n", "\r\nsec-websocket-accept: "] {
            assert_eq!(head.matches(once).count(), 1, "{once:?} in {head}");
        }
        // Nothing else of the request comes back.
        assert!(!head.contains("Host:") && !head.to_lowercase().contains("sec-websocket-key"), "{head}");
    }
    world.finish().await;
}

#[tokio::test]
async fn what_is_no_frame_is_answered_by_a_close_frame() {
    let world = World::new(Kind::Sqlite).await;
    let rows = [
        ("an unknown kind", frame(0x83, b"x"), 1002),
        ("an unknown kind of control", frame(0x8b, b"x"), 1002),
        ("a reserved bit", frame(0xc1, b"x"), 1002),
        ("another reserved bit", frame(0x91, b"x"), 1002),
        ("no mask", vec![0x81, 1, b'x'], 1002),
        ("a ping in parts", frame(0x09, b"x"), 1002),
        ("a long ping", frame(0x89, &[b'x'; 126]), 1002),
        ("an end without a beginning", frame(0x80, b"x"), 1002),
        ("a beginning in the middle", [frame(0x01, b"x"), frame(0x81, b"x")].concat(), 1002),
        ("half a code of a close", frame(0x88, b"x"), 1002),
        ("a close with a code that is none", frame(0x88, &999_u16.to_be_bytes()), 1002),
        ("no text", frame(0x81, &[0xff, 0xfe]), 1007),
        ("no text in parts", [frame(0x01, b"{"), frame(0x80, &[0xc0])].concat(), 1007),
        ("bytes", frame(0x82, b"{}"), 4400),
        ("a large message", head(0x81, 1024 * 1024 + 1), 1009),
        ("a message without an end", head(0x81, usize::MAX >> 1), 1009),
        ("a close", frame(0x88, &1000_u16.to_be_bytes()), 1000),
    ];
    for (what, bytes, code) in rows {
        let mut raw = Raw::holding(world.server.base(), TOKEN).await;
        raw.send(&bytes).await;
        assert_eq!(raw.closed().await, code, "{what}");
    }
    world.finish().await;
}

#[tokio::test]
async fn who_has_not_said_who_it_is_may_send_little() {
    let world = World::new(Kind::Sqlite).await;
    let base = world.server.base();
    let padded =
        |length: usize| frame(0x81, json!({ "type": "ping", "payload": "x".repeat(length) }).to_string().as_bytes());
    let part = vec![b' '; 5 * 1024];
    for bytes in [
        padded(8 * 1024),
        head(0x81, 8 * 1024 + 1),
        head(0x81, 1024 * 1024),
        [frame(0x01, &part), frame(0x80, &part)].concat(),
    ] {
        let mut raw = Raw::open(base).await;
        raw.send(&bytes).await;
        assert_eq!(raw.closed().await, 1009);
    }
    let mut raw = Raw::open(base).await;
    raw.send(&padded(8_000)).await;
    assert_eq!(raw.hear().await["type"], "pong");
    raw.say(&init(TOKEN)).await;
    assert_eq!(raw.hear().await["type"], "connection_ack");
    raw.send(&padded(900_000)).await;
    assert_eq!(raw.hear().await["payload"].as_str().map(str::len), Some(900_000));
    world.finish().await;
}

#[tokio::test]
async fn what_comes_in_one_piece_with_the_first_message_is_not_lost() {
    let world = World::new(Kind::Sqlite).await;
    let base = world.server.base();
    let ask = json!({ "type": "subscribe", "id": "1", "payload": { "query": "{ version }" } });
    let frames = [init(TOKEN), ask].map(|message| frame(0x81, message.to_string().as_bytes()));
    let mut raw = Raw::open(base).await;
    raw.send(&frames.concat()).await;
    for kind in ["connection_ack", "next", "complete"] {
        assert_eq!(raw.hear().await["type"], kind);
    }
    // Names and words of the handshake in every spelling, and the protocol among others.
    let spelled = "UPGRADE: WebSocket\r\nsec-websocket-protocol: graphql-ws\r\nSEC-WEBSOCKET-PROTOCOL: a, graphql-transport-ws\r\n";
    let mut raw = Raw::asking(base, spelled).await;
    raw.say(&init(TOKEN)).await;
    assert_eq!(raw.hear().await["type"], "connection_ack");
    for header in ["upgrade", "connection", "sec-websocket-version", "sec-websocket-key"] {
        let mut request = world.door.anonymous(Method::GET, "/graphql/ws");
        for (name, value) in [
            ("upgrade", "websocket"),
            ("connection", "upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", "graphql-transport-ws"),
        ] {
            request = if name == header { request } else { request.header(name, value) };
        }
        assert_eq!(world.door.send(request).await.problem(), (400, "malformed_request".to_owned()), "{header}");
    }
    world.finish().await;
}

#[tokio::test]
async fn the_operations_of_a_socket_are_bounded_in_size() {
    let world = World::new(Kind::Sqlite).await;
    let mut socket = Socket::admitted(world.server.base()).await;
    let variables = json!({ "unused": "x".repeat(200_000) });
    let subscribe = |id: &str| {
        let payload = json!({ "query": "subscription { sessionsUpdated { id } }", "variables": variables });
        json!({ "type": "subscribe", "id": id, "payload": payload })
    };
    socket.say(subscribe("1")).await;
    socket.say(subscribe("2")).await;
    let refused = socket.hear().await;
    assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("2")), "{refused}");
    assert_eq!(refused["payload"][0]["extensions"]["code"], "subscription_limit", "{refused}");
    socket.say(json!({ "type": "complete", "id": "1" })).await;
    socket.say(subscribe("2")).await;
    socket.subscribe("3", "{ version }").await;
    assert!(socket.next("3", "version").await.is_string());
    world.finish().await;
}

#[rstest]
#[case(true)]
#[case(false)]
#[tokio::test]
async fn a_revoked_key_ends_its_socket_whether_it_reads_or_not(#[case] reads: bool) {
    let world = World::new(Kind::Sqlite).await;
    let (key, token) = world.door.key(json!({ "name": "reader", "scopes": ["sessions:read"] })).await;
    let path = format!("/api/v1/keys/{}", key["id"].as_str().expect("an id"));
    let mut raw = Raw::holding(world.server.base(), &token).await;
    if reads {
        world.door.ask(Method::DELETE, &path, &Value::Null).await.ok();
        assert_eq!(raw.closed().await, 4403);
        world.finish().await;
        return;
    }
    let texts: String = (0..30).map(|number| format!("d{number}: description ")).collect();
    let query = format!("{{ __schema {{ types {{ fields {{ {texts} }} }} }} }}");
    for id in 0..60 {
        raw.say(&json!({ "type": "subscribe", "id": format!("{id}"), "payload": { "query": query } })).await;
    }
    // The server reads nothing more while it waits for the client to take an answer.
    let mut pongs = Pongs::default();
    while timeout(Duration::from_secs(2), pongs.send(&raw.0)).await.is_ok_and(|sent| sent.is_ok()) {}
    world.door.ask(Method::DELETE, &path, &Value::Null).await.ok();
    let ended = async { while pongs.send(&raw.0).await.is_ok() {} };
    // Less than the wait for a client that takes nothing.
    timeout(Duration::from_secs(10), ended).await.expect("it ends with its key");
    world.finish().await;
}

/// Frames that want no answer, one behind the other, however little of them is taken at once.
#[derive(Default)]
struct Pongs(usize);

impl Pongs {
    /// Sends some more; waits until they can be.
    async fn send(&mut self, stream: &TcpStream) -> std::io::Result<()> {
        let pong = [0x8a, 0x80, 0, 0, 0, 0];
        let bytes = pong.repeat(200);
        loop {
            stream.writable().await?;
            match stream.try_write(&bytes[self.0 % pong.len()..]) {
                Ok(sent) => {
                    self.0 += sent;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}
