//! The service with its table and its folder, without a door.

use std::collections::{BTreeSet, HashSet};
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use entity::ids::{KeyId, MediaId};
use entity::timestamp::Timestamp;
use entity::words::access::Scope;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::watch;

use super::*;
use crate::caller::{Caller, Grant, Powers};
use crate::db::sqlite::Synchronous;
use crate::egress::networks::Networks;
use crate::media::reconciler::{Comparison, InUse, Reconciler, Turn};
use crate::media::room::ROOM_AGAIN;
use crate::media::types::{MediaFile, MediaSource, UploadOptions};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const START: Timestamp = Timestamp::from_millis(1_767_143_000_000);

/// Files that a message needs, as a test says.
#[derive(Default)]
struct Needed(Mutex<HashSet<FileHash>>);

#[async_trait]
impl InUse for Needed {
    async fn which(&self, hashes: &[FileHash]) -> Result<HashSet<FileHash>> {
        let needed = self.0.lock();
        Ok(hashes.iter().copied().filter(|hash| needed.contains(hash)).collect())
    }
}

struct Things {
    media: Media,
    needed: Arc<Needed>,
    reconciler: Reconciler,
    clock: Clock,
    _directory: TempDir,
}

impl Things {
    async fn new(quota: u64) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default(); // Another test may have been first.
        let directory = tempfile::tempdir().expect("there is room");
        let db = Db::sqlite(&directory.path().join("waypost.db"), Synchronous::Normal).await.expect("a file");
        db.migrate().await.expect("tables");
        let folder = directory.path().join("media");
        let files = Files::new(folder.clone());
        files.claim().expect("nobody has it");
        let clock = Clock::manual(START);
        let egress = Egress::new(Networks::parse("127.0.0.1/32").expect("a network"));
        let settings = MediaSettings { folder, size_max: 1_000, quota, retention: 7 * DAY, stall: STALL };
        let deps = Deps { db, egress, clock: clock.clone() };
        let media = Media::load(deps, files, settings).await.expect("an empty table");
        let needed = Arc::new(Needed::default());
        let reconciler = Reconciler::new(media.clone(), Arc::clone(&needed) as Arc<dyn InUse>);
        Self { media, needed, reconciler, clock, _directory: directory }
    }

    async fn upload(&self, bytes: &[u8]) -> Result<MediaFile> {
        self.upload_for(&Caller::admin(), bytes, UploadOptions::default()).await
    }

    async fn upload_for(&self, caller: &Caller, bytes: &[u8], options: UploadOptions) -> Result<MediaFile> {
        let pieces: Vec<_> = bytes.chunks(100).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        self.media.upload(caller, options, stream::iter(pieces)).await
    }

    /// A file that came with a message, or was made of another one.
    async fn receive(&self, bytes: &[u8]) -> FileHash {
        let mut file = self.media.files().begin(1_000).await.expect("it begins");
        file.write(bytes).await.expect("it is taken");
        let (hash, size) = file.finish().await.expect("it is kept");
        self.media.keep(hash, size).await.expect("it is written down");
        hash
    }

    async fn is_there(&self, hash: FileHash) -> bool {
        self.media.files().open(&hash).await.expect("the disk answers").is_some()
    }

    async fn is_known(&self, hash: FileHash) -> bool {
        store::file(self.media.deps.db.read(), hash).await.expect("the table").is_some()
    }

    /// The files of this server come in long ago, as far as the disk knows.
    fn age_files(&self) {
        let folders = std::fs::read_dir(&self.media.settings.folder).expect("a folder");
        for folder in folders.map(|folder| folder.expect("an entry").path()).filter(|path| path.is_dir()) {
            for file in std::fs::read_dir(folder).expect("a folder") {
                let file = OpenOptions::new().write(true).open(file.expect("an entry").path()).expect("a file");
                file.set_modified(SystemTime::UNIX_EPOCH).expect("it can be set");
            }
        }
    }

    async fn turn(&self) -> Turn {
        self.reconciler.run_once(true).await.expect("the table and the disk answer")
    }
}

fn hash_of(file: &MediaFile) -> FileHash {
    FileHash::from_hex(&file.sha256).expect("a hash")
}

