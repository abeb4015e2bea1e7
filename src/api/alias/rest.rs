//! Operations under the paths of the contract, over REST.

use std::sync::Arc;

use poem::Result;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};

use crate::api::alias::body::{
    ChatStateBody, EditBody, PresenceBody, ReactionBody, ReadBody, RevokeBody, TextBody, name_in_action,
};
use crate::api::alias::reply::{ActionAccepted, SessionHits, Success, TextAccepted};
use crate::api::auth::Asks;
use crate::api::body::Required;
use crate::api::message::sent;
use crate::api::reply::Ok200;
use crate::api::rest::param::{Limit, Wait, Word};
use crate::api::rest::tag::Tag;
use crate::api::services::Api;
use crate::message::types::{IfOffline, NewTyping, ReadRequest};
use crate::page::Window;
use crate::session::session_id;
use crate::session::types::{NewPresence, SessionFilter};

/// Operations under the paths of the contract.
#[derive(Debug)]
pub struct AliasesApi;

#[OpenApi(tag = "Tag::Aliases")]
impl AliasesApi {
    /// Looks for sessions.
    ///
    /// Alias of `listSessions`.
    #[oai(path = "/sessions/search", method = "get", operation_id = "searchSessions")]
    async fn search(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// Only those whose id, name or phone number contains this, whatever the case; all when absent.
        q: Query<Option<String>>,
        /// At most this many, 1 to 100; all when absent. Fewer when they are large: 4 MiB end a page.
        limit: Query<Option<Limit>>,
        /// Only those behind this cursor, a `next_cursor` of an earlier list.
        after: Query<Option<String>>,
    ) -> Result<Ok200<SessionHits>> {
        let filter = SessionFilter { query: q.0.clone(), ..SessionFilter::default() };
        let window = Window { first: limit.0.map(|Limit(limit)| limit), after: after.0, ..Window::default() };
        Ok(SessionHits::of(q.0.unwrap_or_default(), api.sessions.list(&caller, filter, window)?))
    }

    /// Sends a text.
    ///
    /// Alias of `sendMessage`.
    #[oai(path = "/sessions/:session_id/messages/text", method = "post", operation_id = "sendText")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn text(
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
        Required(body): Required<TextBody>,
    ) -> Result<TextAccepted> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        let accepted = api.messages.send(&caller, &session, body.message()?, options).await;
        Ok(TextAccepted(accepted.map_err(|error| error.renamed(TextBody::name))?))
    }

    /// Reacts to a message, or takes the reaction back.
    ///
    /// Alias of `reactToMessage`, and of `removeReaction` when the emoji is empty.
    #[oai(path = "/sessions/:session_id/messages/react", method = "post", operation_id = "sendReaction")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn react(
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
        Required(body): Required<ReactionBody>,
    ) -> Result<ActionAccepted> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        let accepted = match body.reaction() {
            (message, Some(new), _) => api.messages.react(&caller, &session, &message, new, options).await,
            (message, None, place) => api.messages.remove_reaction(&caller, &session, &message, place, options).await,
        };
        Ok(ActionAccepted(accepted.map_err(|error| error.renamed(name_in_action))?))
    }

    /// Gives a text of the account another wording.
    ///
    /// Alias of `editMessage`.
    #[oai(path = "/sessions/:session_id/messages/edit", method = "post", operation_id = "sendEdit")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn edit(
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
        Required(body): Required<EditBody>,
    ) -> Result<ActionAccepted> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        let (message, new) = body.edit();
        let accepted = api.messages.edit(&caller, &session, &message, new, options).await;
        Ok(ActionAccepted(accepted.map_err(|error| error.renamed(name_in_action))?))
    }

    /// Removes a message of the account for everybody.
    ///
    /// Alias of `revokeMessage`.
    #[oai(path = "/sessions/:session_id/messages/revoke", method = "post", operation_id = "sendRevoke")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn revoke(
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
        Required(body): Required<RevokeBody>,
    ) -> Result<ActionAccepted> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        let (message, place) = body.place();
        let accepted = api.messages.revoke(&caller, &session, &message, place, options).await;
        Ok(ActionAccepted(accepted.map_err(|error| error.renamed(name_in_action))?))
    }

    /// Marks messages of a chat as read.
    ///
    /// Alias of `markMessagesRead`.
    #[oai(path = "/sessions/:session_id/messages/read", method = "post", operation_id = "sendReadMarks")]
    async fn mark_read(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        Required(body): Required<ReadBody>,
    ) -> Result<Ok200<Success>> {
        let ReadBody { chat_jid, sender: _, message_ids } = body;
        let request = ReadRequest { message_ids: Some(message_ids) };
        api.messages.mark_read(&caller, &self::session_id(&session_id)?, &chat_jid, request).await?;
        Ok(Success::new())
    }

    /// Shows in a chat that somebody types or records, or stopped.
    ///
    /// Alias of `sendTyping`.
    #[oai(path = "/sessions/:session_id/chatstate/send", method = "post", operation_id = "sendChatState")]
    async fn show_chat_state(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        Required(body): Required<ChatStateBody>,
    ) -> Result<Ok200<Success>> {
        let ChatStateBody { to, state } = body;
        let typing = NewTyping { state, seconds: None };
        api.messages.show_typing(&caller, &self::session_id(&session_id)?, &to, typing).await?;
        Ok(Success::new())
    }

    /// Shows whether somebody uses the account.
    ///
    /// Alias of `setPresence`.
    #[oai(path = "/sessions/:session_id/presence/set", method = "post", operation_id = "sendPresence")]
    async fn set_presence(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        Required(body): Required<PresenceBody>,
    ) -> Result<Ok200<Success>> {
        let PresenceBody { status: state } = body;
        api.sessions.set_presence(&caller, &self::session_id(&session_id)?, NewPresence { state }).await?;
        Ok(Success::new())
    }
}
