//! Messages whose words were changed after they were sent.

use wacore::proto_helpers::MessageExt as _;
use waproto::codec::{message_decode, message_to_vec};
use waproto::whatsapp as wa;

/// A message with other words: its text, or those below its file. Nothing else changes, but that what was shown of a page that the old
/// text linked to is gone. None if it has no words that can be changed, can be seen once only, or cannot be read.
pub fn reworded(content: &[u8], words: &str) -> Option<Vec<u8>> {
    let message = message_decode(content).ok().filter(|message| !message.is_view_once())?;
    let mut message = message.get_base_message().clone();
    *words_of(&mut message)? = Some(words.to_owned());
    if let Some(text) = message.extended_text_message.as_option_mut() {
        (text.matched_text, text.title, text.description, text.jpeg_thumbnail) = (None, None, None, None);
    }
    Some(message_to_vec(&message))
}

fn words_of(message: &mut wa::Message) -> Option<&mut Option<String>> {
    if message.extended_text_message.is_set() {
        return message.extended_text_message.as_option_mut().map(|text| &mut text.text);
    }
    if message.image_message.is_set() {
        return message.image_message.as_option_mut().map(|image| &mut image.caption);
    }
    if message.video_message.is_set() {
        return message.video_message.as_option_mut().map(|video| &mut video.caption);
    }
    if message.document_message.is_set() {
        return message.document_message.as_option_mut().map(|document| &mut document.caption);
    }
    message.conversation.is_some().then_some(&mut message.conversation)
}

#[cfg(test)]
mod tests {
    use waproto::buffa::MessageField;
    use waproto::whatsapp::message::{DocumentMessage, ImageMessage};

    use super::*;
    use crate::whatsapp::compose::parts::{Context, SECRET_BYTES};
    use crate::whatsapp::compose::reading::words;
    use crate::whatsapp::compose::text::{Preview, Text, text};

    #[test]
    fn texts_and_captions_get_other_words_and_keep_the_rest() {
        let preview = Some(Preview { url: "https://a.example".to_owned(), ..Preview::default() });
        let context = Context { secret: [1; SECRET_BYTES], ..Context::default() };
        let sent = text(&Text { text: "see https://a.example".to_owned(), preview }, &context);
        let read = message_decode(&reworded(&sent, "see nothing").expect("it has words")).expect("it is a message");
        assert_eq!(read.extended_text_message.text.as_deref(), Some("see nothing"));
        assert_eq!(read.extended_text_message.matched_text, None);
        assert_eq!(read.message_context_info.message_secret.as_deref(), Some(&[1; SECRET_BYTES][..]));
        let plain = wa::Message { conversation: Some("tea".to_owned()), ..Default::default() };
        assert_eq!(
            words(&reworded(&message_to_vec(&plain), "at six").expect("it has words")),
            Some("at six".to_owned())
        );
        let image = ImageMessage { direct_path: Some("/v/t62".to_owned()), ..Default::default() };
        let image = message_to_vec(&wa::Message { image_message: MessageField::some(image), ..Default::default() });
        let read = message_decode(&reworded(&image, "tea").expect("it can have words")).expect("it is a message");
        assert_eq!(read.image_message.caption.as_deref(), Some("tea"));
        assert_eq!(read.image_message.direct_path.as_deref(), Some("/v/t62"));
        let document = DocumentMessage { file_name: Some("tea.pdf".to_owned()), ..Default::default() };
        let document = wa::Message { document_message: MessageField::some(document), ..Default::default() };
        assert!(reworded(&message_to_vec(&document), "tea").is_some());
    }

    #[test]
    fn what_has_no_words_or_can_be_seen_once_stays_as_it_is() {
        assert_eq!(reworded(&message_to_vec(&wa::Message::default()), "tea"), None);
        let image = ImageMessage { view_once: Some(true), ..Default::default() };
        let image = message_to_vec(&wa::Message { image_message: MessageField::some(image), ..Default::default() });
        assert_eq!(reworded(&image, "tea"), None);
        assert_eq!(reworded(b"no message", "tea"), None);
    }
}
