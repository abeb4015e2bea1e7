//! Messages with files, as phones write them: the file is encrypted under a new key and stored, and the message says where
//! and how it opens.

use anyhow::{Context as _, Result};
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::{AudioMessage, DocumentMessage, ImageMessage, StickerMessage, VideoMessage};

use crate::media::file::FileKind;
use crate::media::{cipher, format, mp4, sample};
use crate::phone::Phone;
use crate::world::now;

/// Pixels of an invented picture.
const SAMPLE_PIXELS: (u32, u32) = (64, 48);
/// Pixels of a sticker, which phones want.
const STICKER_PIXELS: u32 = 512;
/// Seconds of an invented voice or video.
const SAMPLE_SECONDS: u32 = 3;
/// Bytes of any other invented file.
const SAMPLE_BYTES: usize = 48_213;

/// A file that a phone sends.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// What it is sent as.
    pub kind: FileKind,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its type; that which goes with the kind when it is none.
    pub mimetype: Option<String>,
    /// The words below it.
    pub caption: Option<String>,
    /// The name of a document.
    pub file_name: Option<String>,
    /// How long it plays.
    pub seconds: Option<u32>,
    /// Pixels; read from the file when it is none and the file says it.
    pub width: Option<u32>,
    /// Pixels; read from the file when it is none and the file says it.
    pub height: Option<u32>,
    /// How loud a voice is, from 0 to 100.
    pub waveform: Option<Vec<u8>>,
    /// A small picture: JPEG, for a sticker PNG.
    pub thumbnail: Option<Vec<u8>>,
    /// Whether it may be seen once.
    pub is_view_once: bool,
}

impl NewFile {
    /// A file with nothing to say about it.
    pub fn new(kind: FileKind, bytes: Vec<u8>) -> Self {
        Self {
            kind,
            bytes,
            mimetype: None,
            caption: None,
            file_name: None,
            seconds: None,
            width: None,
            height: None,
            waveform: None,
            thumbnail: None,
            is_view_once: false,
        }
    }

    /// An invented file of a kind: pictures, stickers and voices are what they say they are, videos have the right boxes,
    /// and any other is noise.
    pub fn sample(kind: FileKind) -> Self {
        let (width, height) = SAMPLE_PIXELS;
        match kind {
            FileKind::Image => {
                Self { mimetype: Some("image/png".to_owned()), ..Self::new(kind, sample::png(width, height)) }
            }
            FileKind::Voice => Self {
                seconds: Some(SAMPLE_SECONDS),
                waveform: Some((0..64).collect()),
                ..Self::new(kind, sample::voice(SAMPLE_SECONDS))
            },
            FileKind::Sticker => Self::new(kind, sample::webp(STICKER_PIXELS, STICKER_PIXELS)),
            FileKind::Video | FileKind::Gif | FileKind::VideoNote => {
                let noise = Self::noise(kind, SAMPLE_BYTES).bytes;
                Self {
                    seconds: Some(SAMPLE_SECONDS),
                    ..Self::new(kind, mp4::sample(width, height, SAMPLE_SECONDS, &noise))
                }
            }
            FileKind::Audio | FileKind::Document => Self::noise(kind, SAMPLE_BYTES),
        }
    }

    /// So many bytes that mean nothing.
    pub fn noise(kind: FileKind, size_bytes: usize) -> Self {
        let mut bytes = vec![0; size_bytes];
        let mut seed = rand::random::<u64>() | 1;
        for chunk in bytes.chunks_mut(8) {
            // xorshift64: large files should not wait for good random numbers.
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            chunk.copy_from_slice(&seed.to_le_bytes()[..chunk.len()]);
        }
        Self::new(kind, bytes)
    }

    fn mimetype(&self) -> &str {
        let usual = match self.kind {
            FileKind::Image => "image/jpeg",
            FileKind::Video | FileKind::Gif | FileKind::VideoNote => "video/mp4",
            FileKind::Audio => "audio/mpeg",
            FileKind::Voice => "audio/ogg; codecs=opus",
            FileKind::Document => "application/octet-stream",
            FileKind::Sticker => "image/webp",
        };
        self.mimetype.as_deref().unwrap_or(usual)
    }
}

/// A file that was stored.
struct Uploaded {
    url: String,
    direct_path: String,
    media_key: Vec<u8>,
    sealed: cipher::Sealed,
}

impl Phone {
    /// Sends a file to a person or a group (`..@g.us`). Returns the message's id.
    ///
    /// # Errors
    /// The simulator has no other phone with that number, or this phone is not in such a group.
    pub async fn send_file(&self, to: &str, file: NewFile) -> Result<String> {
        let content = self.file_content(file)?;
        self.send_content(to, content).await
    }

    /// Stores a file and makes the message that says where it is.
    ///
    /// # Errors
    /// The file cannot be encrypted.
    pub fn file_content(&self, file: NewFile) -> Result<wa::Message> {
        let uploaded = self.upload(&file)?;
        Ok(match file.kind {
            FileKind::Image => wa::Message { image_message: some(image(&file, uploaded)), ..Default::default() },
            FileKind::Video | FileKind::Gif => {
                wa::Message { video_message: some(video(&file, uploaded)), ..Default::default() }
            }
            FileKind::VideoNote => wa::Message { ptv_message: some(video(&file, uploaded)), ..Default::default() },
            FileKind::Audio | FileKind::Voice => {
                wa::Message { audio_message: some(audio(&file, uploaded)), ..Default::default() }
            }
            FileKind::Document => document(&file, uploaded),
            FileKind::Sticker => wa::Message { sticker_message: some(sticker(&file, uploaded)), ..Default::default() },
        })
    }

