//! The protobufs of what this server sends. All of them are made here, whole, before they are sent: the library adds nothing that
//! would be another one when the same message is sent again.

use entity::timestamp::Timestamp;
use wacore::proto_helpers::MessageExt as _;
use waproto::buffa::MessageField;
use waproto::codec::{message_decode, message_to_vec};
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use waproto::whatsapp::message::{ExtendedTextMessage, ProtocolMessage, ReactionMessage};

use crate::whatsapp::key_text;

/// Bytes of the secret that each message carries: what later opens its votes, edits and comments.
pub const SECRET_BYTES: usize = 32;

/// A text that is to be sent.
#[derive(Clone, Default)]
pub struct Text {
    /// What it says.
    pub text: String,
    /// What is shown of a page that it links to.
    pub preview: Option<Preview>,
    /// What it answers.
    pub quote: Option<Quote>,
    /// JIDs of those whom it mentions.
    pub mentions: Vec<String>,
    /// After how many seconds it disappears. None if it stays.
    pub expiration: Option<u32>,
    /// Its secret.
    pub secret: [u8; SECRET_BYTES],
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

/// A message that is answered.
#[derive(Clone)]
pub struct Quote {
    /// Its id.
    pub message_id: String,
    /// JID of who sent it.
    pub sender: String,
    /// Its protobuf.
    pub content: Vec<u8>,
}

/// A message that another one is about.
#[derive(Clone)]
pub struct Target {
    /// JID of its chat.
    pub chat: String,
    /// Its id.
    pub message_id: String,
    /// Whether the account sent it.
    pub is_from_me: bool,
    /// JID of who sent it, in a group.
    pub participant: Option<String>,
}

/// The protobuf of a text.
pub fn text(text: &Text) -> Vec<u8> {
    let mut content = ExtendedTextMessage { text: Some(text.text.clone()), ..Default::default() };
    if let Some(Preview { url, title, description, thumbnail }) = &text.preview {
        content.matched_text = Some(url.clone());
        content.title.clone_from(title);
        content.description.clone_from(description);
        content.jpeg_thumbnail.clone_from(thumbnail);
    }
    if text.quote.is_some() || !text.mentions.is_empty() || text.expiration.is_some() {
        let mut context = text.quote.as_ref().map(quoting).unwrap_or_default();
        context.mentioned_jid.clone_from(&text.mentions);
        context.expiration = text.expiration;
        content.context_info = MessageField::some(context);
    }
    written(wa::Message { extended_text_message: MessageField::some(content), ..Default::default() }, text.secret)
}

/// The protobuf of a reaction. An empty one takes the account's reaction back.
pub fn reaction(target: &Target, emoji: &str, now: Timestamp, secret: [u8; SECRET_BYTES]) -> Vec<u8> {
    let reaction = ReactionMessage {
        key: MessageField::some(key(target)),
        text: Some(emoji.to_owned()),
        sender_timestamp_ms: Some(now.millis()),
        ..Default::default()
    };
    written(wa::Message { reaction_message: MessageField::some(reaction), ..Default::default() }, secret)
}

/// The protobuf that gives a message another text.
pub fn edit(target: &Target, text: &str, now: Timestamp, secret: [u8; SECRET_BYTES]) -> Vec<u8> {
    let content = ExtendedTextMessage { text: Some(text.to_owned()), ..Default::default() };
    let edited = wa::Message { extended_text_message: MessageField::some(content), ..Default::default() };
    let protocol = ProtocolMessage {
        key: MessageField::some(key(target)),
        r#type: Some(ProtocolType::MESSAGE_EDIT),
        edited_message: MessageField::some(edited),
        timestamp_ms: Some(now.millis()),
        ..Default::default()
    };
    written(wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() }, secret)
}

/// The protobuf that removes a message for everybody.
pub fn revoke(target: &Target, secret: [u8; SECRET_BYTES]) -> Vec<u8> {
    let protocol = ProtocolMessage {
        key: MessageField::some(key(target)),
        r#type: Some(ProtocolType::REVOKE),
        ..Default::default()
    };
    written(wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() }, secret)
}

/// The words of a message, or those below its media. None if it has none, or cannot be read.
pub fn words(content: &[u8]) -> Option<String> {
    let message = message_decode(content).ok()?;
    let base = message.get_base_message();
    let edited = base.protocol_message.as_option().and_then(|protocol| protocol.edited_message.as_option());
    let base = edited.unwrap_or(base);
    let reaction = base.reaction_message.as_option().and_then(|reaction| reaction.text.as_deref());
    base.text_content().or_else(|| base.get_caption()).or(reaction).map(str::to_owned)
}

