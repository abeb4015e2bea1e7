//! The media hosts by themselves, over plain HTTP: what they refuse, and how requests go wrong.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use whatsapp_simulator::{FileKind, MediaFault, MediaOperation, NewFile, Settings, Simulator};

use crate::companion::{Companion, OTHER, finish, simulator, simulator_with};
use crate::loopback;

/// How long is waited for something that must not come.
const QUIET: Duration = Duration::from_millis(200);

/// Somebody with a token for uploads and a client of their own.
struct Uploader {
    companion: Companion,
    http: reqwest::Client,
    auth: String,
    host: String,
}

impl Uploader {
    async fn start(sim: &Simulator) -> Self {
        let (companion, _) = Companion::linked(sim).await;
        let connection = companion.client().refresh_media_conn(true).await.unwrap();
        let hosts: Vec<String> = connection.hosts.iter().map(|host| host.hostname.clone()).collect();
        assert_eq!(hosts, sim.media_hosts().iter().map(ToString::to_string).collect::<Vec<_>>());
        let host = format!("http://{}", hosts[0]);
        Self { companion, http: loopback::client(), auth: connection.auth, host }
    }

    fn post(&self, path: &str, query: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}?{query}", self.host))
    }

    /// An upload as it should be; `more` is added to its parameters.
    fn upload(&self, bytes: &[u8], body: &[u8], more: &str) -> RequestBuilder {
        let (token, auth) = (token(bytes), &self.auth);
        self.post(&format!("/mms/image/{token}"), &format!("auth={auth}&token={token}{more}")).body(body.to_vec())
    }

    async fn stored(&self, bytes: &[u8]) -> String {
        let answer = self.upload(bytes, bytes, "").send().await.unwrap();
        let (status, answer) = json_of(answer).await;
        assert_eq!(status, 200, "{answer}");
        let path = answer["direct_path"].as_str().unwrap().to_owned();
        let address = self.host.trim_start_matches("http://");
        assert_eq!(answer["url"], format!("https://{address}{path}&mms3=true"));
        path
    }

    async fn get(&self, path: &str) -> Response {
        self.http.get(format!("{}{path}", self.host)).send().await.unwrap()
    }

    async fn range(&self, path: &str, range: &str) -> Response {
        self.http.get(format!("{}{path}", self.host)).header("Range", range).send().await.unwrap()
    }
}

fn token(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(bytes))
}

