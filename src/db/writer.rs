//! The connection that writes, and transactions on it. Neither says that something is written before the disk has it.

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement, TransactionTrait,
    TryGetableMany,
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::db::connections::{Connections, Kind};
use crate::db::disk::Disk;
use crate::db::script::{Pair, Script, Step};
use crate::db::sqlite::Busy;

/// Writes one statement at a time, or begins a transaction.
#[derive(Clone, Debug)]
pub struct Writer {
    connections: Connections,
    disk: Disk,
}

/// A transaction. Dropped without a commit, it has changed nothing.
#[derive(Debug)]
pub struct Work {
    tx: Transaction,
    disk: Disk,
}

#[derive(Debug)]
enum Transaction {
    /// Begun with its first statement. The lock is for the compiler: whoever has a transaction is alone.
    Sqlite(Mutex<OwnedMutexGuard<Busy>>),
    Postgres(DatabaseTransaction),
}

/// How a transaction failed.
#[derive(Debug)]
pub enum Failure {
    /// It has changed nothing.
    Undone(DbErr),
    /// It may be written all the same, or still be.
    Unknown(DbErr),
}

impl From<Failure> for DbErr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Undone(error) | Failure::Unknown(error) => error,
        }
    }
}

impl Writer {
    pub(super) const fn new(connections: Connections, disk: Disk) -> Self {
        Self { connections, disk }
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// No connection could be had.
    pub async fn begin(&self) -> Result<Work, DbErr> {
        let tx = match &self.connections.0 {
            Kind::Sqlite(few) => Transaction::Sqlite(Mutex::new(few.take().await?)),
            Kind::Postgres(pool) => Transaction::Postgres(pool.begin().await?),
        };
        Ok(Work { tx, disk: self.disk.clone() })
    }

    /// Nothing yet.
    pub fn script(&self) -> Script {
        Script::new(self.get_database_backend())
    }

    /// For what need not outlive a power cut.
    pub const fn unhurried(&self) -> &Connections {
        &self.connections
    }

    /// What this gives ends when all that was committed before the call is on the disk.
    ///
    /// # Errors
    /// The disk failed, now or earlier.
    pub fn settle(&self) -> impl Future<Output = Result<(), DbErr>> + Send + use<> {
        self.disk.settle()
    }

    pub(super) async fn close(self) -> Result<(), DbErr> {
        self.connections.close().await
    }

    async fn settled<T: Send>(&self, done: T) -> Result<T, DbErr> {
        self.settle().await.map(|()| done)
    }
}

impl Work {
    /// Commits, and returns when the disk has it.
    ///
    /// # Errors
    /// The commit failed, or the disk.
    pub async fn commit(self) -> Result<(), DbErr> {
        match self.tx {
            Transaction::Postgres(tx) => tx.commit().await?,
            Transaction::Sqlite(busy) => {
                let mut busy = busy.into_inner();
                if busy.is_open() {
                    busy.commit().await?;
                }
            }
        }
        self.disk.settle().await
    }

    /// Runs these and commits, without waiting for the disk. Gives the rows of all of them together.
    ///
    /// # Errors
    /// A statement failed, or the commit. `RecordNotInserted`: a row is there already, or lacks a value.
    pub async fn finish(self, script: Script) -> Result<Vec<Pair>, Failure> {
        self.end(script, |mut busy, steps| async move {
            let run = tokio::task::spawn_blocking(move || busy.run(&steps)).await;
            run.map_err(|panic| Failure::Unknown(DbErr::Custom(panic.to_string())))?.map_err(Failure::Undone)
        })
        .await
    }

    /// The same, for who has a thread: with SQLite, all of it is done on the one that calls.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub async fn finish_here(self, script: Script) -> Result<Vec<Pair>, Failure> {
        self.end(script, |mut busy, steps| async move { busy.run(&steps).map_err(Failure::Undone) }).await
    }

    async fn end<F>(
        self,
        script: Script,
        run: impl FnOnce(OwnedMutexGuard<Busy>, Vec<Step>) -> F,
    ) -> Result<Vec<Pair>, Failure>
    where
        F: Future<Output = Result<Vec<Pair>, Failure>>,
    {
        let steps = script.into_steps();
        match self.tx {
            Transaction::Sqlite(busy) => {
                let mut busy = busy.into_inner();
                if !busy.is_open() {
                    return run(busy, steps).await;
                }
                match busy.finish(steps).await {
                    Ok(pairs) => Ok(pairs),
                    Err(error) => match busy.undo().await {
                        Ok(()) => Err(Failure::Undone(error)),
                        Err(_) => Err(Failure::Unknown(error)),
                    },
                }
            }
            Transaction::Postgres(tx) => {
                let mut rows = Vec::new();
                for Step { statement, rows_at_least } in steps {
                    if rows_at_least == 0 {
                        rows.extend(tx.query_all_raw(statement).await.map_err(Failure::Undone)?);
                    } else if tx.execute_raw(statement).await.map_err(Failure::Undone)?.rows_affected() < rows_at_least
                    {
                        return Err(Failure::Undone(DbErr::RecordNotInserted));
                    }
                }
                let pairs = rows.iter().map(pair).collect::<Result<_, _>>().map_err(Failure::Undone)?;
                tx.commit().await.map_err(Failure::Unknown)?;
                Ok(pairs)
            }
        }
    }
}

pub(super) fn pair(row: &QueryResult) -> Result<Pair, DbErr> {
    Ok(TryGetableMany::try_get_many_by_index(row)?)
}

/// Begins a transaction whose first statement is about to be run.
async fn begun<'a>(
    busy: &'a Mutex<OwnedMutexGuard<Busy>>,
) -> Result<tokio::sync::MutexGuard<'a, OwnedMutexGuard<Busy>>, DbErr> {
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
        self.settled(self.connections.execute_raw(statement).await?).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.settled(self.connections.execute_unprepared(sql).await?).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.settled(self.connections.query_one_raw(statement).await?).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.settled(self.connections.query_all_raw(statement).await?).await
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
        match &self.tx {
            Transaction::Sqlite(busy) => begun(busy).await?.execute(statement).await,
            Transaction::Postgres(tx) => tx.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.tx {
            Transaction::Sqlite(busy) => begun(busy).await?.execute_unprepared(sql).await,
            Transaction::Postgres(tx) => tx.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.tx {
            Transaction::Sqlite(busy) => begun(busy).await?.query_one(statement).await,
            Transaction::Postgres(tx) => tx.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.tx {
            Transaction::Sqlite(busy) => begun(busy).await?.query_all(statement).await,
            Transaction::Postgres(tx) => tx.query_all_raw(statement).await,
        }
    }
}
