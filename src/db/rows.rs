//! Many rows in few statements, of few shapes: a connection prepares a statement once and keeps it in memory. Nobody else makes
//! a statement of many rows.

use std::collections::BTreeMap;

use sea_orm::sea_query::{InsertStatement, OnConflict};
use sea_orm::{ActiveModelTrait, DbBackend, EntityTrait, Insert, IntoActiveModel, Iterable, QueryTrait, Value};

use crate::db::batch::{Batch, Shortfall};

/// Rows that one statement takes, at most.
pub(crate) const ROWS: usize = 256;
/// The same, with SQLite. No statement goes anywhere to be run, and to run one again costs little. For one of several rows it
/// would copy each page that it changes, to be able to undo it alone.
const ROWS_OF_SQLITE: usize = 1;
/// Values bound to one statement, at most. SQLite takes 32766 and PostgreSQL 65535; each connection keeps the statements that it
/// has prepared in memory, and beyond a few thousand values a longer one is no faster.
pub(crate) const BINDS: usize = 4096;
/// Numbers of rows up to this are powers of two, and those beyond are multiples of it.
const STEP: usize = 16;

/// Where rows go.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The table.
    pub table: &'static str,
    /// The columns of its key.
    pub key: &'static [&'static str],
    /// All others.
    pub rest: &'static [&'static str],
    /// What is done with a row that goes there.
    pub mode: Mode,
}

/// What is done with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// It is there afterwards, whether there was one with its key or not.
    Put,
    /// It is added; one with its key fails.
    Insert,
    /// It takes the place of the one with its key; without one it fails.
    Update,
}

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it goes.
    pub target: &'static Target,
    /// Its key, beginning with something that is not empty: no table has two rows with the same.
    pub key: Vec<String>,
    /// The values of all other columns, in place of those that are there. None: no row with this key stays.
    pub rest: Option<Vec<Value>>,
}

impl Batch {
    /// Puts whole rows into their tables, and takes others out. Of those with the same key, the last one.
    pub fn put(&mut self, rows: Vec<Row>) {
        // In the order of their keys, so that two instances lock them in the same order.
        let mut tables: BTreeMap<&Target, BTreeMap<Vec<String>, Option<Vec<Value>>>> = BTreeMap::new();
        for Row { target, key, rest } in rows {
            tables.entry(target).or_default().insert(key, rest);
        }
        for (target, rows) in tables {
            let (mut kept, mut gone) = (Vec::new(), Vec::new());
            for (key, rest) in rows {
                let key = key.into_iter().map(Value::from);
                match rest {
                    Some(rest) => kept.push(key.chain(rest).collect()),
                    None => gone.push(key.collect()),
                }
            }
            let backend = self.backend();
            let shortfall = if target.mode == Mode::Update { Shortfall::Fails } else { Shortfall::Fine };
            self.with_rows(kept, shortfall, |values| target.write(backend, values));
            self.with_rows(gone, Shortfall::Fine, |values| target.delete(values));
        }
    }

    /// Inserts rows whose first value is a text. `into` is the table and its columns: `device (session_id, data)`.
    pub fn insert(&mut self, into: &str, rows: Vec<Vec<Value>>) {
        let backend = self.backend();
        let insert = |values: &str| format!("INSERT INTO {into} {}", without_added(backend, values));
        self.with_rows(rows, Shortfall::Fine, insert);
    }

    /// Adds what takes these rows, in order. `sql` makes a statement of their `VALUES (..), (..)`, whose columns both databases
    /// call `column1`, `column2`. A statement is prepared once for each number of rows and kept, so there are few numbers: rows
    /// are added whose first value, a text, is empty. `sql` leaves them out.
    pub(crate) fn with_rows(&mut self, rows: Vec<Vec<Value>>, shortfall: Shortfall, sql: impl Fn(&str) -> String) {
        let backend = self.backend();
        let together = if backend == DbBackend::Sqlite { ROWS_OF_SQLITE } else { ROWS };
        let columns = rows.first().map_or(0, Vec::len);
        let mut texts = BTreeMap::new();
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let mut binds: Vec<_> = rows.by_ref().take(together).flatten().collect();
            let (count, last) = (binds.len() / columns, binds.len() - columns);
            for _ in count..whole(count) {
                let first = binds.len();
                binds.extend_from_within(last..last + columns);
                binds[first] = "".into();
            }
            let text = texts.entry(whole(count)).or_insert_with_key(|whole| sql(&values(backend, *whole, columns)));
            let rows_at_least = if shortfall == Shortfall::Fails { count as u64 } else { 0 };
            self.push_sql(text.clone(), binds, rows_at_least);
        }
    }
}

