//! What a file is worth as what it is sent as: which formats are taken as what, and what is found out of them.

use std::io::{BufReader, Read, Seek, SeekFrom};

use crate::media::format::mp4::Movie;
use crate::media::format::refusal::Refusal;
use crate::media::format::{kind, number, picture, reading, sound, sticker, thumbnail, voice};

/// Largest picture, bytes: it is in memory while it is looked at. Cameras of phones write 10 to 25 MB at most.
const PICTURE_MAX: u64 = 32 << 20;
/// The media type of voice notes and other Opus, exactly as phones write it. With another they do not play it.
const OPUS: &str = "audio/ogg; codecs=opus";

/// What is known of a file that can be sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// What is sent.
    pub made: Made,
    /// The media type of what is sent, unless it is as it was told.
    pub media_type: Option<&'static str>,
    /// Width in pixels, as it is shown.
    pub width: Option<u32>,
    /// Height in pixels, as it is shown.
    pub height: Option<u32>,
    /// How long it is.
    pub seconds: Option<u32>,
    /// How loud a voice note is.
    pub waveform: Option<Vec<u8>>,
    /// A small JPEG picture.
    pub thumbnail: Option<Vec<u8>>,
    /// Whether a sticker moves.
    pub is_animated: bool,
}

/// Which file is sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Made {
    /// The one that was given.
    #[default]
    Same,
    /// This one.
    File(Vec<u8>),
    /// The one that was given, with other packets.
    Repacked,
}

impl From<Option<Vec<u8>>> for Made {
    fn from(file: Option<Vec<u8>>) -> Self {
        file.map_or(Self::Same, Self::File)
    }
}

