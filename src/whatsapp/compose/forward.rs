//! Messages that are forwarded: what they say, without what they answered and whom they mentioned, and with how often that was done.

use wacore::proto_helpers::MessageExt as _;
use waproto::codec::message_decode;
use waproto::whatsapp as wa;

use crate::whatsapp::compose::parts::{Context, written};

/// Why a message cannot be forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unforwardable {
    /// It can be seen once only.
    ViewOnce,
    /// What it says was not kept, or cannot be read.
    Unreadable,
}

/// Whether a message that was kept can be forwarded.
///
/// # Errors
/// Why it cannot.
pub fn forwardable(content: &[u8]) -> Result<(), Unforwardable> {
    let message = message_decode(content).ok().filter(|_| !content.is_empty()).ok_or(Unforwardable::Unreadable)?;
    if message.is_view_once() { Err(Unforwardable::ViewOnce) } else { Ok(()) }
}

/// The protobuf that forwards a message. Its file is not uploaded again: it stays where it is, with the key that it has. Nothing, if it
/// cannot be read.
pub fn forward(content: &[u8], context: &Context) -> Vec<u8> {
    let Ok(message) = message_decode(content) else { return Vec::new() };
    let mut forwarded = *message.get_base_message().prepare_for_forward();
    // The timer of the chat that it came from must not go along. The library's own function sets one and takes none away.
    if let Some(info) = info_of(&mut forwarded) {
        info.expiration = context.expiration;
    }
    written(forwarded, context.secret)
}

/// What a message that can be forwarded says beside its content.
fn info_of(message: &mut wa::Message) -> Option<&mut wa::ContextInfo> {
    macro_rules! first_of {
        ($($part:ident),+ $(,)?) => {
            $(if message.$part.is_set() {
                return message.$part.as_option_mut().and_then(|part| part.context_info.as_option_mut());
            })+
        };
    }
    first_of!(
        extended_text_message,
        image_message,
        video_message,
        ptv_message,
        audio_message,
        document_message,
        sticker_message,
        location_message,
        live_location_message,
        contact_message,
        contacts_array_message,
        poll_creation_message,
        poll_creation_message_v2,
        poll_creation_message_v3,
        poll_creation_message_v5,
    );
    None
}

#[cfg(test)]
mod tests {
    use waproto::buffa::MessageField;
    use waproto::codec::message_to_vec;
    use waproto::whatsapp as wa;
    use waproto::whatsapp::message::ImageMessage;

    use super::*;
    use crate::whatsapp::compose::parts::{Quote, SECRET_BYTES};
    use crate::whatsapp::compose::text::{Text, text};

    #[test]
    fn a_forwarded_text_answers_nothing_and_counts_how_often_it_was_forwarded() {
        let tea = Text { text: "tea".to_owned(), preview: None };
        let quote =
            Quote { message_id: "Q1".to_owned(), sender: "15550100077@s.whatsapp.net".to_owned(), content: vec![] };
        let mentions = vec!["15550100078@s.whatsapp.net".to_owned()];
        let (expiration, secret) = (Some(86_400), [1; SECRET_BYTES]);
        let old = Context { quote: Some(quote), mentions, mentions_all: false, expiration, secret };
        let mut sent = text(&tea, &old);
        for (score, expiration) in [(0, Some(604_800)), (1, None), (2, None), (3, None), (4, None), (127, None)] {
            let context = Context { expiration, secret: [2; SECRET_BYTES], ..Context::default() };
            sent = forward(&sent, &context);
            let read = message_decode(&sent).expect("it is a message");
            let info = &read.extended_text_message.context_info;
            assert_eq!(read.extended_text_message.text.as_deref(), Some("tea"));
            assert_eq!((info.is_forwarded, info.forwarding_score), (Some(true), Some(score)));
            assert_eq!(info.expiration.unwrap_or(0), expiration.unwrap_or(0));
            assert!(info.stanza_id.is_none() && !info.quoted_message.is_set() && info.mentioned_jid.is_empty());
            assert_eq!(read.message_context_info.message_secret.as_deref(), Some(&[2; SECRET_BYTES][..]));
        }
    }

    #[test]
    fn a_file_stays_where_it_is() {
        let image = ImageMessage {
            direct_path: Some("/v/t62".to_owned()),
            media_key: Some(vec![9; 32]),
            caption: Some("tea".to_owned()),
            ..Default::default()
        };
        let message = wa::Message { image_message: MessageField::some(image.clone()), ..Default::default() };
        let sent = forward(&message_to_vec(&message), &Context::default());
        let read = message_decode(&sent).expect("it is a message").image_message;
        assert_eq!((&read.direct_path, &read.media_key), (&image.direct_path, &image.media_key));
        assert_eq!((read.caption.as_deref(), read.context_info.is_forwarded), (Some("tea"), Some(true)));
    }

    #[test]
    fn what_can_be_seen_once_is_not_forwarded() {
        let image = ImageMessage { view_once: Some(true), ..Default::default() };
        let message = wa::Message { image_message: MessageField::some(image), ..Default::default() };
        assert_eq!(forwardable(&message_to_vec(&message)), Err(Unforwardable::ViewOnce));
        assert_eq!(forwardable(&[]), Err(Unforwardable::Unreadable));
        assert_eq!(forwardable(b"no message"), Err(Unforwardable::Unreadable));
        let tea = Text { text: "tea".to_owned(), preview: None };
        assert_eq!(forwardable(&text(&tea, &Context::default())), Ok(()));
    }
}
