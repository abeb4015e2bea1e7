//! The account's answers to polls and events. They are sealed with the secret of what is answered, which came with that, and with the
//! names of both sides: of who asked, and of the account, by number or by LID, whichever the other one goes by.

use std::collections::HashSet;

use entity::timestamp::Timestamp;
use entity::words::message::{Attendance, MessageType};

use crate::account::Identity;
use crate::error::{Error, ErrorKind, Result};
use crate::message::lookup::naming::own_jid;
use crate::message::store::effect::Effect;
use crate::whatsapp::compose::reading::{AskedPoll, event_secret, poll};
use crate::whatsapp::compose::{self, SECRET_BYTES, Sealing, Target};

/// What is answered.
pub(in crate::message) struct Question<'a> {
    pub(in crate::message) target: &'a Target,
    /// JID of who asked, without a device.
    pub(in crate::message) sender: &'a str,
    /// The protobuf.
    pub(in crate::message) content: &'a [u8],
    pub(in crate::message) own: &'a Identity,
}

/// What is done to a message, as it is sent.
pub(in crate::message) struct Made {
    pub(in crate::message) message_type: MessageType,
    pub(in crate::message) content: Vec<u8>,
    pub(in crate::message) effect: Option<Effect>,
}

/// The names of both sides, in one way.
struct Names {
    creator: String,
    own: String,
}

impl Question<'_> {
    /// A vote for these options of a poll.
    ///
    /// # Errors
    /// `Invalid`, with the rule; `MessageNotFound`: what the poll says is not kept.
    pub(in crate::message) fn vote(
        &self,
        options: &[String],
        now: Timestamp,
        secret: [u8; SECRET_BYTES],
    ) -> Result<Made> {
        let poll = poll(self.content).ok_or_else(not_kept)?;
        check(&poll, options)?;
        let (names, of_poll) = (self.names(), poll.secret.ok_or_else(without_secret)?);
        let sealing = Sealing { secret: &of_poll, creator: &names.creator, own: &names.own };
        let content = compose::vote(&self.target_by(&names), &sealing, options, now, secret);
        let effect = Effect::Vote {
            poll_id: self.target.message_id.clone(),
            voter: own_jid(self.own),
            chosen: options.iter().map(|option| compose::option_sha256(option)).collect(),
        };
        let content = content.ok_or_else(without_secret)?;
        Ok(Made { message_type: MessageType::PollVote, content, effect: Some(effect) })
    }

    /// Whether the account comes to an event, and with how many guests.
    ///
    /// # Errors
    /// `MessageNotFound`: what the event says is not kept; `Invalid`.
    pub(in crate::message) fn attendance(
        &self,
        answer: (Attendance, i32),
        now: Timestamp,
        secret: [u8; SECRET_BYTES],
    ) -> Result<Made> {
        if self.content.is_empty() {
            return Err(not_kept());
        }
        let (names, of_event) = (self.names(), event_secret(self.content).ok_or_else(without_secret)?);
        let sealing = Sealing { secret: &of_event, creator: &names.creator, own: &names.own };
        let content = compose::attendance(&self.target_by(&names), &sealing, answer, now, secret);
        let content = content.ok_or_else(without_secret)?;
        Ok(Made { message_type: MessageType::Attendance, content, effect: None })
    }

    /// The target, which in a group names who asked, also if that is the account.
    fn target_by(&self, names: &Names) -> Target {
        let participant = self.target.chat.ends_with("@g.us").then(|| names.creator.clone());
        Target { participant, ..self.target.clone() }
    }

    /// Both must be called in the same way: whoever opens it tries one way, then the other.
    fn names(&self) -> Names {
        let lid = self.own.lid.as_ref().map(|lid| format!("{lid}@lid"));
        let by_number = own_jid(self.own);
        let Target { chat, is_from_me, .. } = self.target;
        match (is_from_me, lid) {
            (true, Some(lid)) if chat.ends_with("@lid") || self.sender == lid => {
                Names { creator: lid.clone(), own: lid }
            }
            (true, _) => Names { creator: by_number.clone(), own: by_number },
            (false, Some(lid)) if self.sender.ends_with("@lid") => Names { creator: self.sender.to_owned(), own: lid },
            (false, _) => Names { creator: self.sender.to_owned(), own: by_number },
        }
    }
}

