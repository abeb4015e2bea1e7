//! Events as whole things: the word in `event` says which shape `data` has, for readers of the journal and for receivers alike.

use entity::words::event::EventType;
use serde_json::{Map, Value, json};

use crate::event::body::example::example;

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

/// Makes `Event` a choice of envelopes, one for each type: what is read is told apart by its word.
pub(super) fn tell(document: &mut Value) {
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    let event = schemas["Event"].clone();
    let (mut choices, mut mapping) = (Vec::new(), Map::new());
    for word in EventType::ALL {
        let Some(envelope) = envelope(*word, &event, schemas) else { continue };
        let name = name(*word, "Envelope");
        let reference = format!("#/components/schemas/{name}");
        choices.push(json!({ "$ref": reference }));
        mapping.insert(word.to_string(), json!(reference));
        schemas.insert(name, envelope);
    }
    schemas.remove("EventBody");
    schemas.insert(
        "Event".to_owned(),
        json!({
            "description": event["description"],
            "example": event["example"],
            "oneOf": choices,
            "discriminator": { "propertyName": "event", "mapping": mapping },
        }),
    );
    schemas.sort_keys();
}

/// An event of one type. None for the word that stands for all of them.
fn envelope(word: EventType, event: &Value, schemas: &Map<String, Value>) -> Option<Value> {
    let data = example(word)?;
    let shape = name(word, "Event");
    let mut properties = event["properties"].clone();
    properties["event"] = json!({ "type": "string", "enum": [word], "description": "What happened." });
    properties["data"] = json!({ "$ref": format!("#/components/schemas/{shape}") });
    if word == EventType::Test {
        // Posted to a webhook for all sessions, it belongs to none.
        properties["session_id"]["nullable"] = json!(true);
    }
    Some(json!({
        "type": "object",
        "title": name(word, "Envelope"),
        "description": schemas[&shape]["description"],
        "required": event["required"],
        "properties": properties,
        "example": {
            "id": "evt_019b9b1f7f7a7c3e8d5c0d6a1b2c3d4e", "session_id": "shop", "event": word, "timestamp": 1_767_143_264,
            "sequence": 42, "data": data,
        },
    }))
}

/// What receivers get: one operation for each type of event.
pub(super) fn webhooks(schemas: &Value) -> Value {
    let operations = EventType::ALL.iter().filter_map(|word| {
        let envelope = schemas.get(name(*word, "Envelope"))?;
        let operation = json!({
            "tags": ["Webhooks"],
            "summary": envelope["description"],
            "operationId": format!("receive{}", name(*word, "Event")),
            // A receiver knows no keys of ours: the signature tells who posts.
            "security": [],
            "parameters": RECEIVED_HEADERS.map(|(name, description, required)| json!({
                "name": name, "in": "header", "required": required, "description": description,
                "schema": { "type": "string" },
            })),
            "requestBody": { "required": true, "content": { "application/json": {
                "schema": { "$ref": format!("#/components/schemas/{}", name(*word, "Envelope")) },
            } } },
            "responses": {
                "2XX": { "description": "Taken. Any other answer is a failure, and the delivery comes again." },
                "4XX": { "description": "This one will never be taken: it comes a few times more, and no longer than minutes. 408 and \
                    425 are failures like any other." },
                "410": { "description": "Nothing is wanted here any more: the webhook is switched off." },
                "429": { "description": "Too much at once. `Retry-After` is honoured, as it is with 503." },
            },
        });
        Some((word.to_string(), json!({ "post": operation })))
    });
    Value::Object(operations.collect())
}

/// A name from the word: `QrCodeEvent`, the shape of what there is to say, and `QrCodeEnvelope`, the whole event.
fn name(word: EventType, what: &str) -> String {
    let word = word.to_string();
    let capital = |part: &str| part[..1].to_uppercase() + &part[1..];
    word.split('_').map(capital).chain([what.to_owned()]).collect()
}
