//! What the document shows of these paths. Values, so that a new field breaks the build here.

use entity::timestamp::Timestamp;
use entity::words::chat::ChatState;
use entity::words::session::AccountPresence;
use poem_openapi::types::Example;

use crate::api::alias::body::{ChatStateBody, EditBody, PresenceBody, ReactionBody, ReadBody, RevokeBody, TextBody};
use crate::api::alias::reply::{ActionReply, PendingReply, SendStatus, SentReply, SessionHits, Success};
use crate::session::types::Session;

/// When it was sent.
const SENT: Timestamp = Timestamp::from_millis(1_767_143_264_000);

fn to() -> String {
    "+1 555 010-0077".to_owned()
}

fn jid() -> String {
    "15550100077@s.whatsapp.net".to_owned()
}

fn message_id() -> String {
    "3EB0C431C26A1916E07E5B".to_owned()
}

impl Example for TextBody {
    fn example() -> Self {
        let (to, text) = (to(), "Your tea is ready".to_owned());
        Self { to, text, reply_to: None, mentions: None, mention_all: None, send_at: None }
    }
}

impl Example for ReactionBody {
    fn example() -> Self {
        Self { to: to(), message_id: message_id(), emoji: "\u{1f44d}".to_owned() }
    }
}

impl Example for EditBody {
    fn example() -> Self {
        Self { to: to(), message_id: message_id(), text: "Your tea is ready at seven".to_owned() }
    }
}

impl Example for RevokeBody {
    fn example() -> Self {
        Self { to: to(), message_id: message_id(), original_sender: None }
    }
}

impl Example for ReadBody {
    fn example() -> Self {
        Self { chat_jid: jid(), sender: None, message_ids: vec![message_id()] }
    }
}

impl Example for ChatStateBody {
    fn example() -> Self {
        Self { to: to(), state: ChatState::Composing }
    }
}

impl Example for PresenceBody {
    fn example() -> Self {
        Self { status: AccountPresence::Available }
    }
}

impl Example for SentReply {
    fn example() -> Self {
        Self { status: SendStatus::Sent, message_id: message_id(), timestamp: SENT, to: jid() }
    }
}

impl Example for PendingReply {
    fn example() -> Self {
        Self { status: SendStatus::Pending, schedule_id: message_id(), send_at: SENT.to_rfc3339() }
    }
}

impl Example for ActionReply {
    fn example() -> Self {
        Self { message_id: message_id(), timestamp: SENT, to: jid() }
    }
}

impl Example for Success {
    fn example() -> Self {
        Self { success: true }
    }
}

impl Example for SessionHits {
    fn example() -> Self {
        Self { q: "sho".to_owned(), total: 1, hits: vec![Session::example()], next_cursor: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::reply::is_written_as_documented;

    #[test]
    fn every_answer_is_written_as_the_document_says() {
        is_written_as_documented::<SentReply>();
        is_written_as_documented::<PendingReply>();
        is_written_as_documented::<ActionReply>();
        is_written_as_documented::<Success>();
        is_written_as_documented::<SessionHits>();
    }
}
