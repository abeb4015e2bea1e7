//! What can be written through the journal: the same on both databases.

use std::ops::Deref;
use std::time::Duration;

use entity::timestamp::Timestamp;
use futures::FutureExt;
use rstest::rstest;
use sea_orm::sea_query::{ColumnDef, Expr, Query, Table};
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use serde_json::json;
use tempfile::TempDir;
use waypost::clock::Clock;
use waypost::db::Db;
use waypost::db::fault::{self, Fault};
use waypost::db::rows::{Mode, Row, Target};
use waypost::error::{Error, Result};
use waypost::event::entry::JournalEntry;
use waypost::event::journal::Journal;
use waypost::lifecycle::Lifecycle;

use crate::support::database::{self, TestDatabase};

static MIXED: Target =
    Target { table: "mixed", key: &["name"], rest: &["object", "number", "single", "count", "small"], mode: Mode::Put };
const COLUMNS: [&str; 6] = ["name", "object", "number", "single", "count", "small"];
const INTO_MIXED: &str = "mixed (name, object, number, single, count, small)";

/// A journal on a database with a table of all kinds of columns.
struct Fixture {
    db: Db,
    journal: Journal,
    lifecycle: Lifecycle,
    _directory: Option<TempDir>,
    _database: Option<TestDatabase>,
}

impl Fixture {
    async fn new(is_sqlite: bool) -> Self {
        let (db, directory, database) = match is_sqlite {
            true => {
                let (db, directory) = database::sqlite().await;
                (db, Some(directory), None)
            }
            false => {
                let database = database::postgres().await;
                (database.deref().clone(), None, Some(database))
            }
        };
        let table = Table::create()
            .table("mixed")
            .col(ColumnDef::new("name").text().not_null().primary_key())
            .col(ColumnDef::new("object").json())
            .col(ColumnDef::new("number").double())
            .col(ColumnDef::new("single").float())
            .col(ColumnDef::new("count").big_integer())
            .col(ColumnDef::new("small").small_integer())
            .take();
        db.write().execute(&table).await.expect("a table");
        let (clock, lifecycle) = (Clock::manual(Timestamp::from_millis(1_767_143_000_000)), Lifecycle::new());
        let journal = Journal::open(db.clone(), clock, &lifecycle).await.expect("a journal");
        Self { db, journal, lifecycle, _directory: directory, _database: database }
    }

    async fn write(&self, entry: JournalEntry) -> Result<()> {
        self.journal.submit(entry).await.expect("it is submitted").1.await
    }

    /// Each row as JSON, by name.
    async fn found(&self) -> Vec<serde_json::Value> {
        let sql = format!("SELECT {} FROM mixed ORDER BY name", COLUMNS.join(", "));
        let all = Statement::from_string(self.db.read().get_database_backend(), sql);
        let rows = self.db.read().query_all_raw(all).await.expect("rows");
        let row = |row: &sea_orm::QueryResult| -> std::result::Result<_, DbErr> {
            let name: String = row.try_get_by_index(0)?;
            let object: Option<serde_json::Value> = row.try_get_by_index(1)?;
            let number: Option<f64> = row.try_get_by_index(2)?;
            let single: Option<f32> = row.try_get_by_index(3)?;
            let count: Option<i64> = row.try_get_by_index(4)?;
            let small: Option<i16> = row.try_get_by_index(5)?;
            Ok(json!([name, object, number, single, count, small]))
        };
        rows.iter().map(|found| row(found).expect("of these kinds")).collect()
    }

    async fn close(self) {
        assert!(self.lifecycle.shut_down(Duration::from_secs(20)).await, "it ends in time");
    }
}

/// JSON, floats and unsigned numbers.
fn rest() -> Vec<Value> {
    let object = json!({ "a": [1, 2.5, null], "b": "tea\u{0}" });
    vec![object.into(), 0.1_f64.into(), 1.5_f32.into(), 9_223_372_036_854_775_807_u64.into(), 200_u8.into()]
}

/// The same columns, of which none has a value.
fn nothing() -> Vec<Value> {
    let object: Option<serde_json::Value> = None;
    vec![object.into(), None::<f64>.into(), None::<f32>.into(), None::<u32>.into(), None::<i8>.into()]
}

