//! Pairing links: what they show, to whom, and when they end. The page itself is looked at in `pairing_page.rs`.

use std::time::Duration;

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::door::{Answer, Door};
use crate::support::events::Events;
use crate::support::server::TOKEN;
use crate::support::world::{Kind, World};

const LINKS: &str = "/api/v1/sessions/shop/pairing-links";

/// The token in a new link.
async fn link(door: &Door, expires_in: u64) -> String {
    let answer = door.ask(Method::POST, LINKS, &json!({ "expires_in": expires_in })).await.ok();
    let url = answer["pairing_link"]["url"].as_str().expect("an address").to_owned();
    url.split_once("/pair#").expect("the token is behind the #").1.to_owned()
}

async fn visit(world: &World, token: &str) -> Events {
    Events::open(world.door.holding(token).request(Method::POST, "/pair/live")).await
}

async fn refused(world: &World, token: &str) -> (u16, String) {
    world.door.holding(token).ask(Method::POST, "/pair/live", &Value::Null).await.problem()
}

async fn ask_code(world: &World, token: &str, number: &str) -> Answer {
    world.door.holding(token).ask(Method::POST, "/pair/code", &json!({ "phone_number": number })).await
}

#[rstest]
#[tokio::test]
async fn a_link_shows_codes_until_a_phone_is_linked_and_then_is_used_up(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::new(kind).await;
    world.door.post("", json!({ "id": "shop", "name": "Secret name" })).await.ok();
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let token = link(&world.door, 600).await;
    world.crash();
    // The visit brings the session online.
    let mut events = visit(&world, &token).await;
    let code = events.until("qr", |_| true).await;
    assert!(code["svg"].as_str().is_some_and(|svg| svg.starts_with("<svg")), "{code}");
    assert!((1..=60).contains(&code["timeout_seconds"].as_u64().expect("seconds")), "{code}");
    let mut other = visit(&world, &token).await;
    world.phone().scan(&world.door.qr("shop").await).await.expect("the code is good");
    let mut seen = Vec::new();
    while let Some((event, data)) = events.next().await {
        seen.push((event, data));
    }
    let last = ("ended".to_owned(), json!({ "why": "linked" }));
    assert_eq!(seen.last(), Some(&last), "{seen:?}");
    for (event, data) in &seen {
        assert!(!data.to_string().contains("15550100001") && !data.to_string().contains("Secret"), "{event} {data}");
    }
    assert_eq!(other.until("ended", |_| true).await["why"], "linked");
    let used = (410, "pairing_link_used".to_owned());
    assert_eq!(refused(&world, &token).await, used);
    assert_eq!(ask_code(&world, &token, "15550100001").await.problem(), used);
    // It stays used, whatever becomes of the session.
    world.door.post("/shop/logout", Value::Null).await.ok();
    assert_eq!(refused(&world, &token).await, used);
    let output = world.finish().await;
    assert!(!output.contains(&token[4..]), "no token in the log");
}

