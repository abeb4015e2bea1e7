//! A connection to a SQLite file, for one at a time. No pool: it would ask a connection at each return whether it is still
//! there, on the connection's own thread, and keep the next one waiting meanwhile. A file does not hang up.

use std::sync::Arc;

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sea_orm::sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, query_with};
use sea_orm::{ConnAcquireErr, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Value, Values};
use sea_query_sqlx::SqlxValues;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::warn;

use crate::db::batch::{Pair, Step, pair};
use crate::db::fault::connect_error;
use crate::db::sqlite::batch_runner::BatchRunner;

/// What ends a transaction that is open, and is an error when SQLite has ended it by itself.
const UNDO: &str = "ROLLBACK";

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::db) enum Access {
    Read,
    Write,
}

/// A connection that waits for its next user. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::db) struct Idle(Arc<Mutex<Busy>>);

/// A connection in use.
#[derive(Debug)]
pub(in crate::db) struct Busy {
    options: SqliteConnectOptions,
    /// None once it is closed.
    connection: Option<SqliteConnection>,
    /// Whether somebody may have left a transaction open.
    is_open: bool,
    /// What batches are run on, if this one writes.
    runner: Option<BatchRunner>,
}

impl Idle {
    pub(in crate::db) async fn connect(options: &SqliteConnectOptions, access: Access) -> Result<Self, DbErr> {
        let connection = Some(options.connect().await.map_err(connect_error)?);
        let runner = match access {
            Access::Read => None,
            Access::Write => Some(BatchRunner::on(options.get_filename())?),
        };
        Ok(Self(Arc::new(Mutex::new(Busy { options: options.clone(), connection, is_open: false, runner }))))
    }

    /// Some if nobody uses it right now.
    pub(in crate::db) fn try_take(&self) -> Option<OwnedMutexGuard<Busy>> {
        Arc::clone(&self.0).try_lock_owned().ok()
    }

    /// Some if nobody uses it right now, and nobody has left a transaction open on it.
    pub(in crate::db) fn try_take_clean(&self) -> Option<OwnedMutexGuard<Busy>> {
        self.try_take().filter(|busy| !busy.is_open)
    }

    /// Closes it when those who came before are done.
    pub(in crate::db) async fn close(&self) -> Result<(), DbErr> {
        let mut busy = self.0.lock().await;
        busy.runner = None;
        match busy.connection.take() {
            Some(connection) => connection.close().await.map_err(connect_error),
            None => Ok(()),
        }
    }
}

impl Busy {
    fn connection(&mut self) -> Result<&mut SqliteConnection, DbErr> {
        self.connection.as_mut().ok_or(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))
    }

    /// Undoes what an open transaction has done, if there is one.
    pub(in crate::db) async fn undo(&mut self) -> Result<(), DbErr> {
        if !self.is_open {
            return Ok(());
        }
        let _ = self.connection()?.execute(UNDO).await; // SQLite may have ended it by itself.
        // Whatever came of that: only a connection without a transaction can begin one. Inside of one, all that comes later would
        // be told as written and never be on the disk.
        let is_clean = self.connection()?.execute("BEGIN; COMMIT").await.is_ok();
        if !is_clean {
            warn!("a transaction could not be undone; its connection to the database file is opened anew");
            self.connection = Some(self.options.connect().await.map_err(connect_error)?);
        }
        self.is_open = false;
        Ok(())
    }

    pub(in crate::db) async fn begin(&mut self) -> Result<(), DbErr> {
        self.is_open = true;
        self.execute_unprepared("BEGIN IMMEDIATE").await.map(drop)
    }

    pub(in crate::db) async fn commit(&mut self) -> Result<(), DbErr> {
        self.execute_unprepared("COMMIT").await?;
        self.is_open = false;
        Ok(())
    }

    pub(in crate::db) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Runs these in a transaction of their own, on the calling thread. Whenever it fails it has changed nothing.
    pub(in crate::db) fn run(&mut self, steps: &[Step]) -> Result<Vec<Pair>, DbErr> {
        let runner = self.runner.as_mut().ok_or(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))?;
        runner.run(steps)
    }

    /// Runs these in the transaction that is open, and commits it.
    pub(in crate::db) async fn finish(&mut self, steps: Vec<Step>) -> Result<Vec<Pair>, DbErr> {
        let mut rows = Vec::new();
        for step in steps {
            rows.extend(self.query_all(step.into_statement(DbBackend::Sqlite)).await?);
        }
        self.commit().await?;
        rows.iter().map(pair).collect()
    }

    pub(in crate::db) async fn execute(&mut self, statement: Statement) -> Result<ExecResult, DbErr> {
        let values = SqlxValues(statement.values.unwrap_or_else(|| Values(Vec::new())));
        let query = query_with(AssertSqlSafe(statement.sql), values);
        query.execute(self.connection()?).await.map(ExecResult::from).map_err(|error| DbErr::Exec(of(error)))
    }

    pub(in crate::db) async fn execute_unprepared(&mut self, sql: &str) -> Result<ExecResult, DbErr> {
        let done = self.connection()?.execute(AssertSqlSafe(sql)).await;
        done.map(ExecResult::from).map_err(|error| DbErr::Exec(of(error)))
    }

    pub(in crate::db) async fn query_one(&mut self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let statement = limited(statement);
        let values = SqlxValues(statement.values.unwrap_or_else(|| Values(Vec::new())));
        let query = query_with(AssertSqlSafe(statement.sql), values);
        let row = query.fetch_optional(self.connection()?).await.map_err(|error| DbErr::Query(of(error)))?;
        Ok(row.map(QueryResult::from))
    }

    pub(in crate::db) async fn query_all(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let statement = limited(statement);
        let values = SqlxValues(statement.values.unwrap_or_else(|| Values(Vec::new())));
        let query = query_with(AssertSqlSafe(statement.sql), values);
        let rows = query.fetch_all(self.connection()?).await.map_err(|error| DbErr::Query(of(error)))?;
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }
}

/// The same with its limit written out. SQLite makes a plan for the value of a limit, so it prepares a statement anew each time
/// that one is bound.
fn limited(mut statement: Statement) -> Statement {
    if let Some(all) = statement.sql.strip_suffix("LIMIT ?")
        && let Some(Values(values)) = &mut statement.values
        && let Some(Value::BigUnsigned(Some(limit))) = values.last()
    {
        statement.sql = format!("{all}LIMIT {limit}");
        values.pop();
    }
    statement
}

fn of(error: sea_orm::sqlx::Error) -> RuntimeErr {
    RuntimeErr::SqlxError(error.into())
}
