//! The server's rules for the messages that companions send to people: the outside must fit the content, and the right
//! devices must get a copy. A rule is here only when the clients that others wrote agree on it; what they do
//! differently is allowed (README, "Rules").

use wacore_binary::{Node, Server};
use waproto::whatsapp as wa;
use waproto::whatsapp::KeepType;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;

use crate::messages::Sent;
use crate::summary::{Summary, is_wrapped, poll_of, unwrapped};
use crate::world::{State, World};
use crate::{stanza, token};

/// What the phones found in a message.
#[derive(Default)]
pub(crate) struct Opened {
    /// The recipient's copy.
    pub(crate) theirs: Option<wa::Message>,
    /// The copy of the sender's own phone.
    pub(crate) own: Option<wa::Message>,
}

/// What the outside of a content looks like.
struct Outside {
    /// The stanza's `type`; one of these.
    kinds: &'static [&'static str],
    /// The `mediatype` of each `<enc>`; one of these, empty for none.
    media: Vec<&'static str>,
    /// The stanza's `edit`; one of these, empty for none.
    edits: &'static [&'static str],
    /// Whether `decrypt-fail="hide"` must be there.
    is_hidden: bool,
}

/// The error with which the server refuses a message for the addresses in it, or for who writes to whom.
pub(crate) fn refusal(world: &World, sent: &Sent) -> Option<u16> {
    let mut state = world.state.lock();
    let namespace = sent.to.server;
    if sent.copies().iter().any(|(to, _)| to.server != namespace) {
        state.stats.add_violation(format!("message {}: phone numbers and hidden numbers are mixed", sent.id));
        return Some(400);
    }
    let is_migrated = state.accounts.get(&sent.from.phone_number).is_some_and(|account| account.is_migrated);
    if namespace == Server::Lid && !is_migrated {
        // src: oxidezap/whatsapp-rust#941
        return Some(400);
    }
    let has_token = token::is_shown(&mut state, sent);
    state.restriction(sent, has_token)
}

/// Records every rule that a message breaks.
pub(crate) fn judge(world: &World, sent: &Sent, opened: &Opened) {
    let mut state = world.state.lock();
    let mut broken = state.missing_copies(sent, world);
    if let Some(message) = &opened.theirs {
        broken.extend(content_rules(&sent.message, message));
        broken.extend(meta_rules(&sent.message, message));
        broken.extend(copy_rule(message, opened.own.as_ref()));
    }
    for rule in broken {
        state.stats.add_violation(format!("message {}: {rule}", sent.id));
    }
}

impl State {
    /// The devices that get no copy of a message and should.
    fn missing_copies(&self, sent: &Sent, world: &World) -> Vec<String> {
        let copied: Vec<_> = sent.copies().iter().filter_map(|(to, _)| self.device_key(to)).collect();
        let has =
            |number: &str, device: u16| copied.iter().any(|key| &*key.phone_number == number && key.device == device);
        let (theirs, own) = (&*sent.recipient.phone_number, &*sent.from.phone_number);
        let mut missing = Vec::new();
        if !copied.iter().any(|key| &*key.phone_number == theirs) {
            missing.push("no device of the recipient gets a copy".to_owned());
        } else if !has(theirs, 0) {
            missing.push("the recipient's phone gets no copy".to_owned());
        }
        if !has(own, 0) {
            missing.push("the own phone gets no copy".to_owned());
        }
        let companions = self.accounts.get(own).map(|account| account.devices.values());
        for device in companions.into_iter().flatten() {
            // The sender needs a moment to learn of a new one, and cannot write to one without keys.
            let is_known = device.linked_at.elapsed() >= world.settings.device_list_grace && device.keys.is_some();
            if is_known && device.key.device != sent.from.device && !has(own, device.key.device) {
                missing.push(format!("the own device {} gets no copy", device.key.device));
            }
        }
        missing
    }
}

/// The own devices get the same, in a wrapper that says whom it went to.
fn copy_rule(theirs: &wa::Message, own: Option<&wa::Message>) -> Option<String> {
    let own = own?;
    if !own.device_sent_message.is_set() {
        return Some("the copy for the own phone is no DeviceSentMessage".to_owned());
    }
    (Summary::of(own) != Summary::of(theirs))
        .then(|| "the copy for the own phone says something else than the message".to_owned())
}

/// Where the outside of a message does not fit its content.
pub(crate) fn content_rules(stanza: &Node, message: &wa::Message) -> Vec<String> {
    let Some(mut outside) = outside(unwrapped(message)) else { return Vec::new() };
    if is_wrapped(message) {
        // Some clients look for the kind of media only at the top.
        outside.media.push("");
    }
    let mut broken = Vec::new();
    let mut expect = |what: &str, is: &str, allowed: &[&str]| {
        if !allowed.contains(&is) {
            broken.push(format!("{what} is {is:?}, not {}", allowed.join(" or ")));
        }
    };
    let kind = Summary::of(message).kind;
    expect(&format!("the type of a {kind}"), &stanza::attr_or_empty(stanza, "type"), outside.kinds);
    expect(&format!("the edit of a {kind}"), &stanza::attr_or_empty(stanza, "edit"), outside.edits);
    for enc in encs(stanza) {
        if outside.kinds.len() > 1 && !is_wrapped(message) {
            // The server drops one without the other (wacore send/classify.rs).
            let is_media = stanza::attr_or_empty(stanza, "type") == "media";
            let has_media = stanza::attr(enc, "mediatype").is_some();
            expect(&format!("whether a {kind} has a mediatype"), &has_media.to_string(), &[&is_media.to_string()]);
        }
        expect(&format!("the mediatype of a {kind}"), &stanza::attr_or_empty(enc, "mediatype"), &outside.media);
        if outside.is_hidden {
            expect(&format!("decrypt-fail of a {kind}"), &stanza::attr_or_empty(enc, "decrypt-fail"), &["hide"]);
        }
    }
    broken.dedup();
    broken
}

