//! Messages over REST: `/api/v1/sessions/{session_id}/messages`.

use std::sync::Arc;
use std::time::Duration;

use entity::words::outgoing::{Direction, MessageStatus};
use poem::http::{HeaderValue, StatusCode, header};
use poem::web::Data;
use poem::{IntoResponse, Response, Result};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::registry::{MetaHeader, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type as _;
use poem_openapi::{ApiResponse, OpenApi};

use crate::api::auth::Asks;
use crate::api::body::{Nothing, Required};
use crate::api::error::Problem;
use crate::api::reply::{Ok200, json, responses};
use crate::api::rest::param::{Limit, Wait, Word};
use crate::api::rest::tag::Tag;
use crate::api::services::Api;
use crate::message::types::{Accepted, IfOffline, Message, MessageFilter, MessagePage, NewMessage, SendOptions};
use crate::session::session_id;

/// The word of the header `Prefer` that asks for no wait (RFC 7240).
const RESPOND_ASYNC: &str = "respond-async";
/// The header that says that the same was asked for before.
const REPLAYED: &str = "idempotent-replayed";

/// A message that was accepted: 201 when WhatsApp has it, 202 when it does not have it yet.
pub struct Sent(Accepted);

impl IntoResponse for Sent {
    fn into_response(self) -> Response {
        let Self(accepted) = self;
        let status = if accepted.is_sent() { StatusCode::CREATED } else { StatusCode::ACCEPTED };
        let Accepted { message, is_replayed } = accepted;
        let location = format!("/api/v1/sessions/{}/messages/{}", message.session_id, message.id);
        let mut response = Ok200(message).into_response();
        response.set_status(status);
        if let Ok(location) = HeaderValue::from_str(&location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        if is_replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

impl ApiResponse for Sent {
    fn meta() -> MetaResponses {
        let header = |name: &str, description: &str, required, schema| MetaHeader {
            name: name.to_owned(),
            description: Some(description.to_owned()),
            required,
            deprecated: false,
            schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new(schema))),
        };
        let headers = || {
            vec![
                header("Location", "Where the message is.", true, "string"),
                header("Idempotent-Replayed", "True when the same was asked for before.", false, "boolean"),
            ]
        };
        let of = |status, description| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![json::<Message>()],
            headers: headers(),
        };
        let mut all = responses(201, "WhatsApp has it.", vec![json::<Message>()]);
        all.responses[0].headers = headers();
        all.responses.insert(1, of(202, "It is kept, and will be sent: WhatsApp does not have it yet."));
        all
    }

    fn register(registry: &mut Registry) {
        Message::register(registry);
        Problem::register(registry);
    }
}

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
        Required(new): Required<NewMessage>,
    ) -> Result<Sent> {
        let is_async = prefer.0.is_some_and(|text| text.split([',', ';']).any(|word| word.trim() == RESPOND_ASYNC));
        let wait = wait.0.map_or(Wait::DEFAULT, |Wait(seconds)| seconds);
        let options = SendOptions {
            wait: if is_async { Duration::ZERO } else { Duration::from_secs(wait.into()) },
            if_offline: if_offline.0.map_or(IfOffline::Queue, |Word(word)| word),
            idempotency_key: idempotency_key.0,
        };
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
        /// Only those behind this cursor, a `next_cursor` of an earlier list.
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
}
