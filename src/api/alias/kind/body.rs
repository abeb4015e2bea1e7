//! What these paths take, in the words of the operations that they are.

use poem_openapi::Object;

use crate::api::alias::around::Around;
use crate::error::{Error, Result};
use crate::message::action::action_types::{NewForward, NewPin, NewVote};
use crate::message::content::MessageContent;
use crate::message::content::contact::{ContactContent, NewContact, NewPhone};
use crate::message::content::location::LocationContent;
use crate::message::content::poll::PollContent;
use crate::message::types::{MessagePlace, NewMessage};

/// Seconds of a day.
const DAY: u32 = 24 * 60 * 60;

/// A place that is to be sent.
#[derive(Object)]
#[oai(example, skip_serializing_if_is_none)]
pub struct LocationBody {
    /// To whom, written as `to` of a new message.
    pub to: String,
    /// Degrees north, from -90 to 90.
    pub latitude: f64,
    /// Degrees east, from -180 to 180.
    pub longitude: f64,
    /// Its name, at most 1,000 characters.
    pub name: Option<String>,
    /// Its address, at most 1,000 characters.
    pub address: Option<String>,
    /// Id of the message that it answers, which must be in the same chat.
    pub reply_to: Option<String>,
    /// When it is to be sent, at most 30 days from now, as RFC 3339 has it: `2026-12-24T09:00:00Z`. At once when absent.
    pub send_at: Option<String>,
}

/// A contact, or several, that are to be sent.
#[derive(Object)]
#[oai(example, skip_serializing_if_is_none)]
pub struct ContactBody {
    /// To whom, written as `to` of a new message.
    pub to: String,
    /// The contact. Needed unless there are `contacts`.
    pub contact: Option<ContactCard>,
    /// The contacts, 1 to 100, in place of `contact`.
    pub contacts: Option<Vec<ContactCard>>,
    /// Id of the message that it answers, which must be in the same chat.
    pub reply_to: Option<String>,
    /// When it is to be sent, at most 30 days from now, as RFC 3339 has it: `2026-12-24T09:00:00Z`. At once when absent.
    pub send_at: Option<String>,
}

/// A contact.
#[derive(Object)]
#[oai(example, skip_serializing_if_is_none)]
pub struct ContactCard {
    /// The name that it is shown with, at most 256 characters.
    pub display_name: String,
    /// Its phone numbers, 1 to 20.
    pub phones: Vec<ContactPhone>,
    /// Where they work, at most 256 characters.
    pub organization: Option<String>,
}

/// A phone number of a contact.
#[derive(Object)]
#[oai(example, skip_serializing_if_is_none)]
pub struct ContactPhone {
    /// The number with its country code, in any usual spelling.
    pub number: String,
    /// What kind of number it is, in vCard's words: `CELL`, `WORK`, `HOME`. `CELL` when absent.
    pub phone_type: Option<String>,
}

/// A poll that is to be asked.
#[derive(Object)]
#[oai(example, skip_serializing_if_is_none)]
pub struct PollBody {
    /// To whom, written as `to` of a new message.
    pub to: String,
    /// What it asks, 1 to 255 characters.
    pub name: String,
    /// What can be chosen: 2 to 12 different options of 1 to 100 characters.
    pub options: Vec<String>,
    /// How many options each person may choose; 0 is any number. 1 when absent.
    pub selectable_count: Option<u32>,
    /// Id of the message that it answers, which must be in the same chat.
    pub reply_to: Option<String>,
    /// When it is to be sent, at most 30 days from now, as RFC 3339 has it: `2026-12-24T09:00:00Z`. At once when absent.
    pub send_at: Option<String>,
}

/// A vote in a poll.
#[derive(Object)]
#[oai(example)]
pub struct VoteBody {
    /// The chat of the poll: a phone number, or a JID.
    pub to: String,
    /// Id of the message that asks the poll.
    pub message_id: String,
    /// The options that are chosen, word for word as the poll has them. None takes the vote back.
    pub options: Vec<String>,
}

/// A message that is to be pinned or unpinned.
#[derive(Object)]
#[oai(example)]
pub struct PinBody {
    /// The chat of the message: a phone number, or a JID.
    pub chat: String,
    /// The message's id.
    pub message_id: String,
    /// For how many seconds: 86400, 604800 or 2592000; 0 unpins it.
    pub duration_seconds: u32,
}

/// A message that is to be forwarded.
#[derive(Object)]
#[oai(example)]
pub struct ForwardBody {
    /// To whom, written as `to` of a new message.
    pub to: String,
    /// The message's id.
    pub message_id: String,
}

impl LocationBody {
    /// The message that it is.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn message(self) -> Result<NewMessage> {
        let Self { to, latitude, longitude, name, address, reply_to, send_at } = self;
        let content = MessageContent::Location(LocationContent { latitude, longitude, name, address });
        Around { to, reply_to, send_at }.message(content)
    }

    /// What it calls a field of the message.
    pub fn name(field: &str) -> String {
        field.strip_prefix("content.").unwrap_or(field).to_owned()
    }
}

