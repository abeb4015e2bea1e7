//! The guarded client against real sockets on loopback.

mod fetching;

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const LIMIT: Duration = Duration::from_secs(30);

fn tls() {
    let _ = rustls::crypto::ring::default_provider().install_default(); // another test was first
}

fn egress(allowed: &str) -> Egress {
    tls();
    Egress::new(Networks::parse(allowed).expect("networks"))
}

/// Names that mean what a test says, each time something else.
#[derive(Debug)]
struct Script(Mutex<VecDeque<Vec<SocketAddr>>>, AtomicUsize);

impl Lookup for Script {
    fn lookup(&self, _: String) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let next = self.0.lock().expect("one at a time").pop_front();
        Box::pin(async move { next.ok_or_else(|| std::io::Error::other("no such name")) })
    }
}

fn scripted(allowed: &str, answers: Vec<Vec<&str>>) -> (Egress, Arc<Script>) {
    tls();
    let answers = answers.into_iter().map(|addresses| {
        addresses.into_iter().map(|address| SocketAddr::new(address.parse().expect(address), 0)).collect()
    });
    let script = Arc::new(Script(Mutex::new(answers.collect()), AtomicUsize::new(0)));
    let lookup: Arc<dyn Lookup> = Arc::clone(&script) as _;
    (Egress::with(Networks::parse(allowed).expect("networks"), lookup), script)
}

/// A receiver that answers every request with these bytes and hangs up. Gives its port and how often it was asked.
fn receiver(answer: impl Into<Vec<u8>>) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (answer, asked) = (answer.into(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            let mut socket = socket.expect("a connection");
            let _ = socket.read(&mut [0; 4096]);
            let _ = socket.write_all(&answer);
        }
    });
    (port, asked)
}

async fn post(egress: &Egress, url: String) -> Attempted {
    egress.post(&url.into(), HeaderMap::new(), b"{}".to_vec(), LIMIT).await
}

#[tokio::test]
async fn a_good_answer_is_one_of_200_to_299() {
    let egress = egress("127.0.0.0/8");
    for (status, failure) in [(200, None), (204, None), (302, Some(302)), (404, Some(404)), (503, Some(503))] {
        let (port, _) = receiver(format!("HTTP/1.1 {status} Word\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n"));
        let attempted = post(&egress, format!("http://127.0.0.1:{port}/")).await;
        assert_eq!((attempted.status, attempted.retry_after.as_deref()), (Some(status), Some("7")));
        assert_eq!(attempted.failure, failure.map(|status| format!("the receiver answered {status}")));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (inside, asked) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    for status in [301, 302, 303, 307, 308] {
        let answer =
            format!("HTTP/1.1 {status} Word\r\nlocation: http://127.0.0.1:{inside}/\r\ncontent-length: 0\r\n\r\n");
        let (port, _) = receiver(answer);
        let attempted = post(&egress("127.0.0.0/8"), format!("http://127.0.0.1:{port}/")).await;
        assert_eq!(attempted.status, Some(status));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn at_most_16_kib_of_an_answer_are_read() {
    let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n\0".to_vec();
    answer.extend(vec![b'x'; 1_000_000]);
    let (port, _) = receiver(answer);
    let attempted = post(&egress("127.0.0.0/8"), format!("http://127.0.0.1:{port}/")).await;
    assert_eq!(attempted.failure, None);
    let reply = attempted.reply.expect("an answer");
    assert_eq!(reply.len(), REPLY_BYTES - 1, "the NUL is gone");
    assert!(reply.bytes().all(|byte| byte == b'x'));
}

#[tokio::test]
async fn an_answer_counts_although_its_body_never_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let (hang_up, told) = std::sync::mpsc::channel::<()>();
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("a connection");
        let _ = socket.read(&mut [0; 4096]);
        let answer = "HTTP/1.1 200 OK\r\nretry-after: 7\r\ncontent-length: 1000\r\n\r\nthe first";
        socket.write_all(answer.as_bytes()).expect("it is read");
        let _ = told.recv(); // It says nothing more until then.
    });
    let limit = Duration::from_secs(1);
    let attempted = egress("127.0.0.0/8").post(&url.into(), HeaderMap::new(), Vec::new(), limit).await;
    drop(hang_up);
    server.join().expect("it ends");
    assert_eq!((attempted.status, attempted.failure.as_deref()), (Some(200), None));
    assert_eq!((attempted.reply.as_deref(), attempted.retry_after.as_deref()), (Some("the first"), Some("7")));
    assert!(attempted.duration >= limit);
}

#[tokio::test]
async fn an_answer_that_is_no_text_takes_no_more_room_than_one_that_is() {
    let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 20000\r\n\r\n".to_vec();
    answer.extend(vec![0xff; 20_000]);
    let (port, _) = receiver(answer);
    let attempted = post(&egress("127.0.0.0/8"), format!("http://127.0.0.1:{port}/")).await;
    let reply = attempted.reply.expect("an answer");
    assert!(reply.len() <= REPLY_BYTES && reply.len() > REPLY_BYTES - 3, "{}", reply.len());
}

#[tokio::test]
async fn whoever_does_not_answer_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let limit = Duration::from_secs(1);
    let attempted = egress("127.0.0.0/8").post(&url.into(), HeaderMap::new(), Vec::new(), limit).await;
    assert_eq!((attempted.status, attempted.failure.as_deref()), (None, Some("no answer within 1 s")));
    assert!(attempted.duration >= limit);
}

