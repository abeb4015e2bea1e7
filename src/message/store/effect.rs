//! What a message changes here once WhatsApp has it: the account's vote in a poll, the timer of a chat. Not before: a message that is
//! never sent changes nothing.

use entity::timestamp::Timestamp;
use entity::words::message::VoteState;

use crate::event::timer::ChatTimer;
use crate::event::vote::CastVote;

/// What a message changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::message) enum Effect {
    /// The account votes.
    Vote {
        /// Id of the message that asks the poll.
        poll_id: String,
        /// JID of the account.
        voter: String,
        /// SHA-256 of the words of the chosen options, hex.
        chosen: Vec<String>,
    },
    /// Messages of the chat disappear after so many seconds; 0 is never.
    Timer {
        /// How many.
        seconds: i32,
    },
}

impl Effect {
    /// As it is written into its column.
    pub(in crate::message) fn written(&self) -> String {
        match self {
            // The id comes last: whoever asked the poll chose it.
            Self::Vote { poll_id, voter, chosen } => format!("vote {voter} {} {poll_id}", chosen.join(",")),
            Self::Timer { seconds } => format!("timer {seconds}"),
        }
    }

    /// Reads it back.
    pub(in crate::message) fn parse(text: &str) -> Option<Self> {
        let (what, rest) = text.split_once(' ')?;
        match what {
            "vote" => {
                let [voter, chosen, poll_id] = rest.splitn(3, ' ').collect::<Vec<_>>().try_into().ok()?;
                let chosen = chosen.split(',').filter(|hash| !hash.is_empty()).map(str::to_owned).collect();
                Some(Self::Vote { poll_id: poll_id.to_owned(), voter: voter.to_owned(), chosen })
            }
            "timer" => Some(Self::Timer { seconds: rest.parse().ok()? }),
            _ => None,
        }
    }

    /// The vote that it is, in this chat, sent then.
    pub(in crate::message) fn vote(&self, chat: &str, sent_at: Timestamp) -> Option<CastVote> {
        let Self::Vote { poll_id, voter, chosen } = self else { return None };
        Some(CastVote {
            poll_id: poll_id.clone(),
            chat: chat.to_owned(),
            voter: voter.clone(),
            state: VoteState::Opened,
            chosen: chosen.clone(),
            voted_at: sent_at,
        })
    }

    /// The timer that it sets, in this chat, sent then.
    pub(in crate::message) fn timer(&self, chat: &str, sent_at: Timestamp) -> Option<ChatTimer> {
        let Self::Timer { seconds } = self else { return None };
        Some(ChatTimer { chat: chat.to_owned(), seconds: *seconds, set_at: sent_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let voter = "15550100001@s.whatsapp.net".to_owned();
        let vote = |poll_id: &str, chosen: &[&str]| Effect::Vote {
            poll_id: poll_id.to_owned(),
            voter: voter.clone(),
            chosen: chosen.iter().map(|hash| (*hash).to_owned()).collect(),
        };
        for effect in [
            vote("3EB0A", &["aa", "bb"]),
            vote("3EB0A", &[]),
            vote("an id, with spaces", &["aa"]),
            Effect::Timer { seconds: 86_400 },
            Effect::Timer { seconds: 0 },
        ] {
            assert_eq!(Effect::parse(&effect.written()), Some(effect));
        }
        for text in ["", "vote", "vote a", "timer x", "tea 1"] {
            assert_eq!(Effect::parse(text), None, "{text}");
        }
    }
}
