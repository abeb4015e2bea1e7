//! Ids are types, so that no string is ever mistaken for one.

use std::borrow::Cow;
use std::fmt;

use async_graphql::registry::Registry;
use async_graphql::{ID, InputType, InputValueError, InputValueResult, Value};
use poem_openapi::NewType;
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult};
use sea_orm::{DbErr, TryFromU64};
use serde::{Deserialize, Serialize};

/// Longest session id, characters.
pub const SESSION_ID_MAX: usize = 64;

/// Declares a text id: a column type, a key, and a value that only its own constructor makes.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sea_orm::DeriveValueType, NewType,
        )]
        #[oai(from_json = false, from_parameter = false, from_multipart = false)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id as it is written everywhere.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    };
}

id!(
    /// The id of a session: `^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`, the client's own or generated (`ses_…`, sortable).
    SessionId
);

id!(
    /// The id of a webhook: `whk_` and a UUIDv7 in hex, so that ids sort by creation.
    WebhookId
);

id!(
    /// The id of a key: `key_` and a UUIDv7 in hex, so that ids sort by creation.
    KeyId
);

id!(
    /// The id of a pairing link: `lnk_` and a UUIDv7 in hex, so that ids sort by creation.
    PairingLinkId
);

id!(
    /// The id of an event: `evt_` and a UUIDv7 in hex, so that ids sort by creation.
    EventId
);

id!(
    /// The id of a delivery: `dlv_` and a UUIDv7 in hex, so that ids sort by creation.
    DeliveryId
);

id!(
    /// The id of a file that was handed in to be sent: `med_` and a UUIDv7 in hex, so that ids sort by creation.
    MediaId
);

/// An id as a client wrote it, before anybody has looked whether it is one: a text in REST, an `ID` in GraphQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, NewType)]
#[oai(from_parameter = false, from_multipart = false)]
#[serde(transparent)]
pub struct IdText(pub String);

impl InputType for IdText {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        <ID as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <ID as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        <ID as InputType>::parse(value).map(|id| Self(id.0)).map_err(InputValueError::propagate)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

/// Why a text is not a session id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadSessionId;

impl SessionId {
    /// Takes a client's own id.
    ///
    /// # Errors
    /// [`BadSessionId`] unless it matches `^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`.
    pub fn parse(text: &str) -> Result<Self, BadSessionId> {
        let mut bytes = text.bytes();
        let starts_well = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric());
        let goes_on_well = bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if starts_well && goes_on_well && text.len() <= SESSION_ID_MAX {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadSessionId)
        }
    }

    /// A new id, sortable by creation.
    pub fn generate() -> Self {
        Self(format!("ses_{}", uuid::Uuid::now_v7().simple()))
    }
}

impl ParseFromJSON for SessionId {
    fn parse_from_json(value: Option<serde_json::Value>) -> ParseResult<Self> {
        let text = String::parse_from_json(value).map_err(ParseError::propagate)?;
        Self::parse(&text).map_err(|BadSessionId| ParseError::custom("must match ^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"))
    }
}

/// Declares that an id can be read as it was written.
macro_rules! from_json {
    ($($name:ident),+) => {
        $(impl ParseFromJSON for $name {
            fn parse_from_json(value: Option<serde_json::Value>) -> ParseResult<Self> {
                String::parse_from_json(value).map(Self).map_err(ParseError::propagate)
            }
        })+
    };
}

from_json!(DeliveryId, EventId, KeyId, MediaId, PairingLinkId, WebhookId);

impl DeliveryId {
    /// A new id, sortable by creation.
    pub fn generate() -> Self {
        Self(format!("dlv_{}", uuid::Uuid::now_v7().simple()))
    }

    /// The id that a client names, whether such a delivery exists or not.
    pub fn named(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl WebhookId {
    /// The id that a client names, whether such a webhook exists or not.
    pub fn named(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// A new id, sortable by creation.
    pub fn generate() -> Self {
        Self(format!("whk_{}", uuid::Uuid::now_v7().simple()))
    }
}

impl EventId {
    /// The id that is written somewhere, whether such an event exists or not.
    pub fn named(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// A new id, sortable by creation.
    pub fn generate() -> Self {
        Self(format!("evt_{}", uuid::Uuid::now_v7().simple()))
    }
}

impl KeyId {
    /// A new id, sortable by creation.
    pub fn generate() -> Self {
        Self(format!("key_{}", uuid::Uuid::now_v7().simple()))
    }

    /// The id that a client names, whether such a key exists or not.
    pub fn named(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl PairingLinkId {
    /// The id that is written somewhere, whether such a link exists or not.
    pub fn named(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// A new id, sortable by creation.
    pub fn generate() -> Self {
        Self(format!("lnk_{}", uuid::Uuid::now_v7().simple()))
    }
}

impl MediaId {
    /// The id that a client names, whether there is such a file or not.
    pub fn named(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// A new id, sortable by creation.
    pub fn generate() -> Self {
        Self(format!("med_{}", uuid::Uuid::now_v7().simple()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_is_letters_digits_underscore_and_dash_and_starts_with_neither_sign() {
        for good in ["a", "0", "my-session", "A_b-9", &"x".repeat(64)] {
            assert_eq!(SessionId::parse(good).expect(good).as_str(), good);
        }
        for bad in ["", "-a", "_a", "a b", "a/b", "é", "a\n", &"x".repeat(65)] {
            assert_eq!(SessionId::parse(bad), Err(BadSessionId), "{bad:?}");
        }
    }

    #[test]
    fn generated_ids_are_ids_and_sort_by_creation() {
        let ids: Vec<_> = (0..100).map(|_| SessionId::generate()).collect();
        assert!(ids.is_sorted());
        assert!(ids.iter().all(|id| SessionId::parse(id.as_str()).is_ok()));
    }
}
