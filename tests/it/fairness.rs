//! One receiver does not make another wait, and nobody who writes to the lanes waits for another for ever.

use std::time::{Duration, Instant};

use futures::future::join_all;
use rstest::rstest;
use waypost::caller::Caller;
use waypost::webhook::lane;
use waypost::webhook::types::NewWebhook;

use crate::support::office::{Office, shop, to};
use crate::support::receiver::Receiver;
use crate::support::world::Kind;

#[rstest]
#[tokio::test]
async fn seventy_sessions_at_a_slow_receiver_do_not_hold_up_another(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let office = Office::new(kind, &["offline_sync_completed"]).await;
    let slow = Receiver::start().await;
    // It takes what it gets and says nothing: each post lasts for the whole limit of 15 s.
    slow.hold();
    for number in 0..70 {
        let session = office.session(&format!("slow-{number}")).await;
        office.webhook(Some(&session), &slow.url(&format!("/{session}"))).await;
        for count in 0..3 {
            office.happens_on(&session, count).await;
        }
    }
    slow.gets(64).await;
    let begun = Instant::now();
    office.happens(1).await;
    let prompt = office.receiver.gets(1).await.remove(0);
    // A second to see that a receiver is slow, and what a busy machine takes; not the time until a post ends.
    assert!(prompt.at - begun < Duration::from_secs(8), "{:?} later", prompt.at - begun);
    office.close().await;
}

#[rstest]
#[tokio::test]
async fn many_lanes_of_many_webhooks_are_written_without_an_error(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let office = Office::new(kind, &["connected"]).await;
    let (rounds, sessions) = (10, 40);
    let mut made = Vec::new();
    for number in 0..sessions {
        let session = office.session(&format!("session-{number}")).await;
        office.webhook(Some(&session), &office.receiver.url("/one")).await;
        made.push(session);
    }
    for ordered in [true, false] {
        let url = office.receiver.url("/all");
        let new = NewWebhook { ordered: Some(ordered), ..to(&url, &["offline_sync_completed"]) };
        office.webhooks.create(&Caller::admin(), None, new).await.expect("a webhook");
    }
    for count in 0..rounds {
        join_all(made.iter().map(|session| office.happens_on(session, count))).await;
    }
    office.rests().await;
    let (rounds, came) = (usize::try_from(rounds).expect("few"), office.receiver.received());
    let to_all = came.iter().filter(|received| received.path == "/all").count();
    assert_eq!((to_all, came.len()), (2 * rounds * sessions, 3 * rounds * sessions), "each once");
    office.close().await;
}

#[rstest]
#[tokio::test]
async fn whoever_lost_a_lane_does_not_leave_it_for_its_next_owner(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let office = Office::new(kind, &["offline_sync_completed"]).await;
    office.happens(0).await;
    office.rests().await;
    let (db, now, hour) = (office.db.write(), office.clock.now(), Duration::from_secs(60 * 60));
    let webhook_id = office.which.id.clone();
    let ours = [lane::Lane { webhook_id, session_id: shop() }];
    let first = lane::claim(db, &ours, now, now.after(hour)).await.expect("it is written").remove(0);
    assert!(lane::claim(db, &ours, now, now.after(hour)).await.expect("it is written").is_empty(), "it is taken");
    let later = now.after(2 * hour);
    let second = lane::claim(db, &ours, later, later.after(hour)).await.expect("it is written").remove(0);
    lane::leave(db, &first, Some(later), later).await.expect("it is written");
    assert!(lane::claim(db, &ours, later, later.after(hour)).await.expect("it is written").is_empty(), "it is taken");
    lane::leave(db, &second, None, later).await.expect("it is written");
    assert_eq!(lane::claim(db, &ours, later, later.after(hour)).await.expect("it is written").len(), 1);
    office.close().await;
}

#[tokio::test]
async fn a_delivery_that_fails_holds_up_no_other_session_of_its_webhook() {
    let office = Office::new(Kind::Sqlite, &["connected"]).await;
    office.webhook(None, &office.receiver.url("/all")).await;
    let other = office.session("other").await;
    office.receiver.then([500]);
    office.happens(0).await;
    office.rests().await;
    office.happens(1).await;
    office.happens_on(&other, 2).await;
    office.rests().await;
    assert_eq!(office.came(), [0, 2], "what is behind the one that failed waits for it");
    office.clock.advance(Duration::from_secs(10));
    office.rests().await;
    assert_eq!(office.came(), [0, 2, 0, 1]);
    office.close().await;
}

#[tokio::test]
async fn a_webhook_hears_that_another_was_switched_off() {
    let office = Office::new(Kind::Sqlite, &["offline_sync_completed"]).await;
    let other = Receiver::start().await;
    let new = to(&other.url("/"), &["webhook_disabled"]);
    office.webhooks.create(&Caller::admin(), Some(shop()), new).await.expect("a webhook");
    office.receiver.then([410]);
    office.happens(0).await;
    let heard = other.gets(1).await.remove(0).json();
    assert_eq!((&heard["event"], &heard["data"]["reason"]), (&"webhook_disabled".into(), &"gone".into()));
    assert_eq!(heard["data"]["webhook_id"], office.which.id.as_str());
    office.rests().await;
    office.close().await;
}

#[rstest]
#[tokio::test]
async fn a_hundred_thousand_deliveries_of_a_dead_receiver_slow_nobody_down(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(true, false)] ordered: bool,
) {
    let office = Office::new(kind, &["offline_sync_completed"]).await;
    let dead = Receiver::start().await;
    dead.always(500);
    let new = NewWebhook { ordered: Some(ordered), ..to(&dead.url("/"), &["offline_sync_completed"]) };
    let webhook = office.webhooks.create(&Caller::admin(), Some(shop()), new).await.expect("a webhook");
    office.happens(0).await;
    office.rests().await;
    office.pile_up(&webhook.id, 100_000).await;
    let begun = Instant::now();
    for count in 1..30 {
        office.happens(count).await;
        office.rests().await;
    }
    assert_eq!(office.came(), (0..30).collect::<Vec<_>>());
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    office.close().await;
}
