//! What a receiver will never take does not stop what comes after it: it is given up soon, or by hand.

use std::time::Duration;

use entity::words::webhook::DeliveryState;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use waypost::caller::Caller;
use waypost::webhook::types::WebhookChanges;
use whatsapp_simulator::Settings;

use crate::support::receiver::Receiver;
use crate::support::webhook::{Way, Webhooks};
use crate::support::webhook_fixture::{HOUR, WebhookFixture};
use crate::support::world::{Kind, World};

const MINUTE: Duration = Duration::from_secs(60);

#[rstest]
#[tokio::test]
async fn what_is_refused_for_good_holds_up_the_others_for_minutes(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(400, 401, 404, 413, 422, 451)] status: u16,
) {
    let fixture = WebhookFixture::new(kind, &["offline_sync_completed"]).await;
    fixture.receiver.then([status; 4]);
    fixture.happens(0).await;
    fixture.happens(1).await;
    // After the first in about 5 s, 30 s and 5 min.
    fixture.pass(9, MINUTE).await;
    assert_eq!(fixture.came(), [0, 0, 0, 0, 1]);
    let dead = fixture.deliveries(Some(DeliveryState::Dead)).await;
    assert_eq!(dead.iter().map(|delivery| delivery.attempts.len()).collect::<Vec<_>>(), [4]);
    // The receiver was mended.
    fixture.webhooks.retry(&Caller::admin(), &fixture.which, &dead[0].id).await.expect("it is there");
    fixture.rests().await;
    assert_eq!(fixture.came(), [0, 0, 0, 0, 1, 0]);
    fixture.close().await;
}

#[tokio::test]
async fn who_only_asks_for_another_time_is_not_given_up() {
    let fixture = WebhookFixture::new(Kind::Sqlite, &["offline_sync_completed"]).await;
    fixture.receiver.then([408, 425, 429, 408, 425, 500, 503]);
    fixture.happens(0).await;
    fixture.pass(48, HOUR).await;
    assert_eq!(fixture.came(), [0; 8]);
    assert_eq!(fixture.deliveries(Some(DeliveryState::Delivered)).await.len(), 1);
    fixture.close().await;
}

#[tokio::test]
async fn a_receiver_that_was_down_before_it_refused_is_asked_as_often() {
    let fixture = WebhookFixture::new(Kind::Sqlite, &["offline_sync_completed"]).await;
    fixture.receiver.then([503, 503, 503, 503, 404, 404, 404]);
    fixture.happens(0).await;
    fixture.pass(48, HOUR).await;
    assert_eq!(fixture.came(), [0; 8]);
    assert_eq!(fixture.deliveries(Some(DeliveryState::Delivered)).await.len(), 1);
    fixture.close().await;
}

#[rstest]
#[tokio::test]
async fn a_delivery_is_discarded_by_hand_and_the_others_come(
    #[values(Way::Session, Way::All, Way::Graph)] way: Way,
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let flags = ["--egress-allow", "127.0.0.0/8", "--webhook-retries", "1h,1h,1h"];
    let (world, receiver) = (World::with(kind, Settings::default(), &flags).await, Receiver::start().await);
    world.linked("shop").await;
    let webhooks = Webhooks::of(&world.door, way, "shop");
    let webhook = webhooks.create(json!({ "url": receiver.url("/hook"), "events": ["message"] })).await.expect("one");
    let id = webhook["id"].as_str().expect("an id");
    let friend = world.sim.phone("15550100077");
    receiver.then([500]);
    for text in ["POISON", "one", "two"] {
        friend.send("15550100001", text).await.expect("it is sent");
    }
    receiver.gets(1).await;
    let waiting = webhooks.reach(id, "pending", 3).await;
    let poison = waiting[2]["id"].as_str().expect("an id");
    let discarded = webhooks.discard(id, poison).await.expect("it is there");
    assert_eq!((&discarded["id"], &discarded["state"]), (&waiting[2]["id"], &json!("discarded")));
    let texts = async |count| -> Vec<Value> {
        receiver.gets(count).await.iter().map(|received| received.json()["data"]["text"].clone()).collect()
    };
    assert_eq!(texts(3).await, ["POISON", "one", "two"]);
    // What came stays so, what is not there is not found, and nobody is bound to what was decided.
    let delivered = webhooks.reach(id, "delivered", 2).await;
    let one = delivered[1]["id"].as_str().expect("an id");
    assert_eq!(webhooks.discard(id, one).await.expect("it is there")["state"], "delivered");
    assert_eq!(webhooks.discard(id, poison).await.expect("it is there"), discarded);
    assert_eq!(webhooks.discard(id, "dlv_0").await, Err("delivery_not_found".to_owned()));
    webhooks.retry(id, poison).await.expect("it is there");
    assert_eq!(texts(4).await, ["POISON", "one", "two", "POISON"]);
    webhooks.reach(id, "delivered", 3).await;
    assert_eq!(webhooks.deliveries(id, "discarded").await, Vec::<Value>::new());
    world.finish().await;
}