/// All bytes of a picture.
///
/// # Errors
/// It is larger than a picture may be.
pub fn whole(file: &mut (impl Read + Seek), size: u64) -> Result<Vec<u8>, Refusal> {
    if size > PICTURE_MAX {
        return Err(Refusal::TooLarge(format!(
            "must have at most {} MB to be sent as a picture: send a larger one as a document",
            PICTURE_MAX >> 20
        )));
    }
    let mut bytes = vec![0; number::length(size)];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A picture.
///
/// # Errors
/// It is no picture that phones take or that can be made into one.
pub fn image(bytes: &[u8], keeps_metadata: bool) -> Result<Look, Refusal> {
    let picture::Picture { file, media_type, width, height, thumbnail } = picture::picture(bytes, keeps_metadata)?;
    Ok(Look {
        made: file.into(),
        media_type: Some(media_type),
        width: Some(width),
        height: Some(height),
        thumbnail: Some(thumbnail),
        ..Look::default()
    })
}

/// A sticker.
///
/// # Errors
/// It cannot be made into one.
pub fn sticker(bytes: &[u8], keeps_metadata: bool) -> Result<Look, Refusal> {
    let sticker::Sticker { file, is_animated } = sticker::sticker(bytes, keeps_metadata)?;
    Ok(Look {
        made: file.into(),
        media_type: Some("image/webp"),
        width: Some(sticker::SIDE),
        height: Some(sticker::SIDE),
        is_animated,
        ..Look::default()
    })
}

/// A video.
///
/// # Errors
/// It is not MP4 with H.264, or broken.
pub fn video(file: &mut (impl Read + Seek), size: u64) -> Result<Look, Refusal> {
    let media_type = match first_kind(file)? {
        known @ ("video/mp4" | "video/3gpp" | "audio/mp4") => known,
        "image/gif" => {
            return Err(Refusal::unsupported(
                "must be an MP4 video (H.264): make the GIF picture into one, and send it as a gif",
            ));
        }
        other => return Err(Refusal::unsupported(format!("must be an MP4 video (H.264): it is {other}"))),
    };
    let movie = Movie::read(file, size)?;
    let Some(video) = movie.video else {
        return Err(Refusal::unsupported("must be a video with pictures: it has only sound, so send it as audio"));
    };
    match video.codec.as_ref() {
        None | Some(b"avc1" | b"avc3") => {}
        Some(codec) => {
            return Err(Refusal::unsupported(format!(
                "must be an MP4 video (H.264): its pictures are {}",
                name(codec)
            )));
        }
    }
    let shown = |length: u32| Some(length).filter(|length| *length > 0);
    Ok(Look {
        media_type: Some(if media_type == "video/3gpp" { media_type } else { "video/mp4" }),
        width: shown(video.width),
        height: shown(video.height),
        seconds: movie.seconds,
        ..Look::default()
    })
}

/// Sound, as a file.
///
/// # Errors
/// It is no sound that phones play, or broken.
pub fn audio(file: &mut (impl Read + Seek), size: u64) -> Result<Look, Refusal> {
    let rule = "must be MP3, AAC, AMR, M4A or Opus in OGG to be sent as audio";
    let (media_type, seconds) = match first_kind(file)? {
        "audio/mpeg" => ("audio/mpeg", Some(sound::mp3_seconds(file, size)?)),
        "audio/aac" => ("audio/aac", Some(sound::aac_seconds(file)?)),
        "audio/amr" => ("audio/amr", Some(sound::amr_seconds(file)?)),
        "audio/ogg" => (OPUS, Some(voice::seconds(BufReader::new(file))?)),
        "audio/mp4" | "video/mp4" | "video/3gpp" => {
            let movie = Movie::read(file, size)?;
            if movie.video.is_some() {
                return Err(Refusal::unsupported(format!("{rule}: it is a video")));
            }
            match movie.sound.and_then(|sound| sound.codec) {
                None | Some([b'm', b'p', b'4', b'a'] | [b's', b'a', b'm', b'r']) => ("audio/mp4", movie.seconds),
                Some(codec) => return Err(Refusal::unsupported(format!("{rule}: its sound is {}", name(&codec)))),
            }
        }
        other => return Err(Refusal::unsupported(format!("{rule}: it is {other}"))),
    };
    Ok(Look { media_type: Some(media_type), seconds, ..Look::default() })
}

/// A voice note.
///
/// # Errors
/// It is not mono Opus in OGG, or broken.
pub fn voice(file: &mut (impl Read + Seek)) -> Result<Look, Refusal> {
    let kind = first_kind(file)?;
    if kind != "audio/ogg" {
        return Err(Refusal::unsupported(format!(
            "must be mono Opus in OGG to be a voice note: it is {kind}, so send it as audio"
        )));
    }
    let voice::Voice { seconds, waveform, fits } = voice::repack(BufReader::new(file), std::io::sink())?;
    Ok(Look {
        made: if fits { Made::Same } else { Made::Repacked },
        media_type: Some(OPUS),
        seconds: Some(seconds),
        waveform: Some(waveform),
        ..Look::default()
    })
}

/// Whatever it is. A picture gets a thumbnail, if it is one that is read: as a document it may as well be another or a broken one.
///
/// # Errors
/// The disk does not give it.
pub fn document(file: &mut (impl Read + Seek), size: u64, mimetype: &str) -> Result<Look, Refusal> {
    if !mimetype.starts_with("image/") || size > PICTURE_MAX {
        return Ok(Look::default());
    }
    let thumbnail = match thumbnail::of_file(&whole(file, size)?) {
        Ok(thumbnail) => Some(thumbnail),
        Err(Refusal::Unsupported(_) | Refusal::TooLarge(_)) => None,
        Err(Refusal::Disk(error)) => return Err(Refusal::Disk(error)),
    };
    Ok(Look { thumbnail, ..Look::default() })
}

/// What a file is by its first bytes. It is at its beginning afterwards.
fn first_kind(file: &mut (impl Read + Seek)) -> Result<&'static str, Refusal> {
    let mut first = vec![0; kind::FIRST_BYTES];
    file.seek(SeekFrom::Start(0))?;
    let count = reading::fill(file, &mut first)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(kind::media_type(first.get(..count).unwrap_or_default()))
}

