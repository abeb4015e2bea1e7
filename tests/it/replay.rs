//! What a replay queues, and in which order.

use std::time::Duration;

use entity::timestamp::Timestamp;
use entity::words::event::EventType;
use rstest::rstest;
use waypost::caller::Caller;
use waypost::error::ErrorKind;
use waypost::event::body::EventBody;
use waypost::event::body::session::QrCodeEvent;
use waypost::event::retention::{self, Retention};
use waypost::webhook::types::{ReplayRange, Replayed, WebhookChanges};

use crate::support::webhook_fixture::{HOUR, WebhookFixture};
use crate::support::world::Kind;

/// An fixture in which something happened each hour, and was delivered: the counts 0 to 5.
async fn with_a_history(kind: Kind) -> WebhookFixture {
    let fixture = WebhookFixture::new(kind, &["offline_sync_completed"]).await;
    for count in 0..6 {
        fixture.happens(count).await;
        fixture.rests().await;
        fixture.clock.advance(HOUR);
    }
    assert_eq!(fixture.came(), [0, 1, 2, 3, 4, 5]);
    fixture
}

async fn replay(fixture: &WebhookFixture, range: ReplayRange) -> Replayed {
    fixture.webhooks.replay(&Caller::admin(), &fixture.which, range).await.expect("it is queued")
}

#[rstest]
#[tokio::test]
async fn what_happened_between_two_moments_comes_again_in_order(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let fixture = with_a_history(kind).await;
    let begun = fixture.clock.now();
    let ago = |hours: i64| Timestamp::from_millis(begun.millis() - hours * 3_600_000);
    let range = ReplayRange { from: Some(ago(5)), to: Some(ago(2)), ..ReplayRange::default() };
    assert_eq!(replay(&fixture, range).await, Replayed { queued: 3, next_cursor: None });
    fixture.rests().await;
    assert_eq!(fixture.came().split_off(6), [1, 2, 3]);
    fixture.close().await;
}

#[tokio::test]
async fn a_replay_of_named_events_has_no_others() {
    let fixture = with_a_history(Kind::Sqlite).await;
    let events = Some(vec!["offline_sync_completed".to_owned(), "qr_code".to_owned()]);
    let changes = WebhookChanges { events, ..WebhookChanges::default() };
    fixture.webhooks.update(&Caller::admin(), &fixture.which, changes).await.expect("it is changed");
    let expires_at = fixture.clock.now().after(Duration::from_secs(60));
    fixture.write(&EventBody::QrCode(QrCodeEvent { code: "2@a".to_owned(), expires_at })).await;
    fixture.rests().await;
    let from = Some(Timestamp::from_millis(0));
    let of = |word: &str| ReplayRange { from, types: Some(vec![word.to_owned()]), ..ReplayRange::default() };
    assert_eq!(replay(&fixture, of("qr_code")).await.queued, 1);
    fixture.rests().await;
    assert_eq!(fixture.receiver.received().last().expect("one").json()["event"], EventType::QrCode.as_str());
    // Without a word it is what the webhook asks for.
    assert_eq!(replay(&fixture, ReplayRange { from, ..ReplayRange::default() }).await.queued, 7);
    // What it does not get it gets by no replay either.
    let refused = fixture.webhooks.replay(&Caller::admin(), &fixture.which, of("message")).await;
    assert_eq!(refused.expect_err("it does not get it").kind(), ErrorKind::Invalid);
    fixture.close().await;
}

#[tokio::test]
async fn a_replay_is_bounded_and_says_where_to_go_on() {
    let mut fixture = with_a_history(Kind::Sqlite).await;
    fixture.webhooks = fixture.webhooks.clone().replaying_at_most(4);
    let from = Some(Timestamp::from_millis(0));
    let first = replay(&fixture, ReplayRange { from, ..ReplayRange::default() }).await;
    assert_eq!((first.queued, first.next_cursor.is_some()), (4, true));
    let rest = replay(&fixture, ReplayRange { after: first.next_cursor, ..ReplayRange::default() }).await;
    assert_eq!(rest, Replayed { queued: 2, next_cursor: None });
    fixture.rests().await;
    assert_eq!(fixture.came().split_off(6), [0, 1, 2, 3, 4, 5]);
    fixture.close().await;
}

