//! What a database has no place for: it is kept as well as it can be, or left out with a word, and holds nothing else up.

use rstest::rstest;
use sea_orm::{ConnectionTrait, Statement};
use waypost::clock::Clock;
use waypost::db::Db;
use waypost::db::sqlite::Synchronous;
use waypost::event::body::EventBody;
use waypost::event::body::session::{OfflineSyncCompletedEvent, TestEvent};
use waypost::event::entry::{JournalEntry, NewEvent};
use waypost::event::index::MessageKey;
use waypost::session;
use waypost::session::setting::Setting;
use waypost::session::types::{Live, Session};

use crate::support::webhook_fixture::{WebhookFixture, shop};
use crate::support::world::{Kind, World};

/// Lets the database have no place for an event with this word in it.
async fn refuse(db: &Db, word: &str) {
    let sql = match db.read().get_database_backend() {
        sea_orm::DbBackend::Sqlite => format!(
            "CREATE TRIGGER no_place BEFORE INSERT ON event WHEN new.body LIKE '%{word}%' \
             BEGIN SELECT RAISE(ABORT, 'no place'); END"
        ),
        _ => format!("ALTER TABLE event ADD CONSTRAINT no_place CHECK (body NOT LIKE '%{word}%')"),
    };
    db.write().execute_unprepared(&sql).await.expect("it is changed");
}

fn test(message: &str) -> NewEvent {
    let body = EventBody::Test(TestEvent { message: message.to_owned() });
    NewEvent::new(shop(), &body, Clock::system().now()).expect("it is JSON")
}

/// What the journal has, in order.
async fn bodies(db: &Db) -> Vec<String> {
    let sql = "SELECT body FROM event ORDER BY position";
    let rows = db.read().query_all_raw(Statement::from_string(db.read().get_database_backend(), sql)).await;
    rows.expect("rows").iter().map(|row| row.try_get_by_index(0).expect("a text")).collect()
}

#[rstest]
#[tokio::test]
async fn an_event_that_can_never_be_written_holds_no_other_up(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let fixture = WebhookFixture::new(kind, &["call"]).await;
    refuse(&fixture.db, "unwritable").await;
    let events = ["one", "an unwritable word", "two"].map(test).to_vec();
    let now = fixture.clock.now();
    let live = session::store::find(fixture.db.read(), &shop()).await.expect("it reads").expect("it is there").live;
    let live = Live { push_name: Some("Ada".to_owned()), ..live };
    let write = session::store::state_write(&shop(), live, now);
    let entry = JournalEntry { events, write: Some(write), ..JournalEntry::default() };
    fixture.journal.write(entry).await.expect("the others are written");
    fixture
        .journal
        .write(JournalEntry { events: vec![test("three")], ..JournalEntry::default() })
        .await
        .expect("it is written");
    let words = ["one", "two", "three"].map(|word| format!(r#"{{"message":"{word}"}}"#));
    assert_eq!(bodies(&fixture.db).await, words);
    let kept = session::store::find(fixture.db.read(), &shop()).await.expect("it reads").expect("it is there");
    assert_eq!(kept.session.push_name.as_deref(), Some("Ada"));
    fixture.close().await;
}

#[rstest]
#[tokio::test]
async fn what_is_left_out_is_counted_and_the_session_goes_on(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    world.linked("shop").await;
    match kind {
        Kind::Sqlite => {
            let file = world.data_dir().join("waypost.db");
            refuse(&Db::sqlite(&file, Synchronous::Normal).await.expect("a file"), "unwritable").await;
        }
        Kind::Postgres => refuse(world.database(), "unwritable").await,
    }
    let logins = world.logins();
    let friend = world.sim.phone("15550100077");
    for text in ["one", "unwritable", "two"] {
        friend.send("15550100001", text).await.expect("it is sent");
    }
    let events = crate::support::journal::of_type(&world, "message", 2).await;
    let texts: Vec<_> = events.iter().map(|event| event["data"]["text"].as_str().expect("a text")).collect();
    assert_eq!((texts, world.logins()), (vec!["one", "two"], logins));
    let metrics = world.door.send(world.door.request(reqwest::Method::GET, "/metrics")).await.text();
    assert!(metrics.contains("waypost_set_aside_total{what=\"event\"} 1"), "{metrics}");
    let mut world = world;
    assert!(world.server.stop().success());
    let output = world.server.output();
    assert_eq!(output.matches("an event of session shop is left out").count(), 1, "{output}");
    assert!(!output.contains("unwritable"), "{output}");
}

#[rstest]
#[tokio::test]
async fn a_nul_or_a_name_without_end_is_kept_alike_by_both(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let fixture = WebhookFixture::new(kind, &["call"]).await;
    let body = EventBody::OfflineSyncCompleted(OfflineSyncCompletedEvent { count: 1 });
    let message = |id: String| {
        let mut draft = NewEvent::new(shop(), &body, fixture.clock.now()).expect("it is JSON");
        let (chat, sender) = ("a\0chat".to_owned(), "s".repeat(9_000));
        draft.message = Some(MessageKey { session_id: shop(), chat, sender, message_id: id });
        JournalEntry { events: vec![draft], ..JournalEntry::default() }
    };
    // The second of each is known.
    for id in ["3EB0\0".to_owned(), "x".repeat(5_000)].into_iter().flat_map(|id| [id.clone(), id]) {
        fixture.journal.write(message(id)).await.expect("it is written");
    }
    assert_eq!(bodies(&fixture.db).await.len(), 2);
    let found = session::store::find(fixture.db.read(), &shop()).await.expect("it reads").expect("it is there");
    let live = Live { push_name: Some("Ada\0Nul".to_owned()), ..found.live };
    let write = session::store::state_write(&shop(), live, fixture.clock.now());
    fixture.journal.write(JournalEntry { write: Some(write), ..JournalEntry::default() }).await.expect("it is written");
    let metadata = [("a\0".to_owned(), "b\0".to_owned())].into();
    let (id, name, now) = (shop(), Some(Some("n\0".to_owned())), fixture.clock.now());
    let (send_rate, send_burst) = (Setting::Kept, Setting::Kept);
    let metadata = Some(metadata);
    let changes =
        session::store::Changes { name, metadata, presence_on_connect: None, send_rate, send_burst, media: None };
    let changed = session::store::update(fixture.db.write(), &id, changes, now);
    changed.await.expect("it is written");
    let found = session::store::find(fixture.db.read(), &shop()).await.expect("it reads").expect("it is there").session;
    let Session { name, push_name, metadata, .. } = found;
    assert_eq!((name.as_deref(), push_name.as_deref()), (Some("n\u{fffd}"), Some("Ada\u{fffd}Nul")));
    assert_eq!(metadata, [("a\u{fffd}".to_owned(), "b\u{fffd}".to_owned())].into());
    fixture.close().await;
}
