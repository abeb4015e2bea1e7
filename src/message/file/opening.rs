//! Files in the store, opened for whoever wants their bytes.

use std::io::SeekFrom;

use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::error::{Error, ErrorKind, Result};
use crate::media::files::KeptFile;
use crate::media::format::kind::media_type;
use crate::media::hash::FileHash;
use crate::message::file::fetches::Fetches;
use crate::message::file::file_types::OpenedFile;

/// Bytes that say what a file is.
const BEGINNING: usize = 8 * 1024;

/// The file with this hash, which was there a moment ago.
///
/// # Errors
/// `Unavailable`: it is not there any more.
pub(in crate::message) async fn opened_from(fetches: &Fetches, hash: FileHash) -> Result<OpenedFile> {
    let kept = fetches.media().open(&hash).await?;
    let gone = || Error::new(ErrorKind::Unavailable, "the file was deleted while it was asked for: ask again");
    opened(hash, kept.ok_or_else(gone)?).await
}

/// This file.
///
/// # Errors
/// `Unavailable`: it cannot be read.
pub(in crate::message) async fn opened(hash: FileHash, mut kept: KeptFile) -> Result<OpenedFile> {
    let mimetype = beginning(&mut kept).await?;
    let KeptFile { file, size } = kept;
    Ok(OpenedFile { file: tokio::fs::File::from_std(file), size, hash, mimetype })
}

/// What the file is by its first bytes. It is read from the first one again afterwards.
///
/// # Errors
/// `Unavailable`: it cannot be read.
pub(in crate::message) async fn beginning(kept: &mut KeptFile) -> Result<&'static str> {
    let unreadable = |error| Error::new(ErrorKind::Unavailable, "the file cannot be read").because(error);
    let file = kept.file.try_clone().map_err(unreadable)?;
    let mut bytes = Vec::with_capacity(BEGINNING);
    let mut file = tokio::fs::File::from_std(file).take(u64::try_from(BEGINNING).unwrap_or_default());
    file.read_to_end(&mut bytes).await.map_err(unreadable)?;
    // The place in it is shared with the other handle.
    file.into_inner().seek(SeekFrom::Start(0)).await.map_err(unreadable)?;
    Ok(media_type(&bytes))
}
