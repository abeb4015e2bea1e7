//! Whatever has an id, whatever it is.

use async_graphql::{Context, ID, Interface, Object};
use entity::ids::KeyId;
use entity::words::access::Scope;

use crate::api::graphql::resolver::{api, caller, or_null};
use crate::api::session::node::SessionNode;
use crate::api::webhook::graphql::which;
use crate::error::{ErrorKind, Result};
use crate::key::types::Key;
use crate::session::session_id;
use crate::webhook::types::Webhook;

/// What can be asked by an id alone.
#[derive(Default)]
pub(super) struct NodeQuery;

/// Something with an id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Its id."))]
pub(super) enum Node {
    Session(SessionNode),
    Key(Key),
    Webhook(Webhook),
}

/// What can be asked by an id alone.
#[Object(name = "NodeQueries")]
impl NodeQuery {
    /// Shows the session, the key or the webhook that has this id; null when nothing has it.
    ///
    /// Deliveries and events are not found by their ids alone: `webhookDeliveries` and `events` list them.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Option<Node> {
        or_null(ctx, self::node(ctx, &id).await).flatten()
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
