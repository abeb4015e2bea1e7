//! What is taken may leave out or null what has a default; what is answered has it. Where one shape is both, the document has two.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::document::references::{reachable, references};

/// Says of what is taken that fields with a default may be null, in shapes that are for nothing else.
pub(super) fn tell(document: &mut Value) {
    let (taken, answered) = (reachable(document, "requestBody"), reachable(document, "responses"));
    for name in taken.intersection(&answered) {
        let schema = document["components"]["schemas"][name].clone();
        if schema.get("properties").is_some() {
            let own = format!("{name}Input");
            document["components"]["schemas"][&own] = schema;
            document["components"]["schemas"][&own]["title"] = json!(own);
            point(document, &taken, name, &own);
        }
    }
    for name in reachable(document, "requestBody") {
        let schema = &mut document["components"]["schemas"][name];
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
        for property in properties.into_iter().flat_map(|properties| properties.values_mut()) {
            if property.get("default").is_some() {
                property["nullable"] = json!(true);
            }
        }
    }
}

/// Makes the schemas of what is taken refer to the shape that is for them.
fn point(document: &mut Value, taken: &BTreeSet<String>, from: &str, to: &str) {
    let reference = |name: &str| json!(format!("#/components/schemas/{name}"));
    for name in taken {
        let schema = &mut document["components"]["schemas"][name];
        if references(schema).iter().any(|name| name == from) {
            replace(schema, &reference(from), &reference(to));
        }
    }
}

fn replace(part: &mut Value, from: &Value, to: &Value) {
    match part {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == "$ref" && value == from {
                    *value = to.clone();
                } else {
                    replace(value, from, to);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, from, to)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
