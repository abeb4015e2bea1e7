//! The connection that writes, and transactions on it. Neither says that something is written before the disk has it.

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement, TransactionTrait,
};
use tokio::sync::Mutex;

use crate::db::batch::{Batch, Pair, Step, pair};
use crate::db::connections::{Connections, Kind, Taken};
use crate::db::fault::{self, Fault, failed};
use crate::db::health::Health;
use crate::db::sqlite::disk::Disk;
use crate::db::text::cleaned;
use crate::error;

/// Writes one statement at a time, or begins a transaction.
#[derive(Clone, Debug)]
pub struct Writer {
    connections: Connections,
    disk: Disk,
    health: Health,
}

/// A transaction. Dropped without a commit, it has changed nothing.
#[derive(Debug)]
pub struct Work {
    tx: Transaction,
    disk: Disk,
    health: Health,
}

#[derive(Debug)]
enum Transaction {
    /// Begun with its first statement. The lock is for the compiler: whoever has a transaction is alone.
    Sqlite(Mutex<Taken>),
    Postgres(DatabaseTransaction),
}

/// How a transaction failed.
#[derive(Debug)]
pub enum Failure {
    /// It has changed nothing.
    RolledBack(DbErr),
    /// It may be written all the same, or still be.
    Unknown(DbErr),
}

impl Failure {
    /// What the database said, for who does not ask whether it may be written.
    pub fn into_error(self) -> DbErr {
        match self {
            Self::RolledBack(error) | Self::Unknown(error) => error,
        }
    }
}

impl Writer {
    pub(super) const fn new(connections: Connections, disk: Disk, health: Health) -> Self {
        Self { connections, disk, health }
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// No connection could be had.
    pub async fn begin(&self) -> error::Result<Work> {
        self.open().await.map_err(failed)
    }

    /// Begins a transaction that sees everything that others may still be writing to this table: of a commit whose answer was lost
    /// nobody knows otherwise what came. Nobody writes to the table until it ends.
    ///
    /// # Errors
    /// No connection could be had, or somebody is at it for long.
    pub async fn begin_decided(&self, table: &str) -> error::Result<Work> {
        let work = self.begin().await?;
        // SQLite has one writer.
        if self.get_database_backend() == DbBackend::Postgres {
            work.execute_unprepared("SET LOCAL lock_timeout = '5s'").await.map_err(failed)?;
            work.execute_unprepared(&format!("LOCK TABLE {table} IN SHARE MODE")).await.map_err(failed)?;
        }
        Ok(work)
    }

    /// A batch without any writes yet.
    pub fn batch(&self) -> Batch {
        Batch::new(self.get_database_backend())
    }

    /// Runs a batch in a transaction of its own, and returns when the disk has it.
    ///
    /// # Errors
    /// As [`Work::run_blocking`], or the disk failed.
    pub async fn run(&self, batch: Batch) -> Result<(), Failure> {
        self.run_holding(batch, ()).await
    }

    /// The same, and drops something only when the batch has ended, which it may after nobody waits for it any more.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_holding(&self, batch: Batch, held: impl Send + 'static) -> Result<(), Failure> {
        let work = self.open().await.map_err(Failure::RolledBack)?;
        work.run(batch, held).await?;
        self.flushed().await.map_err(Failure::Unknown)
    }

    /// For what need not outlive a power cut.
    pub const fn without_fsync(&self) -> &Connections {
        &self.connections
    }

    /// What this gives ends when all that was committed before the call is on the disk.
    ///
    /// # Errors
    /// The disk failed, now or earlier.
    pub fn flushed(&self) -> impl Future<Output = Result<(), DbErr>> + Send + use<> {
        self.disk.flushed()
    }

    #[cfg(test)]
    pub(super) fn on(self, disk: Disk) -> Self {
        Self { disk, ..self }
    }

    pub(super) const fn health(&self) -> &Health {
        &self.health
    }

    pub(super) async fn close(self) -> Result<(), DbErr> {
        self.connections.close().await
    }

    async fn open(&self) -> Result<Work, DbErr> {
        let tx = match &self.connections.0 {
            Kind::Sqlite(few) => few.take().await.map(|taken| Transaction::Sqlite(Mutex::new(taken))),
            Kind::Postgres(pool) => pool.unless_shut(pool.connections().begin()).await.map(Transaction::Postgres),
        };
        let tx = tx.inspect_err(|error| note(&self.health, error))?;
        Ok(Work { tx, disk: self.disk.clone(), health: self.health.clone() })
    }

    async fn once_flushed<T: Send>(&self, outcome: Result<T, DbErr>) -> Result<T, DbErr> {
        let outcome = match outcome {
            Ok(done) => self.flushed().await.map(|()| done),
            Err(error) => Err(error),
        };
        noted(&self.health, outcome)
    }
}

impl Work {
    /// Commits, and returns when the disk has it.
    ///
    /// # Errors
    /// The commit failed, or the disk.
    pub async fn commit(self) -> error::Result<()> {
        let Self { tx, disk, health } = self;
        let committed = match tx {
            Transaction::Postgres(tx) => tx.commit().await,
            Transaction::Sqlite(busy) => {
                let mut busy = busy.into_inner();
                if busy.is_open() { busy.commit().await } else { Ok(()) }
            }
        };
        let outcome = match committed {
            Ok(()) => disk.flushed().await,
            Err(error) => Err(error),
        };
        noted(&health, outcome).map_err(failed)
    }

