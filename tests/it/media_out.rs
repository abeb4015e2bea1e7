//! Messages with files: each file is prepared, uploaded once and opened by the phone that gets it, whatever the media hosts, the network or
//! the process do meanwhile. A message without a file does not wait for one that has one.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use waypost::clock::Clock;
use whatsapp_simulator::{FileKind, FileVerdict, MediaFault, MediaOperation, NewFile, Settings};

use crate::support::door::Answer;
use crate::support::world::{Kind, World};

const FRIEND: &str = "15550100077";
const OTHER: &str = "15550100078";
/// Longest wait for a fact. An upload to a host that does not go on ends after a minute, and the next host may do the same.
const LIMIT: Duration = Duration::from_secs(240);
/// As fast as it goes: how fast a session sends is tested by itself.
const FAST: &[&str] = &["--send-rate", "0"];

/// A session that is logged in, and two friends with phones.
async fn world(kind: Kind) -> World {
    let world = World::with(kind, Settings::default(), FAST).await;
    world.linked("shop").await;
    let _ = (world.sim.phone(FRIEND), world.sim.phone(OTHER));
    world
}

/// The bytes of an invented file that phones take as this.
fn sample(kind: FileKind) -> Vec<u8> {
    // A recording is any sound, and noise is none.
    let kind = if kind == FileKind::Audio { FileKind::Voice } else { kind };
    NewFile::sample(kind).bytes
}

fn data(bytes: &[u8]) -> Value {
    json!({ "data": STANDARD.encode(bytes) })
}

fn message(to: &str, content: Value) -> Value {
    json!({ "to": to, "content": content })
}

fn document(to: &str, bytes: &[u8]) -> Value {
    message(to, json!({ "type": "document", "media": data(bytes), "file_name": "menu.bin" }))
}

fn text(to: &str, text: &str) -> Value {
    message(to, json!({ "type": "text", "text": text }))
}

