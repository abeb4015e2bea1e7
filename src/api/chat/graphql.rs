//! Chats in the graph.

use async_graphql::{Context, ID, InputObject, Object};

use crate::api::graphql::resolver::{api, caller, or_null};
use crate::api::message::graphql::Sending;
use crate::message::action::action_types::{DefaultTimer, NewTimer, TimerOfChat};
use crate::message::types::{ChatTyping, NewTyping, ReadMessages, ReadRequest};
use crate::session::session_id;
use crate::session::types::{NewPresence, Presence};

/// What can be told in chats.
#[derive(Default)]
pub struct ChatMutation;

/// Which messages of which chat were read.
#[derive(InputObject)]
pub struct MarkMessagesReadInput {
    /// The session's id.
    session_id: ID,
    /// The chat: a phone number, or a JID. A person's chat is one by number and by LID.
    chat_id: ID,
    #[graphql(flatten)]
    request: ReadRequest,
}

/// What somebody does in which chat.
#[derive(InputObject)]
pub struct SendTypingInput {
    /// The session's id.
    session_id: ID,
    /// The chat: a phone number, or a JID. A person's chat is one by number and by LID.
    chat_id: ID,
    #[graphql(flatten)]
    typing: NewTyping,
}

/// After how long messages of which chat disappear, and how that is to be told.
#[derive(InputObject)]
pub struct SetChatTimerInput {
    /// The session's id.
    session_id: ID,
    /// The chat: a phone number, or a JID. A person's chat is one by number and by LID.
    chat_id: ID,
    #[graphql(flatten)]
    timer: NewTimer,
    #[graphql(flatten)]
    sending: Sending,
}

/// After how long messages disappear in chats that begin.
#[derive(InputObject)]
pub struct SetDefaultTimerInput {
    /// The session's id.
    session_id: ID,
    #[graphql(flatten)]
    timer: NewTimer,
}

/// Whether somebody is to be seen to use which account.
#[derive(InputObject)]
pub struct SetPresenceInput {
    /// The session's id.
    session_id: ID,
    #[graphql(flatten)]
    presence: NewPresence,
}

/// What can be told in chats. Each mutation takes one `input` and answers with what WhatsApp was told.
#[Object(name = "ChatMutations")]
impl ChatMutation {
    /// Marks messages of a chat as read.
    ///
    /// Those that are named, or all that came among the newest of the chat.
    /// Whether their senders learn it is for the account's privacy settings to say.
    async fn mark_messages_read(&self, ctx: &Context<'_>, input: MarkMessagesReadInput) -> Option<ReadMessages> {
        let MarkMessagesReadInput { session_id, chat_id, request } = input;
        let outcome = async {
            let session = self::session_id(&session_id)?;
            api(ctx).messages.mark_read(caller(ctx), &session, &chat_id, request).await
        };
        or_null(ctx, outcome.await)
    }

    /// Shows in a chat that somebody types or records, or stopped.
    ///
    /// Phones show it only while the account is available.
    async fn send_typing(&self, ctx: &Context<'_>, input: SendTypingInput) -> Option<ChatTyping> {
        let SendTypingInput { session_id, chat_id, typing } = input;
        let outcome = async {
            let session = self::session_id(&session_id)?;
            api(ctx).messages.show_typing(caller(ctx), &session, &chat_id, typing).await
        };
        or_null(ctx, outcome.await)
    }

    /// Sets after how long messages of a chat disappear.
    ///
    /// In a chat of two the other person is told by a message, which is sent as every other: what is sent keeps to the timer once
    /// WhatsApp has it. In a group WhatsApp is asked, so the session must be logged in, and the account may have to be an admin.
    async fn set_chat_timer(&self, ctx: &Context<'_>, input: SetChatTimerInput) -> Option<TimerOfChat> {
        let SetChatTimerInput { session_id, chat_id, timer, sending } = input;
        let outcome = async {
            let (session, options) = (self::session_id(&session_id)?, sending.options()?);
            api(ctx).messages.set_chat_timer(caller(ctx), &session, &chat_id, timer, options).await
        };
        or_null(ctx, outcome.await)
    }

    /// Sets after how long messages disappear in chats that begin.
    ///
    /// Chats that there are keep theirs. The session must be logged in.
    async fn set_default_timer(&self, ctx: &Context<'_>, input: SetDefaultTimerInput) -> Option<DefaultTimer> {
        let SetDefaultTimerInput { session_id, timer } = input;
        let outcome =
            async { api(ctx).messages.set_default_timer(caller(ctx), &self::session_id(&session_id)?, timer).await };
        or_null(ctx, outcome.await)
    }

    /// Shows whether somebody uses the account.
    ///
    /// Until the next login, at which `presenceOnConnect` of the session says it. While somebody does, the phone is silent.
    async fn set_presence(&self, ctx: &Context<'_>, input: SetPresenceInput) -> Option<Presence> {
        let SetPresenceInput { session_id, presence } = input;
        let outcome =
            async { api(ctx).sessions.set_presence(caller(ctx), &self::session_id(&session_id)?, presence).await };
        or_null(ctx, outcome.await)
    }
}
