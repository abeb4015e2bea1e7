//! How much the variables of a request may hold. Their values are copied wherever they are used, so that a list of a
//! mebibyte and a document that names it a thousand times would be a gibibyte.

use std::collections::HashMap;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Name, Value, Variables};

use crate::api::body::BODY_MAX;
use crate::api::graphql::limit::Refusal;

/// Most values that variables hold, each counted as often as it is used.
const VALUES_MAX: usize = 20_000;
/// Longest text that they hold, counted in the same way, bytes. Twice the largest body: a long text may be used again.
const TEXT_BYTES_MAX: usize = 2 * BODY_MAX;

/// What the uses of variables in one document cost.
#[derive(Debug)]
pub(super) struct Uses(Vec<Use>);

#[derive(Debug)]
struct Use {
    variable: Name,
    times: usize,
    /// What it holds when the request does not say, at most.
    default: Weight,
}

/// What a value holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Weight {
    values: usize,
    text_bytes: usize,
}

impl Weight {
    fn of(value: &Value) -> Self {
        let mut weight = Self { values: 1, text_bytes: 0 };
        match value {
            Value::String(text) => weight.text_bytes = text.len(),
            Value::Enum(name) => weight.text_bytes = name.len(),
            Value::Binary(bytes) => weight.text_bytes = bytes.len(),
            Value::List(items) => items.iter().for_each(|item| weight.add(Self::of(item), 1)),
            Value::Object(fields) => {
                for (name, field) in fields {
                    weight.text_bytes += name.len();
                    weight.add(Self::of(field), 1);
                }
            }
            Value::Null | Value::Number(_) | Value::Boolean(_) => {}
        }
        weight
    }

    fn add(&mut self, other: Self, times: usize) {
        self.values = self.values.saturating_add(other.values.saturating_mul(times));
        self.text_bytes = self.text_bytes.saturating_add(other.text_bytes.saturating_mul(times));
    }

    fn max(self, other: Self) -> Self {
        Self { values: self.values.max(other.values), text_bytes: self.text_bytes.max(other.text_bytes) }
    }
}

impl Uses {
    /// The uses in a document, of which it is known how often each variable is used.
    pub(super) fn new(document: &ExecutableDocument, times: HashMap<Name, usize>) -> Self {
        let mut defaults: HashMap<&Name, Weight> = HashMap::new();
        let operations = document.operations.iter();
        for variable in operations.flat_map(|(_, operation)| &operation.node.variable_definitions) {
            if let Some(value) = &variable.node.default_value {
                let known = defaults.entry(&variable.node.name.node).or_default();
                *known = known.max(Weight::of(&value.node));
            }
        }
        let uses = times.into_iter().map(|(variable, times)| {
            let default = defaults.get(&variable).copied().unwrap_or_default();
            Use { variable, times, default }
        });
        Self(uses.collect())
    }

    /// Whether the document can be given these values.
    ///
    /// # Errors
    /// `variable_limit`.
    pub(super) fn check(&self, variables: &Variables) -> Result<(), Refusal> {
        let mut weight = Weight::default();
        for Use { variable, times, default } in &self.0 {
            weight.add(variables.get(variable).map_or(*default, Weight::of), *times);
        }
        for (count, most, what) in
            [(weight.values, VALUES_MAX, "values"), (weight.text_bytes, TEXT_BYTES_MAX, "bytes of text")]
        {
            if count > most {
                let message =
                    format!("The variables hold more than {most} {what}, each counted as often as it is used.");
                return Err(Refusal::new("variable_limit", message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;
    use crate::api::graphql::expansion;

    fn code(document: &str, variables: serde_json::Value) -> Option<&'static str> {
        let document = parse_query(document).expect("it can be read");
        let expansion = expansion::measure(&document).expect("it is within the limits");
        Uses::new(&document, expansion.uses).check(&Variables::from_json(variables)).err().map(|refusal| refusal.code())
    }

    #[test]
    fn a_value_counts_as_often_as_it_is_used() {
        let (list, text) = (json!(vec![0; 9_000]), "x".repeat(BODY_MAX));
        let once = "query ($v: [Int]) { a(x: $v) }";
        let twice = "query ($v: [Int]) { a(x: $v, y: { z: [$v] }) }";
        let thrice = "query ($v: [Int]) { ...F ...F } fragment F on Query { a(x: $v) }";
        let skipped = "query ($v: [Int]) { a @skip(if: $v) ... @include(if: $v) { b } ...F @skip(if: $v) } fragment F on Query { c }";
        assert_eq!(code(once, json!({ "v": list, "unused": vec![0; 90_000] })), None);
        assert_eq!(code(twice, json!({ "v": list })), None);
        for document in [thrice, skipped] {
            assert_eq!(code(document, json!({ "v": list })), Some("variable_limit"), "{document}");
            assert_eq!(code(document, json!({ "v": text })), Some("variable_limit"), "{document}");
            assert_eq!(code(document, json!({ "v": "short" })), None, "{document}");
        }
        assert_eq!(code(once, json!({ "v": vec![0; 20_000] })), Some("variable_limit"));
        assert_eq!(code(once, json!({ "v": text })), None);
    }

    #[test]
    fn a_default_counts_where_the_request_says_nothing() {
        let default = "0 ".repeat(2_000);
        let document = format!("query ($v: [Int] = [{default}]) {{ a(x: [{}]) }}", "$v ".repeat(11));
        assert_eq!(code(&document, json!({})), Some("variable_limit"));
        assert_eq!(code(&document, json!({ "v": [] })), None);
    }
}
