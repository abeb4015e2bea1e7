//! Files that go: encrypted into a file without a name, since their hash is in the address to which they go, and sent from there.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use whatsapp_rust::ErrorChainExt;
use whatsapp_rust::download::MediaType;
use whatsapp_rust::upload::UploadResponse;
use whatsapp_rust::wacore::upload::{EncryptedMediaInfo, UploadSource, encrypt_media_streaming_with_key};

use crate::whatsapp::client::{Client, OperationKind, Way};
use crate::whatsapp::operation::media::{MediaKey, NotTransferred, UploadKind, UploadedFile};

/// Each piece has a limit of its own; this one is for what never ends.
const UPLOAD: OperationKind = OperationKind { name: "upload", limit: Duration::from_secs(24 * 60 * 60) };
/// Bytes of the encrypted file that are written at once.
const BUFFER: usize = 64 * 1024;

impl Client {
    /// Encrypts a file and uploads it. Beside the file, in the same folder, there is an encrypted one meanwhile that has no name: nothing
    /// is left of it, however this ends. The library asks another server when one fails, and goes on where an upload of a
    /// [large](crate::whatsapp::operation::media::RESUMABLE_BYTES) file broke off, this one or an earlier one with the same key.
    ///
    /// # Errors
    /// Why it is not there.
    pub async fn upload(&self, file: &Path, kind: UploadKind, key: MediaKey) -> Result<UploadedFile, NotTransferred> {
        let (file, media_type) = (file.to_owned(), media_type(kind));
        let uploaded = self.run_transfer(Way::Upload, &UPLOAD, |library| async move {
            let _place = self.transfers().upload_place().await;
            let stop = CancellationToken::new();
            // The threads that read the file hear of it when this is dropped.
            let _stopping = stop.clone().drop_guard();
            let sealing = tokio::task::spawn_blocking(move || seal(&file, media_type, &key, &stop));
            let (sealed, info) = sealing.await.ok().and_then(Result::ok).ok_or(NotTransferred::Local)?;
            let sent = library.upload_stream(sealed, info, media_type).await;
            sent.map(UploadedFile::from).map_err(|error| not_sent(error.as_ref()))
        });
        uploaded.await.unwrap_or(Err(NotTransferred::Interrupted))
    }
}

/// The encrypted file, and what a message says about it.
fn seal(
    file: &Path,
    media_type: MediaType,
    key: &MediaKey,
    stop: &CancellationToken,
) -> Result<(Sealed, EncryptedMediaInfo), Box<dyn std::error::Error + Send + Sync>> {
    let folder = file.parent().ok_or("a file is in a folder")?;
    let plain = Stoppable { reader: File::open(file)?, stop: stop.clone() };
    let mut sealed = BufWriter::with_capacity(BUFFER, tempfile::tempfile_in(folder)?);
    let info = encrypt_media_streaming_with_key(plain, &mut sealed, media_type, Some(key.bytes()), None)?;
    sealed.flush()?;
    let file = sealed.into_inner()?;
    let length = file.metadata()?.len();
    Ok((Sealed { file: Arc::new(file), length, stop: stop.clone() }, info))
}

/// Why the servers do not have it.
fn not_sent(error: &(dyn std::error::Error + 'static)) -> NotTransferred {
    match error.http_status() {
        // The library has asked for another token already. The others may be over soon.
        Some(401 | 403 | 408 | 429) | None => NotTransferred::Interrupted,
        Some(400..=499) => NotTransferred::Refused,
        Some(_) => NotTransferred::Interrupted,
    }
}

fn media_type(kind: UploadKind) -> MediaType {
    match kind {
        UploadKind::Image => MediaType::Image,
        UploadKind::Video => MediaType::Video,
        UploadKind::Audio => MediaType::Audio,
        UploadKind::Document => MediaType::Document,
    }
}

impl From<UploadResponse> for UploadedFile {
    fn from(sent: UploadResponse) -> Self {
        Self {
            url: sent.url,
            direct_path: sent.direct_path,
            media_key: sent.media_key.to_vec(),
            file_sha256: sent.file_sha256.to_vec(),
            file_enc_sha256: sent.file_enc_sha256.to_vec(),
            file_length: sent.file_length,
        }
    }
}

/// An encrypted file without a name. It is gone when nobody reads it any more.
struct Sealed {
    file: Arc<File>,
    length: u64,
    stop: CancellationToken,
}

impl UploadSource for Sealed {
    fn len(&self) -> u64 {
        self.length
    }

    fn reader_from(&self, offset: u64) -> std::io::Result<Box<dyn Read + Send>> {
        let reader = At { file: Arc::clone(&self.file), offset };
        Ok(Box::new(Stoppable { reader, stop: self.stop.clone() }))
    }
}

/// The bytes of a file from a place on. Each reader has a place of its own.
struct At {
    file: Arc<File>,
    offset: u64,
}

impl Read for At {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read_at(buf, self.offset)?;
        self.offset = self.offset.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }
}

/// Reads until it is told to stop.
struct Stoppable<R> {
    reader: R,
    stop: CancellationToken,
}

impl<R: Read> Read for Stoppable<R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        if self.stop.is_cancelled() {
            return Err(std::io::Error::other("nobody waits for it"));
        }
        self.reader.read(buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encrypted_file_has_no_name_and_can_be_read_from_any_place() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("plain");
        std::fs::write(&path, vec![7; 100_000]).expect("there is room");
        let stop = CancellationToken::new();
        let (sealed, info) = seal(&path, MediaType::Document, &MediaKey::random(), &stop).expect("it can be read");
        assert_eq!((sealed.len(), info.file_length), (100_016 + 10, 100_000));
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "the plain one alone");
        let read = |offset| {
            let mut read = Vec::new();
            let mut reader = sealed.reader_from(offset).expect("it is there");
            reader.read_to_end(&mut read).expect("it can be read");
            read
        };
        assert_eq!(read(0)[60_000..], read(60_000)[..]);
        assert!(read(sealed.len()).is_empty());
    }

    #[test]
    fn a_file_is_the_same_for_the_servers_when_it_is_encrypted_with_the_same_key_again() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("plain");
        std::fs::write(&path, vec![7; 100_000]).expect("there is room");
        let sealed_hash = |key: &MediaKey| {
            let sealed = seal(&path, MediaType::Video, key, &CancellationToken::new());
            let (_, info) = sealed.expect("it can be read");
            assert_eq!(&info.media_key, key.bytes());
            info.file_enc_sha256
        };
        let (key, other) = (MediaKey::random(), MediaKey::random());
        assert_eq!(sealed_hash(&key), sealed_hash(&key));
        assert_ne!(sealed_hash(&key), sealed_hash(&other));
    }

    #[test]
    fn nothing_is_read_once_nobody_waits_for_it() {
        let stop = CancellationToken::new();
        let mut reader = Stoppable { reader: &b"plain"[..], stop: stop.clone() };
        let mut buf = [0; 2];
        assert_eq!(reader.read(&mut buf).expect("it goes on"), 2);
        stop.cancel();
        assert!(reader.read(&mut buf).is_err());
    }
}
