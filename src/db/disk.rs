//! Waiting for the disk, together: one flush of SQLite's log serves every transaction that was committed before it began.
//!
//! SQLite itself would flush within each commit and let nobody write meanwhile. Here a commit only appends to the log, and
//! whoever committed waits for a flush that began afterwards. What survives a power cut is the same: all that was flushed.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sea_orm::DbErr;
use tokio::sync::Mutex;
use tracing::error;

/// The disk below a database. PostgreSQL waits for its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Option<Arc<Log>>);

#[derive(Debug)]
struct Log {
    path: PathBuf,
    /// Flushes that have begun.
    begun: AtomicU64,
    /// The newest flush that has ended well. Held by the one that is under way.
    ended: Mutex<u64>,
    /// Whether a flush has failed. What it was to write may be gone although the next one succeeds.
    is_broken: AtomicBool,
}

impl Disk {
    /// The disk that holds this log.
    pub(super) fn below(path: PathBuf) -> Self {
        let (begun, ended, is_broken) = (AtomicU64::new(0), Mutex::new(0), AtomicBool::new(false));
        Self(Some(Arc::new(Log { path, begun, ended, is_broken })))
    }

    /// Returns when all that was committed before the call is on the disk.
    ///
    /// # Errors
    /// The disk failed, now or earlier: nothing that is written can be trusted until the next start.
    pub(super) async fn settle(&self) -> Result<(), DbErr> {
        let Some(log) = &self.0 else { return Ok(()) };
        let wanted = log.begun.load(Ordering::SeqCst) + 1;
        let mut ended = log.ended.lock().await;
        if *ended < wanted && !log.is_broken.load(Ordering::SeqCst) {
            let number = log.begun.fetch_add(1, Ordering::SeqCst) + 1;
            match log.flush().await {
                Ok(()) => *ended = number,
                Err(failure) => {
                    error!(error = %failure, "the disk did not take what was written; the server has to be restarted");
                    log.is_broken.store(true, Ordering::SeqCst);
                }
            }
        }
        match log.is_broken.load(Ordering::SeqCst) {
            true => Err(DbErr::Custom("the disk did not take what was written".to_owned())),
            false => Ok(()),
        }
    }
}

impl Log {
    /// Opened anew each time: SQLite may have made a new file.
    async fn flush(&self) -> std::io::Result<()> {
        let path = self.path.clone();
        let flushed = tokio::task::spawn_blocking(move || File::open(path)?.sync_data()).await;
        flushed.unwrap_or_else(|panic| Err(std::io::Error::other(panic)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn those_who_wait_together_share_a_flush() {
        let file = tempfile::NamedTempFile::new().expect("there is room");
        let disk = Disk::below(file.path().to_owned());
        let waits = (0..50).map(|_| disk.settle());
        assert!(futures::future::join_all(waits).await.into_iter().all(|outcome| outcome.is_ok()));
        let log = disk.0.as_ref().expect("it has one");
        // The first begins at once, and the others may not trust it: they cannot know when it looked at the file.
        assert_eq!((*log.ended.lock().await, log.begun.load(Ordering::SeqCst)), (2, 2));
        disk.settle().await.expect("the disk works");
        assert_eq!(*log.ended.lock().await, 3, "who comes later waits for a later flush");
    }

    #[tokio::test]
    async fn a_disk_that_failed_once_is_not_trusted_again() {
        let folder = tempfile::tempdir().expect("there is room");
        let disk = Disk::below(folder.path().join("log"));
        assert!(disk.settle().await.is_err());
        File::create(folder.path().join("log")).expect("there is room");
        assert!(disk.settle().await.is_err());
    }
}
