//! What is done with messages in the graph.

use async_graphql::{Context, ID, InputObject, Object};

use crate::api::graphql::resolver::{api, caller, or_null};
use crate::api::message::graphql::Sending;
use crate::api::message_action::graphql::ChangeMessageInput;
use crate::message::action::action_types::{NewForward, NewPin, StarredMessage};
use crate::message::types::{Message, MessagePlace};
use crate::session::session_id;

/// What can be done with messages.
#[derive(Default)]
pub struct MessageMarkMutation;

/// To whom a message is forwarded, and how that is to be sent.
#[derive(InputObject)]
pub struct ForwardMessageInput {
    /// The session's id.
    session_id: ID,
    /// The message's id.
    id: ID,
    #[graphql(flatten)]
    forward: NewForward,
    #[graphql(flatten)]
    sending: Sending,
}

/// A message that is to be pinned, and how that is to be sent.
#[derive(InputObject)]
pub struct PinMessageInput {
    /// The session's id.
    session_id: ID,
    /// The message's id.
    id: ID,
    #[graphql(flatten)]
    pin: NewPin,
    #[graphql(flatten)]
    sending: Sending,
}

/// Which message is starred.
#[derive(InputObject)]
pub struct StarMessageInput {
    /// The session's id.
    session_id: ID,
    /// The message's id.
    id: ID,
    #[graphql(flatten)]
    place: MessagePlace,
}

/// What can be done with messages. Each mutation takes one `input`, and answers with the message that is sent for it, or with what it
/// changed.
#[Object(name = "MessageMarkMutations")]
impl MessageMarkMutation {
    /// Forwards a message.
    ///
    /// What it says goes to somebody else as it was kept, without what it answered and whom it mentioned. A file is not uploaded again.
    /// What can be seen once only is not forwarded. It needs the scope `messages:read` as well.
    async fn forward_message(&self, ctx: &Context<'_>, input: ForwardMessageInput) -> Option<Message> {
        let ForwardMessageInput { session_id, id, forward, sending } = input;
        let outcome = async {
            let (session, options) = (self::session_id(&session_id)?, sending.options()?);
            Ok(api(ctx).messages.forward(caller(ctx), &session, &id, forward, options).await?.message)
        };
        or_null(ctx, outcome.await)
    }

    /// Pins a message in its chat.
    ///
    /// For all who are in the chat, for 1, 7 or 30 days.
    /// It is a message of its own, which is sent as every other, with an id of its own.
    async fn pin_message(&self, ctx: &Context<'_>, input: PinMessageInput) -> Option<Message> {
        let PinMessageInput { session_id, id, pin, sending } = input;
        let outcome = async {
            let (session, options) = (self::session_id(&session_id)?, sending.options()?);
            Ok(api(ctx).messages.pin(caller(ctx), &session, &id, pin, options).await?.message)
        };
        or_null(ctx, outcome.await)
    }

    /// Unpins a message.
    ///
    /// It is a message of its own, which is sent as every other, with an id of its own.
    async fn unpin_message(&self, ctx: &Context<'_>, input: ChangeMessageInput) -> Option<Message> {
        let ChangeMessageInput { session_id, id, place, sending } = input;
        let outcome = async {
            let (session, options) = (self::session_id(&session_id)?, sending.options()?);
            Ok(api(ctx).messages.unpin(caller(ctx), &session, &id, place, options).await?.message)
        };
        or_null(ctx, outcome.await)
    }

    /// Keeps a message that would disappear.
    ///
    /// For all who are in the chat, whose messages must disappear.
    /// It is a message of its own, which is sent as every other, with an id of its own.
    async fn keep_message(&self, ctx: &Context<'_>, input: ChangeMessageInput) -> Option<Message> {
        let ChangeMessageInput { session_id, id, place, sending } = input;
        let outcome = async {
            let (session, options) = (self::session_id(&session_id)?, sending.options()?);
            Ok(api(ctx).messages.keep(caller(ctx), &session, &id, (place, true), options).await?.message)
        };
        or_null(ctx, outcome.await)
    }

    /// Lets a message disappear that was kept.
    ///
    /// It is a message of its own, which is sent as every other, with an id of its own.
    async fn unkeep_message(&self, ctx: &Context<'_>, input: ChangeMessageInput) -> Option<Message> {
        let ChangeMessageInput { session_id, id, place, sending } = input;
        let outcome = async {
            let (session, options) = (self::session_id(&session_id)?, sending.options()?);
            Ok(api(ctx).messages.keep(caller(ctx), &session, &id, (place, false), options).await?.message)
        };
        or_null(ctx, outcome.await)
    }

    /// Stars a message.
    ///
    /// All devices of the account show that, and nobody else sees it. The session must be logged in.
    async fn star_message(&self, ctx: &Context<'_>, input: StarMessageInput) -> Option<StarredMessage> {
        let StarMessageInput { session_id, id, place } = input;
        let outcome = async {
            let session = self::session_id(&session_id)?;
            api(ctx).messages.star(caller(ctx), &session, &id, place, true).await
        };
        or_null(ctx, outcome.await)
    }

    /// Takes the star off a message.
    ///
    /// The session must be logged in.
    async fn unstar_message(&self, ctx: &Context<'_>, input: StarMessageInput) -> Option<StarredMessage> {
        let StarMessageInput { session_id, id, place } = input;
        let outcome = async {
            let session = self::session_id(&session_id)?;
            api(ctx).messages.star(caller(ctx), &session, &id, place, false).await
        };
        or_null(ctx, outcome.await)
    }
}