fn holder(name: &str, scopes: &[Scope]) -> Caller {
    let powers = Powers { scopes: BTreeSet::from_iter(scopes.iter().copied()), sessions: None };
    let end = watch::Sender::new(None);
    Caller::of(Arc::new(Grant { key: KeyId::named(name), name: name.to_owned(), powers, end }))
}

#[tokio::test]
async fn an_upload_is_its_uploaders_and_keeps_its_rules() {
    let things = Things::new(1_000_000).await;
    let file = things.upload(b"%PDF-1.7 tea").await.expect("it is taken");
    assert_eq!((file.mimetype.as_str(), file.size, file.expires_at), ("application/pdf", 12, START.after(7 * DAY)));
    let kind = |outcome: Result<MediaFile>| outcome.map_err(|error| error.kind());
    let reader = holder("key_reader", &[Scope::MessagesRead]);
    let sender = holder("key_sender", &[Scope::MessagesSend]);
    for caller in [&Caller::admin(), &sender] {
        let is_theirs = caller.grant().is_none();
        let found = kind(things.media.find(caller, &file.id).await);
        assert_eq!(found, if is_theirs { Ok(file.clone()) } else { Err(ErrorKind::MediaNotFound) });
    }
    assert_eq!(kind(things.media.find(&reader, &file.id).await), Err(ErrorKind::Forbidden));
    assert_eq!(kind(things.media.delete(&sender, &file.id).await), Err(ErrorKind::MediaNotFound));
    let refused = kind(things.upload_for(&reader, b"tea", UploadOptions::default()).await);
    assert_eq!(refused, Err(ErrorKind::Forbidden));
    let sha256 = |text: &str| UploadOptions { sha256: Some(text.to_owned()), ..UploadOptions::default() };
    let rows: [(&[u8], UploadOptions, ErrorKind); 6] = [
        (b"tea", sha256("tea"), ErrorKind::Invalid),
        (b"tea", sha256(&"0".repeat(64)), ErrorKind::Invalid),
        (b"", UploadOptions::default(), ErrorKind::Invalid),
        (&[1; 1_001], UploadOptions::default(), ErrorKind::MediaTooLarge),
        (b"tea", UploadOptions { length: Some(1_001), ..UploadOptions::default() }, ErrorKind::MediaTooLarge),
        (b"tea", UploadOptions { file_name: Some("a\nb".to_owned()), ..UploadOptions::default() }, ErrorKind::Invalid),
    ];
    for (bytes, options, expected) in rows {
        let refused = kind(things.upload_for(&Caller::admin(), bytes, options.clone()).await);
        assert_eq!(refused, Err(expected), "{options:?}");
    }
    let named = UploadOptions { file_name: Some("x/list.pdf".to_owned()), ..sha256(&file.sha256) };
    let again = things.upload_for(&Caller::admin(), b"%PDF-1.7 tea", named).await.expect("it is the same file");
    assert_eq!((again.file_name.as_deref(), &again.sha256), (Some("list.pdf"), &file.sha256));
    assert_ne!(again.id, file.id);
    things.clock.advance(7 * DAY);
    assert_eq!(kind(things.media.find(&Caller::admin(), &file.id).await), Err(ErrorKind::MediaNotFound));
}

#[tokio::test]
async fn a_file_goes_when_its_time_is_over_unless_a_message_needs_it() {
    let things = Things::new(1_000_000).await;
    let (old, needed) = (things.receive(b"old").await, things.receive(b"needed").await);
    things.needed.0.lock().insert(needed);
    let held = hash_of(&things.upload(b"held").await.expect("it is taken"));
    things.age_files();
    assert_eq!(things.turn().await, Turn::default());
    things.clock.advance(7 * DAY + HOUR);
    let used = things.receive(b"used").await;
    // A clock that may be wrong deletes nothing.
    assert_eq!(things.reconciler.run_once(false).await.expect("a turn"), Turn::default());
    assert_eq!(things.turn().await, Turn { expired: 1, old: 2, surplus: 0 });
    for (hash, stays) in [(old, false), (held, false), (needed, true), (used, true)] {
        assert_eq!((things.is_there(hash).await, things.is_known(hash).await), (stays, stays), "{hash}");
    }
    things.needed.0.lock().clear();
    assert_eq!(things.turn().await, Turn { expired: 0, old: 1, surplus: 0 });
    assert_eq!(things.media.open(&needed).await.expect("the disk answers").map(|kept| kept.size), None);
}

