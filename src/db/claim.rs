//! The claim of one process on a database: no other one runs sessions on it. Two that did would log each other out for ever.
//!
//! With SQLite it is a lock on a file, which only the end of the process gives back. With PostgreSQL it is a lock of one
//! connection that is there for nothing else, and is gone with it: then the claim is made anew. That connection may be lost
//! while the others of the process write on, so those hold a second lock, together, for as long as each of them is. Nobody
//! claims a database while anyone has that one; and nobody gets a new connection to it whose process has no claim at that
//! moment. So two processes never write at the same time, whichever connections they lose.

use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sea_orm::sqlx::{ConnectOptions, Connection};
use sea_orm::{ConnAcquireErr, DbErr};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::db::Db;
use crate::db::claimant::{OWNER_LOCK, WRITERS_LOCK};
use crate::db::fault::connect_error;
use crate::db::location::{Location, Server};

/// How long the claim on a PostgreSQL database is asked for. PostgreSQL ends the statements of a process that was killed
/// before it gives its claim back.
const CLAIM_LIMIT: Duration = Duration::from_secs(5);
/// How long it waits before it asks again.
const CLAIM_PAUSE: Duration = Duration::from_millis(100);
/// How often it is asked whether the claim's connection still is.
const WATCH_PAUSE: Duration = Duration::from_secs(1);
/// Longest wait for the answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// The proof that no other process runs sessions on this database.
#[derive(Debug)]
pub struct Claim(Held);

#[derive(Debug)]
enum Held {
    File(#[expect(dead_code, reason = "it is unlocked when it is dropped")] File),
    Connection(Box<PgConnection>, Arc<Server>),
}

impl Db {
    /// Claims the database for this process, for as long as the claim is kept.
    ///
    /// # Errors
    /// Another process has it, or the lock cannot be asked for.
    pub async fn claim(&self) -> Result<Claim, DbErr> {
        Ok(Claim(match &self.location {
            Location::File(file) => Held::File(lock(&file.with_extension("lock"))?),
            Location::Server(server) => {
                let connection = ask_for(&server.options, Asker::Newcomer).await?;
                let connection = server.claimed_by(connection).await?;
                // Behind the claim: what was let in before it does not hold the second lock, so it would not keep a newcomer out.
                close_unclaimed(server.pool.connections().get_postgres_connection_pool()).await?;
                Held::Connection(Box::new(connection), Arc::clone(server))
            }
        }))
    }
}

impl Claim {
    /// Watches over the claim and makes it anew where it was lost. Returns only when another process has been quicker.
    pub async fn watch(&mut self) -> DbErr {
        let Held::Connection(connection, server) = &mut self.0 else { return std::future::pending().await };
        loop {
            tokio::time::sleep(WATCH_PAUSE).await;
            if matches!(tokio::time::timeout(ANSWER_LIMIT, connection.ping()).await, Ok(Ok(()))) {
                continue;
            }
            warn!("the connection that claims the database is lost");
            match anew(server).await {
                Ok(again) => **connection = again,
                Err(error) => return error,
            }
            info!("the database is claimed again");
        }
    }
}

impl Server {
    /// From now on this connection has the claim.
    async fn claimed_by(&self, mut connection: PgConnection) -> Result<PgConnection, DbErr> {
        let pid = sea_orm::sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await;
        self.claimant.0.store(pid.map_err(connect_error)?, Ordering::SeqCst);
        Ok(connection)
    }
}

/// Closes the connections that were made before the claim.
async fn close_unclaimed(pool: &PgPool) -> Result<(), DbErr> {
    while pool.num_idle() > 0 {
        let connection = pool.acquire().await.map_err(connect_error)?;
        connection.close().await.map_err(connect_error)?;
    }
    Ok(())
}

/// Who asks for a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    /// Somebody who must not come in before every connection of the one before is gone.
    Newcomer,
    /// Who had it, and whose other connections keep every newcomer out.
    Holder,
}

/// Waits for the database, for as long as it takes, and claims it.
async fn anew(server: &Server) -> Result<PgConnection, DbErr> {
    loop {
        let again = match ask_for(&server.options, Asker::Holder).await {
            Ok(connection) => server.claimed_by(connection).await,
            Err(error) => Err(error),
        };
        match again {
            Err(DbErr::Conn(_) | DbErr::ConnectionAcquire(_)) => tokio::time::sleep(CLAIM_PAUSE).await,
            outcome => return outcome,
        }
    }
}

async fn ask_for(options: &PgConnectOptions, asker: Asker) -> Result<PgConnection, DbErr> {
    let connection = tokio::time::timeout(ANSWER_LIMIT, options.connect()).await;
    let connection = connection.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?;
    let mut connection = connection.map_err(connect_error)?;
    let begun = Instant::now();
    loop {
        if take(&mut connection, asker).await.map_err(connect_error)? {
            return Ok(connection);
        }
        if begun.elapsed() > CLAIM_LIMIT {
            return Err(taken());
        }
        tokio::time::sleep(CLAIM_PAUSE).await;
    }
}

/// Takes the claim if that is possible now. A newcomer takes it only while nobody has a connection that was let in, and holds
/// nothing if there is one: whoever has lost the claim for a moment must find it free.
async fn take(connection: &mut PgConnection, asker: Asker) -> Result<bool, sea_orm::sqlx::Error> {
    if asker == Asker::Newcomer && !call(connection, "pg_try_advisory_lock", WRITERS_LOCK).await? {
        return Ok(false);
    }
    let is_ours = call(connection, "pg_try_advisory_lock", OWNER_LOCK).await?;
    if asker == Asker::Newcomer {
        call(connection, "pg_advisory_unlock", WRITERS_LOCK).await?;
    }
    Ok(is_ours)
}

async fn call(connection: &mut PgConnection, function: &'static str, key: i64) -> Result<bool, sea_orm::sqlx::Error> {
    let sql = sea_orm::sqlx::AssertSqlSafe(format!("SELECT {function}($1)"));
    sea_orm::sqlx::query_scalar(sql).bind(key).fetch_one(connection).await
}

fn lock(path: &Path) -> Result<File, DbErr> {
    let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(path);
    let file = file.map_err(|error| DbErr::Custom(error.to_string()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(taken()),
        Err(TryLockError::Error(error)) => Err(DbErr::Custom(error.to_string())),
    }
}

fn taken() -> DbErr {
    DbErr::Custom("another Waypost process is using this database".to_owned())
}
