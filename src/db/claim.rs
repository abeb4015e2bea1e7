//! The claim of one process on a database: no other one runs sessions on it. Two that did would log each other out for ever.
//!
//! With SQLite it is a lock on a file, which only the end of the process gives back. With PostgreSQL it is a lock of one
//! connection, which is gone with it: whenever PostgreSQL restarts, the claim is made anew.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{Connection, Postgres};
use sea_orm::{DatabaseConnection, DbErr};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::db::{Db, Place, connect_error};

/// How long the claim on a PostgreSQL database is asked for. PostgreSQL ends the statements of a process that was killed
/// before it gives its claim back.
const CLAIM_LIMIT: Duration = Duration::from_secs(5);
/// How long it waits before it asks again.
const CLAIM_PAUSE: Duration = Duration::from_millis(100);
/// How often it is asked whether the claim's connection still is.
const WATCH_PAUSE: Duration = Duration::from_secs(1);
/// Longest wait for the answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Key of the PostgreSQL advisory lock that a process holds as long as it runs sessions.
const OWNER_LOCK: i64 = 0x5761_7970_6f73_7402;

/// The proof that no other process runs sessions on this database.
#[derive(Debug)]
pub struct Claim(Held);

#[derive(Debug)]
enum Held {
    File(#[expect(dead_code, reason = "it is unlocked when it is dropped")] File),
    /// And where another one comes from.
    Connection(PoolConnection<Postgres>, DatabaseConnection),
}

impl Db {
    /// Claims the database for this process, for as long as the claim is kept.
    ///
    /// # Errors
    /// Another process has it, or the lock cannot be asked for.
    pub async fn claim(&self) -> Result<Claim, DbErr> {
        Ok(Claim(match &self.place {
            Place::File(file) => Held::File(lock(&file.with_extension("lock"))?),
            Place::Server(pool) => Held::Connection(ask_for(pool).await?, pool.clone()),
        }))
    }
}

impl Claim {
    /// Watches over the claim and makes it anew where it was lost. Returns only when another process has been quicker.
    pub async fn watch(&mut self) -> DbErr {
        let Held::Connection(connection, pool) = &mut self.0 else { return std::future::pending().await };
        loop {
            tokio::time::sleep(WATCH_PAUSE).await;
            if matches!(tokio::time::timeout(ANSWER_LIMIT, connection.ping()).await, Ok(Ok(()))) {
                continue;
            }
            warn!("the connection that claims the database is lost");
            match anew(pool).await {
                Ok(again) => *connection = again,
                Err(error) => return error,
            }
            info!("the database is claimed again");
        }
    }
}

/// Waits for the database, for as long as it takes, and claims it.
async fn anew(database: &DatabaseConnection) -> Result<PoolConnection<Postgres>, DbErr> {
    loop {
        match ask_for(database).await {
            Err(DbErr::Conn(_)) => tokio::time::sleep(CLAIM_PAUSE).await,
            outcome => return outcome,
        }
    }
}

async fn ask_for(database: &DatabaseConnection) -> Result<PoolConnection<Postgres>, DbErr> {
    let mut connection = database.get_postgres_connection_pool().acquire().await.map_err(connect_error)?;
    let begun = Instant::now();
    loop {
        let is_ours: bool = sea_orm::sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(OWNER_LOCK)
            .fetch_one(&mut *connection)
            .await
            .map_err(connect_error)?;
        if is_ours {
            return Ok(connection);
        }
        if begun.elapsed() > CLAIM_LIMIT {
            return Err(taken());
        }
        tokio::time::sleep(CLAIM_PAUSE).await;
    }
}

fn lock(path: &Path) -> Result<File, DbErr> {
    let file = File::create(path).map_err(|error| DbErr::Custom(error.to_string()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(taken()),
        Err(TryLockError::Error(error)) => Err(DbErr::Custom(error.to_string())),
    }
}

fn taken() -> DbErr {
    DbErr::Custom("another Waypost process is using this database".to_owned())
}