/// The moments until which links can be used, over both doors.
async fn ends_of_open_links(door: &Door) -> Vec<i64> {
    let answer = door.get("/shop/pairing-links").await;
    assert!(!answer.text().contains("wpl_"), "{}", answer.text());
    let listed = answer.ok()["pairing_links"].as_array().expect("a list").clone();
    let asked =
        door.graph(r#"{ pairingLinks(sessionId: "shop") { id createdAt expiresAt } }"#, Value::Null).await.json();
    let in_graph = asked["data"]["pairingLinks"].as_array().unwrap_or_else(|| panic!("{asked}"));
    let ids = |links: &[Value]| links.iter().map(|link| link["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&listed), ids(in_graph));
    listed.iter().map(|link| link["expires_at"].as_i64().expect("a moment")).collect()
}

#[rstest]
#[tokio::test]
async fn the_links_that_can_be_used_are_listed_without_their_addresses_and_there_are_twenty_at_most(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = World::new(kind).await;
    world.door.create("shop").await;
    world.door.create("other").await;
    assert_eq!(ends_of_open_links(&world.door).await, Vec::<i64>::new());
    let (made, key) = world.door.key(json!({ "name": "x", "scopes": ["sessions:pair"] })).await;
    for number in 0..20 {
        // The last one is the key's.
        let door = if number == 19 { world.door.holding(&key) } else { world.door.holding(TOKEN) };
        link(&door, 600 + number).await;
    }
    let ends = ends_of_open_links(&world.door).await;
    assert!(ends.len() == 20 && ends.is_sorted(), "{ends:?}");
    let full = (409, "too_many_pairing_links".to_owned());
    assert_eq!(world.door.ask(Method::POST, LINKS, &Value::Null).await.problem(), full);
    let create = r#"mutation { createPairingLink(input: { id: "shop" }) { url } }"#;
    assert_eq!(world.door.graph_failure(create, Value::Null).await, full.1);
    // Each session has its own, and a link of a deleted key is none.
    world.door.post("/other/pairing-links", Value::Null).await.ok();
    let id = made["id"].as_str().expect("an id");
    world.door.ask(Method::DELETE, &format!("/api/v1/keys/{id}"), &Value::Null).await.ok();
    assert_eq!(ends_of_open_links(&world.door).await, ends[..19]);
    link(&world.door, 600).await;
    // Nor is one that is used up, or one of which the time is over.
    world.link("shop", &world.phone()).await;
    assert_eq!(ends_of_open_links(&world.door).await, Vec::<i64>::new());
    world.door.post("/shop/logout", Value::Null).await.ok();
    link(&world.door, 1).await;
    // Over one door: it may expire between two questions.
    let expired = async {
        while world.door.get("/shop/pairing-links").await.ok()["pairing_links"] != json!([]) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), expired).await.expect("the link expires");
    world.finish().await;
}

#[tokio::test]
async fn a_visitor_links_by_phone_number_too() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    world.phone();
    let token = link(&world.door, 600).await;
    let mut events = visit(&world, &token).await;
    let asked = ask_code(&world, &token, "+1 555 010-0001").await.ok();
    let shown = events.until("pair_code", |_| true).await;
    assert_eq!(shown["code"], asked["code"]);
    assert!(asked["timeout_seconds"].as_u64().is_some_and(|seconds| seconds > 0), "{asked}");
    world.phone().enter(asked["code"].as_str().expect("a code")).await.expect("the code is good");
    assert_eq!(events.until("ended", |_| true).await["why"], "linked");
    world.finish().await;
}

#[tokio::test]
async fn a_link_is_good_for_its_page_only() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let token = link(&world.door, 600).await;
    let door = world.door.holding(&token);
    for path in ["", "/shop", "/shop/status", "/shop/qr", "/shop/live"] {
        assert_eq!(door.get(path).await.status, 401, "{path}");
    }
    assert_eq!(door.graph("{ version }", Value::Null).await.status, 401);
    let (_, key) = world.door.key(json!({ "name": "x", "scopes": ["sessions:pair"] })).await;
    let unknown = (404, "pairing_link_not_found".to_owned());
    for token in ["", "wpl_", &key, &token.replace("wpl_", "wp_"), &format!("{token}x")] {
        assert_eq!(refused(&world, token).await, unknown, "{token}");
    }
    assert_eq!(world.door.anonymous(Method::POST, "/pair/live").send().await.expect("it answers").status(), 404);
    let malformed = world.door.holding(&token).request(Method::POST, "/pair/code").body("{");
    assert_eq!(world.door.send(malformed).await.problem(), (400, "malformed_request".to_owned()));
    assert_eq!(ask_code(&world, &token, "call me").await.problem(), (422, "invalid".to_owned()));
    world.finish().await;
}

/// The seconds that a refusal asks to wait.
fn wait_of(answer: &Answer) -> u64 {
    answer.header("retry-after").parse().unwrap_or_else(|_| panic!("no wait in {}", answer.text()))
}

