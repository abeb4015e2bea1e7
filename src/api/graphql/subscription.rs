//! What can be followed: the present state first, then every change, until the subscriber leaves.

use async_graphql::{Context, ID, Subscription as Subscribe};
use futures::stream::{Stream, StreamExt};

use crate::api::graphql::query::Filter;
use crate::api::graphql::session::SessionNode;
use crate::api::graphql::{api, caller};
use crate::error::Result;
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
}
