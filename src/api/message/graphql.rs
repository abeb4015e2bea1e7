//! Messages in the graph.

use std::time::Duration;

use async_graphql::connection::{Connection, Edge, EmptyFields};
use async_graphql::{Context, ID, InputObject, Object};
use entity::words::outgoing::{Direction, MessageStatus};

use crate::api::graphql::resolver::{PAGE_DEFAULT, api, caller, or_null};
use crate::api::rest::param::Wait;
use crate::error::{Error, Result};
use crate::message::file::file_types::MessageFileInfo;
use crate::message::receipt::receipt_types::{MessageReceipt, ReceiptSlice, ReceiptWithCursor};
use crate::message::types::{
    IfOffline, Limits, Message, MessageFilter, MessageSlice, MessageWithCursor, NewMessage, SendOptions,
};
use crate::session::session_id;

/// What can be asked about messages.
#[derive(Default)]
pub struct MessageQuery;

/// What can be done with messages.
#[derive(Default)]
pub struct MessageMutation;

type MessageConnection = Connection<String, Message, EmptyFields, EmptyFields>;
type MessageReceiptConnection = Connection<String, MessageReceipt, EmptyFields, EmptyFields>;

/// A message that is to be sent, and how.
#[derive(InputObject)]
pub struct SendMessageInput {
    /// The session's id.
    session_id: ID,
    #[graphql(flatten)]
    message: NewMessage,
    #[graphql(flatten)]
    sending: Sending,
}

/// How a message is to be sent.
#[derive(InputObject)]
#[graphql(name = "SendingInput")]
pub struct Sending {
    /// How long to wait for WhatsApp's answer, seconds, 0 to 60; 20 when absent.
    wait: Option<u32>,
    /// What to do while the session is not logged in; `QUEUE` when absent.
    if_offline: Option<IfOffline>,
    /// Your key for this request, 1 to 255 characters: the same request with the same key is the same message.
    idempotency_key: Option<String>,
}

impl Sending {
    /// The same, if it keeps the rules.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn options(self) -> Result<SendOptions> {
        let Self { wait, if_offline, idempotency_key } = self;
        let wait = wait.unwrap_or(Wait::DEFAULT);
        if wait > Wait::MAX {
            return Err(Error::invalid("wait", format!("must be from 0 to {}", Wait::MAX)));
        }
        let (wait, if_offline) = (Duration::from_secs(wait.into()), if_offline.unwrap_or(IfOffline::Queue));
        Ok(SendOptions { wait, if_offline, idempotency_key })
    }
}

/// Which message.
#[derive(InputObject)]
pub struct MessageInput {
    /// The session's id.
    session_id: ID,
    /// The message's id.
    id: ID,
}

/// Which messages.
#[derive(Default, InputObject)]
#[graphql(name = "MessageFilter")]
pub struct Filter {
    /// Only those in this chat: a phone number, or a JID. A person's chat is one by number and by LID.
    chat: Option<String>,
    /// Only those of which this is known.
    status: Option<MessageStatus>,
    /// Only those that went there.
    direction: Option<Direction>,
}

impl From<Filter> for MessageFilter {
    fn from(filter: Filter) -> Self {
        let Filter { chat, status, direction } = filter;
        Self { chat, status, direction }
    }
}

/// What can be asked about messages.
#[Object(name = "MessageQueries")]
impl MessageQuery {
    /// Lists the messages of a session, newest first.
    ///
    /// Those that came and those that went, from whichever device of the account.
    #[graphql(complexity = "first.unwrap_or(PAGE_DEFAULT).min(100) as usize * child_complexity")]
    async fn messages(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session's id.")] session_id: ID,
        #[graphql(desc = "The first so many, 1 to 100; 50 when absent. Fewer if large.")] first: Option<u32>,
        #[graphql(desc = "Only those behind this cursor, of the same filter.")] after: Option<String>,
        #[graphql(desc = "Which messages; all when absent.")] filter: Option<Filter>,
    ) -> Option<MessageConnection> {
        let outcome = async {
            let session = self::session_id(&session_id)?;
            let (filter, size) = (filter.unwrap_or_default().into(), ("first", first.unwrap_or(PAGE_DEFAULT)));
            let slice = api(ctx).messages.slice(caller(ctx), &session, filter, size, after).await?;
            let MessageSlice { items, has_next } = slice;
            let mut connection = Connection::new(false, has_next);
            let edges = items.into_iter().map(|MessageWithCursor { message, cursor }| Edge::new(cursor, message));
            connection.edges.extend(edges);
            Ok(connection)
        };
        or_null(ctx, outcome.await)
    }

