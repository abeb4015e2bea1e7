//! Nobody reads through a webhook what they may not read themselves, and no receiver gets what was meant for another.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use standardwebhooks::Webhook as Verifier;
use waypost::caller::Caller;
use waypost::error::ErrorKind;
use waypost::webhook::{rules, store};
use whatsapp_simulator::Settings;

use crate::support::receiver::{Received, Receiver};
use crate::support::webhook::{Way, Webhooks};
use crate::support::webhook_fixture::{WebhookFixture, to};
use crate::support::world::{Kind, World};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn world(kind: Kind) -> World {
    World::with(kind, Settings::default(), &["--egress-allow", "127.0.0.0/8", "--webhook-retries", "1s"]).await
}

/// The session's webhooks as the holder of a key with these scopes has them.
async fn held(world: &World, way: Way, scopes: &[&str]) -> Webhooks {
    let (_, token) = world.door.key(json!({ "name": "hooks", "scopes": scopes })).await;
    Webhooks::of(&world.door.holding(&token), way, "shop")
}

fn id(webhook: &Value) -> &str {
    webhook["id"].as_str().expect("an id")
}

/// All that came until the session was at rest.
async fn until_disconnected(receiver: &Receiver) -> Vec<Value> {
    let is_last = |post: &Received| post.json()["data"]["status"] == "disconnected";
    let received = receiver.until("the disconnection", |received| received.iter().any(is_last)).await;
    received.iter().map(Received::json).collect()
}

/// The beginning of time, as the door has it.
fn always(way: Way) -> Value {
    if way == Way::Graph { json!("1970-01-01T00:00:01Z") } else { json!(1) }
}

