//! What is done to messages and chats.

pub mod action_types;

pub(super) mod actions;
pub(super) mod chat_timers;
pub(super) mod chats;
pub(super) mod forwarding;
pub(super) mod keeping;
pub(super) mod kind;
pub(super) mod starring;
pub(super) mod target;
pub(super) mod timers;
pub(super) mod voting;
