//! The chapters of the REST document.

use poem_openapi::Tags;

/// What an operation is about.
#[derive(Tags)]
pub enum Tag {
    /// WhatsApp accounts and their connections.
    Sessions,
    /// What is sent, and what came and went.
    Messages,
    /// Files that are handed in to be sent.
    Media,
    /// What is told in chats beside messages, and whether somebody is there.
    Chats,
    /// What happens on the sessions.
    Events,
    /// Where it is delivered.
    Webhooks,
    /// Who may come in, and what they may do.
    Keys,
    /// Other operations under other paths, for clients that were written for them. New clients need none of these.
    Aliases,
}
