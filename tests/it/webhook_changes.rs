//! What is changed about a webhook while it delivers counts from the next request on.

use std::time::Duration;

use entity::words::webhook::DisabledReason;
use rstest::rstest;
use waypost::caller::Caller;
use waypost::webhook::Which;
use waypost::webhook::store::{self, DisableCause, Switch};
use waypost::webhook::types::WebhookChanges;

use crate::support::receiver::{Received, Receiver};
use crate::support::webhook_fixture::{WebhookFixture, shop};
use crate::support::world::Kind;

/// An fixture whose receiver holds the first of five deliveries that were taken from their lane together.
async fn holding(kind: Kind) -> WebhookFixture {
    let fixture = WebhookFixture::new(kind, &["offline_sync_completed"]).await;
    fixture.receiver.then([500]);
    for count in 0..5 {
        fixture.happens(count).await;
    }
    fixture.rests().await;
    fixture.receiver.hold();
    fixture.clock.advance(Duration::from_secs(10));
    fixture.webhooks.wake_scheduler();
    fixture.receiver.gets(2).await;
    fixture
}

async fn change(fixture: &WebhookFixture, changes: WebhookChanges) {
    fixture.webhooks.update(&Caller::admin(), &fixture.which, changes).await.expect("it is there");
}

fn counts(received: &[Received]) -> Vec<i64> {
    received.iter().map(|received| received.json()["data"]["count"].as_i64().expect("one")).collect()
}

#[rstest]
#[tokio::test]
async fn a_new_address_gets_what_is_posted_from_then_on(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (fixture, other) = (holding(kind).await, Receiver::start().await);
    change(&fixture, WebhookChanges { url: Some(other.url("/new")), ..WebhookChanges::default() }).await;
    fixture.receiver.go_on();
    fixture.rests().await;
    assert_eq!((fixture.came(), counts(&other.received())), (vec![0, 0], vec![1, 2, 3, 4]));
    fixture.close().await;
}

#[tokio::test]
async fn a_webhook_that_is_switched_off_gets_nothing_more() {
    let fixture = holding(Kind::Sqlite).await;
    change(&fixture, WebhookChanges { enabled: Some(false), ..WebhookChanges::default() }).await;
    fixture.receiver.go_on();
    fixture.rests().await;
    assert_eq!(fixture.came(), [0, 0]);
    change(&fixture, WebhookChanges { enabled: Some(true), ..WebhookChanges::default() }).await;
    fixture.rests().await;
    assert_eq!(fixture.came(), [0, 0, 1, 2, 3, 4]);
    fixture.close().await;
}

#[tokio::test]
async fn a_secret_that_was_replaced_signs_nothing_more() {
    let fixture = holding(Kind::Sqlite).await;
    let rotated = fixture.webhooks.rotate(&Caller::admin(), &fixture.which, None, Some(0)).await.expect("it is there");
    fixture.receiver.go_on();
    fixture.rests().await;
    let webhook = standardwebhooks::Webhook::new(&rotated.secret).expect("it is a secret");
    let signed: Vec<_> = fixture
        .receiver
        .received()
        .iter()
        .map(|received| {
            webhook
                .sign(
                    received.header("webhook-id"),
                    received.header("webhook-timestamp").parse().unwrap_or_default(),
                    &received.body,
                )
                .is_ok_and(|signature| signature == received.header("webhook-signature"))
        })
        .collect();
    assert_eq!(signed, [false, false, true, true, true, true]);
    fixture.close().await;
}

#[rstest]
#[tokio::test]
async fn a_deleted_webhook_gets_nothing_more(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let fixture = holding(kind).await;
    fixture.webhooks.delete(&Caller::admin(), &fixture.which).await.expect("it is there");
    fixture.receiver.go_on();
    fixture.rests().await;
    assert_eq!(fixture.came(), [0, 0]);
    fixture.close().await;
}

#[rstest]
#[tokio::test]
async fn webhooks_get_all_that_they_are_owed_of_a_session_that_is_deleted_meanwhile(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let fixture = WebhookFixture::new(kind, &["connected"]).await;
    let (webhook, own) = (fixture.webhook(None, &fixture.receiver.url("/all")).await, Receiver::start().await);
    fixture.webhook(Some(&shop()), &own.url("/own")).await;
    fixture.receiver.then([500]);
    own.then([500]);
    for count in 0..5 {
        fixture.happens(count).await;
    }
    fixture.rests().await;
    fixture.receiver.hold();
    fixture.clock.advance(Duration::from_secs(10));
    fixture.webhooks.wake_scheduler();
    fixture.receiver.gets(2).await;
    fixture.delete(&shop()).await;
    fixture.receiver.go_on();
    fixture.rests().await;
    assert_eq!((fixture.came(), counts(&own.received())), (vec![0, 0, 1, 2, 3, 4], vec![0, 0, 1, 2, 3, 4]));
    let which = Which { session_id: None, id: webhook.id };
    assert!(fixture.webhooks.find(&Caller::admin(), &which).await.is_ok());
    fixture.close().await;
}

#[tokio::test]
async fn a_change_that_says_nothing_of_it_leaves_a_webhook_off() {
    let fixture = WebhookFixture::new(Kind::Sqlite, &["connected"]).await;
    let db = fixture.db.write();
    let record = store::find(db, &fixture.which.id).await.expect("it can be read").expect("it is there");
    // Between the reading and the writing of a change it is switched off.
    assert!(store::disable(db, &record.id, &DisableCause::Gone(record.url.clone())).await.expect("it is written"));
    let changed = store::update(db, &record, Switch::Keep).await.expect("it is written").expect("it is there");
    assert_eq!(changed.disabled, Some(DisabledReason::Gone));
    let changed = store::update(db, &record, Switch::Set).await.expect("it is written").expect("it is there");
    assert_eq!(changed.disabled, None);
    // And what does not hold any more switches nothing off.
    let other = DisableCause::Gone("http://127.0.0.1:1/other".to_owned().into());
    assert!(!store::disable(db, &record.id, &other).await.expect("it is written"));
    store::delete(db, &record.id).await.expect("it is deleted");
    assert!(store::update(db, &record, Switch::Keep).await.expect("it is written").is_none());
    fixture.close().await;
}
