//! What a replay queues, and in which order.

use std::time::Duration;

use entity::timestamp::Timestamp;
use entity::words::EventType;
use rstest::rstest;
use waypost::caller::Caller;
use waypost::error::ErrorKind;
use waypost::event::body::EventBody;
use waypost::event::body::session::QrCodeEvent;
use waypost::event::retention::{self, Retention};
use waypost::webhook::types::{ReplayRange, Replayed, WebhookChanges};

use crate::support::office::{HOUR, Office};
use crate::support::world::Kind;

/// An office in which something happened each hour, and was delivered: the counts 0 to 5.
async fn with_a_history(kind: Kind) -> Office {
    let office = Office::new(kind, &["offline_sync_completed"]).await;
    for count in 0..6 {
        office.happens(count).await;
        office.rests().await;
        office.clock.advance(HOUR);
    }
    assert_eq!(office.came(), [0, 1, 2, 3, 4, 5]);
    office
}

async fn replay(office: &Office, range: ReplayRange) -> Replayed {
    office.webhooks.replay(&Caller::admin(), &office.which, range).await.expect("it is queued")
}

#[rstest]
#[tokio::test]
async fn what_happened_between_two_moments_comes_again_in_order(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let office = with_a_history(kind).await;
    let begun = office.clock.now();
    let ago = |hours: i64| Timestamp::from_millis(begun.millis() - hours * 3_600_000);
    let range = ReplayRange { from: Some(ago(5)), to: Some(ago(2)), ..ReplayRange::default() };
    assert_eq!(replay(&office, range).await, Replayed { queued: 3, next_cursor: None });
    office.rests().await;
    assert_eq!(office.came().split_off(6), [1, 2, 3]);
    office.close().await;
}

#[tokio::test]
async fn a_replay_of_named_events_has_no_others() {
    let office = with_a_history(Kind::Sqlite).await;
    let events = Some(vec!["offline_sync_completed".to_owned(), "qr_code".to_owned()]);
    let changes = WebhookChanges { events, ..WebhookChanges::default() };
    office.webhooks.update(&Caller::admin(), &office.which, changes).await.expect("it is changed");
    let expires_at = office.clock.now().after(Duration::from_secs(60));
    office.write(&EventBody::QrCode(QrCodeEvent { code: "2@a".to_owned(), expires_at })).await;
    office.rests().await;
    let from = Some(Timestamp::from_millis(0));
    let of = |word: &str| ReplayRange { from, types: Some(vec![word.to_owned()]), ..ReplayRange::default() };
    assert_eq!(replay(&office, of("qr_code")).await.queued, 1);
    office.rests().await;
    assert_eq!(office.receiver.received().last().expect("one").json()["event"], EventType::QrCode.as_str());
    // Without a word it is what the webhook asks for.
    assert_eq!(replay(&office, ReplayRange { from, ..ReplayRange::default() }).await.queued, 7);
    // What it does not get it gets by no replay either.
    let refused = office.webhooks.replay(&Caller::admin(), &office.which, of("message")).await;
    assert_eq!(refused.expect_err("it does not get it").kind(), ErrorKind::Invalid);
    office.close().await;
}

#[tokio::test]
async fn a_replay_is_bounded_and_says_where_to_go_on() {
    let mut office = with_a_history(Kind::Sqlite).await;
    office.webhooks = office.webhooks.clone().replaying_at_most(4);
    let from = Some(Timestamp::from_millis(0));
    let first = replay(&office, ReplayRange { from, ..ReplayRange::default() }).await;
    assert_eq!((first.queued, first.next_cursor.is_some()), (4, true));
    let rest = replay(&office, ReplayRange { after: first.next_cursor, ..ReplayRange::default() }).await;
    assert_eq!(rest, Replayed { queued: 2, next_cursor: None });
    office.rests().await;
    assert_eq!(office.came().split_off(6), [0, 1, 2, 3, 4, 5]);
    office.close().await;
}

#[tokio::test]
async fn a_replay_behind_what_is_not_kept_any_more_is_refused() {
    let office = with_a_history(Kind::Sqlite).await;
    let page = office.reads(&[], None, 1).await.expect("a page");
    let settings = retention::Settings { age: HOUR, rows: 3 };
    let retention = Retention { db: office.db.clone(), clock: office.clock.clone(), settings };
    assert!(retention.run_once().await.expect("it looks") >= 3);
    let range = ReplayRange { after: Some(page.next.to_string()), ..ReplayRange::default() };
    let refused = office.webhooks.replay(&Caller::admin(), &office.which, range).await.expect_err("a gap");
    assert_eq!(refused.kind(), ErrorKind::CursorExpired);
    // Whoever names a moment gets what there is.
    let from = Some(Timestamp::from_millis(0));
    assert!(replay(&office, ReplayRange { from, ..ReplayRange::default() }).await.queued <= 3);
    office.close().await;
}
