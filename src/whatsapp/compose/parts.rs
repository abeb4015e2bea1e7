//! What the protobufs of all messages share.

use wacore::proto_helpers::MessageExt as _;
use waproto::buffa::MessageField;
use waproto::codec::{message_decode, message_to_vec};
use waproto::whatsapp as wa;

/// Bytes of the secret that each message carries: what later opens its votes, edits and comments.
pub const SECRET_BYTES: usize = 32;

/// What a message says beside its content.
#[derive(Clone, Default)]
pub struct Context {
    /// What it answers.
    pub quote: Option<Quote>,
    /// JIDs of those whom it mentions.
    pub mentions: Vec<String>,
    /// Whether it mentions everybody in the group.
    pub mentions_all: bool,
    /// After how many seconds it disappears. None if it stays.
    pub expiration: Option<u32>,
    /// Its secret.
    pub secret: [u8; SECRET_BYTES],
}

impl Context {
    /// What the content carries of it. None if there is nothing to carry.
    pub(super) fn info(&self) -> MessageField<wa::ContextInfo> {
        if self.quote.is_none() && self.mentions.is_empty() && !self.mentions_all && self.expiration.is_none() {
            return MessageField::none();
        }
        let mut info = self.quote.as_ref().map(quoting).unwrap_or_default();
        info.mentioned_jid.clone_from(&self.mentions);
        // So WhatsApp's apps write it: how many it mentions without a JID.
        info.non_jid_mentions = self.mentions_all.then_some(1);
        info.expiration = self.expiration;
        MessageField::some(info)
    }
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

/// What seals an answer to a poll or an event.
#[derive(Clone, Copy)]
pub struct Sealing<'a> {
    /// The secret of the poll or event.
    pub secret: &'a [u8],
    /// JID of who sent that.
    pub creator: &'a str,
    /// JID of the account, which must be of the same kind: by number or by LID. Otherwise the creator's phone cannot open it.
    pub own: &'a str,
}

pub(super) fn key(target: &Target) -> wa::MessageKey {
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

pub(super) fn written(message: wa::Message, secret: [u8; SECRET_BYTES]) -> Vec<u8> {
    written_for(message, secret, None)
}

/// The same, of what lasts for so many seconds.
pub(super) fn written_for(mut message: wa::Message, secret: [u8; SECRET_BYTES], seconds: Option<u32>) -> Vec<u8> {
    let context = wa::MessageContextInfo {
        message_secret: Some(secret.to_vec()),
        message_add_on_duration_in_secs: seconds,
        ..Default::default()
    };
    message.message_context_info = MessageField::some(context);
    message_to_vec(&message)
}