#[tokio::test]
async fn what_goes_wrong_is_said_without_the_query() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let closed = listener.local_addr().expect("an address").port();
    drop(listener);
    let (garbage, _) = receiver("this is not HTTP\r\n\r\n");
    let rows = [
        (format!("http://127.0.0.1:{closed}/?token=hush"), "connection refused"),
        (format!("http://127.0.0.1:{garbage}/?token=hush"), "the request failed"),
        (format!("https://127.0.0.1:{garbage}/?token=hush"), "no connection"),
    ];
    for (url, why) in rows {
        let failure = post(&egress("127.0.0.0/8"), url.clone()).await.failure.expect("a failure");
        assert!(failure.contains(why) && !failure.contains("hush"), "{url}: {failure}");
    }
}

#[tokio::test]
async fn an_address_in_any_spelling_is_refused_before_it_is_dialled() {
    let (port, asked) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let hosts = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[2002:7f00:1::]",
        "127。0。0。1",
        "１２７.0.0.1",
        "%31%32%37.0.0.1",
    ];
    let egress = egress("203.0.113.0/24");
    for host in hosts {
        let url = format!("http://{host}:{port}/");
        let refusal = egress.admit("url", &url.clone().into()).await.expect_err(host).to_string();
        assert!(refusal.contains("url") && refusal.contains("refused: "), "{host}: {refusal}");
        let attempted = post(&egress, url).await;
        assert!(attempted.failure.as_deref().is_some_and(|why| why.starts_with("refused: ")), "{host}: {attempted:?}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_is_refused_when_none_of_its_addresses_may_be_reached() {
    let (port, asked) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let answers = vec![vec!["127.0.0.1"], vec!["::1"], vec!["10.0.0.1", "10.0.0.2"], vec!["::ffff:127.0.0.1"], vec![]];
    let (egress, script) = scripted("203.0.113.0/24", answers);
    let url = format!("http://receiver.example:{port}/");
    egress.admit("url", &url.clone().into()).await.expect("a name may be written down");
    for why in ["loopback", "loopback", "private", "loopback", "could not be resolved", "could not be resolved"] {
        let failure = post(&egress, url.clone()).await.failure.expect("a failure");
        assert!(failure.contains(why), "{failure}");
        assert!(!failure.contains("10.0.0") && !failure.contains("127.0"), "it tells what the name means: {failure}");
    }
    assert_eq!((asked.load(Ordering::SeqCst), script.1.load(Ordering::SeqCst)), (0, 6));
}

#[tokio::test]
async fn of_a_names_addresses_those_that_may_be_reached_are_dialled() {
    let (port, asked) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let (egress, _) = scripted("127.0.0.0/8", vec![vec!["::1", "10.0.0.1", "127.0.0.1"]]);
    let attempted = post(&egress, format!("http://localhost:{port}/")).await;
    assert_eq!((attempted.status, attempted.failure), (Some(200), None));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_name_of_this_machine_is_looked_up_when_it_is_written_down() {
    for (allowed, host, is_taken) in [
        ("127.0.0.0/8", "localhost", true),
        ("203.0.113.0/24", "localhost", false),
        ("203.0.113.0/24", "LOCALHOST.", false),
        ("203.0.113.0/24", "shop.localhost", false),
    ] {
        let (egress, script) = scripted(allowed, vec![vec!["::1", "127.0.0.1"]]);
        let admitted = egress.admit("url", &format!("http://{host}:5678/").into()).await;
        assert_eq!(admitted.is_ok(), is_taken, "{host} with {allowed}");
        assert_eq!(script.1.load(Ordering::SeqCst), 1);
    }
    // One that is not there now may be there later.
    let (egress, _) = scripted("203.0.113.0/24", vec![]);
    egress.admit("url", &"http://localhost/".to_owned().into()).await.expect("it is taken");
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_asked_again_and_refused() {
    // It hangs up after each answer, so that each request needs a new connection.
    let (port, asked) = receiver("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    let (egress, script) = scripted("127.0.0.1", vec![vec!["127.0.0.1"], vec!["127.0.0.2"], vec!["127.0.0.1"]]);
    let url = format!("http://receiver.example:{port}/");
    let mut failures = Vec::new();
    for _ in 0..3 {
        failures.push(post(&egress, url.clone()).await.failure.is_some());
    }
    assert_eq!(failures, [false, true, false]);
    assert_eq!((asked.load(Ordering::SeqCst), script.1.load(Ordering::SeqCst)), (2, 3), "dialled is what was checked");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_with_the_rule() {
    let egress = egress("127.0.0.0/8");
    let rows = [
        ("", "http or https"),
        ("receiver.example/hook", "http or https"),
        ("ftp://receiver.example/", "http or https"),
        ("http://", "http or https"),
        ("http://127.0.0.256/", "http or https"),
        ("http://[fe80::1%25eth0]/", "http or https"),
        ("https://user@receiver.example/", "user"),
        ("https://user:word@receiver.example/", "user"),
        ("http://127.0.0.1:0/", "port"),
        ("http://10.0.0.1/", "a private address (10.0.0.0/8)"),
    ];
    for (url, rule) in rows {
        let refusal = egress.admit("url", &url.to_owned().into()).await.expect_err(url).to_string();
        assert!(refusal.contains("url") && refusal.contains(rule), "{url}: {refusal}");
    }
    for url in [
        "https://receiver.example/hook?token=1",
        "http://127.0.0.1:8080/",
        "http://1.1.1.1/",
        "https://[2606:4700::1]/",
        "http://müller.example/",
        "http://xn--mller-kva.example/",
    ] {
        egress.admit("url", &url.to_owned().into()).await.expect(url);
    }
}
