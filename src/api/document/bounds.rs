//! Lengths, patterns, ranges and words of what goes in: the rules of the rooms, for machines. The rooms keep them; here they are
//! only said, with the rooms' own numbers.

use entity::words::event::EventType;
use serde_json::{Value, json};

use crate::event::types::PageSize;
use crate::webhook::delivery::request::{HEADER_MAX, HEADERS_MAX, SECRET_MAX};
use crate::webhook::rules::URL_MAX;
use crate::{key, media, message, page, pairing_link, rule, session, webhook};

/// The id of a session. src: entity::ids.
const SESSION_ID: &str = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$";
/// A text without control characters that is not blank.
const PRINTABLE: &str =
    r"^[^\u0000-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u001F\u007F-\u009F]*$";
/// A text without control characters, which may be empty.
const PRINTABLE_OR_EMPTY: &str = r"^[^\u0000-\u001F\u007F-\u009F]*$";
/// A name of a file: as [`PRINTABLE`], without folders.
const FILE_NAME: &str =
    r"^[^\u0000-\u001F\u007F-\u009F/\\]*[^\s\u0000-\u001F\u007F-\u009F/\\][^\u0000-\u001F\u007F-\u009F/\\]*$";
/// SHA-256 of a file.
const SHA256: &str = "^[0-9A-Fa-f]{64}$";
/// A text without NUL, which PostgreSQL cannot store.
const NO_NUL: &str = r"^[^\u0000]*$";
/// A phone number as people write it.
const PHONE_NUMBER: &str = r"^\s*(\+|00)?[ \u00a0().\/-]*[1-9]([ \u00a0().\/-]*[0-9]){6,14}[ \u00a0().\/-]*$";
/// Bytes, as base64 has them.
const BASE64: &str = "^[A-Za-z0-9+/]*={0,2}$";
/// A place in a list: opaque, from an earlier answer.
const CURSOR: &str = "^[A-Za-z0-9_-]+$";
/// A moment as RFC 3339 has it. No `format`: generated clients would read it as a type of a library that they do not have.
const MOMENT: &str =
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$";
/// The name of a header. src: RFC 9110, token.
const HEADER_NAME: &str = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
/// The value of one.
const HEADER_VALUE: &str = r"^[^\u0000-\u0008\u000A-\u001F\u007F]*$";

/// Adds to the schemas and the parameters of a document what their values must keep to.
pub(super) fn tell(document: &mut Value) {
    for (schema, property, bound) in properties() {
        let at = &mut document["components"]["schemas"][schema]["properties"][property];
        add(at, bound);
    }
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    for operation in paths.filter_map(Value::as_object_mut).flat_map(|path| path.values_mut()) {
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap_or_default().to_owned();
            add(&mut parameter["schema"], parameter_bound(&id, &name));
        }
    }
    start_at_zero(document);
}

fn add(schema: &mut Value, bound: Value) {
    if let (Value::Object(schema), Value::Object(bound)) = (schema, bound) {
        schema.extend(bound);
    }
}

/// Schema, property, and what is added to the property's schema.
type Property = (&'static str, &'static str, Value);

fn properties() -> impl Iterator<Item = Property> {
    of_sessions_and_webhooks().into_iter().chain(of_messages()).chain(of_files())
}

