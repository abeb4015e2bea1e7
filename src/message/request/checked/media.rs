//! The rules of messages with a file, as far as they can be checked without looking at it. Each refusal names the field and the rule.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, Result};
use crate::media::types::{CheckedReference, MediaReference, MediaSource};
use crate::message::content::media::{
    AudioContent, DocumentContent, GifContent, ImageContent, StickerContent, VideoContent, VideoNoteContent,
    VoiceContent,
};
use crate::message::preview::wanted::is_jpeg;
use crate::message::rules::{FILE_NAME_MAX, SECONDS_MAX, TEXT_MAX, THUMBNAIL_MAX, WAVEFORM_PARTS};
use crate::whatsapp::compose::ShownAs;

/// What clients call the file of a message.
pub(in crate::message) const FIELD: &str = "content.media";

/// A message with a file that keeps the rules.
#[derive(Clone)]
pub(in crate::message) struct CheckedMedia {
    pub(in crate::message) shown_as: ShownAs,
    pub(in crate::message) source: MediaSource,
    /// What its giver says that it is.
    pub(in crate::message) mimetype: Option<String>,
    pub(in crate::message) file_name: Option<String>,
    pub(in crate::message) caption: Option<String>,
    pub(in crate::message) thumbnail: Option<Vec<u8>>,
    pub(in crate::message) waveform: Option<Vec<u8>>,
    pub(in crate::message) seconds: Option<u32>,
    pub(in crate::message) is_view_once: bool,
    pub(in crate::message) keeps_metadata: bool,
}

impl CheckedMedia {
    /// Only its file.
    fn of(shown_as: ShownAs, media: MediaReference) -> Result<Self> {
        let CheckedReference { source, file_name, mimetype } = media.checked(FIELD)?;
        Ok(Self {
            shown_as,
            source,
            mimetype,
            file_name,
            caption: None,
            thumbnail: None,
            waveform: None,
            seconds: None,
            is_view_once: false,
            keeps_metadata: false,
        })
    }

    pub(in crate::message) fn image(content: ImageContent) -> Result<Self> {
        let ImageContent { media, caption, view_once, keep_metadata } = content;
        let caption = self::caption(caption)?;
        let media = Self::of(ShownAs::Image, media)?;
        Ok(Self { caption, is_view_once: view_once, keeps_metadata: keep_metadata, ..media })
    }

    pub(in crate::message) fn video(content: VideoContent) -> Result<Self> {
        let VideoContent { media, caption, view_once, thumbnail } = content;
        let (caption, thumbnail) = (self::caption(caption)?, self::thumbnail(thumbnail)?);
        Ok(Self { caption, thumbnail, is_view_once: view_once, ..Self::of(ShownAs::Video, media)? })
    }

    pub(in crate::message) fn gif(content: GifContent) -> Result<Self> {
        let GifContent { media, caption, thumbnail } = content;
        let (caption, thumbnail) = (self::caption(caption)?, self::thumbnail(thumbnail)?);
        Ok(Self { caption, thumbnail, ..Self::of(ShownAs::Gif, media)? })
    }

    pub(in crate::message) fn video_note(content: VideoNoteContent) -> Result<Self> {
        let VideoNoteContent { media, thumbnail } = content;
        Ok(Self { thumbnail: self::thumbnail(thumbnail)?, ..Self::of(ShownAs::VideoNote, media)? })
    }

    pub(in crate::message) fn audio(content: AudioContent) -> Result<Self> {
        let AudioContent { media } = content;
        Self::of(ShownAs::Audio, media)
    }

    pub(in crate::message) fn voice(content: VoiceContent) -> Result<Self> {
        let VoiceContent { media, waveform, seconds, view_once } = content;
        if let Some(waveform) = &waveform
            && (waveform.len() != WAVEFORM_PARTS || waveform.iter().any(|part| *part > 100))
        {
            let rule = format!("must have {WAVEFORM_PARTS} numbers from 0 to 100");
            return Err(Error::invalid("content.waveform", rule));
        }
        if seconds.is_some_and(|seconds| seconds > SECONDS_MAX) {
            return Err(Error::invalid("content.seconds", format!("must be at most {SECONDS_MAX}")));
        }
        Ok(Self { waveform, seconds, is_view_once: view_once, ..Self::of(ShownAs::Voice, media)? })
    }

    pub(in crate::message) fn document(content: DocumentContent) -> Result<Self> {
        let DocumentContent { media, file_name, caption } = content;
        let (given, caption) = (file_name.map(self::file_name).transpose()?, self::caption(caption)?);
        let media = Self::of(ShownAs::Document, media)?;
        Ok(Self { file_name: given.or(media.file_name.clone()), caption, ..media })
    }