#[tokio::test]
async fn whoever_lets_the_others_by_can_go_back_to_the_order_without_the_one_that_stood_in_the_way() {
    let fixture = WebhookFixture::new(Kind::Sqlite, &["offline_sync_completed"]).await;
    fixture.receiver.then([500, 500]);
    for count in 0..3 {
        fixture.happens(count).await;
    }
    fixture.rests().await;
    assert_eq!(fixture.came(), [0]);
    let ordered = async |ordered| {
        let changes = WebhookChanges { ordered: Some(ordered), ..WebhookChanges::default() };
        fixture.webhooks.update(&Caller::admin(), &fixture.which, changes).await.expect("it is there");
        fixture.rests().await;
    };
    ordered(false).await;
    assert_eq!(fixture.came(), [0, 0, 1, 2]);
    fixture.receiver.then([500]);
    ordered(true).await;
    fixture.happens(3).await;
    fixture.rests().await;
    assert_eq!(fixture.came(), [0, 0, 1, 2, 0], "in order, what is later waits for it");
    let waiting = fixture.deliveries(Some(DeliveryState::Pending)).await;
    fixture.webhooks.discard(&Caller::admin(), &fixture.which, &waiting[0].id).await.expect("it is there");
    fixture.rests().await;
    assert_eq!(fixture.came(), [0, 0, 1, 2, 0, 3]);
    fixture.close().await;
}

#[rstest]
#[tokio::test]
async fn what_is_discarded_while_its_lane_is_worked_is_not_posted(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let fixture = WebhookFixture::new(kind, &["offline_sync_completed"]).await;
    fixture.receiver.then([500]);
    for count in 0..5 {
        fixture.happens(count).await;
    }
    fixture.rests().await;
    fixture.receiver.hold();
    fixture.receiver.then([500]);
    fixture.clock.advance(Duration::from_secs(10));
    fixture.webhooks.wake_scheduler();
    fixture.receiver.gets(2).await;
    // The one that is being posted, and one that was taken from the lane with it.
    let waiting = fixture.deliveries(Some(DeliveryState::Pending)).await;
    for delivery in [&waiting[0], &waiting[2]] {
        fixture.webhooks.discard(&Caller::admin(), &fixture.which, &delivery.id).await.expect("it is there");
    }
    fixture.receiver.go_on();
    fixture.pass(1, MINUTE).await;
    assert_eq!(fixture.came(), [0, 0, 1, 3, 4]);
    assert_eq!(fixture.deliveries(Some(DeliveryState::Discarded)).await.len(), 2);
    // Its last attempt was counted although it was discarded meanwhile.
    fixture.webhooks.retry(&Caller::admin(), &fixture.which, &waiting[0].id).await.expect("it is there");
    fixture.rests().await;
    assert_eq!(fixture.came(), [0, 0, 1, 3, 4, 0]);
    let again =
        fixture.deliveries(Some(DeliveryState::Delivered)).await.into_iter().find(|one| one.id == waiting[0].id);
    assert_eq!(again.map(|delivery| delivery.attempts.len()), Some(3));
    fixture.close().await;
}

#[rstest]
#[tokio::test]
async fn whoever_deletes_a_webhook_is_told_what_nobody_gets_any_more(
    #[values("/api/v1/sessions/shop/webhooks", "/api/v1/webhooks")] path: &str,
) {
    let flags = ["--egress-allow", "127.0.0.0/8", "--webhook-retries", "1h"];
    let (world, receiver) = (World::with(Kind::Sqlite, Settings::default(), &flags).await, Receiver::start().await);
    world.linked("shop").await;
    let webhooks = Webhooks::of(&world.door, Way::Session, "shop");
    let new = json!({ "url": receiver.url("/hook"), "events": ["message"] });
    let made = [webhooks.create(new.clone()).await.expect("one"), webhooks.create(new).await.expect("one")];
    let ids = made.each_ref().map(|webhook| webhook["id"].as_str().expect("an id"));
    receiver.always(500);
    world.sim.phone("15550100077").send("15550100001", "one").await.expect("it is sent");
    webhooks.reach(ids[0], "pending", 1).await;
    webhooks
        .discard(ids[1], webhooks.reach(ids[1], "pending", 1).await[0]["id"].as_str().expect("an id"))
        .await
        .expect("one");
    for (id, message) in
        [(ids[0], "Webhook deleted; deliveries that waited for it and are discarded: 1"), (ids[1], "Webhook deleted")]
    {
        let deleted = world.door.ask(Method::DELETE, &format!("{path}/{id}"), &Value::Null).await.ok();
        assert_eq!(deleted["message"], message);
    }
    world.finish().await;
}
