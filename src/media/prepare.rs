//! Makes of a file what phones take: finds out its size, length and picture, and repacks what they would not show.
//!
//! | Sent as | What is taken | What becomes of it |
//! | --- | --- | --- |
//! | image | JPEG, PNG | metadata is left out; turned ones are written upright |
//! | image | WebP, GIF, still | JPEG |
//! | video | MP4 or 3GP with H.264 | nothing |
//! | audio | MP3, AAC, AMR, M4A, Opus in OGG | nothing |
//! | voice | mono Opus in OGG | packets as iPhones want them |
//! | sticker | WebP of 512 x 512, still or not, within the bytes that phones take | metadata is left out |
//! | sticker | JPEG, PNG, WebP, GIF, still | WebP of 512 x 512 |
//! | document | anything | nothing |

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::error::{Error, ErrorKind, Result};
use crate::media::files::{Files, KeptFile};
use crate::media::format::look::{self, Look, Made};
use crate::media::format::refusal::Refusal;
use crate::media::format::{thumbnail, voice};
use crate::media::types::StoredMedia;

/// How long a file waits for its turn. Nearly all take a fraction of a second, the largest pictures some: it waits as long only in a flood.
const TURN: Duration = Duration::from_secs(30);
/// A repacked voice note has at most so many times the bytes of the one that was given, and so many more: packets of single bytes grow.
const GROWTH: u64 = 4;
const GROWTH_MORE: u64 = 65_536;

/// One permit for each core: decoding takes all of one, and memory.
static PERMITS: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(available_parallelism().map_or(1, usize::from))));

/// As what a file is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentAs {
    /// A picture.
    Image,
    /// A video; also a short one that repeats without sound, and a round one.
    Video,
    /// Sound, as a file.
    Audio,
    /// A voice note.
    Voice,
    /// A sticker.
    Sticker,
    /// Whatever it is, as a file.
    Document,
}

/// A file as phones take it. Often the same file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The file that is sent.
    pub file: StoredMedia,
    /// Width in pixels, as it is shown.
    pub width: Option<u32>,
    /// Height in pixels, as it is shown.
    pub height: Option<u32>,
    /// How long it is, seconds.
    pub seconds: Option<u32>,
    /// How loud a voice note is, in 64 equal parts, each 0 to 100.
    pub waveform: Option<Vec<u8>>,
    /// A small JPEG picture of it.
    pub thumbnail: Option<Vec<u8>>,
    /// Whether a sticker moves.
    pub is_animated: bool,
}

/// Makes of a kept file what is sent; what is made anew is kept as well. `field` is what the client calls it, for refusals.
/// `keeps_metadata` leaves in a picture where and with what it was taken.
///
/// # Errors
/// `MediaUnsupported`: it cannot be sent as this, with the reason. `MediaTooLarge`, `MediaNotFound`, `Unavailable`.
pub async fn prepare(
    files: &Files,
    file: StoredMedia,
    sent_as: SentAs,
    keeps_metadata: bool,
    field: &str,
) -> Result<Prepared> {
    let KeptFile { file: kept, size } = opened(files, &file, field).await?;
    let mimetype = file.mimetype.clone();
    let look = at_its_turn(move || look_at(kept, size, sent_as, keeps_metadata, &mimetype)).await?;
    let Look { made, media_type, width, height, seconds, waveform, thumbnail, is_animated } =
        look.map_err(|refusal| refused(refusal, field))?;
    let file = match made {
        Made::Same => file,
        Made::File(bytes) => {
            let mut incoming = files.begin(u64::try_from(bytes.len()).unwrap_or(u64::MAX)).await?;
            incoming.write(&bytes).await?;
            let (hash, size) = incoming.finish().await?;
            StoredMedia { hash, size, ..file }
        }
        Made::Repacked => repacked(files, file, field).await?,
    };
    let file = match media_type {
        Some(media_type) => StoredMedia { mimetype: media_type.to_owned(), ..file },
        None => file,
    };
    Ok(Prepared { file, width, height, seconds, waveform, thumbnail, is_animated })
}

