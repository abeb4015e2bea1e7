//! Messages with a file: pictures, videos, sound, documents and stickers.
//!
//! Such a message is made twice. When it is accepted, all of it is written down but where its file is, since nobody knows that before the
//! file is uploaded; then [`filled`] adds that, and nothing else. From then on its bytes stay as they are.

use entity::timestamp::Timestamp;
use entity::words::message::FileKind;
use waproto::buffa::MessageField;
use waproto::codec::{message_decode, message_to_vec};
use waproto::whatsapp as wa;
use waproto::whatsapp::message::{
    AudioMessage, DocumentMessage, FutureProofMessage, ImageMessage, StickerMessage, VideoMessage,
};

use crate::whatsapp::compose::parts::{Context, written};

/// A file as a message shows it.
#[derive(Clone, Default)]
pub struct FileContent {
    /// Its media type.
    pub mimetype: String,
    /// SHA-256 of the file.
    pub sha256: Vec<u8>,
    /// Its size, bytes.
    pub length: u64,
    /// Width in pixels.
    pub width: Option<u32>,
    /// Height in pixels.
    pub height: Option<u32>,
    /// How long it is, seconds.
    pub seconds: Option<u32>,
    /// A small JPEG picture of it.
    pub thumbnail: Option<Vec<u8>>,
    /// How loud a voice note is, in equal parts, each 0 to 100.
    pub waveform: Option<Vec<u8>>,
    /// Whether a sticker moves.
    pub is_animated: bool,
    /// What stands below it.
    pub caption: Option<String>,
    /// What a document is called.
    pub file_name: Option<String>,
    /// Whether it can be opened only once.
    pub is_view_once: bool,
}

/// As what a file is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownAs {
    /// A picture.
    Image,
    /// A video.
    Video,
    /// A short video that repeats without sound.
    Gif,
    /// A round video.
    VideoNote,
    /// Sound, as a file.
    Audio,
    /// A voice note.
    Voice,
    /// A file.
    Document,
    /// A sticker.
    Sticker,
}

/// Where a file is, and what opens it: what is known once it is uploaded.
#[derive(Clone)]
pub struct FileAddress {
    /// Its address.
    pub url: String,
    /// Its path on any of the media servers.
    pub direct_path: String,
    /// The key to it.
    pub media_key: Vec<u8>,
    /// SHA-256 of the file as it is encrypted.
    pub file_enc_sha256: Vec<u8>,
}

impl ShownAs {
    /// How its file is encrypted.
    pub const fn file_kind(self) -> FileKind {
        match self {
            Self::Image => FileKind::Image,
            Self::Video | Self::Gif | Self::VideoNote => FileKind::Video,
            Self::Audio | Self::Voice => FileKind::Audio,
            Self::Document => FileKind::Document,
            Self::Sticker => FileKind::Sticker,
        }
    }
}

/// The protobuf of a message with a file, but for where the file is.
pub fn media(shown_as: ShownAs, file: FileContent, context: &Context) -> Vec<u8> {
    let (is_view_once, has_caption) = (file.is_view_once, file.caption.is_some());
    let message = match shown_as {
        ShownAs::Image => image(file, context),
        ShownAs::Video | ShownAs::Gif => {
            let video = video(shown_as, file, context);
            wa::Message { video_message: MessageField::some(video), ..Default::default() }
        }
        ShownAs::VideoNote => {
            let video = video(shown_as, file, context);
            wa::Message { ptv_message: MessageField::some(video), ..Default::default() }
        }
        ShownAs::Audio | ShownAs::Voice => audio(shown_as, file, context),
        ShownAs::Document => document(file, context),
        ShownAs::Sticker => sticker(file, context),
    };
    let message = match shown_as {
        // Phones show a caption below a document only where it is wrapped so.
        ShownAs::Document if has_caption => {
            wa::Message { document_with_caption_message: wrapped(message), ..Default::default() }
        }
        ShownAs::Voice if is_view_once => {
            wa::Message { view_once_message_v2_extension: wrapped(message), ..Default::default() }
        }
        _ if is_view_once => wa::Message { view_once_message_v2: wrapped(message), ..Default::default() },
        _ => message,
    };
    written(message, context.secret)
}

