//! Keys that can be handed out: what they give, what they cannot give away, and when they end.

use std::time::{Duration, Instant, SystemTime};

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::door::Door;
use crate::support::graph::Socket;
use crate::support::world::{Kind, World};

const FOLLOW: &str = r#"subscription { sessionUpdated(id: "shop") { id status } }"#;

async fn key_call(door: &Door, method: Method, path: &str, body: Value) -> (u16, String) {
    let answer = door.ask(method, &format!("/api/v1/keys{path}"), &body).await;
    if answer.status < 300 { (answer.status, String::new()) } else { answer.problem() }
}

#[rstest]
#[tokio::test]
async fn a_key_is_shown_once_and_works_until_it_is_deleted(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    world.door.create("shop").await;
    let body = json!({ "name": " Help desk ", "scopes": ["sessions:read", "sessions:read"] });
    let answer = world.door.ask(Method::POST, "/api/v1/keys", &body).await;
    assert_eq!(answer.status, 201);
    let id = answer.json()["key"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(answer.header("location"), format!("/api/v1/keys/{id}"));
    let (key, token) = (answer.json()["key"].clone(), answer.json()["token"].as_str().expect("a token").to_owned());
    assert_eq!((&key["name"], &key["scopes"]), (&json!("Help desk"), &json!(["sessions:read"])));
    for absent in ["sessions", "expires_at", "last_used_at", "created_by", "old_token_expires_at"] {
        assert_eq!(key[absent], Value::Null, "{absent}");
    }
    assert!(token.starts_with("wp_") && token.len() == 52, "{}", token.len());
    assert_eq!(world.door.holding(&token).get("/shop").await.status, 200);

    // It outlives the process, and what it was used for is known.
    world.server.stop();
    world.start_again();
    assert_eq!(world.door.holding(&token).get("/shop").await.status, 200);
    let listed = world.door.ask(Method::GET, "/api/v1/keys", &Value::Null).await;
    assert!(!listed.text().contains(&token), "the token is never shown again");
    assert_eq!(listed.json()["keys"][0]["id"], id);
    assert!(listed.json()["keys"][0]["last_used_at"].is_i64(), "{}", listed.text());

    assert_eq!(key_call(&world.door, Method::DELETE, &format!("/{id}"), Value::Null).await.0, 200);
    assert_eq!(world.door.holding(&token).get("/shop").await.problem(), (401, "unauthenticated".to_owned()));
    let gone = (404, "key_not_found".to_owned());
    assert_eq!(key_call(&world.door, Method::DELETE, &format!("/{id}"), Value::Null).await, gone);
    world.crash();
    assert_eq!(world.door.holding(&token).get("/shop").await.status, 401);
    let output = world.finish().await;
    assert!(!output.contains(&token[3..]), "no token in the log");
}

#[tokio::test]
async fn a_token_is_not_in_the_database() {
    let world = World::new(Kind::Sqlite).await;
    let (_, token) = world.door.key(json!({ "name": "x", "scopes": ["sessions:read"] })).await;
    for file in std::fs::read_dir(world.data_dir()).expect("it is there").flatten() {
        if file.path().is_dir() {
            // The files that clients hand in: there are none.
            continue;
        }
        let bytes = std::fs::read(file.path()).expect("it can be read");
        assert!(!bytes.windows(20).any(|part| part == &token.as_bytes()[3..23]), "{:?}", file.path());
    }
    world.finish().await;
}

#[tokio::test]
async fn when_a_key_was_used_last_survives_an_orderly_stop() {
    let mut world = World::new(Kind::Sqlite).await;
    let (_, token) = world.door.key(json!({ "name": "x", "scopes": ["sessions:read"] })).await;
    world.door.holding(&token).get("").await.ok();
    let used = |answer: Value| answer["keys"][0]["last_used_at"].as_i64().expect("it was used");
    let before = used(world.door.ask(Method::GET, "/api/v1/keys", &Value::Null).await.ok());
    world.server.stop();
    world.start_again();
    assert_eq!(used(world.door.ask(Method::GET, "/api/v1/keys", &Value::Null).await.ok()), before);
    world.finish().await;
}

#[tokio::test]
async fn bad_keys_are_refused_with_the_field_and_the_rule() {
    let world = World::new(Kind::Sqlite).await;
    let good = json!({ "name": "x", "scopes": ["sessions:read"] });
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let scopes = "sessions:read, sessions:write, sessions:pair, webhooks:read, webhooks:write, messages:read, \
                  messages:send, chats:write, profile:write, keys:admin, metrics:read";
    let rows = [
        (json!({ "scopes": ["sessions:read"] }), "`name` is required".to_owned()),
        (json!({ "name": "x" }), "`scopes` is required".to_owned()),
        (with("name", json!("  ")), "`name` must not be empty".to_owned()),
        (with("name", json!("n".repeat(101))), "`name` must have at most 100 characters".to_owned()),
        (with("scopes", json!([])), "`scopes` must name at least one scope".to_owned()),
        (with("scopes", json!(["root"])), format!("`scopes[0]` must be one of {scopes}")),
        (with("sessions", json!([])), "`sessions` must name 1 to 1000 sessions".to_owned()),
        (
            with("sessions", json!(["a b"])),
            "`sessions` must be ids that match ^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$".to_owned(),
        ),
        (with("expires_at", json!(1)), "`expires_at` must lie in the future".to_owned()),
        (with("expires_at", json!("tomorrow")), "`expires_at` must be a whole number".to_owned()),
    ];
    for (body, detail) in rows {
        let answer = world.door.ask(Method::POST, "/api/v1/keys", &body).await;
        assert_eq!(answer.json()["detail"], detail, "{body}");
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{body}");
    }
    let (key, _) = world.door.key(good).await;
    let path = format!("/{}/rotate", key["id"].as_str().expect("an id"));
    let refused = key_call(&world.door, Method::POST, &path, json!({ "overlap_seconds": 604_801 })).await;
    assert_eq!(refused, (422, "invalid".to_owned()));
    let listed = world.door.ask(Method::GET, "/api/v1/keys", &Value::Null).await.ok();
    assert_eq!(listed["keys"].as_array().expect("a list").len(), 1, "the refused ones changed nothing");
    world.finish().await;
}

#[tokio::test]
async fn a_key_cannot_give_away_more_than_it_has() {
    let world = World::new(Kind::Sqlite).await;
    let later = 4_000_000_000_i64;
    let (strong, _) = world.door.key(json!({ "name": "strong", "scopes": ["keys:admin", "sessions:write"] })).await;
    let body = json!({
        "name": "chief", "scopes": ["keys:admin", "sessions:read"], "sessions": ["a", "b"], "expires_at": later,
    });
    let (chief, token) = world.door.key(body).await;
    let door = world.door.holding(&token);
    let make = |body: Value| {
        let door = door.clone();
        async move { key_call(&door, Method::POST, "", body).await }
    };
    let forbidden = (403, "forbidden".to_owned());
    assert_eq!(make(json!({ "name": "x", "scopes": ["sessions:write"] })).await, forbidden);
    assert_eq!(make(json!({ "name": "x", "scopes": ["sessions:read"], "sessions": ["a", "c"] })).await, forbidden);
    assert_eq!(make(json!({ "name": "x", "scopes": ["sessions:read"], "expires_at": later + 1 })).await, forbidden);

    // What is not said is what the maker has.
    let (child, _) = door.key(json!({ "name": "child", "scopes": ["sessions:read"] })).await;
    assert_eq!((&child["sessions"], &child["expires_at"]), (&json!(["a", "b"]), &json!(later)));
    assert_eq!(child["created_by"], chief["id"]);

    // Stronger keys are not there: whoever could rotate one would have its token.
    let listed = door.ask(Method::GET, "/api/v1/keys", &Value::Null).await.ok();
    let names: Vec<_> = listed["keys"].as_array().expect("a list").iter().map(|key| key["name"].clone()).collect();
    assert_eq!(names, ["chief", "child"]);
    let path = format!("/{}", strong["id"].as_str().expect("an id"));
    let absent = (404, "key_not_found".to_owned());
    assert_eq!(key_call(&door, Method::POST, &format!("{path}/rotate"), Value::Null).await, absent);
    assert_eq!(key_call(&door, Method::DELETE, &path, Value::Null).await, absent);
    assert_eq!(
        key_call(&door, Method::POST, &format!("/{}/rotate", child["id"].as_str().expect("an id")), Value::Null)
            .await
            .0,
        200
    );
    world.finish().await;
}

#[tokio::test]
async fn a_key_for_some_sessions_creates_and_sees_only_those() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("foreign").await;
    let scopes = ["sessions:read", "sessions:write", "sessions:pair"];
    let (_, token) = world.door.key(json!({ "name": "x", "scopes": scopes, "sessions": ["own", "later"] })).await;
    let door = world.door.holding(&token);
    let mut socket = Socket::holding(world.server.base(), &token).await;
    socket.subscribe("all", "subscription { sessionsUpdated { id } }").await;
    assert_eq!(door.post("", json!({ "id": "other" })).await.problem(), (403, "forbidden".to_owned()));
    assert_eq!(door.post("", json!({})).await.problem(), (403, "forbidden".to_owned()));
    door.create("own").await;
    world.door.update("foreign", json!({ "name": "Changed" })).await.ok();
    door.update("own", json!({ "name": "Mine" })).await.ok();
    let listed = door.get("").await.ok();
    assert_eq!((&listed["total"], &listed["sessions"][0]["id"]), (&json!(1), &json!("own")));
    let query = r#"{ sessions(first: 10) { totalCount nodes { id } } node(id: "foreign") { id } me { sessions } }"#;
    let seen = door.asked(query, Value::Null).await;
    assert_eq!(seen["sessions"], json!({ "totalCount": 1, "nodes": [{ "id": "own" }] }));
    assert_eq!((&seen["node"], &seen["me"]["sessions"]), (&Value::Null, &json!(["later", "own"])));
    door.create("later").await;
    let mut seen = std::collections::BTreeSet::new();
    while !seen.contains("later") {
        seen.insert(socket.next("all", "sessionsUpdated").await["id"].as_str().expect("an id").to_owned());
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["later", "own"]);
    world.finish().await;
}

