//! Waiting for the disk, together: one flush of SQLite's log serves every transaction that was committed before it began.
//!
//! SQLite itself would flush within each commit and let nobody write meanwhile. Here a commit only appends to the log, and
//! whoever committed waits for a flush that began afterwards. What survives a power cut is the same: all that was flushed.
//!
//! A thread flushes, which is no task of the lifecycle's: it lives as long as somebody has the database.

use std::fs::File;
use std::path::PathBuf;
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
        // Opened anew each time: SQLite may have made a new file.
        Self::flushed_by(move || File::open(&path)?.sync_data())
    }

    fn flushed_by(flush: impl FnMut() -> std::io::Result<()> + Send + 'static) -> std::io::Result<Self> {
        // Bounded by those who wait: each of them asks once.
        let (wanted, waits) = mpsc::unbounded_channel();
        std::thread::Builder::new().name("disk".to_owned()).spawn(move || keep_up(flush, waits))?;
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
fn keep_up(mut flush: impl FnMut() -> std::io::Result<()>, mut waits: mpsc::UnboundedReceiver<Wait>) {
    let mut together = Vec::new();
    // What a flush that failed was to write may be gone although the next one succeeds.
    let mut is_broken = false;
    while waits.blocking_recv_many(&mut together, TOGETHER) > 0 {
        if !is_broken && let Err(failure) = flush() {
            error!(error = %failure, "the disk did not take what was written; the server has to be restarted");
            is_broken = true;
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
    async fn those_who_wait_together_share_a_flush() {
        let (begin, mut begun) = mpsc::unbounded_channel();
        let (release, released) = std::sync::mpsc::channel();
        let disk = Disk::flushed_by(move || {
            begin.send(()).expect("the test listens");
            released.recv().map_err(std::io::Error::other)
        })
        .expect("a thread");
        let first = disk.settle();
        begun.recv().await.expect("a flush has begun");
        // They may not trust that one: they cannot know when it looked at the file.
        let others: Vec<_> = (0..50).map(|_| disk.settle()).collect();
        release.send(()).expect("the disk waits");
        first.await.expect("the disk works");
        begun.recv().await.expect("another one has begun");
        release.send(()).expect("the disk waits");
        assert!(futures::future::join_all(others).await.into_iter().all(|outcome| outcome.is_ok()));
        assert!(begun.try_recv().is_err(), "it served all of them");
        let late = disk.settle();
        begun.recv().await.expect("who comes later waits for a later flush");
        release.send(()).expect("the disk waits");
        late.await.expect("the disk works");
    }
}
