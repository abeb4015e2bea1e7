//! The API's document, and the page that shows it.

use std::collections::BTreeSet;

use entity::words::EventType;
use poem::http::{HeaderMap, HeaderValue, header};
use poem_openapi::{ExtraHeader, LicenseObject, OpenApiService};
use serde_json::{Value, json};

use crate::api::error;
use crate::api::rest::{APIS, Apis};
use crate::api::routes::REST;
use crate::event::body::example::example;

/// What the page may load and ask for: what is in it, and this server. So no request can go to another host.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
    img-src 'self' data:; font-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// The headers that a receiver gets, what they hold, and whether they are always there.
const RECEIVED_HEADERS: [(&str, &str, bool); 7] = [
    (
        "webhook-id",
        "The event's id, the same at each attempt: whoever knows it already answers 200 and does nothing.",
        true,
    ),
    ("webhook-timestamp", "When this attempt was made, Unix seconds.", true),
    (
        "webhook-signature",
        "`v1,` and base64 of HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`; two of them, with a blank between, while \
         an old secret still signs. Standard Webhooks' packages check it. Absent without a secret.",
        false,
    ),
    ("X-Webhook-Timestamp", "The same as `webhook-timestamp`.", true),
    (
        "X-Webhook-Signature",
        "`sha256=` and hex of HMAC-SHA256 over `{X-Webhook-Timestamp}.{body}`, with the secret as it is written. Absent without \
         a secret.",
        false,
    ),
    ("X-Webhook-Signature-Previous", "The same with the old secret, while it still signs.", false),
    ("X-Webhook-Signature-Version", "`v2`. Absent without a secret.", false),
];

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
        .url_prefix(REST)
        .server("/")
}

/// The API's document, as it is served and as it is written to the repository.
pub fn document() -> String {
    let mut document: Value = serde_json::from_str(&service().spec()).expect("the framework writes JSON");
    let taken = taken(&document);
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        for (name, schema) in schemas {
            say_what_may_be_null(schema);
            if !taken.contains(name) {
                say_that_all_is_there(schema);
            }
            describe_once(schema);
        }
    }
    document["webhooks"] = webhooks(&document["components"]["schemas"]);
    let mut text = serde_json::to_string_pretty(&document).expect("every key of a JSON value is a text");
    text.push('\n');
    text
}

/// What receivers get: one operation for each type of event, with just its shape.
fn webhooks(schemas: &Value) -> Value {
    let operations = EventType::ALL.iter().filter_map(|event| {
        let data = example(*event)?;
        let shape = shape_of(*event);
        let example = json!({
            "id": "evt_019b9b1f7f7a7c3e8d5c0d6a1b2c3d4e", "session_id": "shop", "event": event, "timestamp": 1_767_143_264,
            "sequence": 42, "data": data,
        });
        let own = json!({
            "type": "object", "required": ["event", "data"],
            "properties": {
                "event": { "type": "string", "enum": [event] },
                "data": { "$ref": format!("#/components/schemas/{shape}") },
            },
        });
        let schema = json!({ "allOf": [{ "$ref": "#/components/schemas/Event" }, own], "example": example });
        let operation = json!({
            "tags": ["Webhooks"],
            "summary": schemas[&shape]["description"],
            "operationId": format!("receive{}", &shape),
            "parameters": RECEIVED_HEADERS.map(|(name, description, required)| json!({
                "name": name, "in": "header", "required": required, "description": description,
                "schema": { "type": "string" },
            })),
            "requestBody": { "required": true, "content": { "application/json": { "schema": schema } } },
            "responses": {
                "2XX": { "description": "Taken. Any other answer is a failure, and the delivery comes again." },
                "410": { "description": "Nothing is wanted here any more: the webhook is switched off." },
                "429": { "description": "Too much at once. `Retry-After` is honoured, as it is with 503." },
            },
        });
        Some((event.to_string(), json!({ "post": operation })))
    });
    Value::Object(operations.collect())
}

/// The name of the shape of an event's data: that of the word.
fn shape_of(event: EventType) -> String {
    let word = event.to_string();
    let capital = |part: &str| part[..1].to_uppercase() + &part[1..];
    word.split('_').map(capital).chain(["Event".to_owned()]).collect()
}

/// What goes with the page.
pub(super) fn page_headers() -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY))])
}

/// The page, whole: style, script and document are in it.
pub(super) fn page(document: &str) -> String {
    let page = service().swagger_ui_html();
    // The framework knows only its own document. What stands before it must not hold what looks like it.
    page.replacen(&service().spec(), &document.trim_end().replace("</", "<\\/"), 1)
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

/// The schemas of what the server takes. In an answer every field is there, be it null.
fn taken(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    let operations = paths.filter_map(Value::as_object).flat_map(|path| path.values());
    let mut open: Vec<String> = operations.flat_map(|operation| references(&operation["requestBody"])).collect();
    let mut taken = BTreeSet::new();
    while let Some(name) = open.pop() {
        if taken.insert(name.clone()) {
            open.extend(references(&document["components"]["schemas"][&name]));
        }
    }
    taken
}

/// The schemas that are referred to in a part of the document.
fn references(part: &Value) -> Vec<String> {
    match part {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
            own.map(str::to_owned).into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
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
    use super::*;

    #[test]
    fn the_document_says_what_may_be_null() {
        let document: Value = serde_json::from_str(&document()).expect("it is JSON");
        let session = &document["components"]["schemas"]["Session"]["properties"];
        assert_eq!(session["push_name"]["nullable"], true);
        assert_eq!(session["id"].get("nullable"), None);
        let required = |name: &str| document["components"]["schemas"][name]["required"].clone();
        assert!(required("Session").as_array().is_some_and(|names| names.contains(&json!("push_name"))));
        assert_eq!(required("NewKey"), json!(["name", "scopes"]));
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
        assert!(page.contains("\"nullable\": true"));
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
            .filter(|(_, schema)| schema["type"] == "object" && schema.get("example").is_none())
            .map(|(name, _)| name.clone())
            .collect();
        // The examples of what can happen stand with the webhooks, whole.
        let mut open = vec!["EventBody".to_owned()];
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
