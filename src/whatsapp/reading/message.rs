//! Messages: what a person sent, out of all the wrappers that the protocol has for it.

use entity::ids::SessionId;
use entity::words::{MediaKind, MessageType};
use whatsapp_rust::types::durability_hook::InboundMessage;
use whatsapp_rust::types::message::{MessageCategory, MessageInfo};
use whatsapp_rust::wacore::proto_helpers::MessageExt;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message as part;
use whatsapp_rust::waproto::whatsapp::message::protocol_message::Type as ProtocolType;

use crate::event::body::EventBody;
use crate::event::body::message::{
    MessageContact, MessageEdit, MessageEvent, MessageLocation, MessageMedia, MessagePoll, MessageQuote,
    MessageReaction, MessageRevoke,
};
use crate::event::store::MessageKey;
use crate::whatsapp::Report;
use crate::whatsapp::reading::{name, said, sender};

/// What a message says. None if no person said it: devices send each other keys and histories in messages too.
pub(in crate::whatsapp) fn read(session: &SessionId, inbound: &InboundMessage) -> Option<Report> {
    let info = &inbound.info;
    if info.category == MessageCategory::Peer {
        return None;
    }
    let content = content(&inbound.message)?;
    let key = MessageKey {
        session_id: session.clone(),
        chat: plain(info.source.chat.to_string()),
        sender: plain(info.source.sender.to_string()),
        message_id: plain(info.id.clone()),
    };
    Some(Report { body: EventBody::Message(Box::new(event(info, content))), message: Some(key) })
}