impl ContactBody {
    /// The message that it is.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn message(self) -> Result<NewMessage> {
        let Self { to, contact, contacts, reply_to, send_at } = self;
        let cards = match (contact, contacts) {
            (Some(contact), None) => vec![contact],
            (None, Some(contacts)) => contacts,
            _ => return Err(Error::invalid("contact", "must be there, or `contacts`, and not both")),
        };
        let contacts = cards.into_iter().map(ContactCard::contact).collect();
        Around { to, reply_to, send_at }.message(MessageContent::Contact(ContactContent { contacts }))
    }

    /// What it calls a field of the message.
    pub fn name(field: &str) -> String {
        let own = field.strip_prefix("content.").unwrap_or(field);
        match own {
            "contacts.name" => "contacts.display_name",
            "contacts.phones.type" => "contacts.phones.phone_type",
            other => other,
        }
        .to_owned()
    }
}

impl ContactCard {
    fn contact(self) -> NewContact {
        let Self { display_name: name, phones, organization } = self;
        let phone = |ContactPhone { number, phone_type }: ContactPhone| NewPhone { number, phone_type };
        NewContact { name, phones: Some(phones.into_iter().map(phone).collect()), organization, vcard: None }
    }
}

impl PollBody {
    /// The message that it is.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn message(self) -> Result<NewMessage> {
        let Self { to, name: question, options, selectable_count: max_choices, reply_to, send_at } = self;
        let content = MessageContent::Poll(PollContent { question, options, max_choices });
        Around { to, reply_to, send_at }.message(content)
    }

    /// What it calls a field of the message.
    pub fn name(field: &str) -> String {
        let own = field.strip_prefix("content.").unwrap_or(field);
        match own {
            "question" => "name",
            "max_choices" => "selectable_count",
            other => other,
        }
        .to_owned()
    }
}

impl VoteBody {
    /// The poll, and the vote.
    pub fn vote(self) -> (String, NewVote) {
        let Self { to, message_id, options } = self;
        (message_id, NewVote { options, chat: Some(to), sender: None })
    }
}

impl PinBody {
    /// The message, and how it is pinned. None unpins it.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn pin(self) -> Result<(String, Option<NewPin>, MessagePlace)> {
        let Self { chat, message_id, duration_seconds } = self;
        let place = MessagePlace { chat: Some(chat.clone()), sender: None };
        if duration_seconds == 0 {
            return Ok((message_id, None, place));
        }
        if ![1, 7, 30].map(|days| days * DAY).contains(&duration_seconds) {
            return Err(Error::invalid("duration_seconds", "must be 0, 86400, 604800 or 2592000"));
        }
        let pin = NewPin { days: Some(duration_seconds / DAY), chat: Some(chat), sender: None };
        Ok((message_id, Some(pin), place))
    }
}

impl ForwardBody {
    /// The message, and to whom it goes.
    pub fn forward(self) -> (String, NewForward) {
        let Self { to, message_id } = self;
        (message_id, NewForward { to, chat: None, sender: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> ContactCard {
        let phones = vec![ContactPhone { number: "15550100078".to_owned(), phone_type: None }];
        ContactCard { display_name: "Ada".to_owned(), phones, organization: None }
    }

    #[test]
    fn one_contact_or_several_and_not_both() {
        let message = |contact, contacts| {
            let to = "15550100077".to_owned();
            let message = ContactBody { to, contact, contacts, reply_to: None, send_at: None }.message();
            message.map(|message| match message.content {
                MessageContent::Contact(content) => content.contacts.len(),
                _ => 0,
            })
        };
        assert_eq!(message(Some(card()), None).ok(), Some(1));
        assert_eq!(message(None, Some(vec![card(), card()])).ok(), Some(2));
        for (contact, contacts) in [(None, None), (Some(card()), Some(vec![card()]))] {
            let refusal = message(contact, contacts).expect_err("it is refused").to_string();
            assert_eq!(refusal, "`contact` must be there, or `contacts`, and not both");
        }
    }

    #[test]
    fn no_seconds_unpin_a_message() {
        let pin = |duration_seconds| {
            let (chat, message_id) = ("15550100077".to_owned(), "3EB0".to_owned());
            let read = PinBody { chat, message_id, duration_seconds }.pin();
            read.map(|(_, pin, _)| pin.and_then(|pin| pin.days)).map_err(|error| error.to_string())
        };
        let rows = [(0, None), (86_400, Some(1)), (604_800, Some(7)), (2_592_000, Some(30))];
        for (seconds, days) in rows {
            assert_eq!(pin(seconds), Ok(days));
        }
        let rule = "`duration_seconds` must be 0, 86400, 604800 or 2592000".to_owned();
        assert_eq!(pin(1), Err(rule));
    }
}
