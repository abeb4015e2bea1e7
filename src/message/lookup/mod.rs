//! Whom a message is for: what the client wrote, and what WhatsApp calls that person.

pub(super) mod lookups;
pub(super) mod naming;
pub(super) mod person;
pub(super) mod recipient;
pub(super) mod recipient_store;
pub(super) mod recipients;
