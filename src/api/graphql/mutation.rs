//! What can be done. Each mutation takes one `input` and answers with what it changed.

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, Object};

use crate::api::graphql::session::SessionNode;
use crate::api::graphql::{api, caller};
use crate::error::Result;
use crate::session::session_id;
use crate::session::types::{NewSession, PairRequest, PhoneNumber, SessionChanges};

/// What can be done.
pub(super) struct Mutation;

/// Which session.
#[derive(InputObject)]
pub(super) struct SessionInput {
    /// The session's id.
    id: ID,
}

/// What to change about a session. What is absent stays.
#[derive(InputObject)]
pub(super) struct UpdateSessionInput {
    /// The session's id.
    id: ID,
    /// Friendly name, at most 100 characters; empty removes it.
    name: Option<String>,
    /// Own labels, replacing all of the present ones.
    metadata: Option<HashMap<String, String>>,
}

/// A phone that is to be linked by a code.
#[derive(InputObject)]
pub(super) struct PairSessionInput {
    /// The session's id.
    id: ID,
    /// Its number with the country code, in any usual spelling: `+1 555 010-0001`.
    phone_number: String,
    /// Whether the phone is to show a notification.
    #[graphql(default = true)]
    show_push_notification: bool,
}

/// What can be done. Each mutation takes one `input` and answers with what it changed.
#[Object]
impl Mutation {
    /// Creates a session and starts to connect it.
    async fn create_session(&self, ctx: &Context<'_>, input: NewSession) -> Result<SessionNode> {
        Ok(api(ctx).sessions.create(caller(ctx), input).await?.into())
    }

    /// Changes a session's name and labels.
    async fn update_session(&self, ctx: &Context<'_>, input: UpdateSessionInput) -> Result<SessionNode> {
        let UpdateSessionInput { id, name, metadata } = input;
        let changes = SessionChanges { name, metadata };
        Ok(api(ctx).sessions.update(caller(ctx), &session_id(&id)?, changes).await?.into())
    }

    /// Unlinks the device from the phone if it can, and deletes the session with all that belongs to it.
    async fn delete_session(&self, ctx: &Context<'_>, input: SessionInput) -> Result<SessionNode> {
        Ok(api(ctx).sessions.delete(caller(ctx), &session_id(&input.id)?).await?.into())
    }

    /// Wants the session online. Does nothing if it is.
    async fn connect_session(&self, ctx: &Context<'_>, input: SessionInput) -> Result<SessionNode> {
        Ok(api(ctx).sessions.connect(caller(ctx), &session_id(&input.id)?).await?.into())
    }

    /// Wants the session offline; it stays linked. Does nothing if it is.
    async fn disconnect_session(&self, ctx: &Context<'_>, input: SessionInput) -> Result<SessionNode> {
        Ok(api(ctx).sessions.disconnect(caller(ctx), &session_id(&input.id)?).await?.into())
    }

    /// Unlinks the device from the phone; the session stays and can be paired again.
    async fn logout_session(&self, ctx: &Context<'_>, input: SessionInput) -> Result<SessionNode> {
        Ok(api(ctx).sessions.logout(caller(ctx), &session_id(&input.id)?).await?.into())
    }

    /// Asks for a code that links a phone by its number.
    async fn pair_session(&self, ctx: &Context<'_>, input: PairSessionInput) -> Result<SessionNode> {
        let PairSessionInput { id, phone_number, show_push_notification } = input;
        let phone_number = PhoneNumber::parse("phoneNumber", &phone_number)?;
        let request = PairRequest { phone_number, show_push_notification };
        Ok(api(ctx).sessions.pair(caller(ctx), &session_id(&id)?, request).await?.1.into())
    }
}
