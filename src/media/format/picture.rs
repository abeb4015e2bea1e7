//! Pictures as phones take them: JPEG and PNG as they are, upright and without what says where they were taken; what is of another
//! format is made into JPEG.
//!
//! A JPEG or PNG picture loses its metadata without being written anew, so it loses no quality. One that is to be turned to be seen
//! upright is written anew instead of keeping a tag that says so: the apps turn pictures before they send them, nobody knows which
//! of them look for the tag in what they receive, and so no metadata at all is left.

use crate::media::format::jpeg::Jpeg;
use crate::media::format::pixels::{Form, PIXELS_MAX, Pixels};
use crate::media::format::png::Png;
use crate::media::format::refusal::Refusal;
use crate::media::format::webp::WebP;
use crate::media::format::{gif, thumbnail};

/// A picture that can be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Picture {
    /// The file, unless the one that was given can be sent as it is.
    pub file: Option<Vec<u8>>,
    /// The media type of the file that is sent.
    pub media_type: &'static str,
    /// Width in pixels, as it is shown.
    pub width: u32,
    /// Height in pixels, as it is shown.
    pub height: u32,
    /// A small JPEG picture of it.
    pub thumbnail: Vec<u8>,
}

/// Makes of a picture what phones take.
///
/// # Errors
/// It is no picture that is read, broken, larger than it may be, or moves.
pub fn picture(bytes: &[u8], keeps_metadata: bool) -> Result<Picture, Refusal> {
    picture_within(bytes, keeps_metadata, PIXELS_MAX)
}

/// The same for at most so many pixels.
pub(super) fn picture_within(bytes: &[u8], keeps_metadata: bool, pixels_max: u64) -> Result<Picture, Refusal> {
    let form = Form::of(bytes)?;
    let walked = Walked::read(bytes, form)?;
    let pixels = Pixels::read(bytes, form, pixels_max)?;
    let (width, height) = pixels.shown_size();
    let thumbnail = thumbnail::of(&pixels.image, pixels.orientation)?;
    let (media_type, file) = match walked {
        Walked::Stripped(_, media_type) if keeps_metadata => (media_type, None),
        Walked::Stripped(_, media_type) if pixels.is_turned() => {
            let is_png = media_type == "image/png";
            (media_type, Some(if is_png { pixels.to_png()? } else { pixels.to_jpeg(false)? }))
        }
        Walked::Stripped(stripped, media_type) => (media_type, (stripped != bytes).then_some(stripped)),
        Walked::Other => ("image/jpeg", Some(pixels.to_jpeg(keeps_metadata)?)),
    };
    Ok(Picture { file, media_type, width, height, thumbnail })
}

/// What a walk through the parts of a file told, before anything is decoded.
enum Walked {
    /// Phones take it: the file without metadata, and its type.
    Stripped(Vec<u8>, &'static str),
    /// It must be made into another format.
    Other,
}

impl Walked {
    fn read(bytes: &[u8], form: Form) -> Result<Self, Refusal> {
        let (walked, is_animated) = match form {
            Form::Jpeg => {
                let jpeg = Jpeg::read(bytes)?;
                // Colours of printers are not shown by every phone.
                let is_usual = matches!(jpeg.components, 1 | 3);
                (if is_usual { Self::Stripped(jpeg.stripped(bytes), "image/jpeg") } else { Self::Other }, false)
            }
            Form::Png => {
                let png = Png::read(bytes)?;
                (Self::Stripped(png.stripped, "image/png"), png.is_animated)
            }
            Form::WebP => (Self::Other, WebP::read(bytes)?.is_animated),
            Form::Gif => (Self::Other, gif::is_animated(bytes)?),
        };
        if is_animated {
            return Err(Refusal::unsupported("must be a still picture: one that moves is sent as an MP4 video"));
        }
        Ok(walked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::format::sample;

    fn made(bytes: &[u8], keeps_metadata: bool) -> Picture {
        picture(bytes, keeps_metadata).expect("it can be sent")
    }

    #[test]
    fn jpeg_and_png_are_sent_as_they_are() {
        for (file, media_type) in [(sample::jpeg(200, 100), "image/jpeg"), (sample::png(200, 100), "image/png")] {
            let picture = made(&file, false);
            assert_eq!((picture.file, picture.media_type), (None, media_type));
            assert_eq!((picture.width, picture.height), (200, 100));
            assert!(picture.thumbnail.starts_with(&[0xff, 0xd8]));
        }
    }

    #[test]
    fn metadata_stays_only_if_that_is_asked_for() {
        let plain = sample::jpeg(20, 10);
        let tagged = sample::with_exif(&plain, 1);
        assert_eq!(made(&tagged, false).file, Some(plain));
        assert_eq!(made(&tagged, true).file, None);
        let plain = sample::png(20, 10);
        assert_eq!(made(&sample::with_text(&plain), false).file, Some(plain));
    }

    #[test]
    fn a_turned_picture_has_its_size_as_it_is_shown() {
        let turned = sample::with_exif(&sample::jpeg(20, 10), 6);
        let kept = made(&turned, true);
        assert_eq!((kept.width, kept.height, kept.file), (10, 20, None));
        let stripped = made(&turned, false);
        assert_eq!((stripped.width, stripped.height), (10, 20));
        let again = made(&stripped.file.expect("it is written anew"), false);
        assert_eq!((again.width, again.height, again.file), (10, 20, None));
    }

    #[test]
    fn other_formats_become_jpeg_and_what_moves_is_refused() {
        for file in [sample::webp(20, 10), sample::gif(1)] {
            let picture = made(&file, false);
            assert_eq!(picture.media_type, "image/jpeg");
            assert!(picture.file.is_some_and(|file| file.starts_with(&[0xff, 0xd8])));
        }
        for file in [sample::gif(2), sample::animated_webp(512, 512, 2)] {
            assert!(matches!(picture(&file, false), Err(Refusal::Unsupported(rule)) if rule.contains("still picture")));
        }
    }
}
