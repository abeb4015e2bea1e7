#![doc = include_str!("README.md")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use migration::{Migrator, MigratorTrait};
use sea_orm::sqlx::Connection;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::{DatabaseConnection, DbErr};

use crate::db::claimant::Claimant;
use crate::db::connections::{ACQUIRE_LIMIT, Connections};
use crate::db::fault::connect_error;
use crate::db::health::{Health, LastProbe, StorageFailure};
use crate::db::location::{Location, Server};
use crate::db::pool::Pool;
use crate::db::sqlite::Synchronous;
use crate::db::sqlite::disk::Disk;
use crate::db::write::Writer;

pub mod batch;
mod bind;
pub mod claim;
mod claimant;
pub mod connections;
pub mod fault;
pub mod health;
pub mod keyset;
mod location;
mod pool;
mod probe;
pub mod rows;
pub mod sqlite;
#[cfg(test)]
mod tests;
pub mod text;
pub mod write;

/// Rest of a PostgreSQL connection after which it is asked whether it is still there, before its next use.
const POSTGRES_REST: Duration = Duration::from_secs(1);
/// Key of the PostgreSQL advisory lock that is held while tables change. Any number, the same in every version.
const MIGRATION_LOCK: i64 = 0x5761_7970_6f73_7401;

/// The database: where to read and where to write.
#[derive(Clone, Debug)]
pub struct Db {
    read: Connections,
    write: Writer,
    location: Location,
    last_probe: LastProbe,
}

impl Db {
    /// Opens (or creates) a SQLite file.
    ///
    /// # Errors
    /// The file cannot be opened or is no database.
    pub async fn sqlite(file: &Path, synchronous: Synchronous) -> Result<Self, DbErr> {
        let (read, write) = sqlite::open(file, synchronous).await?;
        Ok(Self { read, write, location: Location::File(file.into()), last_probe: LastProbe::default() })
    }

    /// Connects to PostgreSQL with at most `connections` connections, beside the one that claims it.
    ///
    /// # Errors
    /// The address is malformed, or the server cannot be reached or refuses.
    pub async fn postgres(url: &str, connections: u32) -> Result<Self, DbErr> {
        let options: PgConnectOptions = url.parse().map_err(connect_error)?;
        let claimant = Claimant::default();
        let gate = claimant.clone();
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_LIMIT)
            // A connection that was in use a moment ago is there; to ask it each time would cost a round trip each time.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for >= POSTGRES_REST {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .after_connect(move |connection, _| {
                let gate = gate.clone();
                Box::pin(async move { gate.admit(connection).await })
            })
            .connect_with(options.clone())
            .await
            .map_err(connect_error)?;
        let pool = Pool::new(pool);
        let connections = Connections::postgres(pool.clone());
        let write = Writer::new(connections.clone(), Disk::default(), Health::default());
        let location = Location::Server(Arc::new(Server { pool, options, claimant }));
        Ok(Self { read: connections, write, location, last_probe: LastProbe::default() })
    }

    /// For statements that only read.
    pub const fn read(&self) -> &Connections {
        &self.read
    }

    /// For everything that writes. What it says to be written is on the disk.
    pub fn write(&self) -> &Writer {
        &self.write
    }

    /// Brings the tables up to date. Two processes that start at once do it one after the other.
    ///
    /// # Errors
    /// A migration failed, or the tables come from a newer version of Waypost.
    pub async fn migrate(&self) -> Result<(), DbErr> {
        match &self.location {
            Location::File(file) => sqlite::migrate(file).await,
            Location::Server(server) => migrate_postgres(server.pool.connections()).await,
        }
    }

    /// Watches over what the database is kept in. Returns only when nothing can be written any more before the next start.
    pub async fn watch(&self) -> StorageFailure {
        self.write.health().watch().await
    }

    /// Gives nobody a connection any more, and lets nobody wait for one: another process has the database, so nothing can be
    /// written.
    pub fn shut(&self) {
        if let Location::Server(server) = &self.location {
            server.pool.shut();
        }
    }

    /// Closes every connection, waiting for the statements under way.
    ///
    /// # Errors
    /// A connection did not close cleanly.
    pub async fn close(self) -> Result<(), DbErr> {
        self.read.close().await?;
        self.write.close().await
    }
}

/// An advisory lock belongs to its connection: it is taken and given back on one that is held for as long.
async fn migrate_postgres(pool: &DatabaseConnection) -> Result<(), DbErr> {
    let mut holder = pool.get_postgres_connection_pool().acquire().await.map_err(connect_error)?;
    sea_orm::sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(MIGRATION_LOCK)
        .execute(&mut *holder)
        .await
        .map_err(connect_error)?;
    let outcome = Migrator::up(pool, None).await;
    sea_orm::sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(MIGRATION_LOCK)
        .execute(&mut *holder)
        .await
        .map_err(connect_error)?;
    outcome
}
