//! What can be followed: the present state first, then every change, until the subscriber leaves.

use async_graphql::{Context, ID, SimpleObject, Subscription as Subscribe};
use entity::words::EventType;
use futures::stream::{Stream, StreamExt};

use crate::api::graphql::query::Filter;
use crate::api::graphql::session::SessionNode;
use crate::api::graphql::{api, caller};
use crate::error::Result;
use crate::event::types::{self, Cursor, Event, EventFilter, Placed};
use crate::session::session_id;

/// What can be followed.
pub(super) struct Subscription;

/// What can be followed: the present state first, then every change, until the subscriber leaves.
#[Subscribe]
impl Subscription {
    /// Follows one session, its QR and pair codes included.
    ///
    /// Completes when the session is deleted.
    async fn session_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session's id.")] id: ID,
    ) -> Result<impl Stream<Item = SessionNode> + use<>> {
        let updates = api(ctx).sessions.updates(caller(ctx), &session_id(&id)?)?;
        Ok(updates.map(SessionNode::from))
    }

    /// Follows all sessions that match, those that are created later too.
    async fn sessions_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which sessions; all when absent.")] filter: Option<Filter>,
    ) -> Result<impl Stream<Item = SessionNode> + use<>> {
        let updates = api(ctx).sessions.all_updates(caller(ctx), filter.unwrap_or_default().into())?;
        Ok(updates.map(SessionNode::from))
    }

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
        let ids = sessions.unwrap_or_default();
        let sessions = types::sessions("sessions", ids.iter().map(|id| id.as_str()))?;
        let types = types::distinct_types("types", types.unwrap_or_default())?;
        let filter = EventFilter { sessions, types };
        let after = after.map(|text| Cursor::parse("after", &text)).transpose()?;
        let placed = api(ctx).events.follow(caller(ctx), filter, after).await?;
        Ok(placed.map(|placed| placed.map(EventEdge::from).map_err(async_graphql::Error::new_with_source)))
    }
}

/// An event with the place behind it.
#[derive(SimpleObject)]
#[graphql(name = "FollowedEvent")]
pub(super) struct EventEdge {
    /// The event.
    node: Event,
    /// The place behind it: who comes back with it as `after` misses nothing.
    cursor: String,
}

impl From<Placed> for EventEdge {
    fn from(placed: Placed) -> Self {
        let Placed { event, cursor } = placed;
        Self { node: event, cursor: cursor.to_string() }
    }
}
