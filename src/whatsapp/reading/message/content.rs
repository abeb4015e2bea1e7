//! What is in a message: one look at each thing that it can be.

use entity::words::{MediaKind, MessageType};
use whatsapp_rust::Jid;
use whatsapp_rust::types::message::{EditAttribute, MessageInfo};
use whatsapp_rust::wacore_binary::JidExt as _;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message as part;
use whatsapp_rust::waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use whatsapp_rust::waproto::whatsapp::message::secret_encrypted_message::SecretEncType;

use crate::event::body::message::{
    MessageContact, MessageEdit, MessageLocation, MessageMedia, MessagePoll, MessageQuote, MessageReaction,
    MessageRevoke,
};
use crate::whatsapp::reading::Own;
use crate::whatsapp::reading::message::{attached, interactive, media, wrapper};

/// What is around a message: where it came from, and to whom.
pub(super) struct Around<'a> {
    pub(super) info: &'a MessageInfo,
    pub(super) own: &'a Own,
}

/// What is in a message.
#[derive(Clone, PartialEq)]
pub(super) struct Content {
    pub(super) message_type: MessageType,
    pub(super) text: Option<String>,
    pub(super) caption: Option<String>,
    pub(super) media: Option<MessageMedia>,
    pub(super) location: Option<MessageLocation>,
    pub(super) quoted: Option<MessageQuote>,
    pub(super) mentions: Vec<String>,
    pub(super) reaction: Option<MessageReaction>,
    pub(super) edit: Option<MessageEdit>,
    pub(super) revoke: Option<MessageRevoke>,
    pub(super) poll: Option<MessagePoll>,
    pub(super) contacts: Vec<MessageContact>,
}

impl Content {
    pub(super) fn of(message_type: MessageType) -> Self {
        Self {
            message_type,
            text: None,
            caption: None,
            media: None,
            location: None,
            quoted: None,
            mentions: Vec::new(),
            reaction: None,
            edit: None,
            revoke: None,
            poll: None,
            contacts: Vec::new(),
        }
    }

    /// What it answers and whom it mentions.
    pub(super) fn within(mut self, context: Option<&wa::ContextInfo>) -> Self {
        if let Some(context) = context {
            self.quoted = context
                .stanza_id
                .clone()
                .map(|message_id| MessageQuote { message_id, participant: context.participant.clone() });
            self.mentions = context.mentioned_jid.iter().map(ToString::to_string).collect();
        }
        self
    }

    pub(super) fn media(media: MessageMedia, caption: Option<String>) -> Self {
        let message_type = match media.kind {
            MediaKind::Image => MessageType::Image,
            MediaKind::Video => MessageType::Video,
            MediaKind::Audio => MessageType::Audio,
            MediaKind::Voice => MessageType::Voice,
            MediaKind::Document => MessageType::Document,
            MediaKind::Sticker => MessageType::Sticker,
        };
        Self { media: Some(media), caption, ..Self::of(message_type) }
    }
}

/// None if no person said it.
pub(super) fn content(message: &wa::Message, around: &Around<'_>) -> Option<Content> {
    let message = wrapper::unwrapped(message);
    if let Some(protocol) = message.protocol_message.as_option() {
        return protocol_content(protocol, around);
    }
    if let Some(text) = &message.conversation {
        return Some(Content { text: Some(text.clone()), ..Content::of(MessageType::Text) });
    }
    if let Some(extended) = message.extended_text_message.as_option() {
        let content = Content { text: extended.text.clone(), ..Content::of(MessageType::Text) };
        return Some(content.within(extended.context_info.as_option()));
    }
    let content = media::media(message).or_else(|| attached::place(message)).or_else(|| reaction(message, around));
    let content = content.or_else(|| attached::poll(message)).or_else(|| attached::contacts(message));
    let content = content.or_else(|| interactive::words(message)).or_else(|| sealed_edit(message));
    content.or_else(|| (!is_silent(message)).then(|| Content::of(MessageType::Unknown)))
}

