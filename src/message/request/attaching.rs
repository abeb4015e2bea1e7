//! The file of a message that is to be sent: brought into the store and made fit for phones before the message is accepted, so that
//! what cannot be sent is refused at once, and nothing is written.

use entity::words::message::MessageType;

use crate::caller::Caller;
use crate::error::Result;
use crate::media::format::kind::UNKNOWN;
use crate::media::prepare::{Prepared, SentAs, prepare};
use crate::message::Messages;
use crate::message::request::album::DraftItem;
use crate::message::request::checked::album::of_item;
use crate::message::request::checked::media::{CheckedMedia, FIELD};
use crate::message::store::upload_store::AwaitedUpload;
use crate::whatsapp::compose::{self, Context, FileContent, ShownAs};

/// What a document is called that nobody gave a name: phones show nothing without one.
const UNNAMED: &str = "file";

impl Messages {
    /// What a message with a file is, its protobuf without where the file will be, and the file.
    ///
    /// # Errors
    /// `MediaNotFound`, `Invalid`, `MediaTooLarge`, `MediaUnsupported`, `MediaFetchRefused`, `MediaGone`, `Unavailable`.
    pub(in crate::message) async fn attached(
        &self,
        caller: &Caller,
        media: CheckedMedia,
        context: &Context,
    ) -> Result<(MessageType, Vec<u8>, AwaitedUpload)> {
        let CheckedMedia { shown_as, source, mimetype: given, file_name, keeps_metadata, .. } = media;
        let stored = self.media.resolve(caller, FIELD, source).await?;
        let name = file_name.or_else(|| stored.file_name.clone());
        let sent_as = sent_as(shown_as);
        let prepared = prepare(self.media.files(), stored, sent_as, keeps_metadata, FIELD).await?;
        // What was made anew is nobody's until it is written down. From then on it stays for long enough that the message is written.
        self.media.keep(prepared.file.hash, prepared.file.size).await?;
        let mimetype = mimetype(&prepared, sent_as, given);
        let Prepared { file, width, height, seconds, waveform, thumbnail, is_animated } = prepared;
        let content = FileContent {
            mimetype: mimetype.clone(),
            sha256: file.hash.0.to_vec(),
            length: file.size,
            width,
            height,
            // What the client says of it goes before what the file does.
            seconds: media.seconds.or(seconds),
            thumbnail: media.thumbnail.or(thumbnail),
            waveform: media.waveform.or(waveform),
            is_animated,
            caption: media.caption,
            file_name: (shown_as == ShownAs::Document).then(|| name.unwrap_or_else(|| UNNAMED.to_owned())),
            is_view_once: media.is_view_once,
        };
        let upload = AwaitedUpload { hash: file.hash, kind: shown_as.file_kind(), mimetype };
        Ok((message_type(shown_as), compose::media(shown_as, content, context), upload))
    }

    /// The pictures and videos of an album. Only the album itself answers a message, and only those with a caption mention somebody.
    ///
    /// # Errors
    /// As [`attached`](Self::attached), of the first that cannot be sent.
    pub(in crate::message) async fn album_items(
        &self,
        caller: &Caller,
        items: Vec<CheckedMedia>,
        context: &Context,
    ) -> Result<Vec<DraftItem>> {
        let mut drafts = Vec::with_capacity(items.len());
        // One after the other: pictures are large while they are prepared.
        for (index, item) in items.into_iter().enumerate() {
            let has_caption = item.caption.is_some();
            let context = Context {
                quote: None,
                mentions: context.mentions.iter().filter(|_| has_caption).cloned().collect(),
                mentions_all: context.mentions_all && has_caption,
                expiration: context.expiration,
                secret: rand::random(),
            };
            let attached = self.attached(caller, item, &context).await;
            let (message_type, content, upload) = attached.map_err(|error| of_item(index, error))?;
            drafts.push(DraftItem { message_type, content, upload });
        }
        Ok(drafts)
    }
}

/// The media type of a file: what its bytes say. Only of a document that says nothing is what its giver says believed, since phones only
/// choose by it with what they open it.
fn mimetype(prepared: &Prepared, sent_as: SentAs, given: Option<String>) -> String {
    let found = prepared.file.mimetype.clone();
    match given.filter(|_| sent_as == SentAs::Document && (found.is_empty() || found == UNKNOWN)) {
        Some(given) => given,
        None if found.is_empty() => UNKNOWN.to_owned(),
        None => found,
    }
}

const fn sent_as(shown_as: ShownAs) -> SentAs {
    match shown_as {
        ShownAs::Image => SentAs::Image,
        ShownAs::Video | ShownAs::Gif | ShownAs::VideoNote => SentAs::Video,
        ShownAs::Audio => SentAs::Audio,
        ShownAs::Voice => SentAs::Voice,
        ShownAs::Document => SentAs::Document,
        ShownAs::Sticker => SentAs::Sticker,
    }
}

const fn message_type(shown_as: ShownAs) -> MessageType {
    match shown_as {
        ShownAs::Image => MessageType::Image,
        ShownAs::Video | ShownAs::Gif | ShownAs::VideoNote => MessageType::Video,
        ShownAs::Audio => MessageType::Audio,
        ShownAs::Voice => MessageType::Voice,
        ShownAs::Document => MessageType::Document,
        ShownAs::Sticker => MessageType::Sticker,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::hash::FileHash;
    use crate::media::types::StoredMedia;

    fn prepared(mimetype: &str) -> Prepared {
        let mimetype = mimetype.to_owned();
        let file = StoredMedia { hash: FileHash([7; 32]), size: 9, mimetype, file_name: None };
        Prepared {
            file,
            width: None,
            height: None,
            seconds: Some(3),
            waveform: Some(vec![1; 64]),
            thumbnail: None,
            is_animated: false,
        }
    }

    #[test]
    fn what_a_file_is_its_bytes_say_and_else_only_of_a_document_its_giver() {
        let of = |found, sent_as, given: Option<&str>| mimetype(&prepared(found), sent_as, given.map(str::to_owned));
        assert_eq!(of("image/jpeg", SentAs::Image, Some("image/png")), "image/jpeg");
        assert_eq!(of("application/pdf", SentAs::Document, Some("text/plain")), "application/pdf");
        assert_eq!(of(UNKNOWN, SentAs::Document, Some("text/csv")), "text/csv");
        assert_eq!(of(UNKNOWN, SentAs::Audio, Some("audio/mpeg")), UNKNOWN);
        assert_eq!(of("", SentAs::Document, None), UNKNOWN);
    }
}
