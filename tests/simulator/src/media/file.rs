//! What a message says about its file: where it is, what opens it, and what the phone shows before it has it.

use serde::{Deserialize, Serialize};
use waproto::whatsapp as wa;

use crate::media::fields::Fields;
use crate::media::format;
use crate::summary::unwrapped;

/// Kinds of files as phones show them.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A picture.
    Image,
    /// A video.
    Video,
    /// A video without sound that plays by itself.
    Gif,
    /// A round video.
    VideoNote,
    /// Music and the like.
    Audio,
    /// Somebody's voice.
    Voice,
    /// Any file.
    Document,
    /// A sticker.
    Sticker,
}

impl FileKind {
    /// What the keys of a file of this kind are made for.
    pub(crate) fn info(self) -> &'static str {
        match self {
            Self::Image | Self::Sticker => "WhatsApp Image Keys",
            Self::Video | Self::Gif | Self::VideoNote => "WhatsApp Video Keys",
            Self::Audio | Self::Voice => "WhatsApp Audio Keys",
            Self::Document => "WhatsApp Document Keys",
        }
    }

    /// The part of an upload's path that says the kind.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Image | Self::Sticker => "image",
            Self::Video | Self::Gif | Self::VideoNote => "video",
            Self::Audio | Self::Voice => "audio",
            Self::Document => "document",
        }
    }
}

/// What a message says about its file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct DeclaredFile {
    /// What the phone shows it as.
    pub kind: FileKind,
    /// What phones need to get and open the file and what is not there, or not as long as it must be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<&'static str>,
    /// Where it is.
    pub direct_path: Option<String>,
    /// The type that it is said to be of.
    pub mimetype: Option<String>,
    /// Bytes of the file.
    pub size_bytes: Option<u64>,
    /// The hash of the file, hexadecimal.
    pub sha256: Option<String>,
    /// The name of a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// Pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// How long it plays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// Pages of a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
    /// How loud a voice is, from 0 to 100, 64 times over its length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waveform: Option<Vec<u8>>,
    /// The small picture that the message has in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<Thumbnail>,
    /// Whether a sticker moves.
    pub is_animated: bool,
    /// Whether it may be seen once.
    pub is_view_once: bool,
}

/// The small picture that a message has in it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Thumbnail {
    /// Its format by its first bytes: `jpeg`, `png`, ..
    pub format: Option<&'static str>,
    /// Bytes of it.
    pub size_bytes: usize,
    /// Width and height, pixels.
    pub dimensions: Option<[u32; 2]>,
}

/// What it takes to open the file of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FileReference {
    pub(crate) media_key: Vec<u8>,
    pub(crate) sha256: Vec<u8>,
    pub(crate) enc_sha256: Vec<u8>,
    pub(crate) sidecar: Option<Vec<u8>>,
    pub(crate) thumbnail: Option<Vec<u8>>,
    pub(crate) caption: Option<String>,
    pub(crate) declared: DeclaredFile,
}

/// What a message says about its file. `None` when it has none.
pub(crate) fn declared(message: &wa::Message) -> Option<DeclaredFile> {
    references(message).map(|reference| reference.declared)
}

/// What it takes to open the file of a message. `None` when it has none.
pub(crate) fn references(message: &wa::Message) -> Option<FileReference> {
    let fields = Fields::of(unwrapped(message))?;
    let has = |bytes: Option<&Vec<u8>>| bytes.is_some_and(|bytes| bytes.len() == 32);
    let checks = [
        ("direct_path", fields.direct_path.is_some_and(|path| path.starts_with('/'))),
        ("media_key", has(fields.media_key)),
        ("file_sha256", has(fields.sha256)),
        ("file_enc_sha256", has(fields.enc_sha256)),
        ("file_length", fields.length.is_some()),
        ("mimetype", fields.mimetype.is_some_and(|mimetype| mimetype.contains('/'))),
    ];
    let bytes = |bytes: Option<&Vec<u8>>| bytes.cloned().unwrap_or_default();
    // Some clients write an empty one for none.
    let small = fields.thumbnail.filter(|bytes| !bytes.is_empty());
    let thumbnail = |bytes: &Vec<u8>| Thumbnail {
        format: format::of(bytes),
        size_bytes: bytes.len(),
        dimensions: format::dimensions(bytes),
    };
    Some(FileReference {
        media_key: bytes(fields.media_key),
        sha256: bytes(fields.sha256),
        enc_sha256: bytes(fields.enc_sha256),
        sidecar: fields.sidecar.cloned(),
        thumbnail: small.cloned(),
        caption: fields.caption.cloned(),
        declared: DeclaredFile {
            kind: fields.kind,
            missing: checks.into_iter().filter_map(|(name, is_there)| (!is_there).then_some(name)).collect(),
            direct_path: fields.direct_path.cloned(),
            mimetype: fields.mimetype.cloned(),
            size_bytes: fields.length,
            sha256: fields.sha256.map(|hash| hexadecimal(hash)),
            file_name: fields.file_name.cloned(),
            width: fields.width,
            height: fields.height,
            seconds: fields.seconds,
            pages: fields.pages,
            waveform: fields.waveform.cloned(),
            thumbnail: small.map(thumbnail),
            is_animated: fields.is_animated,
            is_view_once: fields.is_view_once || is_wrapped_to_be_seen_once(message),
        },
    })
}

fn is_wrapped_to_be_seen_once(message: &wa::Message) -> bool {
    let inner = [&message.device_sent_message.message, &message.ephemeral_message.message];
    message.view_once_message.is_set()
        || message.view_once_message_v2.is_set()
        || message.view_once_message_v2_extension.is_set()
        || inner.into_iter().filter_map(|inner| inner.as_option()).any(is_wrapped_to_be_seen_once)
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
