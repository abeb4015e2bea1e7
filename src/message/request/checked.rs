//! Checks a message that is to be sent, as far as that can be done without looking anything up.

pub(in crate::message) mod album;
mod contact;
mod event;
mod location;
pub(in crate::message) mod media;
mod poll;

use std::time::Duration;

use entity::timestamp::Timestamp;
use entity::words::message::MessageType;

use crate::error::{Error, ErrorKind, Result};
use crate::message::content::{MessageContent, TextContent};
use crate::message::lookup::person::Person;
use crate::message::lookup::recipient::Recipient;
use crate::message::preview::wanted::{self, WantedPreview};
use crate::message::request::checked::media::CheckedMedia;
use crate::message::rules::{EXPIRES_AFTER, MENTIONS_MAX, STATUS_MAX, fingerprint, key, text};
use crate::message::store::upload_store::AwaitedUpload;
use crate::message::store::uploaded::UploadedFile;
use crate::message::types::NewMessage;
use crate::whatsapp::compose::{Contact, Event, Location, Poll};

/// How far ahead a message can be scheduled, and how long it can wait.
const AHEAD_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A message that keeps the rules, as far as it can be said without looking anything up.
#[derive(Clone)]
pub(in crate::message) struct Checked {
    pub(in crate::message) to: Recipient,
    pub(in crate::message) content: CheckedContent,
    pub(in crate::message) reply_to: Option<String>,
    pub(in crate::message) mentions: Vec<Person>,
    /// Whether it mentions everybody in a group.
    pub(in crate::message) mention_all: bool,
    /// Those who are to see it, if it is a status.
    pub(in crate::message) status_recipients: Vec<Person>,
    /// Some if it is to be sent later.
    pub(in crate::message) send_at: Option<Timestamp>,
    pub(in crate::message) expires_at: Timestamp,
    pub(in crate::message) client_reference: Option<String>,
    /// SHA-256 of what was asked for.
    pub(in crate::message) fingerprint: Vec<u8>,
}

/// What a message says, if it keeps the rules.
#[derive(Clone)]
pub(in crate::message) enum CheckedContent {
    /// A text.
    Text {
        /// What it says.
        text: String,
        /// What is to be shown of a page that it links to.
        preview: Option<WantedPreview>,
    },
    /// A file, with what is said about it.
    Media(Box<CheckedMedia>),
    /// An album: each of its pictures and videos.
    Album(Vec<CheckedMedia>),
    /// A place.
    Location(Location),
    /// Contacts.
    Contacts(Vec<Contact>),
    /// A poll.
    Poll(Poll),
    /// An event.
    Event(Box<Event>),
    /// What another message says.
    Forward(Box<Forwarded>),
}

/// What is forwarded.
#[derive(Clone)]
pub(in crate::message) struct Forwarded {
    /// What the other message is.
    pub(in crate::message) message_type: MessageType,
    /// Its protobuf.
    pub(in crate::message) content: Vec<u8>,
    /// Its file, if that is to be uploaded again.
    pub(in crate::message) upload: Option<AwaitedUpload>,
    /// Its file, if that stays where it is.
    pub(in crate::message) file: Option<UploadedFile>,
}

/// Checks a message.
///
/// # Errors
/// `Invalid`, `InvalidRecipient`.
pub(in crate::message) fn message(new: NewMessage, now: Timestamp) -> Result<Checked> {
    let fingerprint = fingerprint(&new)?;
    let NewMessage {
        to,
        content,
        reply_to,
        mentions,
        mention_all,
        status_recipients,
        send_at,
        expires_at,
        client_reference,
    } = new;
    let to = Recipient::parse("to", &to)?;
    let status_recipients = self::status_recipients(&to, status_recipients)?;
    match &to {
        Recipient::Person(_) if mention_all => {
            return Err(Error::invalid("mention_all", "must not be true in a chat with one person"));
        }
        Recipient::Status if mention_all => return Err(Error::invalid("mention_all", "must not be true in a status")),
        Recipient::Status if reply_to.is_some() => {
            return Err(Error::invalid("reply_to", "must not be there in a status"));
        }
        Recipient::Status if mentions.as_ref().is_some_and(|mentions| !mentions.is_empty()) => {
            return Err(Error::invalid("mentions", "must not be there in a status"));
        }
        Recipient::Person(_) | Recipient::Group(_) | Recipient::Status => {}
    }
    let content = CheckedContent::of(content)?;
    if to == Recipient::Status && matches!(content, CheckedContent::Album(_)) {
        return Err(Error::invalid(
            "content.type",
            "must not be album in a status: each picture is a status of its own",
        ));
    }
    let mentions = mentions.unwrap_or_default();
    if mentions.len() > MENTIONS_MAX {
        return Err(Error::invalid("mentions", format!("must have at most {MENTIONS_MAX} people")));
    }
    let mentions = mentions.iter().map(|mention| Person::parse("mentions", mention)).collect::<Result<_>>()?;
    let send_at = send_at.map(|moment| ahead("send_at", moment, now)).transpose()?;
    let begin = send_at.unwrap_or(now);
    let expires_at = match expires_at {
        Some(moment) => ahead("expires_at", moment, begin)?,
        None => begin.after(EXPIRES_AFTER),
    };
    let reply_to = reply_to.map(|id| key("reply_to", id)).transpose()?;
    let client_reference = client_reference.map(|reference| key("client_reference", reference)).transpose()?;
    Ok(Checked {
        to,
        content,
        reply_to,
        mentions,
        mention_all,
        status_recipients,
        send_at,
        expires_at,
        client_reference,
        fingerprint,
    })
}

