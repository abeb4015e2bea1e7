//! One receiver does not make another wait.

use std::collections::HashSet;
use std::time::Duration;

use rstest::rstest;

use crate::support::office::Office;
use crate::support::receiver::{Receiver, Reply};
use crate::support::world::Kind;

#[rstest]
#[tokio::test]
async fn seventy_sessions_at_a_slow_receiver_do_not_hold_up_another(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let office = Office::new(kind, &["offline_sync_completed"]).await;
    let slow = Receiver::start().await;
    slow.always(Reply { after: Duration::from_secs(5), ..200.into() });
    for number in 0..70 {
        let session = office.session(&format!("slow-{number}")).await;
        office.webhook(Some(&session), &slow.url(&format!("/{session}"))).await;
        for count in 0..3 {
            office.happens_on(&session, count).await;
        }
    }
    slow.gets(64).await;
    office.happens(1).await;
    let prompt = office.receiver.gets(1).await.remove(0);
    // All that came to the slow one before was the first of its lane: not one had been answered.
    let mut seen = HashSet::new();
    let second = slow.until("a second one of a lane", |received| {
        let paths: HashSet<_> = received.iter().map(|received| &received.path).collect();
        paths.len() < received.len()
    });
    let second = second.await.into_iter().find(|received| !seen.insert(received.path.clone())).expect("one");
    assert!(prompt.at < second.at, "{:?} later", prompt.at - second.at);
    office.close().await;
}
