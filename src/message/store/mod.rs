//! The tables of messages, and the rules of their rows: nothing here waits for anybody.

pub mod transition;

pub(super) mod audience_store;
pub(super) mod believed;
pub(super) mod effect;
pub(super) mod filling;
pub(super) mod outbox_store;
pub(super) mod outgoing;
pub(super) mod receipt_store;
pub(super) mod refusal;
pub(super) mod restriction_store;
pub(super) mod upload_key_store;
pub(super) mod upload_store;
pub(super) mod uploaded;
