//! Lanes: in which order they are worked, and that none is left lying.

use std::time::Duration;

use rstest::rstest;
use sea_orm::ConnectionTrait;
use waypost::caller::Caller;
use waypost::webhook::lane;
use waypost::webhook::types::ReplayRange;

use crate::support::database;
use crate::support::office::{HOUR, Office};
use crate::support::postgres_proxy::PostgresProxy;
use crate::support::world::Kind;

#[rstest]
#[tokio::test]
async fn a_clock_that_was_set_back_reorders_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let office = Office::new(kind, &["offline_sync_completed"]).await;
    office.receiver.then([500]);
    for count in 0..3 {
        office.happens(count).await;
    }
    office.rests().await;
    // Two starts later, each with the clock further back: ids are made of what the clock says.
    for (number, delivery) in office.deliveries(None).await.iter().enumerate().skip(1) {
        let (id, earlier) = (&delivery.id, format!("dlv_{:032x}", 9 - number));
        let sql = format!("UPDATE delivery SET id = '{earlier}' WHERE id = '{id}'");
        office.db.write().execute_unprepared(&sql).await.expect("it is written");
    }
    office.clock.advance(Duration::from_secs(10));
    office.rests().await;
    assert_eq!(office.came(), [0, 0, 1, 2]);
    office.close().await;
}

#[rstest]
#[tokio::test]
async fn what_a_clock_that_ran_ahead_put_off_is_not_put_off_for_a_year(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let office = Office::new(kind, &["offline_sync_completed"]).await;
    office.receiver.then([500]);
    for count in 0..2 {
        office.happens(count).await;
    }
    office.rests().await;
    for table in ["delivery", "lane"] {
        let year = 365 * 24 * HOUR.as_millis();
        let sql = format!("UPDATE {table} SET due_at = due_at + {year} WHERE due_at IS NOT NULL");
        office.db.write().execute_unprepared(&sql).await.expect("it is written");
    }
    office.pass(2, 24 * HOUR).await;
    assert_eq!(office.came(), [0]);
    // As at a start.
    let now = office.clock.now();
    lane::pull_in(office.db.write(), now, now.after(48 * HOUR)).await.expect("it is written");
    office.rests().await;
    assert_eq!(office.came(), [0, 0, 1]);
    office.close().await;
}

#[tokio::test]
async fn what_is_delivered_once_more_comes_behind_what_waits_and_before_what_happens_later() {
    let office = Office::new(Kind::Sqlite, &["offline_sync_completed"]).await;
    office.receiver.then([500]);
    for count in 0..2 {
        office.happens(count).await;
    }
    office.rests().await;
    let all = ReplayRange { from: Some(office.clock.now()), ..ReplayRange::default() };
    office.webhooks.replay(&Caller::admin(), &office.which, all).await.expect("it is queued");
    office.happens(2).await;
    office.rests().await;
    office.clock.advance(Duration::from_secs(10));
    office.rests().await;
    assert_eq!(office.came(), [0, 0, 1, 0, 1, 2]);
    office.close().await;
}

#[tokio::test]
async fn lanes_whose_claim_was_written_and_not_answered_are_worked_all_the_same() {
    let database = database::postgres().await;
    let (proxy, url) = PostgresProxy::before(&database.url()).await;
    proxy.lose_an_answer_to("SKIP LOCKED) RETURNING");
    let office = Office::through(&url, database, &["offline_sync_completed"]).await;
    office.happens(0).await;
    // It is leased for a long time, and nobody is at it.
    while !proxy.has_lost_it() {
        office.webhooks.look();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    office.rests().await;
    office.clock.advance(Duration::from_secs(10));
    office.rests().await;
    assert_eq!(office.came(), [0]);
    office.close_after("deliveries could not be claimed").await;
}
