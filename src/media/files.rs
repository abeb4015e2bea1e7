//! The bytes of files, each once, by their hash. The only place that knows that they are on a disk: put, open, delete. What is not
//! whole is in a folder of its own until it is, so that a file with a hash for its name is always the whole file.

#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind as IoKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::media::disk::{Temporary, make_folder, on_disk, sync};
use crate::media::hash::FileHash;

/// The folder of what is not whole yet.
const INCOMING: &str = "incoming";
/// Files that come in at the same time, at most. Each has one descriptor and one buffer.
const INCOMING_MAX: usize = 256;
/// Longest wait for one of these to end.
const ROOM_LIMIT: Duration = Duration::from_secs(5);
/// What is written at once, bytes.
const BUFFER: usize = 256 * 1024;

/// Where the bytes of files are.
#[derive(Clone, Debug)]
pub struct Files(Arc<Folder>);

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    room: Arc<Semaphore>,
    /// Held while a name changes what it stands for, so that nothing new is deleted for something old.
    naming: Mutex<()>,
    /// Held as long as this process has the folder.
    claim: OnceLock<File>,
}

/// A file that is kept.
#[derive(Debug)]
pub struct KeptFile {
    /// Its bytes.
    pub file: File,
    /// How many there are.
    pub size: u64,
}

/// A file that is still coming in. Dropped before its end, nothing is left of it.
#[derive(Debug)]
pub struct IncomingFile {
    folder: Arc<Folder>,
    temporary: Temporary,
    limit: u64,
    /// None while the disk has it, and after that failed.
    written: Option<Written>,
    /// Whether somebody else may have written as well, so that what was counted here says nothing.
    is_shared: AtomicBool,
    _room: OwnedSemaphorePermit,
}

/// What came in so far.
#[derive(Debug)]
struct Written {
    file: File,
    hasher: Sha256,
    /// What the file and the hash do not have yet.
    buffer: Vec<u8>,
    size: u64,
}

impl Files {
    /// Files in this folder, which is made when the first one comes.
    pub fn new(folder: PathBuf) -> Self {
        let room = Arc::new(Semaphore::new(INCOMING_MAX));
        Self(Arc::new(Folder { path: folder, room, naming: Mutex::new(()), claim: OnceLock::new() }))
    }

    /// Takes the folder for this process alone, and removes what one that died has left half done. Once, before anything comes in.
    ///
    /// # Errors
    /// The folder cannot be made or written, or another process has it.
    pub fn claim(&self) -> io::Result<()> {
        let incoming = self.0.path.join(INCOMING);
        make_folder(&incoming)?;
        let options = OpenOptions::new().create(true).append(true).mode(0o600).clone();
        let lock = options.open(self.0.path.join("media.lock"))?;
        // Each would take the other's files for files that nobody needs.
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::new(IoKind::ResourceBusy, "another process uses it"),
            TryLockError::Error(error) => error,
        })?;
        for entry in std::fs::read_dir(&incoming)? {
            std::fs::remove_file(entry?.path())?;
        }
        let _ = self.0.claim.set(lock); // It was claimed before, by this very process.
        Ok(())
    }

    /// Begins a file of at most so many bytes.
    ///
    /// # Errors
    /// `Unavailable`: the disk does not take it, or too many files come in at the same time.
    pub async fn begin(&self, limit: u64) -> Result<IncomingFile> {
        let room = tokio::time::timeout(ROOM_LIMIT, Arc::clone(&self.0.room).acquire_owned()).await;
        let Ok(Ok(room)) = room else {
            let detail = format!("{INCOMING_MAX} files are coming in already");
            return Err(Error::new(ErrorKind::Unavailable, detail).retry_in(ROOM_LIMIT));
        };
        let folder = Arc::clone(&self.0);
        let (temporary, file) = on_disk(move || {
            let incoming = folder.path.join(INCOMING);
            make_folder(&incoming)?;
            let path = incoming.join(Uuid::now_v7().simple().to_string());
            let options = OpenOptions::new().create_new(true).write(true).mode(0o600).clone();
            let file = options.open(&path)?;
            Ok((Temporary::new(path), file))
        })
        .await?;
        let written = Written { file, hasher: Sha256::new(), buffer: Vec::new(), size: 0 };
        let (folder, is_shared) = (Arc::clone(&self.0), AtomicBool::new(false));
        Ok(IncomingFile { folder, temporary, limit, written: Some(written), is_shared, _room: room })
    }

    /// A file that is kept. None if there is none of this hash.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn open(&self, hash: &FileHash) -> Result<Option<KeptFile>> {
        let path = self.0.place(hash).1;
        on_disk(move || match File::open(path) {
            Ok(file) => {
                let size = file.metadata()?.len();
                Ok(Some(KeptFile { file, size }))
            }
            Err(error) if error.kind() == IoKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    /// Where a file is that is kept, for what reads it by itself. None if there is none of this hash.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn path(&self, hash: &FileHash) -> Result<Option<PathBuf>> {
        let path = self.0.place(hash).1;
        Ok(self.open(hash).await?.map(|_| path))
    }

    /// Deletes a file, if it is there.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn delete(&self, hash: &FileHash) -> Result<()> {
        self.delete_if_older(hash, Duration::ZERO).await.map(drop)
    }

    /// Deletes a file if it is there and came in, whole, longer ago than this. Says whether it did.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn delete_if_older(&self, hash: &FileHash, age: Duration) -> Result<bool> {
        let (path, folder) = (self.0.place(hash).1, Arc::clone(&self.0));
        on_disk(move || {
            let _naming = folder.naming.lock();
            let deleted = std::fs::metadata(&path).and_then(|found| {
                // One from the future is new.
                let is_older = age.is_zero() || found.modified()?.elapsed().is_ok_and(|passed| passed >= age);
                if is_older { std::fs::remove_file(&path).map(|()| true) } else { Ok(false) }
            });
            match deleted {
                Err(error) if error.kind() == IoKind::NotFound => Ok(false),
                deleted => deleted,
            }
        })
        .await
    }

    /// The files whose hashes begin with this byte.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn beginning_with(&self, first: u8) -> Result<Vec<FileHash>> {
        let folder = self.0.path.join(format!("{first:02x}"));
        on_disk(move || {
            let entries = match std::fs::read_dir(folder) {
                Err(error) if error.kind() == IoKind::NotFound => return Ok(Vec::new()),
                entries => entries?,
            };
            let mut hashes = Vec::new();
            for entry in entries {
                hashes.extend(entry?.file_name().to_str().and_then(FileHash::from_hex));
            }
            Ok(hashes)
        })
        .await
    }
}