    /// Runs a batch behind what was written before in this transaction, and commits, without waiting for the disk. Gives the rows of
    /// all its statements together. With SQLite all of it is done on the thread that calls: for who has one of its own.
    ///
    /// # Errors
    /// A statement failed, or the commit. `RecordNotInserted`: a row is there already, or lacks a value.
    pub async fn run_blocking(self, batch: Batch) -> Result<Vec<Pair>, Failure> {
        self.end(batch, |mut busy, steps| async move { busy.run(&steps).map_err(Failure::RolledBack) }).await
    }

    /// The same on a thread for what takes long.
    pub(super) async fn run(self, batch: Batch, held: impl Send + 'static) -> Result<Vec<Pair>, Failure> {
        self.end(batch, |mut busy, steps| async move {
            let run = tokio::task::spawn_blocking(move || {
                let _held = held;
                busy.run(&steps)
            });
            let run = run.await;
            run.map_err(|panic| Failure::Unknown(DbErr::Custom(panic.to_string())))?.map_err(Failure::RolledBack)
        })
        .await
    }

    async fn end<F>(self, batch: Batch, run: impl FnOnce(Taken, Vec<Step>) -> F) -> Result<Vec<Pair>, Failure>
    where
        F: Future<Output = Result<Vec<Pair>, Failure>>,
    {
        let health = self.health.clone();
        let outcome = self.run_to_end(batch, run).await;
        match &outcome {
            Ok(_) => health.worked(),
            Err(Failure::RolledBack(error) | Failure::Unknown(error)) => note(&health, error),
        }
        outcome
    }

    async fn run_to_end<F>(self, batch: Batch, run: impl FnOnce(Taken, Vec<Step>) -> F) -> Result<Vec<Pair>, Failure>
    where
        F: Future<Output = Result<Vec<Pair>, Failure>>,
    {
        let steps = batch.into_steps().map_err(Failure::RolledBack)?;
        match self.tx {
            Transaction::Sqlite(busy) => {
                let mut busy = busy.into_inner();
                if !busy.is_open() {
                    return run(busy, steps).await;
                }
                match busy.finish(steps).await {
                    Ok(pairs) => Ok(pairs),
                    Err(error) => match busy.undo().await {
                        Ok(()) => Err(Failure::RolledBack(error)),
                        Err(_) => Err(Failure::Unknown(error)),
                    },
                }
            }
            Transaction::Postgres(tx) => {
                let mut rows = Vec::new();
                for step in steps {
                    let rows_at_least = step.rows_at_least;
                    let statement = step.into_statement(DbBackend::Postgres);
                    if rows_at_least == 0 {
                        rows.extend(tx.query_all_raw(statement).await.map_err(Failure::RolledBack)?);
                    } else if tx.execute_raw(statement).await.map_err(Failure::RolledBack)?.rows_affected()
                        < rows_at_least
                    {
                        return Err(Failure::RolledBack(DbErr::RecordNotInserted));
                    }
                }
                let pairs = rows.iter().map(pair).collect::<Result<_, _>>().map_err(Failure::RolledBack)?;
                tx.commit().await.map_err(Failure::Unknown)?;
                Ok(pairs)
            }
        }
    }
}

/// Notes what came of a write.
fn noted<T>(health: &Health, outcome: Result<T, DbErr>) -> Result<T, DbErr> {
    match &outcome {
        Ok(_) => health.worked(),
        Err(error) => note(health, error),
    }
    outcome
}

/// Notes that a write failed, unless that was its own fault.
fn note(health: &Health, error: &DbErr) {
    if fault::of(error) == Fault::Unavailable {
        health.failed();
    }
}

/// Begins a transaction whose first statement is about to be run.
async fn begun<'a>(busy: &'a Mutex<Taken>) -> Result<tokio::sync::MutexGuard<'a, Taken>, DbErr> {
    let mut busy = busy.lock().await;
    if !busy.is_open() {
        busy.begin().await?;
    }
    Ok(busy)
}

#[async_trait]
impl ConnectionTrait for Writer {
    fn get_database_backend(&self) -> DbBackend {
        self.connections.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.once_flushed(self.connections.execute_raw(statement).await).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.once_flushed(self.connections.execute_unprepared(sql).await).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.once_flushed(self.connections.query_one_raw(statement).await).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.once_flushed(self.connections.query_all_raw(statement).await).await
    }
}

#[async_trait]
impl ConnectionTrait for Work {
    fn get_database_backend(&self) -> DbBackend {
        match &self.tx {
            Transaction::Sqlite(_) => DbBackend::Sqlite,
            Transaction::Postgres(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let statement = cleaned(statement);
        let outcome = match &self.tx {
            Transaction::Sqlite(busy) => match begun(busy).await {
                Ok(mut busy) => busy.execute(statement).await,
                Err(error) => Err(error),
            },
            Transaction::Postgres(tx) => tx.execute_raw(statement).await,
        };
        outcome.inspect_err(|error| note(&self.health, error))
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.tx {
            Transaction::Sqlite(busy) => begun(busy).await?.execute_unprepared(sql).await,
            Transaction::Postgres(tx) => tx.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let statement = cleaned(statement);
        let outcome = match &self.tx {
            Transaction::Sqlite(busy) => match begun(busy).await {
                Ok(mut busy) => busy.query_one(statement).await,
                Err(error) => Err(error),
            },
            Transaction::Postgres(tx) => tx.query_one_raw(statement).await,
        };
        outcome.inspect_err(|error| note(&self.health, error))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let statement = cleaned(statement);
        let outcome = match &self.tx {
            Transaction::Sqlite(busy) => match begun(busy).await {
                Ok(mut busy) => busy.query_all(statement).await,
                Err(error) => Err(error),
            },
            Transaction::Postgres(tx) => tx.query_all_raw(statement).await,
        };
        outcome.inspect_err(|error| note(&self.health, error))
    }
}
