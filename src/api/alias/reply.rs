//! What these paths answer, in the words of the contract.

use entity::timestamp::Timestamp;
use entity::words::outgoing::MessageStatus;
use poem::http::StatusCode;
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, Enum, Object, Union};
use serde::Serialize;

use crate::api::error::Problem;
use crate::api::message::sent::SentHeaders;
use crate::api::reply::{Body, Ok200, json, responses};
use crate::message::types::{Accepted, Message};
use crate::session::types::{Session, SessionPage};

/// What became of a text, in one of the contract's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum SendStatus {
    /// WhatsApp has it.
    Sent,
    /// It is kept, and will be sent: WhatsApp does not have it yet.
    Queued,
    /// It waits for the moment at which it is to be sent.
    Pending,
    /// It was asked for before, and failed.
    Failed,
    /// It was asked for before, and was taken back.
    Cancelled,
    /// It was asked for before, and its time was over before it could be sent.
    Expired,
}

/// A text that is sent at once.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub struct SentReply {
    /// What became of it.
    pub status: SendStatus,
    /// The message's id, whatever became of it.
    pub message_id: String,
    /// When it was sent, by WhatsApp's clock; when it was asked for, until WhatsApp acknowledged it.
    pub timestamp: Timestamp,
    /// JID to which it goes.
    pub to: String,
}

/// A text that waits for its moment.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub struct PendingReply {
    /// Always `pending`.
    pub status: SendStatus,
    /// The message's id: what becomes of it is shown under that, and it is taken back by that.
    pub schedule_id: String,
    /// When it is to be sent, as RFC 3339 has it.
    pub send_at: String,
}

/// A text that was accepted.
#[derive(Debug, Serialize, Union)]
#[oai(one_of = true)]
#[serde(untagged)]
pub enum TextReply {
    /// It is sent at once, or as soon as it can be.
    Sent(SentReply),
    /// It is to be sent later.
    Pending(PendingReply),
}

/// What was done to a message.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub struct ActionReply {
    /// Id of the message by which it was done.
    pub message_id: String,
    /// When that was sent, by WhatsApp's clock; when it was asked for, until WhatsApp acknowledged it.
    pub timestamp: Timestamp,
    /// JID of the chat.
    pub to: String,
}

/// It is done.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub struct Success {
    /// Always true.
    pub success: bool,
}

/// Sessions that were looked for.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub struct SessionHits {
    /// What was looked for.
    pub q: String,
    /// How many there are, on all pages.
    pub total: u64,
    /// The sessions, oldest first.
    pub hits: Vec<Session>,
    /// Where the next page starts. Null on the last one.
    pub next_cursor: Option<String>,
}

impl Success {
    /// It is done.
    pub fn new() -> Ok200<Self> {
        Ok200(Self { success: true })
    }
}

impl SessionHits {
    /// What was found of this.
    pub fn of(q: String, page: SessionPage) -> Ok200<Self> {
        let SessionPage { sessions: hits, total, next_cursor } = page;
        Ok200(Self { q, total, hits, next_cursor })
    }
}

impl TextReply {
    fn of(accepted: &Accepted) -> Self {
        let Message { id, chat, timestamp, status, send_at, .. } = &accepted.message;
        let status = match status {
            Some(MessageStatus::Scheduled) => {
                let send_at = send_at.unwrap_or(*timestamp).to_rfc3339();
                return Self::Pending(PendingReply { status: SendStatus::Pending, schedule_id: id.clone(), send_at });
            }
            Some(MessageStatus::Failed) => SendStatus::Failed,
            Some(MessageStatus::Cancelled) => SendStatus::Cancelled,
            Some(MessageStatus::Expired) => SendStatus::Expired,
            Some(MessageStatus::Queued | MessageStatus::Sending | MessageStatus::Unconfirmed) | None => {
                SendStatus::Queued
            }
            Some(MessageStatus::Sent | MessageStatus::Delivered | MessageStatus::Read | MessageStatus::Played) => {
                SendStatus::Sent
            }
        };
        Self::Sent(SentReply { status, message_id: id.clone(), timestamp: *timestamp, to: chat.clone() })
    }
}

/// A text that was accepted: 200 when WhatsApp has it, or when it will not be sent any more; 202 when WhatsApp does not have it yet.
pub struct TextAccepted(pub Accepted);

/// What is done to a message was accepted: 200 when WhatsApp has it, or when it will not be sent any more; 202 when WhatsApp does not have
/// it yet.
pub struct ActionAccepted(pub Accepted);

fn answered(accepted: &Accepted, body: impl Body) -> Response {
    let status = if accepted.is_open() { StatusCode::ACCEPTED } else { StatusCode::OK };
    SentHeaders::of(accepted).put(status, Ok200(body).into_response())
}

/// The same in the document. One shape for both statuses: some generators of clients take no more.
fn described<B: Body>() -> MetaResponses {
    let done = "WhatsApp has it; or it was asked for before, and is not sent any more.";
    let mut all = responses(200, done, vec![json::<B>()]);
    all.responses[0].headers = SentHeaders::meta();
    let accepted = MetaResponse {
        description: "It is kept, and will be sent: WhatsApp does not have it yet.",
        status: Some(202),
        status_range: None,
        content: vec![json::<B>()],
        headers: SentHeaders::meta(),
    };
    all.responses.insert(1, accepted);
    all
}

impl IntoResponse for TextAccepted {
    fn into_response(self) -> Response {
        let Self(accepted) = self;
        answered(&accepted, TextReply::of(&accepted))
    }
}

impl ApiResponse for TextAccepted {
    fn meta() -> MetaResponses {
        described::<TextReply>()
    }

    fn register(registry: &mut Registry) {
        TextReply::register(registry);
        Problem::register(registry);
    }
}

impl IntoResponse for ActionAccepted {
    fn into_response(self) -> Response {
        let Self(accepted) = self;
        let Message { id, chat, timestamp, .. } = &accepted.message;
        let body = ActionReply { message_id: id.clone(), timestamp: *timestamp, to: chat.clone() };
        answered(&accepted, body)
    }
}

impl ApiResponse for ActionAccepted {
    fn meta() -> MetaResponses {
        described::<ActionReply>()
    }

    fn register(registry: &mut Registry) {
        ActionReply::register(registry);
        Problem::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::Example as _;
    use serde_json::{Value, json};

    use super::*;

    fn said(status: MessageStatus, send_at: Option<Timestamp>) -> Value {
        let message = Message { status: Some(status), send_at, ..Message::example() };
        serde_json::to_value(TextReply::of(&Accepted { message, is_replayed: false })).expect("it is JSON")
    }

    #[test]
    fn each_status_of_a_message_has_a_word_of_the_contract() {
        let (id, moment) = (Message::example().id, Message::example().timestamp);
        let sent = |word: &str| json!({ "status": word, "message_id": id, "timestamp": moment, "to": Message::example().chat });
        for (status, word) in [
            (MessageStatus::Queued, "queued"),
            (MessageStatus::Sending, "queued"),
            (MessageStatus::Unconfirmed, "queued"),
            (MessageStatus::Sent, "sent"),
            (MessageStatus::Read, "sent"),
            (MessageStatus::Failed, "failed"),
            (MessageStatus::Cancelled, "cancelled"),
            (MessageStatus::Expired, "expired"),
        ] {
            assert_eq!(said(status, None), sent(word));
        }
        let pending = json!({ "status": "pending", "schedule_id": id, "send_at": moment.to_rfc3339() });
        assert_eq!(said(MessageStatus::Scheduled, Some(moment)), pending);
    }
}
