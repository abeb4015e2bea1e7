//! Sessions in the graph: what can be asked, done and followed.

use async_graphql::connection::{Connection, Edge, EmptyFields};
use async_graphql::{Context, ID, InputObject, Object, Subscription};
use futures::stream::{Stream, StreamExt};

use crate::api::graphql::resolver::{PAGE_DEFAULT, api, caller, or_null, window};
use crate::api::session::node::SessionNode;
use crate::error::Result;
use crate::session::types::{NewSession, PairBody, SessionChanges, SessionFilter, Timeline, Transition};
use crate::session::{cursor_of, session_id};

/// What can be asked about sessions.
#[derive(Default)]
pub struct SessionQuery;

/// What can be done to sessions.
#[derive(Default)]
pub struct SessionMutation;

/// What can be followed of sessions.
#[derive(Default)]
pub struct SessionSubscription;

/// Which session.
#[derive(InputObject)]
pub struct SessionInput {
    /// The session's id.
    id: ID,
}

/// What to change about a session. What is absent stays.
#[derive(InputObject)]
pub struct UpdateSessionInput {
    /// The session's id.
    id: ID,
    #[graphql(flatten)]
    changes: SessionChanges,
}

/// A phone that is to be linked by a code.
#[derive(InputObject)]
pub struct PairSessionInput {
    /// The session's id.
    id: ID,
    #[graphql(flatten)]
    phone: PairBody,
}

/// What a list of sessions has beside its edges.
pub struct Total {
    filter: SessionFilter,
}

#[Object]
impl Total {
    /// How many sessions match the filter, on all pages. Counted only when it is asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> Option<u64> {
        or_null(ctx, api(ctx).sessions.count(caller(ctx), self.filter.clone()))
    }
}

type TransitionConnection = Connection<String, Transition, EmptyFields, EmptyFields>;

type SessionConnection = Connection<String, SessionNode, Total, EmptyFields>;

/// What can be asked about sessions.
#[Object(name = "SessionQueries")]
impl SessionQuery {
    /// Shows one session.
    async fn session(&self, ctx: &Context<'_>, #[graphql(desc = "The session's id.")] id: ID) -> Option<SessionNode> {
        let found = session_id(&id).and_then(|id| api(ctx).sessions.snapshot(caller(ctx), &id));
        or_null(ctx, found.map(SessionNode::from))
    }

    /// Lists the sessions, oldest first.
    #[graphql(complexity = "first.or(last).unwrap_or(PAGE_DEFAULT).min(100) as usize * child_complexity")]
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 50 when neither is given. Fewer if large.")] first: Option<u32>,
        #[graphql(desc = "Only those behind this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100. Fewer if large.")] last: Option<u32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which sessions; all when absent.")] filter: Option<SessionFilter>,
    ) -> Option<SessionConnection> {
        let outcome = async {
            let filter = filter.unwrap_or_default();
            let window = window(first, after, last, before);
            let slice = api(ctx).sessions.snapshots(caller(ctx), filter.clone(), window)?;
            let mut connection =
                Connection::with_additional_fields(slice.has_previous, slice.has_next, Total { filter });
            connection.edges.extend(slice.items.into_iter().map(|snapshot| {
                let cursor = cursor_of(&snapshot.session);
                Edge::new(cursor, SessionNode::from(snapshot))
            }));
            Ok(connection)
        };
        or_null(ctx, outcome.await)
    }

    /// Lists the states that a session came into, newest first.
    ///
    /// As far back as the journal is kept. A new state has another status, reason, end of a ban, or wish of the client.
    #[graphql(complexity = "first.unwrap_or(PAGE_DEFAULT).min(100) as usize * child_complexity")]
    async fn session_timeline(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session's id.")] session_id: ID,
        #[graphql(desc = "The first so many, 1 to 100; 50 when absent.")] first: Option<u32>,
        #[graphql(desc = "Only those behind this cursor.")] after: Option<String>,
    ) -> Option<TransitionConnection> {
        let outcome = async {
            let (id, first) = (self::session_id(&session_id)?, first.or(Some(PAGE_DEFAULT)));
            let Timeline { entries, next_cursor } = api(ctx).sessions.timeline(caller(ctx), &id, first, after).await?;
            let mut connection = Connection::new(false, next_cursor.is_some());
            let edges = entries.into_iter().map(|(transition, cursor)| Edge::new(cursor, transition));
            connection.edges.extend(edges);
            Ok(connection)
        };
        or_null(ctx, outcome.await)
    }
}

