//! One receiver does not make another wait, and nobody who writes to the lanes waits for another for ever.

use std::time::{Duration, Instant};

use futures::future::join_all;
use rstest::rstest;
use waypost::caller::Caller;
use waypost::webhook::delivery::lane::Lane;
use waypost::webhook::delivery::lane_store;
use waypost::webhook::types::NewWebhook;

use crate::support::receiver::Receiver;
use crate::support::webhook_fixture::{WebhookFixture, shop, to};
use crate::support::world::Kind;

#[rstest]
#[tokio::test]
async fn seventy_sessions_at_a_slow_receiver_do_not_hold_up_another(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let fixture = WebhookFixture::new(kind, &["offline_sync_completed"]).await;
    let slow = Receiver::start().await;
    // It takes what it gets and says nothing: each post lasts for the whole limit of 15 s.
    slow.hold();
    for number in 0..70 {
        let session = fixture.session(&format!("slow-{number}")).await;
        fixture.webhook(Some(&session), &slow.url(&format!("/{session}"))).await;
        for count in 0..3 {
            fixture.happens_on(&session, count).await;
        }
    }
    slow.gets(64).await;
    let begun = Instant::now();
    fixture.happens(1).await;
    let prompt = fixture.receiver.gets(1).await.remove(0);
    // A second to see that a receiver is slow, and what a busy machine takes; not the time until a post ends.
    assert!(prompt.at - begun < Duration::from_secs(8), "{:?} later", prompt.at - begun);
    fixture.close().await;
}

#[rstest]
#[tokio::test]
async fn many_lanes_of_many_webhooks_are_written_without_an_error(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let fixture = WebhookFixture::new(kind, &["connected"]).await;
    let (rounds, sessions) = (10, 40);
    let mut made = Vec::new();
    for number in 0..sessions {
        let session = fixture.session(&format!("session-{number}")).await;
        fixture.webhook(Some(&session), &fixture.receiver.url("/one")).await;
        made.push(session);
    }
    for ordered in [true, false] {
        let url = fixture.receiver.url("/all");
        let new = NewWebhook { ordered: Some(ordered), ..to(&url, &["offline_sync_completed"]) };
        fixture.webhooks.create(&Caller::admin(), None, new).await.expect("a webhook");
    }
    for count in 0..rounds {
        join_all(made.iter().map(|session| fixture.happens_on(session, count))).await;
    }
    fixture.rests().await;
    let (rounds, came) = (usize::try_from(rounds).expect("few"), fixture.receiver.received());
    let to_all = came.iter().filter(|received| received.path == "/all").count();
    assert_eq!((to_all, came.len()), (2 * rounds * sessions, 3 * rounds * sessions), "each once");
    fixture.close().await;
}

#[rstest]
#[tokio::test]
async fn whoever_lost_a_lane_does_not_leave_it_for_its_next_owner(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let fixture = WebhookFixture::new(kind, &["offline_sync_completed"]).await;
    fixture.happens(0).await;
    fixture.rests().await;
    let (db, now, hour) = (fixture.db.write(), fixture.clock.now(), Duration::from_secs(60 * 60));
    let webhook_id = fixture.which.id.clone();
    let ours = [Lane { webhook_id, session_id: shop() }];
    let first = lane_store::lease(db, &ours, now, now.after(hour)).await.expect("it is written").remove(0);
    assert!(lane_store::lease(db, &ours, now, now.after(hour)).await.expect("it is written").is_empty(), "it is taken");
    let later = now.after(2 * hour);
    let second = lane_store::lease(db, &ours, later, later.after(hour)).await.expect("it is written").remove(0);
    lane_store::leave(db, &first, Some(later), later).await.expect("it is written");
    assert!(
        lane_store::lease(db, &ours, later, later.after(hour)).await.expect("it is written").is_empty(),
        "it is taken"
    );
    lane_store::leave(db, &second, None, later).await.expect("it is written");
    assert_eq!(lane_store::lease(db, &ours, later, later.after(hour)).await.expect("it is written").len(), 1);
    fixture.close().await;
}

#[tokio::test]
async fn a_delivery_that_fails_holds_up_no_other_session_of_its_webhook() {
    let fixture = WebhookFixture::new(Kind::Sqlite, &["connected"]).await;
    fixture.webhook(None, &fixture.receiver.url("/all")).await;
    let other = fixture.session("other").await;
    fixture.receiver.then([500]);
    fixture.happens(0).await;
    fixture.rests().await;
    fixture.happens(1).await;
    fixture.happens_on(&other, 2).await;
    fixture.rests().await;
    assert_eq!(fixture.came(), [0, 2], "what is behind the one that failed waits for it");
    fixture.clock.advance(Duration::from_secs(10));
    fixture.rests().await;
    assert_eq!(fixture.came(), [0, 2, 0, 1]);
    fixture.close().await;
}

#[tokio::test]
async fn a_webhook_hears_that_another_was_switched_off() {
    let fixture = WebhookFixture::new(Kind::Sqlite, &["offline_sync_completed"]).await;
    let other = Receiver::start().await;
    let new = to(&other.url("/"), &["webhook_disabled"]);
    fixture.webhooks.create(&Caller::admin(), Some(shop()), new).await.expect("a webhook");
    fixture.receiver.then([410]);
    fixture.happens(0).await;
    let heard = other.gets(1).await.remove(0).json();
    assert_eq!((&heard["event"], &heard["data"]["reason"]), (&"webhook_disabled".into(), &"gone".into()));
    assert_eq!(heard["data"]["webhook_id"], fixture.which.id.as_str());
    fixture.rests().await;
    fixture.close().await;
}

#[rstest]
#[tokio::test]
async fn a_hundred_thousand_deliveries_of_a_dead_receiver_slow_nobody_down(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(true, false)] ordered: bool,
) {
    let fixture = WebhookFixture::new(kind, &["offline_sync_completed"]).await;
    let dead = Receiver::start().await;
    dead.always(500);
    let new = NewWebhook { ordered: Some(ordered), ..to(&dead.url("/"), &["offline_sync_completed"]) };
    let webhook = fixture.webhooks.create(&Caller::admin(), Some(shop()), new).await.expect("a webhook");
    fixture.happens(0).await;
    fixture.rests().await;
    fixture.pile_up(&webhook.id, 100_000).await;
    let begun = Instant::now();
    for count in 1..30 {
        fixture.happens(count).await;
        fixture.rests().await;
    }
    assert_eq!(fixture.came(), (0..30).collect::<Vec<_>>());
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    fixture.close().await;
}