fn of_sessions_and_webhooks() -> Vec<Property> {
    let words = || json!({ "type": "string", "enum": EventType::ALL });
    let name = |pattern| json!({ "maxLength": rule::NAME_MAX, "pattern": pattern });
    let labels = || {
        json!({
            "maxProperties": session::rules::METADATA_MAX,
            "propertyNames": { "minLength": 1, "maxLength": session::rules::LABEL_NAME_MAX, "pattern": NO_NUL },
            "additionalProperties": {
                "type": "string", "maxLength": session::rules::LABEL_VALUE_MAX, "pattern": NO_NUL,
            },
        })
    };
    let headers = || {
        json!({
            "maxProperties": HEADERS_MAX,
            "propertyNames": { "pattern": HEADER_NAME },
            "additionalProperties": { "type": "string", "maxLength": HEADER_MAX, "pattern": HEADER_VALUE },
        })
    };
    let url = || json!({ "pattern": "^[Hh][Tt][Tt][Pp][Ss]?:", "minLength": 1, "maxLength": URL_MAX });
    let secret = || json!({ "minLength": 1, "maxLength": SECRET_MAX, "pattern": NO_NUL });
    let send_rate = || json!({ "minimum": 0, "maximum": session::rules::SEND_RATE_MAX });
    let send_burst = || json!({ "minimum": 1, "maximum": session::rules::SEND_BURST_MAX });
    let seconds = |least: u64, most: u64| json!({ "minimum": least, "maximum": most });
    vec![
        ("NewSession", "id", json!({ "pattern": SESSION_ID })),
        ("NewSession", "name", name(PRINTABLE_OR_EMPTY)),
        ("NewSession", "metadata", labels()),
        ("NewSession", "send_rate", send_rate()),
        ("NewSession", "send_burst", send_burst()),
        ("SessionChanges", "send_rate", send_rate()),
        ("SessionChanges", "send_burst", send_burst()),
        ("NewMediaFetching", "max_bytes", json!({ "minimum": 1, "maximum": session::rules::MEDIA_BYTES_MAX })),
        ("SessionChanges", "name", name(PRINTABLE_OR_EMPTY)),
        ("SessionChanges", "metadata", labels()),
        ("DeviceProps", "os", json!({ "maxLength": session::rules::OS_MAX, "pattern": PRINTABLE })),
        ("DeviceProps", "platform", json!({ "enum": session::rules::PLATFORMS })),
        ("DeviceProps", "version", json!({ "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9}){0,2}$" })),
        ("PairBody", "phone_number", json!({ "pattern": PHONE_NUMBER })),
        ("PairingLinkBody", "expires_in", seconds(1, pairing_link::LIFETIME_MAX)),
        ("NewKey", "name", name(PRINTABLE)),
        ("NewKey", "scopes", json!({ "minItems": 1 })),
        (
            "NewKey",
            "sessions",
            json!({
                "minItems": 1, "maxItems": key::SESSIONS_MAX, "items": { "type": "string", "pattern": SESSION_ID },
            }),
        ),
        ("RotateBody", "overlap_seconds", seconds(0, key::OVERLAP_MAX)),
        ("RotateSecretBody", "overlap_seconds", seconds(0, webhook::changes::OVERLAP_MAX)),
        ("RotateSecretBody", "secret", secret()),
        ("NewWebhook", "url", url()),
        ("NewWebhook", "events", json!({ "items": words() })),
        ("NewWebhook", "secret", secret()),
        ("NewWebhook", "headers", headers()),
        ("WebhookChanges", "url", url()),
        ("WebhookChanges", "events", json!({ "items": words() })),
        ("WebhookChanges", "secret", secret()),
        ("WebhookChanges", "headers", headers()),
        ("ReplayRange", "after", json!({ "pattern": CURSOR })),
        ("ReplayRange", "types", json!({ "items": words() })),
    ]
}