#[tokio::test]
async fn who_may_only_pair_sees_codes_and_nothing_else() {
    let world = World::new(Kind::Sqlite).await;
    world.door.post("", json!({ "id": "shop", "name": "Secret", "metadata": { "a": "b" } })).await.ok();
    world.reaches("shop", "waiting_for_qr").await;
    world.sim.phone("15550100001");
    let (_, token) = world.door.key(json!({ "name": "x", "scopes": ["sessions:pair"] })).await;
    let door = world.door.holding(&token);
    assert!(door.get("/shop/qr").await.ok()["qr_codes"][0].is_string());
    let pair = r#"mutation { pairSession(input: { id: "shop", phoneNumber: "+1 555 010-0001" }) {
        status name metadata pairCode { code } } }"#;
    let shown = door.asked(pair, Value::Null).await["pairSession"].clone();
    assert!(shown["pairCode"]["code"].is_string(), "{shown}");
    assert_eq!((&shown["name"], &shown["metadata"]), (&Value::Null, &json!({})));
    let (_, token) = world.door.key(json!({ "name": "x", "scopes": ["sessions:read"] })).await;
    let query = r#"{ session(id: "shop") { status qr { code } pairCode { code } } }"#;
    let shown = world.door.holding(&token).asked(query, Value::Null).await["session"].clone();
    assert_eq!((&shown["qr"], &shown["pairCode"]), (&Value::Null, &Value::Null), "codes are for who may pair");
    world.finish().await;
}

