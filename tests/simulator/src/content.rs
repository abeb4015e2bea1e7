//! What messages say: the contents that phones write, ready for [`Phone::send_content`](crate::Phone::send_content), and
//! the outside of the stanza that goes with each.

use wacore::poll::{compute_option_hash, encrypt_poll_vote_with_secret};
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::disappearing_mode::Initiator;
use waproto::whatsapp::message::list_response_message::{ListType, SingleSelectReply};
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use waproto::whatsapp::message::{
    ContactMessage, ExtendedTextMessage, FutureProofMessage, ImageMessage, ListResponseMessage, LocationMessage,
    PollCreationMessage, PollEncValue, PollUpdateMessage, ProtocolMessage, ReactionMessage, poll_creation_message,
};

use crate::stanza;
use crate::world::now;

/// Bytes that the file of an invented picture has.
const IMAGE_BYTES: u64 = 48_213;

/// What the server and other devices see of a message without opening it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Envelope {
    /// The stanza's `type`.
    pub(crate) kind: &'static str,
    /// The `mediatype` of what is encrypted.
    pub(crate) media: Option<&'static str>,
    /// The stanza's `edit`: 1 another text, 7 taken back by the sender, 8 by an admin.
    pub(crate) edit: Option<&'static str>,
    /// The `polltype` of the stanza's `<meta>`.
    pub(crate) poll: Option<&'static str>,
    /// Whether nothing is to be shown when it cannot be read.
    pub(crate) is_failure_hidden: bool,
    /// Whether companions learn only that there is something, because it may be seen once, on the phone.
    pub(crate) is_for_phones: bool,
}

impl Envelope {
    /// The outside of a text.
    pub(crate) fn text() -> Self {
        Self { kind: "text", ..Self::default() }
    }

    /// The outside that belongs to a content.
    pub(crate) fn of(message: &wa::Message) -> Self {
        let text = Self::text();
        if let Some(reaction) = message.reaction_message.as_option() {
            // A reaction without an emoji takes the one before back.
            let is_removal = reaction.text.as_deref().unwrap_or_default().is_empty();
            return Self { kind: "reaction", edit: is_removal.then_some("7"), is_failure_hidden: !is_removal, ..text };
        }
        if let Some(protocol) = message.protocol_message.as_option() {
            return Self::of_protocol(protocol);
        }
        if message.poll_creation_message.is_set() || message.poll_creation_message_v3.is_set() {
            return Self { kind: "poll", poll: Some("creation"), ..text };
        }
        if message.poll_update_message.is_set() {
            return Self { kind: "poll", poll: Some("vote"), is_failure_hidden: true, ..text };
        }
        match media_type(message) {
            None => text,
            media => Self { kind: "media", media, is_for_phones: is_view_once(message), ..text },
        }
    }

    fn of_protocol(protocol: &ProtocolMessage) -> Self {
        let is_own = protocol.key.from_me == Some(true);
        let (edit, is_failure_hidden) = match protocol.r#type {
            Some(ProtocolType::MESSAGE_EDIT) => (Some("1"), true),
            Some(ProtocolType::REVOKE) => (Some(if is_own { "7" } else { "8" }), false),
            _ => (None, false),
        };
        Self { edit, is_failure_hidden, ..Self::text() }
    }
}

fn is_view_once(message: &wa::Message) -> bool {
    let marks = [message.image_message.view_once, message.video_message.view_once, message.audio_message.view_once];
    marks.contains(&Some(true))
}

fn media_type(message: &wa::Message) -> Option<&'static str> {
    let either = |is_first: Option<bool>, first, second| if is_first == Some(true) { first } else { second };
    let found = [
        (message.image_message.is_set(), "image"),
        (message.video_message.is_set(), either(message.video_message.gif_playback, "gif", "video")),
        (message.ptv_message.is_set(), "ptv"),
        (message.audio_message.is_set(), either(message.audio_message.ptt, "ptt", "audio")),
        (message.document_message.is_set(), "document"),
        (message.document_with_caption_message.is_set(), "document"),
        (message.sticker_message.is_set(), "sticker"),
        (message.location_message.is_set(), either(message.location_message.is_live, "livelocation", "location")),
        (message.live_location_message.is_set(), "livelocation"),
        (message.contact_message.is_set(), "vcard"),
        (message.contacts_array_message.is_set(), "contact_array"),
        (message.extended_text_message.matched_text.is_some(), "url"),
    ];
    found.into_iter().find_map(|(is_set, name)| is_set.then_some(name))
}

