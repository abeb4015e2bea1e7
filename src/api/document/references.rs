//! Which schemas a part of the document refers to.

use std::collections::BTreeSet;

use serde_json::Value;

/// The schemas of what the operations take (`requestBody`) or answer (`responses`).
pub(super) fn reachable(document: &Value, part: &str) -> BTreeSet<String> {
    let paths = document["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    let operations = paths.filter_map(Value::as_object).flat_map(|path| path.values());
    let mut open: Vec<String> = operations.flat_map(|operation| references(&operation[part])).collect();
    let mut found = BTreeSet::new();
    while let Some(name) = open.pop() {
        if found.insert(name.clone()) {
            open.extend(references(&document["components"]["schemas"][&name]));
        }
    }
    found
}

/// The schemas that are referred to in a part of the document.
pub(super) fn references(part: &Value) -> Vec<String> {
    match part {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
            own.map(str::to_owned).into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}