#[derive(Clone, Copy, Debug)]
enum End {
    Deleted,
    Expired,
    RotatedAway,
}

#[rstest]
#[tokio::test]
async fn what_lives_by_a_key_ends_with_it(#[values(End::Deleted, End::Expired, End::RotatedAway)] end: End) {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let now = || SystemTime::UNIX_EPOCH.elapsed().expect("it is later");
    let moment = now().as_secs() + 3;
    let expires_at = matches!(end, End::Expired).then_some(moment);
    let (key, token) =
        world.door.key(json!({ "name": "x", "scopes": ["sessions:read"], "expires_at": expires_at })).await;
    let mut socket = Socket::holding(world.server.base(), &token).await;
    socket.subscribe("1", FOLLOW).await;
    socket.next("1", "sessionUpdated").await;
    let body = json!({ "query": FOLLOW });
    let request = world.door.holding(&token).request(Method::POST, "/graphql/stream").json(&body);
    let stream = request.send().await.expect("it answers");

    let path = format!("/{}", key["id"].as_str().expect("an id"));
    let due = match end {
        End::Deleted => {
            key_call(&world.door, Method::DELETE, &path, Value::Null).await;
            Instant::now()
        }
        End::RotatedAway => {
            key_call(&world.door, Method::POST, &format!("{path}/rotate"), json!({ "overlap_seconds": 0 })).await;
            Instant::now()
        }
        End::Expired => Instant::now() + Duration::from_secs(moment).saturating_sub(now()),
    };
    assert_eq!(socket.closed().await, 4403);
    let text = stream.text().await.expect("it ends in order");
    assert!(text.contains("event: complete"), "{text}");
    assert!(Instant::now().saturating_duration_since(due) < Duration::from_secs(1), "within a second");
    assert_eq!(world.door.holding(&token).get("/shop").await.status, 401);
    world.finish().await;
}

