//! What can be asked about events and webhooks.

use async_graphql::connection::{Connection, Edge, EmptyFields};
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::words::{DeliveryState, EventType};

use crate::api::graphql::webhook::which;
use crate::api::graphql::{api, caller, or_null};
use crate::error::Result;
use crate::event::types::{self, Cursor, Event, EventFilter, PageSize, Passage, Placed};
use crate::page::Window;
use crate::session::session_id;
use crate::webhook::listing::cursor_of;
use crate::webhook::types::{Delivery, DeliveryFilter, Webhook};

/// Items of a page when its size is not said.
const PAGE_DEFAULT: u32 = 50;

/// What can be asked about events and webhooks.
#[derive(Default)]
pub(super) struct HistoryQuery;

/// Which events.
#[derive(Clone, Default, InputObject)]
#[graphql(name = "EventFilter")]
pub(super) struct Filter {
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

type WebhookConnection = Connection<String, Webhook, EmptyFields, EmptyFields>;

type DeliveryConnection = Connection<String, Delivery, EmptyFields, EmptyFields>;

/// What can be asked about events and webhooks.
#[Object(name = "HistoryQueries")]
impl HistoryQuery {
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
            let Passage { events, next, has_next } = api(ctx).events.page(caller(ctx), filter, after, size).await?;
            let mut connection =
                Connection::with_additional_fields(false, has_next, Next { next_cursor: next.to_string() });
            let edges = events.into_iter().map(|Placed { event, cursor }| Edge::new(cursor.to_string(), event));
            connection.edges.extend(edges);
            Ok(connection)
        };
        or_null(ctx, outcome.await)
    }

    /// Lists webhooks, oldest first.
    #[graphql(complexity = "first.or(last).unwrap_or(PAGE_DEFAULT).min(100) as usize * child_complexity")]
    async fn webhooks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this session; all when absent.")] session_id: Option<ID>,
        #[graphql(desc = "The first so many, 1 to 100; 50 when neither this nor `last` is given.")] first: Option<u32>,
        #[graphql(desc = "Only those behind this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<u32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Option<WebhookConnection> {
        let outcome = async {
            let session = session_id.map(|id| self::session_id(&id)).transpose()?;
            let first = if last.is_none() { first.or(Some(PAGE_DEFAULT)) } else { first };
            let window = Window { first, last, after, before };
            let slice = api(ctx).webhooks.slice(caller(ctx), session, window).await?;
            let mut connection = Connection::new(slice.has_previous, slice.has_next);
            let edges = slice.items.into_iter().map(|webhook| Edge::new(cursor_of(&webhook), webhook));
            connection.edges.extend(edges);
            Ok(connection)
        };
        or_null(ctx, outcome.await)
    }

    /// Shows one webhook.
    async fn webhook(&self, ctx: &Context<'_>, #[graphql(desc = "The webhook's id.")] id: ID) -> Option<Webhook> {
        or_null(ctx, api(ctx).webhooks.find(caller(ctx), &which(&id)).await)
    }

    /// Lists the deliveries of a webhook, newest first, each with its attempts.
    #[graphql(complexity = "first.unwrap_or(PAGE_DEFAULT).min(100) as usize * child_complexity")]
    async fn webhook_deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The webhook's id.")] webhook_id: ID,
        #[graphql(desc = "The first so many, 1 to 100; 50 when absent. Fewer if large.")] first: Option<u32>,
        #[graphql(desc = "Only those behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only those in this state.")] state: Option<DeliveryState>,
        #[graphql(desc = "Only those of this type.")] event: Option<EventType>,
    ) -> Option<DeliveryConnection> {
        let outcome = async {
            let filter = DeliveryFilter { state, event };
            let first = first.or(Some(PAGE_DEFAULT));
            let page = api(ctx).webhooks.deliveries(caller(ctx), &which(&webhook_id), filter, first, after).await?;
            let mut connection = Connection::new(false, page.next_cursor.is_some());
            let edges = page.deliveries.into_iter().map(|delivery| Edge::new(delivery.id.to_string(), delivery));
            connection.edges.extend(edges);
            Ok(connection)
        };
        or_null(ctx, outcome.await)
    }
}
