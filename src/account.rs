//! What the session service and the WhatsApp client both speak of: the account, its phone, its device, and how they are linked.
//!
//! Values and their rules only. Knows neither sessions nor the WhatsApp library.

use std::fmt;

use async_graphql::{InputObject, SimpleObject};
use poem_openapi::Object;
use serde::Serialize;

use crate::error::{Error, Result};

/// A phone number in international form: 7 to 15 digits, no plus sign, no leading zero.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Takes any usual spelling: `+1 (555) 010-0001`, `0015550100001`, `1.555.010.0001`.
    ///
    /// # Errors
    /// `Invalid`, with the rule that it breaks.
    pub fn parse(field: &str, text: &str) -> Result<Self> {
        let text = text.trim();
        let text = text.strip_prefix('+').or_else(|| text.strip_prefix("00")).unwrap_or(text);
        let mut digits = String::with_capacity(15);
        for c in text.chars() {
            match c {
                '0'..='9' => digits.push(c),
                ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' => {}
                _ => return Err(Error::invalid(field, format!("must be a phone number; `{c}` cannot be part of one"))),
            }
        }
        if digits.is_empty() {
            return Err(Error::invalid(field, "must be a phone number with its country code"));
        }
        if digits.starts_with('0') {
            return Err(Error::invalid(field, "must start with a country code, and none starts with a zero"));
        }
        if !(7..=15).contains(&digits.len()) {
            return Err(Error::invalid(field, format!("must have 7 to 15 digits, it has {}", digits.len())));
        }
        Ok(Self(digits))
    }

    /// The digits.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// Fit for a log: the first two and the last two digits.
    pub fn masked(&self) -> String {
        let digits = &self.0;
        format!("+{}…{}", &digits[..2], &digits[digits.len() - 2..])
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// Who a session is on WhatsApp, once a phone is linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Digits without a plus sign.
    pub phone_number: PhoneNumber,
    /// User part of the LID.
    pub lid: Option<String>,
    /// Number of this device among the phone's linked devices.
    pub device_id: i32,
}

/// The linked device.
#[derive(Clone, Debug, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct Device {
    /// Number of this device among the phone's linked devices.
    pub device_id: i32,
    /// Phone number, digits only.
    pub phone_number: String,
    /// The account's LID, `123456@lid`, without a device part. Null until WhatsApp told it.
    pub lid: Option<String>,
    /// Name that the account shows to others. Null until WhatsApp told it.
    pub push_name: Option<String>,
}

/// What the phone shows under linked devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object, InputObject)]
#[oai(example, rename = "DeviceProps")]
#[graphql(name = "DevicePropsInput")]
pub struct DeviceProps {
    /// Operating system, such as `Linux`. At most 50 characters.
    pub os: Option<String>,
    /// Kind of program: `chrome`, `firefox`, `safari`, `edge`, `opera`, `ie`, `desktop`.
    pub platform: Option<String>,
    /// Version: one to three numbers with dots, such as `10.15.7`.
    pub version: Option<String>,
}

/// A text that a phone can be linked with, which no log may show.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    /// Wraps it.
    pub fn new(code: impl Into<String>) -> Self {
        Self(code.into())
    }

    /// The text itself, for the one who is allowed to see it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

/// A request for a pair code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairRequest {
    /// The number of the phone that is to be linked.
    pub phone_number: PhoneNumber,
    /// Whether the phone is to show a notification.
    pub show_push_notification: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_usual_spelling_of_a_phone_number_is_the_same_number() {
        for spelling in ["15550100001", "+15550100001", "+1 555 010-0001", "001 (555) 010.0001", " +1/555/0100001 "] {
            assert_eq!(PhoneNumber::parse("n", spelling).expect(spelling).digits(), "15550100001");
        }
    }

    #[test]
    fn what_is_no_phone_number_is_refused_with_the_field_and_the_rule() {
        let rows = [
            ("", "`n` must be a phone number with its country code"),
            ("+", "`n` must be a phone number with its country code"),
            ("call me", "`n` must be a phone number; `c` cannot be part of one"),
            ("0155501000", "`n` must start with a country code, and none starts with a zero"),
            ("+0155501000", "`n` must start with a country code, and none starts with a zero"),
            ("123456", "`n` must have 7 to 15 digits, it has 6"),
            ("1234567890123456", "`n` must have 7 to 15 digits, it has 16"),
        ];
        for (text, refusal) in rows {
            assert_eq!(PhoneNumber::parse("n", text).expect_err(text).to_string(), refusal);
        }
    }

    #[test]
    fn codes_and_numbers_do_not_show_in_a_log() {
        let number = PhoneNumber::parse("n", "15550100001").expect("it is one");
        assert_eq!(format!("{number:?} {:?}", Code::new("ABCD-EFGH")), "+15…01 Code(..)");
    }
}
