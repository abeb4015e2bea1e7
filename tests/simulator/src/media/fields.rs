//! The fields of messages with files, which have five shapes and mean the same.

use waproto::whatsapp as wa;

use crate::media::file::FileKind;

/// The fields of a message with a file, whatever its kind.
pub(super) struct Fields<'a> {
    pub(super) kind: FileKind,
    pub(super) direct_path: Option<&'a String>,
    pub(super) media_key: Option<&'a Vec<u8>>,
    pub(super) sha256: Option<&'a Vec<u8>>,
    pub(super) enc_sha256: Option<&'a Vec<u8>>,
    pub(super) length: Option<u64>,
    pub(super) mimetype: Option<&'a String>,
    pub(super) caption: Option<&'a String>,
    pub(super) file_name: Option<&'a String>,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    pub(super) seconds: Option<u32>,
    pub(super) pages: Option<u32>,
    pub(super) waveform: Option<&'a Vec<u8>>,
    pub(super) thumbnail: Option<&'a Vec<u8>>,
    pub(super) sidecar: Option<&'a Vec<u8>>,
    pub(super) is_animated: bool,
    pub(super) is_view_once: bool,
}

/// What the messages of all kinds have: path, key, both hashes, length and type.
type Common<'a> = (
    &'a Option<String>,
    &'a Option<Vec<u8>>,
    &'a Option<Vec<u8>>,
    &'a Option<Vec<u8>>,
    Option<u64>,
    &'a Option<String>,
);

impl<'a> Fields<'a> {
    /// The fields of a message without its wrappers. `None` when it has no file.
    pub(super) fn of(message: &'a wa::Message) -> Option<Self> {
        if let Some(image) = message.image_message.as_option() {
            return Some(Self {
                caption: image.caption.as_ref(),
                width: image.width,
                height: image.height,
                thumbnail: image.jpeg_thumbnail.as_ref(),
                is_view_once: image.view_once == Some(true),
                ..Self::with(
                    FileKind::Image,
                    (
                        &image.direct_path,
                        &image.media_key,
                        &image.file_sha256,
                        &image.file_enc_sha256,
                        image.file_length,
                        &image.mimetype,
                    ),
                )
            });
        }
        if let Some(video) = message.video_message.as_option() {
            let is_gif = video.gif_playback == Some(true);
            return Some(Self::of_video(video, if is_gif { FileKind::Gif } else { FileKind::Video }));
        }
        if let Some(video) = message.ptv_message.as_option() {
            return Some(Self::of_video(video, FileKind::VideoNote));
        }
        if let Some(audio) = message.audio_message.as_option() {
            let kind = if audio.ptt == Some(true) { FileKind::Voice } else { FileKind::Audio };
            return Some(Self {
                seconds: audio.seconds,
                waveform: audio.waveform.as_ref(),
                sidecar: audio.streaming_sidecar.as_ref(),
                is_view_once: audio.view_once == Some(true),
                ..Self::with(
                    kind,
                    (
                        &audio.direct_path,
                        &audio.media_key,
                        &audio.file_sha256,
                        &audio.file_enc_sha256,
                        audio.file_length,
                        &audio.mimetype,
                    ),
                )
            });
        }
        if let Some(document) = message.document_message.as_option() {
            return Some(Self {
                caption: document.caption.as_ref(),
                file_name: document.file_name.as_ref(),
                pages: document.page_count,
                thumbnail: document.jpeg_thumbnail.as_ref(),
                ..Self::with(
                    FileKind::Document,
                    (
                        &document.direct_path,
                        &document.media_key,
                        &document.file_sha256,
                        &document.file_enc_sha256,
                        document.file_length,
                        &document.mimetype,
                    ),
                )
            });
        }
        let sticker = message.sticker_message.as_option()?;
        Some(Self {
            width: sticker.width,
            height: sticker.height,
            thumbnail: sticker.png_thumbnail.as_ref(),
            is_animated: sticker.is_animated == Some(true),
            ..Self::with(
                FileKind::Sticker,
                (
                    &sticker.direct_path,
                    &sticker.media_key,
                    &sticker.file_sha256,
                    &sticker.file_enc_sha256,
                    sticker.file_length,
                    &sticker.mimetype,
                ),
            )
        })
    }

    fn with(kind: FileKind, common: Common<'a>) -> Self {
        let (direct_path, media_key, sha256, enc_sha256, length, mimetype) = common;
        Self {
            kind,
            direct_path: direct_path.as_ref(),
            media_key: media_key.as_ref(),
            sha256: sha256.as_ref(),
            enc_sha256: enc_sha256.as_ref(),
            length,
            mimetype: mimetype.as_ref(),
            caption: None,
            file_name: None,
            width: None,
            height: None,
            seconds: None,
            pages: None,
            waveform: None,
            thumbnail: None,
            sidecar: None,
            is_animated: false,
            is_view_once: false,
        }
    }

    fn of_video(video: &'a wa::message::VideoMessage, kind: FileKind) -> Self {
        Self {
            caption: video.caption.as_ref(),
            width: video.width,
            height: video.height,
            seconds: video.seconds,
            thumbnail: video.jpeg_thumbnail.as_ref(),
            sidecar: video.streaming_sidecar.as_ref(),
            is_view_once: video.view_once == Some(true),
            ..Self::with(
                kind,
                (
                    &video.direct_path,
                    &video.media_key,
                    &video.file_sha256,
                    &video.file_enc_sha256,
                    video.file_length,
                    &video.mimetype,
                ),
            )
        }
    }
}
