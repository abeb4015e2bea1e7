//! A moment, kept as milliseconds so that both databases store and order it alike.

use std::borrow::Cow;

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{DateTime, SecondsFormat, Utc};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};

/// The first and the last millisecond that RFC 3339 can write: of the years 0 and 9999.
const WRITABLE: (i64, i64) = (-62_167_219_200_000, 253_402_300_799_999);
/// The last second that a client may name; the first is that of the Unix epoch. No clock shows any other.
const LAST_SECOND: i64 = 253_402_300_799;

/// A moment in UTC: Unix milliseconds in the database, integer Unix seconds in REST, RFC 3339 in GraphQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, sea_orm::DeriveValueType)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment that lies `millis` after the Unix epoch: the nearest that can be written, if that cannot.
    pub const fn from_millis(millis: i64) -> Self {
        let (first, last) = WRITABLE;
        if millis < first {
            Self(first)
        } else if millis > last {
            Self(last)
        } else {
            Self(millis)
        }
    }

    /// The moment that a client names; None if no clock shows it.
    fn named(seconds: i64, millis: i64) -> Option<Self> {
        (0..=LAST_SECOND).contains(&seconds).then(|| Self(seconds * 1000 + millis))
    }

    /// The moment that a client names as RFC 3339 has it: `2026-11-23T08:30:00Z`.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse_rfc3339(text: &str) -> Result<Self, &'static str> {
        let moment = DateTime::parse_from_rfc3339(text).map_err(|_| "must be an RFC 3339 moment")?;
        Self::named(moment.timestamp(), i64::from(moment.timestamp_subsec_millis()))
            .ok_or("must be a moment from 1970 to 9999, in UTC")
    }

    /// As RFC 3339 has it: `2026-11-23T08:30:00.000Z`.
    pub fn to_rfc3339(self) -> String {
        // A row of an older version may hold what none is taken for now.
        let moment = DateTime::<Utc>::from_timestamp_millis(Self::from_millis(self.0).0).unwrap_or_default();
        moment.to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// Whole milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        Self::from_millis(self.0).0.div_euclid(1000)
    }

    /// The moment `duration` later.
    pub fn after(self, duration: std::time::Duration) -> Self {
        Self::from_millis(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The moment `duration` earlier.
    pub fn before(self, duration: std::time::Duration) -> Self {
        Self::from_millis(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long it has been from `start` until this moment; zero when it is still to come.
    pub fn since(self, start: Self) -> std::time::Duration {
        self.remaining(start)
    }

    /// How long it still is from `now` until this moment; zero when it has passed.
    pub fn remaining(self, now: Self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.0.saturating_sub(now.0)).unwrap_or(0))
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(moment: DateTime<Utc>) -> Self {
        Self::from_millis(moment.timestamp_millis())
    }
}

/// A moment in UTC, as RFC 3339 has it: `2026-11-23T08:30:00.000Z`.
#[Scalar(name = "DateTime", specified_by_url = "https://scalars.graphql.org/andimarek/date-time")]
impl ScalarType for Timestamp {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        Self::parse_rfc3339(text).map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_rfc3339())
    }
}

impl Type for Timestamp {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "integer_int64".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let schema = MetaSchema::new_with_format("integer", "int64");
        let bounds = MetaSchema { minimum: Some(0.0), maximum: Some(LAST_SECOND as f64), ..schema };
        MetaSchemaRef::Inline(Box::new(bounds))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

/// As REST writes it.
impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.seconds())
    }
}

/// As REST writes it.
impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What phones sent was written down as it came, and stays readable.
        Ok(Self::from_millis(i64::deserialize(deserializer)?.saturating_mul(1000)))
    }
}

impl ToJSON for Timestamp {
    fn to_json(&self) -> Option<serde_json::Value> {
        Some(self.seconds().into())
    }
}

impl ParseFromJSON for Timestamp {
    fn parse_from_json(value: Option<serde_json::Value>) -> ParseResult<Self> {
        let value = value.unwrap_or_default();
        let seconds = value.as_i64().ok_or_else(|| ParseError::expected_type(value))?;
        let refused = || ParseError::custom(format_args!("must be from 0 to {LAST_SECOND}"));
        Self::named(seconds, 0).ok_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_door_takes_a_moment_that_no_clock_shows() {
        let rest = |seconds: i64| Timestamp::parse_from_json(Some(seconds.into())).ok().map(Timestamp::seconds);
        for good in [0, 1_767_143_203, LAST_SECOND] {
            assert_eq!(rest(good), Some(good));
        }
        for bad in [-1, LAST_SECOND + 1, 9_223_372_036_854_775, -9_223_372_036_854_775, i64::MAX, i64::MIN] {
            assert_eq!(rest(bad), None, "{bad}");
        }
        let graph = |text: &str| <Timestamp as ScalarType>::parse(Value::from(text)).ok().map(Timestamp::millis);
        assert_eq!(graph("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(graph("9999-12-31T23:59:59.999Z"), Some(WRITABLE.1));
        for bad in [
            "1969-12-31T23:59:59.999Z",
            "9999-12-31T23:59:59-00:01",
            "0000-01-01T00:00:00Z",
            "1970-01-01T00:00:00+00:01",
        ] {
            assert_eq!(graph(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_moment_too_far_away_is_the_last_one_wherever_it_comes_from() {
        let last = Timestamp::from_millis(WRITABLE.1);
        let far = [
            Timestamp::from_millis(i64::MAX),
            last.after(Duration::MAX),
            DateTime::<Utc>::MAX_UTC.into(),
            serde_json::from_str(&i64::MAX.to_string()).expect("it is read"),
        ];
        for moment in far {
            assert_eq!(moment, last);
        }
        for written in [Timestamp(i64::MAX), last] {
            assert_eq!(written.to_value(), Value::from("9999-12-31T23:59:59.999Z"));
            assert_eq!(written.seconds(), LAST_SECOND);
        }
        assert_eq!(Timestamp::from_millis(i64::MIN).to_value(), Value::from("0000-01-01T00:00:00.000Z"));
    }
}
