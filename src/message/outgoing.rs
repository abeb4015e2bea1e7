//! A message that is sent, as its row says it.

use entity::ids::SessionId;
use entity::timestamp::Timestamp;

use crate::message::effect::Effect;
use crate::message::transition::Progress;

/// A message that is to be sent, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OutgoingRow {
    pub(super) session_id: SessionId,
    pub(super) message_id: String,
    /// What is sent one after the other.
    pub(super) lane: String,
    pub(super) progress: Progress,
    pub(super) client_reference: Option<String>,
    pub(super) idempotency_key: Option<String>,
    /// What was asked for.
    pub(super) fingerprint: Option<Vec<u8>>,
    /// What it changes once WhatsApp has it.
    pub(super) effect: Option<Effect>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}
