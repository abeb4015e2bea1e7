//! What takes hours and days, on a clock that the tests move: receivers that are down, codes that expire, events that
//! get old. The services are the real ones, on a database of their own; only the server around them is not there.

use std::time::Duration;

use entity::words::event::EventType;
use entity::words::webhook::DeliveryState;
use futures::StreamExt;
use rstest::rstest;
use waypost::caller::Caller;
use waypost::error::ErrorKind;
use waypost::event::body::EventBody;
use waypost::event::body::session::{QrCodeEvent, TestEvent};
use waypost::event::retention::{self, Retention};
use waypost::event::types::{Cursor, EventFilter, EventSlice};

use crate::support::webhook_fixture::{HOUR, WebhookFixture};
use crate::support::world::Kind;

fn sequences(page: &EventSlice) -> Vec<i64> {
    page.events.iter().map(|item| item.event.sequence).collect()
}

#[rstest]
#[tokio::test]
async fn a_receiver_that_is_down_for_an_hour_gets_everything_once_it_is_back(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let fixture = WebhookFixture::new(kind, &["offline_sync_completed"]).await;
    fixture.receiver.always(503);
    for count in 0..12 {
        fixture.happens(count).await;
        fixture.pass(5, Duration::from_secs(60)).await;
    }
    // Only the first was tried: after 5 s, 30 s, 5 min and 30 min, a fifth more or less.
    let waiting = fixture.deliveries(Some(DeliveryState::Pending)).await;
    assert_eq!(waiting.len(), 12);
    assert!((4..=5).contains(&waiting[0].attempts.len()), "{}", waiting[0].attempts.len());
    assert!(waiting[1..].iter().all(|delivery| delivery.attempts.is_empty()));
    let before = fixture.came().len();
    let webhook = fixture.webhooks.find(&Caller::admin(), &fixture.which).await.expect("it is there");
    assert!(webhook.failing_since.is_some() && webhook.enabled);
    fixture.receiver.always(200);
    fixture.pass(36, Duration::from_secs(5 * 60)).await;
    let came = fixture.came().split_off(before);
    assert_eq!(came, (0..12).collect::<Vec<_>>());
    assert_eq!(fixture.deliveries(Some(DeliveryState::Delivered)).await.len(), 12);
    let webhook = fixture.webhooks.find(&Caller::admin(), &fixture.which).await.expect("it is there");
    assert_eq!(webhook.failing_since, None);
    fixture.close().await;
}

#[tokio::test]
async fn a_receiver_that_fails_for_five_days_is_switched_off_and_that_is_said() {
    let fixture = WebhookFixture::new(Kind::Sqlite, &["offline_sync_completed"]).await;
    fixture.receiver.always(500);
    fixture.happens(0).await;
    fixture.pass(4 * 24 + 12, HOUR).await;
    // Ten attempts, over two days and 21 hours.
    let dead = fixture.deliveries(Some(DeliveryState::Dead)).await;
    assert_eq!(dead.iter().map(|delivery| delivery.attempts.len()).collect::<Vec<_>>(), [10]);
    assert!(!fixture.types().await.contains(&EventType::WebhookDisabled));
    fixture.happens(1).await;
    // Five days are over in 12 h. Its seventh attempt comes in 11 to 15 h, its eighth up to 15 h later.
    fixture.pass(30, HOUR).await;
    let webhook = fixture.webhooks.find(&Caller::admin(), &fixture.which).await.expect("it is there");
    assert_eq!((webhook.enabled, webhook.last_error.as_deref()), (false, Some("the receiver answered 500")));
    assert_eq!(fixture.types().await.iter().filter(|event| **event == EventType::WebhookDisabled).count(), 1);
    let tried = fixture.came().len();
    fixture.pass(48, HOUR).await;
    assert_eq!(fixture.came().len(), tried, "it is left alone");
    // What waited for it comes when it is switched on.
    fixture.receiver.always(200);
    fixture.webhooks.enable(&Caller::admin(), &fixture.which).await.expect("it is there");
    fixture.rests().await;
    assert_eq!(fixture.came().split_off(tried), [1]);
    fixture.close().await;
}

#[rstest]
#[tokio::test]
async fn one_delivery_that_comes_begins_the_five_days_anew(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let fixture = WebhookFixture::new(kind, &["offline_sync_completed"]).await;
    fixture.receiver.always(500);
    fixture.happens(0).await;
    fixture.pass(4 * 24 + 12, HOUR).await;
    fixture.happens(1).await;
    fixture.happens(2).await;
    // Five days are over in 12 h. The next attempt after that comes, and the one behind it fails at once.
    fixture.pass(11, HOUR).await;
    let begun = fixture.clock.now();
    fixture.receiver.then([200, 500]);
    fixture.pass(16, HOUR).await;
    let states: Vec<_> = fixture.deliveries(None).await.iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, [DeliveryState::Dead, DeliveryState::Delivered, DeliveryState::Pending]);
    let webhook = fixture.shown().await;
    assert!(
        webhook.enabled && webhook.failing_since.is_some_and(|since| since >= begun),
        "{:?}",
        webhook.failing_since
    );
    assert!(!fixture.types().await.contains(&EventType::WebhookDisabled));
    fixture.close().await;
}