/// Those who are to see a status: somebody if it is one, and nobody otherwise.
fn status_recipients(to: &Recipient, people: Option<Vec<String>>) -> Result<Vec<Person>> {
    const FIELD: &str = "status_recipients";
    match (to, people) {
        (Recipient::Status, Some(people)) if (1..=STATUS_MAX).contains(&people.len()) => {
            people.iter().map(|person| Person::parse(FIELD, person)).collect()
        }
        (Recipient::Status, _) => Err(Error::invalid(FIELD, format!("must have 1 to {STATUS_MAX} people"))),
        (Recipient::Person(_) | Recipient::Group(_), Some(_)) => {
            Err(Error::invalid(FIELD, "must only be there if `to` is status@broadcast"))
        }
        (Recipient::Person(_) | Recipient::Group(_), None) => Ok(Vec::new()),
    }
}

/// A message that says what another one says.
///
/// # Errors
/// `InvalidRecipient`.
pub(in crate::message) fn forward(
    to: &str,
    forwarded: Box<Forwarded>,
    fingerprint: Vec<u8>,
    now: Timestamp,
) -> Result<Checked> {
    let to = Recipient::parse("to", to)?;
    if to == Recipient::Status {
        return Err(Error::about(ErrorKind::InvalidRecipient, "to", "must be a person or a group"));
    }
    Ok(Checked {
        to,
        content: CheckedContent::Forward(forwarded),
        reply_to: None,
        mentions: Vec::new(),
        mention_all: false,
        status_recipients: Vec::new(),
        send_at: None,
        expires_at: now.after(EXPIRES_AFTER),
        client_reference: None,
        fingerprint,
    })
}

impl CheckedContent {
    /// The words in which people are mentioned.
    pub(in crate::message) fn words_mut(&mut self) -> Vec<&mut String> {
        match self {
            Self::Text { text, .. } => vec![text],
            Self::Media(media) => media.caption.iter_mut().collect(),
            Self::Album(items) => items.iter_mut().filter_map(|item| item.caption.as_mut()).collect(),
            Self::Location(_) | Self::Contacts(_) | Self::Poll(_) | Self::Event(_) | Self::Forward(_) => Vec::new(),
        }
    }

    /// Checks what a message says.
    ///
    /// # Errors
    /// `Invalid`.
    fn of(content: MessageContent) -> Result<Self> {
        let media = |media: Result<CheckedMedia>| media.map(Box::new).map(Self::Media);
        match content {
            MessageContent::Text(TextContent { text, link_preview }) => {
                let text = self::text("content.text", text)?;
                let preview = link_preview.map(|preview| wanted::preview(preview, &text)).transpose()?.flatten();
                Ok(Self::Text { text, preview })
            }
            MessageContent::Image(content) => media(CheckedMedia::image(content)),
            MessageContent::Video(content) => media(CheckedMedia::video(content)),
            MessageContent::Gif(content) => media(CheckedMedia::gif(content)),
            MessageContent::Ptv(content) => media(CheckedMedia::video_note(content)),
            MessageContent::Audio(content) => media(CheckedMedia::audio(content)),
            MessageContent::Voice(content) => media(CheckedMedia::voice(content)),
            MessageContent::Document(content) => media(CheckedMedia::document(content)),
            MessageContent::Sticker(content) => media(CheckedMedia::sticker(content)),
            MessageContent::Album(content) => Ok(Self::Album(album::album(content)?)),
            MessageContent::Location(content) => Ok(Self::Location(location::location("content", content)?)),
            MessageContent::Contact(content) => Ok(Self::Contacts(contact::contacts(content)?)),
            MessageContent::Poll(content) => Ok(Self::Poll(poll::poll(content)?)),
            MessageContent::Event(content) => Ok(Self::Event(Box::new(event::event(content)?))),
        }
    }
}

