//! What messages say: the contents that phones write, ready for [`Phone::send_content`](crate::Phone::send_content).

use wacore::poll::{compute_option_hash, encrypt_poll_vote_with_secret};
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::KeepType;
use waproto::whatsapp::disappearing_mode::Initiator;
use waproto::whatsapp::message::list_response_message::{ListType, SingleSelectReply};
use waproto::whatsapp::message::pin_in_chat_message::Type as PinType;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use waproto::whatsapp::message::{
    AlbumMessage, ContactMessage, ContactsArrayMessage, EventMessage, ExtendedTextMessage, FutureProofMessage,
    ImageMessage, KeepInChatMessage, ListResponseMessage, LocationMessage, PinInChatMessage, PollCreationMessage,
    PollEncValue, PollUpdateMessage, ProtocolMessage, ReactionMessage, poll_creation_message,
};
use waproto::whatsapp::message_association::AssociationType;

use crate::stanza;
use crate::world::now;

/// Bytes that the file of an invented picture has.
const IMAGE_BYTES: u64 = 48_213;

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

/// The same with any number of votes for each person, or as many as `selectable` says.
pub fn poll_for_many(name: &str, options: &[&str], selectable: u32) -> wa::Message {
    let mut message = poll(name, options);
    let mut poll = std::mem::take(&mut message.poll_creation_message_v3);
    if let Some(poll) = poll.as_option_mut() {
        poll.selectable_options_count = Some(selectable);
    }
    message.poll_creation_message = poll;
    message
}

/// An invitation to an event.
pub fn event(name: &str, starts_at: u64) -> wa::Message {
    let event = EventMessage { name: Some(name.to_owned()), start_time: Some(starts_at as i64), ..Default::default() };
    let context = wa::MessageContextInfo { message_secret: Some(random_bytes()), ..Default::default() };
    wa::Message {
        event_message: MessageField::some(event),
        message_context_info: MessageField::some(context),
        ..Default::default()
    }
}

/// Several people's cards: names and phone numbers.
pub fn contacts(cards: &[(&str, &str)]) -> wa::Message {
    let card = |(name, number): &(&str, &str)| contact(name, number).contact_message.as_option().cloned();
    let list = ContactsArrayMessage {
        display_name: Some(format!("{} contacts", cards.len())),
        contacts: cards.iter().filter_map(card).collect(),
        ..Default::default()
    };
    wa::Message { contacts_array_message: MessageField::some(list), ..Default::default() }
}

/// Pins a message for so many seconds; none unpins it.
pub fn pin(key: wa::MessageKey, seconds: Option<u32>) -> wa::Message {
    let pin = PinInChatMessage {
        key: MessageField::some(key),
        r#type: Some(if seconds.is_some() { PinType::PIN_FOR_ALL } else { PinType::UNPIN_FOR_ALL }),
        sender_timestamp_ms: Some(now() as i64 * 1000),
    };
    let context = wa::MessageContextInfo { message_add_on_duration_in_secs: seconds, ..Default::default() };
    wa::Message {
        pin_in_chat_message: MessageField::some(pin),
        message_context_info: MessageField::some(context),
        ..Default::default()
    }
}

/// Keeps a message although the others of its chat disappear, or does not any more.
pub fn keep(key: wa::MessageKey, is_kept: bool) -> wa::Message {
    let keep = KeepInChatMessage {
        key: MessageField::some(key),
        keep_type: Some(if is_kept { KeepType::KEEP_FOR_ALL } else { KeepType::UNDO_KEEP_FOR_ALL }),
        timestamp_ms: Some(now() as i64 * 1000),
    };
    wa::Message { keep_in_chat_message: MessageField::some(keep), ..Default::default() }
}

/// A text that was forwarded so often.
pub fn forwarded(text: &str, score: u32) -> wa::Message {
    let context = wa::ContextInfo { is_forwarded: Some(true), forwarding_score: Some(score), ..Default::default() };
    let extended = ExtendedTextMessage {
        text: Some(text.to_owned()),
        context_info: MessageField::some(context),
        ..Default::default()
    };
    wa::Message { extended_text_message: MessageField::some(extended), ..Default::default() }
}

/// The head of an album: so many pictures and videos follow.
pub fn album(images: u32, videos: u32) -> wa::Message {
    let album =
        AlbumMessage { expected_image_count: Some(images), expected_video_count: Some(videos), ..Default::default() };
    wa::Message { album_message: MessageField::some(album), ..Default::default() }
}

/// A picture or video that belongs to an album; the key is that of the album's head.
pub fn in_album(mut content: wa::Message, album: wa::MessageKey) -> wa::Message {
    let association = wa::MessageAssociation {
        association_type: Some(AssociationType::MEDIA_ALBUM),
        parent_message_key: MessageField::some(album),
        ..Default::default()
    };
    let context = wa::MessageContextInfo { message_association: MessageField::some(association), ..Default::default() };
    content.message_context_info = MessageField::some(context);
    content
}

/// A vote in a poll. Creator and voter are addressed as the voter's phone does it; both are part of what seals it.
///
/// # Panics
/// The poll has no secret, which every one of [`poll`] has.
pub fn vote(poll: &wa::Message, key: wa::MessageKey, creator: &str, voter: &str, options: &[&str]) -> wa::Message {
    let secret = poll.message_context_info.message_secret.as_deref().expect("a poll has a secret");
    vote_with(secret, key, [creator, voter], options)
}

/// The same, with the poll's secret alone.
pub(crate) fn vote_with(
    secret: &[u8],
    key: wa::MessageKey,
    [creator, voter]: [&str; 2],
    options: &[&str],
) -> wa::Message {
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
