//! A commit whose answer is lost: it may have been written, or be written a moment later, and nobody may pass it.

use std::time::Duration;

use entity::ids::SessionId;
use futures::StreamExt;
use waypost::caller::Caller;
use waypost::clock::Clock;
use waypost::db::Db;
use waypost::event::Events;
use waypost::event::body::EventBody;
use waypost::event::body::session::OfflineSyncCompletedEvent;
use waypost::event::entry::{Draft, Entry};
use waypost::event::journal::Journal;
use waypost::event::record::MessageKey;
use waypost::event::types::{EventFilter, PageSize};
use waypost::lifecycle::Lifecycle;

use crate::support::database;
use crate::support::postgres_proxy::PostgresProxy;

/// Longest wait for a fact.
const LIMIT: Duration = Duration::from_secs(20);

fn shop() -> SessionId {
    SessionId::parse("shop").expect("it is one")
}

/// What a message is to the journal: something with a key.
fn message(id: &str, clock: &Clock) -> Entry {
    let body = EventBody::OfflineSyncCompleted(OfflineSyncCompletedEvent { count: 1 });
    let mut draft = Draft::new(shop(), &body, clock.now()).expect("it is JSON");
    let [chat, sender, message_id] = ["c", "s", id].map(str::to_owned);
    draft.message = Some(MessageKey { session_id: shop(), chat, sender, message_id });
    Entry { events: vec![draft], ..Entry::default() }
}

#[tokio::test]
async fn an_event_whose_commit_was_in_doubt_is_told_to_those_who_follow() {
    let database = database::postgres().await;
    let (proxy, url) = PostgresProxy::before(&database.url()).await;
    let (db, clock, lifecycle) =
        (Db::postgres(&url, 4).await.expect("the database"), Clock::system(), Lifecycle::new());
    database::add_session(&db, &clock, &shop()).await;
    let journal = Journal::open(db.clone(), clock.clone(), &lifecycle).await.expect("a journal");
    let events = Events::new(db.clone(), journal.clone(), clock.clone(), lifecycle.clone());
    let mut followed = events.follow(&Caller::admin(), EventFilter::default(), None).await.expect("a stream");
    let mut next = async || {
        let event = tokio::time::timeout(LIMIT, followed.next()).await.expect("it is told").expect("it goes on");
        event.expect("an event").event.sequence
    };
    journal.record(message("1", &clock)).await.expect("it is written");
    assert_eq!(next().await, 1);

    proxy.lose_a_commit();
    // Whoever brought it brings it again, as WhatsApp does, until it is told that the journal has it.
    while journal.record(message("2", &clock)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(proxy.has_lost_it(), "{proxy:?}");
    assert_eq!(next().await, 2);
    journal.record(message("3", &clock)).await.expect("it is written");
    assert_eq!(next().await, 3);
    let page = events
        .list(&Caller::admin(), EventFilter::default(), None, PageSize::new("limit", 10).expect("a size"))
        .await
        .expect("a page");
    assert_eq!(page.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(lifecycle.shut_down(LIMIT).await, "it ends in time");
}
