//! What holds messages up: pace, and what WhatsApp keeps an account from.

pub mod pacing;

pub(super) mod preventions;
pub(super) mod restrictions;
pub(super) mod standings;