fn id(message: &Value) -> String {
    message["id"].as_str().unwrap_or_else(|| panic!("no id in {message}")).to_owned()
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl World {
    async fn posts(&self, query: &str, body: Value) -> Answer {
        self.door.post(&format!("/shop/messages{query}"), body).await
    }

    /// Waits until this is known of a message.
    async fn comes_to(&self, id: &str, status: &str) -> Value {
        let begun = Instant::now();
        loop {
            let message = self.door.get(&format!("/shop/messages/{id}")).await.ok();
            if message["status"] == status {
                return message;
            }
            assert!(begun.elapsed() < LIMIT, "it is not {status} in time but {message}");
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    fn uploads(&self) -> u64 {
        self.sim.media_stats().requests.get(&MediaOperation::Upload).copied().unwrap_or_default()
    }

    fn spoil_uploads(&self, host: Option<usize>, fault: MediaFault, count: usize) {
        self.sim.spoil_media(MediaOperation::Upload, host, fault, count);
    }
}

#[rstest]
#[tokio::test]
async fn a_phone_opens_the_file_of_each_kind(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let contents = [
        (FileKind::Image, "image", json!({ "type": "image", "caption": "tea" })),
        (FileKind::Video, "video", json!({ "type": "video", "caption": "tea" })),
        (FileKind::Gif, "video", json!({ "type": "gif" })),
        (FileKind::VideoNote, "video", json!({ "type": "ptv" })),
        (FileKind::Audio, "audio", json!({ "type": "audio" })),
        (FileKind::Voice, "voice", json!({ "type": "voice", "seconds": 3 })),
        (FileKind::Document, "document", json!({ "type": "document", "file_name": "menu.bin", "caption": "tea" })),
        (FileKind::Sticker, "sticker", json!({ "type": "sticker" })),
    ];
    for (kind, shown, mut content) in contents {
        let bytes = sample(kind);
        content["media"] = data(&bytes);
        let caption = content["caption"].clone();
        let answer = world.posts("", message(FRIEND, content)).await;
        assert_eq!(answer.status, 201, "{kind:?}: {}", answer.text());
        let sent = answer.json();
        assert_eq!((&sent["type"], &sent["text"]), (&json!(shown), &caption), "{kind:?}");
        let id = id(&sent);
        world.comes_to(&id, "delivered").await;
        let opened = world.sim.phone(FRIEND).open_file(&id).await.expect("it has a file");
        assert_eq!((opened.verdict, opened.declared.kind), (FileVerdict::Intact, kind), "{opened:?}");
        assert!(opened.declared.missing.is_empty(), "{opened:?}");
        if kind == FileKind::Document {
            assert_eq!(opened.declared.file_name.as_deref(), Some("menu.bin"));
            assert_eq!(opened.sha256, Some(hash(&bytes)), "a document is sent as it is");
        }
    }
    // What it takes to fetch the file again is kept beside each message that was sent, and nothing is left to be uploaded.
    let tables = world.tables().await;
    let rows = tables.rows().await;
    assert_eq!((rows.get("message_file"), rows.get("outgoing_media")), (Some(&8), None));
    drop(tables);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn both_doors_send_a_file_and_what_can_be_opened_once_says_so() {
    let world = world(Kind::Sqlite).await;
    let content = json!({ "type": "image", "media": data(&sample(FileKind::Image)), "view_once": true });
    let first = id(&world.posts("", message(FRIEND, content)).await.ok());
    let mutation = r#"mutation($data: String!) { sendMessage(input: { sessionId: "shop", to: "15550100077",
        content: { voice: { media: { data: $data }, viewOnce: true } } }) { id type } }"#;
    let voice = STANDARD.encode(sample(FileKind::Voice));
    let sent = world.door.asked(mutation, json!({ "data": voice })).await;
    assert_eq!(sent["sendMessage"]["type"], "VOICE");
    for id in [first, id(&sent["sendMessage"])] {
        world.comes_to(&id, "delivered").await;
        let opened = world.sim.phone(FRIEND).open_file(&id).await.expect("it has a file");
        assert_eq!(opened.verdict, FileVerdict::Intact);
        assert!(opened.declared.is_view_once, "{opened:?}");
    }
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn the_paths_of_the_contract_send_files() {
    let world = world(Kind::Sqlite).await;
    for (path, kind) in [
        ("image", FileKind::Image),
        ("video", FileKind::Video),
        ("audio", FileKind::Audio),
        ("document", FileKind::Document),
        ("sticker", FileKind::Sticker),
    ] {
        let body = json!({ "to": FRIEND, path: data(&sample(kind)) });
        let answer = world.door.post(&format!("/shop/messages/{path}"), body).await;
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("sent")), "{path}: {}", answer.text());
        let id = answer.json()["message_id"].as_str().expect("an id").to_owned();
        world.comes_to(&id, "delivered").await;
        let opened = world.sim.phone(FRIEND).open_file(&id).await.expect("it has a file");
        assert_eq!((opened.verdict, opened.declared.kind), (FileVerdict::Intact, kind), "{path}");
    }
    let refused = world.door.post("/shop/messages/image", json!({ "to": FRIEND, "image": {} })).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("`image` must have exactly one of"), "{}", refused.text());
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_file_that_goes_to_ten_people_is_uploaded_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let bytes = vec![7; 200_000];
    let numbers: Vec<_> = (10..20).map(|number| format!("155501001{number}")).collect();
    for number in &numbers {
        let _ = world.sim.phone(number);
    }
    // Those that come while it is under way wait for the same upload.
    world.spoil_uploads(None, MediaFault::Delayed { ms: 1_500 }, 1);
    let sent = join_all(numbers.iter().map(|number| world.posts("?wait=0", document(number, &bytes)))).await;
    for (number, answer) in numbers.iter().zip(sent) {
        let id = id(&answer.ok());
        world.comes_to(&id, "delivered").await;
        let opened = world.sim.phone(number).open_file(&id).await.expect("it has a file");
        assert_eq!((opened.verdict, opened.sha256), (FileVerdict::Intact, Some(hash(&bytes))));
    }
    let later = id(&world.posts("", document(FRIEND, &bytes)).await.ok());
    world.comes_to(&later, "delivered").await;
    assert_eq!((world.uploads(), world.sim.media_stats().stored), (1, 1));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_text_does_not_wait_for_a_file_that_is_asked_for_before_it() {
    let world = world(Kind::Sqlite).await;
    world.spoil_uploads(None, MediaFault::Stall { after_bytes: 1_000 }, 16);
    let stalled = id(&world.posts("?wait=0", document(FRIEND, &[1; 100_000])).await.ok());
    let answer = world.posts("", text(FRIEND, "it is on its way")).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(world.door.get(&format!("/shop/messages/{stalled}")).await.ok()["status"], "queued");
    let waiting = world.door.get("/shop/limits").await.ok();
    assert_eq!(waiting["queue"]["waiting"], 1);
    // It can be taken back, and is as if it had never been.
    let cancelled = world.door.delete(&format!("shop/messages/{stalled}")).await.ok();
    assert_eq!(cancelled["status"], "cancelled");
    world.sim.clear_media_faults();
    // Nobody waits for its file, so it is not uploaded any further.
    world.is_logged("an upload was stopped").await;
    // Its file is still kept: it can be sent after all.
    world.door.post(&format!("/shop/messages/{stalled}/retry"), Value::Null).await.ok();
    world.comes_to(&stalled, "delivered").await;
    assert_eq!(world.sim.phone(FRIEND).open_file(&stalled).await.expect("a file").verdict, FileVerdict::Intact);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_process_that_is_killed_in_the_middle_of_an_upload_goes_on_with_it(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = world(kind).await;
    world.spoil_uploads(None, MediaFault::Stall { after_bytes: 1_000 }, 16);
    let bytes = vec![9; 300_000];
    let sent = id(&world.posts("?wait=0", document(FRIEND, &bytes)).await.ok());
    world.eventually("the upload has begun", || world.uploads() > 0).await;
    world.sim.clear_media_faults();
    world.crash();
    world.comes_to(&sent, "delivered").await;
    let opened = world.sim.phone(FRIEND).open_file(&sent).await.expect("it has a file");
    assert_eq!((opened.verdict, opened.sha256), (FileVerdict::Intact, Some(hash(&bytes))));
    let copies: Vec<_> = world.sim.phone(FRIEND).inbox().iter().map(|message| message.copies).collect();
    assert_eq!(copies, [1]);
    world.finish().await;
}

/// The key of an upload that is under way is kept: encrypted with another one, the file would be another one for the hosts.
#[rstest]
#[tokio::test]
async fn a_large_file_whose_upload_broke_off_goes_on_where_it_was_after_a_restart(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = world(kind).await;
    let (bytes, arrived) = (vec![9; 8 * 1024 * 1024], 3 * 1024 * 1024);
    world.spoil_uploads(None, MediaFault::Stall { after_bytes: arrived }, 16);
    let sent = id(&world.posts("?wait=0", document(FRIEND, &bytes)).await.ok());
    world.eventually("a part of the file is there", || world.uploads() > 0).await;
    world.sim.clear_media_faults();
    world.crash();
    world.comes_to(&sent, "delivered").await;
    let opened = world.sim.phone(FRIEND).open_file(&sent).await.expect("it has a file");
    assert_eq!((opened.verdict, opened.sha256), (FileVerdict::Intact, Some(hash(&bytes))));
    let stats = world.sim.media_stats();
    let uploads = stats.log.iter().filter(|request| request.operation == MediaOperation::Upload);
    let parts: Vec<_> = uploads.map(|request| (request.offset, request.bytes)).collect();
    // Padded to whole blocks, and ten bytes that prove who has encrypted it.
    let whole = 8 * 1024 * 1024 + 16 + 10;
    assert_eq!(parts, [(0, arrived), (arrived, whole - arrived)]);
    assert_eq!(stats.requests.get(&MediaOperation::ResumeCheck), Some(&2), "once by each process");
    // The key is with the message now.
    let tables = world.tables().await;
    let rows = tables.rows().await;
    assert_eq!((rows.get("upload_key"), rows.get("uploaded_file")), (None, Some(&1)));
    drop(tables);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_one_account_was_to_send_is_not_uploaded_by_another(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    world.reaches("shop", "disconnected").await;
    let waiting = id(&world.posts("?wait=0", document(FRIEND, &[2; 10_000])).await.ok());
    world.door.post("/shop/logout", Value::Null).await.ok();
    world.door.post("/shop/connect", Value::Null).await.ok();
    world.link("shop", &world.sim.phone(OTHER)).await;
    let failed = world.comes_to(&waiting, "failed").await;
    assert_eq!(failed["failed"]["code"], "account_changed");
    assert_eq!(world.uploads(), 0);
    // The same file is no secret of the other account: asked for by this one, it is uploaded.
    let own = id(&world.posts("?wait=0", document(FRIEND, &[2; 10_000])).await.ok());
    world.comes_to(&own, "delivered").await;
    assert_eq!(world.uploads(), 1);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn the_file_of_a_scheduled_message_is_uploaded_before_its_moment_and_not_again_after_a_restart(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = world(kind).await;
    let seconds = || Clock::system().now().seconds();
    let at = |mut message: Value, moment: i64| {
        message["send_at"] = json!(moment);
        message
    };
    let moment = seconds() + 25;
    let bytes = vec![8; 50_000];
    let later = id(&world.posts("", at(document(FRIEND, &bytes), moment)).await.ok());
    let _ = world.posts("", at(document(FRIEND, &[7; 50_000]), moment + 2 * 60 * 60)).await.ok();
    world.eventually("the first of them is uploaded", || world.sim.media_stats().stored == 1).await;
    world.crash();
    // A text that is due before it waits for nothing.
    let words = id(&world.posts("", at(text(FRIEND, "soon"), seconds() + 3)).await.ok());
    world.comes_to(&words, "delivered").await;
    assert_eq!(world.door.get(&format!("/shop/messages/{later}")).await.ok()["status"], "scheduled");
    world.comes_to(&later, "delivered").await;
    let opened = world.sim.phone(FRIEND).open_file(&later).await.expect("it has a file");
    assert_eq!((opened.verdict, opened.sha256), (FileVerdict::Intact, Some(hash(&bytes))));
    assert!(seconds() >= moment, "it was sent before its moment");
    // What is due in two hours is not uploaded yet.
    assert_eq!(world.sim.media_stats().stored, 1);
    world.finish().await;
}

#[rstest]
#[case::a_token_that_is_not_good_any_more(None, MediaFault::Unauthorized)]
#[case::a_host_that_fails(Some(0), MediaFault::Status { code: 503 })]
#[case::a_connection_that_ends(None, MediaFault::CutOff { after_bytes: 1_000 })]
#[tokio::test]
async fn what_goes_wrong_once_at_a_media_host_is_nobodys_business(
    #[case] host: Option<usize>,
    #[case] fault: MediaFault,
) {
    let world = world(Kind::Sqlite).await;
    world.spoil_uploads(host, fault, 1);
    let sent = id(&world.posts("?wait=0", document(FRIEND, &[3; 50_000])).await.ok());
    world.comes_to(&sent, "delivered").await;
    assert_eq!(world.sim.phone(FRIEND).open_file(&sent).await.expect("a file").verdict, FileVerdict::Intact);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_message_whose_file_the_media_servers_do_not_take_fails_and_can_be_retried() {
    let world = world(Kind::Sqlite).await;
    world.spoil_uploads(None, MediaFault::Status { code: 413 }, 16);
    let sent = id(&world.posts("?wait=0", document(FRIEND, &[6; 10_000])).await.ok());
    let failed = world.comes_to(&sent, "failed").await;
    assert_eq!((&failed["failed"]["code"], &failed["attempts"]), (&json!("media_refused"), &json!(0)));
    assert!(world.sim.phone(FRIEND).inbox().is_empty());
    world.sim.clear_media_faults();
    world.door.post(&format!("/shop/messages/{sent}/retry"), Value::Null).await.ok();
    world.comes_to(&sent, "delivered").await;
    assert_eq!(world.sim.phone(FRIEND).open_file(&sent).await.expect("a file").verdict, FileVerdict::Intact);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_message_whose_file_is_gone_fails_and_says_why() {
    let world = world(Kind::Sqlite).await;
    let bytes = vec![5; 10_000];
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    world.reaches("shop", "disconnected").await;
    let sent = id(&world.posts("?wait=0", document(FRIEND, &bytes)).await.ok());
    let name = hash(&bytes);
    let media = world.data_dir().join("media");
    let file = media.join(&name[..2]).join(&name);
    std::fs::remove_file(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    world.door.post("/shop/connect", Value::Null).await.ok();
    let failed = world.comes_to(&sent, "failed").await;
    assert_eq!(failed["failed"]["code"], "media_gone");
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_anything_is_written(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let image = |media: Value| json!({ "type": "image", "media": media });
    let png = sample(FileKind::Image);
    let long = "x".repeat(65_537);
    let rows = [
        (image(data(b"neither a picture nor anything else")), 415, "media_unsupported"),
        (image(data(&png[..png.len() / 2])), 415, "media_unsupported"),
        (image(data(b"")), 422, "invalid"),
        (json!({ "type": "voice", "media": data(&png) }), 415, "media_unsupported"),
        (image(json!({ "id": "med_none" })), 404, "media_not_found"),
        (image(json!({})), 422, "invalid"),
        (image(json!({ "id": "med_none", "url": "https://shop.example/tea.png" })), 422, "invalid"),
        (image(json!({ "data": "?" })), 422, "invalid"),
        (image(json!({ "url": "http://127.0.0.1:1/tea.png" })), 422, "media_fetch_refused"),
        (json!({ "type": "image", "media": data(&png), "caption": long }), 422, "invalid"),
    ];
    for (content, status, code) in rows {
        let answer = world.posts("", message(FRIEND, content.clone())).await;
        let told = answer.json();
        let content = content.to_string();
        let shown = content.get(..120).unwrap_or(&content);
        assert_eq!((answer.status, told["code"].as_str()), (status, Some(code)), "{shown}: {told}");
        assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("content.")), "{shown}: {told}");
    }
    assert_eq!(world.door.get("/shop/messages").await.ok()["messages"], json!([]));
    assert_eq!(world.uploads(), 0);
    world.finish().await;
}

/// What the friend's phone got of an album: its head, and the ids of what belongs to it, in the order in which they came.
fn album_at(world: &World, album: &str) -> (Option<(u32, u32)>, Vec<String>) {
    let inbox = world.sim.phone(FRIEND).inbox();
    let head = inbox.iter().find(|message| message.id == album).and_then(|message| message.content.album.as_ref());
    let items = inbox.iter().filter(|message| message.content.album_id.as_deref() == Some(album));
    (head.map(|head| (head.images, head.videos)), items.map(|message| message.id.clone()).collect())
}

/// Ids of what belongs to an album, as an answer shows it.
fn items(of: &Value) -> Vec<String> {
    let ids = of.as_array().unwrap_or_else(|| panic!("no items in {of}"));
    ids.iter().map(|id| id.as_str().expect("an id").to_owned()).collect()
}

#[rstest]
#[tokio::test]
async fn an_album_is_followed_by_its_pictures_in_their_order(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(false, true)] through_graph: bool,
) {
    let world = world(kind).await;
    let (image, video) = (sample(FileKind::Image), sample(FileKind::Video));
    // The first one takes longest.
    world.spoil_uploads(None, MediaFault::Delayed { ms: 1_500 }, 1);
    let (album, ids) = if through_graph {
        let mutation = r#"mutation($image: String!, $video: String!) { sendMessage(input: { sessionId: "shop", to: "15550100077",
            content: { album: { items: [{ video: { media: { data: $video } } },
            { image: { media: { data: $image }, caption: "tea" } }, { image: { media: { data: $image } } }] } } })
            { id type albumItems } }"#;
        let given = json!({ "image": STANDARD.encode(&image), "video": STANDARD.encode(&video) });
        let sent = world.door.asked(mutation, given).await["sendMessage"].take();
        assert_eq!(sent["type"], "ALBUM");
        (id(&sent), items(&sent["albumItems"]))
    } else {
        let content = json!({ "type": "album", "items": [
            { "type": "video", "media": data(&video) },
            { "type": "image", "media": data(&image), "caption": "tea" },
            { "type": "image", "media": data(&image) },
        ] });
        let mut body = message(FRIEND, content);
        body["client_reference"] = json!("trip");
        let sent = world.posts("", body.clone()).await.ok();
        assert_eq!(sent["type"], "album");
        // The same request is the same album.
        let again = world.posts("", body).await;
        assert_eq!((again.header("idempotent-replayed"), &again.json()["id"]), ("true", &sent["id"]));
        assert_eq!(again.json()["album_items"], sent["album_items"]);
        (id(&sent), items(&sent["album_items"]))
    };
    assert_eq!(ids.len(), 3);
    for id in &ids {
        world.comes_to(id, "delivered").await;
        let opened = world.sim.phone(FRIEND).open_file(id).await.expect("it has a file");
        assert_eq!(opened.verdict, FileVerdict::Intact, "{opened:?}");
    }
    assert_eq!(album_at(&world, &album), (Some((2, 1)), ids.clone()));
    let inbox: Vec<_> = world.sim.phone(FRIEND).inbox().iter().map(|message| message.id.clone()).collect();
    assert_eq!(inbox, [vec![album.clone()], ids.clone()].concat());
    // Each is a message of its own.
    let shown = world.door.get(&format!("/shop/messages/{}", ids[1])).await.ok();
    assert_eq!((&shown["type"], &shown["text"], &shown["album_items"]), (&json!("image"), &json!("tea"), &Value::Null));
    let head = world.door.get(&format!("/shop/messages/{album}")).await.ok();
    assert_eq!(items(&head["album_items"]), ids);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn an_album_that_is_accepted_before_a_crash_comes_whole_and_once(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = world(kind).await;
    world.spoil_uploads(None, MediaFault::Stall { after_bytes: 100 }, 16);
    let content = json!({ "type": "album", "items": [
        { "type": "image", "media": data(&sample(FileKind::Image)) },
        { "type": "video", "media": data(&sample(FileKind::Video)) },
    ] });
    let sent = world.posts("?wait=0", message(FRIEND, content)).await.ok();
    world.eventually("the upload has begun", || world.uploads() > 0).await;
    world.sim.clear_media_faults();
    world.crash();
    let (album, ids) = (id(&sent), items(&sent["album_items"]));
    for id in &ids {
        world.comes_to(id, "delivered").await;
    }
    assert_eq!(album_at(&world, &album), (Some((1, 1)), ids));
    let copies: Vec<_> = world.sim.phone(FRIEND).inbox().iter().map(|message| message.copies).collect();
    assert_eq!(copies, [1, 1, 1]);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_picture_that_is_missing_in_an_album_holds_no_other_up() {
    let world = world(Kind::Sqlite).await;
    // Each of the hosts is asked.
    world.spoil_uploads(None, MediaFault::Status { code: 413 }, world.sim.media_hosts().len());
    let content = json!({ "type": "album", "items": [
        { "type": "video", "media": data(&sample(FileKind::Video)) },
        { "type": "image", "media": data(&sample(FileKind::Image)) },
    ] });
    let sent = world.posts("", message(FRIEND, content)).await.ok();
    let ids = items(&sent["album_items"]);
    assert_eq!(world.comes_to(&ids[0], "failed").await["failed"]["code"], "media_refused");
    world.comes_to(&ids[1], "delivered").await;
    assert_eq!(album_at(&world, &id(&sent)), (Some((1, 1)), ids[1..].to_vec()));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn an_album_with_one_bad_picture_is_not_written_at_all() {
    let world = world(Kind::Sqlite).await;
    let fine = || json!({ "type": "image", "media": data(&sample(FileKind::Image)) });
    let with = |item: Value| json!({ "type": "album", "items": [fine(), fine(), item] });
    let rows = [
        (json!({ "type": "album", "items": [fine()] }), 422, "invalid", "`content.items` must have 2 to 30"),
        (with(json!({ "type": "image", "media": {} })), 422, "invalid", "`content.items[2].media`"),
        (
            with(json!({ "type": "image", "media": { "id": "med_none" } })),
            404,
            "media_not_found",
            "`content.items[2].media.id`",
        ),
        (
            with(json!({ "type": "image", "media": data(b"no picture") })),
            415,
            "media_unsupported",
            "`content.items[2].media`",
        ),
        (
            with(json!({ "type": "video", "media": data(&sample(FileKind::Video)), "view_once": true })),
            422,
            "invalid",
            "`content.items[2].view_once`",
        ),
    ];
    for (content, status, code, field) in rows {
        let told = world.posts("", message(FRIEND, content)).await;
        let (answered, told) = (told.status, told.json());
        assert_eq!((answered, told["code"].as_str()), (status, Some(code)), "{told}");
        assert!(told["detail"].as_str().is_some_and(|detail| detail.contains(field)), "{field}: {told}");
    }
    let mut as_status = message("status@broadcast", with(fine()));
    as_status["status_recipients"] = json!([FRIEND]);
    assert_eq!(world.posts("", as_status).await.problem(), (422, "invalid".to_owned()));
    assert_eq!(world.door.get("/shop/messages").await.ok()["messages"], json!([]));
    assert_eq!(world.uploads(), 0);
    world.finish().await;
}

/// A PNG file of a few bytes that says that it has so many pixels on each side.
fn bomb(side: u32) -> Vec<u8> {
    let mut png = sample(FileKind::Image);
    png[16..20].copy_from_slice(&side.to_be_bytes());
    png[20..24].copy_from_slice(&side.to_be_bytes());
    // src: the PNG specification, annex D: the check sum of a chunk, of its kind and its bytes
    let mut sum = u32::MAX;
    for byte in &png[12..29] {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
        }
    }
    png[29..33].copy_from_slice(&(!sum).to_be_bytes());
    png
}

/// A server that answers each request with these bytes, and then again and again with those until nobody takes them. Gives its address.
fn server(answer: &'static str, again: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.expect("a connection");
            let _ = socket.read(&mut [0; 4096]);
            let mut is_taken = socket.write_all(answer.as_bytes()).is_ok();
            while is_taken && !again.is_empty() {
                is_taken = socket.write_all(again).is_ok();
            }
        }
    });
    format!("http://127.0.0.1:{port}/tea.png")
}

