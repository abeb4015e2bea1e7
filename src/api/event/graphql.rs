//! The journal in the graph: what can be asked and followed.

use async_graphql::connection::{Connection, Edge, EmptyFields};
use async_graphql::{Context, ID, InputObject, Object, SimpleObject, Subscription};
use entity::words::event::EventType;
use futures::stream::{Stream, StreamExt};

use crate::api::graphql::resolver::{PAGE_DEFAULT, api, caller, or_null};
use crate::error::Result;
use crate::event::types::{self, Cursor, Event, EventFilter, EventSlice, EventWithCursor, PageSize};

/// What can be asked about events.
#[derive(Default)]
pub struct EventQuery;

/// What can be followed of events.
#[derive(Default)]
pub struct EventSubscription;

/// Which events.
#[derive(Clone, Default, InputObject)]
#[graphql(name = "EventFilter")]
pub struct Filter {
    /// Only those of these sessions; all when absent or empty.
    sessions: Option<Vec<ID>>,
    /// Only those of these types; all when absent or empty.
    types: Option<Vec<EventType>>,
}

impl TryFrom<Filter> for EventFilter {
    type Error = crate::error::Error;

    fn try_from(filter: Filter) -> Result<Self> {
        let Filter { sessions, types } = filter;
        let ids = sessions.unwrap_or_default();
        let sessions = types::sessions("filter.sessions", ids.iter().map(|id| id.as_str()))?;
        let types = types::distinct_types("filter.types", types.unwrap_or_default())?;
        Ok(Self { sessions, types })
    }
}

/// What a list of events has beside its edges.
#[derive(SimpleObject)]
struct Next {
    /// Where to read on, at once or later: also when nothing was found, which `endCursor` does not say.
    next_cursor: String,
}

type EventConnection = Connection<String, Event, Next, EmptyFields>;

/// An event with the place behind it.
#[derive(SimpleObject)]
#[graphql(name = "FollowedEvent")]
pub struct EventEdge {
    /// The event.
    node: Event,
    /// The place behind it: who comes back with it as `after` misses nothing.
    cursor: String,
}

impl From<EventWithCursor> for EventEdge {
    fn from(item: EventWithCursor) -> Self {
        let EventWithCursor { event, cursor } = item;
        Self { node: event, cursor: cursor.to_string() }
    }
}

/// What can be asked about events.
#[Object(name = "EventQueries")]
impl EventQuery {
    /// Lists what happened, oldest first.
    ///
    /// Who polls asks with `after: nextCursor` of the answer before: it misses nothing and gets nothing twice.
    /// A page ends at 4 MiB of `data`, though with fewer than were asked for; `hasNextPage` is then true.
    #[graphql(complexity = "first.unwrap_or(PAGE_DEFAULT).min(1000) as usize * child_complexity")]
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 1,000; 50 when absent. Fewer if large.")] first: Option<u32>,
        #[graphql(desc = "Only those behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Which events; all when absent.")] filter: Option<Filter>,
    ) -> Option<EventConnection> {
        let outcome = async {
            let filter = filter.unwrap_or_default().try_into()?;
            let after = after.map(|text| Cursor::parse("after", &text)).transpose()?;
            let size = PageSize::new("first", first.unwrap_or(PAGE_DEFAULT))?;
            let EventSlice { events, next, has_next } = api(ctx).events.page(caller(ctx), filter, after, size).await?;
            let mut connection =
                Connection::with_additional_fields(false, has_next, Next { next_cursor: next.to_string() });
            let edges =
                events.into_iter().map(|EventWithCursor { event, cursor }| Edge::new(cursor.to_string(), event));
            connection.edges.extend(edges);
            Ok(connection)
        };
        or_null(ctx, outcome.await)
    }
}

/// What can be followed of events.
#[Subscription(name = "EventSubscriptions")]
impl EventSubscription {
    /// Follows what happens, from a cursor or from now on.
    ///
    /// None is left out and none comes twice. A key that may not pair gets none with codes.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of these sessions; all when absent or empty.")] sessions: Option<Vec<ID>>,
        #[graphql(desc = "Only those of these types; all when absent or empty.")] types: Option<Vec<EventType>>,
        #[graphql(desc = "Only those behind this cursor; from now on when absent.")] after: Option<String>,
    ) -> Result<impl Stream<Item = async_graphql::Result<EventEdge>> + use<>> {
        let types = types::distinct_types("types", types.unwrap_or_default())?;
        follow(ctx, sessions, types, after).await
    }

    /// Follows what becomes of messages that are sent, from a cursor or from now on.
    ///
    /// As `events` with the type `MESSAGE_STATUS`: none is left out and none comes twice.
    async fn message_status(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of these sessions; all when absent or empty.")] sessions: Option<Vec<ID>>,
        #[graphql(desc = "Only those behind this cursor; from now on when absent.")] after: Option<String>,
    ) -> Result<impl Stream<Item = async_graphql::Result<EventEdge>> + use<>> {
        follow(ctx, sessions, vec![EventType::MessageStatus], after).await
    }
}

async fn follow(
    ctx: &Context<'_>,
    sessions: Option<Vec<ID>>,
    types: Vec<EventType>,
    after: Option<String>,
) -> Result<impl Stream<Item = async_graphql::Result<EventEdge>> + use<>> {
    let ids = sessions.unwrap_or_default();
    let sessions = types::sessions("sessions", ids.iter().map(|id| id.as_str()))?;
    let after = after.map(|text| Cursor::parse("after", &text)).transpose()?;
    let events = api(ctx).events.follow(caller(ctx), EventFilter { sessions, types }, after).await?;
    Ok(events.map(|item| item.map(EventEdge::from).map_err(async_graphql::Error::new_with_source)))
}