/// What inserts these, as few statements as a connection takes.
///
/// Unlike [`Batch::insert`] it says what becomes of a row that is there already, and can be run on any connection; each number of
/// rows is a statement of its own.
pub fn inserts<A, M>(rows: Vec<M>, rule: OnConflict) -> impl Iterator<Item = InsertStatement>
where
    A: ActiveModelTrait,
    M: IntoActiveModel<A>,
{
    let together = BINDS / <A::Entity as EntityTrait>::Column::iter().count();
    let mut rest = rows.into_iter().peekable();
    std::iter::from_fn(move || {
        rest.peek()?;
        Some(Insert::<A>::many(rest.by_ref().take(together)).on_conflict(rule.clone()).into_query())
    })
}

impl Target {
    fn write(&self, backend: DbBackend, values: &str) -> String {
        let Self { table, key, rest, mode } = self;
        let insert = || {
            let columns = [*key, *rest].concat().join(", ");
            format!("INSERT INTO {table} ({columns}) {}", without_added(backend, values))
        };
        match mode {
            Mode::Insert => insert(),
            Mode::Put => {
                let rest: Vec<_> = rest.iter().map(|column| format!("{column} = excluded.{column}")).collect();
                format!("{} ON CONFLICT ({}) DO UPDATE SET {}", insert(), key.join(", "), rest.join(", "))
            }
            Mode::Update => self.update(backend, values),
        }
    }

    fn update(&self, backend: DbBackend, values: &str) -> String {
        let Self { table, key, rest, mode: _ } = self;
        // A statement of SQLite has one row, and each value its place in it.
        let value = |place: usize| match backend {
            DbBackend::Sqlite => format!("?{place}"),
            _ => format!("v.column{place}"),
        };
        let column = |(index, column): (usize, &&str), table: &str| format!("{table}{column} = {}", value(index + 1));
        let set: Vec<_> = rest.iter().enumerate().map(|(index, name)| column((key.len() + index, name), "")).collect();
        let matches = |table: &str| {
            let matches: Vec<_> = key.iter().enumerate().map(|(index, name)| column((index, name), table)).collect();
            matches.join(" AND ")
        };
        let set = set.join(", ");
        match backend {
            DbBackend::Sqlite => format!("UPDATE {table} SET {set} WHERE {}", matches("")),
            // Rows that are added to make the number even match none.
            _ => format!("UPDATE {table} AS t SET {set} FROM ({values}) AS v WHERE {}", matches("t.")),
        }
    }

    fn delete(&self, values: &str) -> String {
        format!("DELETE FROM {} WHERE ({}) IN ({values})", self.table, self.key.join(", "))
    }
}

/// What is to be inserted of [`Batch::with_rows`]'s rows. With SQLite a statement has one, and none is added; to select it would make SQLite
/// copy each page that the statement changes, as with several.
fn without_added(backend: DbBackend, values: &str) -> String {
    match backend {
        DbBackend::Sqlite => values.to_owned(),
        _ => format!("SELECT * FROM ({values}) AS v WHERE v.column1 <> ''"),
    }
}

/// The same values, some of them more than once: for lists in which that makes no difference.
pub(crate) fn repeated<T: Clone>(mut values: Vec<T>) -> Vec<T> {
    if let Some(last) = values.last().cloned() {
        values.resize(whole(values.len()), last);
    }
    values
}

fn whole(count: usize) -> usize {
    if count <= STEP { count.next_power_of_two() } else { count.next_multiple_of(STEP) }
}

/// `VALUES ($1, $2), ($3, $4)`.
pub(crate) fn values(backend: DbBackend, rows: usize, columns: usize) -> String {
    let mut sql = String::with_capacity(8 + rows * (columns * 6 + 4));
    sql.push_str("VALUES ");
    for bind in 0..rows * columns {
        sql.push_str(match (bind % columns, bind) {
            (0, 0) => "(",
            (0, _) => "), (",
            _ => ", ",
        });
        match backend {
            DbBackend::Sqlite => sql.push('?'),
            _ => sql.push_str(&format!("${}", bind + 1)),
        }
    }
    sql.push(')');
    sql
}
