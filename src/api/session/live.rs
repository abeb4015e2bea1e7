//! A session's life as server-sent events.

use futures::stream::{BoxStream, StreamExt};
use poem::web::sse::{Event, SSE};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponses, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ToJSON, Type};

use crate::api::error::Problem;
use crate::api::live::{Change, KEEP_ALIVE, changes};
use crate::api::reply;
use crate::api::session::pair_code::PairReply;
use crate::api::session::qr::QrReply;
use crate::clock::Clock;
use crate::session::types::{Status, Update};

/// A session's states as they come.
pub struct LiveStream {
    /// The states.
    pub updates: BoxStream<'static, Update>,
    /// What time it is: how long a code still lives.
    pub clock: Clock,
}

impl IntoResponse for LiveStream {
    fn into_response(self) -> Response {
        let Self { updates, clock } = self;
        let events = changes(updates).map(move |change| event(change, &clock));
        SSE::new(events).keep_alive(KEEP_ALIVE).into_response()
    }
}

fn event(change: Change, clock: &Clock) -> Event {
    let (name, data) = match change {
        Change::Status(status) => ("status", status.to_json_string()),
        Change::Qr(qr, status) => ("qr", QrReply::of(Some(&qr), status, clock.now()).to_json_string()),
        Change::PairCode(code) => ("pair_code", PairReply::of(&code, clock.now()).to_json_string()),
    };
    Event::message(data).event_type(name)
}

impl ApiResponse for LiveStream {
    fn meta() -> MetaResponses {
        // OpenAPI has no words for what is in a stream; the operation's description has.
        let schema = MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")));
        reply::responses(200, "Events.", vec![MetaMediaType { content_type: "text/event-stream", schema }])
    }

    fn register(registry: &mut Registry) {
        Status::register(registry);
        QrReply::register(registry);
        PairReply::register(registry);
        Problem::register(registry);
    }
}
