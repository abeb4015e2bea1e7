//! Previews of pages that texts link to, fetched when that is asked for; and texts that go although there is no page.

use std::time::{Duration, Instant};

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::{LinkPreview, Settings, Summary};

use crate::support::door::Answer;
use crate::support::receiver::{Receiver, Reply};
use crate::support::world::{Kind, World};

const FRIEND: &str = "15550100077";
/// The site is on loopback.
const FLAGS: &[&str] = &["--send-rate", "0", "--egress-allow", "127.0.0.0/8"];
/// How long a text may take at most whose page never comes: the time for the page, and what a busy machine adds.
const PATIENCE: Duration = Duration::from_secs(30);

async fn world(kind: Kind, flags: &[&str]) -> World {
    let world = World::with(kind, Settings::default(), flags).await;
    world.linked("shop").await;
    let _ = world.sim.phone(FRIEND);
    world
}

fn reply(content_type: &str, body: impl Into<Vec<u8>>) -> Reply {
    Reply { headers: vec![("content-type", content_type.to_owned())], body: body.into(), ..200.into() }
}

fn page(head: &str) -> Reply {
    reply("text/html; charset=utf-8", format!("<!doctype html><html><head>{head}</head><body>tea</body></html>"))
}

fn moved(to: &str) -> Reply {
    Reply { headers: vec![("location", to.to_owned())], ..302.into() }
}

fn jpeg(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    bytes[..3].copy_from_slice(&[0xff, 0xd8, 0xff]);
    bytes
}

/// A text with this link, of which the page is to be fetched.
fn linking(link: &str) -> Value {
    let content = json!({ "type": "text", "text": format!("tea: {link}."), "link_preview": { "fetch": true } });
    json!({ "to": FRIEND, "content": content })
}

async fn send(world: &World, link: &str) -> Answer {
    world.door.post("/shop/messages", linking(link)).await
}

/// What reached the phone of a text with this link, which is sent whatever the page is.
async fn arrived(world: &World, link: &str) -> Summary {
    let sent = send(world, link).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    let newest = world.sim.phone(FRIEND).inbox().pop().expect("it is there");
    assert_eq!(newest.text, format!("tea: {link}."));
    newest.content
}

/// The same, if there was no preview.
async fn arrived_plain(world: &World, link: &str, why: &str) {
    let content = arrived(world, link).await;
    assert_eq!((content.link, content.preview), (None, None), "{why}");
}

fn preview(title: &str, description: Option<&str>, thumbnail_bytes: Option<usize>) -> Option<LinkPreview> {
    Some(LinkPreview { title: Some(title.to_owned()), description: description.map(str::to_owned), thumbnail_bytes })
}

#[rstest]
#[tokio::test]
async fn a_page_is_fetched_once_and_its_preview_reaches_the_phone(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (world, site) = (world(kind, FLAGS).await, Receiver::start().await);
    let head = r#"<title>no</title><meta property="og:title" content="Tea &amp; cake"><meta property="og:description"
        content="Twelve kinds,  all of them black"><meta property="og:image" content="/tea.jpg">"#;
    let picture = || reply("image/jpeg", jpeg(2_000));
    site.then([page(head), picture()]);
    let link = site.url("/tea?kind=black");
    let keyed = || {
        let request = world.door.request(Method::POST, "/api/v1/sessions/shop/messages");
        world.door.send(request.header("idempotency-key", "a").json(&linking(&link)))
    };
    assert_eq!(keyed().await.status, 201);
    let expected = preview("Tea & cake", Some("Twelve kinds, all of them black"), Some(2_000));
    let inbox = || world.sim.phone(FRIEND).inbox();
    assert_eq!((inbox()[0].content.link.as_ref(), &inbox()[0].content.preview), (Some(&link), &expected));
    // Who has the page learns who asks, and nothing else.
    let asked = site.received();
    let paths: Vec<_> = asked.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, ["/tea", "/tea.jpg"]);
    for request in &asked {
        assert!(request.header("user-agent").starts_with("Waypost/"), "{:?}", request.headers);
        for header in ["referer", "cookie", "authorization"] {
            assert!(!request.headers.contains_key(header), "{:?}", request.headers);
        }
    }
    // The same request is the same message, whatever the page says meanwhile.
    site.always(page("<title>another</title>"));
    let again = keyed().await;
    assert_eq!(again.header("idempotent-replayed"), "true", "{}", again.text());
    assert_eq!((site.received().len(), inbox().len()), (2, 1));
    let mutation = r#"mutation($text: String!) { sendMessage(input: { sessionId: "shop", to: "15550100077",
        content: { text: { text: $text, linkPreview: { fetch: true } } } }) { id } }"#;
    world.door.asked(mutation, json!({ "text": link })).await;
    assert_eq!(inbox()[1].content.preview, preview("another", None, None));
    world.finish().await;
}