/// Where the `<meta>` of a poll or an event does not say what it is.
pub(crate) fn meta_rules(stanza: &Node, message: &wa::Message) -> Option<String> {
    let message = unwrapped(message);
    let (key, value) = match poll_of(message) {
        // Quizzes are too new for some clients.
        Some((_, 1..=3)) => ("polltype", "creation"),
        _ if message.event_message.is_set() => ("event_type", "creation"),
        _ => return None,
    };
    let mut metas = stanza::children(stanza).iter().filter(|child| child.tag == "meta");
    let said = metas.find_map(|meta| stanza::attr(meta, key)).unwrap_or_default();
    (said != value).then(|| format!("the {key} is {said:?}, not {value}"))
}

/// The copies of the content. What is encrypted for everybody is the only one; then keys are listed beside it.
fn encs(stanza: &Node) -> Vec<&Node> {
    if let Some(direct) = stanza.get_optional_child("enc") {
        return vec![direct];
    }
    let fanned = stanza.get_optional_child("participants").map(stanza::children).unwrap_or_default();
    fanned.iter().filter_map(|to| to.get_optional_child("enc")).collect()
}

/// The outside of a content. `None` where clients differ, and nobody but the server knows.
fn outside(message: &wa::Message) -> Option<Outside> {
    let plain = Outside { kinds: &["text"], media: vec![""], edits: &[""], is_hidden: false };
    if let Some(reaction) = message.reaction_message.as_option() {
        let is_removal = reaction.text.as_deref().unwrap_or_default().is_empty();
        // Baileys says nothing about a removal.
        let edits: &[&str] = if is_removal { &["7", ""] } else { &[""] };
        return Some(Outside { kinds: &["reaction"], edits, is_hidden: true, ..plain });
    }
    if message.protocol_message.is_set() {
        let is_own = message.protocol_message.key.from_me == Some(true);
        return Some(match message.protocol_message.r#type {
            Some(ProtocolType::MESSAGE_EDIT) => Outside { edits: &["1"], is_hidden: true, ..plain },
            Some(ProtocolType::REVOKE) => Outside { edits: if is_own { &["7"] } else { &["8"] }, ..plain },
            _ => plain,
        });
    }
    if message.pin_in_chat_message.is_set() {
        return Some(Outside { edits: &["2"], is_hidden: true, ..plain });
    }
    if message.poll_update_message.is_set() {
        return Some(Outside { kinds: &["poll"], is_hidden: true, ..plain });
    }
    if poll_of(message).is_some() {
        return Some(Outside { kinds: &["poll"], ..plain });
    }
    if message.event_message.is_set() {
        // whatsmeow knows no events.
        return Some(Outside { kinds: &["event"], ..plain });
    }
    if message.enc_event_response_message.is_set() {
        // Of the clients only WhatsApp Web writes these, and whatsapp-rust after it.
        return Some(Outside { kinds: &["event"], is_hidden: true, ..plain });
    }
    if let Some(keep) = message.keep_in_chat_message.as_option() {
        let is_undone = keep.keep_type == Some(KeepType::UNDO_KEEP_FOR_ALL) && keep.key.from_me == Some(true);
        return Some(Outside { edits: if is_undone { &["7"] } else { &[""] }, ..plain });
    }
    if message.album_message.is_set() {
        return Some(plain);
    }
    if let Some(media) = uncertain_media(message) {
        // Baileys and whatsmeow write these as texts, WhatsApp Web as media.
        return Some(Outside { kinds: &["media", "text"], media: vec![media, ""], ..plain });
    }
    if let Some(media) = media(message) {
        return Some(Outside { kinds: &["media"], media: vec![media], ..plain });
    }
    let preview = &message.extended_text_message;
    if preview.matched_text.is_some() || preview.title.is_some() {
        // Clients differ in what makes a text a link, so that both are right.
        return Some(Outside { kinds: &["media", "text"], media: vec!["url", ""], ..plain });
    }
    (message.conversation.is_some() || preview.is_set()).then_some(plain)
}

/// What only some clients write as media.
fn uncertain_media(message: &wa::Message) -> Option<&'static str> {
    let is_live = message.live_location_message.is_set() || message.location_message.is_live == Some(true);
    let found = [
        (message.ptv_message.is_set(), "ptv"),
        (is_live, "livelocation"),
        (message.location_message.is_set(), "location"),
    ];
    found.into_iter().find_map(|(is_set, name)| is_set.then_some(name))
}

fn media(message: &wa::Message) -> Option<&'static str> {
    let either = |is_first: Option<bool>, first, second| if is_first == Some(true) { first } else { second };
    let found = [
        (message.image_message.is_set(), "image"),
        (message.video_message.is_set(), either(message.video_message.gif_playback, "gif", "video")),
        (message.audio_message.is_set(), either(message.audio_message.ptt, "ptt", "audio")),
        (message.document_message.is_set(), "document"),
        (message.sticker_message.is_set(), "sticker"),
        (message.contact_message.is_set(), "vcard"),
        (message.contacts_array_message.is_set(), "contact_array"),
    ];
    found.into_iter().find_map(|(is_set, name)| is_set.then_some(name))
}

#[cfg(test)]
#[path = "rules/tests.rs"]
mod tests;
