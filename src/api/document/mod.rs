//! The API's document, and the page that shows it.

mod bounds;
mod dialect;
mod envelopes;
mod failures;
mod inputs;
mod references;

use std::collections::BTreeSet;

use poem_openapi::{ExtraHeader, LicenseObject, OpenApiService};
use serde_json::{Value, json};

use crate::api::document::references::reachable;
use crate::api::error;
use crate::api::fixed::Policy;
use crate::api::rest::{APIS, Apis, PREFIX};

/// The REST door with its description.
pub(super) fn service() -> OpenApiService<Apis, ()> {
    let codes: BTreeSet<_> = error::codes().map(|code| format!("`{code}`")).collect();
    let codes = codes.into_iter().collect::<Vec<_>>().join(", ");
    let description = format!(
        "Many WhatsApp accounts over one HTTP API. Moments are integer Unix seconds. Every answer that is no success is a problem (RFC 9457) with one of \
         these codes: {codes}."
    );
    let request_id = "The request's name in the server's log: the one that the client sent, or a new one.";
    OpenApiService::new(APIS, "Waypost", env!("CARGO_PKG_VERSION"))
        .description(description)
        .license(LicenseObject::new("MIT"))
        .extra_response_header::<String, _>(ExtraHeader::new("X-Request-Id").description(request_id))
        .url_prefix(PREFIX)
        .server("/")
}

/// The API's document, in OpenAPI 3.1.
pub fn document() -> String {
    document_at(None)
}

/// The same in OpenAPI 3.0, for generators that know nothing newer: without what receivers get, for which 3.0 has no place.
pub fn document_3_0() -> String {
    document_3_0_at(None)
}

/// [`document`] as this server gives it away: with the address at which people reach it, if it was told.
pub(super) fn document_at(public_url: Option<&str>) -> String {
    let mut document = description(public_url);
    document["webhooks"] = envelopes::webhooks(&document["components"]["schemas"]);
    dialect::to_3_1(&mut document);
    written(&document)
}

/// [`document_3_0`] in the same way.
pub(super) fn document_3_0_at(public_url: Option<&str>) -> String {
    let mut document = description(public_url);
    dialect::keep_to_3_0(&mut document);
    written(&document)
}

fn written(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).expect("every key of a JSON value is a text");
    text.push('\n');
    text
}

/// What the framework knows of the doors, and what it does not, in the words of OpenAPI 3.0.
fn description(public_url: Option<&str>) -> Value {
    let mut document: Value = serde_json::from_str(&service().spec()).expect("the framework writes JSON");
    if let Some(url) = public_url {
        document["servers"] = json!([{ "url": url.trim_end_matches('/') }]);
    }
    inputs::tell(&mut document);
    let taken = reachable(&document, "requestBody");
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        for (name, schema) in schemas {
            say_what_may_be_null(schema);
            // In an answer every field is there, be it null.
            if !taken.contains(name) {
                say_that_all_is_there(schema);
            }
            describe_once(schema);
        }
    }
    bounds::tell(&mut document);
    failures::tell(&mut document);
    envelopes::tell(&mut document);
    document
}

/// What the page may load: what is in it, and pictures of this server. So no request can go to another host.
pub(super) fn policy() -> Policy {
    let inline = || "'unsafe-inline'".to_owned();
    Policy { scripts: inline(), styles: inline(), pictures: "'self' data:", fonts: "data:".to_owned() }
}

/// The page, whole: style, script and document are in it.
pub(super) fn page(document: &str) -> String {
    // The framework puts only its own documents into the page. That of no operations is quickly made, and then replaced. What
    // stands before it must not hold what looks like it.
    let empty = OpenApiService::new((), "", "");
    empty.swagger_ui_html().replacen(&empty.spec(), &document.trim_end().replace("</", "<\\/"), 1)
}

/// The framework does not say so, and a client that is made from the document would refuse the answer.
fn say_what_may_be_null(schema: &mut Value) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (name, property) in properties {
        if !required.contains(&json!(name)) && property.get("default").is_none() {
            property["nullable"] = json!(true);
        }
    }
}