/// Makes of a picture that a client gave for a video or a document the small JPEG picture that the message carries. `field` is what the
/// client calls it, for refusals.
///
/// # Errors
/// `MediaUnsupported`: it is no picture that is read, with the reason. `Unavailable`.
pub async fn thumbnail_of(picture: Vec<u8>, field: &str) -> Result<Vec<u8>> {
    at_its_turn(move || thumbnail::of_file(&picture)).await?.map_err(|refusal| refused(refusal, field))
}

async fn opened(files: &Files, file: &StoredMedia, field: &str) -> Result<KeptFile> {
    files
        .open(&file.hash)
        .await?
        .ok_or_else(|| Error::about(ErrorKind::MediaNotFound, field, "must be a file that is still kept"))
}

fn look_at(
    mut file: File,
    size: u64,
    sent_as: SentAs,
    keeps_metadata: bool,
    mimetype: &str,
) -> std::result::Result<Look, Refusal> {
    if size == 0 {
        return Err(Refusal::unsupported("must not be empty"));
    }
    match sent_as {
        SentAs::Image => look::image(&look::whole(&mut file, size)?, keeps_metadata),
        SentAs::Sticker => look::sticker(&look::whole(&mut file, size)?, keeps_metadata),
        SentAs::Video => look::video(&mut file, size),
        SentAs::Audio => look::audio(&mut file, size),
        SentAs::Voice => look::voice(&mut file),
        SentAs::Document => look::document(&mut file, size, mimetype),
    }
}

/// A voice note written in the shape that every phone plays. It is read twice, so that nothing is written of one that is refused or
/// has the shape already.
async fn repacked(files: &Files, file: StoredMedia, field: &str) -> Result<StoredMedia> {
    let KeptFile { file: kept, size } = opened(files, &file, field).await?;
    let incoming = files.begin(size.saturating_mul(GROWTH).saturating_add(GROWTH_MORE)).await?;
    let path = incoming.path().to_owned();
    at_its_turn(move || repack(kept, &path)).await?.map_err(|refusal| refused(refusal, field))?;
    let (hash, size) = incoming.finish().await?;
    Ok(StoredMedia { hash, size, ..file })
}

fn repack(mut from: impl Read + Seek, to: &Path) -> std::result::Result<(), Refusal> {
    from.seek(SeekFrom::Start(0))?;
    let to = OpenOptions::new().write(true).truncate(true).open(to).map_err(Refusal::Disk)?;
    voice::repack(BufReader::new(from), BufWriter::new(to)).map(drop)
}

/// Does what takes a core, away from what answers others, when there is one for it. Once begun it ends, whoever goes away; it takes no
/// longer than files of the largest size do.
async fn at_its_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let turn = timeout(TURN, Arc::clone(&PERMITS).acquire_owned()).await;
    let permit = match turn {
        Ok(Ok(permit)) => permit,
        Ok(Err(closed)) => return Err(Error::internal(closed)),
        Err(_) => {
            let busy = Error::new(ErrorKind::Unavailable, "too many files are being prepared");
            return Err(busy.retry_in(TURN));
        }
    };
    let working = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        work()
    });
    working.await.map_err(Error::internal)
}

fn refused(refusal: Refusal, field: &str) -> Error {
    match refusal {
        Refusal::Unsupported(rule) => Error::about(ErrorKind::MediaUnsupported, field, rule),
        Refusal::TooLarge(rule) => Error::about(ErrorKind::MediaTooLarge, field, rule),
        Refusal::Disk(error) => {
            Error::new(ErrorKind::Unavailable, "the file could not be read or written").because(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thumbnail_of_what_is_no_picture_names_the_field() {
        let error = thumbnail_of(b"no picture".to_vec(), "content.thumbnail").await.expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::MediaUnsupported);
        assert_eq!(error.to_string(), "`content.thumbnail` must be a JPEG, PNG, WebP or GIF picture: it is text/plain");
    }

    #[tokio::test]
    async fn work_is_done_and_what_fails_on_the_disk_says_nothing_of_it() {
        assert_eq!(at_its_turn(|| 7).await.expect("there is a core"), 7);
        let error = refused(Refusal::Disk(std::io::Error::other("/secret/place")), "content.media");
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::Unavailable, "the file could not be read or written")
        );
    }
}
