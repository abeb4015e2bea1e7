//! Deletes files that nobody needs: those that were not needed for a while, and the oldest ones when there is no room. And brings disk
//! and rows in line, should one have what the other lacks.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use entity::timestamp::Timestamp;
use tracing::{error, info, warn};

use crate::clock::trust::{LOOK, STEADY, Trust};
use crate::error::{Result, chain};
use crate::lifecycle::last_run::LastRun;
use crate::media::hash::FileHash;
use crate::media::store::{FileRow, Held};
use crate::media::{Media, store};

/// How often it looks for files that may go.
const PERIOD: Duration = Duration::from_secs(15 * 60);
/// How often it looks when room is scarce.
const PERIOD_IF_SCARCE: Duration = Duration::from_secs(5);
/// How often it compares all files with all rows.
const COMPARISON_PERIOD: Duration = Duration::from_secs(24 * 60 * 60);
/// What was needed within this time stays: a message may be being written with it.
const LAST_HOUR: Duration = Duration::from_secs(60 * 60);
/// Files that are looked at at once.
const BATCH: u64 = 100;

/// Who else needs files: messages that are not sent yet.
#[async_trait]
pub trait InUse: Send + Sync {
    /// Which of these files are needed.
    async fn which(&self, hashes: &[FileHash]) -> Result<HashSet<FileHash>>;
}

/// Deletes files that nobody needs.
pub struct Reconciler {
    media: Media,
    in_use: Arc<dyn InUse>,
}

/// What one turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Uploads whose time was over.
    pub expired: u64,
    /// Files that nobody had needed for a while.
    pub old: u64,
    /// Files that went since there was no room.
    pub surplus: u64,
}

/// What a comparison of disk and rows found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Files without a row that were deleted.
    pub files: u64,
    /// Rows without a file that were deleted.
    pub rows: u64,
}

impl Reconciler {
    /// Of these files, but for those that somebody else needs.
    pub fn new(media: Media, in_use: Arc<dyn InUse>) -> Self {
        Self { media, in_use }
    }

    /// Looks again and again.
    pub async fn run(self, last_run: LastRun) {
        let mut trust = Trust::new(self.media.deps.clock.now(), Instant::now());
        // A start has enough to do.
        let (mut next, mut next_comparison) = (Instant::now(), Instant::now() + STEADY);
        loop {
            let steady = trust.look(self.media.deps.clock.now(), Instant::now());
            if Instant::now() >= next_comparison {
                self.compare_and_tell().await;
                next_comparison = Instant::now() + COMPARISON_PERIOD;
            }
            if Instant::now() >= next {
                self.look_and_tell(steady >= STEADY).await;
                // Until the clock is believed it has not looked at all that it is to look at.
                next = Instant::now() + if steady >= STEADY { PERIOD } else { LOOK };
            }
            last_run.note();
            let is_scarce = tokio::time::timeout(LOOK, self.media.shared.scarce.notified()).await.is_ok();
            if is_scarce {
                tokio::time::sleep(PERIOD_IF_SCARCE).await;
                next = Instant::now();
            }
        }
    }

    async fn look_and_tell(&self, is_clock_right: bool) {
        match self.run_once(is_clock_right).await {
            Ok(Turn { expired: 0, old: 0, surplus: 0 }) => {}
            Ok(Turn { expired, old, surplus }) => {
                info!("{expired} uploads expired; {old} old files were deleted, and {surplus} for want of room");
            }
            Err(error) => error!(error = chain(&error), "old files could not be deleted"),
        }
    }

    async fn compare_and_tell(&self) {
        match self.compare().await {
            Ok(Comparison { files: 0, rows: 0 }) => {}
            Ok(Comparison { files, rows }) => warn!("{files} files that nobody knew were deleted; {rows} were missing"),
            Err(error) => error!(error = chain(&error), "the kept files could not be compared with their rows"),
        }
    }

