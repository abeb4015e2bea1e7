//! Polls and events in the graph.

use async_graphql::{Context, ID, InputObject, Object};

use crate::api::graphql::resolver::{api, caller, or_null};
use crate::api::message::graphql::Sending;
use crate::message::action::action_types::{NewAttendance, NewVote};
use crate::message::types::Message;
use crate::message::view::vote_types::MessageVotes;
use crate::session::session_id;

/// What can be asked about polls.
#[derive(Default)]
pub struct PollQuery;

/// What can be answered to polls and events.
#[derive(Default)]
pub struct PollMutation;

/// A vote in a poll, and how it is to be sent.
#[derive(InputObject)]
pub struct VoteInput {
    /// The session's id.
    session_id: ID,
    /// The message's id.
    id: ID,
    #[graphql(flatten)]
    vote: NewVote,
    #[graphql(flatten)]
    sending: Sending,
}

/// Whether the account comes to an event, and how that is to be sent.
#[derive(InputObject)]
pub struct SetAttendanceInput {
    /// The session's id.
    session_id: ID,
    /// The message's id.
    id: ID,
    #[graphql(flatten)]
    attendance: NewAttendance,
    #[graphql(flatten)]
    sending: Sending,
}

/// What can be asked about polls.
#[Object(name = "PollQueries")]
impl PollQuery {
    /// Shows the votes in a poll.
    ///
    /// By the last vote of each person, with those that came while the session was away, and with the account's own.
    /// Of polls that the account asked, and of those of others.
    async fn message_votes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session's id.")] session_id: ID,
        #[graphql(desc = "The message's id.")] id: ID,
    ) -> Option<MessageVotes> {
        let outcome = async { api(ctx).messages.votes(caller(ctx), &self::session_id(&session_id)?, &id).await };
        or_null(ctx, outcome.await)
    }
}

/// What can be answered to polls and events. Each mutation takes one `input` and answers with the message that is sent for it.
#[Object(name = "PollMutations")]
impl PollMutation {
    /// Votes in a poll.
    ///
    /// The account has one vote in each poll: a new one takes the place of the one before, and one without options takes it back.
    /// It is a message of its own, which is sent as every other, with an id of its own.
    async fn vote(&self, ctx: &Context<'_>, input: VoteInput) -> Option<Message> {
        let VoteInput { session_id, id, vote, sending } = input;
        let outcome = async {
            let (session, options) = (self::session_id(&session_id)?, sending.options()?);
            Ok(api(ctx).messages.vote(caller(ctx), &session, &id, vote, options).await?.message)
        };
        or_null(ctx, outcome.await)
    }

    /// Says whether the account comes to an event.
    ///
    /// A new answer takes the place of the one before.
    /// It is a message of its own, which is sent as every other, with an id of its own.
    async fn set_attendance(&self, ctx: &Context<'_>, input: SetAttendanceInput) -> Option<Message> {
        let SetAttendanceInput { session_id, id, attendance, sending } = input;
        let outcome = async {
            let (session, options) = (self::session_id(&session_id)?, sending.options()?);
            Ok(api(ctx).messages.set_attendance(caller(ctx), &session, &id, attendance, options).await?.message)
        };
        or_null(ctx, outcome.await)
    }
}
