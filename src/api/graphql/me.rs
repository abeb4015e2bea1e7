//! Who asks, and whom.

use async_graphql::{Context, ID, Object, SimpleObject};
use entity::timestamp::Timestamp;
use entity::words::access::Scope;

use crate::api::graphql::resolver::caller;
use crate::caller::Caller;

/// What can be asked about the caller and the server.
#[derive(Default)]
pub(super) struct MeQuery;

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

/// What can be asked about the caller and the server.
#[Object(name = "MeQueries")]
impl MeQuery {
    /// Shows who is asking.
    async fn me(&self, ctx: &Context<'_>) -> Me {
        caller(ctx).into()
    }

    /// Shows the version of the server.
    async fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}
