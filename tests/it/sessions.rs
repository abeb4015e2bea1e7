//! Creating, changing and listing sessions.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::support::journal::tamper;
use crate::support::world::{Kind, World};

#[tokio::test]
async fn a_new_session_has_every_field_of_the_contract() {
    let world = World::new(Kind::Sqlite).await;
    let answer = world.door.post("", json!({ "id": "shop", "name": " Shop ", "unknown": { "x": 1 } })).await;
    assert_eq!((answer.status, answer.header("location")), (201, "/api/v1/sessions/shop"));
    let session = answer.ok()["session"].clone();
    let mut fields: Vec<_> = session.as_object().expect("an object").keys().cloned().collect();
    fields.sort();
    let expected = [
        "created_at",
        "id",
        "is_logged_in",
        "last_connected_at",
        "media",
        "metadata",
        "name",
        "phone_number",
        "presence_on_connect",
        "push_name",
        "send_burst",
        "send_rate",
        "status",
        "updated_at",
    ];
    assert_eq!(fields, expected);
    assert_eq!((&session["name"], &session["status"]), (&json!("Shop"), &json!("connecting")));
    assert_eq!((&session["phone_number"], &session["last_connected_at"]), (&Value::Null, &Value::Null));
    assert!(session["created_at"].as_i64().expect("seconds") > 1_700_000_000);
    world.finish().await;
}

