//! What messages carry beside text and media: places, polls, contacts.

use entity::words::message::{MessageType, VoteState};
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message as part;

use crate::event::body::location::MessageLocation;
use crate::event::body::message::{MessageContact, MessagePoll, PollVote};
use crate::event::body::party::Party;
use crate::whatsapp::reading::message::around::Around;
use crate::whatsapp::reading::message::content::{Content, number};
use crate::whatsapp::reading::party::somebody;

/// Options that a poll has, at most. WhatsApp's apps allow twelve.
pub(super) const OPTIONS: usize = 64;
/// Contacts that a message carries, at most. WhatsApp's apps allow 257.
const CONTACTS: usize = 257;

/// People whom a card names, at most.
const CARD_PEOPLE: usize = 4;
/// Digits of a phone number, with its country's. src: E.164
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 5..=15;

pub(super) fn place(message: &wa::Message) -> Option<Content<'_>> {
    if let Some(live) = message.live_location_message.as_option() {
        let point = point(live.degrees_latitude, live.degrees_longitude);
        let location = point.map(|(latitude, longitude)| MessageLocation {
            latitude,
            longitude,
            name: None,
            address: None,
            is_live: true,
        });
        let content = Content { location, caption: live.caption.clone(), ..Content::of(MessageType::Location) };
        return Some(content.within(live.context_info.as_option()));
    }
    let place = message.location_message.as_option()?;
    let content = Content { location: fixed(place), ..Content::of(MessageType::Location) };
    Some(content.within(place.context_info.as_option()))
}

/// A place that does not move.
pub(super) fn fixed(place: &part::LocationMessage) -> Option<MessageLocation> {
    let (latitude, longitude) = point(place.degrees_latitude, place.degrees_longitude)?;
    let (name, address) = (place.name.clone(), place.address.clone());
    Some(MessageLocation { latitude, longitude, name, address, is_live: false })
}

/// Where a place is. JSON writes a number that is not finite as null, and then nobody can read the event back.
fn point(latitude: Option<f64>, longitude: Option<f64>) -> Option<(f64, f64)> {
    latitude.zip(longitude).filter(|(latitude, longitude)| latitude.is_finite() && longitude.is_finite())
}

pub(super) fn poll<'a>(message: &'a wa::Message, around: &Around<'_>) -> Option<Content<'a>> {
    if let Some(vote) = message.poll_update_message.as_option() {
        let key = vote.poll_creation_message_key.as_option();
        let poll = MessagePoll {
            name: None,
            options: Vec::new(),
            selectable_count: None,
            vote_on: key.and_then(|key| key.id.clone()),
            creator: key.and_then(|key| around.author(key)),
            // Whoever knows the poll opens it.
            vote: Some(PollVote { state: VoteState::PollUnknown, chosen: Vec::new() }),
        };
        return Some(Content { poll: Some(poll), ..Content::of(MessageType::PollVote) });
    }
    let asked = asked(message)?;
    let poll = MessagePoll {
        name: asked.name.clone(),
        options: asked.options.iter().take(OPTIONS).filter_map(|option| option.option_name.clone()).collect(),
        selectable_count: number(asked.selectable_options_count),
        vote_on: None,
        creator: None,
        vote: None,
    };
    let content = Content { poll: Some(poll), ..Content::of(MessageType::Poll) };
    Some(content.within(asked.context_info.as_option()))
}

/// Those whom WhatsApp knows by the numbers of a card: phones write such numbers as `TEL;waid=15550100077:+1 555 0100077`.
fn people(card: &str) -> Vec<Party> {
    let numbers = card.split("waid=").skip(1).filter_map(|rest| {
        let end = rest.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..end).filter(|digits| PHONE_DIGITS.contains(&digits.len()))
    });
    let mut people: Vec<Party> = Vec::new();
    for party in numbers.filter_map(|digits| somebody(&format!("{digits}@s.whatsapp.net"))) {
        if people.len() < CARD_PEOPLE && !people.contains(&party) {
            people.push(party);
        }
    }
    people
}

/// Whether it asks something.
pub(super) fn is_poll(message: &wa::Message) -> bool {
    asked(message).is_some()
}

fn asked(message: &wa::Message) -> Option<&part::PollCreationMessage> {
    // The fourth form is a wrapper around one of these.
    let forms = [
        &message.poll_creation_message,
        &message.poll_creation_message_v2,
        &message.poll_creation_message_v3,
        &message.poll_creation_message_v5,
        &message.poll_creation_message_v6,
    ];
    forms.into_iter().find_map(|form| form.as_option())
}

pub(super) fn contacts(message: &wa::Message) -> Option<Content<'_>> {
    let card = |contact: &part::ContactMessage| MessageContact {
        display_name: contact.display_name.clone(),
        vcard: contact.vcard.clone(),
        people: contact.vcard.as_deref().map(people).unwrap_or_default(),
    };
    if let Some(contact) = message.contact_message.as_option() {
        let content = Content { contacts: vec![card(contact)], ..Content::of(MessageType::Contacts) };
        return Some(content.within(contact.context_info.as_option()));
    }
    let several = message.contacts_array_message.as_option()?;
    let contacts = several.contacts.iter().take(CONTACTS).map(card).collect();
    let content = Content { contacts, ..Content::of(MessageType::Contacts) };
    Some(content.within(several.context_info.as_option()))
}