/// The name of a coding, as far as it can be read.
fn name(codec: &[u8; 4]) -> String {
    codec.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::media::format::sample;

    type Looking = fn(&mut Cursor<Vec<u8>>, u64) -> Result<Look, Refusal>;

    fn looked(file: Vec<u8>, look: Looking) -> Result<Look, String> {
        let size = u64::try_from(file.len()).expect("it fits");
        look(&mut Cursor::new(file), size).map_err(|refusal| match refusal {
            Refusal::Unsupported(rule) | Refusal::TooLarge(rule) => rule,
            Refusal::Disk(error) => panic!("{error}"),
        })
    }

    #[test]
    fn videos_are_h264_in_mp4() {
        let look = looked(sample::video(640, 480, 5), video).expect("it is taken");
        assert_eq!(
            (look.media_type, look.width, look.height, look.seconds),
            (Some("video/mp4"), Some(640), Some(480), Some(5))
        );
        let refused = |file| looked(file, video).expect_err("it is refused");
        assert_eq!(
            refused(sample::video_of(b"isom", b"hvc1", 64, 48, 1)),
            "must be an MP4 video (H.264): its pictures are hvc1"
        );
        assert_eq!(
            refused(sample::video_of(b"qt  ", b"avc1", 64, 48, 1)),
            "must be an MP4 video (H.264): it is video/quicktime"
        );
        assert_eq!(refused(sample::music(3)), "must be a video with pictures: it has only sound, so send it as audio");
        assert!(refused(sample::gif(2)).contains("GIF"));
        assert_eq!(refused(b"%PDF-1.7".to_vec()), "must be an MP4 video (H.264): it is application/pdf");
    }

    #[test]
    fn audio_is_what_phones_play() {
        for (file, media_type, seconds) in [
            (sample::mp3(100), "audio/mpeg", 3),
            (sample::aac(100), "audio/aac", 3),
            (sample::amr(120), "audio/amr", 3),
            (sample::music(7), "audio/mp4", 7),
            (sample::voice(2, 100), OPUS, 2),
        ] {
            let look = looked(file, audio).expect("it is taken");
            assert_eq!((look.media_type, look.seconds, look.made), (Some(media_type), Some(seconds), Made::Same));
        }
        let refused = |file| looked(file, audio).expect_err("it is refused");
        assert!(refused(sample::video(64, 48, 1)).ends_with("it is a video"));
        assert!(refused(b"RIFF\0\0\0\0WAVEfmt ".to_vec()).ends_with("it is audio/wav"));
    }

    #[test]
    fn voice_notes_are_mono_opus_and_all_else_is_refused() {
        let look = looked(sample::voice(1, 100), |file, _| voice(file)).expect("it is taken");
        assert_eq!((look.made, look.media_type, look.seconds), (Made::Repacked, Some(OPUS), Some(2)));
        assert_eq!(look.waveform.map(|waveform| waveform.len()), Some(64));
        let refused = |file| looked(file, |file, _| voice(file)).expect_err("it is refused");
        assert_eq!(
            refused(sample::mp3(9)),
            "must be mono Opus in OGG to be a voice note: it is audio/mpeg, so send it as audio"
        );
        assert!(refused(sample::voice(2, 9)).starts_with("must be mono"));
    }

    #[test]
    fn documents_are_anything_and_pictures_among_them_have_a_thumbnail() {
        let picture =
            looked(sample::jpeg(300, 200), |file, size| document(file, size, "image/jpeg")).expect("it is taken");
        assert!(picture.thumbnail.is_some_and(|thumbnail| thumbnail.starts_with(&[0xff, 0xd8])));
        let broken = looked(b"II*\0".to_vec(), |file, size| document(file, size, "image/tiff")).expect("it is taken");
        assert_eq!(broken, Look::default());
        let other =
            looked(b"%PDF".to_vec(), |file, size| document(file, size, "application/pdf")).expect("it is taken");
        assert_eq!(other, Look::default());
    }

    #[test]
    fn pictures_and_stickers_are_looked_at_whole_up_to_a_size() {
        let file = sample::png(30, 20);
        let mut reader = Cursor::new(file.clone());
        assert_eq!(whole(&mut reader, u64::try_from(file.len()).expect("it fits")).expect("it is small"), file);
        assert!(matches!(whole(&mut reader, PICTURE_MAX + 1), Err(Refusal::TooLarge(_))));
        let look = image(&file, false).expect("it is taken");
        assert_eq!((look.width, look.height, look.media_type), (Some(30), Some(20), Some("image/png")));
        let look = sticker(&file, false).expect("it is taken");
        assert_eq!((look.width, look.media_type, look.is_animated), (Some(512), Some("image/webp"), false));
        assert!(matches!(look.made, Made::File(_)));
    }
}