#[tokio::test]
async fn a_replay_behind_what_is_not_kept_any_more_is_refused() {
    let fixture = with_a_history(Kind::Sqlite).await;
    let page = fixture.reads(&[], None, 1).await.expect("a page");
    let settings = retention::RetentionSettings { age: HOUR, rows: 3 };
    let retention = Retention { db: fixture.db.clone(), clock: fixture.clock.clone(), settings };
    assert!(retention.run_once().await.expect("it looks") >= 3);
    let range = ReplayRange { after: Some(page.next.to_string()), ..ReplayRange::default() };
    let refused = fixture.webhooks.replay(&Caller::admin(), &fixture.which, range).await.expect_err("a gap");
    assert_eq!(refused.kind(), ErrorKind::CursorExpired);
    // Whoever names a moment gets what there is.
    let from = Some(Timestamp::from_millis(0));
    assert!(replay(&fixture, ReplayRange { from, ..ReplayRange::default() }).await.queued <= 3);
    fixture.close().await;
}

#[rstest]
#[tokio::test]
async fn a_clock_that_was_set_forward_and_back_loses_and_reorders_nothing(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let fixture = WebhookFixture::new(kind, &["offline_sync_completed"]).await;
    let begun = fixture.clock.now();
    let after = |days: u32, minutes: u32| begun.after(HOUR * 24 * days + Duration::from_secs(60) * minutes);
    for (count, now) in [after(0, 0), after(60, 0), after(0, 10), after(0, 20)].into_iter().enumerate() {
        fixture.clock.set(now);
        fixture.happens(i32::try_from(count).expect("it is small")).await;
        fixture.rests().await;
    }
    assert_eq!(fixture.came(), [0, 1, 2, 3]);
    let between = |from, to| ReplayRange { from: Some(from), to: Some(to), ..ReplayRange::default() };
    assert_eq!(replay(&fixture, between(begun, after(0, 15))).await, Replayed { queued: 2, next_cursor: None });
    fixture.rests().await;
    assert_eq!(fixture.came().split_off(4), [0, 2]);
    assert_eq!(replay(&fixture, between(after(59, 0), after(61, 0))).await.queued, 1);
    assert_eq!(replay(&fixture, between(after(0, 5), after(0, 25))).await.queued, 2);
    assert_eq!(replay(&fixture, between(after(1, 0), after(2, 0))).await.queued, 0);
    let page = fixture.reads(&[], None, 100).await.expect("a page");
    assert_eq!(page.events.iter().map(|item| item.event.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
    fixture.rests().await;
    // What is old is dropped by when it happened: the one from the future is not.
    fixture.clock.set(after(31, 0));
    let settings = retention::RetentionSettings { age: HOUR * 24 * 30, rows: 1_000 };
    let retention = Retention { db: fixture.db.clone(), clock: fixture.clock.clone(), settings };
    assert_eq!(retention.run_once().await.expect("it looks"), 3);
    let page = fixture.reads(&[], None, 100).await.expect("a page");
    assert_eq!(page.events.iter().map(|item| item.event.sequence).collect::<Vec<_>>(), [2]);
    fixture.close().await;
}

#[rstest]
#[tokio::test]
async fn a_clock_that_may_be_wrong_drops_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let fixture = with_a_history(kind).await;
    let settings = retention::RetentionSettings { age: HOUR * 24 * 30, rows: 1_000 };
    let retention = Retention { db: fixture.db.clone(), clock: fixture.clock.clone(), settings };
    let run = async |steady: Duration| retention.run_once_if(steady).await.expect("it looks");
    assert_eq!(run(HOUR).await, Some(0));
    fixture.clock.advance(HOUR * 24 * 60);
    // After the start, and as long as all that there was would go at once.
    assert_eq!((run(Duration::ZERO).await, run(HOUR).await), (None, None));
    fixture.happens(6).await;
    fixture.rests().await;
    assert_eq!(run(HOUR * 23).await, None);
    assert_eq!(run(HOUR * 24).await, Some(6));
    // What grows old in its turn needs no such care.
    for count in 7..10 {
        fixture.happens(count).await;
        fixture.rests().await;
        fixture.clock.advance(HOUR * 20);
    }
    fixture.clock.advance(HOUR * 24 * 28);
    assert_eq!(run(HOUR).await, Some(2));
    fixture.close().await;
}
