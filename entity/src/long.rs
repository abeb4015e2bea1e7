//! Whole numbers that GraphQL's own `Int` has no room for.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

/// A whole number beyond the 32 bits of `Int`, as JSON writes it; never beyond the 53 bits that a double holds exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Long(pub i64);

/// A whole number beyond the 32 bits of `Int`, as JSON writes it; never beyond the 53 bits that a double holds exactly.
#[Scalar(name = "Long")]
impl ScalarType for Long {
    fn parse(value: Value) -> InputValueResult<Self> {
        let number = match &value {
            Value::Number(number) => number.as_i64(),
            _ => return Err(InputValueError::expected_type(value)),
        };
        number.map(Self).ok_or_else(|| InputValueError::custom("must be a whole number"))
    }

    fn to_value(&self) -> Value {
        self.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_is_a_number_both_ways() {
        let large = Long(3_000_000_000);
        let written = large.to_value().into_json().expect("it is JSON");
        assert_eq!(written, 3_000_000_000_i64);
        assert_eq!(Long::parse(large.to_value()).expect("it is one"), large);
        for other in [Value::from("5"), Value::from(5.5), Value::Null] {
            assert!(Long::parse(other.clone()).is_err(), "{other}");
        }
    }
}
