//! The files of messages that come in: fetched once, checked before anybody sees a byte, and served from the store from then on.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use reqwest::{Method, header};
use rstest::rstest;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use whatsapp_simulator::{FileKind, FileVerdict, MediaFault, MediaOperation, NewFile, Phone, ReuploadAnswer, Settings};

use crate::support::door::Answer;
use crate::support::journal::{of_type, until};
use crate::support::tables::Tables;
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";
const OTHER: &str = "15550100078";
const KINDS: [FileKind; 8] = [
    FileKind::Image,
    FileKind::Video,
    FileKind::Gif,
    FileKind::VideoNote,
    FileKind::Audio,
    FileKind::Voice,
    FileKind::Document,
    FileKind::Sticker,
];

/// A world in which the shop is linked, and a friend who sends it something.
async fn world(kind: Kind) -> (World, Phone) {
    let world = World::new(kind).await;
    world.linked("shop").await;
    let friend = world.sim.phone(FRIEND);
    (world, friend)
}

/// Sends a file, and waits until the shop has the message.
async fn receives(world: &World, friend: &Phone, file: NewFile) -> String {
    let id = friend.send_file(SHOP, file).await.expect("it is sent");
    until(world, "message", |body| body["message_id"] == id).await;
    id
}

fn path(id: &str) -> String {
    format!("/api/v1/sessions/shop/messages/{id}/media")
}

async fn fetch(world: &World, id: &str) -> Answer {
    world.door.send(world.door.request(Method::GET, &path(id))).await
}

async fn fetch_with(world: &World, id: &str, headers: &[(&str, &str)]) -> Answer {
    let request = world.door.request(Method::GET, &path(id));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    world.door.send(request).await
}

