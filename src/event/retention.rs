//! Drops events that are too old or too many, but never one that a delivery still needs.

use std::time::{Duration, Instant};

use entity::timestamp::Timestamp;
use tracing::{error, info};

use crate::clock::Clock;
use crate::clock::trust::{LOOK, STEADY, Trust};
use crate::db::Db;
use crate::error::{Result, chain};
use crate::event::record::Span;
use crate::event::store::{self, Excess};
use crate::lifecycle::last_run::LastRun;

/// How often it drops something.
const PERIOD: Duration = Duration::from_secs(15 * 60);
/// The same, where nothing happened for this time before what would be kept: the clock may have been set by as much.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Events that are dropped in one transaction: others want to write too.
const BATCH: u64 = 1_000;

/// How much of the journal is kept.
#[derive(Clone, Copy, Debug)]
pub struct RetentionSettings {
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
    pub settings: RetentionSettings,
}

impl Retention {
    /// Looks again and again.
    pub async fn run(self, last_run: LastRun) {
        let mut trust = Trust::new(self.clock.now(), Instant::now());
        let mut next = Instant::now();
        loop {
            let steady = trust.look(self.clock.now(), Instant::now());
            if Instant::now() >= next && self.has_looked(steady).await {
                next = Instant::now() + PERIOD;
            }
            last_run.note();
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Drops what may go. False if the clock has not gone right for long enough.
    async fn has_looked(&self, steady: Duration) -> bool {
        match self.run_once_if(steady).await {
            Ok(None) => return false,
            Ok(Some(0)) => {}
            Ok(Some(count)) => info!("{count} old events were dropped"),
            Err(error) => error!(error = chain(&error), "old events could not be dropped"),
        }
        true
    }

    /// Drops what may go, if the clock has gone right for long enough. None if not: after a start, nobody knows yet.
    ///
    /// # Errors
    /// `Unavailable`; what was dropped by then is gone.
    pub async fn run_once_if(&self, steady: Duration) -> Result<Option<u64>> {
        if steady < STEADY {
            return Ok(None);
        }
        // Not by the newest event of all: the start writes some itself, at the time that may be wrong.
        let (dropped, kept) = store::around(self.db.read(), self.limit()).await?;
        let kept = kept.unwrap_or(self.clock.now());
        let gap = dropped.map_or(0, |dropped| kept.millis().saturating_sub(dropped.millis()));
        if u128::try_from(gap).unwrap_or(0) > DAY.as_millis() && steady < DAY {
            return Ok(None);
        }
        self.run_once().await.map(Some)
    }

    /// Drops what may go. Gives how many events that were.
    ///
    /// # Errors
    /// `Unavailable`; what was dropped by then is gone.
    pub async fn run_once(&self) -> Result<u64> {
        let old = self.limit();
        // What was not looked at yet is needed by whoever looks.
        let seen = store::bookmark(self.db.read(), store::FANNED_OUT).await?.unwrap_or(0);
        let last = store::last_of(self.db.read(), Span { from: None, to: Some(old) }, seen).await?;
        let mut dropped = 0;
        if let Some(last) = last {
            dropped += self.drop_all(Excess::Old(old, last), last).await?;
        }
        if let Some(end) = store::beyond(self.db.read(), self.settings.rows).await? {
            dropped += self.drop_all(Excess::Surplus(end.min(seen)), end.min(seen)).await?;
        }
        Ok(dropped)
    }

    /// What happened before this moment is old.
    fn limit(&self) -> Timestamp {
        let age = i64::try_from(self.settings.age.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.clock.now().millis().saturating_sub(age))
    }

    /// Drops these, the last of which may be at `end`.
    async fn drop_all(&self, excess: Excess, end: i64) -> Result<u64> {
        let mut dropped = 0;
        loop {
            let tx = self.db.write().begin().await?;
            let count = store::drop_excess(&tx, excess, BATCH).await?;
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
