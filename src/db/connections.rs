//! Connections, used one statement at a time: several that read, or the one that writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use tokio::sync::OwnedMutexGuard;

use crate::db::sqlite::{Access, Busy, Idle};

/// Run each statement on whichever of them is free. Whether the disk has it is not asked: what is written is on the disk before
/// anything that is written later, and not earlier.
#[derive(Clone, Debug)]
pub struct Connections(pub(super) Kind);

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Sqlite(Arc<Few>),
    Postgres(DatabaseConnection),
}

#[derive(Debug)]
pub(super) struct Few {
    all: Vec<Idle>,
    turns: AtomicUsize,
}

impl Few {
    /// Whichever is free, or else the one whose turn it is.
    pub(super) async fn take(&self) -> Result<OwnedMutexGuard<Busy>, DbErr> {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        match self.all.iter().find_map(Idle::try_take) {
            Some(free) => Ok(free),
            None => self.all[turn % self.all.len()].take().await,
        }
    }
}

impl Connections {
    pub(super) async fn sqlite(options: &SqliteConnectOptions, access: Access, size: usize) -> Result<Self, DbErr> {
        let mut all = Vec::with_capacity(size);
        for _ in 0..size {
            all.push(Idle::connect(options, access).await?);
        }
        Ok(Self(Kind::Sqlite(Arc::new(Few { all, turns: AtomicUsize::new(0) }))))
    }

    pub(super) const fn postgres(pool: DatabaseConnection) -> Self {
        Self(Kind::Postgres(pool))
    }

    pub(super) async fn close(self) -> Result<(), DbErr> {
        match self.0 {
            Kind::Postgres(pool) => pool.close().await,
            Kind::Sqlite(few) => {
                for one in &few.all {
                    one.close().await?;
                }
                Ok(())
            }
        }
    }
}

#[async_trait]
impl ConnectionTrait for Connections {
    fn get_database_backend(&self) -> DbBackend {
        match &self.0 {
            Kind::Sqlite(_) => DbBackend::Sqlite,
            Kind::Postgres(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Kind::Sqlite(few) => few.take().await?.execute(statement).await,
            Kind::Postgres(pool) => pool.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Kind::Sqlite(few) => few.take().await?.execute_unprepared(sql).await,
            Kind::Postgres(pool) => pool.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.0 {
            Kind::Sqlite(few) => few.take().await?.query_one(statement).await,
            Kind::Postgres(pool) => pool.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.0 {
            Kind::Sqlite(few) => few.take().await?.query_all(statement).await,
            Kind::Postgres(pool) => pool.query_all_raw(statement).await,
        }
    }
}