#[tokio::test]
async fn when_there_is_no_room_the_oldest_go_and_nothing_comes_in() {
    let things = Things::new(1_000).await;
    let mut held = Vec::new();
    for number in 0..4 {
        held.push(things.upload(&[number; 240]).await.expect("there is room"));
        things.clock.advance(Duration::from_secs(60));
    }
    let full = things.upload(&[9; 100]).await.expect_err("there is no room");
    assert_eq!((full.kind(), full.retry_after()), (ErrorKind::Unavailable, Some(ROOM_AGAIN)));
    things.age_files();
    assert_eq!(things.turn().await, Turn::default(), "all was needed within the last hour");
    things.clock.advance(HOUR);
    things.needed.0.lock().insert(hash_of(&held[0]));
    // The one that is needed stays, and of the others the oldest goes.
    assert_eq!(things.turn().await, Turn { expired: 0, old: 0, surplus: 1 });
    for (place, file) in held.iter().enumerate() {
        assert_eq!(things.is_there(hash_of(file)).await, place != 1, "{place}");
        assert_eq!(things.media.find(&Caller::admin(), &file.id).await.is_ok(), place != 1, "{place}");
    }
    things.upload(&[9; 100]).await.expect("there is room again");
}

#[tokio::test]
async fn what_its_client_deletes_goes_an_hour_later() {
    let things = Things::new(1_000_000).await;
    let file = things.upload(b"tea").await.expect("it is taken");
    let other = things.upload(b"tea").await.expect("it is taken");
    things.age_files();
    let admin = Caller::admin();
    assert_eq!(things.media.delete(&admin, &file.id).await.expect("it is there"), file);
    let again = things.media.delete(&admin, &file.id).await.map_err(|error| error.kind());
    assert_eq!(again, Err(ErrorKind::MediaNotFound));
    things.clock.advance(2 * HOUR);
    assert_eq!(things.turn().await, Turn::default(), "somebody else has handed in the same");
    things.media.delete(&admin, &other.id).await.expect("it is there");
    assert_eq!(things.turn().await, Turn::default());
    things.clock.advance(2 * HOUR);
    assert_eq!(things.turn().await, Turn { expired: 0, old: 1, surplus: 0 });
    assert!(!things.is_there(hash_of(&file)).await);
}

#[tokio::test]
async fn disk_and_rows_come_in_line() {
    let things = Things::new(1_000_000).await;
    let (kept, missing) = (things.receive(b"kept").await, things.receive(b"missing").await);
    let unknown = async |bytes: &[u8]| {
        let mut file = things.media.files().begin(1_000).await.expect("it begins");
        file.write(bytes).await.expect("it is taken");
        file.finish().await.expect("it is kept").0
    };
    let (old, needed) = (unknown(b"unknown").await, unknown(b"unknown and needed").await);
    things.needed.0.lock().insert(needed);
    things.age_files();
    let new = unknown(b"unknown and new").await;
    things.media.files().delete(&missing).await.expect("it is deleted");
    let found = things.reconciler.compare().await.expect("the table and the disk answer");
    assert_eq!(found, Comparison { files: 1, rows: 1 });
    for (hash, is_there, is_known) in
        [(kept, true, true), (missing, false, false), (old, false, false), (needed, true, false), (new, true, false)]
    {
        assert_eq!((things.is_there(hash).await, things.is_known(hash).await), (is_there, is_known), "{hash}");
    }
    let gone = things.media.keep(missing, 7).await.map_err(|error| error.kind());
    assert_eq!(gone, Err(ErrorKind::MediaGone));
}

