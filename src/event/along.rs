//! Rows that are written along with events: those of one table go into it in one statement, whoever brought them.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, Statement, Value};

use crate::error::Result;
use crate::event::store::{shape, values};

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
pub async fn write<'a>(tx: &impl ConnectionTrait, rows: impl Iterator<Item = &'a Row>) -> Result<()> {
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