/// What can be done to sessions. Each mutation takes one `input` and answers with what it changed.
#[Object(name = "SessionMutations")]
impl SessionMutation {
    /// Creates a session and starts to connect it.
    async fn create_session(&self, ctx: &Context<'_>, input: NewSession) -> Option<SessionNode> {
        or_null(ctx, api(ctx).sessions.create(caller(ctx), input).await.map(SessionNode::from))
    }

    /// Changes a session's name, its metadata, what WhatsApp is told at each login, how fast it sends, and when it fetches files.
    async fn update_session(&self, ctx: &Context<'_>, input: UpdateSessionInput) -> Option<SessionNode> {
        let outcome = async {
            let UpdateSessionInput { id, changes } = input;
            Ok(api(ctx).sessions.update(caller(ctx), &session_id(&id)?, changes).await?.into())
        };
        or_null(ctx, outcome.await)
    }

    /// Unlinks the device from the phone if it can, and deletes the session. Webhooks still get what happened until then.
    async fn delete_session(&self, ctx: &Context<'_>, input: SessionInput) -> Option<SessionNode> {
        let outcome = async { Ok(api(ctx).sessions.delete(caller(ctx), &session_id(&input.id)?).await?.into()) };
        or_null(ctx, outcome.await)
    }

    /// Wants the session online. Does nothing if it is, or while the account is banned for a time.
    async fn connect_session(&self, ctx: &Context<'_>, input: SessionInput) -> Option<SessionNode> {
        let outcome = async { Ok(api(ctx).sessions.connect(caller(ctx), &session_id(&input.id)?).await?.into()) };
        or_null(ctx, outcome.await)
    }

    /// Wants the session offline; it stays linked. Does nothing if it is.
    async fn disconnect_session(&self, ctx: &Context<'_>, input: SessionInput) -> Option<SessionNode> {
        let outcome = async { Ok(api(ctx).sessions.disconnect(caller(ctx), &session_id(&input.id)?).await?.into()) };
        or_null(ctx, outcome.await)
    }

    /// Unlinks the device from the phone; the session stays and can be paired again.
    async fn logout_session(&self, ctx: &Context<'_>, input: SessionInput) -> Option<SessionNode> {
        let outcome = async { Ok(api(ctx).sessions.logout(caller(ctx), &session_id(&input.id)?).await?.into()) };
        or_null(ctx, outcome.await)
    }

    /// Asks for a code that links a phone by its number.
    async fn pair_session(&self, ctx: &Context<'_>, input: PairSessionInput) -> Option<SessionNode> {
        let outcome = async {
            let PairSessionInput { id, phone } = input;
            let request = phone.request()?;
            Ok(api(ctx).sessions.pair(caller(ctx), &session_id(&id)?, request).await?.1.into())
        };
        or_null(ctx, outcome.await)
    }
}

/// What can be followed of sessions: the present state first, then every change, until the subscriber leaves.
#[Subscription(name = "SessionSubscriptions")]
impl SessionSubscription {
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
        #[graphql(desc = "Which sessions; all when absent.")] filter: Option<SessionFilter>,
    ) -> Result<impl Stream<Item = SessionNode> + use<>> {
        let updates = api(ctx).sessions.all_updates(caller(ctx), filter.unwrap_or_default())?;
        Ok(updates.map(SessionNode::from))
    }
}
