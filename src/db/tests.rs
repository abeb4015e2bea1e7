use sea_orm::{ConnectionTrait, DbBackend, Statement, TryGetableMany, Value};

use super::*;
use crate::db::batch::Batch;
use crate::db::health::Hindrance;
use crate::db::rows::Mode;
use crate::db::sqlite::connection::Access;
use crate::db::sqlite::disk::Disk;
use crate::db::write::Failure;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;

impl Db {
    /// A SQLite file whose flushes are done by this.
    pub(crate) async fn flushed_by(
        file: &Path,
        flush: impl FnMut() -> std::io::Result<()> + Send + 'static,
    ) -> Result<Self, DbErr> {
        let db = Self::sqlite(file, Synchronous::Normal).await?;
        let disk = Disk::flushed_by(flush, db.write.health().clone());
        let disk = disk.map_err(|error| DbErr::Custom(error.to_string()))?;
        Ok(Self { write: db.write.on(disk), ..db })
    }
}

/// A table that takes even numbers from 0 on. An odd one makes SQLite roll the transaction back by itself, as it does when
/// the disk is full.
const TABLE: &str = "CREATE TABLE picky (value INTEGER CHECK (value >= 0)); \
                     CREATE TRIGGER odd BEFORE INSERT ON picky WHEN new.value % 2 = 1 \
                     BEGIN SELECT RAISE(ROLLBACK, 'odd'); END;";

#[tokio::test]
async fn a_transaction_that_sqlite_ended_by_itself_spoils_none_that_come_after_it() {
    let directory = tempfile::tempdir().expect("there is room");
    let db = Db::sqlite(&directory.path().join("waypost.db"), Synchronous::Normal).await.expect("a file");
    db.write().execute_unprepared(TABLE).await.expect("a table");
    for value in [1, -2, 2, 3, 4] {
        let work = db.write().begin().await.expect("it begins");
        let inserted = work.execute_unprepared(&format!("INSERT INTO picky VALUES ({value})")).await;
        assert_eq!(inserted.is_ok(), value >= 0 && value % 2 == 0);
        if inserted.is_ok() {
            work.commit().await.expect("it is committed");
        }
    }
    db.write().execute_unprepared("INSERT INTO picky VALUES (6)").await.expect("it is written");
    assert_eq!(values(&db).await, [2, 4, 6]);
}

async fn values(db: &Db) -> Vec<i32> {
    let all = Statement::from_string(DbBackend::Sqlite, "SELECT value FROM picky ORDER BY value");
    let rows = db.read().query_all_raw(all).await.expect("rows");
    rows.iter().map(|row| row.try_get_by_index(0).expect("a number")).collect()
}

/// A batch that inserts these, and says what it has inserted.
fn batch(db: &Db, values: &[i32]) -> Batch {
    let mut batch = db.write().batch();
    for value in values {
        let sql = "INSERT INTO picky VALUES (?) RETURNING 'told', value";
        batch.push_sql(sql.to_owned(), vec![(*value).into()], 0);
    }
    batch
}

