//! Texts.

use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::ExtendedTextMessage;

use crate::whatsapp::compose::parts::{Context, written};

/// A text that is to be sent.
#[derive(Clone, Default)]
pub struct Text {
    /// What it says.
    pub text: String,
    /// What is shown of a page that it links to.
    pub preview: Option<Preview>,
}

/// What is shown of a page that a text links to.
#[derive(Clone, Default)]
pub struct Preview {
    /// The link, as it stands in the text.
    pub url: String,
    /// The page's title.
    pub title: Option<String>,
    /// What the page says about itself.
    pub description: Option<String>,
    /// A small JPEG picture.
    pub thumbnail: Option<Vec<u8>>,
}

/// The protobuf of a text.
pub fn text(text: &Text, context: &Context) -> Vec<u8> {
    let mut content = ExtendedTextMessage { text: Some(text.text.clone()), ..Default::default() };
    if let Some(Preview { url, title, description, thumbnail }) = &text.preview {
        content.matched_text = Some(url.clone());
        content.title.clone_from(title);
        content.description.clone_from(description);
        content.jpeg_thumbnail.clone_from(thumbnail);
    }
    content.context_info = context.info();
    written(wa::Message { extended_text_message: MessageField::some(content), ..Default::default() }, context.secret)
}

#[cfg(test)]
mod tests {
    use wacore::proto_helpers::MessageExt as _;
    use waproto::codec::message_decode;

    use super::*;
    use crate::whatsapp::compose::parts::{Quote, SECRET_BYTES};
    use crate::whatsapp::compose::reading::words;

    #[test]
    fn the_same_text_is_the_same_bytes_and_says_what_it_was_given() {
        let tea = |text: &str| Text { text: text.to_owned(), preview: None };
        let quote = Quote {
            message_id: "3EB0A".to_owned(),
            sender: "15550100077@s.whatsapp.net".to_owned(),
            content: super::text(&tea("tea?"), &Context { secret: [2; SECRET_BYTES], ..Context::default() }),
        };
        let answer = tea("at six, @15550100078");
        let context = Context {
            quote: Some(quote),
            mentions: vec!["15550100078@s.whatsapp.net".to_owned()],
            mentions_all: true,
            expiration: Some(86_400),
            secret: [1; SECRET_BYTES],
        };
        let written = super::text(&answer, &context);
        assert_eq!(written, super::text(&answer, &context));
        assert_eq!(words(&written).as_deref(), Some("at six, @15550100078"));
        let read = message_decode(&written).expect("it is a message");
        let context = &read.extended_text_message.context_info;
        assert_eq!(context.stanza_id.as_deref(), Some("3EB0A"));
        assert_eq!(context.participant.as_deref(), Some("15550100077@s.whatsapp.net"));
        assert_eq!(context.quoted_message.text_content(), Some("tea?"));
        assert_eq!(context.mentioned_jid, ["15550100078@s.whatsapp.net"]);
        assert_eq!(context.non_jid_mentions, Some(1));
        assert_eq!(context.expiration, Some(86_400));
        assert_eq!(read.message_context_info.message_secret.as_deref(), Some(&[1; SECRET_BYTES][..]));
    }
}