#[tokio::test]
async fn a_use_is_written_down_and_moves_the_end() {
    let things = Things::new(1_000_000).await;
    let file = things.upload(b"tea").await.expect("it is taken");
    let (admin, source) = (Caller::admin(), || MediaSource::Id(file.id.to_string()));
    things.clock.advance(3 * DAY);
    let stored = things.media.resolve(&admin, "image", source()).await.expect("it is there");
    assert_eq!((stored.hash, stored.size), (hash_of(&file), 3));
    let found = things.media.find(&admin, &file.id).await.expect("it is there");
    assert_eq!(found.expires_at, START.after(10 * DAY));
    let row = store::file(things.media.deps.db.read(), stored.hash).await.expect("the table").expect("a row");
    assert_eq!(row.used_at, START.after(3 * DAY));
    let foreign = things.media.resolve(&holder("key_other", &[Scope::MessagesSend]), "image", source()).await;
    let refused = foreign.expect_err("it is somebody else's");
    assert_eq!(refused.kind(), ErrorKind::MediaNotFound);
    assert_eq!(refused.to_string(), "`image.id` names no file that is there");
    let unknown = MediaSource::Id(MediaId::generate().to_string());
    let refused = things.media.resolve(&admin, "image", unknown).await.map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::MediaNotFound));
}

#[tokio::test]
async fn bytes_that_are_given_are_kept_like_any_file() {
    let things = Things::new(1_000_000).await;
    let admin = Caller::admin();
    let given = things.media.resolve(&admin, "image", MediaSource::Data(b"%PDF-1.7".to_vec())).await.expect("a file");
    assert_eq!((given.size, given.mimetype.as_str(), given.file_name), (8, "application/pdf", None));
    assert!(things.is_known(given.hash).await);
    for (bytes, expected) in [(vec![], ErrorKind::Invalid), (vec![1; 1_001], ErrorKind::MediaTooLarge)] {
        let refused = things.media.resolve(&admin, "image", MediaSource::Data(bytes)).await;
        assert_eq!(refused.map_err(|error| error.kind()), Err(expected));
    }
}

/// A server that answers with this to each request. Gives its port.
fn server(answer: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.expect("a connection");
            let _ = socket.read(&mut [0; 4096]);
            let _ = socket.write_all(&answer);
        }
    });
    port
}

#[tokio::test]
async fn a_file_is_fetched_from_its_address_or_refused_with_the_reason() {
    let things = Things::new(1_000_000).await;
    let fetch = async |url: String| things.media.resolve(&Caller::admin(), "image", MediaSource::Url(url)).await;
    let answer = |status: &str, headers: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
            .into_bytes()
    };
    let port = server(answer("200 OK", "content-type: text/html\r\n", "%PDF-1.7"));
    let fetched = fetch(format!("http://127.0.0.1:{port}/a")).await.expect("it is fetched");
    assert_eq!((fetched.size, fetched.mimetype.as_str()), (8, "application/pdf"));
    assert!(things.is_known(fetched.hash).await);
    let refused = ErrorKind::MediaFetchRefused;
    let endless = [&b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"[..], &[1; 1_001][..]].concat();
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\ntea".to_vec();
    let rows = [
        (answer("404 Not Found", "", "no"), refused, "the server answered 404"),
        (answer("206 Partial Content", "", "no"), refused, "the server answered 206"),
        (answer("302 Found", "location: /b\r\n", ""), refused, "redirects are not followed"),
        (answer("200 OK", "content-encoding: gzip\r\n", "x"), refused, "Content-Encoding"),
        (answer("200 OK", "", ""), refused, "the server answered with nothing"),
        (answer("200 OK", "", &"x".repeat(1_001)), ErrorKind::MediaTooLarge, "at most 1000 bytes"),
        (endless, ErrorKind::MediaTooLarge, "at most 1000 bytes"),
        (short, refused, "could not be fetched"),
    ];
    for (answer, kind, words) in rows {
        let shown = String::from_utf8_lossy(&answer).into_owned();
        let error = fetch(format!("http://127.0.0.1:{}/?secret=1", server(answer))).await.expect_err(&shown);
        let told = error.to_string();
        assert!(error.kind() == kind && told.starts_with("`image.url` ") && told.contains(words), "{shown}: {told}");
        assert!(!told.contains("secret"), "{told}");
    }
    for (url, words) in [
        ("http://127.0.0.2:1/".to_owned(), "refused: 127.0.0.2"),
        ("ftp://example.com/".to_owned(), "must be an http or https address"),
        ("http://user:word@127.0.0.1/".to_owned(), "must not have a user"),
    ] {
        let error = fetch(url.clone()).await.expect_err(&url);
        assert!(error.kind() == refused && error.to_string().contains(words), "{url}: {error}");
    }
}