#[tokio::test]
async fn one_link_takes_ten_visitors_and_none_of_the_other_links() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let (full, other) = (link(&world.door, 600).await, link(&world.door, 600).await);
    let mut visitors = Vec::new();
    for _ in 0..10 {
        let mut events = visit(&world, &full).await;
        events.until("status", |_| true).await;
        visitors.push(events);
    }
    let answer = world.door.holding(&full).ask(Method::POST, "/pair/live", &Value::Null).await;
    assert_eq!(wait_of(&answer), 60);
    assert_eq!(answer.problem(), (429, "too_many_visitors".to_owned()));
    visit(&world, &other).await.until("status", |_| true).await;
    // Who leaves makes room, as soon as the server knows.
    visitors.clear();
    let begun = std::time::Instant::now();
    while world.door.holding(&full).request(Method::POST, "/pair/live").send().await.expect("it answers").status()
        != 200
    {
        assert!(begun.elapsed().as_secs() < 40, "no place gets free");
        tokio::time::sleep(std::time::Duration::from_millis(15)).await;
    }
    world.finish().await;
}

#[tokio::test]
async fn a_link_gives_five_codes_and_neither_another_link_nor_the_keys_lose_theirs() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let numbers: Vec<_> = (1..=6).map(|number| format!("1555010000{number}")).collect();
    for number in &numbers {
        world.sim.phone(number);
    }
    let (used, other) = (link(&world.door, 600).await, link(&world.door, 600).await);
    let mut last = Value::Null;
    for number in &numbers[..5] {
        last = ask_code(&world, &used, number).await.ok();
    }
    let answer = ask_code(&world, &used, &numbers[5]).await;
    assert!((1..=600).contains(&wait_of(&answer)), "{}", answer.text());
    assert_eq!(answer.problem(), (429, "too_many_pair_codes".to_owned()));
    // The one that is outstanding rings nobody.
    assert_eq!(ask_code(&world, &used, &numbers[4]).await.ok()["code"], last["code"]);
    ask_code(&world, &other, &numbers[5]).await.ok();
    let by_key = async |number: &str| world.door.post("/shop/pair", json!({ "phone_number": number })).await;
    let by_graph = |number: &str| {
        format!(r#"mutation {{ pairSession(input: {{ id: "shop", phoneNumber: "{number}" }}) {{ id }} }}"#)
    };
    for number in &numbers[..3] {
        by_key(number).await.ok();
    }
    for number in &numbers[3..5] {
        world.door.asked(&by_graph(number), Value::Null).await;
    }
    let answer = by_key(&numbers[0]).await;
    assert!((1..=600).contains(&wait_of(&answer)), "{}", answer.text());
    assert_eq!(answer.problem(), (429, "too_many_pair_codes".to_owned()));
    let failure = world.door.graph(&by_graph(&numbers[0]), Value::Null).await.json()["errors"][0].clone();
    assert_eq!(failure["extensions"]["code"], "too_many_pair_codes");
    assert!(
        failure["extensions"]["retryAfter"].as_u64().is_some_and(|seconds| (1..=600).contains(&seconds)),
        "{failure}"
    );
    world.finish().await;
}

#[derive(Clone, Copy, Debug)]
enum End {
    Expired,
    SessionDeleted,
    KeyDeleted,
}

#[rstest]
#[tokio::test]
async fn a_link_ends_with_its_time_its_session_and_its_key(
    #[values(End::Expired, End::SessionDeleted, End::KeyDeleted)] end: End,
) {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let (key, made_with) = world.door.key(json!({ "name": "x", "scopes": ["sessions:pair"] })).await;
    let lifetime = if matches!(end, End::Expired) { 2 } else { 600 };
    let token = link(&world.door.holding(&made_with), lifetime).await;
    let mut events = visit(&world, &token).await;
    events.until("status", |_| true).await;
    let (why, code) = match end {
        End::Expired => ("expired", (410, "pairing_link_expired".to_owned())),
        End::SessionDeleted => {
            world.door.delete("shop").await.ok();
            ("gone", (404, "pairing_link_not_found".to_owned()))
        }
        End::KeyDeleted => {
            let path = format!("/api/v1/keys/{}", key["id"].as_str().expect("an id"));
            world.door.ask(Method::DELETE, &path, &Value::Null).await.ok();
            ("gone", (404, "pairing_link_not_found".to_owned()))
        }
    };
    assert_eq!(events.until("ended", |_| true).await["why"], why);
    assert_eq!(events.next().await, None);
    assert_eq!(refused(&world, &token).await, code);
    let is_kept = world.tables().await.rows().await.contains_key("pairing_link");
    assert_eq!(is_kept, matches!(end, End::Expired), "it goes with its session and its key");
    world.finish().await;
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Rest,
    Graphql,
}

