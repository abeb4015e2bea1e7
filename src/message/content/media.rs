//! What messages with a file can say.

use async_graphql::InputObject;
use poem_openapi::Object;
use serde::Serialize;

use crate::media::types::MediaReference;

/// A picture.
#[derive(Clone, PartialEq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "ImageContentInput")]
pub struct ImageContent {
    /// The picture.
    pub media: MediaReference,
    /// What stands below it, at most 65,536 characters.
    pub caption: Option<String>,
    /// Whether it can be opened only once.
    #[oai(default)]
    #[graphql(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub view_once: bool,
    /// Whether it keeps what its file says about where, when and with what it was taken.
    #[oai(default)]
    #[graphql(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keep_metadata: bool,
}

/// A video.
#[derive(Clone, PartialEq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "VideoContentInput")]
pub struct VideoContent {
    /// The video.
    pub media: MediaReference,
    /// What stands below it, at most 65,536 characters.
    pub caption: Option<String>,
    /// Whether it can be opened only once.
    #[oai(default)]
    #[graphql(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub view_once: bool,
    /// What is shown of it before it is fetched: a small JPEG picture, base64, at most 64 KiB of bytes.
    pub thumbnail: Option<String>,
}

/// A short video that repeats without sound. It is an MP4 file: phones show no GIF files.
#[derive(Clone, PartialEq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "GifContentInput")]
pub struct GifContent {
    /// The video.
    pub media: MediaReference,
    /// What stands below it, at most 65,536 characters.
    pub caption: Option<String>,
    /// What is shown of it before it is fetched: a small JPEG picture, base64, at most 64 KiB of bytes.
    pub thumbnail: Option<String>,
}

/// A round video, as phones record them in a chat: square, at most a minute long.
#[derive(Clone, PartialEq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "VideoNoteContentInput")]
pub struct VideoNoteContent {
    /// The video.
    pub media: MediaReference,
    /// What is shown of it before it is fetched: a small JPEG picture, base64, at most 64 KiB of bytes.
    pub thumbnail: Option<String>,
}

/// A piece of music or another recording.
#[derive(Clone, PartialEq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "AudioContentInput")]
pub struct AudioContent {
    /// The recording.
    pub media: MediaReference,
}

/// A voice message.
#[derive(Clone, PartialEq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "VoiceContentInput")]
pub struct VoiceContent {
    /// The recording: Opus in an OGG file.
    pub media: MediaReference,
    /// How loud it is: 64 numbers from 0 to 100, for 64 parts of the same length. When absent, as far as it can be told from the file.
    pub waveform: Option<Vec<u8>>,
    /// How long it is, seconds. When absent, what the file says.
    pub seconds: Option<u32>,
    /// Whether it can be played only once.
    #[oai(default)]
    #[graphql(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub view_once: bool,
}

/// A file of any kind.
#[derive(Clone, PartialEq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "DocumentContentInput")]
pub struct DocumentContent {
    /// The file.
    pub media: MediaReference,
    /// What it is called, 1 to 255 characters. When absent, as `media` calls it.
    pub file_name: Option<String>,
    /// What stands below it, at most 65,536 characters.
    pub caption: Option<String>,
}

/// A sticker.
#[derive(Clone, PartialEq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "StickerContentInput")]
pub struct StickerContent {
    /// The picture. Made fit if it is no WebP file of 512 times 512 pixels.
    pub media: MediaReference,
}