#[tokio::test]
async fn a_script_is_run_whole_or_not_at_all() {
    let directory = tempfile::tempdir().expect("there is room");
    let db = Db::sqlite(&directory.path().join("waypost.db"), Synchronous::Full).await.expect("a file");
    db.write().execute_unprepared(TABLE).await.expect("a table");
    // One that SQLite undoes alone, and one that makes it end the transaction by itself.
    for bad in [-2, 3] {
        let work = db.write().begin().await.expect("it begins");
        let failure = work.run(batch(&db, &[0, bad, 2]), ()).await.expect_err("it fails");
        assert!(matches!(failure, Failure::RolledBack(_)), "{failure:?}");
        assert_eq!(values(&db).await, [0; 0]);
    }
    let work = db.write().begin().await.expect("it begins");
    let told = work.run(batch(&db, &[4, 2]), ()).await.expect("it is written");
    assert_eq!(told, [("told".to_owned(), 4), ("told".to_owned(), 2)]);
    assert_eq!(values(&db).await, [2, 4]);
    // Behind statements that were run before it, and after somebody has left a transaction open.
    drop(db.write().begin().await.expect("it begins"));
    let left = db.write().begin().await.expect("it begins");
    left.execute_unprepared("INSERT INTO picky VALUES (8)").await.expect("it is inserted");
    drop(left);
    let work = db.write().begin().await.expect("it begins");
    work.execute_unprepared("INSERT INTO picky VALUES (10)").await.expect("it is inserted");
    let told = work.run(batch(&db, &[6]), ()).await.expect("it is written");
    assert_eq!(told, [("told".to_owned(), 6)]);
    assert_eq!(values(&db).await, [2, 4, 6, 10]);
    let work = db.write().begin().await.expect("it begins");
    work.run_blocking(batch(&db, &[12])).await.expect("it is written");
    assert_eq!(values(&db).await, [2, 4, 6, 10, 12]);
}

#[tokio::test]
async fn a_script_tells_what_is_there_already_or_lacks_something_from_other_failures() {
    let directory = tempfile::tempdir().expect("there is room");
    let db = Db::sqlite(&directory.path().join("waypost.db"), Synchronous::Normal).await.expect("a file");
    let table = "CREATE TABLE single (name TEXT PRIMARY KEY, value INTEGER NOT NULL CHECK (value > 0))";
    db.write().execute_unprepared(table).await.expect("a table");
    let insert = |value: Option<i32>| {
        let mut batch = db.write().batch();
        let insert = "INSERT INTO single (name, value) VALUES (?, ?)";
        batch.push_sql(insert.to_owned(), vec!["one".into(), value.into()], 0);
        async { db.write().run(batch).await.map_err(Failure::into_error) }
    };
    assert!(!matches!(insert(Some(0)).await.expect_err("it is too small"), DbErr::RecordNotInserted));
    assert!(matches!(insert(None).await.expect_err("there is no value"), DbErr::RecordNotInserted));
    insert(Some(1)).await.expect("it is written");
    assert!(matches!(insert(Some(2)).await.expect_err("it is there"), DbErr::RecordNotInserted));
}

#[tokio::test]
async fn what_batches_have_written_is_moved_into_the_file() {
    let directory = tempfile::tempdir().expect("there is room");
    let file = directory.path().join("waypost.db");
    let db = Db::sqlite(&file, Synchronous::Normal).await.expect("a file");
    db.write().execute_unprepared("CREATE TABLE large (value BLOB)").await.expect("a table");
    let log = || std::fs::metadata(sqlite::log_of(&file)).expect("a log").len();
    // Far more than the log may hold: it is begun anew now and then.
    while std::fs::metadata(&file).expect("a file").len() < 64 << 20 {
        let mut batch = db.write().batch();
        batch.push_sql("INSERT INTO large VALUES (?)".to_owned(), vec![vec![7_u8; 1 << 20].into()], 0);
        db.write().run(batch).await.expect("it is written");
        assert!(log() < 48 << 20, "the log has {} bytes", log());
    }
    // Somebody who reads for long, as a backup does, holds nobody up.
    let backup = rusqlite::Connection::open(&file).expect("a connection");
    backup.execute_batch("BEGIN; SELECT count(*) FROM large").expect("it reads");
    while log() < 60 << 20 {
        let mut batch = db.write().batch();
        batch.push_sql("INSERT INTO large VALUES (?)".to_owned(), vec![vec![7_u8; 1 << 20].into()], 0);
        let written = db.write().run(batch);
        tokio::time::timeout(sqlite::batch_runner::BUSY / 2, written)
            .await
            .expect("it waits for no reader")
            .expect("it is written");
    }
    drop(backup);
    db.close().await.expect("it closes");
    assert!(!sqlite::log_of(&file).exists(), "whoever closes the file last has moved all of the log");
}

