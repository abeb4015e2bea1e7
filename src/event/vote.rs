//! Votes in polls, as they are counted. Written beside the event that tells of a vote, in its transaction.

use entity::timestamp::Timestamp;
use entity::words::message::VoteState;

/// What somebody voted in a poll. It takes the place of what they voted before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CastVote {
    /// Id of the message that asks the poll.
    pub poll_id: String,
    /// JID of its chat: by number, if it is a person's and that is known.
    pub chat: String,
    /// JID of who votes, likewise.
    pub voter: String,
    /// Whether it could be read.
    pub state: VoteState,
    /// SHA-256 of the words of the chosen options, hex. Nothing takes the vote back.
    pub chosen: Vec<String>,
    /// When it was sent.
    pub voted_at: Timestamp,
}
