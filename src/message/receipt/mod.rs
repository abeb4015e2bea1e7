//! What receipts say of messages.

pub mod receipt_types;

pub(super) mod group_receipts;
pub(super) mod lowest;
pub(super) mod receipts;
