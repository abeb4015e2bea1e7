//! The folder in which a SQLite file is kept. Whoever reads that file is every account in it: only we may.

use std::ffi::OsStr;
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::config::MEDIA_DIR;

/// What SQLite and the claim keep beside the file: its log, who reads it, and the lock.
const BESIDE: [&str; 3] = ["waypost.db-wal", "waypost.db-shm", "waypost.lock"];

/// Makes the folder and the file where they are not, and takes them and what lies beside the file from everybody else where they
/// are. A folder that holds other things as well stays as it is: it may be somebody's home.
///
/// # Errors
/// They cannot be made, or not be taken from others.
pub(super) fn prepare(folder: &Path, file: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // SQLite gives the files that it makes beside it the same rights.
    OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
    for path in std::iter::once(file.to_owned()).chain(BESIDE.map(|name| folder.join(name))) {
        restrict(path, 0o600)?;
    }
    if is_ours_alone(folder)? { restrict(folder.to_owned(), 0o700) } else { Ok(()) }
}

fn restrict(path: PathBuf, wanted: u32) -> io::Result<()> {
    let mode = match std::fs::metadata(&path) {
        Ok(found) => found.permissions().mode(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let denied = |error: io::Error| {
        let shown = path.display();
        io::Error::new(error.kind(), format!("{shown} can be read by others, which cannot be changed: {error}"))
    };
    std::fs::set_permissions(&path, Permissions::from_mode(wanted)).map_err(denied)
}

fn is_ours_alone(folder: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        if name != OsStr::new("waypost.db")
            && name != OsStr::new(MEDIA_DIR)
            && !BESIDE.iter().any(|known| name == OsStr::new(known))
        {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_others_can_read_for_good_is_refused() {
        // The system's own, whose mode not even root can change.
        let refused = restrict("/proc/self/task".into(), 0o700).expect_err("it stays as it is");
        assert!(refused.to_string().starts_with("/proc/self/task can be read by others"), "{refused}");
    }
}
