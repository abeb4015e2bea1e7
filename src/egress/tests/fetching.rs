//! What is fetched of pages and pictures.

use tokio::time::Instant;

use super::*;
use crate::egress::fetch::{Fetched, joined};

const PAGE: &str = "text/html";

async fn fetch(egress: &Egress, url: &str) -> Option<Fetched> {
    egress.fetch(url, PAGE, 1_000, Instant::now() + LIMIT).await
}

fn answer(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} Word\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn the_beginning_of_a_page_is_fetched_and_nothing_else_is() {
    let egress = egress("127.0.0.0/8");
    let html = "content-type: Text/HTML; Charset=\"UTF-8\"\r\n";
    let long = "x".repeat(1_001);
    let rows = [
        (answer(200, html, "tea"), Some(("tea", true))),
        (answer(200, html, &long[1..]), Some((&long[1..], true))),
        (answer(200, html, &long), Some((&long[1..], false))),
        (answer(404, html, "tea"), None),
        (answer(304, html, "tea"), None),
        (answer(200, "content-type: text/plain\r\n", "tea"), None),
        (answer(200, "", "tea"), None),
    ];
    for (answer, expected) in rows {
        let (port, _) = receiver(answer.clone());
        let url = format!("http://127.0.0.1:{port}/a");
        let fetched = fetch(&egress, &url).await;
        let expected = expected.map(|(body, is_whole)| Fetched {
            url,
            charset: Some("utf-8".to_owned()),
            body: body.as_bytes().to_vec(),
            is_whole,
        });
        assert_eq!(fetched, expected, "{answer}");
    }
}

#[tokio::test]
async fn a_redirect_is_followed_and_checked_as_every_address_is() {
    let html = "content-type: text/html\r\n";
    let (end, asked) = receiver(answer(200, html, "tea"));
    for (location, is_followed) in [
        (format!("http://127.0.0.1:{end}/b"), true),
        // Another address, which may not be reached.
        (format!("http://127.0.0.2:{end}/b"), false),
        (format!("http://user@127.0.0.1:{end}/b"), false),
        ("ftp://127.0.0.1/".to_owned(), false),
        ("http://".to_owned(), false),
    ] {
        let (port, _) = receiver(answer(302, &format!("location: {location}\r\n"), ""));
        let fetched = fetch(&egress("127.0.0.1/32"), &format!("http://127.0.0.1:{port}/")).await;
        assert_eq!(fetched.map(|fetched| fetched.url), is_followed.then(|| location.clone()), "{location}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let (circle, times) = receiver(answer(302, "location: /again\r\n", ""));
    assert_eq!(fetch(&egress("127.0.0.1/32"), &format!("http://127.0.0.1:{circle}/")).await, None);
    assert_eq!(times.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn what_may_not_be_reached_is_not_asked() {
    let (port, asked) = receiver(answer(200, "content-type: text/html\r\n", "tea"));
    let (egress, _) = scripted("127.0.0.2/32", vec![vec!["127.0.0.1"]]);
    for host in ["127.0.0.1", "inside.example"] {
        assert_eq!(fetch(&egress, &format!("http://{host}:{port}/")).await, None);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_has_come_in_time_counts() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let (hang_up, told) = std::sync::mpsc::channel::<()>();
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("a connection");
        let _ = socket.read(&mut [0; 4096]);
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 1000\r\n\r\nthe first";
        socket.write_all(answer.as_bytes()).expect("it is read");
        let _ = told.recv(); // It says nothing more until then.
    });
    let until = Instant::now() + Duration::from_secs(1);
    let fetched = egress("127.0.0.0/8").fetch(&url, PAGE, 1_000, until).await.expect("a beginning");
    drop(hang_up);
    server.join().expect("it ends");
    assert_eq!((fetched.body.as_slice(), fetched.is_whole), (&b"the first"[..], false));
}

#[test]
fn a_link_on_a_page_leads_where_a_browser_would_go() {
    let page = "https://shop.example/a/b?c";
    let rows = [
        ("d.jpg", Some("https://shop.example/a/d.jpg")),
        ("/d.jpg", Some("https://shop.example/d.jpg")),
        ("//cdn.example/d.jpg", Some("https://cdn.example/d.jpg")),
        (" http://cdn.example/d.jpg ", Some("http://cdn.example/d.jpg")),
        ("data:image/jpeg;base64,/9j/", None),
        ("file:///etc/passwd", None),
    ];
    for (link, to) in rows {
        assert_eq!(joined(page, link).as_deref(), to, "{link}");
    }
}