#[tokio::test]
async fn generated_ids_sort_by_creation_and_an_absent_name_is_null() {
    let world = World::new(Kind::Sqlite).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let session = world.door.post("", json!({})).await.ok()["session"].clone();
        assert_eq!(session["name"], Value::Null);
        ids.push(session["id"].as_str().expect("an id").to_owned());
    }
    assert!(ids.is_sorted() && ids[0].starts_with("ses_"), "{ids:?}");
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn of_many_creations_of_one_id_exactly_one_succeeds(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let answers = futures::future::join_all((0..8).map(|_| world.door.post("", json!({ "id": "shop" })))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    for answer in answers.into_iter().filter(|answer| answer.status == 409) {
        assert_eq!(answer.problem().1, "session_exists");
    }
    world.finish().await;
}

#[rstest]
#[case(json!({ "id": "-bad" }), "id")]
#[case(json!({ "id": "a/b" }), "id")]
#[case(json!({ "id": "x".repeat(65) }), "id")]
#[case(json!({ "name": "x".repeat(101) }), "name")]
#[case(json!({ "metadata": { "k": "x".repeat(513) } }), "metadata")]
#[case(json!({ "metadata": (0..51).map(|n| (n.to_string(), json!("v"))).collect::<serde_json::Map<_, _>>() }), "metadata")]
#[case(json!({ "metadata": { "k": [1] } }), "metadata")]
#[case(json!({ "device": { "platform": "toaster" } }), "device.platform")]
#[case(json!({ "device": { "version": "1.x" } }), "device.version")]
#[case(json!({ "send_rate": -1 }), "send_rate")]
#[case(json!({ "send_rate": 0.0005 }), "send_rate")]
#[case(json!({ "send_rate": 1000.5 }), "send_rate")]
#[case(json!({ "send_rate": "fast" }), "send_rate")]
#[case(json!({ "send_burst": 0 }), "send_burst")]
#[case(json!({ "send_burst": 1001 }), "send_burst")]
#[case(json!({ "webhook": {} }), "url")]
#[case(json!({ "webhook": { "url": "ftp://example.com" } }), "webhook.url")]
#[case(json!({ "webhook": { "url": "http://example.com", "events": ["message", "nonsense"] } }), "session_status")]
#[tokio::test]
async fn a_value_that_breaks_a_rule_is_named_and_nothing_is_created(#[case] body: Value, #[case] names: &str) {
    let world = World::new(Kind::Sqlite).await;
    let answer = world.door.post("", body).await;
    assert!(answer.text().contains(names), "{names} in {}", answer.text());
    assert_eq!(answer.problem(), (422, "invalid".to_owned()));
    assert_eq!(world.door.get("").await.ok()["total"], 0);
    world.finish().await;
}

#[tokio::test]
async fn a_webhook_is_taken_and_its_secret_never_shown() {
    let world = World::new(Kind::Sqlite).await;
    let webhook = json!({ "url": "https://receiver.invalid/hook", "events": ["message", "connected"], "secret": "planted-secret" });
    let created = world.door.post("", json!({ "id": "shop", "webhook": webhook })).await;
    assert!(created.status == 201 && !created.text().contains("planted-secret"));
    for path in ["", "/shop", "/shop/status"] {
        assert!(!world.door.get(path).await.text().contains("planted-secret"));
    }
    assert!(!world.finish().await.contains("planted-secret"));
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_nothing_else() {
    let world = World::new(Kind::Sqlite).await;
    world.door.post("", json!({ "id": "shop", "name": "Shop", "metadata": { "a": "1" } })).await.ok();
    let named = world.door.update("shop", json!({ "name": "Market" })).await.ok();
    assert_eq!((&named["name"], &named["metadata"]), (&json!("Market"), &json!({ "a": "1" })));
    let labelled = world.door.update("shop", json!({ "metadata": { "b": "2" } })).await.ok();
    assert_eq!((&labelled["name"], &labelled["metadata"]), (&json!("Market"), &json!({ "b": "2" })));
    assert_eq!(world.door.update("shop", json!({ "name": "" })).await.ok()["name"], Value::Null);
    assert_eq!(world.door.update("none", json!({ "name": "x" })).await.problem().1, "session_not_found");
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_list_is_filtered_searched_and_paged(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    for n in 0..5 {
        world.door.post("", json!({ "id": format!("s{n}"), "name": format!("Team_{n}%") })).await.ok();
    }
    world.link("s3", &world.phone()).await;
    let all = world.door.get("").await.ok();
    assert_eq!((all["total"].clone(), all["next_cursor"].clone()), (json!(5), Value::Null));
    let ids = |page: &Value| -> Vec<String> {
        let sessions = page["sessions"].as_array().expect("a list");
        sessions.iter().map(|session| session["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(ids(&all), ["s0", "s1", "s2", "s3", "s4"]);

    let (mut seen, mut path) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = world.door.get(&path).await.ok();
        assert_eq!(page["total"], 5);
        seen.extend(ids(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("?limit=2&after={cursor}");
    }
    assert_eq!(seen, ids(&all));

    assert_eq!(ids(&world.door.get("?status=logged_in").await.ok()), ["s3"]);
    assert_eq!(ids(&world.door.get("?q=TEAM_2%25").await.ok()), ["s2"]);
    assert_eq!(ids(&world.door.get("?q=5550100001").await.ok()), ["s3"]);
    assert_eq!(ids(&world.door.get("?q=%25").await.ok()).len(), 5);
    assert!(ids(&world.door.get("?q=t_am").await.ok()).is_empty());
    for bad in ["?limit=0", "?limit=101", "?limit=x", "?status=happy", "?after=nonsense"] {
        assert_eq!(world.door.get(bad).await.problem(), (422, "invalid".to_owned()), "{bad}");
    }
    assert!(world.door.get("?status=happy").await.text().contains("waiting_for_pair_code"));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_search_folds_every_letter_through_both_doors(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    world.door.post("", json!({ "id": "a", "name": "ÉCOLE Straße" })).await.ok();
    world.door.post("", json!({ "id": "b", "name": "Ecole" })).await.ok();
    for query in ["école", "ÉCOLE", "%C3%A9cole", "STRAßE"] {
        let found = world.door.get(&format!("?q={query}")).await.ok();
        assert_eq!((&found["total"], &found["sessions"][0]["id"]), (&json!(1), &json!("a")), "{query}");
    }
    let query = r#"{ sessions(first: 5, filter: { query: "école" }) { totalCount nodes { id } } }"#;
    let found = world.door.asked(query, Value::Null).await;
    assert_eq!(found["sessions"], json!({ "totalCount": 1, "nodes": [{ "id": "a" }] }));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_list_without_a_size_is_whole_up_to_4_mib_and_says_where_to_go_on(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    const BYTES_MAX: usize = 4 * 1024 * 1024;
    let world = World::new(kind).await;
    // All that the rules allow: 110 KB each.
    let labels: Map<String, Value> = (0..50).map(|n| (format!("{n:064}"), json!("💚".repeat(512)))).collect();
    for n in 0..42 {
        world.door.post("", json!({ "id": format!("s{n:02}"), "metadata": labels })).await.ok();
    }
    for limit in ["?", "?limit=100&"] {
        let (mut seen, mut path) = (Vec::new(), limit.to_owned());
        let pages = loop {
            let answer = world.door.get(&path).await;
            assert!(answer.bytes.len() <= BYTES_MAX + 1024, "{}", answer.bytes.len());
            let page = answer.ok();
            assert_eq!(page["total"], 42);
            let sessions = page["sessions"].as_array().expect("a list");
            seen.extend(sessions.iter().map(|session| session["id"].as_str().expect("an id").to_owned()));
            let Some(cursor) = page["next_cursor"].as_str() else { break seen.len() - sessions.len() };
            path = format!("{limit}after={cursor}");
        };
        assert!(pages > 30, "as much as fits is in the first: {pages}");
        assert_eq!(seen, (0..42).map(|n| format!("s{n:02}")).collect::<Vec<_>>());
    }
    for (part, more) in [("first", "hasNextPage"), ("last", "hasPreviousPage")] {
        let query = format!("{{ sessions({part}: 100) {{ nodes {{ id metadata }} pageInfo {{ {more} }} }} }}");
        let answer = world.door.graph(&query, Value::Null).await;
        assert!(answer.bytes.len() <= BYTES_MAX, "{}", answer.bytes.len());
        let list = &answer.json()["data"]["sessions"];
        assert_eq!(list["pageInfo"][more], true);
        let ids: Vec<_> = list["nodes"].as_array().expect("a list").iter().map(|node| node["id"].clone()).collect();
        assert!(ids.len() > 30 && ids.contains(&json!(if part == "first" { "s00" } else { "s41" })), "{ids:?}");
    }
    world.finish().await;
}

#[rstest]
#[case("/shop/connect")]
#[case("/shop/disconnect")]
#[case("/shop/logout")]
#[case("")]
#[tokio::test]
async fn where_a_body_is_optional_nothing_at_all_is_fine(#[case] path: &str) {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let url = format!("/api/v1/sessions{path}");
    for body in ["", "{}", " "] {
        for kind in [None, Some("application/json"), Some("text/plain"), Some("application/x-www-form-urlencoded")] {
            let request = world.door.request(Method::POST, &url).body(body);
            let request =
                kind.map_or(request.try_clone().expect("it is text"), |kind| request.header("content-type", kind));
            let answer = world.door.send(request).await;
            assert!([200, 201].contains(&answer.status), "{body:?} {kind:?}: {} {}", answer.status, answer.text());
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn a_qr_code_comes_in_every_form_and_rotates() {
    let settings = whatsapp_simulator::Settings { ref_count: 3, ..whatsapp_simulator::Settings::default() };
    let world = World::with(Kind::Sqlite, settings, &[]).await;
    world.door.create("shop").await;
    let reply = world.door.get("/shop/qr").await.ok();
    assert_eq!((&reply["status"], reply["qr_codes"].as_array().map(Vec::len)), (&json!("waiting_for_qr"), Some(1)));
    assert!((50..=60).contains(&reply["timeout_seconds"].as_u64().expect("seconds")), "{reply}");
    let forms = [("png", "image/png", "\u{89}PNG"), ("svg", "image/svg+xml", "<svg"), ("text", "text/plain", "█")];
    for (word, kind, _) in forms {
        let by_word = world.door.get(&format!("/shop/qr?format={word}")).await;
        let request = world.door.request(Method::GET, "/api/v1/sessions/shop/qr").header("accept", kind);
        let by_header = world.door.send(request).await;
        assert!(by_word.status == 200 && by_word.header("content-type").starts_with(kind));
        assert!(by_header.header("content-type").starts_with(kind), "{kind}");
        assert_eq!(by_word.header("cache-control"), "no-store");
    }
    assert!(world.door.get("/shop/qr?format=png").await.bytes.starts_with(b"\x89PNG\r\n"));
    assert!(world.door.get("/shop/qr?format=svg").await.text().contains("<svg"));
    assert!(world.door.get("/shop/qr?format=text").await.text().contains('█'));
    assert_eq!(world.door.get("/shop/qr?format=gif").await.problem(), (422, "invalid".to_owned()));
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    assert_eq!(world.door.get("/shop/qr?format=png").await.problem(), (409, "qr_not_available".to_owned()));
    world.finish().await;
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Rest,
    Graphql,
}

/// A page of a session's timeline as REST spells it, and where to read on.
async fn timeline(world: &World, way: Way, first: u32, after: Option<&str>) -> (Vec<Value>, Option<String>) {
    match way {
        Way::Rest => {
            let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
            let page = world.door.get(&format!("/shop/timeline?limit={first}{after}")).await.ok();
            let states = page["transitions"].as_array().expect("a list").clone();
            (states, page["next_cursor"].as_str().map(str::to_owned))
        }
        Way::Graphql => {
            let query = r#"query ($first: Int, $after: String) {
                sessionTimeline(sessionId: "shop", first: $first, after: $after) {
                    nodes { status reason desired } pageInfo { hasNextPage endCursor }
                }
            }"#;
            let answer =
                world.door.asked(query, json!({ "first": first, "after": after })).await["sessionTimeline"].take();
            // Both doors have the same words, in capitals here.
            let nodes = serde_json::from_str(&answer["nodes"].to_string().to_lowercase()).expect("it is JSON");
            let next = answer["pageInfo"]["endCursor"].as_str().filter(|_| answer["pageInfo"]["hasNextPage"] == true);
            (nodes, next.map(str::to_owned))
        }
    }
}

/// The whole timeline, read so many at a time.
async fn whole_timeline(world: &World, way: Way, first: u32) -> Vec<Value> {
    let (mut states, mut after) = (Vec::new(), None);
    loop {
        let (some, next) = timeline(world, way, first, after.as_deref()).await;
        assert!(!some.is_empty() && some.len() <= first as usize, "{some:?}");
        states.extend(some);
        match next {
            Some(next) => after = Some(next),
            None => return states,
        }
    }
}

fn of_each<'a>(states: &'a [Value], field: &str) -> Vec<&'a str> {
    states.iter().map(|state| state[field].as_str().expect("a word")).collect()
}

#[rstest]
#[tokio::test]
async fn the_states_that_a_session_came_into_are_listed_newest_first(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Way::Rest, Way::Graphql)] way: Way,
) {
    let mut world = World::new(kind).await;
    world.linked("shop").await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let states = whole_timeline(&world, way, 100).await;
    assert_eq!((&states[0]["status"], &states[0]["reason"]), (&json!("disconnected"), &json!("requested")));
    assert_eq!(states[0]["desired"], "offline");
    let statuses = of_each(&states, "status");
    let at = |status: &str| statuses.iter().position(|seen| *seen == status);
    assert!(at("logged_in") < at("waiting_for_qr") && at("logged_in").is_some(), "{statuses:?}");
    // As the journal has them.
    let events = world.door.get("/shop/events?type=session_status&limit=1000").await.ok();
    let events: Vec<_> =
        events["events"].as_array().expect("a list").iter().rev().map(|event| event["data"].clone()).collect();
    assert_eq!(statuses, of_each(&events, "status"));
    assert_eq!(of_each(&states, "reason"), of_each(&events, "reason"));
    // However much is read at a time.
    for first in [1, 2, 3] {
        assert_eq!(whole_timeline(&world, way, first).await, states);
    }
    // And after a crash, which is one of them.
    world.door.post("/shop/connect", Value::Null).await.ok();
    world.reaches("shop", "logged_in").await;
    world.crash();
    world.reaches("shop", "logged_in").await;
    let later = whole_timeline(&world, way, 2).await;
    assert!(later.len() > states.len() && later.ends_with(&states), "{later:?}");
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_session_has_no_states_of_an_earlier_one_with_its_id(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Way::Rest, Way::Graphql)] way: Way,
) {
    let world = World::new(kind).await;
    world.linked("shop").await;
    world.door.delete("shop").await.ok();
    assert_eq!(world.door.get("/shop/timeline").await.problem(), (404, "session_not_found".to_owned()));
    world.door.create("shop").await;
    world.reaches("shop", "waiting_for_qr").await;
    let statuses = whole_timeline(&world, way, 100).await;
    let statuses = of_each(&statuses, "status");
    assert!(statuses.contains(&"waiting_for_qr") && !statuses.contains(&"logged_in"), "{statuses:?}");
    // The end of the earlier one may be dropped before its states are.
    if matches!(kind, Kind::Sqlite) {
        tamper(&world, "DELETE FROM event WHERE type = 'session_deleted'").await;
        let kept = whole_timeline(&world, way, 100).await;
        assert_eq!(of_each(&kept, "status"), statuses);
    }
    world.finish().await;
}

#[tokio::test]
async fn a_timeline_that_is_asked_for_in_a_wrong_way_is_refused_alike_through_both_doors() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    for (query, code) in [("limit=0", "invalid"), ("limit=101", "invalid"), ("after=shop", "invalid")] {
        assert_eq!(
            world.door.get(&format!("/shop/timeline?{query}")).await.problem(),
            (422, code.to_owned()),
            "{query}"
        );
    }
    for (arguments, code) in
        [("first: 0", "page_size_limit"), ("first: 101", "page_size_limit"), (r#"after: "shop""#, "invalid")]
    {
        let query = format!(r#"{{ sessionTimeline(sessionId: "shop", {arguments}) {{ nodes {{ at }} }} }}"#);
        assert_eq!(world.door.graph_failure(&query, Value::Null).await, code, "{arguments}");
    }
    let query = r#"{ sessionTimeline(sessionId: "none") { nodes { at } } }"#;
    assert_eq!(world.door.graph_failure(query, Value::Null).await, "session_not_found");
    world.finish().await;
}

#[tokio::test]
async fn a_state_that_cannot_be_read_is_left_out_of_the_timeline_and_told_to_the_log() {
    let mut world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let states = whole_timeline(&world, Way::Rest, 100).await;
    tamper(
        &world,
        "UPDATE event SET body = '{\"status\":[\"tea at six\"]}' WHERE position = \
         (SELECT max(position) FROM event WHERE type = 'session_status')",
    )
    .await;
    assert_eq!(timeline(&world, Way::Rest, 100, None).await.0, states[1..]);
    let output = world.is_logged("is left out of the timeline").await;
    assert!(!output.contains("tea at six"), "{output}");
    world.server.kill();
}
