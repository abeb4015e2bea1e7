//! Whether what is written stays written: for the health check, and for the end of the process when it does not.
//!
//! A flush that failed is final, since what it was to write may be gone although the next one succeeds. So is a data file that
//! was moved away: what is written then goes with it. Everything else comes back by itself.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;
use tracing::{error, warn};

/// How long a data file may be away before the process ends. Nothing is told to be written meanwhile.
const AWAY_LIMIT: Duration = Duration::from_secs(3);
/// How often it is looked whether they are there while one is not.
const AWAY_PAUSE: Duration = Duration::from_millis(50);
/// How often it is looked whether they are there.
const WATCH_PAUSE: Duration = Duration::from_secs(1);
/// How long a write that failed counts.
const FAILED_FOR: Duration = Duration::from_secs(5);
/// How long a write that succeeded makes another one needless that would only find out whether it works.
pub(super) const WORKED_FOR: Duration = Duration::from_secs(1);

/// Why nothing can be written any more before the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageFailure {
    /// A flush failed.
    DiskFailed,
    /// The data file, or its log, is not where it was.
    FilesGone,
}

/// What keeps the database from being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// The last write failed.
    Write,
    /// A flush failed, once and for all.
    Disk,
    /// The data file, or its log, is not where it was.
    File,
}

/// When it was last tried to write, and whether it worked. Held while it is tried: whoever comes meanwhile gets the same answer.
pub(super) type LastProbe = Arc<tokio::sync::Mutex<Option<(Instant, bool)>>>;

/// What is known about writing. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// What has to stay where it is.
    files: Vec<DataFile>,
    /// Since when one of them is not.
    away_since: Mutex<Option<Instant>>,
    last_write: Mutex<LastWrite>,
    storage_failure: watch::Sender<Option<StorageFailure>>,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            away_since: Mutex::default(),
            last_write: Mutex::default(),
            storage_failure: watch::Sender::new(None),
        }
    }
}

#[derive(Debug, Default)]
struct LastWrite {
    succeeded_at: Option<Instant>,
    /// None once one succeeded after it.
    failed_at: Option<Instant>,
}

/// A file that was opened, and what it is.
#[derive(Debug)]
struct DataFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Health {
    /// These files have to stay where they are.
    ///
    /// # Errors
    /// One of them cannot be looked at.
    pub(super) fn of(files: impl IntoIterator<Item = PathBuf>) -> std::io::Result<Self> {
        let look = |path: PathBuf| {
            let found = std::fs::metadata(&path)?;
            Ok(DataFile { path, device: found.dev(), inode: found.ino() })
        };
        let files = files.into_iter().map(look).collect::<std::io::Result<_>>()?;
        Ok(Self(Arc::new(Inner { files, ..Inner::default() })))
    }

    /// Notes that a write succeeded.
    pub(super) fn worked(&self) {
        *self.0.last_write.lock() = LastWrite { succeeded_at: Some(Instant::now()), failed_at: None };
    }

    /// Notes that a write failed, by no fault of its own.
    pub(super) fn failed(&self) {
        self.0.last_write.lock().failed_at = Some(Instant::now());
    }

    /// Whether a write succeeded a moment ago.
    pub(super) fn worked_lately(&self) -> bool {
        self.0.last_write.lock().succeeded_at.is_some_and(|at| at.elapsed() < WORKED_FOR)
    }

    /// What is known to keep the database from being written.
    pub(super) fn hindrance(&self) -> Option<Hindrance> {
        match self.storage_failure() {
            Some(StorageFailure::DiskFailed) => return Some(Hindrance::Disk),
            Some(StorageFailure::FilesGone) => return Some(Hindrance::File),
            None if !self.are_files_there() => return Some(Hindrance::File),
            None => {}
        }
        let failed_at = self.0.last_write.lock().failed_at;
        failed_at.is_some_and(|at| at.elapsed() < FAILED_FOR).then_some(Hindrance::Write)
    }

    /// Why nothing can be written any more, if that is so.
    pub(super) fn storage_failure(&self) -> Option<StorageFailure> {
        *self.0.storage_failure.borrow()
    }

    /// From now on nothing is told to be written.
    pub(super) fn flush_failed(&self, failure: &std::io::Error) {
        error!(error = %failure, "the disk did not take what was written: the process ends, since nothing it holds can be trusted");
        self.end(StorageFailure::DiskFailed);
    }

    /// Looks whether the files are where they were. One that is away for too long is gone.
    pub(super) fn are_files_there(&self) -> bool {
        let Some(missing) = self.0.files.iter().find(|file| !file.is_there()) else {
            *self.0.away_since.lock() = None;
            return true;
        };
        let path = missing.path.display();
        let mut away_since = self.0.away_since.lock();
        let since = *away_since.get_or_insert_with(|| {
            warn!("{path} is not where it was: nothing is told to be written until it is");
            Instant::now()
        });
        if since.elapsed() >= AWAY_LIMIT && self.storage_failure().is_none() {
            error!("{path} was moved away or deleted: the process ends, since what it writes would be lost");
            self.end(StorageFailure::FilesGone);
        }
        false
    }

    /// Waits until the files are where they were. False if they are gone.
    pub(super) fn wait_for_files(&self) -> bool {
        while self.storage_failure().is_none() {
            if self.are_files_there() {
                return true;
            }
            std::thread::sleep(AWAY_PAUSE);
        }
        false
    }

    /// Watches over the files. Returns only when nothing can be written any more.
    pub(super) async fn watch(&self) -> StorageFailure {
        let mut storage_failure = self.0.storage_failure.subscribe();
        loop {
            if let Some(storage_failure) = *storage_failure.borrow_and_update() {
                return storage_failure;
            }
            let _ = tokio::time::timeout(WATCH_PAUSE, storage_failure.changed()).await; // Either is a reason to look.
            self.are_files_there();
        }
    }

    fn end(&self, storage_failure: StorageFailure) {
        self.0.storage_failure.send_if_modified(|known| {
            let is_news = known.is_none();
            known.get_or_insert(storage_failure);
            is_news
        });
    }
}

impl DataFile {
    fn is_there(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode))
    }
}

/// Lets the disk keep which files a folder has. What is in them is of no use without.
pub(super) fn keep_names(folder: &Path) -> std::io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}
