//! Files that are handed in to be sent: what is taken and what is refused, whose they are, and what is left of what broke off.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use whatsapp_simulator::Settings;

use crate::support::door::{Answer, Door};
use crate::support::server::TOKEN;
use crate::support::world::{Kind, World};

const MEDIA: &str = "/api/v1/media";
const PDF: &[u8] = b"%PDF-1.7 price list";
/// Reckoned with another program: printf '%%PDF-1.7 price list' | sha256sum
const PDF_SHA256: &str = "7043ab4ae53dd9a5546c5df2a385c67fa6cfb5e4e0bdbc54478398be065cfeb4";
/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(40);

async fn upload(door: &Door, query: &str, content_type: &str, bytes: impl Into<reqwest::Body>) -> Answer {
    let request = door.request(Method::POST, &format!("{MEDIA}{query}"));
    door.send(request.header("content-type", content_type).body(bytes)).await
}

/// A form with these parts, each a head and its bytes.
fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut form = Vec::new();
    for (head, bytes) in parts {
        form.extend_from_slice(format!("--edge\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes());
        form.extend_from_slice(bytes);
        form.extend_from_slice(b"\r\n");
    }
    form.extend_from_slice(b"--edge--\r\n");
    form
}

const FORM: &str = "multipart/form-data; boundary=edge";

/// Where a file of the server is.
fn place(world: &World, sha256: &str) -> PathBuf {
    world.data_dir().join("media").join(&sha256[..2]).join(sha256)
}

/// How many files are coming in.
fn incoming(world: &World) -> usize {
    std::fs::read_dir(world.data_dir().join("media/incoming")).expect("the server made it").count()
}

async fn until_incoming(world: &World, count: usize) {
    let begun = Instant::now();
    while incoming(world) != count {
        assert!(begun.elapsed() < LIMIT, "{} files are coming in", incoming(world));
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

/// A connection on which an upload of so many bytes has begun, with the first of them.
async fn begun(world: &World, length: usize, first: &[u8]) -> TcpStream {
    let address = world.server.base().trim_start_matches("http://").to_owned();
    let mut socket = TcpStream::connect(address).await.expect("it listens");
    let head = format!(
        "POST {MEDIA} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.expect("it is taken");
    socket.write_all(first).await.expect("it is taken");
    socket
}

/// What is answered on a connection, until it ends.
async fn reply(mut socket: TcpStream) -> String {
    let mut reply = Vec::new();
    let read = tokio::time::timeout(LIMIT, socket.read_to_end(&mut reply)).await;
    read.expect("it is answered").expect("it is read");
    String::from_utf8_lossy(&reply).into_owned()
}

#[rstest]
#[tokio::test]
async fn a_file_is_taken_as_it_is_or_in_a_form_shown_through_both_doors_and_kept_over_a_crash(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::new(kind).await;
    let answer = upload(&world.door, "?file_name=list.pdf", "image/jpeg", PDF).await;
    let location = answer.header("location").to_owned();
    assert_eq!(answer.status, 201);
    let file = answer.ok();
    // What it is said to be does not count.
    let expected = json!({
        "id": file["id"], "mimetype": "application/pdf", "size": 19, "sha256": PDF_SHA256, "file_name": "list.pdf",
        "width": null, "height": null, "seconds": null, "created_at": file["created_at"],
        "expires_at": file["created_at"].as_i64().expect("a moment") + 7 * 24 * 60 * 60,
    });
    assert_eq!(file, expected);
    let id = file["id"].as_str().expect("an id");
    assert_eq!(location, format!("{MEDIA}/{id}"));
    let query = format!("?sha256={}", PDF_SHA256.to_uppercase());
    let in_form = upload(&world.door, &query, FORM, form(&[("name=\"f\"; filename=\"x.pdf\"", PDF)])).await.ok();
    assert_eq!((&in_form["file_name"], &in_form["sha256"]), (&json!("x.pdf"), &file["sha256"]));
    assert_ne!(in_form["id"], file["id"]);
    assert_eq!(std::fs::read(place(&world, PDF_SHA256)).expect("it is kept"), PDF);
    world.crash();
    assert_eq!(world.door.ask(Method::GET, &location, &Value::Null).await.ok(), file);
    let shown = format!(r#"{{ media(id: "{id}") {{ id mimetype size sha256 fileName width height seconds }} }}"#);
    let shown = world.door.graph(&shown, Value::Null).await.json()["data"]["media"].clone();
    assert_eq!((&shown["id"], &shown["size"], &shown["sha256"]), (&file["id"], &file["size"], &file["sha256"]));
    assert_eq!((&shown["mimetype"], &shown["fileName"]), (&file["mimetype"], &file["file_name"]));
    // Each is deleted through one door, and is then gone through both.
    world.door.ask(Method::DELETE, &location, &Value::Null).await.ok();
    let other = in_form["id"].as_str().expect("an id");
    let delete = format!(r#"mutation {{ deleteMedia(input: {{ id: "{other}" }}) {{ id }} }}"#);
    let deleted = world.door.graph(&delete, Value::Null).await.json()["data"]["deleteMedia"].clone();
    assert_eq!(deleted["id"], other);
    for id in [id, other] {
        for method in [Method::GET, Method::DELETE] {
            let answer = world.door.ask(method, &format!("{MEDIA}/{id}"), &Value::Null).await;
            assert_eq!(answer.problem(), (404, "media_not_found".to_owned()));
        }
        let find = format!(r#"{{ media(id: "{id}") {{ id }} }}"#);
        assert_eq!(world.door.graph_failure(&find, Value::Null).await, "media_not_found");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_file_is_its_keys_and_the_admins() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let key = async |name: &str, body: Value| {
        let mut body = body;
        body["name"] = json!(name);
        let (made, token) = world.door.key(body).await;
        (made["id"].as_str().expect("an id").to_owned(), world.door.holding(&token))
    };
    // One that is for some sessions may hand in files all the same.
    let (id, own) = key("own", json!({ "scopes": ["messages:send"], "sessions": ["shop"] })).await;
    let (_, other) = key("other", json!({ "scopes": ["messages:send"] })).await;
    let (_, reader) = key("reader", json!({ "scopes": ["messages:read"] })).await;
    let file = upload(&own, "", "application/pdf", PDF).await.ok();
    let path = format!("{MEDIA}/{}", file["id"].as_str().expect("an id"));
    for door in [&own, &world.door] {
        assert_eq!(door.ask(Method::GET, &path, &Value::Null).await.ok(), file);
    }
    for method in [Method::GET, Method::DELETE] {
        let answer = other.ask(method.clone(), &path, &Value::Null).await;
        assert_eq!(answer.problem(), (404, "media_not_found".to_owned()));
        let answer = reader.ask(method, &path, &Value::Null).await;
        assert_eq!(answer.problem(), (403, "forbidden".to_owned()));
    }
    assert_eq!(upload(&reader, "", "application/pdf", PDF).await.problem(), (403, "forbidden".to_owned()));
    // It goes with its key.
    world.door.ask(Method::DELETE, &format!("/api/v1/keys/{id}"), &Value::Null).await.ok();
    let answer = world.door.ask(Method::GET, &path, &Value::Null).await;
    assert_eq!(answer.problem(), (404, "media_not_found".to_owned()));
    world.finish().await;
}

/// A query, a media type, a body, and how that is refused.
type BadUpload<'a> = (&'a str, &'a str, Vec<u8>, &'a (u16, String));

#[tokio::test]
async fn what_is_no_file_or_another_one_is_refused_and_nothing_is_left() {
    let flags = ["--media-max-bytes", "3000000"];
    let world = World::with(Kind::Sqlite, Settings::default(), &flags).await;
    let (invalid, large) = ((422, "invalid".to_owned()), (413, "media_too_large".to_owned()));
    let bytes = "application/octet-stream";
    let zeros = "0".repeat(64);
    let too_large = vec![1_u8; 3_000_001];
    let rows: [BadUpload; 10] = [
        ("", bytes, Vec::new(), &invalid),
        (&format!("?sha256={zeros}"), bytes, PDF.to_vec(), &invalid),
        ("?sha256=tea", bytes, PDF.to_vec(), &invalid),
        ("?file_name=", bytes, PDF.to_vec(), &invalid),
        ("?file_name=a%0Ab", bytes, PDF.to_vec(), &invalid),
        ("", FORM, form(&[]), &invalid),
        ("", FORM, form(&[("name=\"f\"; filename=\"a\"", b"")]), &invalid),
        ("", FORM, form(&[("name=\"f\"; filename=\"a\"", b"tea"), ("name=\"g\"; filename=\"b\"", b"tea")]), &invalid),
        ("", "multipart/form-data", PDF.to_vec(), &invalid),
        ("", FORM, form(&[("name=\"f\"; filename=\"a\"", &too_large)]), &large),
    ];
    for (query, content_type, body, expected) in rows {
        let length = body.len();
        let request = world.door.request(Method::POST, &format!("{MEDIA}{query}"));
        let request = request.header("content-type", content_type).body(body);
        assert_eq!(&world.door.send(request).await.problem(), expected, "{query} {content_type} {length}");
    }
    // One that says how long it is is not read at all.
    let reply = reply(begun(&world, 3_000_001, b"").await).await;
    assert!(reply.starts_with("HTTP/1.1 413 ") && reply.contains("media_too_large"), "{reply}");
    let packed = world.door.request(Method::POST, MEDIA).header("content-encoding", "gzip").body(PDF);
    assert_eq!(world.door.send(packed).await.problem(), (415, "unsupported_media_type".to_owned()));
    until_incoming(&world, 0).await;
    assert!(!place(&world, PDF_SHA256).exists());
    // As large as it may be, which other bodies may not.
    let largest = vec![1_u8; 3_000_000];
    assert_eq!(upload(&world.door, "", bytes, largest.clone()).await.ok()["size"], 3_000_000);
    let request = world.door.request(Method::POST, "/api/v1/sessions").body(largest);
    assert_eq!(world.door.send(request).await.problem(), (413, "payload_too_large".to_owned()));
    world.finish().await;
}

#[tokio::test]
async fn a_file_that_stops_coming_is_given_up() {
    let flags = ["--media-stall-millis", "300"];
    let world = World::with(Kind::Sqlite, Settings::default(), &flags).await;
    let reply = reply(begun(&world, 100, b"%PDF").await).await;
    assert!(reply.starts_with("HTTP/1.1 422 ") && reply.contains("came too slowly"), "{reply}");
    // Who hangs up leaves nothing either.
    let socket = begun(&world, 100, b"%PDF").await;
    drop(socket);
    until_incoming(&world, 0).await;
    world.finish().await;
}

#[tokio::test]
async fn a_process_that_dies_leaves_nothing_half() {
    let mut world = World::new(Kind::Sqlite).await;
    let file = upload(&world.door, "", "application/pdf", PDF).await.ok();
    let _socket = begun(&world, 1_000_000, &[1; 300_000]).await;
    until_incoming(&world, 1).await;
    world.server.kill();
    assert_eq!(incoming(&world), 1);
    world.start_again();
    assert_eq!(incoming(&world), 0);
    let path = format!("{MEDIA}/{}", file["id"].as_str().expect("an id"));
    assert_eq!(world.door.ask(Method::GET, &path, &Value::Null).await.ok(), file);
    assert_eq!(std::fs::read(place(&world, PDF_SHA256)).expect("it is kept"), PDF);
    world.finish().await;
}

#[tokio::test]
async fn files_take_no_more_room_than_they_may() {
    let flags = ["--media-quota", "1048576"];
    let mut world = World::with(Kind::Sqlite, Settings::default(), &flags).await;
    let bytes = "application/octet-stream";
    upload(&world.door, "", bytes, vec![1_u8; 600_000]).await.ok();
    let reply = reply(begun(&world, 600_000, b"").await).await;
    assert!(reply.starts_with("HTTP/1.1 503 ") && reply.contains("--media-quota"), "{reply}");
    assert!(reply.to_ascii_lowercase().contains("retry-after: 600"), "{reply}");
    until_incoming(&world, 0).await;
    upload(&world.door, "", bytes, vec![3_u8; 100_000]).await.ok();
    // That is an error in the log, for whoever runs the server.
    assert!(world.server.stop().success());
}
