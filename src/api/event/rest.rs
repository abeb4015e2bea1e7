//! Events over REST: `/api/v1/events`, and the same of one session.

use std::sync::Arc;

use futures::stream::{BoxStream, StreamExt};
use poem::web::Data;
use poem::web::sse::{Event as SseEvent, SSE};
use poem::{IntoResponse, Response, Result};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::registry::{MetaMediaType, MetaResponses, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, OpenApi};
use tracing::warn;

use crate::api::auth::{Asks, AsksForStream};
use crate::api::error::Problem;
use crate::api::live::KEEP_ALIVE;
use crate::api::reply::{self, Ok200};
use crate::api::request_id;
use crate::api::rest::tag::Tag;
use crate::api::services::Api;
use crate::error::{self, chain};
use crate::event::types::{Cursor, Event, EventFilter, EventPage, EventWithCursor, PageSize};
use crate::session::session_id;

/// Events of a page when its size is not said.
const PAGE_DEFAULT: u32 = 100;

/// `/api/v1/events`.
#[derive(Debug)]
pub struct EventsApi;

#[OpenApi(tag = "Tag::Events")]
impl EventsApi {
    /// Lists what happened, oldest first.
    ///
    /// Who polls asks with the `next_cursor` of the answer before as `after`: it misses nothing and gets nothing twice. The end
    /// is an empty page. QR and pair codes are shown to keys that may pair only.
    #[oai(path = "/events", method = "get", operation_id = "listEvents")]
    async fn list(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// Only those of these sessions: ids, separated by commas.
        session: Query<Option<String>>,
        /// Only those of these types: words, separated by commas.
        #[oai(name = "type")]
        types: Query<Option<String>>,
        /// Only those behind this cursor, a `next_cursor` of an earlier list.
        after: Query<Option<String>>,
        /// At most this many, 1 to 1,000; 100 when absent. Fewer when they are large: 4 MiB of `data` end a page.
        limit: Query<Option<u32>>,
    ) -> Result<Ok200<EventPage>> {
        let filter = EventFilter::parse(session.0.as_deref(), types.0.as_deref())?;
        let (after, size) = (place(after.0)?, size(limit.0)?);
        Ok(Ok200(api.events.list(&caller, filter, after, size).await?))
    }

    /// Follows what happens, from a cursor or from now on.
    ///
    /// Server-sent events, each named by its type, with its cursor as `id`: who comes back with `Last-Event-ID` misses
    /// nothing and gets nothing twice.
    #[oai(path = "/events/stream", method = "get", operation_id = "followEvents")]
    async fn follow(
        &self,
        Data(api): Data<&Arc<Api>>,
        AsksForStream(caller): AsksForStream,
        /// Only those of these sessions: ids, separated by commas.
        session: Query<Option<String>>,
        /// Only those of these types: words, separated by commas.
        #[oai(name = "type")]
        types: Query<Option<String>>,
        /// Only those behind this cursor; from now on when absent.
        after: Query<Option<String>>,
        /// The same, as browsers send it when they come back. Goes before `after`.
        #[oai(name = "Last-Event-ID")]
        last_event_id: Header<Option<String>>,
    ) -> Result<EventStream> {
        let filter = EventFilter::parse(session.0.as_deref(), types.0.as_deref())?;
        let after = match last_event_id.0 {
            Some(id) => Some(Cursor::parse("Last-Event-ID", &id)?),
            None => place(after.0)?,
        };
        Ok(EventStream(api.events.follow(&caller, filter, after).await?))
    }

    /// Lists what happened, oldest first.
    ///
    /// Who polls asks with the `next_cursor` of the answer before as `after`: it misses nothing and gets nothing twice. The end
    /// is an empty page. QR and pair codes are shown to keys that may pair only.
    #[oai(path = "/sessions/:session_id/events", method = "get", operation_id = "listSessionEvents")]
    async fn list_of_session(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// Only those of these types: words, separated by commas.
        #[oai(name = "type")]
        types: Query<Option<String>>,
        /// Only those behind this cursor, a `next_cursor` of an earlier list.
        after: Query<Option<String>>,
        /// At most this many, 1 to 1,000; 100 when absent. Fewer when they are large: 4 MiB of `data` end a page.
        limit: Query<Option<u32>>,
    ) -> Result<Ok200<EventPage>> {
        let id = self::session_id(&session_id)?;
        let filter = EventFilter { sessions: vec![id], ..EventFilter::parse(None, types.0.as_deref())? };
        let (after, size) = (place(after.0)?, size(limit.0)?);
        Ok(Ok200(api.events.list_of_session(&caller, filter, after, size).await?))
    }
}

fn place(after: Option<String>) -> error::Result<Option<Cursor>> {
    after.map(|text| Cursor::parse("after", &text)).transpose()
}

fn size(limit: Option<u32>) -> error::Result<PageSize> {
    PageSize::new("limit", limit.unwrap_or(PAGE_DEFAULT))
}

/// Events as they come.
pub struct EventStream(BoxStream<'static, error::Result<EventWithCursor>>);

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        let request_id = request_id::current();
        let events = self.0.scan((), move |(), item| {
            // Its status was sent long ago. The client comes back with the last id, and is told then if that is too old.
            let item = item.inspect_err(|error| {
                warn!(request.id = request_id, error = chain(error), "a stream of events ended early");
            });
            std::future::ready(item.ok().map(event))
        });
        SSE::new(events).keep_alive(KEEP_ALIVE).into_response()
    }
}

fn event(item: EventWithCursor) -> SseEvent {
    let EventWithCursor { event, cursor } = item;
    let data = serde_json::to_string(&event).unwrap_or_default();
    SseEvent::message(data).event_type(event.event.as_str()).id(cursor.to_string())
}

impl ApiResponse for EventStream {
    fn meta() -> MetaResponses {
        // OpenAPI has no words for what is in a stream; the operation's description has.
        let schema = MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")));
        reply::responses(200, "Events.", vec![MetaMediaType { content_type: "text/event-stream", schema }])
    }

    fn register(registry: &mut Registry) {
        Event::register(registry);
        Problem::register(registry);
    }
}