/// A text without anything else.
pub fn text(text: &str) -> wa::Message {
    wa::Message { conversation: Some(text.to_owned()), ..Default::default() }
}

/// A text that answers a message, mentions people, or both. Phone numbers throughout.
pub fn reply(text: &str, quoted: Option<(&str, &str, wa::Message)>, mentions: &[&str]) -> wa::Message {
    let mut context = wa::ContextInfo {
        mentioned_jid: mentions.iter().map(|number| stanza::phone_jid(number).to_string()).collect(),
        ..Default::default()
    };
    if let Some((message_id, author, quoted)) = quoted {
        context.stanza_id = Some(message_id.to_owned());
        context.participant = Some(stanza::phone_jid(author).to_string());
        context.quoted_message = MessageField::some(quoted);
    }
    let extended = ExtendedTextMessage {
        text: Some(text.to_owned()),
        context_info: MessageField::some(context),
        ..Default::default()
    };
    wa::Message { extended_text_message: MessageField::some(extended), ..Default::default() }
}

/// A picture of 640 by 480; its file does not exist.
pub fn image(caption: Option<&str>) -> wa::Message {
    let path = format!("/v/t62.7118-24/sim-{:016x}.enc", rand::random::<u64>());
    let image = ImageMessage {
        url: Some(format!("https://media.invalid{path}")),
        direct_path: Some(path),
        mimetype: Some("image/jpeg".to_owned()),
        caption: caption.map(str::to_owned),
        file_length: Some(IMAGE_BYTES),
        width: Some(640),
        height: Some(480),
        media_key: Some(random_bytes()),
        media_key_timestamp: Some(now() as i64),
        file_sha256: Some(random_bytes()),
        file_enc_sha256: Some(random_bytes()),
        ..Default::default()
    };
    wa::Message { image_message: MessageField::some(image), ..Default::default() }
}

/// A picture that may be seen once. Companions are told that there is one, and get nothing of it.
pub fn view_once() -> wa::Message {
    let mut message = image(None);
    if let Some(image) = message.image_message.as_option_mut() {
        image.view_once = Some(true);
    }
    message
}

/// A place.
pub fn location(latitude: f64, longitude: f64, name: Option<&str>) -> wa::Message {
    let location = LocationMessage {
        degrees_latitude: Some(latitude),
        degrees_longitude: Some(longitude),
        name: name.map(str::to_owned),
        ..Default::default()
    };
    wa::Message { location_message: MessageField::some(location), ..Default::default() }
}

/// Somebody's card.
pub fn contact(display_name: &str, phone_number: &str) -> wa::Message {
    let vcard = format!(
        "BEGIN:VCARD\nVERSION:3.0\nFN:{display_name}\nTEL;type=CELL;waid={phone_number}:+{phone_number}\nEND:VCARD"
    );
    let contact =
        ContactMessage { display_name: Some(display_name.to_owned()), vcard: Some(vcard), ..Default::default() };
    wa::Message { contact_message: MessageField::some(contact), ..Default::default() }
}

/// A poll with one vote for each person.
pub fn poll(name: &str, options: &[&str]) -> wa::Message {
    let options = options
        .iter()
        .map(|option| poll_creation_message::Option { option_name: Some((*option).to_owned()), ..Default::default() });
    let poll = PollCreationMessage {
        name: Some(name.to_owned()),
        options: options.collect(),
        selectable_options_count: Some(1),
        ..Default::default()
    };
    // Without the secret nobody could read a vote.
    let context = wa::MessageContextInfo { message_secret: Some(random_bytes()), ..Default::default() };
    wa::Message {
        poll_creation_message_v3: MessageField::some(poll),
        message_context_info: MessageField::some(context),
        ..Default::default()
    }
}

