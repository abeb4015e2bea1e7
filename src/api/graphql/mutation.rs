//! What can be done. Each mutation takes one `input` and answers with what it changed.

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, Object};
use entity::ids::KeyId;
use entity::timestamp::Timestamp;
use entity::words::{PresenceOnConnect, Scope};

use crate::account::{PairRequest, PhoneNumber};
use crate::api::graphql::session::SessionNode;
use crate::api::graphql::{api, caller, or_null};
use crate::key::types::{IssuedKey, Key, NewKey, StreamTicket};
use crate::pairing_link::types::PairingLink;
use crate::session::session_id;
use crate::session::types::{NewSession, SessionChanges};

/// What can be done.
#[derive(Default)]
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
    /// What WhatsApp is told at each login, from the next one on.
    presence_on_connect: Option<PresenceOnConnect>,
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

/// How long a pairing link is to live.
#[derive(InputObject)]
pub(super) struct CreatePairingLinkInput {
    /// The session's id.
    id: ID,
    /// Seconds that it can be used: 1 to 86,400 (a day), one hour when absent; never longer than the key that makes it.
    expires_in: Option<u64>,
}

/// A key to be created.
#[derive(InputObject)]
pub(super) struct CreateKeyInput {
    /// What it is for: 1 to 100 characters.
    name: String,
    /// What it may do: at least one scope, none that the maker's own key lacks.
    scopes: Vec<Scope>,
    /// Ids of the sessions that it may touch, 1 to 1,000; those that the maker's own key may touch when absent.
    sessions: Option<Vec<ID>>,
    /// Until when it works; as long as the maker's own key when absent, and never longer.
    expires_at: Option<Timestamp>,
}

/// Which key.
#[derive(InputObject)]
pub(super) struct KeyInput {
    /// The key's id.
    id: ID,
}

/// How a key is to be rotated.
#[derive(InputObject)]
pub(super) struct RotateKeyInput {
    /// The key's id.
    id: ID,
    /// Seconds that the token before still works: 0 to 604,800 (a week), one hour when absent.
    overlap_seconds: Option<u64>,
}

/// What can be done. Each mutation takes one `input` and answers with what it changed.
#[Object(name = "SessionMutations")]
impl Mutation {
    /// Creates a session and starts to connect it.
    async fn create_session(&self, ctx: &Context<'_>, input: NewSession) -> Option<SessionNode> {
        or_null(ctx, api(ctx).sessions.create(caller(ctx), input).await.map(SessionNode::from))
    }

    /// Changes a session's name, its metadata, and what WhatsApp is told at each login.
    async fn update_session(&self, ctx: &Context<'_>, input: UpdateSessionInput) -> Option<SessionNode> {
        let outcome = async {
            let UpdateSessionInput { id, name, metadata, presence_on_connect } = input;
            let changes = SessionChanges { name, metadata, presence_on_connect };
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
            let PairSessionInput { id, phone_number, show_push_notification } = input;
            let phone_number = PhoneNumber::parse("phoneNumber", &phone_number)?;
            let request = PairRequest { phone_number, show_push_notification };
            Ok(api(ctx).sessions.pair(caller(ctx), &session_id(&id)?, request).await?.1.into())
        };
        or_null(ctx, outcome.await)
    }

    /// Makes a link at which somebody without a key can link one phone to this session.
    async fn create_pairing_link(&self, ctx: &Context<'_>, input: CreatePairingLinkInput) -> Option<PairingLink> {
        let outcome = async {
            let CreatePairingLinkInput { id, expires_in } = input;
            api(ctx).pairing_links.create(caller(ctx), &session_id(&id)?, expires_in).await
        };
        or_null(ctx, outcome.await)
    }

    /// Creates a key that may do no more than the one that makes it.
    async fn create_key(&self, ctx: &Context<'_>, input: CreateKeyInput) -> Option<IssuedKey> {
        let outcome = async {
            let CreateKeyInput { name, scopes, sessions, expires_at } = input;
            let sessions = sessions.map(|ids| ids.into_iter().map(|id| id.0).collect());
            api(ctx).keys.create(caller(ctx), NewKey { name, scopes, sessions, expires_at }).await
        };
        or_null(ctx, outcome.await)
    }

    /// Gives a ticket that opens one stream in place of the key, within a minute.
    ///
    /// For `EventSource`, which can send no header: it goes into the stream's address as `?ticket=`, here
    /// `/graphql/stream?query=..&ticket=..`. Who opens it again needs another ticket.
    async fn create_stream_ticket(&self, ctx: &Context<'_>) -> Option<StreamTicket> {
        or_null(ctx, api(ctx).keys.issue_ticket(caller(ctx)))
    }

    /// Revokes a key; the sockets and streams that live by it end within a second.
    async fn delete_key(&self, ctx: &Context<'_>, input: KeyInput) -> Option<Key> {
        or_null(ctx, api(ctx).keys.delete(caller(ctx), &KeyId::named(&input.id)).await)
    }

    /// Gives a key a new token; the one before works on for a while.
    async fn rotate_key(&self, ctx: &Context<'_>, input: RotateKeyInput) -> Option<IssuedKey> {
        let outcome = async {
            let RotateKeyInput { id, overlap_seconds } = input;
            api(ctx).keys.rotate(caller(ctx), &KeyId::named(&id), overlap_seconds).await
        };
        or_null(ctx, outcome.await)
    }
}