#[tokio::test]
async fn what_is_at_an_address_and_no_file_that_may_be_sent_is_refused() {
    let flags = ["--egress-allow", "127.0.0.1/32", "--media-max-bytes", "3000000"];
    let world = World::with(Kind::Sqlite, Settings::default(), &flags).await;
    world.linked("shop").await;
    world.sim.phone(FRIEND);
    let endless = server("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", &[1; 65_536]);
    let large = server("HTTP/1.1 200 OK\r\ncontent-length: 3000001\r\nconnection: close\r\n\r\n", &[]);
    let nothing = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", &[]);
    let elsewhere = server("HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", &[]);
    let rows = [
        (endless.as_str(), 413, "media_too_large"),
        (large.as_str(), 413, "media_too_large"),
        (nothing.as_str(), 422, "media_fetch_refused"),
        (elsewhere.as_str(), 422, "media_fetch_refused"),
        ("http://127.0.0.2:1/tea.png", 422, "media_fetch_refused"),
        ("http://10.0.0.1/tea.png", 422, "media_fetch_refused"),
    ];
    for (url, status, code) in rows {
        let content = json!({ "type": "image", "media": { "url": url } });
        let answer = world.posts("", message(FRIEND, content)).await;
        let told = answer.json();
        assert_eq!((answer.status, told["code"].as_str()), (status, Some(code)), "{url}: {told}");
        assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("`content.media.url`")), "{told}");
    }
    let content = json!({ "type": "image", "media": { "url": "ftp://shop.example/tea.png" } });
    assert_eq!(world.posts("", message(FRIEND, content)).await.status, 422);
    assert_eq!(world.door.get("/shop/messages").await.ok()["messages"], json!([]));
    world.finish().await;
}

