use std::fs::OpenOptions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::SystemTime;

use tempfile::TempDir;

use super::*;

fn folder() -> (Files, TempDir) {
    let directory = tempfile::tempdir().expect("there is room");
    (Files::new(directory.path().join("media")), directory)
}

/// All files below the folder, in order, but for the lock.
fn all(files: &Files) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![files.0.path.clone()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.retain(|path| !path.ends_with("media.lock"));
    found.sort();
    found
}

/// What is dropped is removed by another thread.
async fn until_empty(files: &Files) {
    let empty = async {
        while !all(files).is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), empty).await.expect("nothing is left");
}

async fn put(files: &Files, bytes: &[u8]) -> (FileHash, u64) {
    let mut file = files.begin(1_000_000).await.expect("it begins");
    file.write(bytes).await.expect("it is taken");
    file.finish().await.expect("it is kept")
}

async fn bytes(files: &Files, hash: &FileHash) -> Option<Vec<u8>> {
    let KeptFile { mut file, size } = files.open(hash).await.expect("the disk answers")?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).expect("it is read");
    assert_eq!(u64::try_from(bytes.len()).expect("it fits"), size);
    Some(bytes)
}

fn hash_of(bytes: &[u8]) -> FileHash {
    FileHash(Sha256::digest(bytes).into())
}

#[tokio::test]
async fn a_file_that_is_put_twice_is_kept_once_and_nobody_else_may_read_it() {
    let (files, _directory) = folder();
    let hash = hash_of(b"tea");
    assert_eq!(put(&files, b"tea").await, (hash, 3));
    assert_eq!(put(&files, b"tea").await, (hash, 3));
    let name = hash.to_string();
    let path = files.0.path.join(&name[..2]).join(&name);
    assert_eq!(all(&files), std::slice::from_ref(&path));
    assert_eq!(bytes(&files, &hash).await.as_deref(), Some(&b"tea"[..]));
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    for folder in [path.parent().expect("a folder"), files.0.path.as_path(), files.0.path.join(INCOMING).as_path()] {
        assert_eq!(mode(folder), 0o700, "{folder:?}");
    }
    assert_eq!(files.beginning_with(hash.0[0]).await.expect("a list"), [hash]);
    assert_eq!(files.beginning_with(hash.0[0].wrapping_add(1)).await.expect("a list"), []);
    files.delete(&hash).await.expect("it is deleted");
    files.delete(&hash).await.expect("it is not there");
    assert_eq!(bytes(&files, &hash).await, None);
}

#[tokio::test]
async fn a_file_of_many_pieces_is_the_same_file() {
    let (files, _directory) = folder();
    let whole: Vec<u8> = (0..700_000_u32).map(|number| u8::try_from(number % 251).expect("it fits")).collect();
    for size in [1_000, BUFFER, BUFFER + 1, whole.len()] {
        let mut file = files.begin(1_000_000).await.expect("it begins");
        for piece in whole.chunks(size) {
            file.write(piece).await.expect("it is taken");
        }
        assert_eq!(file.finish().await.expect("it is kept"), (hash_of(&whole), 700_000), "{size}");
        assert_eq!(bytes(&files, &hash_of(&whole)).await.as_ref(), Some(&whole));
    }
}

#[tokio::test]
async fn what_breaks_off_leaves_nothing() {
    let (files, _directory) = folder();
    let mut file = files.begin(1_000_000).await.expect("it begins");
    file.write(&vec![1; 2 * BUFFER + 5]).await.expect("it is taken");
    assert_eq!(all(&files).len(), 1);
    drop(file);
    until_empty(&files).await;
    let other = FileHash([7; 32]);
    let mut file = files.begin(1_000_000).await.expect("it begins");
    file.write(b"tea").await.expect("it is taken");
    assert_eq!(file.finish_as(other).await.expect("the disk answers"), None);
    until_empty(&files).await;
    let mut file = files.begin(1_000_000).await.expect("it begins");
    file.write(b"tea").await.expect("it is taken");
    assert_eq!(file.finish_as(hash_of(b"tea")).await.expect("the disk answers"), Some(3));
}

#[tokio::test]
async fn a_file_may_be_as_large_as_was_said_and_no_larger() {
    let (files, _directory) = folder();
    let mut file = files.begin(10).await.expect("it begins");
    file.write(&[1; 6]).await.expect("it fits");
    file.write(&[1; 4]).await.expect("it fits");
    let refused = file.write(&[1; 1]).await.expect_err("it is one too many");
    assert_eq!(refused.kind(), ErrorKind::MediaTooLarge);
    drop(file);
    // Whoever writes by themselves.
    for (count, fits) in [(10, true), (11, false), (3 * BUFFER, false)] {
        let file = files.begin(10).await.expect("it begins");
        std::fs::write(file.path(), vec![2; count]).expect("it is written");
        let ended = file.finish().await.map_err(|error| error.kind());
        let expected = if fits { Ok((hash_of(&[2; 10]), 10)) } else { Err(ErrorKind::MediaTooLarge) };
        assert_eq!(ended, expected, "{count}");
    }
    files.delete(&hash_of(&[2; 10])).await.expect("it is deleted");
    until_empty(&files).await;
}

#[tokio::test]
async fn what_somebody_else_wrote_is_what_is_kept() {
    let (files, _directory) = folder();
    let file = files.begin(1_000).await.expect("it begins");
    let mut other = OpenOptions::new().write(true).open(file.path()).expect("it is there");
    other.write_all(b"tea").expect("it is written");
    assert_eq!(file.finish().await.expect("it is kept"), (hash_of(b"tea"), 3));
    assert_eq!(bytes(&files, &hash_of(b"tea")).await.as_deref(), Some(&b"tea"[..]));
}

#[tokio::test]
async fn what_a_process_left_that_died_goes_when_the_next_one_claims_the_folder() {
    let (files, directory) = folder();
    files.claim().expect("nobody has it");
    let (hash, _) = put(&files, b"tea").await;
    std::fs::write(files.0.path.join(INCOMING).join("left"), b"half").expect("it is written");
    let next = Files::new(directory.path().join("media"));
    assert_eq!(next.claim().map_err(|error| error.kind()), Err(IoKind::ResourceBusy));
    assert_eq!(all(&files).len(), 2, "it is not the other's to remove");
    drop(files);
    next.claim().expect("nobody has it any more");
    assert_eq!(all(&next).len(), 1);
    assert_eq!(bytes(&next, &hash).await.as_deref(), Some(&b"tea"[..]));
}

#[tokio::test]
async fn what_came_in_again_is_new() {
    let (files, _directory) = folder();
    let (hash, _) = put(&files, b"tea").await;
    let hour = Duration::from_secs(60 * 60);
    assert!(!files.delete_if_older(&hash, hour).await.expect("the disk answers"));
    let path = files.0.place(&hash).1;
    let old = OpenOptions::new().write(true).open(&path).expect("it is there");
    old.set_modified(SystemTime::UNIX_EPOCH).expect("it can be set");
    let before = std::fs::metadata(&path).expect("it is there").ino();
    put(&files, b"tea").await;
    assert_ne!(std::fs::metadata(&path).expect("it is there").ino(), before);
    assert!(!files.delete_if_older(&hash, hour).await.expect("the disk answers"));
    let old = OpenOptions::new().write(true).open(&path).expect("it is there");
    old.set_modified(SystemTime::UNIX_EPOCH).expect("it can be set");
    assert!(files.delete_if_older(&hash, hour).await.expect("the disk answers"));
    assert!(!files.delete_if_older(&hash, hour).await.expect("the disk answers"), "it is gone");
}