/// Whether a message only hands keys over.
fn is_silent(message: &wa::Message) -> bool {
    let mut rest = message.clone();
    rest.sender_key_distribution_message = Default::default();
    rest.fast_ratchet_key_sender_key_distribution_message = Default::default();
    rest.group_root_key_share = Default::default();
    rest.root_secret_distribute_message = Default::default();
    rest.message_context_info = Default::default();
    rest == wa::Message::default()
}

/// Edits and removals are said in the protocol's own messages; so is much that is no news.
fn protocol_content(protocol: &part::ProtocolMessage, around: &Around<'_>) -> Option<Content> {
    let key = protocol.key.as_option();
    let message_id = key.and_then(|key| key.id.clone());
    match protocol.r#type {
        Some(ProtocolType::MESSAGE_EDIT) => {
            let edited = protocol.edited_message.as_option().and_then(|edited| content(edited, around));
            let edited = edited.unwrap_or_else(|| Content::of(MessageType::Unknown));
            let edit = Some(MessageEdit { message_id: message_id? });
            Some(Content { message_type: MessageType::Edit, edit, ..edited })
        }
        kind if is_removal(kind, around.info) => {
            let participant = key.and_then(|key| key.participant.clone());
            let revoke = MessageRevoke { message_id: message_id?, participant };
            Some(Content { revoke: Some(revoke), ..Content::of(MessageType::Revoke) })
        }
        _ => None,
    }
}

/// An edit that the library could not open, because it never had the message. It opens the others.
fn sealed_edit(message: &wa::Message) -> Option<Content> {
    let sealed = message.secret_encrypted_message.as_option()?;
    let is_edit = matches!(
        sealed.secret_enc_type,
        Some(SecretEncType::MESSAGE_EDIT | SecretEncType::EVENT_EDIT | SecretEncType::POLL_EDIT)
    );
    let message_id = sealed.target_message_key.as_option()?.id.clone().filter(|_| is_edit)?;
    Some(Content { edit: Some(MessageEdit { message_id }), ..Content::of(MessageType::Edit) })
}

/// Whether it takes a message back. The phones write the type of a removal, although it is the default, and say on the outside
/// what it is. A type that the library does not know yet is absent, too: then only the outside tells.
fn is_removal(kind: Option<ProtocolType>, info: &MessageInfo) -> bool {
    let is_taking_back = matches!(info.edit, EditAttribute::SenderRevoke | EditAttribute::AdminRevoke);
    kind == Some(ProtocolType::REVOKE) || (kind.is_none() && is_taking_back)
}

fn reaction(message: &wa::Message, around: &Around<'_>) -> Option<Content> {
    let reaction = message.reaction_message.as_option()?;
    let key = reaction.key.as_option()?;
    let reaction = MessageReaction {
        message_id: key.id.clone()?,
        emoji: reaction.text.clone().unwrap_or_default(),
        is_to_me: is_to_account(key, around),
    };
    Some(Content { reaction: Some(reaction), ..Content::of(MessageType::Reaction) })
}

/// Whether a reaction is to a message of the account. Its key is written from the point of view of who reacts: it says whether
/// the message is their own, and in a group whose else it is.
fn is_to_account(key: &wa::MessageKey, around: &Around<'_>) -> bool {
    let (source, is_reactors) = (&around.info.source, key.from_me == Some(true));
    if source.is_from_me || !source.chat.is_group() {
        return source.is_from_me == is_reactors;
    }
    let author = key.participant.as_deref().and_then(|author| author.parse::<Jid>().ok());
    author.is_some_and(|author| around.own.is(&author))
}

/// What does not fit is not known.
pub(super) fn number<N: TryInto<i64>>(number: Option<N>) -> Option<i64> {
    number.and_then(|number| number.try_into().ok())
}
