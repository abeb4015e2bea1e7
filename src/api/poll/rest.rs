//! Polls and events over REST: `/api/v1/sessions/{session_id}/messages/{message_id}/vote`, `/votes` and `/attendance`.

use std::sync::Arc;

use poem::Result;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};

use crate::api::auth::Asks;
use crate::api::body::Required;
use crate::api::message::sent::{self, Sent};
use crate::api::reply::Ok200;
use crate::api::rest::param::{Wait, Word};
use crate::api::rest::tag::Tag;
use crate::api::services::Api;
use crate::message::action::action_types::{NewAttendance, NewVote};
use crate::message::types::IfOffline;
use crate::message::view::vote_types::MessageVotes;
use crate::session::session_id;

/// Polls and events.
#[derive(Debug)]
pub struct PollsApi;

#[OpenApi(tag = "Tag::Messages")]
impl PollsApi {
    /// Votes in a poll.
    ///
    /// The account has one vote in each poll: a new one takes the place of the one before, and one without options takes it back.
    /// It is a message of its own, which is sent as every other, with an id of its own.
    #[oai(path = "/sessions/:session_id/messages/:message_id/vote", method = "put", operation_id = "vote")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn vote(
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
        Required(what): Required<NewVote>,
    ) -> Result<Sent> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        Ok(Sent(api.messages.vote(&caller, &session, &message_id, what, options).await?))
    }

    /// Shows the votes in a poll.
    ///
    /// By the last vote of each person, with those that came while the session was away, and with the account's own.
    /// Of polls that the account asked, and of those of others.
    #[oai(path = "/sessions/:session_id/messages/:message_id/votes", method = "get", operation_id = "listVotes")]
    async fn votes(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The message's id.
        message_id: Path<String>,
    ) -> Result<Ok200<MessageVotes>> {
        Ok(Ok200(api.messages.votes(&caller, &self::session_id(&session_id)?, &message_id).await?))
    }

    /// Says whether the account comes to an event.
    ///
    /// A new answer takes the place of the one before.
    /// It is a message of its own, which is sent as every other, with an id of its own.
    #[oai(
        path = "/sessions/:session_id/messages/:message_id/attendance",
        method = "put",
        operation_id = "setAttendance"
    )]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn set_attendance(
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
        Required(what): Required<NewAttendance>,
    ) -> Result<Sent> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        Ok(Sent(api.messages.set_attendance(&caller, &session, &message_id, what, options).await?))
    }
}
