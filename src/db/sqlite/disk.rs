//! Waiting for the disk, together: one flush of SQLite's log serves every transaction that was committed before it began.
//!
//! SQLite itself would flush within each commit and let nobody write meanwhile. Here a commit only appends to the log, and
//! whoever committed waits for a flush that began afterwards. What survives a power cut is the same: all that was flushed.
//!
//! A thread flushes, which is no task of the lifecycle's: it lives as long as somebody has the database.

use std::fs::File;
use std::io::ErrorKind;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::Either;
use sea_orm::DbErr;
use tokio::sync::{mpsc, oneshot};

use crate::db::health::Health;

/// Flushes that one thread is asked for at a time, at most.
const TOGETHER: usize = 1024;

/// The disk below a database. PostgreSQL waits for its own.
#[derive(Clone, Debug, Default)]
pub(in crate::db) struct Disk(Option<Arc<mpsc::UnboundedSender<Wait>>>);

/// Somebody who waits for a flush.
type Wait = oneshot::Sender<bool>;

impl Disk {
    /// The disk that holds this log, which stays open: to open it anew could fail, and would say nothing about what was
    /// written. SQLite makes no new one as long as a connection is open.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(in crate::db) fn below(log: File, health: Health) -> std::io::Result<Self> {
        Self::flushed_by(move || log.sync_data(), health)
    }

    pub(in crate::db) fn flushed_by(
        flush: impl FnMut() -> std::io::Result<()> + Send + 'static,
        health: Health,
    ) -> std::io::Result<Self> {
        // Bounded by those who wait: each of them asks once.
        let (wanted, waits) = mpsc::unbounded_channel();
        std::thread::Builder::new().name("disk".to_owned()).spawn(move || keep_up(flush, waits, &health))?;
        Ok(Self(Some(Arc::new(wanted))))
    }

    /// Asks for a flush. What this gives ends when all that was committed before the call is on the disk.
    ///
    /// # Errors
    /// The disk failed, now or earlier, or the files are gone: nothing that is written can be trusted until the next start.
    pub(in crate::db) fn flushed(&self) -> impl Future<Output = Result<(), DbErr>> + Send + use<> {
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
fn keep_up(mut flush: impl FnMut() -> std::io::Result<()>, mut waits: mpsc::UnboundedReceiver<Wait>, health: &Health) {
    // Flushed within each commit it was half a millisecond each, in which nobody else could write: a few hundred messages a second
    // were the end.
    let mut together = Vec::new();
    while waits.blocking_recv_many(&mut together, TOGETHER) > 0 {
        // What a flush that failed was to write may be gone although the next one succeeds.
        let is_flushed =
            health.storage_failure().is_none() && flush_once(&mut flush, health) && health.wait_for_files();
        for done in together.drain(..) {
            let _ = done.send(is_flushed); // Whoever asked may have gone.
        }
    }
}

fn flush_once(flush: &mut impl FnMut() -> std::io::Result<()>, health: &Health) -> bool {
    loop {
        match flush() {
            Ok(()) => return true,
            // It has not begun.
            Err(failure) if failure.kind() == ErrorKind::Interrupted => {}
            Err(failure) => {
                health.flush_failed(&failure);
                return false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::health::{Hindrance, StorageFailure};

    #[tokio::test]
    async fn a_disk_that_failed_once_is_not_trusted_again_and_says_so() {
        let health = Health::default();
        let mut failures = 1;
        let flush = move || {
            failures -= 1;
            if failures == 0 { Err(std::io::Error::other("a bad sector")) } else { Ok(()) }
        };
        let disk = Disk::flushed_by(flush, health.clone()).expect("a thread");
        assert_eq!(health.hindrance(), None);
        assert!(disk.flushed().await.is_err());
        assert!(disk.flushed().await.is_err());
        assert_eq!((health.hindrance(), health.watch().await), (Some(Hindrance::Disk), StorageFailure::DiskFailed));
    }

    #[tokio::test]
    async fn a_flush_that_was_interrupted_is_tried_again() {
        let mut interruptions = 3;
        let flush = move || {
            interruptions -= 1;
            if interruptions > 0 { Err(ErrorKind::Interrupted.into()) } else { Ok(()) }
        };
        let disk = Disk::flushed_by(flush, Health::default()).expect("a thread");
        disk.flushed().await.expect("nothing is lost");
    }

    #[tokio::test]
    async fn a_log_that_is_away_for_a_moment_loses_nothing_and_one_that_is_gone_is_the_end() {
        let folder = tempfile::tempdir().expect("there is room");
        let (log, elsewhere) = (folder.path().join("log"), folder.path().join("elsewhere"));
        let file = File::create(&log).expect("there is room");
        let health = Health::of([log.clone()]).expect("it is there");
        let disk = Disk::below(file, health.clone()).expect("a thread");
        disk.flushed().await.expect("the disk works");
        std::fs::rename(&log, &elsewhere).expect("it can be moved");
        let waits = disk.flushed();
        assert_eq!(health.hindrance(), Some(Hindrance::File));
        std::fs::rename(&elsewhere, &log).expect("it can be moved back");
        waits.await.expect("nothing is lost");
        assert_eq!((health.hindrance(), health.storage_failure()), (None, None));
        // Another file at its place is not the log.
        std::fs::rename(&log, &elsewhere).expect("it can be moved");
        File::create(&log).expect("there is room");
        assert!(disk.flushed().await.is_err());
        assert_eq!((health.hindrance(), health.watch().await), (Some(Hindrance::File), StorageFailure::FilesGone));
    }

    #[tokio::test]
    async fn those_who_wait_together_share_a_flush() {
        let (begin, mut begun) = mpsc::unbounded_channel();
        let (release, released) = std::sync::mpsc::channel();
        let flush = move || {
            begin.send(()).expect("the test listens");
            released.recv().map_err(std::io::Error::other)
        };
        let disk = Disk::flushed_by(flush, Health::default()).expect("a thread");
        let first = disk.flushed();
        begun.recv().await.expect("a flush has begun");
        // They may not trust that one: they cannot know when it looked at the file.
        let others: Vec<_> = (0..50).map(|_| disk.flushed()).collect();
        release.send(()).expect("the disk waits");
        first.await.expect("the disk works");
        begun.recv().await.expect("another one has begun");
        release.send(()).expect("the disk waits");
        assert!(futures::future::join_all(others).await.into_iter().all(|outcome| outcome.is_ok()));
        assert!(begun.try_recv().is_err(), "it served all of them");
        let late = disk.flushed();
        begun.recv().await.expect("who comes later waits for a later flush");
        release.send(()).expect("the disk waits");
        late.await.expect("the disk works");
    }
}
