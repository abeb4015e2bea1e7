//! What the paths for messages with files take, in the words of the operation that they are.

use poem_openapi::Object;
use poem_openapi::types::Example;

use crate::api::alias::around::Around;
use crate::error::Result;
use crate::media::types::MediaReference;
use crate::message::content::MessageContent;
use crate::message::content::media::{
    AudioContent, DocumentContent, ImageContent, StickerContent, VideoContent, VoiceContent,
};
use crate::message::types::NewMessage;

/// A picture that is to be sent.
#[derive(Object)]
#[oai(example, skip_serializing_if_is_none)]
pub struct ImageBody {
    /// To whom: a phone number with its country code in any usual spelling, or a JID of a person.
    pub to: String,
    /// The picture.
    pub image: MediaReference,
    /// What stands below it, at most 65,536 characters.
    pub caption: Option<String>,
    /// Id of the message that it answers, which must be in the same chat.
    pub reply_to: Option<String>,
    /// When it is to be sent, at most 30 days from now, as RFC 3339 has it. At once when absent.
    pub send_at: Option<String>,
}

/// A video that is to be sent.
#[derive(Object)]
#[oai(example, skip_serializing_if_is_none)]
pub struct VideoBody {
    /// To whom: a phone number with its country code in any usual spelling, or a JID of a person.
    pub to: String,
    /// The video.
    pub video: MediaReference,
    /// What stands below it, at most 65,536 characters.
    pub caption: Option<String>,
    /// Id of the message that it answers, which must be in the same chat.
    pub reply_to: Option<String>,
    /// When it is to be sent, at most 30 days from now, as RFC 3339 has it. At once when absent.
    pub send_at: Option<String>,
}

/// A recording that is to be sent.
#[derive(Object)]
#[oai(example, skip_serializing_if_is_none)]
pub struct AudioBody {
    /// To whom: a phone number with its country code in any usual spelling, or a JID of a person.
    pub to: String,
    /// The recording.
    pub audio: MediaReference,
    /// Whether it is a voice message: then it must be Opus in an OGG file.
    pub ptt: Option<bool>,
    /// Id of the message that it answers, which must be in the same chat.
    pub reply_to: Option<String>,
    /// When it is to be sent, at most 30 days from now, as RFC 3339 has it. At once when absent.
    pub send_at: Option<String>,
}

/// A file that is to be sent.
#[derive(Object)]
#[oai(example, skip_serializing_if_is_none)]
pub struct DocumentBody {
    /// To whom: a phone number with its country code in any usual spelling, or a JID of a person.
    pub to: String,
    /// The file.
    pub document: MediaReference,
    /// What it is called, 1 to 255 characters.
    pub filename: Option<String>,
    /// What stands below it, at most 65,536 characters.
    pub caption: Option<String>,
    /// Id of the message that it answers, which must be in the same chat.
    pub reply_to: Option<String>,
    /// When it is to be sent, at most 30 days from now, as RFC 3339 has it. At once when absent.
    pub send_at: Option<String>,
}

/// A sticker that is to be sent.
#[derive(Object)]
#[oai(example, skip_serializing_if_is_none)]
pub struct StickerBody {
    /// To whom: a phone number with its country code in any usual spelling, or a JID of a person.
    pub to: String,
    /// The picture.
    pub sticker: MediaReference,
    /// Id of the message that it answers, which must be in the same chat.
    pub reply_to: Option<String>,
    /// When it is to be sent, at most 30 days from now, as RFC 3339 has it. At once when absent.
    pub send_at: Option<String>,
}

impl ImageBody {
    /// The message that it is.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn message(self) -> Result<NewMessage> {
        let Self { to, image: media, caption, reply_to, send_at } = self;
        let content = ImageContent { media, caption, view_once: false, keep_metadata: false };
        Around { to, reply_to, send_at }.message(MessageContent::Image(content))
    }
}

