//! The one place that every value passes on its way into a database: what PostgreSQL has no place for, SQLite does not keep
//! either, whoever wrote it and whatever way it came in.

use std::borrow::Cow;

use sea_orm::{Statement, Value, Values};
use sha2::{Digest, Sha256};

/// What stands where PostgreSQL has no place for what was there.
const REPLACEMENT: &str = "\u{fffd}";
/// Longest part of a key that is kept as it came, bytes. PostgreSQL indexes no more than 2.7 kB.
const KEY_BYTES: usize = 256;

/// The same statement, with a replacement character for each NUL in its texts. A text that is looked for is treated like one
/// that was kept, so it is found.
pub(super) fn cleaned(mut statement: Statement) -> Statement {
    if let Some(Values(values)) = &mut statement.values {
        values.iter_mut().for_each(clean);
    }
    statement
}

/// The same of one value.
pub(super) fn cleaned_value(mut value: Value) -> Value {
    clean(&mut value);
    value
}

fn kept(text: &mut String) {
    if text.contains('\0') {
        *text = text.replace('\0', REPLACEMENT);
    }
}

/// A text that others chose, as it can be part of a table's key: the same, unless it has a NUL or is too long. Different ones stay
/// different but for NULs.
pub fn key(text: &str) -> Cow<'_, str> {
    if text.len() > KEY_BYTES {
        let digest = Sha256::digest(text.as_bytes());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        return Cow::Owned(format!("sha256:{hex}"));
    }
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', REPLACEMENT)),
        false => Cow::Borrowed(text),
    }
}

fn clean(value: &mut Value) {
    match value {
        Value::String(Some(text)) => kept(text),
        Value::Json(Some(json)) => clean_json(json),
        _ => {}
    }
}

/// PostgreSQL keeps an escaped NUL in JSON, and fails when somebody takes it out.
fn clean_json(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::String(text) => kept(text),
        serde_json::Value::Array(items) => items.iter_mut().for_each(clean_json),
        serde_json::Value::Object(fields) => {
            *fields = std::mem::take(fields)
                .into_iter()
                .map(|(mut name, mut value)| {
                    kept(&mut name);
                    clean_json(&mut value);
                    (name, value)
                })
                .collect();
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::DbBackend;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_that_no_key_can_hold_becomes_one_that_can() {
        assert_eq!(key("3EB0C431C26A1916E07E"), "3EB0C431C26A1916E07E");
        assert_eq!(key("a\0b"), "a\u{fffd}b");
        let (one, other) = ("x".repeat(3_000), format!("{}y", "x".repeat(2_999)));
        assert_eq!(key(&one).len(), 71);
        assert_ne!(key(&one), key(&other));
        assert_eq!(key(&"\0".repeat(300)), key(&"\0".repeat(300)));
    }

    #[test]
    fn a_nul_becomes_a_replacement_in_every_text_and_nothing_else_changes() {
        let json = json!({ "a\0": ["b\0", { "c": "d\0" }, 1, null] });
        let values = [Value::from("x\0y\0"), Value::from("tea"), Value::from(7), Value::from(json)];
        let statement = Statement::from_sql_and_values(DbBackend::Sqlite, "SELECT ?, ?, ?, ?", values);
        let Some(Values(values)) = cleaned(statement).values else { panic!("it has values") };
        let json = json!({ "a\u{fffd}": ["b\u{fffd}", { "c": "d\u{fffd}" }, 1, null] });
        assert_eq!(values, ["x\u{fffd}y\u{fffd}".into(), "tea".into(), 7.into(), Value::from(json)]);
    }
}
