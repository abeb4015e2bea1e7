use sea_orm::Statement;

use super::*;

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
    let all = Statement::from_string(DatabaseBackend::Sqlite, "SELECT value FROM picky ORDER BY value");
    let rows = db.read().query_all_raw(all).await.expect("rows");
    let values: Vec<i32> = rows.iter().map(|row| row.try_get_by_index(0).expect("a number")).collect();
    assert_eq!(values, [2, 4, 6]);
}
