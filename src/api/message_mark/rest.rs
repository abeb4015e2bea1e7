//! What is done with messages over REST: `/api/v1/sessions/{session_id}/messages/{message_id}/forward`, `/pin`, `/keep` and `/star`.

use std::sync::Arc;

use poem::Result;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};

use crate::api::auth::Asks;
use crate::api::body::{Optional, Required};
use crate::api::message::sent::{self, Sent};
use crate::api::reply::Ok200;
use crate::api::rest::param::{Wait, Word};
use crate::api::rest::tag::Tag;
use crate::api::services::Api;
use crate::message::action::action_types::{NewForward, NewPin, StarredMessage};
use crate::message::types::{IfOffline, MessagePlace};
use crate::session::session_id;

/// What is done with messages.
#[derive(Debug)]
pub struct MessageMarksApi;

#[OpenApi(tag = "Tag::Messages")]
impl MessageMarksApi {
    /// Forwards a message.
    ///
    /// What it says goes to somebody else as it was kept, without what it answered and whom it mentioned. A file is not uploaded again.
    /// What can be seen once only is not forwarded. It needs the scope `messages:read` as well.
    #[oai(
        path = "/sessions/:session_id/messages/:message_id/forward",
        method = "post",
        operation_id = "forwardMessage"
    )]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn forward(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The message's id.
        message_id: Path<String>,
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
        Required(what): Required<NewForward>,
    ) -> Result<Sent> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        Ok(Sent(api.messages.forward(&caller, &session, &message_id, what, options).await?))
    }

    /// Pins a message in its chat.
    ///
    /// For all who are in the chat, for 1, 7 or 30 days.
    /// It is a message of its own, which is sent as every other, with an id of its own.
    #[oai(path = "/sessions/:session_id/messages/:message_id/pin", method = "put", operation_id = "pinMessage")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn pin(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The message's id.
        message_id: Path<String>,
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
        Optional(what): Optional<NewPin>,
    ) -> Result<Sent> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        Ok(Sent(api.messages.pin(&caller, &session, &message_id, what, options).await?))
    }

    /// Unpins a message.
    ///
    /// It is a message of its own, which is sent as every other, with an id of its own.
    #[oai(path = "/sessions/:session_id/messages/:message_id/pin", method = "delete", operation_id = "unpinMessage")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn unpin(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The message's id.
        message_id: Path<String>,
        /// The chat of the message, as in a new reaction.
        chat: Query<Option<String>>,
        /// Who sent it, as in a new reaction.
        sender: Query<Option<String>>,
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
    ) -> Result<Sent> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        let what = MessagePlace { chat: chat.0, sender: sender.0 };
        Ok(Sent(api.messages.unpin(&caller, &session, &message_id, what, options).await?))
    }

    /// Keeps a message that would disappear.
    ///
    /// For all who are in the chat, whose messages must disappear.
    /// It is a message of its own, which is sent as every other, with an id of its own.
    #[oai(path = "/sessions/:session_id/messages/:message_id/keep", method = "put", operation_id = "keepMessage")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn keep(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The message's id.
        message_id: Path<String>,
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
        Optional(what): Optional<MessagePlace>,
    ) -> Result<Sent> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        Ok(Sent(api.messages.keep(&caller, &session, &message_id, (what, true), options).await?))
    }

    /// Lets a message disappear that was kept.
    ///
    /// It is a message of its own, which is sent as every other, with an id of its own.
    #[oai(path = "/sessions/:session_id/messages/:message_id/keep", method = "delete", operation_id = "unkeepMessage")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn unkeep(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The message's id.
        message_id: Path<String>,
        /// The chat of the message, as in a new reaction.
        chat: Query<Option<String>>,
        /// Who sent it, as in a new reaction.
        sender: Query<Option<String>>,
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
    ) -> Result<Sent> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        let what = MessagePlace { chat: chat.0, sender: sender.0 };
        Ok(Sent(api.messages.keep(&caller, &session, &message_id, (what, false), options).await?))
    }

    /// Stars a message.
    ///
    /// All devices of the account show that, and nobody else sees it. The session must be logged in.
    #[oai(path = "/sessions/:session_id/messages/:message_id/star", method = "put", operation_id = "starMessage")]
    async fn star(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The message's id.
        message_id: Path<String>,
        Optional(what): Optional<MessagePlace>,
    ) -> Result<Ok200<StarredMessage>> {
        let session = self::session_id(&session_id)?;
        Ok(Ok200(api.messages.star(&caller, &session, &message_id, what, true).await?))
    }

    /// Takes the star off a message.
    ///
    /// The session must be logged in.
    #[oai(path = "/sessions/:session_id/messages/:message_id/star", method = "delete", operation_id = "unstarMessage")]
    async fn unstar(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The message's id.
        message_id: Path<String>,
        /// The chat of the message, as in a new reaction.
        chat: Query<Option<String>>,
        /// Who sent it, as in a new reaction.
        sender: Query<Option<String>>,
    ) -> Result<Ok200<StarredMessage>> {
        let (session, what) = (self::session_id(&session_id)?, MessagePlace { chat: chat.0, sender: sender.0 });
        Ok(Ok200(api.messages.star(&caller, &session, &message_id, what, false).await?))
    }
}
