//! The document is put together as OpenAPI 3.0, which the framework writes, and served as 3.1, which alone has a place for what
//! receivers get. A copy stays in 3.0 for generators that know nothing else.

use serde_json::{Value, json};

/// Turns a document of 3.0 into one of 3.1: what may be null is a type, and a schema has a list of examples.
pub(super) fn to_3_1(document: &mut Value) {
    document["openapi"] = json!("3.1.0");
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.values_mut().for_each(list_examples);
    }
    allow_null(document);
}

/// Takes out what 3.0 has no word for, and says the type of what may be null, without which it has none.
pub(super) fn keep_to_3_0(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    restrict(document, &schemas);
}

fn restrict(part: &mut Value, schemas: &Value) {
    match part {
        Value::Array(items) => items.iter_mut().for_each(|item| restrict(item, schemas)),
        Value::Object(fields) => {
            fields.remove("propertyNames");
            if fields.contains_key("nullable")
                && !fields.contains_key("type")
                && let Some(reference) = fields.get("allOf").and_then(|parts| parts[0]["$ref"].as_str())
            {
                let name = reference.rsplit('/').next().unwrap_or_default();
                let kind = schemas[name]["type"].clone();
                fields.insert("type".to_owned(), kind);
            }
            fields.values_mut().for_each(|value| restrict(value, schemas));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn list_examples(schema: &mut Value) {
    if let Some(schema) = schema.as_object_mut()
        && let Some(example) = schema.remove("example")
    {
        schema.insert("examples".to_owned(), json!([example]));
    }
}

/// `nullable` is no word of 3.1.
fn allow_null(part: &mut Value) {
    match part {
        Value::Array(items) => items.iter_mut().for_each(allow_null),
        Value::Object(fields) => {
            fields.values_mut().for_each(allow_null);
            if fields.get("nullable") != Some(&json!(true)) {
                return;
            }
            fields.remove("nullable");
            if let Some(Value::String(kind)) = fields.get("type") {
                let kinds = json!([kind, "null"]);
                fields.insert("type".to_owned(), kinds);
            } else if let Some(Value::Array(mut parts)) = fields.remove("allOf") {
                // Of one part, a reference: more would need a schema of their own.
                parts.push(json!({ "type": "null" }));
                fields.insert("anyOf".to_owned(), Value::Array(parts));
            }
            if let Some(Value::Array(words)) = fields.get_mut("enum") {
                words.push(Value::Null);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_null_is_so_in_either_dialect() {
        let mut document = json!({ "openapi": "3.0.0", "components": { "schemas": { "A": {
            "type": "object", "example": { "nullable": 1 }, "properties": {
                "text": { "type": "string", "nullable": true },
                "word": { "type": "string", "enum": ["a"], "nullable": true },
                "other": { "allOf": [{ "$ref": "#/components/schemas/B" }], "nullable": true, "description": "x" },
                "never": { "type": "integer" },
            },
        } } } });
        to_3_1(&mut document);
        let expected = json!({ "openapi": "3.1.0", "components": { "schemas": { "A": {
            "type": "object", "examples": [{ "nullable": 1 }], "properties": {
                "text": { "type": ["string", "null"] },
                "word": { "type": ["string", "null"], "enum": ["a", null] },
                "other": { "anyOf": [{ "$ref": "#/components/schemas/B" }, { "type": "null" }], "description": "x" },
                "never": { "type": "integer" },
            },
        } } } });
        assert_eq!(document, expected);
    }
}
