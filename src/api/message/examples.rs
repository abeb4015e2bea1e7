//! What the document shows of messages. Values, so that a new field breaks the build here.

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::message::MessageType;
use entity::words::outgoing::{Direction, FailureCode, MessageStatus};
use poem_openapi::types::Example;

use crate::event::body::party::Party;
use crate::message::content::{LinkPreview, MessageContent, TextContent};
use crate::message::receipt::receipt_types::{MessageReceipt, MessageReceiptPage};
use crate::message::types::{
    Limits, Message, MessageFailure, MessagePage, MessageQueue, NewChats, NewMessage, SendRate, Timelock,
};

/// When it was asked for.
const ASKED: Timestamp = Timestamp::from_millis(1_767_143_263_000);
/// When it was sent.
const SENT: Timestamp = Timestamp::from_millis(1_767_143_264_000);

/// When what holds messages up is over.
const TOMORROW: Timestamp = Timestamp::from_millis(1_767_229_663_000);

impl Example for LinkPreview {
    fn example() -> Self {
        Self {
            url: Some("https://shop.example.com/tea".to_owned()),
            title: Some("Tea".to_owned()),
            description: Some("Twelve kinds, all of them black".to_owned()),
            thumbnail: None,
            fetch: false,
        }
    }
}

impl Example for TextContent {
    fn example() -> Self {
        Self { text: "Your tea is ready".to_owned(), link_preview: None }
    }
}

impl Example for NewMessage {
    fn example() -> Self {
        Self {
            to: "+1 555 010-0077".to_owned(),
            content: MessageContent::Text(TextContent::example()),
            reply_to: None,
            mentions: None,
            mention_all: false,
            status_recipients: None,
            send_at: None,
            expires_at: None,
            client_reference: Some("order-1042".to_owned()),
        }
    }
}

impl Example for Message {
    fn example() -> Self {
        Self {
            id: "3EB0C431C26A1916E07E5B".to_owned(),
            session_id: SessionId::parse("shop").expect("it is one"),
            direction: Direction::Outgoing,
            chat: "15550100077@s.whatsapp.net".to_owned(),
            sender: "15550100001@s.whatsapp.net".to_owned(),
            message_type: MessageType::Text,
            text: Some("Your tea is ready".to_owned()),
            edited_at: None,
            revoked_at: None,
            reply_to: None,
            target_id: None,
            album_items: None,
            timestamp: SENT,
            status: Some(MessageStatus::Sent),
            failed: None,
            attempts: Some(1),
            send_at: None,
            expires_at: None,
            client_reference: Some("order-1042".to_owned()),
            created_at: ASKED,
            updated_at: SENT,
        }
    }
}

impl Example for MessageFailure {
    fn example() -> Self {
        Self { code: FailureCode::RecipientNotFound, upstream_code: Some(404) }
    }
}

impl Example for Limits {
    fn example() -> Self {
        Self {
            timelock: Some(Timelock::example()),
            new_chats: Some(NewChats::example()),
            checked_at: Some(ASKED),
            queue: MessageQueue::example(),
            rate: SendRate::example(),
        }
    }
}

impl Example for Timelock {
    fn example() -> Self {
        Self { until: TOMORROW }
    }
}

impl Example for NewChats {
    fn example() -> Self {
        Self { used: 12, total: 50, resets_at: TOMORROW }
    }
}

impl Example for MessageQueue {
    fn example() -> Self {
        Self { waiting: 3, oldest_at: Some(ASKED) }
    }
}

impl Example for SendRate {
    fn example() -> Self {
        Self { per_second: 1.0, burst: 5 }
    }
}

impl Example for MessagePage {
    fn example() -> Self {
        Self { messages: vec![Message::example()], next_cursor: Some("bToxNzY3MTQzMjY0MDAwMDAw".to_owned()) }
    }
}

impl Example for MessageReceipt {
    fn example() -> Self {
        let participant = Party {
            id: "15550100077@s.whatsapp.net".to_owned(),
            lid: Some("100000000000077@lid".to_owned()),
            phone_number: Some("15550100077".to_owned()),
            push_name: None,
        };
        let read_at = Some(Timestamp::from_millis(1_767_143_290_000));
        Self { participant, delivered_at: Some(SENT), read_at, played_at: None }
    }
}

impl Example for MessageReceiptPage {
    fn example() -> Self {
        Self { receipts: vec![MessageReceipt::example()], next_cursor: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::reply::is_written_as_documented;

    #[test]
    fn every_answer_is_written_as_the_document_says() {
        is_written_as_documented::<Message>();
        is_written_as_documented::<MessageFailure>();
        is_written_as_documented::<MessagePage>();
        is_written_as_documented::<MessageReceipt>();
        is_written_as_documented::<MessageReceiptPage>();
        is_written_as_documented::<Limits>();
    }
}
