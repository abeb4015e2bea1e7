//! What the query can say, with a refusal that names the rule.

use std::borrow::Cow;

use entity::words::event::EventType;
use entity::words::outgoing::{Direction, MessageStatus};
use entity::words::session::SessionStatus;
use entity::words::webhook::DeliveryState;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, Type};

use crate::message::types::IfOffline;

/// A word of a closed set.
#[derive(Clone, Copy, Debug)]
pub struct Word<W>(pub W);

/// A closed set of words.
pub trait Words: Copy + Send + Sync + 'static {
    /// Every word, in order.
    fn all() -> impl Iterator<Item = (&'static str, Self)>;

    /// The set in the document; the words on the spot unless it has a name there.
    fn schema() -> MetaSchemaRef {
        let enum_items = Self::all().map(|(word, _)| word.into()).collect();
        MetaSchemaRef::Inline(Box::new(MetaSchema { enum_items, ..MetaSchema::new("string") }))
    }
}

impl Words for SessionStatus {
    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        Self::ALL.iter().map(|status| (status.as_str(), *status))
    }

    fn schema() -> MetaSchemaRef {
        <Self as Type>::schema_ref()
    }
}

impl Words for DeliveryState {
    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        Self::ALL.iter().map(|state| (state.as_str(), *state))
    }

    fn schema() -> MetaSchemaRef {
        <Self as Type>::schema_ref()
    }
}

impl Words for MessageStatus {
    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        Self::ALL.iter().map(|status| (status.as_str(), *status))
    }

    fn schema() -> MetaSchemaRef {
        <Self as Type>::schema_ref()
    }
}

impl Words for Direction {
    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        Self::ALL.iter().map(|direction| (direction.as_str(), *direction))
    }

    fn schema() -> MetaSchemaRef {
        <Self as Type>::schema_ref()
    }
}

impl Words for IfOffline {
    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        [("queue", Self::Queue), ("fail", Self::Fail)].into_iter()
    }
}

impl Words for EventType {
    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        Self::ALL.iter().map(|event| (event.as_str(), *event))
    }

    fn schema() -> MetaSchemaRef {
        <Self as Type>::schema_ref()
    }
}

impl<W: Words> Type for Word<W> {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "word".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        W::schema()
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl<W: Words> ParseFromParameter for Word<W> {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        let found = W::all().find(|(word, _)| *word == text).map(|(_, value)| Self(value));
        found.ok_or_else(|| {
            let known = W::all().map(|(word, _)| word).collect::<Vec<_>>().join(", ");
            ParseError::custom(format_args!("must be one of {known}"))
        })
    }
}

/// How many items a page has at most.
#[derive(Clone, Copy, Debug)]
pub struct Limit(pub u32);

impl Type for Limit {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "limit".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let bounds = MetaSchema { minimum: Some(1.0), maximum: Some(100.0), ..MetaSchema::new("integer") };
        MetaSchemaRef::Inline(Box::new(bounds))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromParameter for Limit {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        let limit = text.parse().map_err(|_| ParseError::custom("must be a whole number from 1 to 100"))?;
        if !(1..=100).contains(&limit) {
            return Err(ParseError::custom("must be from 1 to 100"));
        }
        Ok(Self(limit))
    }
}

/// How long to wait for an answer, seconds.
#[derive(Clone, Copy, Debug)]
pub struct Wait(pub u32);

impl Wait {
    /// Longest wait.
    pub const MAX: u32 = 60;
    /// How long is waited when nothing is said: most answers come within one second.
    pub const DEFAULT: u32 = 20;
}

impl Type for Wait {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "seconds".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let bounds = MetaSchema { minimum: Some(0.0), maximum: Some(60.0), ..MetaSchema::new("integer") };
        MetaSchemaRef::Inline(Box::new(bounds))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromParameter for Wait {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        let seconds = text.parse().map_err(|_| ParseError::custom("must be a whole number from 0 to 60"))?;
        if !(0..=Self::MAX).contains(&seconds) {
            return Err(ParseError::custom("must be from 0 to 60"));
        }
        Ok(Self(seconds))
    }
}