fn check(poll: &AskedPoll, options: &[String]) -> Result<()> {
    let mut seen = HashSet::new();
    if !options.iter().all(|option| seen.insert(option)) {
        return Err(Error::invalid("options", "must have no option twice"));
    }
    if !options.iter().all(|option| poll.options.contains(option)) {
        return Err(Error::invalid("options", "must be options of the poll, word for word"));
    }
    let most = usize::try_from(poll.max_choices).map_err(Error::internal)?;
    if most > 0 && options.len() > most {
        return Err(Error::invalid("options", format!("must have at most {most} of them, as the poll says")));
    }
    Ok(())
}

fn not_kept() -> Error {
    let detail = "what the message says is not kept, and without it there is nothing to answer";
    Error::new(ErrorKind::MessageNotFound, detail)
}

fn without_secret() -> Error {
    Error::new(ErrorKind::Invalid, "the message came without the secret that seals answers to it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::PhoneNumber;
    use crate::whatsapp::compose::{Context, Poll};

    fn own() -> Identity {
        let phone_number = PhoneNumber::parse("phone_number", "15550100001").expect("a number");
        Identity { phone_number, lid: Some("100000000000001".to_owned()), device_id: 1 }
    }

    fn target(chat: &str, is_from_me: bool) -> Target {
        Target { chat: chat.to_owned(), message_id: "P1".to_owned(), is_from_me, participant: None }
    }

    #[test]
    fn both_sides_are_called_in_the_way_of_who_asked() {
        let (friend, friend_lid) = ("15550100077@s.whatsapp.net", "100000000000077@lid");
        let (number, lid) = ("15550100001@s.whatsapp.net", "100000000000001@lid");
        let group = "120363000000000001@g.us";
        for (chat, sender, is_from_me, creator, by) in [
            (friend, friend, false, friend, number),
            (friend, friend_lid, false, friend_lid, lid),
            (friend_lid, friend_lid, false, friend_lid, lid),
            (friend, number, true, number, number),
            (friend_lid, number, true, lid, lid),
            (group, friend_lid, false, friend_lid, lid),
            (group, lid, true, lid, lid),
        ] {
            let (target, own) = (target(chat, is_from_me), own());
            let question = Question { target: &target, sender, content: &[], own: &own };
            let names = question.names();
            assert_eq!((names.creator.as_str(), names.own.as_str()), (creator, by), "{chat} {sender}");
            let participant = question.target_by(&names).participant;
            assert_eq!(participant.as_deref(), (chat == group).then_some(creator));
        }
        let (target, own) = (target(friend_lid, false), Identity { lid: None, ..own() });
        let names = Question { target: &target, sender: friend_lid, content: &[], own: &own }.names();
        assert_eq!(names.own, number, "the account's LID is not known yet");
    }

    #[test]
    fn only_options_of_the_poll_are_voted_for_and_no_more_than_it_allows() {
        let options = ["yes", "no", "later"].map(str::to_owned).to_vec();
        let asked = Poll { question: "tea?".to_owned(), options, max_choices: 2 };
        let content = compose::poll(&asked, &Context { secret: [5; SECRET_BYTES], ..Context::default() });
        let (chat, own) = ("15550100077@s.whatsapp.net", own());
        let (target, now) = (target(chat, false), Timestamp::from_millis(1_767_143_264_000));
        let vote = |content: &[u8], options: &[&str]| {
            let options: Vec<_> = options.iter().map(|option| (*option).to_owned()).collect();
            let question = Question { target: &target, sender: chat, content, own: &own };
            question.vote(&options, now, [1; SECRET_BYTES]).map_err(|error| error.to_string())
        };
        let sealed = vote(&content, &["no"]).expect("it may");
        let voter = "15550100001@s.whatsapp.net".to_owned();
        let chosen = vec![compose::option_sha256("no")];
        assert_eq!(sealed.effect, Some(Effect::Vote { poll_id: "P1".to_owned(), voter, chosen }));
        assert!(vote(&content, &[]).is_ok() && vote(&content, &["no", "yes"]).is_ok());
        let refusal = |options: &[&str]| vote(&content, options).err();
        assert_eq!(refusal(&["No"]).as_deref(), Some("`options` must be options of the poll, word for word"));
        assert_eq!(refusal(&["no", "no"]).as_deref(), Some("`options` must have no option twice"));
        let three = refusal(&["no", "yes", "later"]);
        assert_eq!(three.as_deref(), Some("`options` must have at most 2 of them, as the poll says"));
        assert!(vote(&[], &["no"]).is_err());
    }
}