fn wrapped(message: wa::Message) -> MessageField<FutureProofMessage> {
    MessageField::some(FutureProofMessage { message: MessageField::some(message) })
}

fn image(file: FileContent, context: &Context) -> wa::Message {
    let image = ImageMessage {
        mimetype: Some(file.mimetype),
        caption: file.caption,
        file_sha256: Some(file.sha256),
        file_length: Some(file.length),
        width: file.width,
        height: file.height,
        jpeg_thumbnail: file.thumbnail,
        view_once: file.is_view_once.then_some(true),
        context_info: context.info(),
        ..Default::default()
    };
    wa::Message { image_message: MessageField::some(image), ..Default::default() }
}

fn video(shown_as: ShownAs, file: FileContent, context: &Context) -> VideoMessage {
    VideoMessage {
        mimetype: Some(file.mimetype),
        caption: file.caption,
        file_sha256: Some(file.sha256),
        file_length: Some(file.length),
        seconds: file.seconds,
        width: file.width,
        height: file.height,
        gif_playback: (shown_as == ShownAs::Gif).then_some(true),
        jpeg_thumbnail: file.thumbnail,
        view_once: file.is_view_once.then_some(true),
        context_info: context.info(),
        ..Default::default()
    }
}

fn audio(shown_as: ShownAs, file: FileContent, context: &Context) -> wa::Message {
    let is_voice = shown_as == ShownAs::Voice;
    let audio = AudioMessage {
        mimetype: Some(file.mimetype),
        file_sha256: Some(file.sha256),
        file_length: Some(file.length),
        seconds: file.seconds,
        ptt: Some(is_voice),
        waveform: file.waveform.filter(|_| is_voice),
        view_once: file.is_view_once.then_some(true),
        context_info: context.info(),
        ..Default::default()
    };
    wa::Message { audio_message: MessageField::some(audio), ..Default::default() }
}

fn document(file: FileContent, context: &Context) -> wa::Message {
    let document = DocumentMessage {
        mimetype: Some(file.mimetype),
        title: file.file_name.clone(),
        file_name: file.file_name,
        caption: file.caption,
        file_sha256: Some(file.sha256),
        file_length: Some(file.length),
        jpeg_thumbnail: file.thumbnail,
        context_info: context.info(),
        ..Default::default()
    };
    wa::Message { document_message: MessageField::some(document), ..Default::default() }
}

fn sticker(file: FileContent, context: &Context) -> wa::Message {
    let sticker = StickerMessage {
        mimetype: Some(file.mimetype),
        file_sha256: Some(file.sha256),
        file_length: Some(file.length),
        width: file.width,
        height: file.height,
        is_animated: Some(file.is_animated),
        context_info: context.info(),
        ..Default::default()
    };
    wa::Message { sticker_message: MessageField::some(sticker), ..Default::default() }
}

/// Where a message says where its file is.
struct Place<'a> {
    url: &'a mut Option<String>,
    direct_path: &'a mut Option<String>,
    media_key: &'a mut Option<Vec<u8>>,
    file_enc_sha256: &'a mut Option<Vec<u8>>,
    media_key_timestamp: &'a mut Option<i64>,
}

/// The same message, now that its file is there. None if it has none, or cannot be read.
pub fn filled(content: &[u8], address: &FileAddress, uploaded_at: Timestamp) -> Option<Vec<u8>> {
    let mut message = message_decode(content).ok()?;
    let FileAddress { url, direct_path, media_key, file_enc_sha256 } = address.clone();
    let place = place(innermost(&mut message))?;
    *place.url = Some(url);
    *place.direct_path = Some(direct_path);
    *place.media_key = Some(media_key);
    *place.file_enc_sha256 = Some(file_enc_sha256);
    *place.media_key_timestamp = Some(uploaded_at.millis() / 1_000);
    Some(message_to_vec(&message))
}