#[tokio::test]
async fn a_picture_of_too_many_pixels_and_the_file_of_another_key_are_refused() {
    let world = world(Kind::Sqlite).await;
    let picture = |media: Value| message(FRIEND, json!({ "type": "image", "media": media }));
    let refused = world.posts("", picture(data(&bomb(60_000)))).await;
    assert!(refused.text().contains("million pixels"), "{}", refused.text());
    assert_eq!(refused.problem(), (415, "media_unsupported".to_owned()));
    let scopes = json!(["messages:send"]);
    let (_, token) = world.door.key(json!({ "name": "own", "scopes": scopes })).await;
    let own = world.door.holding(&token);
    let (_, token) = world.door.key(json!({ "name": "other", "scopes": scopes })).await;
    let other = world.door.holding(&token);
    let upload = own.request(Method::POST, "/api/v1/media").body(sample(FileKind::Image));
    let file = own.send(upload).await.ok();
    let named = || picture(json!({ "id": file["id"] }));
    assert_eq!(other.post("/shop/messages", named()).await.problem(), (404, "media_not_found".to_owned()));
    assert_eq!(world.door.get("/shop/messages").await.ok()["messages"], json!([]));
    assert_eq!(own.post("/shop/messages", named()).await.status, 201);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn the_same_request_with_a_file_is_the_same_message() {
    let world = world(Kind::Sqlite).await;
    let mut body = document(FRIEND, &[4; 20_000]);
    body["client_reference"] = json!("menu-1");
    let first = world.posts("", body.clone()).await.ok();
    let again = world.posts("", body.clone()).await;
    assert_eq!((again.header("idempotent-replayed"), &again.json()["id"]), ("true", &first["id"]));
    body["content"]["media"] = data(&[5; 20_000]);
    let other = world.posts("", body).await;
    assert_eq!((other.status, other.json()["code"].as_str()), (422, Some("idempotency_key_reused")));
    assert_eq!(world.uploads(), 1);
    world.finish().await;
}

#[tokio::test]
async fn many_files_and_texts_at_once_hold_each_other_up_nowhere() {
    let world = world(Kind::Sqlite).await;
    world.door.create("desk").await;
    world.link("desk", &world.sim.phone("15550100079")).await;
    let files: Vec<Vec<u8>> = (0..40).map(|number| vec![number; 50_000]).collect();
    let asked = files.iter().enumerate().map(async |(number, bytes)| {
        let session = if number % 2 == 0 { "shop" } else { "desk" };
        let to = if number % 3 == 0 { OTHER } else { FRIEND };
        let body = if number % 5 == 0 { text(to, "tea") } else { document(to, bytes) };
        let answer = world.door.post(&format!("/{session}/messages?wait=0"), body).await;
        (session, id(&answer.ok()))
    });
    for (session, id) in join_all(asked).await {
        let begun = Instant::now();
        while world.door.get(&format!("/{session}/messages/{id}")).await.ok()["status"] != "delivered" {
            assert!(begun.elapsed() < LIMIT, "{id} is not delivered in time");
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }
    // Who waits for a connection to the database that is never given back is told so after 30 seconds.
    assert!(!world.finish().await.contains("could not be read"));
}
