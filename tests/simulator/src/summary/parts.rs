//! What the kinds of messages say that have more than a text or a file.

use serde::Serialize;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::pin_in_chat_message::Type as PinType;
use waproto::whatsapp::message::{EventMessage, LocationMessage, PollCreationMessage};

/// A place, or where somebody is at the moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Place {
    /// Degrees.
    pub latitude: f64,
    /// Degrees.
    pub longitude: f64,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// A page about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The words below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// How exact it is, metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy_meters: Option<u32>,
    /// Whether it is where somebody is at the moment.
    pub is_live: bool,
}

/// Somebody's card.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Card {
    /// The name that the message shows.
    pub display_name: String,
    /// The card itself.
    pub vcard: String,
}

/// A question with options.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Poll {
    /// The question.
    pub name: String,
    /// What may be voted for.
    pub options: Vec<String>,
    /// How many of them one person may choose; 0 is any number.
    pub selectable: u32,
    /// Which field of the message it is in: 1, 2, 3 or 5.
    pub version: u8,
    /// The right answer of a quiz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correct: Option<String>,
}

/// An invitation to an event.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EventInfo {
    /// What it is called.
    pub name: String,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<i64>,
    /// Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<i64>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The link of its call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_link: Option<String>,
    /// Whether it does not take place after all.
    pub is_canceled: bool,
    /// Whether people may bring others.
    pub extra_guests_allowed: bool,
}

/// An answer to an event, once it was opened.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct EventAnswer {
    /// `going`, `not_going`, `maybe` or `unknown`.
    pub response: &'static str,
    /// How many others come along.
    pub extra_guests: i32,
}

/// What a pin does.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Pin {
    /// Whether the message is pinned from now on.
    pub is_pinned: bool,
    /// For how long, seconds; phones unpin at once what comes without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
}

/// How many pictures and videos belong together.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Album {
    /// Pictures that follow.
    pub images: u32,
    /// Videos that follow.
    pub videos: u32,
}

pub(super) fn place(message: &wa::Message) -> Option<Place> {
    if let Some(live) = message.live_location_message.as_option() {
        return Some(Place {
            latitude: live.degrees_latitude.unwrap_or_default(),
            longitude: live.degrees_longitude.unwrap_or_default(),
            comment: live.caption.clone(),
            accuracy_meters: live.accuracy_in_meters,
            is_live: true,
            ..Place::default()
        });
    }
    message.location_message.as_option().map(location)
}

fn location(location: &LocationMessage) -> Place {
    Place {
        latitude: location.degrees_latitude.unwrap_or_default(),
        longitude: location.degrees_longitude.unwrap_or_default(),
        name: location.name.clone(),
        address: location.address.clone(),
        url: location.url.clone(),
        comment: location.comment.clone(),
        accuracy_meters: location.accuracy_in_meters,
        is_live: location.is_live == Some(true),
    }
}

pub(super) fn cards(message: &wa::Message) -> Vec<Card> {
    let listed = message.contacts_array_message.as_option().map(|list| list.contacts.as_slice()).unwrap_or_default();
    let cards = message.contact_message.as_option().into_iter().chain(listed);
    let card = |contact: &wa::message::ContactMessage| Card {
        display_name: contact.display_name.clone().unwrap_or_default(),
        vcard: contact.vcard.clone().unwrap_or_default(),
    };
    cards.map(card).collect()
}

/// The poll that a message is, with the number of the field that it is in.
pub(crate) fn poll_of(message: &wa::Message) -> Option<(&PollCreationMessage, u8)> {
    let fields = [
        (&message.poll_creation_message, 1),
        (&message.poll_creation_message_v2, 2),
        (&message.poll_creation_message_v3, 3),
        (&message.poll_creation_message_v5, 5),
    ];
    fields.into_iter().find_map(|(field, version)| Some((field.as_option()?, version)))
}

/// The names of a poll's options.
pub(crate) fn options(poll: &PollCreationMessage) -> Vec<String> {
    poll.options.iter().map(|option| option.option_name.clone().unwrap_or_default()).collect()
}

pub(super) fn poll(message: &wa::Message) -> Option<Poll> {
    let (poll, version) = poll_of(message)?;
    Some(Poll {
        name: poll.name.clone().unwrap_or_default(),
        options: options(poll),
        selectable: poll.selectable_options_count.unwrap_or_default(),
        version,
        correct: poll.correct_answer.option_name.clone(),
    })
}

pub(super) fn event(event: &EventMessage) -> EventInfo {
    EventInfo {
        name: event.name.clone().unwrap_or_default(),
        description: event.description.clone(),
        starts_at: event.start_time,
        ends_at: event.end_time,
        place: event.location.as_option().map(location),
        join_link: event.join_link.clone(),
        is_canceled: event.is_canceled == Some(true),
        extra_guests_allowed: event.extra_guests_allowed == Some(true),
    }
}

pub(super) fn pin(outer: &wa::Message, message: &wa::Message) -> Option<Pin> {
    let pin = message.pin_in_chat_message.as_option()?;
    let contexts = [&outer.message_context_info, &message.message_context_info];
    let seconds = contexts.into_iter().find_map(|context| context.message_add_on_duration_in_secs);
    Some(Pin { is_pinned: pin.r#type == Some(PinType::PIN_FOR_ALL), seconds })
}

pub(super) fn album(message: &wa::Message) -> Option<Album> {
    let album = message.album_message.as_option()?;
    let (images, videos) = (album.expected_image_count, album.expected_video_count);
    Some(Album { images: images.unwrap_or_default(), videos: videos.unwrap_or_default() })
}
