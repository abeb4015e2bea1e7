//! A SQLite file: its connections, what runs batches on it, and waiting for its disk.
//!
//! A few connections read, and two write in turns, one of them statement by statement and one whole batches.

use std::fs::File;
use std::path::{Path, PathBuf};

use migration::{Migrator, MigratorTrait};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::{ConnectionTrait, DbErr, SqlxSqliteConnector, TransactionTrait};

use crate::db::connections::Connections;
use crate::db::fault::connect_error;
use crate::db::health::{self, Health};
use crate::db::sqlite::batch_runner::{BUSY, STATEMENTS};
use crate::db::sqlite::checkpoints::LOG_PAGES;
use crate::db::sqlite::connection::Access;
use crate::db::sqlite::disk::Disk;
use crate::db::write::Writer;

pub(super) mod batch_runner;
mod checkpoints;
pub(super) mod connection;
pub(super) mod disk;

/// Connections that only read. Reads are short; more would only cost page caches.
const READERS: usize = 4;
/// Statements that a connection which reads keeps prepared.
const READS: usize = 100;
/// How strictly SQLite waits for the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// Each commit is on the disk before it is acknowledged: a power cut loses nothing.
    #[default]
    Full,
    /// A power cut may lose the last commits, never the file; a crash of the process loses nothing.
    Normal,
}

/// Opens (or creates) a file: what reads it, and what writes to it.
///
/// # Errors
/// It cannot be opened, or is no database.
pub(super) async fn open(file: &Path, synchronous: Synchronous) -> Result<(Connections, Writer), DbErr> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        // SQLite only appends to its log; who waits for the disk, and when, is in `disk`.
        .synchronous(SqliteSynchronous::Normal)
        .pragma("wal_autocheckpoint", LOG_PAGES.to_string())
        .statement_cache_capacity(STATEMENTS);
    let connections = Connections::sqlite(&options, Access::Write, 1).await?;
    // It has a log from the first look at its tables on.
    connections.execute_unprepared("SELECT 1 FROM sqlite_master LIMIT 1").await?;
    let log = log_of(file);
    let (disk, health) = below(file, &log, synchronous)
        .map_err(|error| DbErr::Custom(format!("{} cannot be kept: {error}", log.display())))?;
    let write = Writer::new(connections, disk, health);
    let options = options.read_only(true).statement_cache_capacity(READS);
    let read = Connections::sqlite(&options, Access::Read, READERS).await?;
    Ok((read, write))
}

/// The disk below a SQLite file with its log. Their names are on it from then on, as what is in them will be.
fn below(file: &Path, log: &Path, synchronous: Synchronous) -> std::io::Result<(Disk, Health)> {
    let health = Health::of([file.to_owned(), log.to_owned()])?;
    let disk = match synchronous {
        Synchronous::Full => Disk::below(File::open(log)?, health.clone())?,
        Synchronous::Normal => Disk::default(),
    };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    // SQLite does that, too, but only behind the first flush of its log, by which something may be told as written.
    health::keep_names(folder.unwrap_or(Path::new(".")))?;
    Ok((disk, health))
}

/// Brings the tables up to date, on a connection of its own: all of it or nothing. A process that is killed meanwhile leaves them as
/// they were, and not with half a migration that no start would get past. It also waits for the disk once, not for every statement.
pub(super) async fn migrate(file: &Path) -> Result<(), DbErr> {
    let options = SqliteConnectOptions::new().filename(file).foreign_keys(true).busy_timeout(BUSY);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.map_err(connect_error)?;
    let connection = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool);
    let transaction = connection.begin().await?;
    Migrator::up(&transaction, None).await?;
    transaction.commit().await?;
    connection.close().await
}

/// Where SQLite appends what is committed, until it moves it into the file itself.
pub(super) fn log_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}
