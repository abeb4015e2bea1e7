//! What can be done to webhooks comes to the same below their session, beside all others, and over GraphQL.

use rstest::rstest;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use whatsapp_simulator::Settings;

use crate::support::receiver::{Received, Receiver};
use crate::support::webhook::{Way, Webhooks};
use crate::support::world::{Kind, World};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn world(kind: Kind) -> World {
    let flags = ["--egress-allow", "127.0.0.0/8", "--webhook-retries", "1s,1s"];
    World::with(kind, Settings::default(), &flags).await
}

async fn send(world: &World, text: &str) {
    world.sim.phone("15550100077").send("15550100001", text).await.expect("it is sent");
}

fn id(webhook: &Value) -> &str {
    webhook["id"].as_str().expect("an id")
}

/// Whether the library of Standard Webhooks finds the secret's signature on a request.
fn is_signed_with(received: &Received, secret: &str) -> bool {
    let webhook = Webhook::new(secret).expect("it is a secret");
    webhook.verify(&received.body, &received.headers).is_ok()
}

#[rstest]
#[tokio::test]
async fn a_webhook_lives_the_same_life_whichever_way_it_is_reached(
    #[values(Way::Session, Way::All, Way::Graph)] way: Way,
) {
    let (world, receiver) = (world(Kind::Sqlite).await, Receiver::start().await);
    world.linked("shop").await;
    let webhooks = Webhooks::of(&world.door, way, "shop");
    let new = json!({
        "url": receiver.url("/hook"), "events": ["message"], "secret": SECRET, "headers": { "X-Tenant": "north" },
        "filters": { "ignore_own": true }, "ordered": false,
    });
    let webhook = webhooks.create(new).await.expect("it is created");
    let expected = json!({
        "id": webhook["id"], "session_id": "shop", "url": receiver.url("/hook"), "events": ["message"],
        "header_names": ["x-tenant"], "ordered": false, "enabled": true, "disabled_reason": null, "has_secret": true,
        "filters": { "ignore_groups": false, "ignore_status": false, "ignore_own": true, "ignore_channels": false, "ignore_broadcasts": false }, "failing_since": null,
        "last_error": null,
    });
    assert_eq!(webhook, expected);
    assert_eq!((webhooks.show(id(&webhook)).await, webhooks.list().await), (Ok(expected.clone()), vec![expected]));

    let pinged = webhooks.ping(id(&webhook)).await.expect("it is posted");
    assert_eq!((&pinged["status"], &pinged["error"]), (&json!(200), &Value::Null));
    assert_eq!(receiver.gets(1).await[0].json()["event"], "test");

    send(&world, "one").await;
    let delivered = webhooks.reach(id(&webhook), "delivered", 1).await;
    assert_eq!((&delivered[0]["event"], &delivered[0]["session_id"]), (&json!("message"), &json!("shop")));
    assert_eq!((&delivered[0]["webhook_id"], &delivered[0]["attempts"][0]["status"]), (&webhook["id"], &json!(200)));

    // Three attempts, then it is dead until somebody wants it.
    receiver.then([500, 500, 500]);
    send(&world, "two").await;
    let dead = webhooks.reach(id(&webhook), "dead", 1).await;
    assert_eq!(dead[0]["attempts"][2]["error"], "the receiver answered 500");
    let retried = webhooks.retry(id(&webhook), id(&dead[0])).await.expect("it is there");
    assert_eq!((&retried["id"], &retried["state"]), (&dead[0]["id"], &json!("pending")));
    webhooks.reach(id(&webhook), "delivered", 2).await;

    let changes = json!({ "enabled": false, "headers": {}, "ordered": true });
    let changed = webhooks.change(id(&webhook), changes).await.expect("it is changed");
    assert_eq!((&changed["disabled_reason"], &changed["header_names"]), (&json!("requested"), &json!([])));
    let enabled = webhooks.enable(id(&webhook)).await.expect("it is there");
    assert_eq!((&enabled["enabled"], &enabled["disabled_reason"]), (&json!(true), &Value::Null));

    let first = world.door.get("/shop/events?type=message&limit=1").await.ok()["next_cursor"].clone();
    let replayed = webhooks.replay(id(&webhook), json!({ "after": first })).await.expect("it is queued");
    assert_eq!(replayed["queued"], 1);
    webhooks.reach(id(&webhook), "delivered", 3).await;

    webhooks.remove(id(&webhook)).await.expect("it is there");
    assert_eq!(webhooks.show(id(&webhook)).await, Err("webhook_not_found".to_owned()));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_is_wrong_with_a_webhook_is_refused_alike(#[values(Way::Session, Way::Graph)] way: Way) {
    let world = world(Kind::Sqlite).await;
    world.door.create("shop").await;
    let webhooks = Webhooks::of(&world.door, way, "shop");
    let wrong = [
        json!({ "url": "ftp://127.0.0.1/" }),
        json!({ "url": "http://10.0.0.1/" }),
        json!({ "url": "http://127.0.0.1:1/", "events": ["nothing"] }),
        json!({ "url": "http://127.0.0.1:1/", "secret": "" }),
        json!({ "url": "http://127.0.0.1:1/", "secret": "whsec_not base64" }),
        json!({ "url": "http://127.0.0.1:1/", "headers": { "Host": "elsewhere" } }),
        json!({ "url": "http://127.0.0.1:1/", "headers": { "X-A": "a\nb" } }),
    ];
    for new in wrong {
        assert_eq!(webhooks.create(new.clone()).await, Err("invalid".to_owned()), "{new}");
    }
    assert_eq!(webhooks.list().await, Vec::<Value>::new());
    let begin = if way == Way::Graph { json!("1970-01-01T00:00:01Z") } else { json!(1) };
    let strange = "whk_00000000000000000000000000000000";
    for refused in [
        webhooks.show(strange).await,
        webhooks.change(strange, json!({ "ordered": true })).await,
        webhooks.remove(strange).await,
        webhooks.ping(strange).await,
        webhooks.enable(strange).await,
        webhooks.rotate(strange, json!({})).await,
        webhooks.replay(strange, json!({ "from": begin })).await,
        webhooks.retry(strange, "dlv_0").await,
    ] {
        assert_eq!(refused, Err("webhook_not_found".to_owned()));
    }
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn both_secrets_sign_during_the_overlap_and_one_after_it(
    #[values(Way::Session, Way::All, Way::Graph)] way: Way,
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (world, receiver) = (world(kind).await, Receiver::start().await);
    world.linked("shop").await;
    let webhooks = Webhooks::of(&world.door, way, "shop");
    let new = json!({ "url": receiver.url("/hook"), "events": ["message"], "secret": SECRET });
    let webhook = webhooks.create(new).await.expect("it is created");
    let signed = async |text: &str, count: usize, secrets: [&str; 3]| {
        send(&world, text).await;
        let received = receiver.gets(count).await.remove(count - 1);
        assert_eq!(received.json()["data"]["text"], text);
        secrets.map(|secret| is_signed_with(&received, secret))
    };
    assert_eq!(signed("one", 1, [SECRET; 3]).await, [true; 3]);

    let rotated = webhooks.rotate(id(&webhook), json!({})).await.expect("it is rotated");
    let second = rotated["secret"].as_str().expect("a secret").to_owned();
    assert_eq!(signed("two", 2, [SECRET, &second, &second]).await, [true, true, true]);

    // At once: the one before signs no more.
    let third = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let rotated = webhooks.rotate(id(&webhook), json!({ "secret": third, "overlap_seconds": 0 })).await;
    assert_eq!(rotated.expect("it is rotated")["secret"], third);
    assert_eq!(signed("three", 3, [SECRET, &second, third]).await, [false, false, true]);
    let shown = webhooks.list().await.iter().map(Value::to_string).collect::<String>();
    assert!(![SECRET, &second, third].iter().any(|secret| shown.contains(secret)));
    let log = world.finish().await;
    assert!(![SECRET, &second, third].iter().any(|secret| log.contains(secret)), "no secret in the log");
}

#[tokio::test]
async fn each_webhook_of_a_session_gets_what_it_asked_for_and_fails_alone() {
    let world = world(Kind::Sqlite).await;
    world.linked("shop").await;
    let (texts, all, broken) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    broken.always(500);
    let webhooks = Webhooks::of(&world.door, Way::Session, "shop");
    let mut made = Vec::new();
    for (receiver, events) in [(&texts, json!(["message"])), (&all, json!([])), (&broken, json!(["message"]))] {
        let new = json!({ "url": receiver.url("/hook"), "events": events });
        made.push(webhooks.create(new).await.expect("it is created"));
    }
    assert_eq!(webhooks.list().await, made);
    send(&world, "one").await;
    webhooks.reach(id(&made[2]), "dead", 1).await;
    send(&world, "two").await;
    texts.gets(2).await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let got = all.until("disconnected", |got| got.iter().any(|got| got.json()["event"] == "disconnected")).await;
    let words: Vec<_> = got.iter().map(|got| got.json()["event"].clone()).collect();
    assert_eq!(words.iter().filter(|word| **word == "message").count(), 2, "{words:?}");
    let ids = |receiver: &Receiver| -> Vec<String> {
        let messages = receiver.received().into_iter().filter(|got| got.json()["event"] == "message");
        messages.map(|got| got.header("webhook-id").to_owned()).collect()
    };
    assert_eq!(ids(&texts), ids(&all), "an event has one id for all");
    let shown: Vec<_> = webhooks.list().await.iter().map(|webhook| webhook["last_error"].clone()).collect();
    assert_eq!(shown, [Value::Null, Value::Null, json!("the receiver answered 500")]);
    world.finish().await;
}