/// Deletes a link; with the code of the failure if it fails.
async fn delete(door: &Door, way: Way, session: &str, id: &str) -> Result<(), String> {
    match way {
        Way::Rest => {
            let path = format!("/api/v1/sessions/{session}/pairing-links/{id}");
            let answer = door.ask(Method::DELETE, &path, &Value::Null).await;
            if answer.status == 200 {
                assert_eq!(answer.json(), json!({ "success": true, "message": "Pairing link deleted" }));
                return Ok(());
            }
            let (status, code) = answer.problem();
            assert_eq!(status, if code == "forbidden" { 403 } else { 404 });
            Err(code)
        }
        Way::Graphql => {
            let query = "mutation ($input: PairingLinkInput!) { deletePairingLink(input: $input) { id expiresAt } }";
            let answer = door.graph(query, json!({ "input": { "sessionId": session, "id": id } })).await.json();
            match answer["errors"][0]["extensions"]["code"].as_str() {
                Some(code) => Err(code.to_owned()),
                None => {
                    let deleted = &answer["data"]["deletePairingLink"];
                    assert!(deleted["id"] == id && deleted["expiresAt"].is_string(), "{answer}");
                    Ok(())
                }
            }
        }
    }
}

/// The ids of the links to the session that can be used, oldest first.
async fn ids_of_open_links(door: &Door) -> Vec<String> {
    let listed = door.get("/shop/pairing-links").await.ok();
    let links = listed["pairing_links"].as_array().expect("a list").iter();
    links.map(|link| link["id"].as_str().expect("an id").to_owned()).collect()
}

#[rstest]
#[tokio::test]
async fn a_deleted_link_is_over_for_whoever_looks_at_it_and_takes_nothing_along(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Way::Rest, Way::Graphql)] way: Way,
) {
    let mut world = World::new(kind).await;
    world.door.create("shop").await;
    let (withdrawn, kept) = (link(&world.door, 600).await, link(&world.door, 600).await);
    let ids = ids_of_open_links(&world.door).await;
    let mut visits = [visit(&world, &withdrawn).await, visit(&world, &withdrawn).await];
    let mut other = visit(&world, &kept).await;
    for events in visits.iter_mut().chain([&mut other]) {
        events.until("status", |_| true).await;
    }
    assert_eq!(delete(&world.door, way, "shop", &ids[0]).await, Ok(()));
    for events in &mut visits {
        assert_eq!(events.until("ended", |_| true).await["why"], "gone");
        assert_eq!(events.next().await, None);
    }
    let unknown = (404, "pairing_link_not_found".to_owned());
    assert_eq!(refused(&world, &withdrawn).await, unknown);
    assert_eq!(ask_code(&world, &withdrawn, "15550100001").await.problem(), unknown);
    assert_eq!(delete(&world.door, way, "shop", &ids[0]).await, Err(unknown.1.clone()));
    assert_eq!(ids_of_open_links(&world.door).await, ids[1..]);
    // The other link is as good as before, and whom it has linked stays linked without it.
    let phone = world.phone();
    phone.scan(&world.door.qr("shop").await).await.expect("the code is good");
    assert_eq!(other.until("ended", |_| true).await["why"], "linked");
    assert_eq!(delete(&world.door, way, "shop", &ids[1]).await, Ok(()));
    assert_eq!(world.tables().await.rows().await.get("pairing_link"), None);
    world.crash();
    for token in [&withdrawn, &kept] {
        assert_eq!(refused(&world, token).await, unknown);
    }
    world.reaches("shop", "logged_in").await;
    assert_eq!(phone.devices().len(), 1);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_link_is_deleted_by_its_id_in_its_session_by_those_who_may_pair_it(
    #[values(Way::Rest, Way::Graphql)] way: Way,
) {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    world.door.create("other").await;
    let token = link(&world.door, 600).await;
    let ids = ids_of_open_links(&world.door).await;
    let id = ids[0].as_str();
    let unknown = || Err("pairing_link_not_found".to_owned());
    for wrong in [token.as_str(), "lnk_", "shop", "%00"] {
        assert_eq!(delete(&world.door, way, "shop", wrong).await, unknown(), "{wrong}");
    }
    assert_eq!(delete(&world.door, way, "other", id).await, unknown());
    assert_eq!(delete(&world.door, way, "none", id).await, Err("session_not_found".to_owned()));
    for (scope, session, code) in [
        ("sessions:write", "shop", "forbidden"),
        ("sessions:read", "shop", "forbidden"),
        ("sessions:pair", "other", "session_not_found"),
    ] {
        let (_, key) = world.door.key(json!({ "name": "x", "scopes": [scope], "sessions": [session] })).await;
        assert_eq!(delete(&world.door.holding(&key), way, "shop", id).await, Err(code.to_owned()), "{scope}");
    }
    // The id is no way in.
    assert_eq!(refused(&world, id).await, (404, "pairing_link_not_found".to_owned()));
    assert_eq!(ids_of_open_links(&world.door).await, ids);
    visit(&world, &token).await.until("status", |_| true).await;
    let (_, key) = world.door.key(json!({ "name": "x", "scopes": ["sessions:pair"], "sessions": ["shop"] })).await;
    assert_eq!(delete(&world.door.holding(&key), way, "shop", id).await, Ok(()));
    world.finish().await;
}

#[tokio::test]
async fn a_link_lives_no_longer_than_the_key_that_makes_it() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let ends = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("it is later").as_secs() + 60;
    let (_, key) = world.door.key(json!({ "name": "x", "scopes": ["sessions:pair"], "expires_at": ends })).await;
    let made = world.door.holding(&key).ask(Method::POST, LINKS, &Value::Null).await.ok();
    assert_eq!(made["pairing_link"]["expires_at"], ends);
    world.finish().await;
}