    fn upload(&self, file: &NewFile) -> Result<Uploaded> {
        let media_key = rand::random::<[u8; 32]>().to_vec();
        let mut sealed = cipher::seal(&file.bytes, &media_key, file.kind.info()).context("store a file")?;
        let key = (file.kind.folder().to_owned(), sealed.enc_sha256);
        let media = &self.world.media;
        let direct_path = media.state.lock().store.put(key, std::mem::take(&mut sealed.bytes).into());
        Ok(Uploaded { url: media.url(0, &direct_path), direct_path, media_key, sealed })
    }
}

fn some<T>(message: T) -> MessageField<T>
where
    T: waproto::buffa::DefaultInstance,
{
    MessageField::some(message)
}

fn pixels(file: &NewFile) -> (Option<u32>, Option<u32>) {
    let of_video = || mp4::facts(&file.bytes).map(|facts| [facts.width, facts.height]);
    let found = format::dimensions(&file.bytes).or_else(of_video);
    (file.width.or(found.map(|[width, _]| width)), file.height.or(found.map(|[_, height]| height)))
}

fn image(file: &NewFile, uploaded: Uploaded) -> ImageMessage {
    let (width, height) = pixels(file);
    ImageMessage {
        url: Some(uploaded.url),
        direct_path: Some(uploaded.direct_path),
        mimetype: Some(file.mimetype().to_owned()),
        caption: file.caption.clone(),
        file_length: Some(file.bytes.len() as u64),
        width,
        height,
        media_key: Some(uploaded.media_key),
        media_key_timestamp: Some(now() as i64),
        file_sha256: Some(uploaded.sealed.sha256.to_vec()),
        file_enc_sha256: Some(uploaded.sealed.enc_sha256.to_vec()),
        jpeg_thumbnail: file.thumbnail.clone(),
        view_once: file.is_view_once.then_some(true),
        ..Default::default()
    }
}

fn video(file: &NewFile, uploaded: Uploaded) -> VideoMessage {
    let (width, height) = pixels(file);
    VideoMessage {
        url: Some(uploaded.url),
        direct_path: Some(uploaded.direct_path),
        mimetype: Some(file.mimetype().to_owned()),
        caption: file.caption.clone(),
        gif_playback: (file.kind == FileKind::Gif).then_some(true),
        file_length: Some(file.bytes.len() as u64),
        seconds: file.seconds,
        width,
        height,
        media_key: Some(uploaded.media_key),
        media_key_timestamp: Some(now() as i64),
        file_sha256: Some(uploaded.sealed.sha256.to_vec()),
        file_enc_sha256: Some(uploaded.sealed.enc_sha256.to_vec()),
        streaming_sidecar: Some(uploaded.sealed.sidecar),
        jpeg_thumbnail: file.thumbnail.clone(),
        view_once: file.is_view_once.then_some(true),
        ..Default::default()
    }
}

fn audio(file: &NewFile, uploaded: Uploaded) -> AudioMessage {
    AudioMessage {
        url: Some(uploaded.url),
        direct_path: Some(uploaded.direct_path),
        mimetype: Some(file.mimetype().to_owned()),
        file_length: Some(file.bytes.len() as u64),
        seconds: file.seconds,
        ptt: Some(file.kind == FileKind::Voice),
        media_key: Some(uploaded.media_key),
        media_key_timestamp: Some(now() as i64),
        file_sha256: Some(uploaded.sealed.sha256.to_vec()),
        file_enc_sha256: Some(uploaded.sealed.enc_sha256.to_vec()),
        streaming_sidecar: Some(uploaded.sealed.sidecar),
        waveform: file.waveform.clone(),
        view_once: file.is_view_once.then_some(true),
        ..Default::default()
    }
}

/// A document; one with a caption stands in a wrapper.
fn document(file: &NewFile, uploaded: Uploaded) -> wa::Message {
    let document = DocumentMessage {
        url: Some(uploaded.url),
        direct_path: Some(uploaded.direct_path),
        mimetype: Some(file.mimetype().to_owned()),
        title: file.file_name.clone(),
        file_name: file.file_name.clone(),
        caption: file.caption.clone(),
        file_length: Some(file.bytes.len() as u64),
        media_key: Some(uploaded.media_key),
        media_key_timestamp: Some(now() as i64),
        file_sha256: Some(uploaded.sealed.sha256.to_vec()),
        file_enc_sha256: Some(uploaded.sealed.enc_sha256.to_vec()),
        jpeg_thumbnail: file.thumbnail.clone(),
        ..Default::default()
    };
    let message = wa::Message { document_message: some(document), ..Default::default() };
    if file.caption.is_none() {
        return message;
    }
    let wrapper = wa::message::FutureProofMessage { message: some(message) };
    wa::Message { document_with_caption_message: some(wrapper), ..Default::default() }
}

fn sticker(file: &NewFile, uploaded: Uploaded) -> StickerMessage {
    let (width, height) = pixels(file);
    StickerMessage {
        url: Some(uploaded.url),
        direct_path: Some(uploaded.direct_path),
        mimetype: Some(file.mimetype().to_owned()),
        file_length: Some(file.bytes.len() as u64),
        width,
        height,
        media_key: Some(uploaded.media_key),
        media_key_timestamp: Some(now() as i64),
        file_sha256: Some(uploaded.sealed.sha256.to_vec()),
        file_enc_sha256: Some(uploaded.sealed.enc_sha256.to_vec()),
        png_thumbnail: file.thumbnail.clone(),
        ..Default::default()
    }
}
