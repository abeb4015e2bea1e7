//! After how long messages in a chat disappear, as the phones in it say. Written beside the event that tells it, in its transaction.

use entity::timestamp::Timestamp;

/// What somebody told of a chat's timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatTimer {
    /// JID of the chat.
    pub chat: String,
    /// After how many seconds; 0 when they stay.
    pub seconds: i32,
    /// When it was set, as far as that is told: what is older counts no more.
    pub set_at: Timestamp,
}
