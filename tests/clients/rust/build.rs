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
    let document: OpenAPI = serde_json::from_value(document)?;
    let client = syn::parse2(Generator::default().generate_tokens(&document)?)?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("client.rs"), prettyplease::unparse(&client))?;
    Ok(())
}

/// Progenitor makes a type of its own of each text that keeps a rule, which every call would have to name.
fn forget_rules(part: &mut Value) {
    match part {
        Value::Object(fields) => {
            for rule in ["pattern", "minLength", "maxLength"] {
                fields.remove(rule);
            }
            fields.values_mut().for_each(forget_rules);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_rules),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
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
