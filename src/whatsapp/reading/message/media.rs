//! Media: what is said about it. The bytes are at WhatsApp.

use entity::words::message::MediaKind;
use whatsapp_rust::waproto::whatsapp as wa;

use crate::event::body::message::MessageMedia;
use crate::whatsapp::reading::message::content::{Content, number};

pub(super) fn media(message: &wa::Message) -> Option<Content<'_>> {
    let blank = |kind, mimetype: &Option<String>, length: Option<u64>, hash: Option<&[u8]>| MessageMedia {
        kind,
        mimetype: mimetype.clone(),
        file_length: number(length),
        file_sha256: hash.map(hex),
        width: None,
        height: None,
        seconds: None,
        file_name: None,
    };
    if let Some(image) = message.image_message.as_option() {
        let media = blank(MediaKind::Image, &image.mimetype, image.file_length, image.file_sha256.as_deref());
        let media = MessageMedia { width: number(image.width), height: number(image.height), ..media };
        return Some(Content::media(media, image.caption.clone()).within(image.context_info.as_option()));
    }
    if let Some(video) = message.video_message.as_option().or_else(|| message.ptv_message.as_option()) {
        let media = blank(MediaKind::Video, &video.mimetype, video.file_length, video.file_sha256.as_deref());
        let (width, height, seconds) = (number(video.width), number(video.height), number(video.seconds));
        let media = MessageMedia { width, height, seconds, ..media };
        return Some(Content::media(media, video.caption.clone()).within(video.context_info.as_option()));
    }
    if let Some(audio) = message.audio_message.as_option() {
        let kind = if audio.ptt == Some(true) { MediaKind::Voice } else { MediaKind::Audio };
        let media = blank(kind, &audio.mimetype, audio.file_length, audio.file_sha256.as_deref());
        let media = MessageMedia { seconds: number(audio.seconds), ..media };
        return Some(Content::media(media, None).within(audio.context_info.as_option()));
    }
    if let Some(file) = message.document_message.as_option() {
        let media = blank(MediaKind::Document, &file.mimetype, file.file_length, file.file_sha256.as_deref());
        let media = MessageMedia { file_name: file.file_name.clone().or_else(|| file.title.clone()), ..media };
        return Some(Content::media(media, file.caption.clone()).within(file.context_info.as_option()));
    }
    let sticker = message.sticker_message.as_option()?;
    let media = blank(MediaKind::Sticker, &sticker.mimetype, sticker.file_length, sticker.file_sha256.as_deref());
    let media = MessageMedia { width: number(sticker.width), height: number(sticker.height), ..media };
    Some(Content::media(media, None).within(sticker.context_info.as_option()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
