//! Connects to the database and brings its tables up to date. No queries.
//!
//! SQLite gets a few connections that read, and two that write in turns, one of them statement by statement and one whole
//! scripts: SQLite has one writer anyway, and a deferred transaction that turns into a write fails at once when another one
//! writes, whatever the busy timeout.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use migration::{Migrator, MigratorTrait};
use sea_orm::sqlx::Connection;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::{DatabaseConnection, DbErr, SqlxPostgresConnector, SqlxSqliteConnector};

use crate::db::disk::Disk;
use crate::db::sqlite::Access;

pub use claim::Claim;
pub use connections::Connections;
pub use script::{Script, Step};
pub use writer::{Failure, Work, Writer};

pub mod bulk;
mod checkpoints;
mod claim;
mod connections;
mod disk;
pub mod keyset;
mod script;
mod scripts;
mod sqlite;
#[cfg(test)]
mod tests;
mod writer;

/// Connections that only read, with SQLite. Reads are short; more would only cost page caches.
const SQLITE_READERS: usize = 4;
/// Statements that a SQLite connection which writes keeps prepared.
const SQLITE_STATEMENTS: usize = 100;
/// The same, of one that reads.
const SQLITE_READS: usize = 100;
/// Pages of SQLite's log from which on whoever writes moves them into the file: `checkpoints` does that earlier, but may not
/// keep up.
const SQLITE_LOG_PAGES: u32 = 10_000;
/// How long a statement of another process may hold the SQLite file before ours fails.
const SQLITE_BUSY: Duration = Duration::from_secs(10);
/// Rest of a PostgreSQL connection after which it is asked whether it is still there, before its next use.
const POSTGRES_REST: Duration = Duration::from_secs(1);
/// Longest wait for a free connection. Longer than any burst of logins takes to be written.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(30);
/// Key of the PostgreSQL advisory lock that is held while tables change. Any number, the same in every version.
const MIGRATION_LOCK: i64 = 0x5761_7970_6f73_7401;

/// How strictly SQLite waits for the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// Each commit is on the disk before it is acknowledged: a power cut loses nothing.
    #[default]
    Full,
    /// A power cut may lose the last commits, never the file; a crash of the process loses nothing.
    Normal,
}

/// The database: where to read and where to write.
#[derive(Clone, Debug)]
pub struct Db {
    read: Connections,
    write: Writer,
    place: Place,
}

/// Where the database is.
#[derive(Clone, Debug)]
enum Place {
    File(Arc<Path>),
    Server(DatabaseConnection),
}

impl Db {
    /// Opens (or creates) a SQLite file.
    ///
    /// # Errors
    /// The file cannot be opened or is no database.
    pub async fn sqlite(file: &Path, synchronous: Synchronous) -> Result<Self, DbErr> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .foreign_keys(true)
            .busy_timeout(SQLITE_BUSY)
            // SQLite only appends to its log; who waits for the disk, and when, is in `disk`.
            .synchronous(SqliteSynchronous::Normal)
            .pragma("wal_autocheckpoint", SQLITE_LOG_PAGES.to_string())
            .statement_cache_capacity(SQLITE_STATEMENTS);
        let disk = match synchronous {
            Synchronous::Full => Disk::below(log_of(file)).map_err(|error| DbErr::Custom(error.to_string()))?,
            Synchronous::Normal => Disk::default(),
        };
        let write = Writer::new(Connections::sqlite(&options, Access::Write, 1).await?, disk);
        let options = options.read_only(true).statement_cache_capacity(SQLITE_READS);
        let read = Connections::sqlite(&options, Access::Read, SQLITE_READERS).await?;
        Ok(Self { read, write, place: Place::File(file.into()) })
    }

    /// Connects to PostgreSQL with at most `connections` connections.
    ///
    /// # Errors
    /// The address is malformed, or the server cannot be reached or refuses.
    pub async fn postgres(url: &str, connections: u32) -> Result<Self, DbErr> {
        let options: PgConnectOptions = url.parse().map_err(connect_error)?;
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
            .connect_with(options)
            .await
            .map_err(connect_error)?;
        let both = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
        let connections = Connections::postgres(both.clone());
        let write = Writer::new(connections.clone(), Disk::default());
        Ok(Self { read: connections, write, place: Place::Server(both) })
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
        match &self.place {
            Place::File(file) => migrate_sqlite(file).await,
            Place::Server(pool) => migrate_postgres(pool).await,
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

/// On a connection of its own.
async fn migrate_sqlite(file: &Path) -> Result<(), DbErr> {
    let options = SqliteConnectOptions::new().filename(file).foreign_keys(true).busy_timeout(SQLITE_BUSY);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.map_err(connect_error)?;
    let connection = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool);
    Migrator::up(&connection, None).await?;
    connection.close().await
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

/// Where SQLite appends what is committed, until it moves it into the file itself.
fn log_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn connect_error(error: sea_orm::sqlx::Error) -> DbErr {
    DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into()))
}
