//! Waiting for the disk, together: one flush of SQLite's log serves every transaction that was committed before it began.
//!
//! SQLite itself would flush within each commit and let nobody write meanwhile. Here a commit only appends to the log, and
//! whoever committed waits for a flush that began afterwards. What survives a power cut is the same: all that was flushed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::Either;
use sea_orm::DbErr;
use tokio::sync::{mpsc, oneshot};
use tracing::error;

/// Flushes that one thread is asked for at a time, at most.
const TOGETHER: usize = 1024;

/// The disk below a database. PostgreSQL waits for its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Option<Arc<mpsc::UnboundedSender<Wait>>>);

/// Somebody who waits for a flush.
type Wait = oneshot::Sender<bool>;

impl Disk {
    /// The disk that holds this log.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn below(path: PathBuf) -> std::io::Result<Self> {
        // Bounded by those who wait: each of them asks once.
        let (wanted, waits) = mpsc::unbounded_channel();
        std::thread::Builder::new().name("disk".to_owned()).spawn(move || flush(&path, waits))?;
        Ok(Self(Some(Arc::new(wanted))))
    }

    /// Asks for a flush. What this gives ends when all that was committed before the call is on the disk.
    ///
    /// # Errors
    /// The disk failed, now or earlier: nothing that is written can be trusted until the next start.
    pub(super) fn settle(&self) -> impl Future<Output = Result<(), DbErr>> + Send + use<> {
        let Some(wanted) = &self.0 else { return Either::Left(std::future::ready(Ok(()))) };
        let (done, flushed) = oneshot::channel();
        let _ = wanted.send(done); // The thread outlives all who ask.
        Either::Right(flushed.map(|is_flushed| match is_flushed {
            Ok(true) => Ok(()),
            _ => Err(DbErr::Custom("the disk did not take what was written".to_owned())),
        }))
    }
}

/// Flushes for as long as there is somebody who may ask.
fn flush(log: &Path, mut waits: mpsc::UnboundedReceiver<Wait>) {
    let mut together = Vec::new();
    // What a flush that failed was to write may be gone although the next one succeeds.
    let mut is_broken = false;
    while waits.blocking_recv_many(&mut together, TOGETHER) > 0 {
        if !is_broken {
            // Opened anew each time: SQLite may have made a new file.
            if let Err(failure) = File::open(log).and_then(|log| log.sync_data()) {
                error!(error = %failure, "the disk did not take what was written; the server has to be restarted");
                is_broken = true;
            }
        }
        for done in together.drain(..) {
            let _ = done.send(!is_broken); // Whoever asked may have gone.
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_disk_that_failed_once_is_not_trusted_again() {
        let folder = tempfile::tempdir().expect("there is room");
        let disk = Disk::below(folder.path().join("log")).expect("a thread");
        assert!(disk.settle().await.is_err());
        File::create(folder.path().join("log")).expect("there is room");
        assert!(disk.settle().await.is_err());
    }

    #[tokio::test]
    async fn many_wait_at_the_same_time() {
        let file = tempfile::NamedTempFile::new().expect("there is room");
        let disk = Disk::below(file.path().to_owned()).expect("a thread");
        let waits = (0..50).map(|_| disk.settle());
        assert!(futures::future::join_all(waits).await.into_iter().all(|outcome| outcome.is_ok()));
    }
}