/// A body of which nothing more comes after these bytes, until its sender goes away.
fn endless(bytes: usize) -> impl futures::Stream<Item = Result<Bytes>> + Send + Unpin {
    Box::pin(stream::iter([Ok(Bytes::from(vec![1; bytes]))]).chain(stream::pending()))
}

/// Begins uploads that do not end, one for each of these lengths that are announced. They go on for as long as this is held.
async fn begun(things: &Things, caller: &Caller, bytes: usize, lengths: &[Option<u64>]) -> Vec<BoxFuture<'static, ()>> {
    let mut uploads = Vec::new();
    for length in lengths {
        let (media, caller) = (things.media.clone(), caller.clone());
        let options = UploadOptions { length: *length, ..UploadOptions::default() };
        let mut upload = async move { drop(media.upload(&caller, options, endless(bytes)).await) }.boxed();
        let before = *things.media.shared.reserved.lock();
        while *things.media.shared.reserved.lock() == before {
            assert!(futures::poll!(&mut upload).is_pending(), "it goes on");
            tokio::task::yield_now().await;
        }
        uploads.push(upload);
    }
    uploads
}

#[tokio::test]
async fn room_is_kept_for_what_is_coming_in() {
    let things = Things::new(1_000).await;
    let reserved = || *things.media.shared.reserved.lock();
    let announced = begun(&things, &Caller::admin(), 10, &[Some(300), Some(300)]).await;
    let unknown = begun(&things, &Caller::admin(), 200, &[None]).await;
    assert_eq!(reserved(), 800);
    let full = things.upload(&[9; 201]).await.expect_err("there is no room");
    assert_eq!((full.kind(), full.retry_after()), (ErrorKind::Unavailable, Some(ROOM_AGAIN)));
    assert_eq!(reserved(), 800, "what was refused keeps no room");
    things.upload(&[9; 200]).await.expect("there is room");
    assert_eq!(reserved(), 800, "what came in is counted as a file");
    // Their clients go away.
    drop((announced, unknown));
    assert_eq!(reserved(), 0);
    things.upload(&[8; 800]).await.expect("there is room again");
}

#[tokio::test]
async fn one_key_leaves_places_to_the_others() {
    let things = Things::new(1_000_000).await;
    let (one, other) = (holder("one", &[Scope::MessagesSend]), holder("other", &[Scope::MessagesSend]));
    let uploads = begun(&things, &one, 1, &[None; UPLOADS_PER_KEY]).await;
    // Who has a place is told that nothing came.
    let nothing = async |caller: &Caller| {
        things.upload_for(caller, b"", UploadOptions::default()).await.expect_err("it is refused")
    };
    let refused = nothing(&one).await;
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::QueueFull, Some(UPLOAD_AGAIN)));
    assert_eq!(nothing(&other).await.kind(), ErrorKind::Invalid, "others have their places");
    drop(uploads);
    assert_eq!(nothing(&one).await.kind(), ErrorKind::Invalid, "its places are free again");
}

#[tokio::test]
async fn not_too_many_files_are_fetched_for_one_key() {
    let things = Things::new(1_000_000).await;
    let (one, other) = (holder("one", &[Scope::MessagesSend]), holder("other", &[Scope::MessagesSend]));
    let url = format!("http://127.0.0.1:{}/a", server(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec()));
    let fetch = async |caller: &Caller| {
        things.media.resolve(caller, "image", MediaSource::Url(url.clone())).await.expect_err("it is not there").kind()
    };
    let fetches: Vec<_> = (0..FETCHES_PER_KEY).map(|_| things.media.admit_fetch(&one).expect("a place")).collect();
    assert_eq!(fetch(&one).await, ErrorKind::QueueFull);
    assert_eq!(fetch(&other).await, ErrorKind::MediaFetchRefused, "others have theirs");
    drop(fetches);
    assert_eq!(fetch(&one).await, ErrorKind::MediaFetchRefused, "its places are free again");
}
