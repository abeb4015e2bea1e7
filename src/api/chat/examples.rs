//! What the document shows of chats. Values, so that a new field breaks the build here.

use entity::timestamp::Timestamp;
use entity::words::chat::ChatState;
use entity::words::session::AccountPresence;
use poem_openapi::types::Example;

use crate::message::action::action_types::{DefaultTimer, NewTimer, TimerOfChat};
use crate::message::types::{ChatTyping, Message, NewTyping, ReadMessages, ReadRequest};
use crate::session::types::{NewPresence, Presence};

const CHAT: &str = "15550100077@s.whatsapp.net";
const MESSAGE: &str = "3EB0C431C26A1916E07E5B";

impl Example for ReadRequest {
    fn example() -> Self {
        Self { message_ids: Some(vec![MESSAGE.to_owned()]) }
    }
}

impl Example for ReadMessages {
    fn example() -> Self {
        Self { chat: CHAT.to_owned(), message_ids: vec![MESSAGE.to_owned()] }
    }
}

impl Example for NewTyping {
    fn example() -> Self {
        Self { state: ChatState::Composing, seconds: Some(5) }
    }
}

impl Example for ChatTyping {
    fn example() -> Self {
        let until = Timestamp::from_millis(1_767_143_269_000);
        Self { chat: CHAT.to_owned(), state: ChatState::Composing, until: Some(until) }
    }
}

impl Example for NewTimer {
    fn example() -> Self {
        Self { seconds: 604_800 }
    }
}

impl Example for TimerOfChat {
    fn example() -> Self {
        Self { chat: CHAT.to_owned(), seconds: 604_800, message: Some(Message::example()) }
    }
}

impl Example for DefaultTimer {
    fn example() -> Self {
        Self { seconds: 604_800 }
    }
}

impl Example for NewPresence {
    fn example() -> Self {
        Self { state: AccountPresence::Available }
    }
}

impl Example for Presence {
    fn example() -> Self {
        Self { state: AccountPresence::Available }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::reply::is_written_as_documented;

    #[test]
    fn every_answer_is_written_as_the_document_says() {
        is_written_as_documented::<ReadMessages>();
        is_written_as_documented::<ChatTyping>();
        is_written_as_documented::<TimerOfChat>();
        is_written_as_documented::<DefaultTimer>();
        is_written_as_documented::<Presence>();
    }
}
