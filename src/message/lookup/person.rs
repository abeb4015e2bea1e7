//! Somebody to whom a message can go, as clients name them.

use crate::account::{Identity, PhoneNumber};
use crate::error::{Error, ErrorKind, Result};

/// Digits of a LID, at most.
const LID_MAX: usize = 20;

/// Somebody to whom a message can go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::message) enum Person {
    /// By their phone number.
    Number(PhoneNumber),
    /// By their LID, digits only.
    Lid(String),
}

impl Person {
    /// Reads a phone number in any usual spelling, or a JID of a person.
    ///
    /// # Errors
    /// `InvalidRecipient`, with the rule.
    pub(in crate::message) fn parse(field: &str, text: &str) -> Result<Self> {
        let refused = |rule: &str| Error::about(ErrorKind::InvalidRecipient, field, rule);
        let is_digits = |user: &str| !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_digit());
        match text.trim().split_once('@') {
            Some((user, "lid")) if is_digits(user) && user.len() <= LID_MAX => Ok(Self::Lid(user.to_owned())),
            Some((user, "s.whatsapp.net")) if is_digits(user) => number(field, user),
            Some((_, "g.us")) => Err(refused("must be a person, and not a group")),
            Some((_, "newsletter" | "broadcast")) => {
                Err(refused("must be a person or a group: messages to channels and lists cannot be sent yet"))
            }
            Some(_) => Err(refused("must be a phone number, or a JID that ends with @s.whatsapp.net or @lid")),
            None => number(field, text),
        }
    }

    /// The JID that says the same.
    pub(in crate::message) fn jid(&self) -> String {
        match self {
            Self::Number(number) => format!("{}@s.whatsapp.net", number.digits()),
            Self::Lid(lid) => format!("{lid}@lid"),
        }
    }

    /// Whether this is the account itself.
    pub(in crate::message) fn is(&self, own: &Identity) -> bool {
        match self {
            Self::Number(number) => *number == own.phone_number,
            Self::Lid(lid) => own.lid.as_deref().is_some_and(|own| own.split('@').next() == Some(lid)),
        }
    }
}

fn number(field: &str, text: &str) -> Result<Person> {
    let read = PhoneNumber::parse(field, text);
    read.map(Person::Number).map_err(|error| {
        let told = error.to_string();
        let rule = told.strip_prefix(&format!("`{field}` ")).unwrap_or(&told);
        Error::about(ErrorKind::InvalidRecipient, field, rule)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_named_by_number_or_jid_and_nobody_else_is() {
        for spelling in ["+1 555 010-0077", "15550100077", "0015550100077", "15550100077@s.whatsapp.net"] {
            assert_eq!(Person::parse("to", spelling).expect(spelling).jid(), "15550100077@s.whatsapp.net");
        }
        assert_eq!(Person::parse("to", "100000000000077@lid").expect("a LID").jid(), "100000000000077@lid");
        for other in ["120363000000000001@g.us", "status@broadcast", "1@newsletter", "a@b", "@lid", "", "call me"] {
            assert_eq!(Person::parse("to", other).expect_err(other).kind(), ErrorKind::InvalidRecipient, "{other}");
        }
    }
}
