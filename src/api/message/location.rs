//! Where a message is.

use entity::ids::SessionId;
use poem::http::HeaderValue;

/// The path of a message, as the header `Location` has it. None for an id that no header can hold, which no message of ours has.
pub fn location(session: &SessionId, message_id: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("/api/v1/sessions/{session}/messages/{message_id}")).ok()
}
