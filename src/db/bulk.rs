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

/// Where rows go, and what becomes of one that is there already.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The table and its columns, those of the key first: `device (session_id, data)`.
    pub into: &'static str,
    /// What follows `ON CONFLICT`: `(session_id) DO UPDATE SET data = excluded.data`.
    pub on_conflict: &'static str,
}

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it goes.
    pub target: &'static Target,
    /// Its key, beginning with something that is not empty: no table has two rows with the same.
    pub key: Vec<String>,
    /// The values of all other columns.
    pub rest: Vec<Value>,
}

/// What writes rows. Of those with the same key, the last one.
pub(crate) fn statements(backend: DbBackend, rows: &[Row]) -> Vec<Statement> {
    // In the order of their keys, so that two instances lock them in the same order.
    let mut tables: BTreeMap<&Target, BTreeMap<&[String], &[Value]>> = BTreeMap::new();
    for row in rows {
        tables.entry(row.target).or_default().insert(&row.key, &row.rest);
    }
    let mut statements = Vec::with_capacity(tables.len());
    for (Target { into, on_conflict }, rows) in tables {
        let rows: Vec<_> = rows.into_iter().collect();
        for rows in rows.chunks(together(backend)) {
            let row = |(key, rest): &(&[String], &[Value])| -> Vec<Value> {
                key.iter().map(Value::from).chain(rest.iter().cloned()).collect()
            };
            let (values, binds) = padded(backend, rows.iter().map(row));
            let sql = format!(
                "INSERT INTO {into} SELECT * FROM ({values}) AS v WHERE v.column1 <> '' ON CONFLICT {on_conflict}"
            );
            statements.push(Statement::from_sql_and_values(backend, sql, binds));
        }
    }
    statements
}

/// How many rows go into one statement of many.
pub(crate) const fn together(backend: DbBackend) -> usize {
    match backend {
        DbBackend::Sqlite => ROWS_OF_SQLITE,
        _ => ROWS,
    }
}

/// What inserts rows whose first value is a text. `into` is the table and its columns: `device (session_id, data)`.
pub(crate) fn inserts(backend: DbBackend, into: &str, rows: &[Vec<Value>]) -> Vec<Statement> {
    let insert = |rows: &[Vec<Value>]| {
        let (values, binds) = padded(backend, rows.iter().cloned());
        let sql = format!("INSERT INTO {into} SELECT * FROM ({values}) AS v WHERE v.column1 <> ''");
        Statement::from_sql_and_values(backend, sql, binds)
    };
    rows.chunks(together(backend)).map(insert).collect()
}

/// `VALUES (..), (..)` of these rows, and what is bound: both databases call the columns `column1`, `column2`. A statement is
/// prepared once for each number of rows and kept, so there are few numbers: rows are added whose first value, a text, is
/// empty. Whoever uses this leaves them out.
pub(crate) fn padded(backend: DbBackend, rows: impl ExactSizeIterator<Item = Vec<Value>>) -> (String, Vec<Value>) {
    let (count, whole) = (rows.len(), whole(rows.len()));
    let mut binds = Vec::new();
    let mut last = Vec::new();
    for row in rows {
        last.clone_from(&row);
        binds.extend(row);
    }
    if let Some(first) = last.first_mut() {
        *first = "".into();
    }
    let columns = last.len();
    for _ in count..whole {
        binds.extend(last.iter().cloned());
    }
    (values(backend, whole, columns), binds)
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
