//! What is shown of messages.

pub mod message_files;
pub mod vote_types;

pub(super) mod changes;
pub(super) mod limits;
pub(super) mod listing;
pub(super) mod receipt_listing;
pub(super) mod votes;