/// The id of the message that a reaction, an edit or a removal is about. None if it is about none, or cannot be read.
pub fn target_id(content: &[u8]) -> Option<String> {
    let message = message_decode(content).ok()?;
    let base = message.get_base_message();
    let keys = [&base.protocol_message.key, &base.reaction_message.key];
    keys.into_iter().find_map(|key| key.id.as_deref()).map(|id| key_text::id(id).into_owned())
}

fn key(target: &Target) -> wa::MessageKey {
    wa::MessageKey {
        remote_jid: Some(target.chat.clone()),
        from_me: Some(target.is_from_me),
        id: Some(target.message_id.clone()),
        participant: target.participant.clone(),
    }
}

/// What says that a message answers another. Without what the other one says, phones show an empty box.
fn quoting(quote: &Quote) -> wa::ContextInfo {
    let quoted = message_decode(&quote.content).unwrap_or_default();
    wa::ContextInfo {
        stanza_id: Some(quote.message_id.clone()),
        participant: Some(quote.sender.clone()),
        quoted_message: MessageField::from_box(quoted.prepare_for_quote()),
        ..Default::default()
    }
}

fn written(mut message: wa::Message, secret: [u8; SECRET_BYTES]) -> Vec<u8> {
    let context = wa::MessageContextInfo { message_secret: Some(secret.to_vec()), ..Default::default() };
    message.message_context_info = MessageField::some(context);
    message_to_vec(&message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_to_a_message_names_it_and_says_the_same_whenever_it_is_sent() {
        let target = Target {
            chat: "15550100077@s.whatsapp.net".to_owned(),
            message_id: "3EB0A".to_owned(),
            is_from_me: true,
            participant: None,
        };
        let (now, secret) = (Timestamp::from_millis(1_767_143_264_123), [3; SECRET_BYTES]);
        let rows = [
            (reaction(&target, "\u{1f44d}", now, secret), Some("\u{1f44d}")),
            (reaction(&target, "", now, secret), Some("")),
            (edit(&target, "at seven", now, secret), Some("at seven")),
            (revoke(&target, secret), None),
        ];
        for (content, said) in &rows {
            assert_eq!(words(content).as_deref(), *said);
            assert_eq!(target_id(content).as_deref(), Some("3EB0A"));
            let read = message_decode(content).expect("it is a message");
            assert_eq!(read.message_context_info.message_secret.as_deref(), Some(&secret[..]));
        }
        let read = message_decode(&rows[2].0).expect("it is a message");
        let protocol = &read.protocol_message;
        assert_eq!((protocol.key.from_me, protocol.key.participant.as_ref()), (Some(true), None));
        assert_eq!(protocol.timestamp_ms, Some(1_767_143_264_123));
        assert_eq!(target_id(&text(&Text { text: "tea".to_owned(), ..Text::default() })), None);
    }

    #[test]
    fn the_same_text_is_the_same_bytes_and_says_what_it_was_given() {
        let quoted = Text { text: "tea?".to_owned(), secret: [2; SECRET_BYTES], ..Text::default() };
        let quote = Quote {
            message_id: "3EB0A".to_owned(),
            sender: "15550100077@s.whatsapp.net".to_owned(),
            content: super::text(&quoted),
        };
        let answer = Text {
            text: "at six, @15550100078".to_owned(),
            quote: Some(quote),
            mentions: vec!["15550100078@s.whatsapp.net".to_owned()],
            expiration: Some(86_400),
            secret: [1; SECRET_BYTES],
            ..Text::default()
        };
        let written = super::text(&answer);
        assert_eq!(written, super::text(&answer));
        assert_eq!(words(&written).as_deref(), Some("at six, @15550100078"));
        let read = message_decode(&written).expect("it is a message");
        let context = &read.extended_text_message.context_info;
        assert_eq!(context.stanza_id.as_deref(), Some("3EB0A"));
        assert_eq!(context.participant.as_deref(), Some("15550100077@s.whatsapp.net"));
        assert_eq!(context.quoted_message.text_content(), Some("tea?"));
        assert_eq!(context.mentioned_jid, ["15550100078@s.whatsapp.net"]);
        assert_eq!(context.expiration, Some(86_400));
        assert_eq!(read.message_context_info.message_secret.as_deref(), Some(&[1; SECRET_BYTES][..]));
    }
}
