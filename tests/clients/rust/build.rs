//! Makes the client from the document that the server writes.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use openapiv3::OpenAPI;
use progenitor::Generator;
use serde_json::Value;

const DOCUMENT: &str = "../../../openapi/openapi-3.0.json";

#[expect(clippy::disallowed_methods, reason = "the server's rule: this is no part of it")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={DOCUMENT}");
    println!("cargo::rerun-if-changed=build.rs");
    let mut document: Value = serde_json::from_str(&fs::read_to_string(DOCUMENT)?)?;
    type_the_problems(&mut document);
    forget_rules(&mut document);
    take_one_media_type(&mut document);
    let document: OpenAPI = serde_json::from_value(document)?;
    let client = syn::parse2(Generator::default().generate_tokens(&document)?)?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("client.rs"), prettyplease::unparse(&client))?;
    Ok(())
}

/// Progenitor makes a type of its own of each text that keeps a rule, which every call would have to name, and of a list of 64 one that
/// cannot be sent.
fn forget_rules(part: &mut Value) {
    match part {
        Value::Object(fields) => {
            for rule in ["pattern", "minLength", "maxLength", "minItems", "maxItems"] {
                fields.remove(rule);
            }
            fields.values_mut().for_each(forget_rules);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_rules),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Progenitor knows one media type for a body: of a file it is the bytes, not the form. And it knows one kind of success and of failure: the whole file, and the
/// problems that all operations have.
fn take_one_media_type(document: &mut Value) {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    let operations = paths.flat_map(|(_, path)| path.as_object_mut().into_iter().flatten());
    for (_, operation) in operations {
        if let Some(content) = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut)
            && content.len() > 1
        {
            content.remove("multipart/form-data");
        }
        let responses = operation["responses"].as_object_mut();
        if let Some(responses) = responses.filter(|responses| responses.contains_key("206")) {
            responses.retain(|status, _| !matches!(status.as_str(), "206" | "304" | "416"));
        }
    }
}

/// Progenitor knows one media type for JSON, and would give a problem (RFC 9457) as a stream of bytes.
fn type_the_problems(document: &mut Value) {
    for (_, reply) in document["components"]["responses"].as_object_mut().into_iter().flatten() {
        let Some(content) = reply["content"].as_object_mut() else { continue };
        if let Some(problem) = content.remove("application/problem+json") {
            content.insert("application/json".to_owned(), problem);
        }
    }
}