fn of_messages() -> Vec<Property> {
    let client_key = || json!({ "minLength": 1, "maxLength": message::rules::KEY_MAX, "pattern": PRINTABLE_OR_EMPTY });
    let text = || json!({ "minLength": 1, "maxLength": message::rules::TEXT_MAX, "pattern": r"\S" });
    let label = |most: usize| json!({ "minLength": 1, "maxLength": most, "pattern": PRINTABLE });
    let options = || json!({ "minItems": message::rules::OPTIONS_MIN, "maxItems": message::rules::OPTIONS_MAX });
    vec![
        ("NewMessage", "to", json!({ "minLength": 1 })),
        ("NewMessage", "reply_to", client_key()),
        ("NewMessage", "client_reference", client_key()),
        ("NewMessage", "mentions", json!({ "maxItems": message::rules::MENTIONS_MAX })),
        ("NewMessage", "status_recipients", json!({ "minItems": 1, "maxItems": message::rules::STATUS_MAX })),
        ("TextContent", "text", text()),
        ("LinkPreview", "url", json!({ "minLength": 1 })),
        ("LinkPreview", "title", json!({ "maxLength": message::preview::wanted::TITLE_MAX })),
        ("LinkPreview", "description", json!({ "maxLength": message::preview::wanted::DESCRIPTION_MAX })),
        ("LinkPreview", "thumbnail", json!({ "pattern": BASE64 })),
        ("TextBody", "to", json!({ "minLength": 1 })),
        ("TextBody", "text", text()),
        ("TextBody", "reply_to", client_key()),
        ("TextBody", "mentions", json!({ "maxItems": message::rules::MENTIONS_MAX })),
        ("TextBody", "send_at", json!({ "pattern": MOMENT })),
        ("ReactionBody", "emoji", json!({ "maxLength": message::rules::EMOJI_MAX })),
        ("EditBody", "text", text()),
        ("ReadBody", "message_ids", json!({ "minItems": 1, "maxItems": message::rules::READ_MAX })),
        ("NewReaction", "emoji", json!({ "minLength": 1, "maxLength": message::rules::EMOJI_MAX })),
        ("NewEdit", "text", text()),
        ("ReadRequest", "message_ids", json!({ "minItems": 1, "maxItems": message::rules::READ_MAX })),
        ("LocationContent", "latitude", json!({ "minimum": -90, "maximum": 90 })),
        ("LocationContent", "longitude", json!({ "minimum": -180, "maximum": 180 })),
        ("LocationContent", "name", label(message::rules::LABEL_MAX)),
        ("LocationContent", "address", label(message::rules::LABEL_MAX)),
        ("ContactContent", "contacts", json!({ "minItems": 1, "maxItems": message::rules::CONTACTS_MAX })),
        ("NewContact", "name", label(message::rules::CONTACT_NAME_MAX)),
        ("NewContact", "organization", label(message::rules::CONTACT_NAME_MAX)),
        ("NewContact", "phones", json!({ "minItems": 1, "maxItems": message::rules::PHONES_MAX })),
        ("NewContact", "vcard", json!({ "minLength": 1, "maxLength": message::vcard::CARD_MAX })),
        ("NewPhone", "number", json!({ "pattern": PHONE_NUMBER })),
        ("NewPhone", "type", json!({ "pattern": "^[A-Za-z0-9-]{1,20}$" })),
        ("PollContent", "question", label(message::rules::QUESTION_MAX)),
        ("PollContent", "options", options()),
        ("PollContent", "max_choices", json!({ "minimum": 0, "maximum": message::rules::OPTIONS_MAX })),
        ("EventContent", "name", label(message::rules::EVENT_NAME_MAX)),
        ("EventContent", "description", json!({ "maxLength": message::rules::DESCRIPTION_MAX })),
        ("EventContent", "call", json!({ "maxLength": 256, "pattern": r"^https://call\.whatsapp\.com/." })),
        ("NewAttendance", "extra_guests", json!({ "minimum": 0, "maximum": message::rules::EXTRA_GUESTS_MAX })),
        ("NewForward", "to", json!({ "minLength": 1 })),
        ("NewPin", "days", json!({ "minimum": 1, "maximum": 30 })),
        ("NewTimer", "seconds", json!({ "minimum": 0, "maximum": 7_776_000 })),
        ("LocationBody", "latitude", json!({ "minimum": -90, "maximum": 90 })),
        ("LocationBody", "longitude", json!({ "minimum": -180, "maximum": 180 })),
        ("PollBody", "name", label(message::rules::QUESTION_MAX)),
        ("PollBody", "options", options()),
        ("PinBody", "duration_seconds", json!({ "minimum": 0, "maximum": 2_592_000 })),
        ("NewTyping", "seconds", json!({ "minimum": 1, "maximum": message::rules::TYPING_MAX })),
    ]
}

/// Of messages with files.
fn of_files() -> Vec<Property> {
    let client_key = || json!({ "minLength": 1, "maxLength": message::rules::KEY_MAX, "pattern": PRINTABLE_OR_EMPTY });
    let file_name =
        || json!({ "minLength": 1, "maxLength": message::rules::FILE_NAME_MAX, "pattern": PRINTABLE_OR_EMPTY });
    let parts = message::rules::WAVEFORM_PARTS;
    let waveform = || json!({ "minItems": parts, "maxItems": parts });
    vec![
        ("ImageContent", "caption", json!({ "maxLength": message::rules::TEXT_MAX })),
        ("VideoContent", "caption", json!({ "maxLength": message::rules::TEXT_MAX })),
        ("VideoContent", "thumbnail", json!({ "pattern": BASE64 })),
        (
            "AlbumContent",
            "items",
            json!({ "minItems": message::rules::ALBUM_MIN, "maxItems": message::rules::ALBUM_MAX }),
        ),
        ("GifContent", "caption", json!({ "maxLength": message::rules::TEXT_MAX })),
        ("GifContent", "thumbnail", json!({ "pattern": BASE64 })),
        ("VideoNoteContent", "thumbnail", json!({ "pattern": BASE64 })),
        ("VoiceContent", "waveform", waveform()),
        ("VoiceContent", "seconds", json!({ "minimum": 0, "maximum": message::rules::SECONDS_MAX })),
        ("DocumentContent", "caption", json!({ "maxLength": message::rules::TEXT_MAX })),
        ("DocumentContent", "file_name", file_name()),
        ("ImageBody", "to", json!({ "minLength": 1 })),
        ("ImageBody", "caption", json!({ "maxLength": message::rules::TEXT_MAX })),
        ("ImageBody", "reply_to", client_key()),
        ("ImageBody", "send_at", json!({ "pattern": MOMENT })),
        ("VideoBody", "to", json!({ "minLength": 1 })),
        ("VideoBody", "caption", json!({ "maxLength": message::rules::TEXT_MAX })),
        ("VideoBody", "reply_to", client_key()),
        ("VideoBody", "send_at", json!({ "pattern": MOMENT })),
        ("AudioBody", "to", json!({ "minLength": 1 })),
        ("AudioBody", "reply_to", client_key()),
        ("AudioBody", "send_at", json!({ "pattern": MOMENT })),
        ("DocumentBody", "to", json!({ "minLength": 1 })),
        ("DocumentBody", "caption", json!({ "maxLength": message::rules::TEXT_MAX })),
        ("DocumentBody", "filename", file_name()),
        ("DocumentBody", "reply_to", client_key()),
        ("DocumentBody", "send_at", json!({ "pattern": MOMENT })),
        ("StickerBody", "to", json!({ "minLength": 1 })),
        ("StickerBody", "reply_to", client_key()),
        ("StickerBody", "send_at", json!({ "pattern": MOMENT })),
    ]
}

