//! Runs batches on a SQLite file, each in a transaction of its own, on a connection that is made for that: the calling thread
//! does all of it, so no statement waits for a way between threads, and each kind of statement is prepared once.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::ffi::{SQLITE_CONSTRAINT_NOTNULL, SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
use rusqlite::{Connection, TransactionBehavior, params_from_iter};
use sea_orm::DbErr;
use tracing::warn;

use crate::db::batch::{Pair, Step};
use crate::db::fault::BatchError;
use crate::db::sqlite::checkpoints::{Checkpoints, LOG_PAGES};

/// How long a statement of another process may hold the SQLite file before ours fails.
pub(in crate::db) const BUSY: Duration = Duration::from_secs(10);
/// Statements that a SQLite connection which writes keeps prepared.
pub(super) const STATEMENTS: usize = 100;
/// Memory for pages that are written to again and again. SQLite's own limit is a quarter, and the indexes of a busy journal are
/// larger.
const CACHE_KIB: i32 = 8 * 1024;

/// A connection that runs batches.
#[derive(Debug)]
pub(in crate::db) struct BatchRunner {
    file: PathBuf,
    connection: Connection,
    checkpoints: Checkpoints,
}

impl BatchRunner {
    /// # Errors
    /// The file cannot be opened, or the system gives no thread.
    pub(in crate::db) fn on(file: &Path) -> Result<Self, DbErr> {
        let connection = connect(file).map_err(told)?;
        let checkpoints = Checkpoints::on(connect(file).map_err(told)?);
        let checkpoints = checkpoints.map_err(|error| DbErr::Custom(error.to_string()))?;
        Ok(Self { file: file.to_owned(), connection, checkpoints })
    }

    /// Runs these, and gives the rows of all of them together. Whenever it fails it has changed nothing.
    pub(in crate::db) fn run(&mut self, steps: &[Step]) -> Result<Vec<Pair>, DbErr> {
        let outcome = run(&mut self.connection, steps);
        if !self.connection.is_autocommit() {
            warn!("a transaction could not be undone; its connection to the database file is opened anew");
            self.connection = connect(&self.file).map_err(told)?;
        }
        self.checkpoints.look(&self.connection);
        outcome.map_err(told)
    }
}

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // Otherwise it makes a plan for the value of a limit, and prepares a statement anew each time that one is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn run(connection: &mut Connection, steps: &[Step]) -> rusqlite::Result<Vec<Pair>> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut pairs = Vec::new();
    for Step { sql, binds, rows_at_least } in steps {
        let mut prepared = tx.prepare_cached(sql)?;
        let mut rows = prepared.query(params_from_iter(binds))?;
        while let Some(row) = rows.next()? {
            pairs.push((row.get(0)?, row.get(1)?));
        }
        if *rows_at_least > 0 && tx.changes() < *rows_at_least {
            return Err(rusqlite::Error::StatementChangedRows(0));
        }
    }
    tx.commit()?;
    Ok(pairs)
}

/// A row that is there already, is not there to be changed, or lacks a value, is told as in the batches of PostgreSQL.
fn told(error: rusqlite::Error) -> DbErr {
    if matches!(error, rusqlite::Error::StatementChangedRows(_)) {
        return DbErr::RecordNotInserted;
    }
    match error.sqlite_error().map(|error| error.extended_code) {
        Some(SQLITE_CONSTRAINT_NOTNULL | SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE) => {
            DbErr::RecordNotInserted
        }
        code => BatchError::told(error.to_string(), code),
    }
}