#[tokio::test]
async fn links_are_made_to_sessions_without_a_phone_and_with_a_lifetime_that_fits() {
    let world = World::with(Kind::Sqlite, Default::default(), &["--public-url", "https://wa.example.com/x/"]).await;
    world.door.create("shop").await;
    for lifetime in [0, 86_401] {
        let answer = world.door.ask(Method::POST, LINKS, &json!({ "expires_in": lifetime })).await;
        assert_eq!(answer.json()["detail"], "`expires_in` must be from 1 to 86400");
        assert_eq!(answer.problem(), (422, "invalid".to_owned()));
    }
    let create = r#"mutation { createPairingLink(input: { id: "shop" }) { url expiresAt } }"#;
    let made = world.door.asked(create, Value::Null).await["createPairingLink"].clone();
    assert!(made["url"].as_str().is_some_and(|url| url.starts_with("https://wa.example.com/x/pair#wpl_")), "{made}");
    // What else leads to this server begins there, too.
    let made = world.door.post("", json!({ "id": "other" })).await;
    assert_eq!(made.header("location"), "https://wa.example.com/x/api/v1/sessions/other");
    let made = world.door.ask(Method::POST, LINKS, &Value::Null).await;
    assert_eq!(made.header("location"), "https://wa.example.com/x/pair");
    let document = world.door.send(world.door.anonymous(Method::GET, "/openapi.json")).await.ok();
    assert_eq!(document["servers"], json!([{ "url": "https://wa.example.com/x" }]));
    let page = world.door.send(world.door.anonymous(Method::GET, "/swagger-ui")).await.text();
    assert!(page.contains(r#""url": "https://wa.example.com/x""#) && !page.contains(r#""url": "/""#));
    world.link("shop", &world.phone()).await;
    let refused = world.door.ask(Method::POST, LINKS, &Value::Null).await.problem();
    assert_eq!(refused, (409, "already_logged_in".to_owned()));
    assert_eq!(world.door.graph_failure(create, Value::Null).await, "already_logged_in");
    world.finish().await;
}

#[tokio::test]
async fn the_page_may_only_do_what_is_in_it() {
    let world = World::new(Kind::Sqlite).await;
    let reply = world.door.send(world.door.anonymous(Method::GET, "/pair")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = reply.header("content-security-policy");
    for part in ["default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(reply.header("referrer-policy"), "no-referrer");
    world.finish().await;
}
