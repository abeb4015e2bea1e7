//! How messages are to be sent over REST, and the answer to who sends one.

use std::time::Duration;

use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::param::{Header, Query};
use poem_openapi::registry::{MetaHeader, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type as _;

use crate::api::error::Problem;
use crate::api::message::location::location;
use crate::api::reply::{Ok200, json, responses};
use crate::api::rest::param::{Wait, Word};
use crate::message::types::{Accepted, IfOffline, Message, SendOptions};

/// The word of the header `Prefer` that asks for no wait (RFC 7240).
const RESPOND_ASYNC: &str = "respond-async";
/// The header that says that the same was asked for before.
const REPLAYED: &str = "idempotent-replayed";

/// A message that was accepted: 201 when WhatsApp has it, 202 when it does not have it yet, 200 when it will not be sent any more.
pub struct Sent(pub Accepted);

impl IntoResponse for Sent {
    fn into_response(self) -> Response {
        let Self(accepted) = self;
        let status = match (accepted.is_sent(), accepted.is_open()) {
            (true, _) => StatusCode::CREATED,
            (false, true) => StatusCode::ACCEPTED,
            (false, false) => StatusCode::OK,
        };
        let headers = SentHeaders::of(&accepted);
        headers.put(status, Ok200(accepted.message).into_response())
    }
}

/// What the headers say to who sends a message.
pub struct SentHeaders {
    location: Option<HeaderValue>,
    is_replayed: bool,
}

impl SentHeaders {
    /// What they say of this one.
    pub fn of(accepted: &Accepted) -> Self {
        let Accepted { message, is_replayed } = accepted;
        Self { location: location(&message.session_id, &message.id), is_replayed: *is_replayed }
    }

    /// Puts them on an answer, with its status.
    pub fn put(self, status: StatusCode, mut response: Response) -> Response {
        let Self { location, is_replayed } = self;
        response.set_status(status);
        if let Some(location) = location {
            response.headers_mut().insert(header::LOCATION, location);
        }
        if is_replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }

    /// What the document says of them.
    pub fn meta() -> Vec<MetaHeader> {
        let header = |name: &str, description: &str, required, schema| MetaHeader {
            name: name.to_owned(),
            description: Some(description.to_owned()),
            required,
            deprecated: false,
            schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new(schema))),
        };
        vec![
            header("Location", "Where the message is.", true, "string"),
            header("Idempotent-Replayed", "True when the same was asked for before.", false, "boolean"),
        ]
    }
}

impl ApiResponse for Sent {
    fn meta() -> MetaResponses {
        let of = |status, description| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![json::<Message>()],
            headers: SentHeaders::meta(),
        };
        let mut all = responses(201, "WhatsApp has it.", vec![json::<Message>()]);
        all.responses[0].headers = SentHeaders::meta();
        all.responses.insert(0, of(200, "It was accepted, and is not sent any more: `status` says what became of it."));
        all.responses.insert(2, of(202, "It is kept, and will be sent: WhatsApp does not have it yet."));
        all
    }

    fn register(registry: &mut Registry) {
        Message::register(registry);
        Problem::register(registry);
    }
}

/// How a message is to be sent, from what every operation that sends one takes.
pub fn options(
    wait: Query<Option<Wait>>,
    if_offline: Query<Option<Word<IfOffline>>>,
    idempotency_key: Header<Option<String>>,
    prefer: Header<Option<String>>,
) -> SendOptions {
    let is_async = prefer.0.is_some_and(|text| text.split([',', ';']).any(|word| word.trim() == RESPOND_ASYNC));
    let wait = wait.0.map_or(Wait::DEFAULT, |Wait(seconds)| seconds);
    SendOptions {
        wait: if is_async { Duration::ZERO } else { Duration::from_secs(wait.into()) },
        if_offline: if_offline.0.map_or(IfOffline::Queue, |Word(word)| word),
        idempotency_key: idempotency_key.0,
    }
}