    pub(in crate::message) fn sticker(content: StickerContent) -> Result<Self> {
        let StickerContent { media } = content;
        Self::of(ShownAs::Sticker, media)
    }
}

/// What stands below a file. Nothing, if it is blank.
fn caption(text: Option<String>) -> Result<Option<String>> {
    let text = text.filter(|text| !text.trim().is_empty());
    if text.as_ref().is_some_and(|text| text.chars().count() > TEXT_MAX) {
        return Err(Error::invalid("content.caption", format!("must have at most {TEXT_MAX} characters")));
    }
    Ok(text)
}

fn file_name(name: String) -> Result<String> {
    let length = name.chars().count();
    if !(1..=FILE_NAME_MAX).contains(&length) || name.chars().any(char::is_control) {
        return Err(Error::invalid(
            "content.file_name",
            format!("must have 1 to {FILE_NAME_MAX} printable characters"),
        ));
    }
    Ok(name)
}

fn thumbnail(text: Option<String>) -> Result<Option<Vec<u8>>> {
    let Some(text) = text else { return Ok(None) };
    let refused = |rule: &str| Error::invalid("content.thumbnail", rule);
    let bytes = STANDARD.decode(text).map_err(|_| refused("must be base64"))?;
    if bytes.len() > THUMBNAIL_MAX {
        return Err(refused("must have at most 64 KiB"));
    }
    if !is_jpeg(&bytes) {
        return Err(refused("must be a JPEG picture"));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media() -> MediaReference {
        let url = Some("https://shop.example.com/tea.jpg".to_owned());
        MediaReference { id: None, url, data: None, file_name: None, mimetype: None }
    }

    fn image(media: MediaReference, caption: &str) -> Result<CheckedMedia> {
        let caption = Some(caption.to_owned());
        CheckedMedia::image(ImageContent { media, caption, view_once: false, keep_metadata: false })
    }

    fn voice(waveform: Option<Vec<u8>>, seconds: Option<u32>) -> Result<CheckedMedia> {
        CheckedMedia::voice(VoiceContent { media: media(), waveform, seconds, view_once: true })
    }

    fn video(thumbnail: &[u8]) -> Result<CheckedMedia> {
        let thumbnail = Some(STANDARD.encode(thumbnail));
        CheckedMedia::video(VideoContent { media: media(), caption: None, view_once: false, thumbnail })
    }

    fn document(media: MediaReference, file_name: Option<&str>) -> Result<CheckedMedia> {
        let file_name = file_name.map(str::to_owned);
        CheckedMedia::document(DocumentContent { media, file_name, caption: None })
    }

    #[test]
    fn what_breaks_a_rule_is_refused_with_its_field() {
        let both = MediaReference { data: Some("AAAA".to_owned()), ..media() };
        let none = MediaReference { url: None, ..media() };
        let rows = [
            (image(media(), &"x".repeat(65_537)), "`content.caption` must have at most 65536 characters"),
            (voice(Some(vec![1; 63]), None), "`content.waveform` must have 64 numbers from 0 to 100"),
            (voice(Some(vec![101; 64]), None), "`content.waveform` must have 64 numbers from 0 to 100"),
            (voice(None, Some(86_401)), "`content.seconds` must be at most 86400"),
            (video(b"PNG"), "`content.thumbnail` must be a JPEG picture"),
            (document(media(), Some("")), "`content.file_name` must have 1 to 255 printable characters"),
            (document(media(), Some("a\nb")), "`content.file_name` must have 1 to 255 printable characters"),
        ];
        for (checked, refusal) in rows {
            assert_eq!(checked.err().expect(refusal).to_string(), refusal);
        }
        for media in [both, none] {
            let refusal = image(media, "tea").err().expect("it is refused").to_string();
            assert!(refusal.starts_with("`content.media"), "{refusal}");
        }
    }

    #[test]
    fn what_keeps_the_rules_is_taken_as_it_is() {
        let image = image(media(), "  ").expect("it keeps them");
        assert_eq!((image.caption, image.is_view_once), (None, false), "a blank caption is none");
        let voice = voice(Some(vec![100; 64]), Some(86_400)).expect("it keeps them");
        assert_eq!((voice.shown_as, voice.seconds, voice.is_view_once), (ShownAs::Voice, Some(86_400), true));
        assert!(video(&[0xff, 0xd8, 0xff, 0]).is_ok());
    }

    #[test]
    fn a_document_is_called_as_the_message_says_and_else_as_the_file_is() {
        let named = || MediaReference { file_name: Some("menu.pdf".to_owned()), ..media() };
        let name = |given| document(named(), given).expect("it keeps the rules").file_name;
        assert_eq!(name(None).as_deref(), Some("menu.pdf"));
        assert_eq!(name(Some("teas.pdf")).as_deref(), Some("teas.pdf"));
    }
}