/// The same message, with its file in another place on the media servers. None if it has no file, or cannot be read.
pub fn moved(content: &[u8], direct_path: &str) -> Option<Vec<u8>> {
    let mut message = message_decode(content).ok()?;
    let place = place(innermost(&mut message))?;
    if place.direct_path.as_deref() != Some(direct_path) {
        // The whole address is that of the place before; phones make it of the path.
        (*place.url, *place.direct_path) = (None, Some(direct_path.to_owned()));
    }
    Some(message_to_vec(&message))
}

fn place(message: &mut wa::Message) -> Option<Place<'_>> {
    if let Some(ImageMessage { url, direct_path, media_key, file_enc_sha256, media_key_timestamp, .. }) =
        message.image_message.as_option_mut()
    {
        return Some(Place { url, direct_path, media_key, file_enc_sha256, media_key_timestamp });
    }
    if let Some(VideoMessage { url, direct_path, media_key, file_enc_sha256, media_key_timestamp, .. }) =
        message.video_message.as_option_mut()
    {
        return Some(Place { url, direct_path, media_key, file_enc_sha256, media_key_timestamp });
    }
    if let Some(VideoMessage { url, direct_path, media_key, file_enc_sha256, media_key_timestamp, .. }) =
        message.ptv_message.as_option_mut()
    {
        return Some(Place { url, direct_path, media_key, file_enc_sha256, media_key_timestamp });
    }
    if let Some(AudioMessage { url, direct_path, media_key, file_enc_sha256, media_key_timestamp, .. }) =
        message.audio_message.as_option_mut()
    {
        return Some(Place { url, direct_path, media_key, file_enc_sha256, media_key_timestamp });
    }
    if let Some(DocumentMessage { url, direct_path, media_key, file_enc_sha256, media_key_timestamp, .. }) =
        message.document_message.as_option_mut()
    {
        return Some(Place { url, direct_path, media_key, file_enc_sha256, media_key_timestamp });
    }
    if let Some(StickerMessage { url, direct_path, media_key, file_enc_sha256, media_key_timestamp, .. }) =
        message.sticker_message.as_option_mut()
    {
        return Some(Place { url, direct_path, media_key, file_enc_sha256, media_key_timestamp });
    }
    None
}

/// What is in the wrappers of [`media`].
pub(super) fn innermost(message: &mut wa::Message) -> &mut wa::Message {
    let is_wrapped = |wrapper: &MessageField<FutureProofMessage>| wrapper.message.is_set();
    if is_wrapped(&message.document_with_caption_message) {
        return message.document_with_caption_message.get_or_insert_default().message.get_or_insert_default();
    }
    if is_wrapped(&message.view_once_message_v2) {
        return message.view_once_message_v2.get_or_insert_default().message.get_or_insert_default();
    }
    if is_wrapped(&message.view_once_message_v2_extension) {
        return message.view_once_message_v2_extension.get_or_insert_default().message.get_or_insert_default();
    }
    message
}

#[cfg(test)]
mod tests {
    use wacore::proto_helpers::MessageExt as _;

    use super::*;
    use crate::whatsapp::compose::parts::SECRET_BYTES;
    use crate::whatsapp::compose::reading::words;

    const ALL: [ShownAs; 8] = [
        ShownAs::Image,
        ShownAs::Video,
        ShownAs::Gif,
        ShownAs::VideoNote,
        ShownAs::Audio,
        ShownAs::Voice,
        ShownAs::Document,
        ShownAs::Sticker,
    ];

    fn file() -> FileContent {
        FileContent {
            mimetype: "image/jpeg".to_owned(),
            sha256: vec![7; 32],
            length: 1_024,
            width: Some(64),
            height: Some(48),
            seconds: Some(9),
            waveform: Some(vec![50; 64]),
            ..FileContent::default()
        }
    }

    fn address() -> FileAddress {
        FileAddress {
            url: "https://mmg.example/v/x".to_owned(),
            direct_path: "/v/x".to_owned(),
            media_key: vec![1; 32],
            file_enc_sha256: vec![2; 32],
        }
    }

    fn context() -> Context {
        Context { expiration: Some(86_400), secret: [3; SECRET_BYTES], ..Context::default() }
    }