    /// Deletes what may go. By age only if the clock goes right: one that somebody set, or that a machine wakes up with, may be years
    /// ahead for a while.
    ///
    /// # Errors
    /// `Unavailable`; what was deleted by then is gone.
    pub async fn run_once(&self, is_clock_right: bool) -> Result<Turn> {
        let mut turn = Turn::default();
        let (db, now) = (&self.media.deps.db, self.media.deps.clock.now());
        if is_clock_right {
            loop {
                let expired = store::delete_expired(db.write(), now, BATCH).await?;
                turn.expired += expired;
                if expired < BATCH {
                    break;
                }
            }
            let unused_since = now.before(self.media.settings.retention.max(LAST_HOUR));
            turn.old = self.delete_oldest(unused_since, Held::ByNobody, |_| true).await?;
        }
        let mut total = store::total(db.read()).await?;
        let quota = self.media.settings.quota;
        if total > quota / 10 * 9 {
            // A little more than must be, or the next upload would wait for the next turn.
            let enough = quota / 10 * 8;
            for held in [Held::ByNobody, Held::OrNot] {
                turn.surplus += self
                    .delete_oldest(now.before(LAST_HOUR), held, |file| {
                        let is_surplus = total > enough;
                        total = if is_surplus { total.saturating_sub(file.size) } else { total };
                        is_surplus
                    })
                    .await?;
            }
        }
        self.media.shared.total.store(store::total(db.read()).await?, Ordering::Relaxed);
        Ok(turn)
    }

    /// Deletes files that nobody has needed since then, the oldest first, for as long as one is to go. Gives how many.
    async fn delete_oldest(
        &self,
        unused_since: Timestamp,
        held: Held,
        mut is_to_go: impl FnMut(&FileRow) -> bool,
    ) -> Result<u64> {
        let (mut deleted, mut after) = (0, None);
        loop {
            let oldest = store::oldest(self.media.deps.db.read(), unused_since, held, after, BATCH).await?;
            let Some(last) = oldest.last() else { return Ok(deleted) };
            after = Some(*last);
            let hashes: Vec<_> = oldest.iter().map(|file| file.hash).collect();
            let needed = self.in_use.which(&hashes).await?;
            for file in oldest.iter().filter(|file| !needed.contains(&file.hash)) {
                if !is_to_go(file) {
                    return Ok(deleted);
                }
                deleted += u64::from(self.delete(file.hash, unused_since, held).await?);
            }
        }
    }

    /// Deletes a file, unless it was needed meanwhile. Says whether it did.
    async fn delete(&self, hash: FileHash, unused_since: Timestamp, held: Held) -> Result<bool> {
        let _deletion = self.media.shared.deletion.write().await;
        let tx = self.media.deps.db.write().begin().await?;
        if !store::delete_file(&tx, hash, unused_since, held).await? {
            return Ok(false);
        }
        tx.commit().await?;
        // One that came in again a moment ago, and is not written down yet, stays.
        self.media.files.delete_if_older(&hash, LAST_HOUR).await?;
        Ok(true)
    }

    /// Deletes files without a row, unless they came in within the last hour or somebody needs them, and rows without a file.
    ///
    /// # Errors
    /// `Unavailable`; what was deleted by then is gone.
    pub async fn compare(&self) -> Result<Comparison> {
        let mut found = Comparison::default();
        for first in 0..=u8::MAX {
            let files: HashSet<_> = self.media.files.beginning_with(first).await?.into_iter().collect();
            let rows = store::beginning_with(self.media.deps.db.read(), first).await?;
            let known: HashSet<_> = rows.iter().map(|row| row.hash).collect();
            let unknown: Vec<_> = files.difference(&known).copied().collect();
            for some in unknown.chunks(100) {
                let needed = self.in_use.which(some).await?;
                for hash in some.iter().filter(|hash| !needed.contains(hash)) {
                    found.files += u64::from(self.delete_unknown(*hash).await?);
                }
            }
            for row in rows.iter().filter(|row| !files.contains(&row.hash)) {
                found.rows += u64::from(self.delete_missing(row.hash).await?);
            }
        }
        Ok(found)
    }

    async fn delete_unknown(&self, hash: FileHash) -> Result<bool> {
        let _deletion = self.media.shared.deletion.write().await;
        if store::file(self.media.deps.db.read(), hash).await?.is_some() {
            return Ok(false);
        }
        self.media.files.delete_if_older(&hash, LAST_HOUR).await
    }

    async fn delete_missing(&self, hash: FileHash) -> Result<bool> {
        let _deletion = self.media.shared.deletion.write().await;
        if self.media.files.open(&hash).await?.is_some() {
            return Ok(false);
        }
        // Whenever it was needed last: there is nothing to need.
        let ever = Timestamp::from_millis(i64::MAX);
        store::delete_file(self.media.deps.db.write(), hash, ever, Held::OrNot).await
    }
}