async fn json_of(answer: Response) -> (StatusCode, Value) {
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_not_what_it_says_is_refused() {
    let sim = simulator().await;
    let uploader = Uploader::start(&sim).await;
    let (file, auth) = (b"a file".to_vec(), uploader.auth.clone());
    let good = token(&file);
    let plain = |path: &str, query: &str| uploader.post(path, query).body(file.clone());
    let cases = [
        (plain(&format!("/mms/image/{good}"), &format!("token={good}")), 401),
        (plain(&format!("/mms/image/{good}"), &format!("auth=nobody&token={good}")), 401),
        (plain(&format!("/mms/image/{good}"), &format!("auth={auth}")), 400),
        (plain(&format!("/mms/image/{good}"), &format!("auth={auth}&token=short")), 400),
        (plain(&format!("/mms/image/{}", token(b"other")), &format!("auth={auth}&token={good}")), 400),
        (plain(&format!("/mms/picture/{good}"), &format!("auth={auth}&token={good}")), 400),
        (plain("/mms/image", &format!("auth={auth}&token={good}")), 400),
        (uploader.upload(&file, b"another file", ""), 400),
        (uploader.upload(&file, b"", ""), 411),
        (uploader.upload(&file, &file[2..], "&file_offset=2"), 400),
        (uploader.upload(&file, &file, "&file_offset=x"), 400),
    ];
    let mut violations = 0;
    for (index, (request, expected)) in cases.into_iter().enumerate() {
        let (status, answer) = json_of(request.send().await.unwrap()).await;
        assert_eq!(status, expected, "case {index}: {answer}");
        // A token may be too old by nobody's fault.
        violations += usize::from(expected != 401);
        assert_eq!(sim.violations().len(), violations, "case {index}: {:?}", sim.violations());
    }
    assert!(sim.stored_files().is_empty());
    // Padding or not: clients differ.
    let padded = format!("{good}%3D");
    let answer = plain(&format!("/mms/image/{good}="), &format!("auth={auth}&token={padded}")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(uploader.get("/elsewhere").await.status(), 404);
    assert_eq!(sim.unknown_stanzas(), ["media host: GET /elsewhere"]);
    uploader.companion.stop().await;
    sim.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_says_its_length() {
    let sim = simulator().await;
    let uploader = Uploader::start(&sim).await;
    let (token, auth) = (token(b"a file"), &uploader.auth);
    let mut socket = TcpStream::connect(sim.media_hosts()[0]).await.unwrap();
    let head = format!(
        "POST /mms/image/{token}?auth={auth}&token={token} HTTP/1.1\r\nHost: media\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n6\r\na file\r\n0\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 411 "), "{answer}");
    assert_eq!(sim.violations(), ["upload: there is no Content-Length"]);
    uploader.companion.stop().await;
    sim.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_given_out_in_parts() {
    let sim = simulator().await;
    let uploader = Uploader::start(&sim).await;
    let file: Vec<u8> = (0..100).collect();
    let path = uploader.stored(&file).await;
    assert_eq!(uploader.stored(&file).await, path, "it is stored once");
    let whole = uploader.get(&path).await;
    assert_eq!((whole.status(), whole.headers()["accept-ranges"].to_str().unwrap()), (StatusCode::OK, "bytes"));
    assert_eq!(whole.bytes().await.unwrap(), file);
    let part = uploader.range(&path, "bytes=10-19").await;
    assert_eq!(
        (part.status(), part.headers()["content-range"].to_str().unwrap()),
        (StatusCode::PARTIAL_CONTENT, "bytes 10-19/100")
    );
    assert_eq!(part.bytes().await.unwrap(), file[10..20]);
    assert_eq!(uploader.range(&path, "bytes=90-").await.bytes().await.unwrap(), file[90..]);
    let none = uploader.range(&path, "bytes=100-").await;
    assert_eq!(
        (none.status(), none.headers()["content-range"].to_str().unwrap()),
        (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */100")
    );
    let head = uploader.http.head(format!("{}{path}", uploader.host)).send().await.unwrap();
    assert_eq!((head.status(), head.headers()["content-length"].to_str().unwrap()), (StatusCode::OK, "100"));
    // Clients have two names for the hash, and two ways to put it behind a path that has parameters.
    for more in
        [format!("&hash={}", token(&file)), format!("?auth=x&token={}", token(&file)), "&mms-type=image".to_owned()]
    {
        assert_eq!(uploader.get(&format!("{path}{more}")).await.status(), 200, "{more}");
    }
    assert_eq!(sim.violations(), Vec::<String>::new());
    let log = sim.media_stats().log;
    let parts: Vec<_> = log.iter().filter(|entry| entry.operation == MediaOperation::Download).collect();
    assert_eq!((parts[1].offset, parts[1].bytes, parts[1].status), (10, 10, Some(206)));
    // What is not signed, or names another file, is not given out.
    let unsigned = path.split('?').next().unwrap();
    for wrong in [unsigned.to_owned(), path.replace("oh=01_", "oh=01_x"), format!("{path}&hash={}", token(b"other"))] {
        assert_eq!(uploader.get(&wrong).await.status(), 403, "{wrong}");
    }
    assert_eq!(
        (uploader.get("/v/t62.7118-24/0_n.enc?oh=1&oe=2").await.status(), sim.violations().len()),
        (StatusCode::NOT_FOUND, 3)
    );
    uploader.companion.stop().await;
    sim.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn downloads_go_wrong_as_ordered() {
    let sim = simulator().await;
    let uploader = Uploader::start(&sim).await;
    let file = vec![7; 100_000];
    let path = uploader.stored(&file).await;
    let spoil = |fault| sim.spoil_media(MediaOperation::Download, Some(0), fault, 1);
    spoil(MediaFault::None);
    spoil(MediaFault::Status { code: 410 });
    spoil(MediaFault::Delayed { ms: 1 });
    for expected in [200, 410, 200, 200] {
        assert_eq!(uploader.get(&path).await.status(), expected);
    }
    spoil(MediaFault::WrongHash);
    let wrong = uploader.get(&path).await.bytes().await.unwrap();
    assert_eq!((wrong.len(), wrong.iter().filter(|byte| **byte != 7).count()), (100_000, 1));
    spoil(MediaFault::CutOff { after_bytes: 60_000 });
    let short = uploader.get(&path).await;
    assert_eq!((short.status(), short.content_length()), (StatusCode::OK, Some(100_000)));
    assert!(short.bytes().await.is_err(), "it ends before its time");
    spoil(MediaFault::Stall { after_bytes: 60_000 });
    let mut stalled = uploader.get(&path).await;
    let mut arrived = 0;
    while arrived < 60_000 {
        arrived += stalled.chunk().await.unwrap().unwrap().len();
    }
    assert_eq!(arrived, 60_000);
    assert!(tokio::time::timeout(QUIET, stalled.chunk()).await.is_err(), "nothing comes any more");
    spoil(MediaFault::Unauthorized);
    assert_eq!(uploader.get(&format!("{path}?auth={}", uploader.auth)).await.status(), 401);
    assert_eq!(uploader.upload(&file, &file, "").send().await.unwrap().status(), 401, "the token is gone");
    uploader.companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_go_wrong_as_ordered_and_are_gone_on_with() {
    let sim = simulator().await;
    let uploader = Uploader::start(&sim).await;
    let file: Vec<u8> = (0..200_000_u32).map(|at| at as u8).collect();
    let progress = async |expected: &str| {
        let (status, answer) = json_of(uploader.upload(&file, b"", "&resume=1").send().await.unwrap()).await;
        assert_eq!((status, &answer["resume"]), (StatusCode::OK, &json!(expected)));
        answer
    };
    progress("0").await;
    sim.spoil_media(MediaOperation::Upload, None, MediaFault::CutOff { after_bytes: 50_000 }, 1);
    assert!(uploader.upload(&file, &file, "").send().await.is_err());
    progress("50000").await;
    sim.spoil_media(MediaOperation::Upload, None, MediaFault::Stall { after_bytes: 30_000 }, 1);
    let stalled = uploader.upload(&file, &file[50_000..], "&file_offset=50000").send();
    assert!(tokio::time::timeout(QUIET, stalled).await.is_err(), "no answer comes");
    progress("80000").await;
    // A client may go back, and may not go on behind what has arrived.
    assert_eq!(uploader.upload(&file, &file[90_000..], "&file_offset=90000").send().await.unwrap().status(), 400);
    let rest = uploader.upload(&file, &file[70_000..], "&file_offset=70000").send().await.unwrap();
    let (status, answer) = json_of(rest).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(progress("complete").await["direct_path"], answer["direct_path"]);
    let stored = uploader.get(answer["direct_path"].as_str().unwrap()).await.bytes().await.unwrap();
    assert_eq!(stored, file);
    let violations = sim.violations();
    assert!(violations.len() == 1 && violations[0].contains("byte 90000, but 80000"), "{violations:?}");
    uploader.companion.stop().await;
    sim.stop().await;
}

/// What arrives of an upload whose client goes away is kept, without any fault.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_file_is_kept() {
    let sim = simulator().await;
    let uploader = Uploader::start(&sim).await;
    let (token, auth) = (token(b"a file"), &uploader.auth);
    let mut socket = TcpStream::connect(sim.media_hosts()[1]).await.unwrap();
    let head = format!(
        "POST /mms/video/{token}?auth={auth}&token={token} HTTP/1.1\r\nHost: media\r\nContent-Length: 6\r\n\r\na fi"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    let mut rest = Vec::new();
    let _ = socket.read_to_end(&mut rest).await; // the host may reset it
    crate::companion::until("the end", || sim.media_stats().log.len() == 1).await;
    let query = format!("auth={auth}&token={token}&resume=1");
    let (_, answer) = json_of(uploader.post(&format!("/mms/video/{token}"), &query).send().await.unwrap()).await;
    assert_eq!(answer["resume"], "4");
    uploader.companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_forget_the_oldest_files_and_take_none_that_is_too_large() {
    let sim = simulator_with(Settings { media_limit_bytes: 250_000, ..Settings::default() }).await;
    let uploader = Uploader::start(&sim).await;
    let files: Vec<Vec<u8>> = (0..3).map(|byte| vec![byte; 100_000]).collect();
    let mut paths = Vec::new();
    for file in &files {
        paths.push(uploader.stored(file).await);
    }
    let mut statuses = Vec::new();
    for path in &paths {
        statuses.push(uploader.get(path).await.status().as_u16());
    }
    assert_eq!(statuses, [404, 200, 200]);
    let large = vec![1; 250_001];
    assert_eq!(uploader.upload(&large, &large, "").send().await.unwrap().status(), 413);
    sim.expire_files(404);
    assert_eq!(uploader.get(&paths[2]).await.status(), 404);
    // A phone's files are stored in the same place.
    sim.phone(OTHER).file_content(NewFile::noise(FileKind::Document, 1000)).unwrap();
    assert_eq!(sim.stored_files().last().unwrap().kind, "document");
    uploader.companion.stop().await;
    finish(sim).await;
}
