//! What is sent that has no file, and what is done with it, under the paths of the contract, over REST.

use std::sync::Arc;

use poem::Result;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};

use crate::api::alias::body::name_in_action;
use crate::api::alias::kind::body::{ContactBody, ForwardBody, LocationBody, PinBody, PollBody, VoteBody};
use crate::api::alias::reply::{ActionAccepted, TextAccepted};
use crate::api::auth::Asks;
use crate::api::body::Required;
use crate::api::message::sent;
use crate::api::rest::param::{Wait, Word};
use crate::api::rest::tag::Tag;
use crate::api::services::Api;
use crate::message::types::IfOffline;
use crate::session::session_id;

/// What is sent that has no file, under the paths of the contract.
#[derive(Debug)]
pub struct KindAliasesApi;

#[OpenApi(tag = "Tag::Aliases")]
impl KindAliasesApi {
    /// Sends a place.
    ///
    /// Alias of `sendMessage`.
    #[oai(path = "/sessions/:session_id/messages/location", method = "post", operation_id = "sendLocation")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn location(
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
        Required(body): Required<LocationBody>,
    ) -> Result<TextAccepted> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        let accepted = api.messages.send(&caller, &session, body.message()?, options).await;
        Ok(TextAccepted(accepted.map_err(|error| error.renamed(LocationBody::name))?))
    }

    /// Sends contacts.
    ///
    /// Alias of `sendMessage`.
    #[oai(path = "/sessions/:session_id/messages/contact", method = "post", operation_id = "sendContact")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn contact(
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
        Required(body): Required<ContactBody>,
    ) -> Result<TextAccepted> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        let accepted = api.messages.send(&caller, &session, body.message()?, options).await;
        Ok(TextAccepted(accepted.map_err(|error| error.renamed(ContactBody::name))?))
    }

    /// Asks a poll.
    ///
    /// Alias of `sendMessage`.
    #[oai(path = "/sessions/:session_id/messages/poll", method = "post", operation_id = "sendPoll")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn poll(
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
        Required(body): Required<PollBody>,
    ) -> Result<TextAccepted> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        let accepted = api.messages.send(&caller, &session, body.message()?, options).await;
        Ok(TextAccepted(accepted.map_err(|error| error.renamed(PollBody::name))?))
    }

    /// Votes in a poll.
    ///
    /// Alias of `vote`.
    #[oai(path = "/sessions/:session_id/messages/poll-update", method = "post", operation_id = "sendVote")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn vote(
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
        Required(body): Required<VoteBody>,
    ) -> Result<ActionAccepted> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        let (message, new) = body.vote();
        let accepted = api.messages.vote(&caller, &session, &message, new, options).await;
        Ok(ActionAccepted(accepted.map_err(|error| error.renamed(name_in_action))?))
    }

    /// Pins a message in its chat, or unpins it.
    ///
    /// Alias of `pinMessage`, and of `unpinMessage` when it is for 0 seconds.
    #[oai(path = "/sessions/:session_id/messages/pin", method = "post", operation_id = "sendPin")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn pin(
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
        Required(body): Required<PinBody>,
    ) -> Result<ActionAccepted> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        let accepted = match body.pin()? {
            (message, Some(new), _) => api.messages.pin(&caller, &session, &message, new, options).await,
            (message, None, place) => api.messages.unpin(&caller, &session, &message, place, options).await,
        };
        Ok(ActionAccepted(accepted?))
    }

    /// Forwards a message.
    ///
    /// Alias of `forwardMessage`.
    #[oai(path = "/sessions/:session_id/messages/forward", method = "post", operation_id = "sendForward")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn forward(
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
        Required(body): Required<ForwardBody>,
    ) -> Result<TextAccepted> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        let (message, new) = body.forward();
        Ok(TextAccepted(api.messages.forward(&caller, &session, &message, new, options).await?))
    }
}
