//! What is said to happen on a session that was deleted is left out, and takes nothing else along.

use entity::ids::SessionId;
use futures::FutureExt;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use waypost::clock::Clock;
use waypost::db::Db;
use waypost::db::fault::failed;
use waypost::event::body::EventBody;
use waypost::event::body::session::OfflineSyncCompletedEvent;
use waypost::event::entry::{JournalEntry, NewEvent, Write};
use waypost::event::journal::Journal;
use waypost::event::record::Selection;
use waypost::event::store;
use waypost::lifecycle::Lifecycle;
use waypost::session;

use crate::support::database;
use crate::support::world::Kind;

/// Records events of two sessions of which one was deleted, with or without a statement before. Gives what is written.
async fn recorded(db: &Db, write: Option<Write>) -> Vec<(String, i64)> {
    let (clock, lifecycle) = (Clock::system(), Lifecycle::new());
    let [shop, gone] = ["shop", "gone"].map(|id| SessionId::parse(id).expect("it is one"));
    database::add_session(db, &clock, &shop).await;
    database::add_session(db, &clock, &gone).await;
    let journal = Journal::open(db.clone(), clock.clone(), &lifecycle).await.expect("a journal");
    let body = EventBody::OfflineSyncCompleted(OfflineSyncCompletedEvent { count: 1 });
    let event = |id: &SessionId| NewEvent::new(id.clone(), &body, clock.now()).expect("it is JSON");
    journal.write(JournalEntry { events: vec![event(&gone)], ..JournalEntry::default() }).await.expect("it is written");
    session::store::delete(db.write(), &gone).await.expect("it is deleted");
    let events = vec![event(&shop), event(&gone), event(&shop)];
    journal.write(JournalEntry { events, write, ..JournalEntry::default() }).await.expect("it is written");
    let all = store::history(db.read(), &Selection::default(), 0, None, 10).await.expect("a journal");
    all.into_iter().map(|event| (event.session_id.to_string(), event.sequence)).collect()
}

#[rstest]
#[tokio::test]
async fn an_event_of_a_session_that_is_gone_is_left_out(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(false, true)] has_begun: bool,
) {
    let write = has_begun.then(|| -> Write {
        Box::new(|work| async { work.execute_unprepared("SELECT 1").await.map(|_| Vec::new()).map_err(failed) }.boxed())
    });
    let written = match kind {
        Kind::Sqlite => {
            let (db, _directory) = database::sqlite().await;
            recorded(&db, write).await
        }
        Kind::Postgres => recorded(&*database::postgres().await, write).await,
    };
    let written: Vec<_> = written.iter().map(|(id, sequence)| (id.as_str(), *sequence)).collect();
    assert_eq!(written, [("gone", 1), ("shop", 1), ("shop", 2)]);
}