#[tokio::test]
async fn whoever_mends_a_receiver_need_not_wait_for_the_next_attempt() {
    let fixture = WebhookFixture::new(Kind::Sqlite, &["offline_sync_completed"]).await;
    fixture.receiver.always(500);
    fixture.happens(0).await;
    fixture.happens(1).await;
    fixture.pass(24, HOUR).await;
    let tried = fixture.came().len();
    fixture.receiver.always(200);
    fixture.webhooks.enable(&Caller::admin(), &fixture.which).await.expect("it is there");
    fixture.rests().await;
    assert_eq!(fixture.came().split_off(tried), [0, 1]);
    fixture.close().await;
}

#[tokio::test]
async fn a_code_that_expired_is_not_delivered_any_more() {
    let fixture = WebhookFixture::new(Kind::Sqlite, &["qr_code", "offline_sync_completed"]).await;
    let expires_at = fixture.clock.now().after(Duration::from_secs(60));
    fixture.receiver.always(503);
    fixture.write(&EventBody::QrCode(QrCodeEvent { code: "2@a".to_owned(), expires_at })).await;
    fixture.happens(1).await;
    fixture.rests().await;
    fixture.receiver.always(200);
    fixture.pass(1, Duration::from_secs(90)).await;
    let states: Vec<_> = fixture.deliveries(None).await.iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, [DeliveryState::Expired, DeliveryState::Delivered]);
    let words: Vec<_> = fixture.receiver.received().iter().map(|received| received.json()["event"].clone()).collect();
    assert_eq!(words, ["qr_code", "offline_sync_completed"], "the one attempt before it expired");
    fixture.close().await;
}

#[tokio::test]
async fn a_code_that_could_not_be_delivered_is_out_of_the_way_when_it_expires() {
    let fixture = WebhookFixture::new(Kind::Sqlite, &["qr_code", "offline_sync_completed"]).await;
    let expires_at = fixture.clock.now().after(Duration::from_secs(60));
    fixture.receiver.always(503);
    fixture.write(&EventBody::QrCode(QrCodeEvent { code: "2@a".to_owned(), expires_at })).await;
    fixture.happens(1).await;
    // After the attempts at the beginning, in about 5 s and in about 35 s the next would come in five minutes.
    fixture.pass(11, Duration::from_secs(5)).await;
    assert_eq!(fixture.deliveries(None).await[0].attempts.len(), 3);
    fixture.receiver.always(200);
    fixture.pass(1, Duration::from_secs(6)).await;
    let states: Vec<_> = fixture.deliveries(None).await.iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, [DeliveryState::Expired, DeliveryState::Delivered]);
    fixture.close().await;
}

#[rstest]
#[tokio::test]
async fn what_is_old_goes_but_not_what_a_delivery_needs(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let fixture = WebhookFixture::new(kind, &["offline_sync_completed"]).await;
    for count in 0..5 {
        fixture.happens(count).await;
    }
    fixture.rests().await;
    fixture.receiver.always(503);
    fixture.happens(5).await;
    fixture.pass(1, HOUR).await;
    fixture.happens(6).await;
    fixture.rests().await;
    let page = fixture.reads(&[], None, 2).await.expect("a page");
    let settings = retention::RetentionSettings { age: Duration::from_secs(30 * 60), rows: 1_000 };
    let retention = Retention { db: fixture.db.clone(), clock: fixture.clock.clone(), settings };
    assert_eq!(retention.run_once().await.expect("it looks"), 5);
    assert_eq!(retention.run_once().await.expect("it looks"), 0);
    let left = fixture.reads(&[], None, 100).await.expect("a page");
    assert_eq!(sequences(&left), [6, 7], "one old, one new");
    let expired = fixture.reads(&[], Some(page.next), 100).await.expect_err("a gap is not passed over in silence");
    assert_eq!(expired.kind(), ErrorKind::CursorExpired);
    assert_eq!(fixture.deliveries(None).await.len(), 2);
    // Once it is delivered it may go.
    fixture.receiver.always(200);
    fixture.pass(1, Duration::from_secs(60)).await;
    assert_eq!(retention.run_once().await.expect("it looks"), 1);
    // By rows: the newest are kept.
    for count in 7..20 {
        fixture.happens(count).await;
    }
    fixture.rests().await;
    let settings = retention::RetentionSettings { rows: 4, ..settings };
    let retention = Retention { db: fixture.db.clone(), clock: fixture.clock.clone(), settings };
    assert_eq!(retention.run_once().await.expect("it looks"), 10);
    fixture.happens(20).await;
    let left = fixture.reads(&[], None, 100).await.expect("a page");
    assert_eq!(sequences(&left), [17, 18, 19, 20, 21]);
    fixture.close().await;
}