#[tokio::test]
async fn a_rotation_keeps_the_old_token_alive_for_the_overlap() {
    let mut world = World::new(Kind::Sqlite).await;
    let (key, first) = world.door.key(json!({ "name": "x", "scopes": ["sessions:read"] })).await;
    let path = format!("/api/v1/keys/{}/rotate", key["id"].as_str().expect("an id"));
    let rotate = async |door: &Door| {
        let answer = door.ask(Method::POST, &path, &json!({ "overlap_seconds": 600 })).await.ok();
        assert!(answer["key"]["old_token_expires_at"].is_i64(), "{}", answer["key"]);
        assert_eq!(answer["key"]["id"], key["id"]);
        answer["token"].as_str().expect("a token").to_owned()
    };
    let works = async |door: &Door, token: &str| door.holding(token).get("").await.status == 200;
    let second = rotate(&world.door).await;
    world.crash();
    assert!(works(&world.door, &first).await && works(&world.door, &second).await);
    // There is one token before the present one, not two.
    let third = rotate(&world.door).await;
    assert!(!works(&world.door, &first).await);
    assert!(works(&world.door, &second).await && works(&world.door, &third).await);
    world.finish().await;
}

#[tokio::test]
async fn keys_are_the_same_through_graphql() {
    let world = World::new(Kind::Sqlite).await;
    let create = "mutation ($input: CreateKeyInput!) { createKey(input: $input) { token key {
        id name scopes sessions expiresAt lastUsedAt createdAt createdBy oldTokenExpiresAt } } }";
    let input = json!({ "name": "x", "scopes": ["KEYS_ADMIN", "SESSIONS_READ"], "sessions": ["shop"],
        "expiresAt": "2096-01-01T00:00:00Z" });
    let made = world.door.asked(create, json!({ "input": input })).await["createKey"].clone();
    assert_eq!(made["key"]["scopes"], json!(["SESSIONS_READ", "KEYS_ADMIN"]));
    assert_eq!(made["key"]["expiresAt"], "2096-01-01T00:00:00.000Z");
    let door = world.door.holding(made["token"].as_str().expect("a token"));
    let query =
        "{ me { keyId name scopes sessions expiresAt } keys(first: 1) { nodes { id } pageInfo { hasNextPage } } }";
    let seen = door.asked(query, Value::Null).await;
    assert_eq!((&seen["me"]["keyId"], &seen["me"]["name"]), (&made["key"]["id"], &json!("x")));
    assert_eq!(seen["keys"], json!({ "nodes": [{ "id": made["key"]["id"] }], "pageInfo": { "hasNextPage": false } }));
    let input = json!({ "input": { "id": made["key"]["id"] } });
    let node = "query ($id: ID!) { node(id: $id) { __typename id } }";
    let shown = door.asked(node, json!({ "id": made["key"]["id"] })).await["node"].clone();
    assert_eq!(shown, json!({ "__typename": "Key", "id": made["key"]["id"] }));
    let rotate = "mutation ($input: RotateKeyInput!) { rotateKey(input: $input) { token key { oldTokenExpiresAt } } }";
    let turned = door.asked(rotate, input.clone()).await["rotateKey"].clone();
    assert!(turned["key"]["oldTokenExpiresAt"].is_string(), "{turned}");
    let delete = "mutation ($input: KeyInput!) { deleteKey(input: $input) { id } }";
    let fresh = world.door.holding(turned["token"].as_str().expect("a token"));
    assert_eq!(fresh.asked(delete, input).await["deleteKey"]["id"], made["key"]["id"]);
    assert_eq!(fresh.get("").await.status, 401);
    world.finish().await;
}

#[tokio::test]
async fn keys_come_in_pages() {
    let world = World::new(Kind::Sqlite).await;
    for name in ["a", "b", "c"] {
        world.door.key(json!({ "name": name, "scopes": ["sessions:read"] })).await;
    }
    let first = world.door.ask(Method::GET, "/api/v1/keys?limit=2", &Value::Null).await.ok();
    let names = |page: &Value| page["keys"].as_array().expect("a list").iter().map(|key| key["name"].clone()).collect();
    let seen: Vec<Value> = names(&first);
    assert_eq!(seen, ["a", "b"]);
    let path = format!("/api/v1/keys?limit=2&after={}", first["next_cursor"].as_str().expect("there is more"));
    let second = world.door.ask(Method::GET, &path, &Value::Null).await.ok();
    let seen: Vec<Value> = names(&second);
    assert_eq!((seen, &second["next_cursor"]), (vec![json!("c")], &Value::Null));
    world.finish().await;
}

