//! Pairing links in the graph.

use async_graphql::{Context, ID, InputObject, Object};
use entity::ids::PairingLinkId;

use crate::api::graphql::resolver::{api, caller, or_null};
use crate::pairing_link::types::{NewPairingLink, OpenPairingLink, PairingLink};
use crate::session::session_id;

/// What can be asked about pairing links.
#[derive(Default)]
pub struct PairingLinkQuery;

/// What can be done with pairing links.
#[derive(Default)]
pub struct PairingLinkMutation;

/// How long a pairing link is to live.
#[derive(InputObject)]
pub struct CreatePairingLinkInput {
    /// The session's id.
    id: ID,
    #[graphql(flatten)]
    link: NewPairingLink,
}

/// Which pairing link.
#[derive(InputObject)]
pub struct PairingLinkInput {
    /// The session's id.
    session_id: ID,
    /// The pairing link's id.
    id: ID,
}

/// What can be asked about pairing links.
#[Object(name = "PairingLinkQueries")]
impl PairingLinkQuery {
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
            let id = self::session_id(&session_id)?;
            api(ctx).pairing_links.list(caller(ctx), &id).await
        };
        or_null(ctx, outcome.await)
    }
}

/// What can be done with pairing links. Each mutation takes one `input` and answers with what it made or deleted.
#[Object(name = "PairingLinkMutations")]
impl PairingLinkMutation {
    /// Makes a link at which somebody without a key can link one phone to this session.
    async fn create_pairing_link(&self, ctx: &Context<'_>, input: CreatePairingLinkInput) -> Option<PairingLink> {
        let outcome = async {
            let CreatePairingLinkInput { id, link } = input;
            api(ctx).pairing_links.create(caller(ctx), &session_id(&id)?, link.expires_in).await
        };
        or_null(ctx, outcome.await)
    }

    /// Deletes a pairing link; whoever looks at it sees at once that it is over.
    ///
    /// The session stays as it is, with a phone that is linked already. A code that the page has shown is good until it expires.
    async fn delete_pairing_link(&self, ctx: &Context<'_>, input: PairingLinkInput) -> Option<OpenPairingLink> {
        let outcome = async {
            let PairingLinkInput { session_id, id } = input;
            let (session, id) = (self::session_id(&session_id)?, PairingLinkId::named(&id));
            api(ctx).pairing_links.delete(caller(ctx), &session, &id).await
        };
        or_null(ctx, outcome.await)
    }
}