#[tokio::test]
async fn a_cursor_does_not_expire_while_it_is_asked_with_although_nothing_matches() {
    let fixture = WebhookFixture::new(Kind::Sqlite, &["offline_sync_completed"]).await;
    let mut cursor = None;
    for count in 0..6 {
        fixture.happens(count).await;
        fixture.rests().await;
        let page = fixture.reads(&[EventType::Call], cursor, 100).await.expect("nothing was missed");
        assert_eq!((sequences(&page), page.has_next), (vec![], false));
        cursor = Some(page.next);
        fixture.pass(2, HOUR).await;
        assert_eq!(fixture.forgets().await, 1);
    }
    // It is behind all that there was, and before what comes.
    fixture.happens(6).await;
    let page = fixture.reads(&[], cursor, 100).await.expect("nothing was missed");
    assert_eq!(sequences(&page), [7]);
    fixture.close().await;
}

#[tokio::test]
async fn who_begins_at_the_oldest_event_reads_on_page_by_page() {
    let fixture = WebhookFixture::new(Kind::Sqlite, &["offline_sync_completed"]).await;
    fixture.receiver.always(503);
    fixture.happens(0).await;
    fixture.write(&EventBody::Test(TestEvent { message: "tea".to_owned() })).await;
    fixture.happens(1).await;
    fixture.rests().await;
    fixture.clock.advance(2 * HOUR);
    fixture.happens(2).await;
    fixture.rests().await;
    assert_eq!(fixture.forgets().await, 1, "deliveries need the others");
    let (mut cursor, mut seen) = (None, Vec::new());
    loop {
        // As a client hands it on.
        let after = cursor.map(|cursor: Cursor| Cursor::parse("after", &cursor.to_string()).expect("it is one"));
        let page = fixture.reads(&[], after, 1).await.expect("a page");
        seen.extend(sequences(&page));
        cursor = Some(page.next);
        if !page.has_next {
            break;
        }
    }
    assert_eq!(seen, [1, 3, 4]);
    fixture.close().await;
}

#[tokio::test]
async fn a_follower_whom_the_end_of_what_is_kept_overtook_is_told() {
    let fixture = WebhookFixture::new(Kind::Sqlite, &["call"]).await;
    fixture.happens(0).await;
    let (events, begin) = (fixture.events(), Some(Cursor::behind(0)));
    let mut followed = events.follow(&Caller::admin(), EventFilter::default(), begin).await.expect("all is there");
    assert_eq!(followed.next().await.expect("it goes on").expect("an event").event.sequence, 1);
    // It does not take more for hours, and what happens does not stay in memory for so long.
    for count in 0..1_100 {
        fixture.happens(count).await;
    }
    fixture.rests().await;
    fixture.clock.advance(2 * HOUR);
    assert!(fixture.forgets().await > 0);
    let refused = followed.next().await.expect("it says why").expect_err("not all is there");
    assert_eq!(refused.kind(), ErrorKind::CursorExpired);
    assert!(followed.next().await.is_none(), "it is over");
    fixture.close().await;
}

#[tokio::test]
async fn a_page_ends_early_rather_than_hold_too_much_and_nothing_is_lost() {
    let fixture = WebhookFixture::new(Kind::Sqlite, &["call"]).await;
    // In MiB: the first alone is more than a page holds.
    for size in [5, 1, 2, 1, 1] {
        fixture.write(&EventBody::Test(TestEvent { message: "x".repeat(size * 1024 * 1024 - 100) })).await;
    }
    let (mut cursor, mut pages) = (None, Vec::new());
    loop {
        let page = fixture.reads(&[], cursor, 100).await.expect("a page");
        pages.push((sequences(&page), page.has_next));
        cursor = Some(page.next);
        if !page.has_next {
            break;
        }
    }
    assert_eq!(pages, [(vec![1], true), (vec![2, 3, 4], true), (vec![5], false)]);
    let (events, begin) = (fixture.events(), Some(Cursor::behind(0)));
    let followed = events.follow(&Caller::admin(), EventFilter::default(), begin).await.expect("all is there");
    let followed: Vec<_> = followed.take(5).map(|item| item.expect("an event").event.sequence).collect().await;
    assert_eq!(followed, [1, 2, 3, 4, 5]);
    fixture.close().await;
}
