//! What is done to messages over REST: `/api/v1/sessions/{session_id}/messages/{message_id}/..`.

use std::sync::Arc;

use poem::Result;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};

use crate::api::auth::Asks;
use crate::api::body::{Optional, Required};
use crate::api::message::sent::{self, Sent};
use crate::api::rest::param::{Wait, Word};
use crate::api::rest::tag::Tag;
use crate::api::services::Api;
use crate::message::types::{IfOffline, MessagePlace, NewEdit, NewReaction};
use crate::session::session_id;

/// `/api/v1/sessions/{session_id}/messages/{message_id}/..`.
#[derive(Debug)]
pub struct MessageActionsApi;

#[OpenApi(tag = "Tag::Messages")]
impl MessageActionsApi {
    /// Reacts to a message.
    ///
    /// The account has one reaction to each message: a new one takes the place of the one before.
    /// It is a message of its own, which is sent as every other, with an id of its own.
    #[oai(
        path = "/sessions/:session_id/messages/:message_id/reaction",
        method = "put",
        operation_id = "reactToMessage"
    )]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn react(
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
        Required(what): Required<NewReaction>,
    ) -> Result<Sent> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        Ok(Sent(api.messages.react(&caller, &session, &message_id, what, options).await?))
    }

    /// Takes the account's reaction to a message back.
    ///
    /// It is a message of its own, which is sent as every other, with an id of its own.
    #[oai(
        path = "/sessions/:session_id/messages/:message_id/reaction",
        method = "delete",
        operation_id = "removeReaction"
    )]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn remove_reaction(
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
        Ok(Sent(api.messages.remove_reaction(&caller, &session, &message_id, what, options).await?))
    }

    /// Gives a text of the account another wording.
    ///
    /// Within 15 minutes after it was sent: later phones do not take it.
    /// It is a message of its own, which is sent as every other, with an id of its own, and expires when those minutes are over.
    #[oai(path = "/sessions/:session_id/messages/:message_id/edit", method = "post", operation_id = "editMessage")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn edit(
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
        Required(what): Required<NewEdit>,
    ) -> Result<Sent> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        Ok(Sent(api.messages.edit(&caller, &session, &message_id, what, options).await?))
    }

    /// Removes a message of the account for everybody.
    ///
    /// In a group of which the account is an admin, it may also be one that somebody else sent.
    /// Within 2 days after it was sent: later phones do not take it.
    /// It is a message of its own, which is sent as every other, with an id of its own.
    #[oai(path = "/sessions/:session_id/messages/:message_id/revoke", method = "post", operation_id = "revokeMessage")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn revoke(
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
        Ok(Sent(api.messages.revoke(&caller, &session, &message_id, what, options).await?))
    }
}
