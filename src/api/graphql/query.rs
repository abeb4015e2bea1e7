//! What can be asked.

use std::collections::BTreeMap;

use async_graphql::connection::{Connection, Edge, EmptyFields};
use async_graphql::{Context, ID, InputObject, Interface, Object, SimpleObject};
use entity::ids::KeyId;
use entity::timestamp::Timestamp;
use entity::words::{Scope, SessionStatus};

use crate::api::graphql::session::SessionNode;
use crate::api::graphql::webhook::which;
use crate::api::graphql::{api, caller, or_null};
use crate::caller::Caller;
use crate::error::{ErrorKind, Result};
use crate::key;
use crate::key::types::Key;
use crate::page::Window;
use crate::pairing_link::types::OpenPairingLink;
use crate::session::types::SessionFilter;
use crate::session::{cursor_of, session_id};
use crate::webhook::types::Webhook;

/// Sessions of a page when its size is not said.
const PAGE_DEFAULT: u32 = 50;

/// What can be asked.
#[derive(Default)]
pub(super) struct Query;

/// Something with an id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Its id."))]
pub(super) enum Node {
    Session(SessionNode),
    Key(Key),
    Webhook(Webhook),
}

/// Which sessions.
#[derive(Clone, Default, InputObject)]
#[graphql(name = "SessionFilter")]
pub(super) struct Filter {
    /// Only those in this status.
    status: Option<SessionStatus>,
    /// Only those whose id, name or phone number contains this, whatever the case.
    query: Option<String>,
    /// Only those that have all of these labels with these values.
    metadata: Option<BTreeMap<String, String>>,
}

impl From<Filter> for SessionFilter {
    fn from(filter: Filter) -> Self {
        let Filter { status, query, metadata } = filter;
        Self { status, query, metadata }
    }
}

/// What a list of sessions has beside its edges.
pub(super) struct Total {
    filter: SessionFilter,
}

#[Object]
impl Total {
    /// How many sessions match the filter, on all pages. Counted only when it is asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> Option<u64> {
        or_null(ctx, api(ctx).sessions.count(caller(ctx), self.filter.clone()))
    }
}

type SessionConnection = Connection<String, SessionNode, Total, EmptyFields>;

type KeyConnection = Connection<String, Key, EmptyFields, EmptyFields>;

/// Who is asking.
#[derive(SimpleObject)]
pub(super) struct Me {
    /// Id of the key. Null is the admin token.
    key_id: Option<ID>,
    /// What its maker calls it. Null is the admin token.
    name: Option<String>,
    /// What this key may do.
    scopes: Vec<Scope>,
    /// Ids of the sessions that it may touch. Null is all.
    sessions: Option<Vec<ID>>,
    /// Until when it works. Null is for ever.
    expires_at: Option<Timestamp>,
}

impl From<&Caller> for Me {
    fn from(caller: &Caller) -> Self {
        let grant = caller.grant();
        Self {
            key_id: grant.map(|grant| ID(grant.key.to_string())),
            name: grant.map(|grant| grant.name.clone()),
            scopes: caller.scopes(),
            sessions: caller.sessions().map(|ids| ids.iter().map(|id| ID(id.to_string())).collect()),
            expires_at: caller.ends_at(),
        }
    }
}

/// What can be asked.
#[Object(name = "SessionQueries")]
impl Query {
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
        #[graphql(desc = "Which sessions; all when absent.")] filter: Option<Filter>,
    ) -> Option<SessionConnection> {
        let outcome = async {
            let filter = SessionFilter::from(filter.unwrap_or_default());
            let first = if last.is_none() { first.or(Some(PAGE_DEFAULT)) } else { first };
            let window = Window { first, last, after, before };
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

    /// Shows the session, the key or the webhook that has this id; null when nothing has it.
    ///
    /// Deliveries and events are not found by their ids alone: `webhookDeliveries` and `events` list them.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Option<Node> {
        or_null(ctx, self::node(ctx, &id).await).flatten()
    }

    /// Lists the keys that may do no more than this one, oldest first.
    #[graphql(complexity = "first.or(last).unwrap_or(PAGE_DEFAULT).min(100) as usize * child_complexity")]
    async fn keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 50 when neither this nor `last` is given.")] first: Option<u32>,
        #[graphql(desc = "Only those behind this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<u32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Option<KeyConnection> {
        let outcome = async {
            let first = if last.is_none() { first.or(Some(PAGE_DEFAULT)) } else { first };
            let slice = api(ctx).keys.slice(caller(ctx), &Window { first, last, after, before })?;
            let mut connection = Connection::new(slice.has_previous, slice.has_next);
            connection.edges.extend(slice.items.into_iter().map(|key| Edge::new(key::cursor_of(&key), key)));
            Ok(connection)
        };
        or_null(ctx, outcome.await)
    }

    /// Lists the pairing links to a session that can be used now, oldest first.
    ///
    /// Without their addresses, which are shown once.
    #[graphql(complexity = "20 * child_complexity")]
    async fn pairing_links(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session's id.")] session_id: ID,
    ) -> Option<Vec<OpenPairingLink>> {
        let outcome = async {
            let id = crate::session::session_id(&session_id)?;
            api(ctx).pairing_links.list(caller(ctx), &id).await
        };
        or_null(ctx, outcome.await)
    }

    /// Shows who is asking.
    async fn me(&self, ctx: &Context<'_>) -> Me {
        caller(ctx).into()
    }

    /// Shows the version of the server.
    async fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

/// What has this id. Whoever may not look at one kind of things may still look at another.
async fn node(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    let (api, caller) = (api(ctx), caller(ctx));
    let session = session_id(id).and_then(|id| api.sessions.snapshot(caller, &id));
    let refused = match session {
        Ok(snapshot) => return Ok(Some(Node::Session(snapshot.into()))),
        Err(error) if error.kind() == ErrorKind::SessionNotFound => None,
        Err(error) => Some(error),
    };
    // The client chooses the ids of sessions, so that one may look like these.
    if let Some(key) = there(api.keys.find(caller, &KeyId::named(id)))? {
        return Ok(Some(Node::Key(key)));
    }
    if let Some(webhook) = there(api.webhooks.find(caller, &which(id)).await)? {
        return Ok(Some(Node::Webhook(webhook)));
    }
    match refused {
        Some(error) if ![Scope::KeysAdmin, Scope::WebhooksRead].iter().any(|scope| caller.allows(*scope)) => Err(error),
        _ => Ok(None),
    }
}

/// What was found; nothing where the caller may not look.
fn there<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error)
            if [ErrorKind::KeyNotFound, ErrorKind::WebhookNotFound, ErrorKind::Forbidden].contains(&error.kind()) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
