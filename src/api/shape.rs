//! Whether a JSON body has the shape that the document promises, and which field does not.
//!
//! The framework's own parser takes a number for a text and names types instead of fields.

use std::borrow::Cow;

use poem_openapi::registry::{MetaDiscriminatorObject, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde_json::Value;

use crate::error::Error;

/// Longest name of a field in an answer, characters. The client's own labels may be as long as its body.
const FIELD_MAX: usize = 80;

/// From here on (2^52) a number with a fraction may be read as its neighbour: serde_json is right but for the last bit, and that is
/// worth a whole then.
const WHOLE_MAX: f64 = 4_503_599_627_370_496.0;

/// Refuses a body that does not fit `T`. Whole numbers that are written as fractions (`1.0`, `1e0`) are written as integers
/// afterwards: to JSON they are the same, to the framework's parser they are not.
///
/// # Errors
/// `Invalid`, with the first field that does not fit and what it must be.
pub(super) fn check<T: Type>(value: &mut Value) -> Result<(), Error> {
    let mut registry = Registry::new();
    T::register(&mut registry);
    fit(&registry, &T::schema_ref(), value, "").map_err(|Misfit { field, rule }| {
        let field = if field.is_empty() { "the body".to_owned() } else { field.chars().take(FIELD_MAX).collect() };
        Error::invalid(&field, rule)
    })
}

/// The field that does not fit, and the rule that it breaks.
struct Misfit {
    field: String,
    rule: Cow<'static, str>,
}

fn fit(registry: &Registry, schema: &MetaSchemaRef, value: &mut Value, field: &str) -> Result<(), Misfit> {
    let schema = match schema {
        MetaSchemaRef::Inline(schema) => schema.as_ref(),
        MetaSchemaRef::Reference(name) => match registry.schemas.get(name) {
            Some(schema) => schema,
            None => return Ok(()),
        },
    };
    if let Some(MetaDiscriminatorObject { property_name, mapping }) = &schema.discriminator {
        return fit_chosen(registry, (property_name, mapping), value, field);
    }
    for part in &schema.all_of {
        fit(registry, part, value, field)?;
    }
    if schema.ty == "integer"
        && let Some(whole) = whole(value)
    {
        *value = whole.into();
    }
    let rule = match schema.ty {
        "string" if !value.is_string() => "must be a string",
        "boolean" if !value.is_boolean() => "must be true or false",
        "integer" if !value.is_i64() && !value.is_u64() => "must be a whole number",
        "number" if !value.is_number() => "must be a number",
        "object" if !value.is_object() => "must be a JSON object",
        "array" if !value.is_array() => "must be a list",
        "integer" => {
            let number = value.as_f64().unwrap_or_default();
            return match (schema.minimum, schema.maximum) {
                (Some(least), Some(most)) if !(least..=most).contains(&number) => {
                    Err(Misfit { field: field.to_owned(), rule: format!("must be from {least} to {most}").into() })
                }
                _ => Ok(()),
            };
        }
        _ if !schema.enum_items.is_empty() && !schema.enum_items.contains(value) => {
            return Err(Misfit { field: field.to_owned(), rule: one_of(&schema.enum_items).into() });
        }
        _ => return inside(registry, schema, value, field),
    };
    Err(Misfit { field: field.to_owned(), rule: rule.into() })
}

/// Of a choice, what its word says.
fn fit_chosen(
    registry: &Registry,
    (name, mapping): (&str, &[(String, String)]),
    value: &mut Value,
    field: &str,
) -> Result<(), Misfit> {
    let word_field = if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") };
    let Value::Object(values) = &*value else {
        return Err(Misfit { field: field.to_owned(), rule: "must be a JSON object".into() });
    };
    let word = match values.get(name) {
        None | Some(Value::Null) => return Err(Misfit { field: word_field, rule: "is required".into() }),
        Some(word) => word.as_str().unwrap_or_default(),
    };
    let Some((_, reference)) = mapping.iter().find(|(known, _)| known == word) else {
        let known: Vec<_> = mapping.iter().map(|(known, _)| Value::from(known.as_str())).collect();
        return Err(Misfit { field: word_field, rule: one_of(&known).into() });
    };
    let chosen = reference.rsplit('/').next().unwrap_or(reference).to_owned();
    fit(registry, &MetaSchemaRef::Reference(chosen), value, field)
}

/// The integer that is written as a fraction here.
fn whole(value: &Value) -> Option<i64> {
    let number = value.as_f64().filter(|number| value.is_f64() && number.fract() == 0.0 && number.abs() < WHOLE_MAX)?;
    Some(number as i64)
}

fn one_of(words: &[Value]) -> String {
    let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
    format!("must be one of {}", words.join(", "))
}

fn inside(registry: &Registry, schema: &MetaSchema, value: &mut Value, field: &str) -> Result<(), Misfit> {
    let below = |name: &str| if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") };
    if let (Value::Array(items), Some(item)) = (&mut *value, &schema.items) {
        return items
            .iter_mut()
            .enumerate()
            .try_for_each(|(at, value)| fit(registry, item, value, &format!("{field}[{at}]")));
    }
    let Value::Object(values) = value else { return Ok(()) };
    for (name, property) in &schema.properties {
        match values.get_mut(*name) {
            // What need not be there may be null.
            Some(Value::Null) | None if schema.required.contains(name) => {
                return Err(Misfit { field: below(name), rule: "is required".into() });
            }
            Some(Value::Null) | None => {}
            Some(value) => fit(registry, property, value, &below(name))?,
        }
    }
    if let Some(others) = &schema.additional_properties {
        values.iter_mut().try_for_each(|(name, value)| fit(registry, others, value, &below(name)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use poem_openapi::Object;
    use poem_openapi::types::ParseFromJSON;
    use serde_json::json;

    use super::*;
    use crate::session::types::NewSession;

    fn refusal(value: &Value) -> Option<String> {
        check::<NewSession>(&mut value.clone()).err().map(|error| error.to_string())
    }

    #[test]
    fn a_body_that_fits_is_taken_and_what_nobody_knows_is_ignored() {
        let full = json!({
            "id": "shop", "name": null, "metadata": { "a": "b" }, "device": { "os": "Linux" },
            "webhook": { "url": "https://example.com", "events": ["message"] }, "unknown": [1],
        });
        assert_eq!(refusal(&full), None);
        assert_eq!(refusal(&json!({})), None);
    }

    #[test]
    fn a_whole_number_may_be_written_as_a_fraction() {
        #[derive(Object)]
        struct Order {
            pieces: u32,
            offsets: Vec<i64>,
            rate: f64,
        }
        let read = |text: &str| {
            let mut value: Value = serde_json::from_str(text).expect("it is JSON");
            check::<Order>(&mut value).map_err(|error| error.to_string())?;
            Order::parse_from_json(Some(value)).map_err(poem_openapi::types::ParseError::into_message)
        };
        let order = read(r#"{ "pieces": 1e2, "offsets": [1.0, -3.0, -0.0, 281474976710655.0, 5], "rate": 2.0 }"#);
        let Order { pieces, offsets, rate } = order.expect("all of them are whole");
        assert_eq!((pieces, &offsets[..], rate), (100, &[1, -3, 0, 281_474_976_710_655, 5][..], 2.0));
        for (text, detail) in [
            (r#"{ "pieces": 1.5, "offsets": [], "rate": 1 }"#, "`pieces` must be a whole number"),
            (r#"{ "pieces": 1, "offsets": [1, 2e-1], "rate": 1 }"#, "`offsets[1]` must be a whole number"),
            (r#"{ "pieces": 1, "offsets": [4503599627370496.0], "rate": 1 }"#, "`offsets[0]` must be a whole number"),
            (r#"{ "pieces": 1, "offsets": [1e300], "rate": 1 }"#, "`offsets[0]` must be a whole number"),
            (r#"{ "pieces": "1.0", "offsets": [], "rate": 1 }"#, "`pieces` must be a whole number"),
            (r#"{ "pieces": 1, "offsets": [], "rate": "1.5" }"#, "`rate` must be a number"),
            (r#"{ "pieces": 1, "offsets": [], "rate": true }"#, "`rate` must be a number"),
        ] {
            assert_eq!(read(text).err().as_deref(), Some(detail), "{text}");
        }
        // As far too large or too small as if it were written without a fraction.
        for pieces in ["-1", "-1.0", "4294967296", "4294967296.0"] {
            assert!(read(&format!(r#"{{ "pieces": {pieces}, "offsets": [], "rate": 1 }}"#)).is_err(), "{pieces}");
        }
    }

    #[test]
    fn the_field_that_does_not_fit_is_named() {
        let rows = [
            (json!({ "id": 5 }), "`id` must be a string"),
            (json!({ "name": ["x"] }), "`name` must be a string"),
            (json!({ "metadata": { "k": 1 } }), "`metadata.k` must be a string"),
            (json!({ "metadata": [] }), "`metadata` must be a JSON object"),
            (json!({ "device": "x" }), "`device` must be a JSON object"),
            (json!({ "webhook": { "url": "x", "events": "message" } }), "`webhook.events` must be a list"),
            (json!({ "webhook": { "url": "x", "events": ["message", 2] } }), "`webhook.events[1]` must be a string"),
            (json!("text"), "`the body` must be a JSON object"),
            (json!(null), "`the body` must be a JSON object"),
            (json!([]), "`the body` must be a JSON object"),
        ];
        for (body, detail) in rows {
            assert_eq!(refusal(&body).as_deref(), Some(detail), "{body}");
        }
    }
}