    #[test]
    fn a_message_is_filled_with_where_its_file_is_and_with_nothing_else() {
        let at = Timestamp::from_millis(1_767_143_264_500);
        for (shown_as, is_view_once) in ALL.into_iter().flat_map(|shown_as| [(shown_as, false), (shown_as, true)]) {
            let caption = Some("tea".to_owned()).filter(|_| shown_as == ShownAs::Document);
            let content = media(shown_as, FileContent { is_view_once, caption, ..file() }, &context());
            let filled = filled(&content, &address(), at).expect("it has a file");
            let mut read = message_decode(&filled).expect("it is a message");
            assert_eq!(
                read.message_context_info.message_secret.as_deref(),
                Some(&[3; SECRET_BYTES][..]),
                "{shown_as:?}"
            );
            let place = place(innermost(&mut read)).expect("it has one");
            assert_eq!(place.url.take().as_deref(), Some("https://mmg.example/v/x"), "{shown_as:?}");
            assert_eq!(place.direct_path.take().as_deref(), Some("/v/x"));
            assert_eq!(place.media_key.take(), Some(vec![1; 32]));
            assert_eq!(place.file_enc_sha256.take(), Some(vec![2; 32]));
            assert_eq!(place.media_key_timestamp.take(), Some(1_767_143_264));
            assert_eq!(message_to_vec(&read), content, "{shown_as:?}");
        }
    }

    #[test]
    fn what_can_be_opened_once_is_wrapped_and_says_so() {
        let content = |shown_as| media(shown_as, FileContent { is_view_once: true, ..file() }, &context());
        for shown_as in [ShownAs::Image, ShownAs::Video] {
            let read = message_decode(&content(shown_as)).expect("it is a message");
            assert!(read.view_once_message_v2.message.is_set() && read.is_view_once(), "{shown_as:?}");
        }
        let voice = message_decode(&content(ShownAs::Voice)).expect("it is a message");
        let inner = &voice.view_once_message_v2_extension.message.audio_message;
        assert_eq!((inner.view_once, inner.ptt), (Some(true), Some(true)));
    }

    #[test]
    fn each_kind_says_what_phones_tell_it_by() {
        let read = |shown_as| message_decode(&media(shown_as, file(), &context())).expect("it is a message");
        let image = read(ShownAs::Image).image_message;
        assert_eq!((image.width, image.height, image.file_length), (Some(64), Some(48), Some(1_024)));
        assert_eq!(image.context_info.expiration, Some(86_400));
        assert_eq!(read(ShownAs::Gif).video_message.gif_playback, Some(true));
        assert_eq!(read(ShownAs::Video).video_message.gif_playback, None);
        assert_eq!(read(ShownAs::VideoNote).ptv_message.seconds, Some(9));
        let (audio, voice) = (read(ShownAs::Audio).audio_message, read(ShownAs::Voice).audio_message);
        assert_eq!((audio.ptt, audio.waveform.as_deref()), (Some(false), None));
        assert_eq!((voice.ptt, voice.waveform.as_deref()), (Some(true), Some(&[50; 64][..])));
        assert_eq!(read(ShownAs::Sticker).sticker_message.is_animated, Some(false));
    }

    #[test]
    fn a_caption_is_read_again_and_wraps_a_document() {
        for shown_as in [ShownAs::Image, ShownAs::Video, ShownAs::Document] {
            let caption = Some("the menu".to_owned());
            let content = media(shown_as, FileContent { caption, ..file() }, &context());
            assert_eq!(words(&content).as_deref(), Some("the menu"), "{shown_as:?}");
            let read = message_decode(&content).expect("it is a message");
            assert_eq!(read.document_with_caption_message.is_set(), shown_as == ShownAs::Document);
        }
        let plain = message_decode(&media(ShownAs::Document, file(), &context())).expect("it is a message");
        assert!(plain.document_message.is_set());
    }

    #[test]
    fn what_has_no_file_is_not_filled() {
        let at = Timestamp::from_millis(0);
        let text = crate::whatsapp::compose::text::text(&crate::whatsapp::compose::Text::default(), &context());
        assert_eq!(filled(&text, &address(), at), None);
        assert_eq!(filled(&[0xff], &address(), at), None);
    }
}
