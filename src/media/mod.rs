//! Files: those that clients hand in to be sent, and those that came with messages. What a file is called here is its SHA-256; what it
//! is worth to a phone is found out in `prepare`.
//!
//! The bytes are on the disk ([`files`]), each file once, and a row says of each when it was needed last. What a client handed in is a
//! row of its own that holds the file: it belongs to the key with which it was handed in, and to nobody else but the admin. What nobody
//! holds and nobody has needed for a while is deleted by one loop ([`reconciler`]), the oldest first when room is scarce; never what a
//! message that is not sent yet needs, and never what was needed within the last hour, since a message may be being written with it.
//!
//! A file is on the disk before its row is written, and its row is deleted before the file is. What is in between when the process dies
//! is a file without a row, which the loop finds. Both steps of a deletion are done while nobody keeps anything.

pub mod files;
pub mod format;
pub mod hash;
pub mod kind;
pub mod pace;
pub mod prepare;
pub mod reconciler;
pub mod rules;
pub mod store;
pub mod types;

mod admission;
mod disk;
mod resolving;
mod room;
mod uploading;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, RwLock, Semaphore, SemaphorePermit};

use crate::caller::Caller;
use crate::clock::Clock;
use crate::db::Db;
use crate::egress::Egress;
use crate::error::{Error, ErrorKind, Result};
use crate::media::admission::{Share, Shares};
use crate::media::files::{Files, KeptFile};
use crate::media::hash::FileHash;

/// Bytes of the largest file that a client may hand in, when nothing else is set: 100 MiB.
pub const SIZE_MAX: u64 = 100 * 1024 * 1024;
/// How much room all files may take when nothing else is set: 10 GiB.
pub const QUOTA: u64 = 10 * 1024 * 1024 * 1024;
/// In which time some of an upload must come.
pub const STALL: Duration = Duration::from_secs(30);
/// Files that clients hand in at the same time, at most: as slow as they may be, they leave room for those that come with messages.
const UPLOADS_MAX: usize = 128;
/// Of these, files of one key: others always find places.
const UPLOADS_PER_KEY: usize = 16;
/// Files at an address that are fetched for one key at the same time, at most.
const FETCHES_PER_KEY: usize = 16;
/// When to try again if there are as many.
const UPLOAD_AGAIN: Duration = Duration::from_secs(5);
/// What is needed again within this time is not written down again.
const NOTE_AGAIN: Duration = Duration::from_secs(10 * 60);

/// How files are kept.
#[derive(Clone, Debug)]
pub struct MediaSettings {
    /// The folder in which they are.
    pub folder: PathBuf,
    /// Bytes of the largest that a client may hand in.
    pub size_max: u64,
    /// How much room all may take, bytes.
    pub quota: u64,
    /// How long they are kept after they were needed last.
    pub retention: Duration,
    /// In which time some of an upload must come.
    pub stall: Duration,
}

/// What the files of a server need.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Where their rows are.
    pub db: Db,
    /// The way to those that are somewhere else.
    pub egress: Egress,
    /// What time it is.
    pub clock: Clock,
}

/// The files of this server.
#[derive(Clone, Debug)]
pub struct Media {
    files: Files,
    deps: Deps,
    settings: Arc<MediaSettings>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// One for each file that clients hand in at the same time.
    uploads: Semaphore,
    /// How many of these each key has.
    upload_shares: Shares,
    /// How many files are fetched from an address for each key.
    fetch_shares: Shares,
    /// Room that is kept for what is coming in, bytes.
    reserved: Mutex<u64>,
    /// Written while a file is deleted, read while one is kept: in between it has a row and no bytes, or the other way round.
    deletion: RwLock<()>,
    /// How much room the files take, bytes. Never less than they do; the reconciler counts anew.
    total: AtomicU64,
    /// Wakes the reconciler when room is scarce.
    scarce: Notify,
}

impl Media {
    /// The files that are kept in a folder, which this process has claimed.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn load(deps: Deps, files: Files, settings: MediaSettings) -> Result<Self> {
        let total = store::total(deps.db.read()).await?;
        let shared = Shared {
            uploads: Semaphore::new(UPLOADS_MAX),
            upload_shares: Shares::new(UPLOADS_PER_KEY),
            fetch_shares: Shares::new(FETCHES_PER_KEY),
            reserved: Mutex::new(0),
            deletion: RwLock::new(()),
            total: AtomicU64::new(total),
            scarce: Notify::new(),
        };
        Ok(Self { files, deps, settings: Arc::new(settings), shared: Arc::new(shared) })
    }

    /// Where the bytes are.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// How files are kept.
    pub fn settings(&self) -> &MediaSettings {
        &self.settings
    }

    /// Writes down that there is this file, which came in whole: until then it is nobody's, and deleted after an hour. To be called
    /// each time that it is needed by somebody who does not hold it otherwise.
    ///
    /// # Errors
    /// `MediaGone` if the file is not there, `Unavailable`.
    pub async fn keep(&self, hash: FileHash, size: u64) -> Result<()> {
        let _deletion = self.shared.deletion.read().await;
        if self.files.open(&hash).await?.is_none() {
            return Err(Error::new(ErrorKind::MediaGone, "the file is not kept any more"));
        }
        store::put_file(self.deps.db.write(), hash, size, self.deps.clock.now()).await?;
        self.count(size);
        Ok(())
    }

    /// A file that is kept, which is needed now. None if there is none of this hash.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn open(&self, hash: &FileHash) -> Result<Option<KeptFile>> {
        let _deletion = self.shared.deletion.read().await;
        let found = self.files.open(hash).await?;
        if found.is_some() {
            self.note_use(*hash).await?;
        }
        Ok(found)
    }

    /// Writes down that a file is needed now, unless that was written a moment ago.
    async fn note_use(&self, hash: FileHash) -> Result<()> {
        let now = self.deps.clock.now();
        match store::file(self.deps.db.read(), hash).await? {
            Some(file) if now.since(file.used_at) >= NOTE_AGAIN => {
                store::note_use(self.deps.db.write(), hash, now).await
            }
            _ => Ok(()),
        }
    }

    /// Lets a caller hand in one more file, for as long as this is held.
    fn admit_upload(&self, caller: &Caller) -> Result<(Share<'_>, SemaphorePermit<'_>)> {
        let share = share(&self.shared.upload_shares, caller, UPLOADS_PER_KEY, "uploaded")?;
        let place = self.shared.uploads.try_acquire().map_err(|_| {
            let detail = format!("{UPLOADS_MAX} files are being uploaded already");
            Error::new(ErrorKind::Unavailable, detail).retry_in(UPLOAD_AGAIN)
        })?;
        Ok((share, place))
    }

    /// Lets one more file be fetched for a caller, for as long as this is held.
    fn admit_fetch(&self, caller: &Caller) -> Result<Share<'_>> {
        share(&self.shared.fetch_shares, caller, FETCHES_PER_KEY, "fetched")
    }

    fn count(&self, size: u64) {
        self.shared.total.fetch_add(size, Ordering::Relaxed);
    }
}

/// The share of one more file of a caller.
fn share<'a>(shares: &'a Shares, caller: &Caller, most: usize, done: &str) -> Result<Share<'a>> {
    shares.take(caller.grant().map(|grant| grant.key.clone())).ok_or_else(|| {
        let detail = format!("{most} files are being {done} for this key already: at most so many at the same time");
        Error::new(ErrorKind::QueueFull, detail).retry_in(UPLOAD_AGAIN)
    })
}
