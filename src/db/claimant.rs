//! Which connection has the claim on a PostgreSQL database, and who else is let in beside it: `claim` says why.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use sea_orm::sqlx::postgres::PgConnection;

/// Key of the PostgreSQL advisory lock that a process holds, alone, as long as it runs sessions.
pub(super) const OWNER_LOCK: i64 = 0x5761_7970_6f73_7402;
/// Key of the PostgreSQL advisory lock that all other connections of such a process hold together.
pub(super) const WRITERS_LOCK: i64 = 0x5761_7970_6f73_7403;

/// Which connection claims a PostgreSQL database for this process, as PostgreSQL numbers them; 0 before one does.
#[derive(Clone, Debug, Default)]
pub(super) struct Claimant(pub(super) Arc<AtomicI32>);

impl Claimant {
    /// Lets a new connection in, if the process it belongs to has the claim, or asks for none.
    ///
    /// # Errors
    /// The claim is lost at this moment.
    pub(super) async fn admit(&self, connection: &mut PgConnection) -> Result<(), sea_orm::sqlx::Error> {
        let pid = self.0.load(Ordering::SeqCst);
        if pid == 0 {
            return Ok(());
        }
        // One after the other: from the first on nobody else can claim it, so what the second says stays true.
        let is_in: bool = sea_orm::sqlx::query_scalar("SELECT pg_try_advisory_lock_shared($1)")
            .bind(WRITERS_LOCK)
            .fetch_one(&mut *connection)
            .await?;
        let is_ours: bool = sea_orm::sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND mode = 'ExclusiveLock' \
             AND pid = $1 AND classid::bigint = $2 AND objid::bigint = $3 AND objsubid = 1)",
        )
        .bind(pid)
        .bind(OWNER_LOCK >> 32)
        .bind(OWNER_LOCK & 0xffff_ffff)
        .fetch_one(connection)
        .await?;
        match is_in && is_ours {
            true => Ok(()),
            false => Err(sea_orm::sqlx::Error::Protocol("this process has lost its claim on the database".to_owned())),
        }
    }
}
