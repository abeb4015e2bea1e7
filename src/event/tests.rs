use std::collections::BTreeMap;
use std::time::Duration;

use entity::ids::SessionId;
use entity::words::session::PresenceOnConnect;

use super::*;
use crate::account::DeviceProps;
use crate::event::body::EventBody;
use crate::event::body::session::OfflineSyncCompletedEvent;
use crate::event::entry::{JournalEntry, NewEvent};
use crate::event::store;
use crate::session;

/// A session that nothing runs.
async fn shop(db: &Db, clock: &Clock) -> SessionId {
    let id = SessionId::parse("shop").expect("it is one");
    let props = DeviceProps::default();
    let draft = session::store::SessionDraft {
        id: id.clone(),
        name: None,
        metadata: BTreeMap::new(),
        props,
        presence_on_connect: PresenceOnConnect::Unavailable,
        pace: session::types::SendPace::default(),
        media: session::types::MediaFetching::default(),
        webhook: None,
    };
    session::store::insert(db.write().without_fsync(), draft, clock.now()).await.expect("a session");
    id
}

#[tokio::test]
async fn nobody_reads_an_event_that_the_disk_does_not_have_yet() {
    let directory = tempfile::tempdir().expect("there is room");
    let (release, released) = std::sync::mpsc::channel();
    let flush = move || released.recv().map_err(std::io::Error::other);
    let db = Db::flushed_by(&directory.path().join("waypost.db"), flush).await.expect("a file");
    db.migrate().await.expect("tables");
    let (clock, lifecycle) = (Clock::system(), Lifecycle::new());
    let id = shop(&db, &clock).await;
    let journal = Journal::open(db.clone(), clock.clone(), &lifecycle).await.expect("a journal");
    let events = Events::new(db.clone(), journal.clone(), clock.clone(), lifecycle.clone());
    let read = async || {
        let size = PageSize::new("limit", 10).expect("a size");
        events.page(&Caller::admin(), EventFilter::default(), None, size).await.expect("a page").events.len()
    };
    let body = EventBody::OfflineSyncCompleted(OfflineSyncCompletedEvent { count: 1 });
    let new_event = NewEvent::new(id, &body, clock.now()).expect("it is JSON");
    let entry = JournalEntry { events: vec![new_event], ..JournalEntry::default() };
    let (_, written) = journal.submit(entry).await.expect("it is submitted");
    while store::newest(db.read()).await.expect("the journal").is_none() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(read().await, 0, "a power cut would take it away again");
    release.send(()).expect("the disk waits");
    written.await.expect("it is written");
    assert_eq!(read().await, 1);
    assert!(lifecycle.shut_down(Duration::from_secs(20)).await, "it ends in time");
}
