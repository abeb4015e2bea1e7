//! What can be asked.

use std::collections::BTreeMap;

use async_graphql::connection::{Connection, Edge, EmptyFields};
use async_graphql::{Context, ID, InputObject, Interface, Object, SimpleObject};
use entity::ids::KeyId;
use entity::timestamp::Timestamp;
use entity::words::{Scope, SessionStatus};

use crate::api::graphql::session::SessionNode;
use crate::api::graphql::{api, caller, failed};
use crate::caller::Caller;
use crate::error::{ErrorKind, Result};
use crate::key;
use crate::key::types::Key;
use crate::page::Window;
use crate::session::types::SessionFilter;
use crate::session::{cursor_of, session_id};

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
    async fn total_count(&self, ctx: &Context<'_>) -> Result<u64> {
        api(ctx).sessions.count(caller(ctx), self.filter.clone()).await
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
    async fn session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session's id.")] id: ID,
    ) -> Result<Option<SessionNode>> {
        let found = session_id(&id).and_then(|id| api(ctx).sessions.snapshot(caller(ctx), &id));
        // Beside a null, as the specification has it: the framework would leave the field out.
        let found = found.map_err(|error| ctx.add_error(failed(ctx, error)));
        Ok(found.ok().map(SessionNode::from))
    }

    /// Lists the sessions, oldest first.
    #[graphql(complexity = "first.or(last).unwrap_or(PAGE_DEFAULT).min(100) as usize * child_complexity")]
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 50 when neither this nor `last` is given.")] first: Option<u32>,
        #[graphql(desc = "Only those behind this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<u32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which sessions; all when absent.")] filter: Option<Filter>,
    ) -> Result<SessionConnection> {
        let filter = SessionFilter::from(filter.unwrap_or_default());
        let first = if last.is_none() { first.or(Some(PAGE_DEFAULT)) } else { first };
        let window = Window { first, last, after, before };
        let slice = api(ctx).sessions.snapshots(caller(ctx), filter.clone(), window).await?;
        let mut connection = Connection::with_additional_fields(slice.has_previous, slice.has_next, Total { filter });
        connection.edges.extend(slice.items.into_iter().map(|snapshot| {
            let cursor = cursor_of(&snapshot.session);
            Edge::new(cursor, SessionNode::from(snapshot))
        }));
        Ok(connection)
    }

    /// Shows anything that has an id; null when nothing has it.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Node>> {
        let (sessions, keys) = (&api(ctx).sessions, &api(ctx).keys);
        match session_id(&id).and_then(|id| sessions.snapshot(caller(ctx), &id)) {
            Ok(snapshot) => return Ok(Some(Node::Session(snapshot.into()))),
            Err(error) if error.kind() == ErrorKind::SessionNotFound => {}
            // Whoever may not look at sessions may still look at keys.
            Err(_) if caller(ctx).allows(Scope::KeysAdmin) => {}
            Err(error) => return Err(error),
        }
        match keys.find(caller(ctx), &KeyId::named(&id)) {
            Ok(key) => Ok(Some(Node::Key(key))),
            Err(error) if [ErrorKind::KeyNotFound, ErrorKind::Forbidden].contains(&error.kind()) => Ok(None),
            Err(error) => Err(error),
        }
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
    ) -> Result<KeyConnection> {
        let first = if last.is_none() { first.or(Some(PAGE_DEFAULT)) } else { first };
        let slice = api(ctx).keys.slice(caller(ctx), &Window { first, last, after, before })?;
        let mut connection = Connection::new(slice.has_previous, slice.has_next);
        connection.edges.extend(slice.items.into_iter().map(|key| Edge::new(key::cursor_of(&key), key)));
        Ok(connection)
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
