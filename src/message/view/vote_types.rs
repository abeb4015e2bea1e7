//! What is known of the votes in a poll: one struct per thing, for both doors.

use async_graphql::SimpleObject;
use poem_openapi::Object;
use serde::Serialize;

use crate::event::body::party::Party;

/// The votes in a poll, by the last vote of each person.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct MessageVotes {
    /// Id of the message that asks the poll.
    pub message_id: String,
    /// JID of the chat.
    pub chat: String,
    /// What it asks. Null when the message is too large to be kept.
    pub question: Option<String>,
    /// How many options each person may choose; 0 is any number.
    pub max_choices: u32,
    /// What can be chosen, in the order of the poll, with who chose it. Behind that, what was chosen and is not known to be an option.
    pub options: Vec<OptionVotes>,
    /// How many people chose something.
    pub voter_count: u32,
    /// Those whose last vote could not be read: what they chose is not among the options.
    pub unreadable: Vec<Party>,
}

/// An option of a poll, and who chose it.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct OptionVotes {
    /// Its words. Null when it is none of those that the poll was asked with.
    pub option: Option<String>,
    /// SHA-256 of its words, hex. That is all that a vote names.
    pub option_sha256: String,
    /// How many people chose it.
    pub count: u32,
    /// Who chose it.
    pub voters: Vec<Party>,
}
