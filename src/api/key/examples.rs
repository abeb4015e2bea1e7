//! What the document shows of keys. Values, so that a new field breaks the build here.

use entity::ids::{IdText, KeyId, SessionId};
use entity::timestamp::Timestamp;
use entity::words::access::Scope;
use poem_openapi::types::Example;

use crate::key::types::{IssuedKey, Key, KeyPage, KeyRotation, NewKey, StreamTicket};

/// When the things of the examples were made.
const CREATED: Timestamp = Timestamp::from_millis(1_767_143_203_000);
/// A minute later.
const USED: Timestamp = Timestamp::from_millis(1_767_143_264_000);
/// Years ahead, so that a key that is made as in the example works.
const EXPIRES: Timestamp = Timestamp::from_millis(4_102_444_800_000);

impl Example for Key {
    fn example() -> Self {
        Self {
            id: KeyId::named("key_019b9b1f7f7a7c3e8d5c0d6a1b2c3d4e"),
            name: "Help desk".to_owned(),
            scopes: vec![Scope::SessionsRead, Scope::SessionsPair],
            sessions: SessionId::parse("shop").ok().map(|id| vec![id]),
            expires_at: Some(EXPIRES),
            last_used_at: Some(USED),
            created_at: CREATED,
            created_by: None,
            old_token_expires_at: None,
        }
    }
}

impl Example for NewKey {
    fn example() -> Self {
        Self {
            name: "Help desk".to_owned(),
            scopes: vec![Scope::SessionsRead, Scope::SessionsPair],
            sessions: Some(vec![IdText("shop".to_owned())]),
            expires_at: Some(EXPIRES),
        }
    }
}

impl Example for IssuedKey {
    fn example() -> Self {
        // No token of anybody: its checksum is wrong.
        Self { key: Key { last_used_at: None, ..Key::example() }, token: format!("wp_{}", "0".repeat(49)) }
    }
}

impl Example for KeyPage {
    fn example() -> Self {
        Self { keys: vec![Key::example()], next_cursor: None }
    }
}

impl Example for KeyRotation {
    fn example() -> Self {
        Self { overlap_seconds: Some(3600) }
    }
}

impl Example for StreamTicket {
    fn example() -> Self {
        // Nobody's: it is not even well formed.
        Self { ticket: format!("wpt_{}", "0".repeat(49)), expires_at: EXPIRES }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::reply::is_written_as_documented;

    #[test]
    fn every_answer_is_written_as_the_document_says() {
        is_written_as_documented::<Key>();
        is_written_as_documented::<IssuedKey>();
        is_written_as_documented::<KeyPage>();
        is_written_as_documented::<StreamTicket>();
    }
}