/// A client that is made from the document need not ask whether a field is there at all.
fn say_that_all_is_there(schema: &mut Value) {
    let Some(properties) = schema["properties"].as_object() else { return };
    schema["required"] = properties.keys().cloned().collect();
}

/// The framework says a field's description beside the reference and once more as a schema of its own, which any value
/// fits. Generators of clients give up on it, or mix an unknown type in.
fn describe_once(schema: &mut Value) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for property in properties.values_mut() {
        let again = json!({ "description": property["description"] });
        if let Some(parts) = property.get_mut("allOf").and_then(Value::as_array_mut) {
            parts.retain(|part| *part != again);
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::words::event::EventType;

    use super::*;
    use crate::api::document::references::references;

    #[test]
    fn the_document_says_what_may_be_null() {
        let document: Value = serde_json::from_str(&document()).expect("it is JSON");
        let session = &document["components"]["schemas"]["Session"]["properties"];
        assert_eq!(session["push_name"]["type"], json!(["string", "null"]));
        assert_eq!(session["id"]["type"], "string");
        let required = |name: &str| document["components"]["schemas"][name]["required"].clone();
        assert!(required("Session").as_array().is_some_and(|names| names.contains(&json!("push_name"))));
        assert_eq!(required("NewKey"), json!(["name", "scopes"]));
        // What is both taken and answered is two things.
        let filters = |name: &str| document["components"]["schemas"][name]["properties"]["ignore_own"]["type"].clone();
        assert_eq!(filters("WebhookFiltersInput"), json!(["boolean", "null"]));
        assert_eq!(filters("WebhookFilters"), "boolean");
        assert!(required("WebhookFilters").as_array().is_some_and(|names| names.contains(&json!("ignore_own"))));
    }

    #[test]
    fn a_field_that_refers_to_a_type_is_of_that_type_alone() {
        let document: Value = serde_json::from_str(&document()).expect("it is JSON");
        let status = &document["components"]["schemas"]["Session"]["properties"]["status"];
        assert_eq!(status["allOf"], json!([{ "$ref": "#/components/schemas/SessionStatus" }]));
        assert_eq!(status["description"], "What the session is doing right now.");
    }

    #[test]
    fn the_page_holds_the_document_and_asks_no_other_host() {
        let page = page(&document());
        assert!(page.contains("\"openapi\": \"3.1.0\""));
        for reference in ["src=\"http", "href=\"http", "src=\"//", "@import", "<link"] {
            assert!(!page.contains(reference), "{reference}");
        }
    }

    #[test]
    fn every_operation_has_an_example_for_what_it_takes_and_gives() {
        let document: Value = serde_json::from_str(&document()).expect("it is JSON");
        let schemas = document["components"]["schemas"].as_object().expect("an object");
        let mut without: BTreeSet<_> = schemas
            .iter()
            .filter(|(_, schema)| schema["type"] == "object" && schema.get("examples").is_none())
            // A choice has those of what can be chosen.
            .filter(|(_, schema)| schema.get("oneOf").is_none())
            .map(|(name, _)| name.clone())
            .collect();
        // The examples of what can happen stand with the envelopes, whole.
        let envelopes = schemas.iter().filter(|(name, _)| name.ends_with("Envelope"));
        let mut open: Vec<_> = envelopes.flat_map(|(_, envelope)| references(envelope)).collect();
        while let Some(name) = open.pop() {
            without.remove(&name);
            open.extend(references(&schemas[&name]));
        }
        assert_eq!(without, BTreeSet::new());
    }

    #[test]
    fn every_type_of_event_is_described_as_receivers_get_it() {
        let document: Value = serde_json::from_str(&document()).expect("it is JSON");
        let webhooks = document["webhooks"].as_object().expect("an object");
        assert_eq!(webhooks.len(), EventType::ALL.len() - 1);
        for (word, webhook) in webhooks {
            let operation = &webhook["post"];
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{word}");
            for name in references(operation) {
                assert!(document["components"]["schemas"].get(&name).is_some(), "{word} refers to {name}");
            }
        }
    }
}
