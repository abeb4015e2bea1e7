//! The connections to a PostgreSQL server, until they are shut.

use sea_orm::sqlx::postgres::PgPool;
use sea_orm::{ConnAcquireErr, DatabaseConnection, DbErr, SqlxPostgresConnector};
use tokio_util::sync::CancellationToken;

/// Connections that can be shut. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    connections: DatabaseConnection,
    shut: CancellationToken,
}

impl Pool {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { connections: SqlxPostgresConnector::from_sqlx_postgres_pool(pool), shut: CancellationToken::new() }
    }

    /// The connections themselves, for what ends before they could be shut.
    pub(super) const fn connections(&self) -> &DatabaseConnection {
        &self.connections
    }

    /// From now on nobody gets a connection, and nobody waits for one, nor for an answer outside a transaction that is
    /// open. To close the pool is not enough: sqlx does
    /// not look at that while it makes a connection, and makes one again and again for as long as somebody may wait.
    pub(super) fn shut(&self) {
        self.shut.cancel();
    }

    /// Does something with these connections, unless they are shut before it is done.
    pub(super) async fn unless_shut<T>(&self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let done = self.shut.run_until_cancelled(work).await;
        done.unwrap_or(Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)))
    }
}
