//! Chats over REST: `/api/v1/sessions/{session_id}/chats/{chat_id}/..`, and `/api/v1/sessions/{session_id}/presence`.

use std::sync::Arc;

use poem::Result;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;

use crate::api::auth::Asks;
use crate::api::body::{Optional, Required};
use crate::api::reply::Ok200;
use crate::api::rest::tag::Tag;
use crate::api::services::Api;
use crate::message::types::{ChatTyping, NewTyping, ReadMessages, ReadRequest};
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
