//! Makes of a file what phones take: finds out its size, length and picture, and repacks what they would not show.

use crate::error::Result;
use crate::media::files::Files;
use crate::media::types::StoredMedia;

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
/// `MediaUnsupported`: it cannot be sent as this, with the reason. `MediaTooLarge`, `Unavailable`.
pub async fn prepare(
    files: &Files,
    file: StoredMedia,
    sent_as: SentAs,
    keeps_metadata: bool,
    field: &str,
) -> Result<Prepared> {
    let _ = (files, file, sent_as, keeps_metadata, field);
    todo!()
}