/// PostgreSQL has no place for it in a text.
fn plain(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

fn event(info: &MessageInfo, content: Content) -> MessageEvent {
    let source = &info.source;
    let Content {
        message_type,
        text,
        caption,
        media,
        location,
        quoted,
        mentions,
        reaction,
        edit,
        revoke,
        poll,
        contacts,
    } = content;
    MessageEvent {
        message_id: info.id.clone(),
        chat: name(&source.chat),
        from: name(&source.sender),
        from_phone: None,
        participant: source.is_group.then(|| name(&source.sender)),
        sender: sender(source, Some(&info.push_name)),
        is_from_me: source.is_from_me,
        is_group: source.is_group,
        push_name: said(&info.push_name),
        timestamp: info.timestamp.into(),
        message_type,
        text,
        caption,
        media,
        location,
        quoted,
        mentions,
        reaction,
        edit,
        revoke,
        poll,
        contacts,
        offline: info.is_offline,
    }
}

/// What is in a message, whoever sent it.
#[derive(Clone, PartialEq)]
struct Content {
    message_type: MessageType,
    text: Option<String>,
    caption: Option<String>,
    media: Option<MessageMedia>,
    location: Option<MessageLocation>,
    quoted: Option<MessageQuote>,
    mentions: Vec<String>,
    reaction: Option<MessageReaction>,
    edit: Option<MessageEdit>,
    revoke: Option<MessageRevoke>,
    poll: Option<MessagePoll>,
    contacts: Vec<MessageContact>,
}

impl Content {
    fn of(message_type: MessageType) -> Self {
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
    fn within(mut self, context: Option<&wa::ContextInfo>) -> Self {
        if let Some(context) = context {
            self.quoted = context
                .stanza_id
                .clone()
                .map(|message_id| MessageQuote { message_id, participant: context.participant.clone() });
            self.mentions = context.mentioned_jid.iter().map(ToString::to_string).collect();
        }
        self
    }

    fn media(media: MessageMedia, caption: Option<String>) -> Self {
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
fn content(message: &wa::Message) -> Option<Content> {
    let message = message.get_base_message();
    if let Some(protocol) = message.protocol_message.as_option() {
        return protocol_content(protocol);
    }
    if let Some(text) = &message.conversation {
        return Some(Content { text: Some(text.clone()), ..Content::of(MessageType::Text) });
    }
    if let Some(extended) = message.extended_text_message.as_option() {
        let content = Content { text: extended.text.clone(), ..Content::of(MessageType::Text) };
        return Some(content.within(extended.context_info.as_option()));
    }
    let content = media(message).or_else(|| place(message)).or_else(|| reaction(message));
    let content = content.or_else(|| poll(message)).or_else(|| contacts(message));
    content.or_else(|| (!is_silent(message)).then(|| Content::of(MessageType::Unknown)))
}

/// Whether a message only hands keys over.
fn is_silent(message: &wa::Message) -> bool {
    let mut rest = message.clone();
    rest.sender_key_distribution_message = Default::default();
    rest.fast_ratchet_key_sender_key_distribution_message = Default::default();
    rest.message_context_info = Default::default();
    rest == wa::Message::default()
}

/// Edits and removals are said in the protocol's own messages; so is much that is no news.
fn protocol_content(protocol: &part::ProtocolMessage) -> Option<Content> {
    let key = protocol.key.as_option();
    let message_id = key.and_then(|key| key.id.clone());
    match protocol.r#type {
        // The type of a removal is the default.
        Some(ProtocolType::REVOKE) | None => {
            let participant = key.and_then(|key| key.participant.clone());
            let revoke = MessageRevoke { message_id: message_id?, participant };
            Some(Content { revoke: Some(revoke), ..Content::of(MessageType::Revoke) })
        }
        Some(ProtocolType::MESSAGE_EDIT) => {
            let edited = protocol.edited_message.as_option().and_then(content);
            let edited = edited.unwrap_or_else(|| Content::of(MessageType::Unknown));
            let edit = Some(MessageEdit { message_id: message_id? });
            Some(Content { message_type: MessageType::Edit, edit, ..edited })
        }
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn number<N: TryInto<i64>>(number: Option<N>) -> Option<i64> {
    number.and_then(|number| number.try_into().ok())
}

fn media(message: &wa::Message) -> Option<Content> {
    let blank = |kind, mimetype: &Option<String>, length: Option<u64>, hash: Option<&[u8]>| MessageMedia {
        kind,
        mimetype: mimetype.clone(),
        file_length: number(length),
        file_sha256: hash.map(hex),
        width: None,
        height: None,
        seconds: None,
        file_name: None,
    };
    if let Some(image) = message.image_message.as_option() {
        let media = blank(MediaKind::Image, &image.mimetype, image.file_length, image.file_sha256.as_deref());
        let media = MessageMedia { width: number(image.width), height: number(image.height), ..media };
        return Some(Content::media(media, image.caption.clone()).within(image.context_info.as_option()));
    }
    if let Some(video) = message.video_message.as_option().or_else(|| message.ptv_message.as_option()) {
        let media = blank(MediaKind::Video, &video.mimetype, video.file_length, video.file_sha256.as_deref());
        let (width, height, seconds) = (number(video.width), number(video.height), number(video.seconds));
        let media = MessageMedia { width, height, seconds, ..media };
        return Some(Content::media(media, video.caption.clone()).within(video.context_info.as_option()));
    }
    if let Some(audio) = message.audio_message.as_option() {
        let kind = if audio.ptt == Some(true) { MediaKind::Voice } else { MediaKind::Audio };
        let media = blank(kind, &audio.mimetype, audio.file_length, audio.file_sha256.as_deref());
        let media = MessageMedia { seconds: number(audio.seconds), ..media };
        return Some(Content::media(media, None).within(audio.context_info.as_option()));
    }
    if let Some(file) = message.document_message.as_option() {
        let media = blank(MediaKind::Document, &file.mimetype, file.file_length, file.file_sha256.as_deref());
        let media = MessageMedia { file_name: file.file_name.clone().or_else(|| file.title.clone()), ..media };
        return Some(Content::media(media, file.caption.clone()).within(file.context_info.as_option()));
    }
    let sticker = message.sticker_message.as_option()?;
    let media = blank(MediaKind::Sticker, &sticker.mimetype, sticker.file_length, sticker.file_sha256.as_deref());
    let media = MessageMedia { width: number(sticker.width), height: number(sticker.height), ..media };
    Some(Content::media(media, None).within(sticker.context_info.as_option()))
}

fn place(message: &wa::Message) -> Option<Content> {
    if let Some(live) = message.live_location_message.as_option() {
        let location = MessageLocation {
            latitude: live.degrees_latitude?,
            longitude: live.degrees_longitude?,
            name: None,
            address: None,
            is_live: true,
        };
        let content = Content { location: Some(location), ..Content::of(MessageType::Location) };
        let content = Content { caption: live.caption.clone(), ..content };
        return Some(content.within(live.context_info.as_option()));
    }
    let place = message.location_message.as_option()?;
    let location = MessageLocation {
        latitude: place.degrees_latitude?,
        longitude: place.degrees_longitude?,
        name: place.name.clone(),
        address: place.address.clone(),
        is_live: false,
    };
    let content = Content { location: Some(location), ..Content::of(MessageType::Location) };
    Some(content.within(place.context_info.as_option()))
}

fn reaction(message: &wa::Message) -> Option<Content> {
    let reaction = message.reaction_message.as_option()?;
    let key = reaction.key.as_option()?;
    let reaction = MessageReaction {
        message_id: key.id.clone()?,
        emoji: reaction.text.clone().unwrap_or_default(),
        // The key is written from the point of view of who reacts.
        is_to_me: key.from_me == Some(false),
    };
    Some(Content { reaction: Some(reaction), ..Content::of(MessageType::Reaction) })
}

fn poll(message: &wa::Message) -> Option<Content> {
    if let Some(vote) = message.poll_update_message.as_option() {
        let vote_on = vote.poll_creation_message_key.as_option().and_then(|key| key.id.clone());
        let poll = MessagePoll { name: None, options: Vec::new(), selectable_count: None, vote_on };
        return Some(Content { poll: Some(poll), ..Content::of(MessageType::PollVote) });
    }
    let forms = [
        &message.poll_creation_message,
        &message.poll_creation_message_v2,
        &message.poll_creation_message_v3,
        &message.poll_creation_message_v5,
    ];
    let asked = forms.into_iter().find_map(|form| form.as_option())?;
    let poll = MessagePoll {
        name: asked.name.clone(),
        options: asked.options.iter().filter_map(|option| option.option_name.clone()).collect(),
        selectable_count: number(asked.selectable_options_count),
        vote_on: None,
    };
    let content = Content { poll: Some(poll), ..Content::of(MessageType::Poll) };
    Some(content.within(asked.context_info.as_option()))
}

fn contacts(message: &wa::Message) -> Option<Content> {
    let card = |contact: &part::ContactMessage| MessageContact {
        display_name: contact.display_name.clone(),
        vcard: contact.vcard.clone(),
    };
    if let Some(contact) = message.contact_message.as_option() {
        let content = Content { contacts: vec![card(contact)], ..Content::of(MessageType::Contacts) };
        return Some(content.within(contact.context_info.as_option()));
    }
    let several = message.contacts_array_message.as_option()?;
    let contacts = several.contacts.iter().map(card).collect();
    let content = Content { contacts, ..Content::of(MessageType::Contacts) };
    Some(content.within(several.context_info.as_option()))
}

#[cfg(test)]
mod tests;
