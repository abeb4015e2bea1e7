//! Messages over REST: `/api/v1/sessions/{session_id}/messages`.

use std::sync::Arc;

use entity::words::outgoing::{Direction, MessageStatus};
use poem::Result;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};

use crate::api::auth::Asks;
use crate::api::body::{Nothing, WithFile};
use crate::api::message::file::{FileReply, Wants};
use crate::api::message::sent::{self, Sent};
use crate::api::reply::Ok200;
use crate::api::rest::param::{Limit, Wait, Word};
use crate::api::rest::tag::Tag;
use crate::api::services::Api;
use crate::message::receipt::receipt_types::MessageReceiptPage;
use crate::message::types::{IfOffline, Limits, Message, MessageFilter, MessagePage, NewMessage};
use crate::session::session_id;

/// `/api/v1/sessions/{session_id}/messages`.
#[derive(Debug)]
pub struct MessagesApi;

#[OpenApi(tag = "Tag::Messages")]
impl MessagesApi {
    /// Sends a message.
    ///
    /// It is written down before it is sent, and is sent once, whatever happens meanwhile. Waits for WhatsApp's answer: 201 when
    /// WhatsApp has it, 202 when it does not have it yet; what becomes of it then is told by `message_status` events.
    /// The same request with the same `Idempotency-Key` or `client_reference` is the same message.
    /// The file of a message is uploaded before it has its turn, and the wait covers that.
    /// A message that is asked for later in the same chat may be sent before it.
    #[oai(path = "/sessions/:session_id/messages", method = "post", operation_id = "sendMessage")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn send(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// How long to wait for WhatsApp's answer, seconds, 0 to 60; 20 when absent.
        wait: Query<Option<Wait>>,
        /// What to do while the session is not logged in; `queue` when absent.
        if_offline: Query<Option<Word<IfOffline>>>,
        /// Your key for this request, 1 to 255 characters.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        /// `respond-async` does not wait for WhatsApp's answer.
        #[oai(name = "Prefer")]
        prefer: Header<Option<String>>,
        WithFile(new): WithFile<NewMessage>,
    ) -> Result<Sent> {
        let options = sent::options(wait, if_offline, idempotency_key, prefer);
        Ok(Sent(api.messages.send(&caller, &self::session_id(&session_id)?, new, options).await?))
    }

    /// Lists the messages of a session, newest first.
    ///
    /// Those that came and those that went, from whichever device of the account.
    #[oai(path = "/sessions/:session_id/messages", method = "get", operation_id = "listMessages")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn list(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// Only those in this chat: a phone number, or a JID. A person's chat is one by number and by LID.
        chat: Query<Option<String>>,
        /// Only those of which this is known.
        status: Query<Option<Word<MessageStatus>>>,
        /// Only those that went there.
        direction: Query<Option<Word<Direction>>>,
        /// At most this many, 1 to 100; 100 when absent. Fewer when they are large: 4 MiB end a page.
        limit: Query<Option<Limit>>,
        /// Only those behind this cursor, a `next_cursor` of an earlier list with the same filters.
        after: Query<Option<String>>,
    ) -> Result<Ok200<MessagePage>> {
        let filter = MessageFilter {
            chat: chat.0,
            status: status.0.map(|Word(status)| status),
            direction: direction.0.map(|Word(direction)| direction),
        };
        let (id, limit) = (self::session_id(&session_id)?, limit.0.map(|Limit(limit)| limit));
        Ok(Ok200(api.messages.list(&caller, &id, filter, limit, after.0).await?))
    }

    /// Shows one message.
    #[oai(path = "/sessions/:session_id/messages/:message_id", method = "get", operation_id = "getMessage")]
    async fn find(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The message's id.
        message_id: Path<String>,
    ) -> Result<Ok200<Message>> {
        Ok(Ok200(api.messages.find(&caller, &self::session_id(&session_id)?, &message_id).await?))
    }

    /// Shows the file of a message.
    ///
    /// The bytes, in the type that they are; a single `Range` of them if that is asked for, and nothing with `If-None-Match` if the client
    /// has them. What is not in the store of this server is fetched from WhatsApp first and checked; a file that WhatsApp does not have any
    /// more is asked for at the phone. After 60 s that is `upstream_timeout`, and goes on: ask again.
    /// `HEAD` fetches nothing: `File-State` says whether the file is `stored` here, `Content-Length` how large it is.
    #[oai(path = "/sessions/:session_id/messages/:message_id/media", method = "get", operation_id = "getMessageMedia")]
    async fn media(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        wants: Wants,
        /// The session's id.
        session_id: Path<String>,
        /// The message's id.
        message_id: Path<String>,
    ) -> Result<FileReply> {
        let found = api.messages.file(&caller, &self::session_id(&session_id)?, &message_id).await?;
        let info = found.info.clone();
        let is_known = info.sha256.as_deref().is_some_and(|sha256| wants.has(sha256));
        let opened = if wants.head_only || is_known { None } else { Some(api.messages.open_file(found).await?) };
        Ok(FileReply { info, opened, wants })
    }

    /// Lists who got, read and played a message.
    ///
    /// Each person once, with the moments that WhatsApp told. What is not told may have happened all the same.
    /// Nobody, if the message came in or a phone sent it. Only messages that were sent through this API are followed.
    #[oai(
        path = "/sessions/:session_id/messages/:message_id/receipts",
        method = "get",
        operation_id = "listMessageReceipts"
    )]
    async fn receipts(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The message's id.
        message_id: Path<String>,
        /// At most this many, 1 to 100; 100 when absent.
        limit: Query<Option<Limit>>,
        /// Only those behind this cursor, a `next_cursor` of an earlier list.
        after: Query<Option<String>>,
    ) -> Result<Ok200<MessageReceiptPage>> {
        let (id, limit) = (self::session_id(&session_id)?, limit.0.map(|Limit(limit)| limit));
        Ok(Ok200(api.messages.receipts(&caller, &id, &message_id, limit, after.0).await?))
    }

    /// Takes a message back that waits to be sent.
    ///
    /// It is kept as `cancelled`. What is on its way cannot be taken back.
    #[oai(path = "/sessions/:session_id/messages/:message_id", method = "delete", operation_id = "cancelMessage")]
    async fn cancel(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The message's id.
        message_id: Path<String>,
    ) -> Result<Ok200<Message>> {
        Ok(Ok200(api.messages.cancel(&caller, &self::session_id(&session_id)?, &message_id).await?))
    }

    /// Sends a message again that failed, has expired or was cancelled.
    ///
    /// It is the same message, with the same id: who has it already does not get it twice.
    #[oai(path = "/sessions/:session_id/messages/:message_id/retry", method = "post", operation_id = "retryMessage")]
    async fn retry(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        _body: Nothing,
        /// The session's id.
        session_id: Path<String>,
        /// The message's id.
        message_id: Path<String>,
    ) -> Result<Ok200<Message>> {
        Ok(Ok200(api.messages.retry(&caller, &self::session_id(&session_id)?, &message_id).await?))
    }

    /// Shows what holds the messages of a session up.
    ///
    /// How many wait, how fast they are sent, and what WhatsApp keeps the account from.
    /// WhatsApp is asked when what it said last is older than five minutes and the session is logged in. Otherwise that is shown.
    #[oai(path = "/sessions/:session_id/limits", method = "get", operation_id = "getLimits")]
    async fn limits(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
    ) -> Result<Ok200<Limits>> {
        Ok(Ok200(api.messages.limits(&caller, &self::session_id(&session_id)?).await?))
    }
}
