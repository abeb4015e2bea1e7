//! The votes in a poll, added up: of each person the last one counts, by whichever of their names it came.

use std::collections::{BTreeMap, HashMap};

use entity::ids::SessionId;
use entity::words::access::Scope;
use entity::words::message::{MessageType, VoteState};

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::event::body::party::Party;
use crate::event::vote::CastVote;
use crate::event::{index_store, vote_store};
use crate::message::lookup::naming::party_jid;
use crate::message::rules::OPTIONS_MAX;
use crate::message::view::receipt_listing::party;
use crate::message::view::vote_types::{MessageVotes, OptionVotes};
use crate::message::{Messages, not_found};
use crate::whatsapp::compose::option_sha256;
use crate::whatsapp::compose::reading::{AskedPoll, poll};
use crate::whatsapp::names;

impl Messages {
    /// The votes in a poll, whoever asked it.
    ///
    /// # Errors
    /// `SessionNotFound`, `MessageNotFound`, `Unavailable`; `Invalid`: the message is no poll.
    pub async fn votes(&self, caller: &Caller, session: &SessionId, message_id: &str) -> Result<MessageVotes> {
        self.sessions.account(caller, Scope::MessagesRead, session)?;
        let found = index_store::with_id(self.db.read(), session, message_id).await?;
        let has_some = !found.is_empty();
        let is_poll = |message_type| message_type == MessageType::Poll;
        let Some(stored) = found.into_iter().find(|stored| is_poll(stored.message.message_type)) else {
            let no_poll = || Error::new(ErrorKind::Invalid, "the message is no poll");
            return Err(if has_some { no_poll() } else { not_found() });
        };
        let (chat, asked) = (stored.message.key.chat, poll(&stored.message.content));
        let chats = self.chat_names(session, "chat", &chat).await?;
        let votes = vote_store::of_poll(self.db.read(), session, message_id, &chats).await?;
        let jids: Vec<_> = votes.iter().map(|vote| vote.voter.as_str()).collect();
        let others = names::other_names(self.db.read(), session, &jids).await?;
        Ok(counted(message_id, chat, asked, last_votes(votes, &others)))
    }
}

/// The last vote of each person, by their JID.
fn last_votes(votes: Vec<CastVote>, others: &HashMap<String, String>) -> BTreeMap<String, (Party, CastVote)> {
    let mut last = BTreeMap::new();
    for vote in votes {
        let voter = party(&vote.voter, others.get(&vote.voter).map(String::as_str));
        last.insert(party_jid(&voter), (voter, vote));
    }
    last
}

fn counted(
    message_id: &str,
    chat: String,
    asked: Option<AskedPoll>,
    votes: BTreeMap<String, (Party, CastVote)>,
) -> MessageVotes {
    let (question, options, max_choices) = match asked {
        Some(AskedPoll { question, options, max_choices, secret: _ }) => (Some(question), options, max_choices),
        None => (None, Vec::new(), 0),
    };
    let known = options.into_iter().map(|option| (option_sha256(&option), Some(option)));
    let mut options: Vec<_> = known
        .map(|(option_sha256, option)| OptionVotes { option, option_sha256, count: 0, voters: Vec::new() })
        .collect();
    // Somebody's program may name more than there are.
    let most = options.len().max(OPTIONS_MAX);
    let (mut unreadable, mut voter_count) = (Vec::new(), 0);
    for (voter, vote) in votes.into_values() {
        if vote.state != VoteState::Opened {
            unreadable.push(voter);
            continue;
        }
        voter_count += u32::from(!vote.chosen.is_empty());
        for hash in vote.chosen.into_iter().take(most) {
            match options.iter_mut().find(|option| option.option_sha256 == hash) {
                // Somebody's program may name one twice.
                Some(option) if option.voters.contains(&voter) => {}
                Some(option) => option.voters.push(voter.clone()),
                None => options.push(OptionVotes {
                    option: None,
                    option_sha256: hash,
                    count: 0,
                    voters: vec![voter.clone()],
                }),
            }
        }
    }
    for option in &mut options {
        option.count = u32::try_from(option.voters.len()).unwrap_or(u32::MAX);
    }
    MessageVotes { message_id: message_id.to_owned(), chat, question, max_choices, options, voter_count, unreadable }
}

#[cfg(test)]
mod tests {
    use entity::timestamp::Timestamp;

    use super::*;

    const FRIEND: &str = "15550100077@s.whatsapp.net";
    const FRIEND_LID: &str = "100000000000077@lid";
    const OTHER: &str = "15550100078@s.whatsapp.net";

    fn vote(voter: &str, state: VoteState, chosen: &[&str]) -> CastVote {
        CastVote {
            poll_id: "P1".to_owned(),
            chat: FRIEND.to_owned(),
            voter: voter.to_owned(),
            state,
            chosen: chosen.iter().map(|option| option_sha256(option)).collect(),
            voted_at: Timestamp::from_millis(1_767_143_264_000),
        }
    }

    fn count(votes: Vec<CastVote>) -> MessageVotes {
        let options = ["yes", "no"].map(str::to_owned).to_vec();
        let asked = AskedPoll { question: "tea?".to_owned(), options, max_choices: 1, secret: None };
        let others = HashMap::from([(FRIEND_LID.to_owned(), FRIEND.to_owned())]);
        counted("P1", FRIEND.to_owned(), Some(asked), last_votes(votes, &others))
    }

    fn counts(votes: &MessageVotes) -> Vec<(Option<&str>, u32)> {
        votes.options.iter().map(|option| (option.option.as_deref(), option.count)).collect()
    }

    #[test]
    fn the_last_vote_of_each_person_counts_by_whichever_name_it_came() {
        let opened = VoteState::Opened;
        let votes = count(vec![vote(FRIEND_LID, opened, &["yes"]), vote(OTHER, opened, &["no"])]);
        assert_eq!((counts(&votes), votes.voter_count), (vec![(Some("yes"), 1), (Some("no"), 1)], 2));
        assert_eq!(votes.options[0].voters[0].phone_number.as_deref(), Some("15550100077"));
        let votes = count(vec![vote(FRIEND_LID, opened, &["yes"]), vote(FRIEND, opened, &["no"])]);
        assert_eq!((counts(&votes), votes.voter_count), (vec![(Some("yes"), 0), (Some("no"), 1)], 1));
        let votes = count(vec![vote(FRIEND, opened, &["yes"]), vote(FRIEND_LID, opened, &[])]);
        assert_eq!((counts(&votes), votes.voter_count), (vec![(Some("yes"), 0), (Some("no"), 0)], 0));
    }

    #[test]
    fn what_is_not_known_is_shown_as_that() {
        let votes = count(vec![
            vote(FRIEND, VoteState::Opened, &["maybe", "maybe", "yes"]),
            vote(OTHER, VoteState::Undecryptable, &[]),
        ]);
        assert_eq!(counts(&votes), [(Some("yes"), 1), (Some("no"), 0), (None, 1)]);
        assert_eq!(votes.options[2].option_sha256, option_sha256("maybe"));
        let unreadable: Vec<_> = votes.unreadable.iter().map(|party| party.phone_number.as_deref()).collect();
        assert_eq!((unreadable, votes.voter_count), (vec![Some("15550100078")], 1));
    }
}