fn parameter_bound(operation: &str, parameter: &str) -> Value {
    match parameter {
        "session_id" => json!({ "pattern": SESSION_ID }),
        "Idempotency-Key" => {
            json!({ "minLength": 1, "maxLength": message::rules::KEY_MAX, "pattern": PRINTABLE_OR_EMPTY })
        }
        "file_name" => json!({ "minLength": 1, "maxLength": media::rules::FILE_NAME_MAX, "pattern": FILE_NAME }),
        "sha256" => json!({ "pattern": SHA256 }),
        "q" => json!({ "maxLength": rule::NAME_MAX, "pattern": NO_NUL }),
        "session" => json!({ "pattern": list_of("[A-Za-z0-9][A-Za-z0-9_-]{0,63}") }),
        "type" => {
            let words: Vec<_> = EventType::ALL.iter().map(|word| word.as_str()).collect();
            json!({ "pattern": list_of(&words.join("|")) })
        }
        "after" if operation.ends_with("WebhookDeliveries") || operation.ends_with("DeadLetters") => {
            json!({ "pattern": "^dlv_[0-9a-f]{32}$" })
        }
        "after" | "Last-Event-ID" => json!({ "pattern": CURSOR }),
        "limit" if operation.ends_with("Events") => json!({ "minimum": 1, "maximum": PageSize::MAX }),
        "limit" => json!({ "minimum": 1, "maximum": page::PAGE_MAX }),
        _ => json!({}),
    }
}

/// One or more of these, separated by commas.
fn list_of(item: &str) -> String {
    format!(r"^\s*({item})\s*(,\s*({item})\s*)*$")
}

/// The framework has a name for numbers without a sign that few know.
fn start_at_zero(part: &mut Value) {
    match part {
        Value::Array(items) => items.iter_mut().for_each(start_at_zero),
        Value::Object(fields) => {
            fields.values_mut().for_each(start_at_zero);
            if fields.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint"))
                && !fields.contains_key("minimum")
            {
                fields.insert("minimum".to_owned(), json!(0));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::document::{document, document_3_0};

    #[test]
    fn every_bound_is_in_the_document_at_a_property_that_is_there() {
        let document: Value = serde_json::from_str(&document()).expect("it is JSON");
        for (schema, property, bound) in properties() {
            let shown = &document["components"]["schemas"][schema]["properties"][property];
            assert!(shown["type"].is_array() || shown["type"].is_string(), "{schema}.{property} is not there");
            for (word, value) in bound.as_object().expect("an object") {
                // In a choice that may be nothing, so is a word.
                if word != "enum" {
                    assert_eq!(&shown[word], value, "{schema}.{property}");
                }
            }
        }
    }

    #[test]
    fn the_older_document_has_no_words_of_the_newer() {
        let text = document_3_0();
        let document: Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!((&document["openapi"], document.get("webhooks")), (&json!("3.0.0"), None));
        for word in ["propertyNames", "\"null\""] {
            assert!(!text.contains(word), "{word}");
        }
    }
}
