use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};

use entity::ids::SessionId;
use entity::words::session::PresenceOnConnect;
use futures::future::join_all;
use tempfile::TempDir;

use super::*;
use crate::account::DeviceProps;
use crate::clock::Clock;
use crate::db::Db;
use crate::db::sqlite::Synchronous;
use crate::event::journal::Journal;
use crate::lifecycle::Lifecycle;
use crate::session;
use crate::session::store::SessionDraft;
use crate::whatsapp::connection::Connection;
use crate::whatsapp::connector::{Connector, ConnectorSettings};

/// Has far more time than what is about to happen takes.
const LONG: OperationKind = OperationKind { name: "long", limit: Duration::from_secs(60) };
/// Its time passes while somebody waits for it.
const SHORT: OperationKind = OperationKind { name: "short", limit: Duration::from_millis(20) };

/// A connection that was not dialled.
async fn connection() -> (Connection, TempDir) {
    let _ = rustls::crypto::ring::default_provider().install_default(); // Another test may have been first.
    let directory = tempfile::tempdir().expect("there is room");
    let db = Db::sqlite(&directory.path().join("waypost.db"), Synchronous::Normal).await.expect("a file");
    db.migrate().await.expect("tables");
    let (session, props) = (SessionId::parse("shop").expect("it is one"), DeviceProps::default());
    let (name, metadata, presence_on_connect) = (None, BTreeMap::new(), PresenceOnConnect::Unavailable);
    let pace = session::types::SendPace::default();
    let draft = SessionDraft {
        id: session.clone(),
        name,
        metadata,
        props: props.clone(),
        presence_on_connect,
        pace,
        media: session::types::MediaFetching::default(),
        webhook: None,
    };
    session::store::insert(db.write(), draft, Clock::system().now()).await.expect("a session");
    let lifecycle = Lifecycle::new();
    let journal = Journal::open(db.clone(), Clock::system(), &lifecycle).await.expect("a journal");
    let connector = Connector::new(db, journal, Clock::system(), ConnectorSettings::default(), lifecycle);
    let opened = connector.open(&session, &props, true).await.expect("a client");
    (opened.connection, directory)
}

fn interrupted(has_begun: bool, end: End) -> Interrupted {
    Interrupted { has_begun, why: InterruptionReason::Ended(end) }
}

/// Adds one until it is dropped.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn so_many_operations_are_under_way_and_the_others_wait_for_their_turn() {
    let (connection, _directory) = connection().await;
    let client = connection.next_client();
    let (under_way, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let operations = (0..3 * AT_ONCE).map(|number| {
        client.run(&LONG, {
            let (under_way, most) = (&under_way, &most);
            move |_| async move {
                let _counted = Counted::new(under_way);
                most.fetch_max(under_way.load(Ordering::Relaxed), Ordering::Relaxed);
                tokio::task::yield_now().await;
                number
            }
        })
    });
    let outcomes: Vec<_> = join_all(operations).await.into_iter().map(|outcome| outcome.expect("it is done")).collect();
    assert_eq!(outcomes, (0..3 * AT_ONCE).collect::<Vec<_>>());
    assert_eq!(most.into_inner(), AT_ONCE);
}

#[tokio::test]
async fn an_operation_that_takes_too_long_says_whether_it_had_begun() {
    let (connection, _directory) = connection().await;
    let client = connection.next_client();
    let stuck = join_all((0..AT_ONCE).map(|_| client.run(&LONG, |_| pending::<()>())));
    let others = async {
        let waiting = client.run(&SHORT, |_| pending::<()>()).await;
        assert_eq!(waiting, Err(Interrupted { has_begun: false, why: InterruptionReason::Late }));
        let urgent = client.run_at_once(&SHORT, |_| pending::<()>()).await;
        assert_eq!(urgent, Err(Interrupted { has_begun: true, why: InterruptionReason::Late }));
        assert_eq!(client.run_at_once(&SHORT, |_| async { 1 }).await, Ok(1), "it waits for nobody");
    };
    tokio::select! {
        biased;
        _ = stuck => panic!("they never end"),
        () = others => {}
    }
}

#[tokio::test]
async fn an_operation_whose_time_is_up_makes_room_for_the_next() {
    let (connection, _directory) = connection().await;
    let client = connection.next_client();
    let late = join_all((0..AT_ONCE).map(|_| client.run(&SHORT, |_| pending::<()>())));
    let (late, next) = tokio::join!(late, client.run(&LONG, |_| async { 1 }));
    assert!(
        late.into_iter().all(|outcome| outcome == Err(Interrupted { has_begun: true, why: InterruptionReason::Late }))
    );
    assert_eq!(next, Ok(1));
}

#[tokio::test]
async fn a_connection_that_closes_waits_for_no_operation_and_ends_all() {
    let (connection, _directory) = connection().await;
    let client = connection.next_client();
    let under_way = AtomicUsize::new(0);
    let operations = join_all((0..AT_ONCE + 1).map(|_| {
        client.run(&LONG, |library| {
            let counted = Counted::new(&under_way);
            async move {
                let _held = (library, counted);
                pending::<()>().await;
            }
        })
    }));
    let (outcomes, is_closed) = tokio::join!(operations, connection.close());
    assert!(is_closed);
    let (last, begun) = outcomes.split_last().expect("there are many");
    assert!(begun.iter().all(|outcome| *outcome == Err(interrupted(true, End::Offline))), "{begun:?}");
    assert_eq!(*last, Err(interrupted(false, End::Offline)), "it never had its turn");
    assert_eq!(under_way.load(Ordering::Relaxed), 0, "nobody holds the library's client");
    let later: Result<(), _> = client.run(&LONG, |_| async { panic!("it began") }).await;
    assert_eq!(later, Err(interrupted(false, End::Offline)));
    assert!(client.has_ended());
}

#[tokio::test]
async fn an_answer_that_came_before_the_end_counts_and_the_first_reason_stays() {
    let (connection, _directory) = connection().await;
    let client = connection.next_client();
    let answered = client.run(&LONG, |_| async {
        client.end(End::Lost);
        1
    });
    assert_eq!(answered.await, Ok(1));
    client.end(End::Offline);
    assert_eq!(client.run(&LONG, |_| async {}).await, Err(interrupted(false, End::Lost)));
    let next = connection.next_client();
    assert!(!next.is_same(&client));
    assert_eq!(next.run(&LONG, |_| async { 2 }).await, Ok(2), "the next connection has a client of its own");
}

#[tokio::test]
async fn a_client_whose_storage_failed_ends_its_operations() {
    let (connection, _directory) = connection().await;
    let given_up = CancellationToken::new();
    let other = connection.next_client();
    let Inner { session, library, acks, said_last, transfers, .. } = &*other.0;
    let (acks, said_last, transfers) = (Arc::clone(acks), said_last.clone(), transfers.clone());
    let client = Client::new(session.clone(), Weak::clone(library), given_up.clone(), acks, said_last, transfers);
    let (outcome, ()) = tokio::join!(client.run(&LONG, |_| pending::<()>()), async { given_up.cancel() });
    assert_eq!(outcome, Err(interrupted(true, End::GivenUp)));
    assert_eq!(client.run(&LONG, |_| async {}).await, Err(interrupted(false, End::GivenUp)));
}

#[tokio::test]
async fn a_client_that_somebody_keeps_does_not_keep_the_connection() {
    let (connection, _directory) = connection().await;
    let client = connection.next_client();
    connection.close().await;
    drop(connection);
    // The library's own tasks end a moment after it.
    let gone = async {
        while client.0.library.upgrade().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG.limit, gone).await.expect("nobody keeps it");
}
