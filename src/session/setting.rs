//! A change to a setting that has no value of its own unless somebody chooses one: both doors tell "leave it" from "none".

use std::borrow::Cow;

use async_graphql::registry::Registry as GraphRegistry;
use async_graphql::{InputType, InputValueError, InputValueResult, Value as GraphValue};
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;

/// What is to become of a setting. Absent, it stays; null takes the value that was chosen away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Setting<T> {
    /// It stays as it is.
    #[default]
    Kept,
    /// It has no value of its own any more.
    Removed,
    /// It has this value from now on.
    Given(T),
}

impl<T> Setting<T> {
    /// With its value turned into another, which may be refused.
    ///
    /// # Errors
    /// Those of the rule.
    pub fn try_map<U, E>(self, rule: impl FnOnce(T) -> Result<U, E>) -> Result<Setting<U>, E> {
        Ok(match self {
            Self::Kept => Setting::Kept,
            Self::Removed => Setting::Removed,
            Self::Given(value) => Setting::Given(rule(value)?),
        })
    }

    /// The value that it is to have; None if it stays.
    pub fn chosen(self) -> Option<Option<T>> {
        match self {
            Self::Kept => None,
            Self::Removed => Some(None),
            Self::Given(value) => Some(Some(value)),
        }
    }

    const fn given(&self) -> Option<&T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Kept | Self::Removed => None,
        }
    }
}

impl<T: Type> Type for Setting<T> {
    const IS_REQUIRED: bool = false;

    type RawValueType = T::RawValueType;
    type RawElementValueType = T::RawElementValueType;

    fn name() -> Cow<'static, str> {
        Option::<T>::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        Option::<T>::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        self.given().and_then(T::as_raw_value)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        match self.given() {
            Some(value) => value.raw_element_iter(),
            None => Box::new(std::iter::empty()),
        }
    }

    fn is_none(&self) -> bool {
        self.given().is_none()
    }
}

impl<T: ParseFromJSON> ParseFromJSON for Setting<T> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Ok(match value {
            None => Self::Kept,
            Some(Value::Null) => Self::Removed,
            value => Self::Given(T::parse_from_json(value).map_err(ParseError::propagate)?),
        })
    }
}

impl<T: ToJSON> ToJSON for Setting<T> {
    fn to_json(&self) -> Option<Value> {
        match self {
            Self::Kept => None,
            Self::Removed => Some(Value::Null),
            Self::Given(value) => value.to_json(),
        }
    }
}

impl<T: InputType> InputType for Setting<T> {
    type RawValueType = T::RawValueType;

    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    // Without an exclamation mark: it may be absent, and null.
    fn qualified_type_name() -> String {
        T::type_name().into_owned()
    }

    fn create_type_info(registry: &mut GraphRegistry) -> String {
        T::create_type_info(registry);
        Self::qualified_type_name()
    }

    fn parse(value: Option<GraphValue>) -> InputValueResult<Self> {
        Ok(match value {
            None => Self::Kept,
            Some(GraphValue::Null) => Self::Removed,
            value => Self::Given(T::parse(value).map_err(InputValueError::propagate)?),
        })
    }

    fn to_value(&self) -> GraphValue {
        self.given().map_or(GraphValue::Null, T::to_value)
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        self.given().and_then(InputType::as_raw_value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn absent_is_not_null_through_either_door() {
        let rest = |value: Option<Value>| Setting::<u32>::parse_from_json(value).map_err(ParseError::into_message);
        assert_eq!(rest(None), Ok(Setting::Kept));
        assert_eq!(rest(Some(Value::Null)), Ok(Setting::Removed));
        assert_eq!(rest(Some(json!(7))), Ok(Setting::Given(7)));
        assert!(rest(Some(json!("seven"))).is_err());
        let graph = |value: Option<GraphValue>| <Setting<u32> as InputType>::parse(value).ok();
        assert_eq!(graph(None), Some(Setting::Kept));
        assert_eq!(graph(Some(GraphValue::Null)), Some(Setting::Removed));
        assert_eq!(graph(Some(7.into())), Some(Setting::Given(7)));
        assert_eq!(graph(Some("seven".into())), None);
        assert_eq!(<Setting<u32> as InputType>::qualified_type_name(), "Int");
    }
}
