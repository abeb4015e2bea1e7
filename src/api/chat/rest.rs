//! Chats over REST: `/api/v1/sessions/{session_id}/chats/{chat_id}/..`, and `/api/v1/sessions/{session_id}/presence`.

use std::sync::Arc;

use poem::Result;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};

use crate::api::auth::Asks;
use crate::api::body::{Optional, Required};
use crate::api::message::sent;
use crate::api::reply::Ok200;
use crate::api::rest::param::{Wait, Word};
use crate::api::rest::tag::Tag;
use crate::api::services::Api;
use crate::message::action::action_types::{DefaultTimer, NewTimer, TimerOfChat};
use crate::message::types::{ChatTyping, IfOffline, NewTyping, ReadMessages, ReadRequest};
use crate::session::session_id;
use crate::session::types::{NewPresence, Presence};

/// `/api/v1/sessions/{session_id}/chats/{chat_id}/..`.
#[derive(Debug)]
pub struct ChatsApi;

#[OpenApi(tag = "Tag::Chats")]
impl ChatsApi {
    /// Marks messages of a chat as read.
    ///
    /// Those that are named, or all that came among the newest of the chat.
    /// Whether their senders learn it is for the account's privacy settings to say.
    #[oai(path = "/sessions/:session_id/chats/:chat_id/read", method = "post", operation_id = "markMessagesRead")]
    async fn mark_read(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The chat: a phone number, or a JID. A person's chat is one by number and by LID.
        chat_id: Path<String>,
        Optional(request): Optional<ReadRequest>,
    ) -> Result<Ok200<ReadMessages>> {
        Ok(Ok200(api.messages.mark_read(&caller, &self::session_id(&session_id)?, &chat_id, request).await?))
    }

    /// Shows in a chat that somebody types or records, or stopped.
    ///
    /// Phones show it only while the account is available.
    #[oai(path = "/sessions/:session_id/chats/:chat_id/typing", method = "post", operation_id = "sendTyping")]
    async fn show_typing(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The chat: a phone number, or a JID. A person's chat is one by number and by LID.
        chat_id: Path<String>,
        Required(new): Required<NewTyping>,
    ) -> Result<Ok200<ChatTyping>> {
        Ok(Ok200(api.messages.show_typing(&caller, &self::session_id(&session_id)?, &chat_id, new).await?))
    }

    /// Sets after how long messages of a chat disappear.
    ///
    /// In a chat of two the other person is told by a message, which is sent as every other: what is sent keeps to the timer once
    /// WhatsApp has it. In a group WhatsApp is asked, so the session must be logged in, and the account may have to be an admin.
    #[oai(path = "/sessions/:session_id/chats/:chat_id/timer", method = "put", operation_id = "setChatTimer")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn set_timer(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The chat: a phone number, or a JID. A person's chat is one by number and by LID.
        chat_id: Path<String>,
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
        Required(new): Required<NewTimer>,
    ) -> Result<Ok200<TimerOfChat>> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        Ok(Ok200(api.messages.set_chat_timer(&caller, &session, &chat_id, new, options).await?))
    }

    /// Sets after how long messages disappear in chats that begin.
    ///
    /// Chats that there are keep theirs. The session must be logged in.
    #[oai(path = "/sessions/:session_id/disappearing-timer", method = "put", operation_id = "setDefaultTimer")]
    async fn set_default_timer(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        Required(new): Required<NewTimer>,
    ) -> Result<Ok200<DefaultTimer>> {
        Ok(Ok200(api.messages.set_default_timer(&caller, &self::session_id(&session_id)?, new).await?))
    }

    /// Shows whether somebody uses the account.
    ///
    /// Until the next login, at which `presence_on_connect` of the session says it. While somebody does, the phone is silent.
    #[oai(path = "/sessions/:session_id/presence", method = "put", operation_id = "setPresence")]
    async fn set_presence(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        Required(new): Required<NewPresence>,
    ) -> Result<Ok200<Presence>> {
        Ok(Ok200(api.sessions.set_presence(&caller, &self::session_id(&session_id)?, new).await?))
    }
}