/// A vote in a poll. Creator and voter are addressed as the voter's phone does it; both are part of what seals it.
///
/// # Panics
/// The poll has no secret, which every one of [`poll`] has.
pub fn vote(poll: &wa::Message, key: wa::MessageKey, creator: &str, voter: &str, options: &[&str]) -> wa::Message {
    let secret = poll.message_context_info.message_secret.as_deref().expect("a poll has a secret");
    let hashes: Vec<_> = options.iter().map(|option| compute_option_hash(option).to_vec()).collect();
    let id = key.id.clone().unwrap_or_default();
    let sealed = encrypt_poll_vote_with_secret(&hashes, secret, &id, creator, voter);
    let (payload, iv) = sealed.expect("a secret has 32 bytes");
    let vote = PollUpdateMessage {
        poll_creation_message_key: MessageField::some(key),
        vote: MessageField::some(PollEncValue { enc_payload: Some(payload), enc_iv: Some(iv.to_vec()) }),
        sender_timestamp_ms: Some(now() as i64 * 1000),
        ..Default::default()
    };
    wa::Message { poll_update_message: MessageField::some(vote), ..Default::default() }
}

/// A line that somebody tapped in a list; it answers the message with the list. Phone numbers throughout.
pub fn list_reply(title: &str, quoted: (&str, &str)) -> wa::Message {
    let (message_id, author) = quoted;
    let context = wa::ContextInfo {
        stanza_id: Some(message_id.to_owned()),
        participant: Some(stanza::phone_jid(author).to_string()),
        ..Default::default()
    };
    let tap = ListResponseMessage {
        title: Some(title.to_owned()),
        list_type: Some(ListType::SINGLE_SELECT),
        single_select_reply: MessageField::some(SingleSelectReply { selected_row_id: Some("line-1".to_owned()) }),
        context_info: MessageField::some(context),
        ..Default::default()
    };
    wa::Message { list_response_message: MessageField::some(tap), ..Default::default() }
}

/// The same in a wrapper that says that it disappears.
pub fn disappearing(content: wa::Message) -> wa::Message {
    let wrapper = FutureProofMessage { message: MessageField::some(content) };
    wa::Message { ephemeral_message: MessageField::some(wrapper), ..Default::default() }
}

/// Sets after how many seconds the messages of a chat disappear; 0 lets them stay.
pub fn timer(seconds: u32) -> wa::Message {
    let mode = wa::DisappearingMode { initiator: Some(Initiator::CHANGED_IN_CHAT), ..Default::default() };
    protocol(ProtocolMessage {
        r#type: Some(ProtocolType::EPHEMERAL_SETTING),
        ephemeral_expiration: Some(seconds),
        ephemeral_setting_timestamp: Some(now() as i64),
        disappearing_mode: MessageField::some(mode),
        ..Default::default()
    })
}

/// Names a message to those in its chat. `chat` is the address that the writer has for it: a JID.
pub fn key(chat: &str, message_id: &str, is_own: bool, participant: Option<&str>) -> wa::MessageKey {
    wa::MessageKey {
        remote_jid: Some(chat.to_owned()),
        from_me: Some(is_own),
        id: Some(message_id.to_owned()),
        participant: participant.map(str::to_owned),
    }
}

/// An emoji on a message; an empty one takes it back.
pub fn reaction(key: wa::MessageKey, emoji: &str) -> wa::Message {
    let reaction = ReactionMessage {
        key: MessageField::some(key),
        text: Some(emoji.to_owned()),
        sender_timestamp_ms: Some(now() as i64 * 1000),
        ..Default::default()
    };
    wa::Message { reaction_message: MessageField::some(reaction), ..Default::default() }
}

/// Another content for a message that was sent before.
pub fn edit(key: wa::MessageKey, content: wa::Message) -> wa::Message {
    protocol(ProtocolMessage {
        key: MessageField::some(key),
        r#type: Some(ProtocolType::MESSAGE_EDIT),
        edited_message: MessageField::some(content),
        timestamp_ms: Some(now() as i64 * 1000),
        ..Default::default()
    })
}

/// Takes a message back.
pub fn revoke(key: wa::MessageKey) -> wa::Message {
    protocol(ProtocolMessage { key: MessageField::some(key), r#type: Some(ProtocolType::REVOKE), ..Default::default() })
}

fn protocol(protocol: ProtocolMessage) -> wa::Message {
    wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() }
}

fn random_bytes() -> Vec<u8> {
    rand::random::<[u8; 32]>().to_vec()
}