#[tokio::test]
async fn a_redirect_is_followed_a_few_times_and_a_picture_is_where_the_page_is() {
    let (world, site) = (world(Kind::Sqlite, FLAGS).await, Receiver::start().await);
    let head = r#"<title>Tea</title><meta property="og:image" content="small.jpg">"#;
    site.then([moved("/a"), moved(&site.url("/b/page")), page(head), reply("image/jpeg", jpeg(10))]);
    let content = arrived(&world, &site.url("/")).await;
    assert_eq!((content.link, content.preview), (Some(site.url("/")), preview("Tea", None, Some(10))));
    let paths: Vec<_> = site.received().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/", "/a", "/b/page", "/b/small.jpg"]);
    site.always(moved("/again"));
    arrived_plain(&world, &site.url("/"), "it leads in a circle").await;
    assert_eq!(site.received().len(), 4 + 4);
    world.finish().await;
}

#[tokio::test]
async fn a_picture_that_does_not_fit_into_a_message_is_left_out() {
    let (world, site) = (world(Kind::Sqlite, FLAGS).await, Receiver::start().await);
    let head = r#"<title>Tea</title><meta property="og:image" content="/picture">"#;
    let most = 64 * 1024;
    let pictures = [
        (reply("image/jpeg", jpeg(most)), Some(most)),
        (reply("image/jpeg", jpeg(most + 1)), None),
        (reply("image/jpeg", "<svg/>"), None),
        (reply("image/png", jpeg(100)), None),
        (404.into(), None),
    ];
    for (picture, bytes) in pictures {
        site.then([page(head), picture]);
        let content = arrived(&world, &site.url("/tea")).await;
        assert_eq!(content.preview, preview("Tea", None, bytes));
    }
    world.finish().await;
}

#[tokio::test]
async fn a_text_goes_without_a_preview_when_there_is_no_page() {
    let (world, site) = (world(Kind::Sqlite, FLAGS).await, Receiver::start().await);
    let title = "<title>Tea</title>";
    let replies = [
        ("it has no title", page("")),
        ("it is no page", reply("application/json", title)),
        ("it does not say what it is", Reply { body: title.into(), ..200.into() }),
        ("it is not there", Reply { status: 404, ..page(title) }),
        ("it leads nowhere", moved("ftp://127.0.0.1/")),
        ("its title is too far behind", page(&format!("<!--{}-->{title}", "x".repeat(64 * 1024)))),
    ];
    for (why, reply) in replies {
        site.then([reply]);
        arrived_plain(&world, &site.url("/tea"), why).await;
    }
    assert_eq!(site.received().len(), 6);
    arrived_plain(&world, "http://127.0.0.1:1/", "nobody listens").await;
    arrived_plain(&world, "nothing", "there is no link").await;
    // Of a page that never ends its beginning is read.
    let long = page(&format!("{title}<!--{}-->", "x".repeat(2 * 1024 * 1024)));
    site.then([long]);
    assert_eq!(arrived(&world, &site.url("/tea")).await.preview, preview("Tea", None, None));
    world.finish().await;
}

#[tokio::test]
async fn a_site_that_does_not_answer_holds_a_text_up_for_three_seconds() {
    let (world, site) = (world(Kind::Sqlite, FLAGS).await, Receiver::start().await);
    site.hold();
    let begun = Instant::now();
    arrived_plain(&world, &site.url("/tea"), "it never came").await;
    let took = begun.elapsed();
    assert!((Duration::from_secs(3)..PATIENCE).contains(&took), "{took:?}");
    assert_eq!(site.received().len(), 1);
    site.go_on();
    world.finish().await;
}

#[tokio::test]
async fn an_address_that_may_not_be_reached_is_not_asked() {
    let (world, site) = (world(Kind::Sqlite, &["--send-rate", "0"]).await, Receiver::start().await);
    let port = site.url("").rsplit(':').next().expect("a port").to_owned();
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"] {
        arrived_plain(&world, &format!("http://{host}:{port}/"), host).await;
    }
    assert!(site.received().is_empty());
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_preview_is_given_or_fetched(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind, FLAGS).await;
    let with = |preview: Value| {
        let content = json!({ "type": "text", "text": "see https://shop.example/", "link_preview": preview });
        json!({ "to": FRIEND, "content": content })
    };
    let rows = [
        (json!({ "fetch": true, "title": "Tea" }), "`content.link_preview` must have nothing beside `fetch`"),
        (json!({ "fetch": true, "url": "https://shop.example/" }), "`content.link_preview` must have nothing"),
        (json!({}), "`content.link_preview.url` must be there"),
        (json!({ "fetch": false, "title": "Tea" }), "`content.link_preview.url` must be there"),
        (json!({ "url": "https://other.example/" }), "`content.link_preview.url` must stand in the text"),
    ];
    for (preview, rule) in rows {
        let refused = world.door.post("/shop/messages", with(preview)).await;
        let detail = refused.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(detail.starts_with(rule), "{detail}");
        assert_eq!(refused.problem(), (422, "invalid".to_owned()));
    }
    let given = json!({ "url": "https://shop.example/", "title": "Tea" });
    world.door.post("/shop/messages", with(given)).await.ok();
    let inbox = world.sim.phone(FRIEND).inbox();
    assert_eq!((inbox.len(), &inbox[0].content.preview), (1, &preview("Tea", None, None)));
    world.finish().await;
}
