//! Connections, used one statement at a time: several that read, or the one that writes.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::{ConnAcquireErr, ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use crate::db::pool::Pool;
use crate::db::sqlite::connection::{Access, Busy, Idle};
use crate::db::text::cleaned;

/// Longest wait for a free connection. Longer than any burst of logins takes to be written.
pub(super) const ACQUIRE_LIMIT: Duration = Duration::from_secs(30);

/// Run each statement on whichever of them is free. Whether the disk has it is not asked: what is written is on the disk before
/// anything that is written later, and not earlier.
#[derive(Clone, Debug)]
pub struct Connections(pub(super) Kind);

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Sqlite(Arc<Few>),
    Postgres(Pool),
}

#[derive(Debug)]
pub(super) struct Few {
    // They stay open, however old or idle they are. With the last one SQLite takes its log away, and `disk` has nothing to flush.
    all: Vec<Idle>,
    /// One permit for each that nobody uses. Whoever waits gets whichever is free first, in the order of those who wait.
    free: Arc<Semaphore>,
}

/// A connection in use.
#[derive(Debug)]
pub(super) struct Taken {
    busy: OwnedMutexGuard<Busy>,
    /// Given back behind the connection.
    _permit: OwnedSemaphorePermit,
}

impl Deref for Taken {
    type Target = Busy;

    fn deref(&self) -> &Busy {
        &self.busy
    }
}

impl DerefMut for Taken {
    fn deref_mut(&mut self) -> &mut Busy {
        &mut self.busy
    }
}

impl Few {
    pub(super) async fn connect(options: &SqliteConnectOptions, access: Access, size: usize) -> Result<Self, DbErr> {
        let mut all = Vec::with_capacity(size);
        for _ in 0..size {
            all.push(Idle::connect(options, access).await?);
        }
        Ok(Self { all, free: Arc::new(Semaphore::new(size)) })
    }

    /// Whichever is free, or becomes free first. No transaction is open on what this gives.
    pub(super) async fn take(&self) -> Result<Taken, DbErr> {
        let permit = tokio::time::timeout(ACQUIRE_LIMIT, Arc::clone(&self.free).acquire_owned()).await;
        let permit = permit.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?;
        let permit = permit.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))?;
        // One on which nothing has to be undone first, if there is one.
        let free = self.all.iter().find_map(Idle::try_take_clean).or_else(|| self.all.iter().find_map(Idle::try_take));
        let mut busy = free.ok_or(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))?;
        busy.undo().await?;
        Ok(Taken { busy, _permit: permit })
    }
}

impl Connections {
    pub(super) async fn sqlite(options: &SqliteConnectOptions, access: Access, size: usize) -> Result<Self, DbErr> {
        Ok(Self(Kind::Sqlite(Arc::new(Few::connect(options, access, size).await?))))
    }

    pub(super) const fn postgres(pool: Pool) -> Self {
        Self(Kind::Postgres(pool))
    }

    pub(super) async fn close(self) -> Result<(), DbErr> {
        match self.0 {
            Kind::Postgres(pool) => pool.connections().clone().close().await,
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
        let statement = cleaned(statement);
        match &self.0 {
            Kind::Sqlite(few) => few.take().await?.execute(statement).await,
            Kind::Postgres(pool) => pool.unless_shut(pool.connections().execute_raw(statement)).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Kind::Sqlite(few) => few.take().await?.execute_unprepared(sql).await,
            Kind::Postgres(pool) => pool.unless_shut(pool.connections().execute_unprepared(sql)).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let statement = cleaned(statement);
        match &self.0 {
            Kind::Sqlite(few) => few.take().await?.query_one(statement).await,
            Kind::Postgres(pool) => pool.unless_shut(pool.connections().query_one_raw(statement)).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let statement = cleaned(statement);
        match &self.0 {
            Kind::Sqlite(few) => few.take().await?.query_all(statement).await,
            Kind::Postgres(pool) => pool.unless_shut(pool.connections().query_all_raw(statement)).await,
        }
    }
}