fn named(name: &str, rest: Vec<Value>) -> Vec<Value> {
    std::iter::once(name.into()).chain(rest).collect()
}

/// Writes three rows in each way in which a batch takes some.
fn entry(prefix: &'static str) -> JournalEntry {
    let name = move |name: &str| format!("{prefix} {name}");
    let rows = move |_| {
        let row = |key: &str, rest| Row { target: &MIXED, key: vec![name(key)], rest: Some(rest) };
        Ok(vec![row("row", rest()), row("row again", rest()), row("row of nothing", nothing())])
    };
    JournalEntry {
        rows: Some(Box::new(rows)),
        last: Some(Box::new(move |batch| {
            let inserted = ["insert", "insert again"].map(|key| named(&name(key), rest()));
            batch.insert(
                INTO_MIXED,
                inserted.into_iter().chain([named(&name("insert of nothing"), nothing())]).collect(),
            );
            for (key, rest) in [("push", rest()), ("push again", rest()), ("push of nothing", nothing())] {
                let mut insert = Query::insert().into_table("mixed").columns(COLUMNS).take();
                insert.values_panic(named(&name(key), rest).into_iter().map(Expr::val));
                batch.push(insert);
            }
        })),
        ..JournalEntry::default()
    }
}

#[rstest]
#[tokio::test]
async fn a_json_a_float_and_an_unsigned_number_are_the_same_on_both_databases(#[values(true, false)] is_sqlite: bool) {
    let fixture = Fixture::new(is_sqlite).await;
    fixture.write(entry("alone")).await.expect("it is written");
    // Behind a statement of the same transaction.
    let write: waypost::event::entry::Write = Box::new(|tx| {
        async move {
            tx.execute_unprepared("INSERT INTO mixed (name) VALUES ('before')").await.expect("it is written");
            Ok(Vec::new())
        }
        .boxed()
    });
    fixture.write(JournalEntry { write: Some(write), ..entry("behind") }).await.expect("it is written");
    let something = json!([{ "a": [1, 2.5, null], "b": "tea\u{fffd}" }, 0.1, 1.5, 9_223_372_036_854_775_807_i64, 200]);
    let mut expected = Vec::new();
    for prefix in ["alone", "behind"] {
        for way in ["insert", "push", "row"] {
            for (suffix, rest) in
                [("", &something), (" again", &something), (" of nothing", &json!([null, null, null, null, null]))]
            {
                let mut row = vec![json!(format!("{prefix} {way}{suffix}"))];
                row.extend(rest.as_array().expect("a list").iter().cloned());
                expected.push(json!(row));
            }
        }
    }
    expected.push(json!(["before", null, null, null, null, null]));
    expected.sort_by_key(|row| row[0].to_string());
    let mut found = fixture.found().await;
    found.sort_by_key(|row| row[0].to_string());
    assert_eq!(found, expected);
    fixture.close().await;
}

/// What the failure of an entry that writes this means.
async fn refused(fixture: &Fixture, value: Value) -> Fault {
    let last = move |batch: &mut waypost::db::batch::Batch| {
        batch.insert("mixed (name, number)", vec![vec!["fine".into(), 1.0_f64.into()]]);
        batch.insert("mixed (name, count)", vec![vec!["bad".into(), value.clone()]]);
    };
    let error: Error =
        fixture.write(JournalEntry { last: Some(Box::new(last)), ..JournalEntry::default() }).await.expect_err("bad");
    let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<DbErr>());
    fault::of(cause.unwrap_or_else(|| panic!("no failure of a database: {error:?}")))
}

#[rstest]
#[tokio::test]
async fn what_one_database_cannot_keep_neither_takes(#[values(true, false)] is_sqlite: bool) {
    let fixture = Fixture::new(is_sqlite).await;
    for value in [Value::from(u64::MAX), f64::NAN.into(), f32::NAN.into()] {
        assert_eq!(refused(&fixture, value).await, Fault::Unwritable);
    }
    for value in [Value::ChronoDate(None), Value::Uuid(None), Value::Decimal(None)] {
        assert_eq!(refused(&fixture, value).await, Fault::Statement);
    }
    assert_eq!(fixture.found().await, [] as [serde_json::Value; 0]);
    fixture.close().await;
}