#[tokio::test]
async fn whoever_waits_gets_the_connection_that_is_free_first() {
    let directory = tempfile::tempdir().expect("there is room");
    let options = SqliteConnectOptions::new().filename(directory.path().join("a.db")).create_if_missing(true);
    let few = connections::Few::connect(&options, Access::Read, 4).await.expect("connections");
    // Three of them are in use for long.
    let (_first, second, _third) = (few.take().await, few.take().await, few.take().await);
    let _fourth = few.take().await;
    let waiting: Vec<_> = (0..8).map(|_| async { few.take().await.map(drop) }).collect();
    let mut waiting = std::pin::pin!(futures::future::join_all(waiting));
    assert!(futures::poll!(&mut waiting).is_pending());
    drop(second);
    let served = tokio::time::timeout(ACQUIRE_LIMIT / 2, waiting).await.expect("nobody waits for another one");
    assert!(served.into_iter().all(|outcome| outcome.is_ok()));
}

#[tokio::test]
async fn a_statement_that_is_wrong_is_not_called_an_unavailable_database() {
    let (db, _directory) = pairs().await;
    let kind = |outcome: Result<sea_orm::ExecResult, DbErr>| fault::failed(outcome.expect_err("it fails")).kind();
    let run = async |sql: &str| kind(db.write().execute_unprepared(sql).await);
    use crate::error::ErrorKind;
    assert_eq!(run("SELEC 1").await, ErrorKind::Internal);
    assert_eq!(run("INSERT INTO pair (name, worth) VALUES ('a', 1)").await, ErrorKind::Internal);
    assert_eq!(run("INSERT INTO nowhere VALUES (1)").await, ErrorKind::Unavailable);
    let mut batch = db.write().batch();
    batch.push_sql("INSERT INTO pair (name, worth) VALUES ('a', 1)".to_owned(), Vec::new(), 0);
    let failure = db.write().run(batch).await.expect_err("it fails");
    assert_eq!(fault::failed(failure.into_error()).kind(), ErrorKind::Internal);
    assert_eq!(db.hindrance().await, Some(Hindrance::Write), "a table is not there");
}

static PAIR: rows::Target = rows::Target { table: "pair", key: &["name"], rest: &["value"], mode: Mode::Put };
static NEW_PAIR: rows::Target = rows::Target { mode: Mode::Insert, ..PAIR };
static KNOWN_PAIR: rows::Target = rows::Target { mode: Mode::Update, ..PAIR };

/// A file with the table of [`PAIR`].
async fn pairs() -> (Db, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("there is room");
    let db = Db::sqlite(&directory.path().join("waypost.db"), Synchronous::Normal).await.expect("a file");
    db.write().execute_unprepared("CREATE TABLE pair (name TEXT PRIMARY KEY, value INTEGER)").await.expect("a table");
    (db, directory)
}

#[tokio::test]
async fn any_number_of_rows_is_written_once() {
    let (db, _directory) = pairs().await;
    for count in 1..20 {
        let row = |name: usize| rows::Row {
            target: &PAIR,
            key: vec![format!("{name:02}")],
            rest: Some(vec![Value::from(i32::try_from(count + name).expect("it is small"))]),
        };
        let rows: Vec<_> = (0..count).map(row).collect();
        let mut batch = db.write().batch();
        batch.put(rows);
        db.write().run(batch).await.expect("it is written");
        let all = Statement::from_string(DbBackend::Sqlite, "SELECT value FROM pair ORDER BY name");
        let rows = db.read().query_all_raw(all).await.expect("rows");
        let written: Vec<i32> = rows.iter().map(|row| row.try_get_by_index(0).expect("a number")).collect();
        assert_eq!(written.len(), count);
        assert!(written.iter().enumerate().all(|(name, value)| usize::try_from(*value) == Ok(count + name)));
    }
}

