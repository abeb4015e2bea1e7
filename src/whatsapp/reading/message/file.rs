//! The file that a message has: what it takes to fetch it. It goes into a table of its own, and nowhere else.

use entity::words::message::FileKind;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message as part;
use whatsapp_rust::waproto::whatsapp::message::buttons_message::Header as ButtonsHeader;
use whatsapp_rust::waproto::whatsapp::message::interactive_message::header::Media;
use whatsapp_rust::waproto::whatsapp::message::template_message::Format;
use whatsapp_rust::waproto::whatsapp::message::template_message::hydrated_four_row_template::Title;

use crate::event::file::MessageFile;
use crate::whatsapp::reading::message::content::number;
use crate::whatsapp::reading::message::wrapper;

/// Longest path that is kept, bytes. WhatsApp's have about 200; what is longer leads nowhere.
const PATH_BYTES: usize = 4 * 1024;
/// Longest media type that is kept, bytes.
const MIMETYPE_BYTES: usize = 256;
/// Longest key or hash that is kept, bytes. They have 32.
const HASH_BYTES: usize = 64;

/// The file of a message, in whatever it is wrapped.
pub(in crate::whatsapp) fn of(message: &wa::Message) -> Option<MessageFile> {
    let mut message = wrapper::opened(message).message;
    if let Some(edited) = message.protocol_message.as_option().and_then(|protocol| protocol.edited_message.as_option())
    {
        message = wrapper::opened(edited).message;
    }
    plain(message).or_else(|| heading(message))
}

fn plain(message: &wa::Message) -> Option<MessageFile> {
    if let Some(image) = message.image_message.as_option() {
        return of_image(image);
    }
    if let Some(video) = message.video_message.as_option().or_else(|| message.ptv_message.as_option()) {
        return of_video(video);
    }
    if let Some(audio) = message.audio_message.as_option() {
        return of_audio(audio);
    }
    if let Some(document) = message.document_message.as_option() {
        return of_document(document);
    }
    if let Some(sticker) = message.sticker_message.as_option() {
        return of_sticker(sticker);
    }
    of_pack(message.sticker_pack_message.as_option()?)
}

/// The file above buttons.
fn heading(message: &wa::Message) -> Option<MessageFile> {
    if let Some(buttons) = message.buttons_message.as_option() {
        return match buttons.header.as_ref()? {
            ButtonsHeader::ImageMessage(image) => of_image(image),
            ButtonsHeader::VideoMessage(video) => of_video(video),
            ButtonsHeader::DocumentMessage(document) => of_document(document),
            _ => None,
        };
    }
    if let Some(template) = message.template_message.as_option() {
        let rows = match &template.format {
            Some(Format::InteractiveMessageTemplate(shown)) => return above(shown),
            Some(Format::HydratedFourRowTemplate(rows)) => Some(&**rows),
            _ => template.hydrated_template.as_option(),
        };
        return match rows?.title.as_ref()? {
            Title::ImageMessage(image) => of_image(image),
            Title::VideoMessage(video) => of_video(video),
            Title::DocumentMessage(document) => of_document(document),
            _ => None,
        };
    }
    above(message.interactive_message.as_option()?)
}

fn above(shown: &part::InteractiveMessage) -> Option<MessageFile> {
    match shown.header.as_option()?.media.as_ref()? {
        Media::ImageMessage(image) => of_image(image),
        Media::VideoMessage(video) => of_video(video),
        Media::DocumentMessage(document) => of_document(document),
        _ => None,
    }
}

fn of_image(image: &part::ImageMessage) -> Option<MessageFile> {
    kept(MessageFile {
        kind: FileKind::Image,
        direct_path: image.direct_path.clone()?,
        media_key: image.media_key.clone(),
        file_sha256: image.file_sha256.clone(),
        file_enc_sha256: image.file_enc_sha256.clone(),
        file_length: number(image.file_length),
        mimetype: image.mimetype.clone(),
    })
}

fn of_video(video: &part::VideoMessage) -> Option<MessageFile> {
    kept(MessageFile {
        kind: FileKind::Video,
        direct_path: video.direct_path.clone()?,
        media_key: video.media_key.clone(),
        file_sha256: video.file_sha256.clone(),
        file_enc_sha256: video.file_enc_sha256.clone(),
        file_length: number(video.file_length),
        mimetype: video.mimetype.clone(),
    })
}

fn of_audio(audio: &part::AudioMessage) -> Option<MessageFile> {
    kept(MessageFile {
        kind: FileKind::Audio,
        direct_path: audio.direct_path.clone()?,
        media_key: audio.media_key.clone(),
        file_sha256: audio.file_sha256.clone(),
        file_enc_sha256: audio.file_enc_sha256.clone(),
        file_length: number(audio.file_length),
        mimetype: audio.mimetype.clone(),
    })
}

fn of_document(document: &part::DocumentMessage) -> Option<MessageFile> {
    kept(MessageFile {
        kind: FileKind::Document,
        direct_path: document.direct_path.clone()?,
        media_key: document.media_key.clone(),
        file_sha256: document.file_sha256.clone(),
        file_enc_sha256: document.file_enc_sha256.clone(),
        file_length: number(document.file_length),
        mimetype: document.mimetype.clone(),
    })
}

fn of_sticker(sticker: &part::StickerMessage) -> Option<MessageFile> {
    kept(MessageFile {
        kind: FileKind::Sticker,
        direct_path: sticker.direct_path.clone()?,
        media_key: sticker.media_key.clone(),
        file_sha256: sticker.file_sha256.clone(),
        file_enc_sha256: sticker.file_enc_sha256.clone(),
        file_length: number(sticker.file_length),
        mimetype: sticker.mimetype.clone(),
    })
}

fn of_pack(pack: &part::StickerPackMessage) -> Option<MessageFile> {
    kept(MessageFile {
        kind: FileKind::StickerPack,
        direct_path: pack.direct_path.clone()?,
        media_key: pack.media_key.clone(),
        file_sha256: pack.file_sha256.clone(),
        file_enc_sha256: pack.file_enc_sha256.clone(),
        file_length: number(pack.file_length),
        mimetype: None,
    })
}

/// Keeps what can be of use.
fn kept(file: MessageFile) -> Option<MessageFile> {
    let is_path = !file.direct_path.is_empty() && file.direct_path.len() <= PATH_BYTES;
    let short = |bytes: Option<Vec<u8>>| bytes.filter(|bytes| bytes.len() <= HASH_BYTES);
    // PostgreSQL has no place for a NUL.
    let is_text = |text: &str| !text.contains('\0');
    let mimetype = file.mimetype.filter(|mimetype| mimetype.len() <= MIMETYPE_BYTES && is_text(mimetype));
    (is_path && is_text(&file.direct_path)).then(|| MessageFile {
        kind: file.kind,
        direct_path: file.direct_path,
        media_key: short(file.media_key),
        file_sha256: short(file.file_sha256),
        file_enc_sha256: short(file.file_enc_sha256),
        file_length: file.file_length,
        mimetype,
    })
}
