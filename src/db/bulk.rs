//! Many rows in few statements, of few shapes: a connection prepares a statement once and keeps it in memory.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sea_orm::{ConnectionTrait, DbErr, Statement, Value};

/// Rows that one statement takes, at most.
pub(crate) const ROWS: usize = 256;
/// Numbers of rows beyond this are multiples of it.
const STEP: usize = 16;

/// Where rows go, and what becomes of one that is there already.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The table and its columns, those of the key first: `session (id, name)`.
    pub into: &'static str,
    /// What follows `ON CONFLICT`: `(id) DO UPDATE SET name = excluded.name`.
    pub on_conflict: &'static str,
}

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it goes.
    pub target: &'static Target,
    /// Its key: no table has two rows with the same.
    pub key: Vec<String>,
    /// The values of all other columns.
    pub rest: Vec<Value>,
}

/// Writes rows, within the caller's transaction. Of those with the same key, the last one.
pub async fn write<'a>(tx: &impl ConnectionTrait, rows: impl Iterator<Item = &'a Row>) -> Result<(), DbErr> {
    // In the order of their keys, so that two instances lock them in the same order.
    let mut tables: BTreeMap<&Target, BTreeMap<&[String], &[Value]>> = BTreeMap::new();
    for row in rows {
        tables.entry(row.target).or_default().insert(&row.key, &row.rest);
    }
    for (Target { into, on_conflict }, rows) in tables {
        let mut rows = rows.into_iter().map(|(key, rest)| key.iter().map(Value::from).chain(rest.iter().cloned()));
        while rows.len() > 0 {
            let count = shape(rows.len());
            let binds: Vec<_> = rows.by_ref().take(count).flatten().collect();
            let sql = format!("INSERT INTO {into} {} ON CONFLICT {on_conflict}", values(count, binds.len() / count));
            tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, binds)).await?;
        }
    }
    Ok(())
}

/// How many of `left` rows go into one statement. A statement is prepared once for each number of rows and kept, so there
/// are few numbers: up to a step, and whole steps.
pub(crate) fn shape(left: usize) -> usize {
    if left <= STEP { left } else { (left - left % STEP).min(ROWS) }
}

/// The next such number that is not less.
pub(crate) fn padded(rows: usize) -> usize {
    if rows <= STEP { rows } else { rows.next_multiple_of(STEP) }
}

/// `VALUES ($1, $2), ($3, $4)`: both databases call the columns `column1`, `column2` and know numbered parameters.
pub(crate) fn values(rows: usize, columns: usize) -> String {
    let mut sql = String::with_capacity(8 + rows * (columns * 6 + 4));
    sql.push_str("VALUES ");
    for bind in 0..rows * columns {
        let before = match (bind % columns, bind) {
            (0, 0) => "(",
            (0, _) => "), (",
            _ => ", ",
        };
        let _ = write!(sql, "{before}${}", bind + 1); // A string takes everything.
    }
    sql.push(')');
    sql
}