#[tokio::test]
async fn of_what_is_said_of_a_row_the_last_word_holds() {
    let (db, _directory) = pairs().await;
    let row = |name: &str, value: Option<i32>| rows::Row {
        target: &PAIR,
        key: vec![name.to_owned()],
        rest: value.map(|value| vec![value.into()]),
    };
    let write = async |rows| {
        let mut batch = db.write().batch();
        batch.put(rows);
        db.write().run(batch).await.expect("it is written");
        let all = Statement::from_string(DbBackend::Sqlite, "SELECT name, value FROM pair ORDER BY name");
        let rows = db.read().query_all_raw(all).await.expect("rows");
        rows.iter()
            .map(|row| TryGetableMany::try_get_many_by_index(row).expect("a pair"))
            .collect::<Vec<(String, i32)>>()
    };
    let rows = vec![row("a", Some(1)), row("b", None), row("b", Some(2)), row("c", Some(3)), row("c", None)];
    assert_eq!(write(rows).await, [("a".to_owned(), 1), ("b".to_owned(), 2)]);
    assert_eq!(write(vec![row("a", None), row("never there", None)]).await, [("b".to_owned(), 2)]);
}

#[tokio::test]
async fn what_is_only_added_or_only_changed_says_so_of_a_row_that_is_there_or_is_not() {
    let (db, _directory) = pairs().await;
    let row = |target, name: &str, value: i32| rows::Row {
        target,
        key: vec![name.to_owned()],
        rest: Some(vec![value.into()]),
    };
    let write = async |rows| {
        let mut batch = db.write().batch();
        batch.put(rows);
        db.write().run(batch).await
    };
    let read = async || {
        let all = Statement::from_string(DbBackend::Sqlite, "SELECT name, value FROM pair ORDER BY name");
        let rows = db.read().query_all_raw(all).await.expect("rows");
        rows.iter()
            .map(|row| TryGetableMany::try_get_many_by_index(row).expect("a pair"))
            .collect::<Vec<(String, i32)>>()
    };
    write(vec![row(&NEW_PAIR, "a", 1), row(&NEW_PAIR, "b", 2)]).await.expect("they are new");
    let failure = write(vec![row(&NEW_PAIR, "c", 3), row(&NEW_PAIR, "a", 4)]).await.expect_err("one is there");
    assert!(matches!(failure, Failure::RolledBack(DbErr::RecordNotInserted)), "{failure:?}");
    write(vec![row(&KNOWN_PAIR, "b", 5)]).await.expect("it is changed");
    let failure =
        write(vec![row(&KNOWN_PAIR, "a", 6), row(&KNOWN_PAIR, "never there", 6)]).await.expect_err("one is not");
    assert!(matches!(failure, Failure::RolledBack(DbErr::RecordNotInserted)), "{failure:?}");
    assert_eq!(read().await, [("a".to_owned(), 1), ("b".to_owned(), 5)]);
}

#[tokio::test]
async fn tables_are_brought_up_to_date_wholly_or_not_at_all() {
    let directory = tempfile::tempdir().expect("there is room");
    let db = Db::sqlite(&directory.path().join("waypost.db"), Synchronous::Normal).await.expect("a file");
    let tables = async || {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('session', 'webhook', 'seaql_migrations')";
        let row =
            db.read().query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.expect("it can be read");
        row.expect("a row").try_get_by_index::<i64>(0).expect("a number")
    };
    // One of the last migrations cannot be made.
    db.write().execute_unprepared("CREATE TABLE recipient (x)").await.expect("a table");
    db.migrate().await.expect_err("the table is there");
    assert_eq!(tables().await, 0, "what came before it is not there either");
    db.write().execute_unprepared("DROP TABLE recipient").await.expect("it is gone");
    db.migrate().await.expect("all of it");
    assert_eq!(tables().await, 3);
}
