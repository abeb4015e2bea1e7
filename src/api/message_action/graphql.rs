//! What is done to messages in the graph.

use async_graphql::{Context, ID, InputObject, Object};

use crate::api::graphql::resolver::{api, caller, or_null};
use crate::api::message::graphql::Sending;
use crate::message::types::{Message, MessagePlace, NewEdit, NewReaction};
use crate::session::session_id;

/// What can be done to messages.
#[derive(Default)]
pub struct MessageActionMutation;

/// A reaction to a message, and how it is to be sent.
#[derive(InputObject)]
pub struct ReactToMessageInput {
    /// The session's id.
    session_id: ID,
    /// The message's id.
    id: ID,
    #[graphql(flatten)]
    reaction: NewReaction,
    #[graphql(flatten)]
    sending: Sending,
}

/// Which message, and how what is done to it is to be sent.
#[derive(InputObject)]
pub struct ChangeMessageInput {
    /// The session's id.
    pub(in crate::api) session_id: ID,
    /// The message's id.
    pub(in crate::api) id: ID,
    #[graphql(flatten)]
    pub(in crate::api) place: MessagePlace,
    #[graphql(flatten)]
    pub(in crate::api) sending: Sending,
}

/// Another text for a message, and how it is to be sent.
#[derive(InputObject)]
pub struct EditMessageInput {
    /// The session's id.
    session_id: ID,
    /// The message's id.
    id: ID,
    #[graphql(flatten)]
    edit: NewEdit,
    #[graphql(flatten)]
    sending: Sending,
}

/// What can be done to messages. Each mutation takes one `input` and answers with the message that is sent for it.
#[Object(name = "MessageActionMutations")]
impl MessageActionMutation {
    /// Reacts to a message.
    ///
    /// The account has one reaction to each message: a new one takes the place of the one before.
    /// It is a message of its own, which is sent as every other, with an id of its own.
    async fn react_to_message(&self, ctx: &Context<'_>, input: ReactToMessageInput) -> Option<Message> {
        let ReactToMessageInput { session_id, id, reaction, sending } = input;
        let outcome = async {
            let (session, options) = (self::session_id(&session_id)?, sending.options()?);
            Ok(api(ctx).messages.react(caller(ctx), &session, &id, reaction, options).await?.message)
        };
        or_null(ctx, outcome.await)
    }

    /// Takes the account's reaction to a message back.
    ///
    /// It is a message of its own, which is sent as every other, with an id of its own.
    async fn remove_reaction(&self, ctx: &Context<'_>, input: ChangeMessageInput) -> Option<Message> {
        let ChangeMessageInput { session_id, id, place, sending } = input;
        let outcome = async {
            let (session, options) = (self::session_id(&session_id)?, sending.options()?);
            Ok(api(ctx).messages.remove_reaction(caller(ctx), &session, &id, place, options).await?.message)
        };
        or_null(ctx, outcome.await)
    }

    /// Gives a text of the account another wording.
    ///
    /// Within 15 minutes after it was sent: later phones do not take it.
    /// It is a message of its own, which is sent as every other, with an id of its own, and expires when those minutes are over.
    async fn edit_message(&self, ctx: &Context<'_>, input: EditMessageInput) -> Option<Message> {
        let EditMessageInput { session_id, id, edit, sending } = input;
        let outcome = async {
            let (session, options) = (self::session_id(&session_id)?, sending.options()?);
            Ok(api(ctx).messages.edit(caller(ctx), &session, &id, edit, options).await?.message)
        };
        or_null(ctx, outcome.await)
    }

    /// Removes a message of the account for everybody.
    ///
    /// In a group of which the account is an admin, it may also be one that somebody else sent.
    /// Within 2 days after it was sent: later phones do not take it.
    /// It is a message of its own, which is sent as every other, with an id of its own.
    async fn revoke_message(&self, ctx: &Context<'_>, input: ChangeMessageInput) -> Option<Message> {
        let ChangeMessageInput { session_id, id, place, sending } = input;
        let outcome = async {
            let (session, options) = (self::session_id(&session_id)?, sending.options()?);
            Ok(api(ctx).messages.revoke(caller(ctx), &session, &id, place, options).await?.message)
        };
        or_null(ctx, outcome.await)
    }
}
