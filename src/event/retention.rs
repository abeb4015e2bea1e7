//! Drops what is older than it has to be kept, or more than is kept; never what a delivery still needs.

use std::time::Duration;

use tracing::{error, info};

use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Result, chain};
use crate::event::store;
use crate::event::types::Cursor;

/// How often it looks.
const PERIOD: Duration = Duration::from_secs(15 * 60);
/// Events that are dropped in one transaction: others want to write too.
const BATCH: u64 = 1_000;

/// How much of the journal is kept.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What is older may go.
    pub age: Duration,
    /// What is more than so many events may go, the oldest first.
    pub rows: u64,
}

/// Drops old events.
#[derive(Debug)]
pub struct Retention {
    /// Where they are.
    pub db: Db,
    /// What time it is.
    pub clock: Clock,
    /// What is kept.
    pub settings: Settings,
}

impl Retention {
    /// Looks again and again.
    pub async fn run(self) {
        loop {
            match self.run_once().await {
                Ok(0) => {}
                Ok(count) => info!("{count} old events were dropped"),
                Err(error) => error!(error = chain(&error), "old events could not be dropped"),
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// Drops what may go. Gives how many events that were.
    ///
    /// # Errors
    /// `Unavailable`; what was dropped by then is gone.
    pub async fn run_once(&self) -> Result<u64> {
        let now = self.clock.now();
        let age = i64::try_from(self.settings.age.as_millis()).unwrap_or(i64::MAX);
        let old = Cursor::before(entity::timestamp::Timestamp::from_millis(now.millis().saturating_sub(age)));
        let excess = store::beyond(self.db.read(), self.settings.rows).await?.unwrap_or(0);
        // What was not looked at yet is needed by whoever looks.
        let seen = store::bookmark(self.db.read(), store::DISPATCHED).await?.unwrap_or(0);
        let end = old.position().max(excess).min(seen);
        let mut dropped = 0;
        loop {
            let tx = self.db.write().begin().await?;
            let count = store::drop_until(&tx, end, BATCH).await?;
            if count > 0 {
                // Before this place something is missing from now on.
                let pruned = store::bookmark(&tx, store::PRUNED).await?.unwrap_or(0);
                store::mark(&tx, store::PRUNED, end.max(pruned)).await?;
            }
            tx.commit().await?;
            dropped += count;
            if count < BATCH {
                return Ok(dropped);
            }
        }
    }
}