impl Folder {
    /// The folder and the path of a file.
    fn place(&self, hash: &FileHash) -> (PathBuf, PathBuf) {
        let name = hash.to_string();
        let folder = self.path.join(&name[..2]);
        let path = folder.join(name);
        (folder, path)
    }

    /// Gives what came in its name. The disk has both afterwards.
    fn name(&self, temporary: Temporary, hash: &FileHash) -> io::Result<()> {
        let (folder, path) = self.place(hash);
        if !folder.exists() {
            make_folder(&folder)?;
            sync(&self.path)?;
        }
        let naming = self.naming.lock();
        // The same bytes may be there under this name. These are on the disk for sure, and new to whoever deletes what is old.
        temporary.keep_as(&path)?;
        drop(naming);
        sync(&folder)
    }
}

impl IncomingFile {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// `MediaTooLarge`, `Unavailable`.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let written = self.written.as_mut().ok_or_else(broken)?;
            let count = bytes.len().min(BUFFER - written.buffer.len());
            written.size = written.size.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            if written.size > self.limit {
                return Err(too_large(self.limit));
            }
            written.buffer.extend_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            if written.buffer.len() == BUFFER
                && let Some(written) = self.written.take()
            {
                self.written = Some(on_disk(move || written.flushed()).await?);
            }
        }
        Ok(())
    }

    /// Where the bytes are until the end, for what writes them by itself: open it, write, and call [`finish`](Self::finish).
    pub fn path(&self) -> &Path {
        self.is_shared.store(true, Ordering::Relaxed);
        self.temporary.path()
    }

    /// Keeps what came in, on the disk and under its hash, unless that is there already. Says what it is called, and its size.
    ///
    /// # Errors
    /// `MediaTooLarge` if somebody else wrote more than may come in, `Unavailable`.
    pub async fn finish(self) -> Result<(FileHash, u64)> {
        self.end(None).await?.ok_or_else(broken)
    }

    /// The same, if what came in has this hash. Gives its size. None if it is something else, of which nothing is left then.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub async fn finish_as(self, hash: FileHash) -> Result<Option<u64>> {
        Ok(self.end(Some(hash)).await?.map(|(_, size)| size))
    }

    /// Keeps what somebody wrote to [`path`](Self::path) who says its hash and its size: it is not read once more.
    ///
    /// # Errors
    /// `MediaTooLarge` if that is more than may come in, `Unavailable`.
    pub async fn finish_written(self, hash: FileHash, size: u64) -> Result<()> {
        let Self { folder, temporary, limit, .. } = self;
        if size > limit {
            return Err(too_large(limit));
        }
        on_disk(move || {
            File::open(temporary.path())?.sync_all()?;
            folder.name(temporary, &hash)
        })
        .await
    }

    async fn end(self, expected: Option<FileHash>) -> Result<Option<(FileHash, u64)>> {
        let Self { folder, temporary, limit, written, is_shared, _room } = self;
        let written = written.ok_or_else(broken)?;
        let ended = on_disk(move || {
            let written = written.flushed()?;
            let Written { file, hasher, buffer: _, size } =
                if is_shared.into_inner() { Written::read(temporary.path(), limit)? } else { written };
            let hash = FileHash(hasher.finalize().into());
            if size > limit {
                return Ok(Err(too_large(limit)));
            }
            if expected.is_some_and(|expected| expected != hash) {
                return Ok(Ok(None));
            }
            file.sync_all()?;
            folder.name(temporary, &hash)?;
            Ok(Ok(Some((hash, size))))
        });
        ended.await?
    }
}

impl Written {
    /// The same, once the file and the hash have all of it.
    fn flushed(mut self) -> io::Result<Self> {
        self.hasher.update(&self.buffer);
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(self)
    }

    /// What somebody else wrote there. Of what is larger than that, so much that it can be told.
    fn read(path: &Path, limit: u64) -> io::Result<Self> {
        let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0_u64, vec![0; BUFFER]);
        let mut file = File::open(path)?;
        while size <= limit {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            size = size.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        }
        Ok(Self { file, hasher, buffer: Vec::new(), size })
    }
}

/// A file of which a part was lost on the way to the disk: who goes on with it has not listened.
fn broken() -> Error {
    Error::internal("a file is written although a write failed before")
}

/// What is told of a file that is larger than it may be.
fn too_large(limit: u64) -> Error {
    Error::new(ErrorKind::MediaTooLarge, format!("the file has more than {limit} bytes"))
}
