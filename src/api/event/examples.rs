//! What the document shows of events. Values, so that a new field breaks the build here.

use entity::ids::{EventId, SessionId};
use entity::timestamp::Timestamp;
use entity::words::event::EventType;
use poem_openapi::types::Example;

use crate::event::body::EventBody;
use crate::event::body::session::TestEvent;
use crate::event::types::{Cursor, Event, EventPage};

/// When the event of the example happened.
const HAPPENED: Timestamp = Timestamp::from_millis(1_767_143_264_000);

impl Example for Event {
    fn example() -> Self {
        Self {
            id: EventId::named("evt_019b9b1f7f7a7c3e8d5c0d6a1b2c3d4e"),
            session_id: SessionId::parse("shop").expect("it is one"),
            event: EventType::Test,
            timestamp: HAPPENED,
            sequence: 42,
            data: EventBody::Test(TestEvent { message: "This is a test.".to_owned() }),
        }
    }
}

impl Example for EventPage {
    fn example() -> Self {
        let next_cursor = Cursor::behind(1_767_143_264_000_000).to_string();
        Self { events: vec![Event::example()], next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::reply::is_written_as_documented;

    #[test]
    fn every_answer_is_written_as_the_document_says() {
        is_written_as_documented::<EventPage>();
    }
}