#[tokio::test]
async fn a_list_of_keys_without_a_size_has_a_hundred_and_says_where_to_go_on() {
    let world = World::new(Kind::Sqlite).await;
    for number in 0..101 {
        world.door.key(json!({ "name": format!("key {number}"), "scopes": ["sessions:read"] })).await;
    }
    let first = world.door.ask(Method::GET, "/api/v1/keys", &Value::Null).await.ok();
    assert_eq!(first["keys"].as_array().map(Vec::len), Some(100));
    let path = format!("/api/v1/keys?after={}", first["next_cursor"].as_str().expect("there is more"));
    let second = world.door.ask(Method::GET, &path, &Value::Null).await.ok();
    assert_eq!((&second["keys"][0]["name"], &second["keys"][1]), (&json!("key 100"), &Value::Null));
    assert_eq!(second["next_cursor"], Value::Null);
    world.finish().await;
}

#[tokio::test]
async fn a_moment_that_no_clock_shows_is_refused_in_every_field_that_takes_one() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let new = json!({ "url": "https://receiver.invalid/" });
    let webhook = world.door.post("/shop/webhooks", new).await.ok()["id"].as_str().expect("an id").to_owned();
    let replay = format!("/api/v1/webhooks/{webhook}/replay");
    for far in [-1, -9_223_372_036_854_775, 253_402_300_800, 9_223_372_036_854_775, i64::MAX] {
        let rows = [
            ("/api/v1/keys", "expires_at", json!({ "name": "x", "scopes": ["sessions:read"], "expires_at": far })),
            (&replay, "from", json!({ "from": far })),
            (&replay, "to", json!({ "from": 0, "to": far })),
        ];
        for (path, field, body) in rows {
            let answer = world.door.ask(Method::POST, path, &body).await;
            assert_eq!(answer.json()["detail"], format!("`{field}` must be from 0 to 253402300799"), "{body}");
            assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{body}");
        }
    }
    for far in ["1969-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00Z"] {
        let key = format!(
            r#"mutation {{ createKey(input: {{ name: "x", scopes: [SESSIONS_READ], expiresAt: "{far}" }}) {{ token }} }}"#
        );
        let range = |range: &str| {
            format!(r#"mutation {{ replayWebhook(input: {{ id: "{webhook}", {range} }}) {{ queued }} }}"#)
        };
        let to = range(&format!(r#"from: "1970-01-01T00:00:00Z", to: "{far}""#));
        for query in [key, range(&format!(r#"from: "{far}""#)), to] {
            assert_eq!(world.door.graph_failure(&query, Value::Null).await, "graphql_invalid", "{query}");
        }
    }
    // The last moment is one, and both doors name it alike.
    let last = json!({ "name": "last", "scopes": ["sessions:read"], "expires_at": 253_402_300_799_i64 });
    assert_eq!(world.door.key(last).await.0["expires_at"], 253_402_300_799_i64);
    let keys = world.door.asked("{ keys { nodes { name expiresAt } } }", Value::Null).await;
    assert_eq!(keys["keys"]["nodes"], json!([{ "name": "last", "expiresAt": "9999-12-31T23:59:59.000Z" }]));
    // Other numbers at their ends: none is taken, none breaks anything.
    for (path, body) in [
        ("/api/v1/sessions/shop/pairing-links".to_owned(), json!({ "expires_in": u64::MAX })),
        (format!("/api/v1/webhooks/{webhook}/secret/rotate"), json!({ "overlap_seconds": u64::MAX })),
        (replay.clone(), json!({ "after": "ZTotOTIyMzM3MjAzNjg1NDc3NTgwOA" })),
    ] {
        assert_eq!(world.door.ask(Method::POST, &path, &body).await.problem(), (422, "invalid".to_owned()), "{path}");
    }
    for path in
        ["/events?after=ZTotMQ", "/events?limit=4294967296", "/keys?limit=-1", "/sessions?limit=99999999999999999999"]
    {
        let answer = world.door.ask(Method::GET, &format!("/api/v1{path}"), &Value::Null).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{path}");
    }
    world.finish().await;
}