#[rstest]
#[tokio::test]
async fn a_key_that_may_not_read_messages_lets_nobody_get_any(#[values(Way::Session, Way::All, Way::Graph)] way: Way) {
    let (world, receiver) = (world(Kind::Sqlite).await, Receiver::start().await);
    world.door.create("shop").await;
    let new =
        json!({ "url": receiver.url("/old"), "events": ["message"], "headers": { "Authorization": "Bearer PLANTED" } });
    let webhook = Webhooks::of(&world.door, way, "shop").create(new).await.expect("it is created");
    let blind = held(&world, way, &["webhooks:read", "webhooks:write"]).await;
    let forbidden = Err("forbidden".to_owned());
    assert_eq!(blind.create(json!({ "url": receiver.url("/mine") })).await, forbidden);
    assert_eq!(blind.change(id(&webhook), json!({ "url": receiver.url("/mine") })).await, forbidden);
    assert_eq!(blind.change(id(&webhook), json!({ "events": ["all"] })).await, forbidden);
    assert_eq!(blind.change(id(&webhook), json!({ "filters": { "ignore_own": false } })).await, forbidden);
    assert_eq!(blind.replay(id(&webhook), json!({ "from": always(way) })).await, forbidden);
    // What gives it nothing to read it may do.
    blind
        .change(id(&webhook), json!({ "enabled": false, "ordered": false, "headers": {} }))
        .await
        .expect("it is changed");
    blind.enable(id(&webhook)).await.expect("it is switched on");
    let with_session = json!({ "id": "other", "webhook": { "url": receiver.url("/mine") } });
    let (_, token) = world.door.key(json!({ "name": "x", "scopes": ["sessions:write", "webhooks:write"] })).await;
    assert_eq!(world.door.holding(&token).post("", with_session).await.problem(), (403, "forbidden".to_owned()));
    assert_eq!(world.door.get("/other").await.problem().0, 404);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_key_that_may_not_pair_lets_nobody_get_codes(#[values(Way::Session, Way::All, Way::Graph)] way: Way) {
    let (world, receiver) = (world(Kind::Sqlite).await, Receiver::start().await);
    world.door.create("shop").await;
    let reader = held(&world, way, &["webhooks:write", "messages:read"]).await;
    let named = json!({ "url": receiver.url("/mine"), "events": ["message", "qr_code"] });
    assert_eq!(reader.create(named).await, Err("forbidden".to_owned()));
    let all = reader.create(json!({ "url": receiver.url("/mine"), "events": ["all"] })).await.expect("it is created");
    world.door.qr("shop").await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let received = until_disconnected(&receiver).await;
    assert!(received.iter().any(|post| post["event"] == "session_status"));
    assert!(!received.iter().any(|post| post["event"] == "qr_code"), "{received:?}");
    let codes = json!({ "from": always(way), "types": ["qr_code"] });
    assert_eq!(
        reader.replay(id(&all), codes.clone()).await,
        Err("invalid".to_owned()),
        "the webhook does not get them"
    );

    // One of somebody who may: its codes go nowhere else by this key.
    let owned = Webhooks::of(&world.door, way, "shop").create(json!({ "url": receiver.url("/owner") })).await;
    let owned = owned.expect("it is created");
    assert_eq!(reader.change(id(&owned), json!({ "url": receiver.url("/mine") })).await, Err("forbidden".to_owned()));
    assert_eq!(reader.replay(id(&owned), codes).await, Err("forbidden".to_owned()));
    let before = receiver.received().len();
    let queued =
        reader.replay(id(&owned), json!({ "from": always(way) })).await.expect("it is queued")["queued"].clone();
    let queued = usize::try_from(queued.as_u64().expect("a number")).expect("it is small");
    let replayed = receiver.gets(before + queued).await.split_off(before);
    assert!(!replayed.iter().any(|post| post.json()["event"] == "qr_code"));
    // Restated by this key, it is without codes and may be moved.
    let changes = json!({ "url": receiver.url("/mine"), "events": ["all"] });
    reader.change(id(&owned), changes).await.expect("it is changed");
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn another_receiver_gets_neither_headers_nor_signature_of_the_one_before(
    #[values(Way::Session, Way::All, Way::Graph)] way: Way,
) {
    let (world, old, new) = (world(Kind::Sqlite).await, Receiver::start().await, Receiver::start().await);
    world.door.create("shop").await;
    let webhooks = Webhooks::of(&world.door, way, "shop");
    let created = json!({
        "url": old.url("/a"), "events": ["message"], "secret": SECRET, "headers": { "Authorization": "Bearer PLANTED" },
    });
    let webhook = webhooks.create(created).await.expect("it is created");
    // The same receiver: nothing changes.
    let moved = webhooks.change(id(&webhook), json!({ "url": old.url("/b") })).await.expect("it is changed");
    assert_eq!((&moved["has_secret"], &moved["header_names"]), (&json!(true), &json!(["authorization"])));
    webhooks.ping(id(&webhook)).await.expect("it is posted");
    let post = old.gets(1).await.remove(0);
    assert!(post.headers.contains_key("authorization") && post.headers.contains_key("webhook-signature"));
    // Another one: a port is enough.
    let moved = webhooks.change(id(&webhook), json!({ "url": new.url("/a") })).await.expect("it is changed");
    assert_eq!((&moved["has_secret"], &moved["header_names"]), (&json!(false), &json!([])));
    webhooks.ping(id(&webhook)).await.expect("it is posted");
    let post = new.gets(1).await.remove(0);
    assert!(!post.headers.contains_key("authorization") && !post.headers.contains_key("webhook-signature"));
    // Sent along, it has its own.
    let changes = json!({ "url": old.url("/a"), "secret": SECRET, "headers": { "X-Tenant": "north" } });
    let moved = webhooks.change(id(&webhook), changes).await.expect("it is changed");
    assert_eq!((&moved["has_secret"], &moved["header_names"]), (&json!(true), &json!(["x-tenant"])));
    webhooks.ping(id(&webhook)).await.expect("it is posted");
    let post = old.gets(2).await.remove(1);
    assert_eq!(post.headers["x-tenant"], "north");
    Verifier::new(SECRET).expect("a secret").verify(&post.body, &post.headers).expect("it is signed");
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_a_receiver_answered_is_for_who_may_read_messages(#[values(Way::Session, Way::All, Way::Graph)] way: Way) {
    let (world, receiver) = (world(Kind::Sqlite).await, Receiver::start().await);
    world.door.create("shop").await;
    let webhooks = Webhooks::of(&world.door, way, "shop");
    let new = json!({ "url": receiver.url("/"), "events": ["session_status"] });
    let webhook = webhooks.create(new).await.expect("it is created");
    world.door.qr("shop").await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let shown = webhooks.reach(id(&webhook), "delivered", 1).await;
    assert!(shown[0]["attempts"][0]["reply"].is_string(), "{shown:?}");
    let blind = held(&world, way, &["webhooks:read"]).await.deliveries(id(&webhook), "delivered").await;
    assert_eq!((&blind[0]["attempts"][0]["reply"], &blind[0]["attempts"][0]["status"]), (&Value::Null, &json!(200)));
    world.finish().await;
}

#[tokio::test]
async fn a_text_as_secret_verifies_as_its_base64_and_other_kinds_of_keys_are_refused() {
    let (world, receiver) = (world(Kind::Sqlite).await, Receiver::start().await);
    world.door.create("shop").await;
    let webhooks = Webhooks::of(&world.door, Way::Session, "shop");
    for (nth, secret) in ["webhook-secret", "c2VjcmV0LXNlY3JldC1zZWNyZXQ=", "geheim: schlüssel"].into_iter().enumerate()
    {
        let webhook = webhooks
            .create(json!({ "url": receiver.url("/"), "events": ["message"], "secret": secret }))
            .await
            .expect("it is created");
        webhooks.ping(id(&webhook)).await.expect("it is posted");
        let post = receiver.gets(nth + 1).await.remove(nth);
        let known = format!("whsec_{}", STANDARD.encode(secret));
        Verifier::new(&known).expect("a secret").verify(&post.body, &post.headers).expect("it is signed");
    }
    for secret in ["whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whpk_MfKQ9r8G", &format!("v1,{SECRET}")] {
        let answer = world.door.post("/shop/webhooks", json!({ "url": receiver.url("/"), "secret": secret })).await;
        assert!(answer.text().contains("must not begin with"), "{}", answer.text());
        assert_eq!(answer.problem(), (422, "invalid".to_owned()));
    }
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_webhook_of_a_session_that_has_just_gone_finds_no_session(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let fixture = WebhookFixture::new(kind, &["message"]).await;
    let ghost = SessionId::parse("ghost").expect("it is one");
    let new = to("https://receiver.invalid/", &["message"]);
    let record = rules::webhook(&Caller::admin(), "", Some(ghost), new, Timestamp::from_millis(0)).expect("it is good");
    let refused = store::insert(fixture.db.write(), &record).await.expect_err("there is no such session");
    assert_eq!(refused.kind(), ErrorKind::SessionNotFound);
    let found = store::find(fixture.db.read(), &record.id).await.expect("it looks");
    assert!(found.is_none());
    fixture.close().await;
}
