//! What migrations make of tables in which there is something.

use migration::{Migrator, MigratorTrait};
use rstest::rstest;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseBackend, DatabaseConnection, Statement};
use tempfile::TempDir;

use crate::support::database::{self, TestDatabase};

/// Before this one, what is owed about a session went with it.
const OWED: &str = "m0009_owed";

/// A database without tables, on one connection, as migrations are run.
async fn empty(is_sqlite: bool) -> (DatabaseConnection, Option<TempDir>, Option<TestDatabase>) {
    let (url, directory, database) = match is_sqlite {
        true => {
            let directory = tempfile::tempdir().expect("there is room");
            let file = directory.path().join("waypost.db");
            (format!("sqlite://{}?mode=rwc", file.display()), Some(directory), None)
        }
        false => {
            let database = database::empty_postgres().await;
            (database.url(), None, Some(database))
        }
    };
    let mut options = ConnectOptions::new(url);
    options.max_connections(1);
    (Database::connect(options).await.expect("a database"), directory, database)
}

async fn count(db: &DatabaseConnection, what: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {what}");
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("it can be read");
    row.expect("a row").try_get_by_index(0).expect("a number")
}

async fn run(db: &DatabaseConnection, statements: &[&str]) {
    for sql in statements {
        db.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

/// A session with an event, a webhook, and a delivery that waits.
const LIFE: [&str; 6] = [
    "INSERT INTO session (id, metadata, desired, status, reason, since, created_at, updated_at) \
     VALUES ('shop', '{}', 'offline', 'disconnected', 'requested', 0, 0, 0)",
    "INSERT INTO event (position, id, session_id, sequence, type, created_at, body) \
     VALUES (7, 'evt_1', 'shop', 1, 'test', 0, '{}')",
    "INSERT INTO event_count (session_id, last_sequence) VALUES ('shop', 1)",
    "INSERT INTO webhook (id, session_id, url, events, created_at, updated_at) \
     VALUES ('whk_1', 'shop', 'http://receiver.invalid/', '[\"all\"]', 0, 0)",
    "INSERT INTO delivery (id, webhook_id, session_id, position, event_type, state, attempts, due_at, created_at) \
     VALUES ('dlv_1', 'whk_1', 'shop', 7, 'test', 'pending', 0, 0, 0)",
    "INSERT INTO lane (webhook_id, session_id, due_at, arrivals, is_slow) VALUES ('whk_1', 'shop', 0, 1, false)",
];

#[rstest]
#[tokio::test]
async fn what_is_owed_outlives_its_session_from_a_migration_on_and_not_before(#[values(true, false)] is_sqlite: bool) {
    let (db, _directory, _database) = empty(is_sqlite).await;
    let migrations = Migrator::migrations();
    let before = migrations.iter().position(|migration| migration.name() == OWED).expect("it is there");
    let after = u32::try_from(migrations.len() - before).expect("few");
    Migrator::up(&db, Some(u32::try_from(before).expect("few"))).await.expect("tables");
    run(&db, &LIFE).await;
    Migrator::up(&db, None).await.expect("tables");
    run(&db, &["DELETE FROM session"]).await;
    for table in ["event", "event_count", "webhook", "delivery", "lane"] {
        assert_eq!(count(&db, table).await, 1, "{table}");
    }
    assert_eq!(count(&db, "delivery WHERE sort_key = 7").await, 1, "it keeps its place");
    if db.get_database_backend() == DatabaseBackend::Sqlite {
        assert_eq!(count(&db, "pragma_integrity_check WHERE integrity_check = 'ok'").await, 1);
        assert_eq!(count(&db, "pragma_foreign_key_check").await, 0);
    }
    // The other keys are as they were.
    run(&db, &["DELETE FROM webhook"]).await;
    assert_eq!((count(&db, "delivery").await, count(&db, "lane").await), (0, 0));
    Migrator::down(&db, Some(after)).await.expect("tables");
    assert_eq!(count(&db, "event").await, 0, "there is no session that it could be of");
    run(&db, &LIFE).await;
    run(&db, &["DELETE FROM session"]).await;
    for table in ["event", "event_count", "webhook", "delivery", "lane"] {
        assert_eq!(count(&db, table).await, 0, "{table}");
    }
    Migrator::up(&db, None).await.expect("tables");
    db.close().await.expect("it closes");
}