async fn head(world: &World, id: &str) -> Answer {
    world.door.send(world.door.request(Method::HEAD, &path(id))).await
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn downloads(world: &World) -> u64 {
    world.sim.media_stats().requests.get(&MediaOperation::Download).copied().unwrap_or_default()
}

fn spoil(world: &World, host: Option<usize>, fault: MediaFault, count: usize) {
    world.sim.spoil_media(MediaOperation::Download, host, fault, count);
}

#[rstest]
#[tokio::test]
async fn a_file_of_every_kind_is_what_was_sent_and_is_fetched_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (world, friend) = world(kind).await;
    let mut sent = Vec::new();
    for kind in KINDS {
        let mut file = NewFile::sample(kind);
        if matches!(kind, FileKind::Audio | FileKind::Document) {
            // By chance noise begins as something that has a type.
            file.bytes[..8].copy_from_slice(b"no type.");
        }
        let bytes = file.bytes.clone();
        sent.push((kind, bytes, receives(&world, &friend, file).await));
    }
    for (kind, bytes, id) in &sent {
        let before = downloads(&world);
        let answer = fetch(&world, id).await;
        assert_eq!((answer.status, hash(&answer.bytes)), (200, hash(bytes)), "{kind:?}");
        assert_eq!(answer.header("etag"), format!("\"{}\"", hash(bytes)));
        assert_eq!(answer.header("content-length"), bytes.len().to_string());
        assert_eq!((answer.header("x-content-type-options"), answer.header("file-state")), ("nosniff", "stored"));
        assert!(answer.header("content-disposition").starts_with("attachment; filename=\""));
        let expected = match kind {
            FileKind::Image => "image/png",
            FileKind::Video | FileKind::Gif | FileKind::VideoNote => "video/mp4",
            FileKind::Voice => "audio/ogg",
            FileKind::Sticker => "image/webp",
            FileKind::Audio | FileKind::Document => "application/octet-stream",
        };
        assert_eq!(answer.header("content-type"), expected, "{kind:?}");
        assert_eq!(fetch(&world, id).await.bytes, *bytes);
        assert_eq!(downloads(&world), before + 1, "{kind:?}");
    }
    // The store is asked before WhatsApp is: also without a connection.
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    world.reaches("shop", "disconnected").await;
    for (_, bytes, id) in &sent {
        assert_eq!(fetch(&world, id).await.bytes, *bytes);
    }
    assert!(world.sim.unknown_stanzas().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn a_part_of_a_file_and_what_is_known_without_it() {
    let (world, friend) = world(Kind::Sqlite).await;
    let file = NewFile { file_name: Some("Übersicht.bin".to_owned()), ..NewFile::noise(FileKind::Document, 100_000) };
    let bytes = file.bytes.clone();
    let id = receives(&world, &friend, file).await;
    let known = head(&world, &id).await;
    let shown = (known.status, known.header("file-state"), known.header("content-length"), known.bytes.len());
    assert_eq!(shown, (200, "remote", "100000", 0));
    let query = "query ($id: ID!) { messageMedia(sessionId: \"shop\", id: $id) { state size sha256 fileName } }";
    let graph = world.door.asked(query, json!({ "id": id })).await;
    let expected = json!({ "state": "REMOTE", "size": 100_000, "sha256": hash(&bytes), "fileName": "Übersicht.bin" });
    assert_eq!(graph["messageMedia"], expected);
    assert_eq!(downloads(&world), 0);
    let whole = fetch(&world, &id).await;
    let name = "attachment; filename=\"_bersicht.bin\"; filename*=UTF-8''%C3%9Cbersicht.bin";
    assert_eq!((whole.header("content-disposition"), whole.header("accept-ranges")), (name, "bytes"));
    for (range, part) in [("bytes=0-99", 0..100), ("bytes=99990-", 99_990..100_000), ("bytes=-5", 99_995..100_000)] {
        let answer = fetch_with(&world, &id, &[("range", range)]).await;
        let place = format!("bytes {}-{}/100000", part.start, part.end - 1);
        assert_eq!((answer.status, answer.header("content-range")), (206, place.as_str()));
        assert_eq!(answer.bytes, bytes[part]);
    }
    let beyond = fetch_with(&world, &id, &[("range", "bytes=100000-")]).await;
    assert_eq!(beyond.header("content-range"), "bytes */100000");
    assert_eq!(beyond.problem(), (416, "range_not_satisfiable".to_owned()));
    let etag = format!("\"{}\"", hash(&bytes));
    let same = fetch_with(&world, &id, &[("if-none-match", &etag)]).await;
    assert_eq!((same.status, same.bytes.len(), same.header("etag")), (304, 0, etag.as_str()));
    // Whoever has the beginning of another file gets this one as a whole.
    let other = fetch_with(&world, &id, &[("range", "bytes=0-9"), ("if-range", "\"other\"")]).await;
    assert_eq!((other.status, other.bytes.len()), (200, 100_000));
    let stored = head(&world, &id).await;
    assert_eq!((stored.header("file-state"), stored.header("content-length")), ("stored", "100000"));
    assert_eq!(downloads(&world), 1);
    world.finish().await;
}

#[tokio::test]
async fn a_file_that_many_ask_for_at_once_is_fetched_once() {
    let (world, friend) = world(Kind::Sqlite).await;
    let file = NewFile::noise(FileKind::Video, 300_000);
    let bytes = file.bytes.clone();
    let id = receives(&world, &friend, file).await;
    spoil(&world, None, MediaFault::Delayed { ms: 500 }, 1);
    for answer in join_all((0..8).map(|_| fetch(&world, &id))).await {
        assert_eq!((answer.status, answer.bytes == bytes), (200, true));
    }
    assert_eq!(downloads(&world), 1);
    world.finish().await;
}

#[rstest]
#[case::token(MediaFault::Unauthorized, None, 1)]
#[case::broken_off(MediaFault::CutOff { after_bytes: 1_000 }, Some(0), 1)]
#[case::wrong(MediaFault::WrongHash, Some(0), 1)]
#[case::server(MediaFault::Status { code: 503 }, Some(0), 1)]
#[case::missing_once(MediaFault::Status { code: 404 }, None, 1)]
#[tokio::test]
async fn one_server_that_fails_is_no_failure(
    #[case] fault: MediaFault,
    #[case] host: Option<usize>,
    #[case] count: usize,
) {
    let (world, friend) = world(Kind::Sqlite).await;
    let file = NewFile::noise(FileKind::Image, 50_000);
    let bytes = file.bytes.clone();
    let id = receives(&world, &friend, file).await;
    spoil(&world, host, fault, count);
    let answer = fetch(&world, &id).await;
    assert_eq!((answer.status, answer.bytes == bytes), (200, true));
    assert_eq!(downloads(&world), 2);
    assert_eq!(phone_asked(&world), 0, "the phone is not asked");
    world.finish().await;
}

/// How often the shop's phone was asked for a file.
fn phone_asked(world: &World) -> usize {
    world.sim.phone(SHOP).reuploads().asked
}

#[rstest]
#[case::wrong(MediaFault::WrongHash)]
#[case::broken_off(MediaFault::CutOff { after_bytes: 20_000 })]
#[case::server(MediaFault::Status { code: 500 })]
#[tokio::test]
async fn what_no_server_gives_whole_is_served_to_nobody(#[case] fault: MediaFault) {
    let (world, friend) = world(Kind::Sqlite).await;
    let file = NewFile::noise(FileKind::Image, 50_000);
    let bytes = file.bytes.clone();
    let id = receives(&world, &friend, file).await;
    spoil(&world, None, fault, 2);
    assert_eq!(fetch(&world, &id).await.problem(), (502, "upstream".to_owned()));
    assert_eq!(head(&world, &id).await.header("file-state"), "remote");
    // The next one who asks has it.
    assert_eq!(fetch(&world, &id).await.bytes, bytes);
    world.finish().await;
}

#[rstest]
#[case::missing(404)]
#[case::gone(410)]
#[tokio::test]
async fn what_whatsapp_has_lost_the_phone_stores_once_more(#[case] status: u16) {
    let (world, friend) = world(Kind::Sqlite).await;
    let file = NewFile::noise(FileKind::Document, 50_000);
    let bytes = file.bytes.clone();
    let id = receives(&world, &friend, file).await;
    let tables = world.tables().await;
    let before = tables.texts("SELECT direct_path FROM message_file").await;
    world.sim.expire_files(status);
    let answer = fetch(&world, &id).await;
    assert_eq!((answer.status, answer.bytes == bytes), (200, true));
    assert_ne!(tables.texts("SELECT direct_path FROM message_file").await, before);
    let asked = world.sim.phone(SHOP).reuploads();
    assert_eq!((asked.asked, asked.stored), (1, 1));
    drop(tables);
    world.finish().await;
}

#[tokio::test]
async fn what_nobody_has_any_more_is_gone() {
    let (world, friend) = world(Kind::Sqlite).await;
    let id = receives(&world, &friend, NewFile::noise(FileKind::Document, 50_000)).await;
    world.sim.expire_files(410);
    world.sim.phone(SHOP).answer_reuploads(ReuploadAnswer::NotFound);
    assert_eq!(fetch(&world, &id).await.problem(), (410, "media_gone".to_owned()));
    assert_eq!(phone_asked(&world), 1);
    world.finish().await;
}

#[tokio::test]
async fn a_message_without_a_file_and_a_file_that_cannot_be_had() {
    let (world, friend) = world(Kind::Sqlite).await;
    let text = friend.send(SHOP, "no file").await.expect("it is sent");
    until(&world, "message", |body| body["message_id"] == text).await;
    let image = receives(&world, &friend, NewFile::sample(FileKind::Image)).await;
    assert_eq!(fetch(&world, &text).await.problem(), (404, "media_not_found".to_owned()));
    assert_eq!(fetch(&world, "none").await.problem(), (404, "message_not_found".to_owned()));
    let query = "query ($id: ID!) { messageMedia(sessionId: \"shop\", id: $id) { state } }";
    assert_eq!(world.door.graph_failure(query, json!({ "id": text })).await, "media_not_found");
    let (_, token) = world.door.key(json!({ "name": "sends", "scopes": ["messages:send"] })).await;
    let other = world.door.holding(&token);
    assert_eq!(other.send(other.request(Method::GET, &path(&image))).await.status, 403);
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    world.reaches("shop", "disconnected").await;
    assert_eq!(fetch(&world, &image).await.problem(), (409, "session_not_connected".to_owned()));
    assert_eq!(head(&world, &image).await.status, 200);
    world.finish().await;
}

#[tokio::test]
async fn what_the_account_sent_from_its_phone_has_its_file_too() {
    let world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    world.sim.phone(FRIEND);
    let file = NewFile::sample(FileKind::Image);
    let bytes = file.bytes.clone();
    let id = world.phone().send_file(FRIEND, file).await.expect("it is sent");
    until(&world, "message", |body| body["message_id"] == id).await;
    assert_eq!(fetch(&world, &id).await.bytes, bytes);
    world.finish().await;
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_leaves_nothing_half() {
    let (mut world, friend) = world(Kind::Sqlite).await;
    let file = NewFile::noise(FileKind::Document, 400_000);
    let bytes = file.bytes.clone();
    let id = receives(&world, &friend, file).await;
    spoil(&world, None, MediaFault::Stall { after_bytes: 200_000 }, 1);
    let request = world.door.request(Method::GET, &path(&id)).timeout(Duration::from_secs(60)).send();
    let (cut, ()) = tokio::join!(request, async {
        world.eventually("the download begins", || downloads(&world) == 1).await;
        world.server.tell("-KILL");
    });
    assert!(cut.is_err(), "no byte of it was served");
    world.server.kill();
    world.start_again();
    world.reaches("shop", "logged_in").await;
    assert_eq!(head(&world, &id).await.header("file-state"), "remote");
    assert_eq!(fetch(&world, &id).await.bytes, bytes);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn an_eager_session_fetches_files_as_they_come_and_tells_it(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (world, friend) = world(kind).await;
    let lazy = receives(&world, &friend, NewFile::sample(FileKind::Sticker)).await;
    let media = json!({ "fetch": "eager", "max_bytes": 60_000 });
    let changed = world.door.update("shop", json!({ "media": media })).await.ok();
    assert_eq!(changed["media"], media);
    let shown = world.door.asked("{ session(id: \"shop\") { media { fetch maxBytes } } }", Value::Null).await;
    assert_eq!(shown["session"]["media"], json!({ "fetch": "EAGER", "maxBytes": 60_000 }));
    let large = receives(&world, &friend, NewFile::noise(FileKind::Document, 60_001)).await;
    // The first try fails, and is made up for.
    spoil(&world, None, MediaFault::Status { code: 503 }, 2);
    let file = NewFile::sample(FileKind::Image);
    let bytes = file.bytes.clone();
    let small = receives(&world, &friend, file).await;
    let ready = until(&world, "media_ready", |body| body["message_id"] == small).await;
    let said = (&ready["size"], &ready["sha256"], &ready["mimetype"]);
    assert_eq!(said, (&json!(bytes.len()), &json!(hash(&bytes)), &json!("image/png")));
    assert_eq!(head(&world, &small).await.header("file-state"), "stored");
    for left in [&lazy, &large] {
        assert_eq!(head(&world, left).await.header("file-state"), "remote");
    }
    assert_eq!(of_type(&world, "media_ready", 1).await.len(), 1);
    let refused = world.door.update("shop", json!({ "media": { "fetch": "eager", "max_bytes": 0 } })).await;
    assert_eq!(refused.problem(), (422, "invalid".to_owned()));
    world.finish().await;
}

#[tokio::test]
async fn what_is_still_to_be_fetched_is_not_forgotten_by_a_restart() {
    let mut world = World::with(Kind::Sqlite, Settings::default(), &[]).await;
    world.linked("shop").await;
    world.door.update("shop", json!({ "media": { "fetch": "eager" } })).await.ok();
    let friend = world.sim.phone(FRIEND);
    spoil(&world, None, MediaFault::Stall { after_bytes: 10 }, 1);
    let file = NewFile::noise(FileKind::Document, 100_000);
    let bytes = file.bytes.clone();
    let id = receives(&world, &friend, file).await;
    world.eventually("the download begins", || downloads(&world) == 1).await;
    world.crash();
    let ready = until(&world, "media_ready", |body| body["message_id"] == id).await;
    assert_eq!(ready["sha256"], hash(&bytes));
    let answer = fetch(&world, &id).await;
    assert_eq!(
        (answer.bytes == bytes, answer.header(header::CONTENT_TYPE.as_str())),
        (true, "application/octet-stream")
    );
    world.finish().await;
}

/// Waits until of the only file this is known: how often it was tried, and whether it is to be tried again.
async fn tried(tables: &Tables, times: u32, again: bool) {
    let query = "SELECT CAST(fetch_attempts AS TEXT) || CASE WHEN fetch_at IS NULL THEN ' end' ELSE ' again' END FROM message_file";
    let expected = format!("{times} {}", if again { "again" } else { "end" });
    let begun = Instant::now();
    loop {
        let known = tables.texts(query).await;
        if known == [expected.as_str()] {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "it is not {expected} in time but {known:?}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

#[rstest]
#[tokio::test]
async fn the_tries_of_an_eager_session_are_counted_and_end(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (world, friend) = world(kind).await;
    world.door.update("shop", json!({ "media": { "fetch": "eager" } })).await.ok();
    spoil(&world, None, MediaFault::Status { code: 503 }, 10_000);
    let file = NewFile::noise(FileKind::Document, 50_000);
    let bytes = file.bytes.clone();
    let id = receives(&world, &friend, file).await;
    let tables = world.tables().await;
    tried(&tables, 1, true).await;
    // All of its pauses are over but the last one, and then that one as well.
    tables.run("UPDATE message_file SET fetch_attempts = 5, fetch_at = 0").await;
    tried(&tables, 6, true).await;
    tables.run("UPDATE message_file SET fetch_at = 0").await;
    tried(&tables, 7, false).await;
    // Whoever asks for it has it all the same.
    world.sim.clear_media_faults();
    assert!(fetch(&world, &id).await.bytes == bytes);
    drop(tables);
    world.finish().await;
}

#[tokio::test]
async fn what_came_in_with_messages_takes_room_as_uploads_do() {
    let mut world = World::with(Kind::Sqlite, Settings::default(), &["--media-quota", "1048576"]).await;
    world.linked("shop").await;
    let friend = world.sim.phone(FRIEND);
    let id = receives(&world, &friend, NewFile::noise(FileKind::Document, 700_000)).await;
    assert_eq!(fetch(&world, &id).await.status, 200);
    // In a body that is read to its end: an upload that is refused before that may find its connection closed instead of the answer.
    let bytes = STANDARD.encode(vec![1_u8; 400_000]);
    let content = json!({ "type": "document", "media": { "data": bytes } });
    let refused = world.door.post("/shop/messages", json!({ "to": FRIEND, "content": content })).await;
    assert_eq!(refused.problem(), (503, "unavailable".to_owned()));
    let upload = world.door.request(Method::POST, "/api/v1/media").body(vec![1_u8; 300_000]);
    world.door.send(upload).await.ok();
    // Nor does a file come in that there is no room for.
    let other = receives(&world, &friend, NewFile::noise(FileKind::Document, 100_000)).await;
    assert_eq!(fetch(&world, &other).await.problem(), (503, "unavailable".to_owned()));
    // That is an error in the log, for whoever runs the server.
    assert!(world.server.stop().success());
}

/// Forwards a message, and gives the id of the new one once WhatsApp has it.
async fn forwarded(world: &World, id: &str) -> String {
    let answer = world.door.post(&format!("/shop/messages/{id}/forward"), json!({ "to": OTHER })).await;
    let (status, body) = (answer.status, answer.ok());
    assert_eq!((status, &body["status"]), (201, &json!("sent")), "{body}");
    body["id"].as_str().expect("an id").to_owned()
}

/// What the other friend's phone found in the file of a message.
async fn opened(world: &World, id: &str) -> String {
    let phone = world.sim.phone(OTHER);
    world.eventually("the phone has it", || phone.inbox().iter().any(|got| got.id == id)).await;
    let opened = phone.open_file(id).await.expect("it has a file");
    assert_eq!(opened.verdict, FileVerdict::Intact);
    opened.sha256.expect("the phone has the file")
}

#[rstest]
#[tokio::test]
async fn a_forwarded_file_can_be_fetched_and_one_with_an_old_link_is_uploaded_again(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (world, friend) = world(kind).await;
    world.sim.phone(OTHER);
    let uploads = || world.sim.media_stats().requests.get(&MediaOperation::Upload).copied().unwrap_or_default();
    let file = NewFile::sample(FileKind::Image);
    let bytes = file.bytes.clone();
    let id = receives(&world, &friend, file).await;
    let before = uploads();
    let first = forwarded(&world, &id).await;
    assert_eq!(uploads(), before, "the file stays where it is");
    assert_eq!(opened(&world, &first).await, hash(&bytes));
    let answer = fetch(&world, &first).await;
    assert_eq!((answer.status, hash(&answer.bytes)), (200, hash(&bytes)));
    let week = 8 * 24 * 60 * 60 * 1000_u64;
    world.tables().await.run(&format!("UPDATE message SET sent_at = sent_at - {week} WHERE message_id = '{id}'")).await;
    let second = forwarded(&world, &id).await;
    assert_eq!(uploads(), before + 1, "nobody knows whether the old link still leads anywhere");
    assert_eq!(opened(&world, &second).await, hash(&bytes));
    assert_eq!(fetch(&world, &second).await.bytes, bytes);
    world.finish().await;
}
