//! Where a message can go, as clients name it: a person, a group, or the account's own status.

use crate::error::{Error, ErrorKind, Result};
use crate::message::lookup::person::Person;

/// Digits of a group's number, at most; older ones begin with its founder's phone number.
const GROUP_MAX: usize = 40;

/// Where a message can go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::message) enum Recipient {
    /// To a person.
    Person(Person),
    /// To a group, by its JID.
    Group(String),
    /// To those who are to see it as the account's status.
    Status,
}

/// The JID of what everybody shows as their status.
pub(in crate::message) const STATUS: &str = "status@broadcast";

impl Recipient {
    /// Reads a phone number in any usual spelling, or a JID of a person, a group or the status.
    ///
    /// # Errors
    /// `InvalidRecipient`, with the rule.
    pub(in crate::message) fn parse(field: &str, text: &str) -> Result<Self> {
        let is_number = |user: &str| user.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        match text.trim().split_once('@') {
            _ if text.trim() == STATUS => Ok(Self::Status),
            Some((group, "g.us")) if !group.is_empty() && group.len() <= GROUP_MAX && is_number(group) => {
                Ok(Self::Group(text.trim().to_owned()))
            }
            Some((_, "g.us")) => {
                let rule = "must be the JID of a group as WhatsApp writes it, like 120363000000000001@g.us";
                Err(Error::about(ErrorKind::InvalidRecipient, field, rule))
            }
            _ => Person::parse(field, text).map(Self::Person),
        }
    }

    /// The JID that says the same.
    pub(in crate::message) fn jid(&self) -> String {
        match self {
            Self::Person(person) => person.jid(),
            Self::Group(group) => group.clone(),
            Self::Status => STATUS.to_owned(),
        }
    }
}

/// Whether this is the JID of a group.
pub(in crate::message) fn is_group(jid: &str) -> bool {
    jid.ends_with("@g.us")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_goes_to_a_person_or_a_group() {
        let person = Recipient::parse("to", "+1 555 010-0077").expect("a number");
        assert_eq!((person.jid().as_str(), is_group(&person.jid())), ("15550100077@s.whatsapp.net", false));
        for group in ["120363000000000001@g.us", " 120363000000000001@g.us ", "15550100077-1400000000@g.us"] {
            let read = Recipient::parse("to", group).expect(group);
            assert_eq!(read, Recipient::Group(group.trim().to_owned()));
            assert!(is_group(&read.jid()));
        }
        assert_eq!(Recipient::parse("to", STATUS).expect("the status"), Recipient::Status);
        let long = format!("{}@g.us", "1".repeat(41));
        let rows = ["@g.us", "tea@g.us", "12 3@g.us", long.as_str(), "1@broadcast", "1@newsletter", "a@b", "", "tea"];
        for other in rows {
            let refusal = Recipient::parse("to", other).expect_err(other);
            assert_eq!(refusal.kind(), ErrorKind::InvalidRecipient, "{other}");
            assert!(refusal.to_string().starts_with("`to` must be "), "{other}: {refusal}");
        }
    }
}