/// A moment that is still to come, and not too far.
fn ahead(field: &str, moment: Timestamp, begin: Timestamp) -> Result<Timestamp> {
    if moment <= begin {
        let what = if field == "send_at" { "the present moment" } else { "the moment at which it is to be sent" };
        return Err(Error::invalid(field, format!("must be behind {what}")));
    }
    if moment > begin.after(AHEAD_MAX) {
        return Err(Error::invalid(field, "must be at most 30 days ahead"));
    }
    Ok(moment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::content::LinkPreview;

    fn new(to: &str, text: &str) -> NewMessage {
        let content = MessageContent::Text(TextContent { text: text.to_owned(), link_preview: None });
        NewMessage {
            to: to.to_owned(),
            content,
            reply_to: None,
            mentions: None,
            mention_all: false,
            status_recipients: None,
            send_at: None,
            expires_at: None,
            client_reference: None,
        }
    }

    #[test]
    fn what_breaks_a_rule_is_refused_with_its_field() {
        let now = Timestamp::from_millis(1_000_000);
        let month = Duration::from_secs(31 * 24 * 60 * 60);
        let fine = || new("15550100077", "tea");
        let url = Some("https://x.example".to_owned());
        let preview = LinkPreview { url, title: None, description: None, thumbnail: None, fetch: false };
        let linked = TextContent { text: "tea".to_owned(), link_preview: Some(preview) };
        let rows = [
            (new("15550100077", " \n"), "`content.text` must not be empty"),
            (new("15550100077", &"x".repeat(65_537)), "`content.text` must have at most 65536 characters"),
            (NewMessage { send_at: Some(now), ..fine() }, "`send_at` must be behind the present moment"),
            (NewMessage { send_at: Some(now.after(month)), ..fine() }, "`send_at` must be at most 30 days ahead"),
            (
                NewMessage { expires_at: Some(now), ..fine() },
                "`expires_at` must be behind the moment at which it is to be sent",
            ),
            (
                NewMessage { client_reference: Some(String::new()), ..fine() },
                "`client_reference` must have 1 to 255 printable characters",
            ),
            (
                NewMessage { status_recipients: Some(vec!["15550100077".to_owned()]), ..fine() },
                "`status_recipients` must only be there if `to` is status@broadcast",
            ),
            (new("status@broadcast", "tea"), "`status_recipients` must have 1 to 1000 people"),
            (
                NewMessage { status_recipients: Some(Vec::new()), ..new("status@broadcast", "tea") },
                "`status_recipients` must have 1 to 1000 people",
            ),
            (
                NewMessage {
                    status_recipients: Some(vec!["15550100077".to_owned()]),
                    mention_all: true,
                    ..new("status@broadcast", "tea")
                },
                "`mention_all` must not be true in a status",
            ),
            (NewMessage { mention_all: true, ..fine() }, "`mention_all` must not be true in a chat with one person"),
            (
                NewMessage { mentions: Some(vec!["x".to_owned()]), ..fine() },
                "`mentions` must be a phone number; `x` cannot be part of one",
            ),
            (
                NewMessage { content: MessageContent::Text(linked), ..fine() },
                "`content.link_preview.url` must stand in the text",
            ),
        ];
        for (new, refusal) in rows {
            assert_eq!(message(new, now).err().expect(refusal).to_string(), refusal);
        }
        assert!(message(fine(), now).is_ok());
        assert!(message(new("15550100077", &"é".repeat(65_536)), now).is_ok());
    }

    #[test]
    fn two_messages_are_the_same_request_only_if_all_is_the_same() {
        let one = fingerprint(&new("15550100077", "tea")).expect("it is JSON");
        assert_eq!(one, fingerprint(&new("15550100077", "tea")).expect("it is JSON"));
        assert_ne!(one, fingerprint(&new("15550100077", "coffee")).expect("it is JSON"));
        assert_ne!(one, fingerprint(&new("15550100078", "tea")).expect("it is JSON"));
    }
}