impl VideoBody {
    /// The message that it is.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn message(self) -> Result<NewMessage> {
        let Self { to, video: media, caption, reply_to, send_at } = self;
        let content = VideoContent { media, caption, view_once: false, thumbnail: None };
        Around { to, reply_to, send_at }.message(MessageContent::Video(content))
    }
}

impl AudioBody {
    /// The message that it is.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn message(self) -> Result<NewMessage> {
        let Self { to, audio: media, ptt, reply_to, send_at } = self;
        let content = if ptt == Some(true) {
            MessageContent::Voice(VoiceContent { media, waveform: None, seconds: None, view_once: false })
        } else {
            MessageContent::Audio(AudioContent { media })
        };
        Around { to, reply_to, send_at }.message(content)
    }
}

impl DocumentBody {
    /// The message that it is.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn message(self) -> Result<NewMessage> {
        let Self { to, document: media, filename: file_name, caption, reply_to, send_at } = self;
        let content = DocumentContent { media, file_name, caption };
        Around { to, reply_to, send_at }.message(MessageContent::Document(content))
    }
}

impl StickerBody {
    /// The message that it is.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn message(self) -> Result<NewMessage> {
        let Self { to, sticker: media, reply_to, send_at } = self;
        Around { to, reply_to, send_at }.message(MessageContent::Sticker(StickerContent { media }))
    }
}

/// What a path that calls the file so calls a field of the message.
pub fn name(field: &str, file: &str) -> String {
    match field.strip_prefix("content.") {
        Some("caption") => "caption".to_owned(),
        Some("file_name") => "filename".to_owned(),
        Some(inner) => match inner.strip_prefix("media") {
            Some(rest) => format!("{file}{rest}"),
            None => inner.to_owned(),
        },
        None => field.to_owned(),
    }
}

fn to() -> String {
    "+1 555 010-0077".to_owned()
}

impl Example for ImageBody {
    fn example() -> Self {
        let ImageContent { media: image, caption, .. } = ImageContent::example();
        Self { to: to(), image, caption, reply_to: None, send_at: None }
    }
}

impl Example for VideoBody {
    fn example() -> Self {
        let VideoContent { media: video, caption, .. } = VideoContent::example();
        Self { to: to(), video, caption, reply_to: None, send_at: None }
    }
}

impl Example for AudioBody {
    fn example() -> Self {
        let AudioContent { media: audio } = AudioContent::example();
        Self { to: to(), audio, ptt: None, reply_to: None, send_at: None }
    }
}

impl Example for DocumentBody {
    fn example() -> Self {
        let DocumentContent { media: document, file_name: filename, caption } = DocumentContent::example();
        Self { to: to(), document, filename, caption, reply_to: None, send_at: None }
    }
}

impl Example for StickerBody {
    fn example() -> Self {
        let StickerContent { media: sticker } = StickerContent::example();
        Self { to: to(), sticker, reply_to: None, send_at: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_a_voice_message_only_if_that_is_said() {
        let content = |ptt| AudioBody { ptt, ..AudioBody::example() }.message().expect("it is one").content;
        assert!(matches!(content(None), MessageContent::Audio(_)));
        assert!(matches!(content(Some(false)), MessageContent::Audio(_)));
        assert!(matches!(content(Some(true)), MessageContent::Voice(_)));
    }

    #[test]
    fn a_field_is_called_as_the_path_calls_it() {
        let rows = [
            ("content.media", "image"),
            ("content.media.url", "image.url"),
            ("content.caption", "caption"),
            ("content.file_name", "filename"),
            ("to", "to"),
        ];
        for (field, called) in rows {
            assert_eq!(name(field, "image"), called);
        }
    }

    #[test]
    fn a_moment_is_written_as_the_contract_has_it() {
        let at = |text: &str| StickerBody { send_at: Some(text.to_owned()), ..StickerBody::example() }.message();
        let moment = at("2026-08-01T09:00:00Z").expect("it is one").send_at.expect("it has one");
        assert_eq!(moment.to_rfc3339(), "2026-08-01T09:00:00.000Z");
        assert!(at("tomorrow").err().expect("it is none").to_string().starts_with("`send_at` must be "));
    }
}
