//! Work with the disk: where it holds up nobody, and with its failures in our words.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind as IoKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use tokio::runtime::Handle;

use crate::error::{Error, ErrorKind, Result};

/// A file that goes with this value, unless it was kept.
#[derive(Debug)]
pub(super) struct Temporary {
    path: PathBuf,
    is_kept: bool,
}

impl Temporary {
    /// The file at this path, which is there.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, is_kept: false }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps it under another name, in place of what has that name.
    ///
    /// # Errors
    /// It could not be renamed, and is gone.
    pub(super) fn keep_as(mut self, path: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, path)?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let path = std::mem::take(&mut self.path);
        // What stays because that fails is removed at the next start.
        let remove = move || drop(std::fs::remove_file(path));
        // To remove a large file takes a while, which no worker should wait for.
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

/// Does work with the disk on a thread that may wait for it.
///
/// # Errors
/// `Unavailable`, with what the operator can do something about.
pub(super) async fn on_disk<T>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T>
where
    T: Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?.map_err(unusable)
}

/// Makes a folder that nobody else can look into, if it is not there.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Waits until the disk has the names in a folder.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn unusable(error: io::Error) -> Error {
    let detail = match error.kind() {
        IoKind::StorageFull | IoKind::QuotaExceeded => "the disk on which files are kept is full",
        _ => "the folder in which files are kept cannot be used",
    };
    Error::new(ErrorKind::Unavailable, detail).because(error)
}
