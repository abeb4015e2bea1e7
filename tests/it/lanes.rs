//! Lanes: in which order they are worked, and that none is left lying.

use std::time::Duration;

use rstest::rstest;
use sea_orm::ConnectionTrait;
use waypost::caller::Caller;
use waypost::webhook::delivery::lane_store;
use waypost::webhook::types::ReplayRange;

use crate::support::database;
use crate::support::postgres_proxy::PostgresProxy;
use crate::support::webhook_fixture::{HOUR, WebhookFixture};
use crate::support::world::Kind;

#[rstest]
#[tokio::test]
async fn a_clock_that_was_set_back_reorders_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let fixture = WebhookFixture::new(kind, &["offline_sync_completed"]).await;
    fixture.receiver.then([500]);
    for count in 0..3 {
        fixture.happens(count).await;
    }
    fixture.rests().await;
    // Two starts later, each with the clock further back: ids are made of what the clock says.
    for (number, delivery) in fixture.deliveries(None).await.iter().enumerate().skip(1) {
        let (id, earlier) = (&delivery.id, format!("dlv_{:032x}", 9 - number));
        let sql = format!("UPDATE delivery SET id = '{earlier}' WHERE id = '{id}'");
        fixture.db.write().execute_unprepared(&sql).await.expect("it is written");
    }
    fixture.clock.advance(Duration::from_secs(10));
    fixture.rests().await;
    assert_eq!(fixture.came(), [0, 0, 1, 2]);
    fixture.close().await;
}

#[rstest]
#[tokio::test]
async fn what_a_clock_that_ran_ahead_put_off_is_not_put_off_for_a_year(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let fixture = WebhookFixture::new(kind, &["offline_sync_completed"]).await;
    fixture.receiver.then([500]);
    for count in 0..2 {
        fixture.happens(count).await;
    }
    fixture.rests().await;
    for table in ["delivery", "lane"] {
        let year = 365 * 24 * HOUR.as_millis();
        let sql = format!("UPDATE {table} SET due_at = due_at + {year} WHERE due_at IS NOT NULL");
        fixture.db.write().execute_unprepared(&sql).await.expect("it is written");
    }
    fixture.pass(2, 24 * HOUR).await;
    assert_eq!(fixture.came(), [0]);
    // As at a start.
    let now = fixture.clock.now();
    lane_store::bring_forward(fixture.db.write(), now, now.after(48 * HOUR)).await.expect("it is written");
    fixture.rests().await;
    assert_eq!(fixture.came(), [0, 0, 1]);
    fixture.close().await;
}

#[tokio::test]
async fn what_is_delivered_once_more_comes_behind_what_waits_and_before_what_happens_later() {
    let fixture = WebhookFixture::new(Kind::Sqlite, &["offline_sync_completed"]).await;
    fixture.receiver.then([500]);
    for count in 0..2 {
        fixture.happens(count).await;
    }
    fixture.rests().await;
    let all = ReplayRange { from: Some(fixture.clock.now()), ..ReplayRange::default() };
    fixture.webhooks.replay(&Caller::admin(), &fixture.which, all).await.expect("it is queued");
    fixture.happens(2).await;
    fixture.rests().await;
    fixture.clock.advance(Duration::from_secs(10));
    fixture.rests().await;
    assert_eq!(fixture.came(), [0, 0, 1, 0, 1, 2]);
    fixture.close().await;
}

#[tokio::test]
async fn lanes_whose_claim_was_written_and_not_answered_are_worked_all_the_same() {
    let database = database::postgres().await;
    let (proxy, url) = PostgresProxy::before(&database.url()).await;
    proxy.lose_an_answer_to("SKIP LOCKED) RETURNING");
    let fixture = WebhookFixture::through(&url, database, &["offline_sync_completed"]).await;
    fixture.happens(0).await;
    // It is leased for a long time, and nobody is at it.
    while !proxy.has_lost_it() {
        fixture.webhooks.wake_scheduler();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    fixture.rests().await;
    fixture.clock.advance(Duration::from_secs(10));
    fixture.rests().await;
    assert_eq!(fixture.came(), [0]);
    fixture.close_after("deliveries could not be claimed").await;
}