    /// Shows one message.
    async fn message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session's id.")] session_id: ID,
        #[graphql(desc = "The message's id.")] id: ID,
    ) -> Option<Message> {
        let outcome = async { api(ctx).messages.find(caller(ctx), &self::session_id(&session_id)?, &id).await };
        or_null(ctx, outcome.await)
    }

    /// Shows the file of a message.
    ///
    /// What is known of it: nothing is fetched. Its bytes are at `/api/v1/sessions/{sessionId}/messages/{id}/media`.
    async fn message_media(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session's id.")] session_id: ID,
        #[graphql(desc = "The message's id.")] id: ID,
    ) -> Option<MessageFileInfo> {
        let outcome = async {
            let found = api(ctx).messages.file(caller(ctx), &self::session_id(&session_id)?, &id).await?;
            Ok(found.info)
        };
        or_null(ctx, outcome.await)
    }

    /// Lists who got, read and played a message.
    ///
    /// Each person once, with the moments that WhatsApp told. What is not told may have happened all the same.
    /// Nobody, if the message came in or a phone sent it. Only messages that were sent through this API are followed.
    #[graphql(complexity = "first.unwrap_or(PAGE_DEFAULT).min(100) as usize * child_complexity")]
    async fn message_receipts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session's id.")] session_id: ID,
        #[graphql(desc = "The message's id.")] id: ID,
        #[graphql(desc = "The first so many, 1 to 100; 50 when absent.")] first: Option<u32>,
        #[graphql(desc = "Only those behind this cursor.")] after: Option<String>,
    ) -> Option<MessageReceiptConnection> {
        let outcome = async {
            let (session, size) = (self::session_id(&session_id)?, ("first", first.unwrap_or(PAGE_DEFAULT)));
            let slice = api(ctx).messages.receipt_slice(caller(ctx), &session, &id, size, after).await?;
            let ReceiptSlice { items, has_next } = slice;
            let mut connection = Connection::new(false, has_next);
            let edges = items.into_iter().map(|ReceiptWithCursor { receipt, cursor }| Edge::new(cursor, receipt));
            connection.edges.extend(edges);
            Ok(connection)
        };
        or_null(ctx, outcome.await)
    }

    /// Shows what holds the messages of a session up.
    ///
    /// How many wait, how fast they are sent, and what WhatsApp keeps the account from.
    /// WhatsApp is asked when what it said last is older than five minutes and the session is logged in. Otherwise that is shown.
    async fn limits(&self, ctx: &Context<'_>, #[graphql(desc = "The session's id.")] session_id: ID) -> Option<Limits> {
        let outcome = async { api(ctx).messages.limits(caller(ctx), &self::session_id(&session_id)?).await };
        or_null(ctx, outcome.await)
    }
}

/// What can be done with messages. Each mutation takes one `input` and answers with the message.
#[Object(name = "MessageMutations")]
impl MessageMutation {
    /// Sends a message.
    ///
    /// It is written down before it is sent, and is sent once, whatever happens meanwhile.
    /// Waits for WhatsApp's answer: `status` says whether WhatsApp has it. Then `message_status` events tell what becomes of it.
    /// The same request with the same `idempotencyKey` or `clientReference` is the same message.
    /// The file of a message is uploaded before it has its turn, and the wait covers that.
    /// A message that is asked for later in the same chat may be sent before it.
    async fn send_message(&self, ctx: &Context<'_>, input: SendMessageInput) -> Option<Message> {
        let outcome = async {
            let SendMessageInput { session_id, message, sending } = input;
            let (session, options) = (self::session_id(&session_id)?, sending.options()?);
            Ok(api(ctx).messages.send(caller(ctx), &session, message, options).await?.message)
        };
        or_null(ctx, outcome.await)
    }

    /// Takes a message back that waits to be sent.
    ///
    /// It is kept as `CANCELLED`. What is on its way cannot be taken back.
    async fn cancel_message(&self, ctx: &Context<'_>, input: MessageInput) -> Option<Message> {
        let MessageInput { session_id, id } = input;
        let outcome = async { api(ctx).messages.cancel(caller(ctx), &self::session_id(&session_id)?, &id).await };
        or_null(ctx, outcome.await)
    }

    /// Sends a message again that failed, has expired or was cancelled.
    ///
    /// It is the same message, with the same id: who has it already does not get it twice.
    async fn retry_message(&self, ctx: &Context<'_>, input: MessageInput) -> Option<Message> {
        let MessageInput { session_id, id } = input;
        let outcome = async { api(ctx).messages.retry(caller(ctx), &self::session_id(&session_id)?, &id).await };
        or_null(ctx, outcome.await)
    }
}
