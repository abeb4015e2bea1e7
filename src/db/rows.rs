//! Many rows in few statements, of few shapes: a connection prepares a statement once and keeps it in memory.

use std::collections::BTreeMap;

use sea_orm::{DbBackend, Statement, Value};

/// Rows that one statement takes, at most.
pub(crate) const ROWS: usize = 256;
/// The same, with SQLite. No statement goes anywhere to be run, and to run one again costs little. For one of several rows it
/// would copy each page that it changes, to be able to undo it alone.
const ROWS_OF_SQLITE: usize = 1;
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

/// What writes rows. Of those with the same key, the last one.
pub(crate) fn statements(backend: DbBackend, rows: Vec<Row>) -> Vec<Statement> {
    // In the order of their keys, so that two instances lock them in the same order.
    let mut tables: BTreeMap<&Target, BTreeMap<Vec<String>, Option<Vec<Value>>>> = BTreeMap::new();
    for Row { target, key, rest } in rows {
        tables.entry(target).or_default().insert(key, rest);
    }
    let mut statements = Vec::new();
    for (target, rows) in tables {
        let (mut kept, mut gone) = (Vec::new(), Vec::new());
        for (key, rest) in rows {
            let key = key.into_iter().map(Value::from);
            match rest {
                Some(rest) => kept.push(key.chain(rest).collect()),
                None => gone.push(key.collect()),
            }
        }
        statements.extend(of_many(backend, kept, |values| target.put(backend, values)));
        statements.extend(of_many(backend, gone, |values| target.delete(values)));
    }
    statements.into_iter().map(|(statement, _)| statement).collect()
}

impl Target {
    fn put(&self, backend: DbBackend, values: &str) -> String {
        let Self { table, key, rest } = self;
        let columns = [*key, *rest].concat().join(", ");
        let rest: Vec<_> = rest.iter().map(|column| format!("{column} = excluded.{column}")).collect();
        let (key, rest) = (key.join(", "), rest.join(", "));
        let rows = without_added(backend, values);
        format!("INSERT INTO {table} ({columns}) {rows} ON CONFLICT ({key}) DO UPDATE SET {rest}")
    }

    fn delete(&self, values: &str) -> String {
        format!("DELETE FROM {} WHERE ({}) IN ({values})", self.table, self.key.join(", "))
    }
}

/// What inserts rows whose first value is a text. `into` is the table and its columns: `device (session_id, data)`.
pub(crate) fn inserts(backend: DbBackend, into: &str, rows: Vec<Vec<Value>>) -> Vec<Statement> {
    let insert = |values: &str| format!("INSERT INTO {into} {}", without_added(backend, values));
    of_many(backend, rows, insert).into_iter().map(|(statement, _)| statement).collect()
}

/// What is to be inserted of [`of_many`]'s rows. With SQLite a statement has one, and none is added; to select it would make SQLite
/// copy each page that the statement changes, as with several.
fn without_added(backend: DbBackend, values: &str) -> String {
    match backend {
        DbBackend::Sqlite => values.to_owned(),
        _ => format!("SELECT * FROM ({values}) AS v WHERE v.column1 <> ''"),
    }
}

/// What takes these rows, in order. `sql` makes a statement of their `VALUES (..), (..)`, whose columns both databases call
/// `column1`, `column2`. A statement is prepared once for each number of rows and kept, so there are few numbers: rows are
/// added whose first value, a text, is empty. `sql` leaves them out. Gives each statement with the number of its rows.
pub(crate) fn of_many(
    backend: DbBackend,
    rows: Vec<Vec<Value>>,
    sql: impl Fn(&str) -> String,
) -> Vec<(Statement, usize)> {
    let together = if backend == DbBackend::Sqlite { ROWS_OF_SQLITE } else { ROWS };
    let columns = rows.first().map_or(0, Vec::len);
    let mut statements = Vec::with_capacity(rows.len().div_ceil(together));
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
        statements.push((Statement::from_sql_and_values(backend, text.clone(), binds), count));
    }
    statements
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
