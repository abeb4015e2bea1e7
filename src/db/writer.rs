//! The connection that writes, and transactions on it. Neither says that something is written before the disk has it.

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    TransactionTrait,
};

use crate::db::disk::Disk;

/// Writes one statement at a time, or begins a transaction.
#[derive(Clone, Debug)]
pub struct Writer {
    pub(super) connection: DatabaseConnection,
    pub(super) disk: Disk,
}

/// A transaction. Dropped without a commit, it has changed nothing.
#[derive(Debug)]
pub struct Work {
    tx: DatabaseTransaction,
    disk: Disk,
}

impl Writer {
    /// Begins a transaction.
    ///
    /// # Errors
    /// No connection could be had.
    pub async fn begin(&self) -> Result<Work, DbErr> {
        Ok(Work { tx: self.connection.begin().await?, disk: self.disk.clone() })
    }

    /// For what need not outlive a power cut: it is on the disk before anything that is written later, and not earlier.
    pub fn unhurried(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Returns when all that was committed before the call is on the disk.
    ///
    /// # Errors
    /// The disk failed, now or earlier.
    pub async fn settle(&self) -> Result<(), DbErr> {
        self.disk.settle().await
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
        self.tx.commit().await?;
        self.disk.settle().await
    }

    /// Commits what need not outlive a power cut: the disk has it before anything that is written later, and not earlier.
    ///
    /// # Errors
    /// The commit failed.
    pub async fn commit_unhurried(self) -> Result<(), DbErr> {
        self.tx.commit().await
    }
}

#[async_trait]
impl ConnectionTrait for Writer {
    fn get_database_backend(&self) -> DbBackend {
        self.connection.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.settled(self.connection.execute_raw(statement).await?).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.settled(self.connection.execute_unprepared(sql).await?).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.settled(self.connection.query_one_raw(statement).await?).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.settled(self.connection.query_all_raw(statement).await?).await
    }
}

#[async_trait]
impl ConnectionTrait for Work {
    fn get_database_backend(&self) -> DbBackend {
        self.tx.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.tx.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.tx.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.tx.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.tx.query_all_raw(statement).await
    }
}
