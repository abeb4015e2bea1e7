//! A message that is sent, as its row says it.

use entity::ids::SessionId;
use entity::timestamp::Timestamp;

use crate::message::store::effect::Effect;
use crate::message::store::transition::Progress;

/// A message that is to be sent, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::message) struct OutgoingRow {
    pub(in crate::message) session_id: SessionId,
    pub(in crate::message) message_id: String,
    /// What is sent one after the other.
    pub(in crate::message) lane: String,
    pub(in crate::message) progress: Progress,
    pub(in crate::message) client_reference: Option<String>,
    pub(in crate::message) idempotency_key: Option<String>,
    /// What was asked for.
    pub(in crate::message) fingerprint: Option<Vec<u8>>,
    /// What it changes once WhatsApp has it.
    pub(in crate::message) effect: Option<Effect>,
    pub(in crate::message) created_at: Timestamp,
    pub(in crate::message) updated_at: Timestamp,
}
