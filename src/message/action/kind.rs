//! What can be done to a message, to which messages and for how long, and the message that does it.

use std::time::Duration;

use entity::timestamp::Timestamp;
use entity::words::message::{Attendance, MessageType};
use serde::Serialize;

use crate::account::Identity;
use crate::error::{Error, ErrorKind, Result};
use crate::message::action::target::Found;
use crate::message::request::answers::{Made, Question};
use crate::message::rules;
use crate::whatsapp::compose::{self, SECRET_BYTES};

/// What is done to a message.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::message) enum Action {
    /// The account reacts to it.
    React { emoji: String },
    /// The account takes its reaction back.
    RemoveReaction,
    /// It gets another text.
    Edit { text: String },
    /// It is removed for everybody.
    Revoke,
    /// The account votes in it.
    Vote { options: Vec<String> },
    /// The account says whether it comes.
    Attend { answer: Attendance, extra_guests: i32 },
    /// It is pinned for so many seconds. None of them unpins it.
    Pin { seconds: Option<u32> },
    /// It is kept, or not any more.
    Keep { is_kept: bool },
}

impl Action {
    /// The message by which it is done.
    pub(in crate::message) fn made(
        &self,
        found: &Found,
        own: &Identity,
        now: Timestamp,
        secret: [u8; SECRET_BYTES],
    ) -> Result<Made> {
        let Found { target, sender, content, .. } = found;
        let question = Question { target, sender, content, own };
        let (message_type, content) = match self {
            Self::React { emoji } => (MessageType::Reaction, compose::reaction(target, emoji, now, secret)),
            Self::RemoveReaction => (MessageType::Reaction, compose::reaction(target, "", now, secret)),
            Self::Edit { text } => (MessageType::Edit, compose::edit(target, text, now, secret)),
            Self::Revoke => (MessageType::Revoke, compose::revoke(target, secret)),
            Self::Pin { seconds } => (MessageType::Pin, compose::pin(target, *seconds, now, secret)),
            Self::Keep { is_kept } => (MessageType::Keep, compose::keep(target, *is_kept, now, secret)),
            Self::Vote { options } => return question.vote(options, now, secret),
            Self::Attend { answer, extra_guests } => {
                return question.attendance((*answer, *extra_guests), now, secret);
            }
        };
        Ok(Made { message_type, content, effect: None })
    }

    /// The same, if what it says keeps the rules.
    pub(in crate::message) fn checked(self) -> Result<Self> {
        Ok(match self {
            Self::React { emoji } => Self::React { emoji: rules::emoji("emoji", emoji)? },
            Self::Edit { text } => Self::Edit { text: rules::text("text", text)? },
            Self::RemoveReaction
            | Self::Revoke
            | Self::Vote { .. }
            | Self::Attend { .. }
            | Self::Pin { .. }
            | Self::Keep { .. } => self,
        })
    }

    /// Whether it can be done to such a message. `is_theirs` says whether the account sent it, or is an admin who may remove it.
    pub(in crate::message) fn require(&self, is_theirs: bool, message_type: Option<MessageType>) -> Result<()> {
        if matches!(self, Self::Edit { .. } | Self::Revoke) && !is_theirs {
            let detail =
                "the message was sent by somebody else; only admins of a group can remove what others sent there";
            return Err(Error::new(ErrorKind::NotYours, detail));
        }
        if message_type.is_some_and(is_about_another) {
            let detail = "the message is itself about another one: name that one, as it was sent first";
            return Err(Error::new(ErrorKind::Invalid, detail));
        }
        let is_text = message_type.is_none_or(|message_type| message_type == MessageType::Text);
        if matches!(self, Self::Edit { .. }) && !is_text {
            return Err(Error::new(ErrorKind::Invalid, "only texts can be edited"));
        }
        if matches!(self, Self::Vote { .. }) && message_type.is_some_and(|of| of != MessageType::Poll) {
            return Err(Error::new(ErrorKind::Invalid, "the message is no poll"));
        }
        if matches!(self, Self::Attend { .. }) && message_type.is_some_and(|of| of != MessageType::Appointment) {
            return Err(Error::new(ErrorKind::Invalid, "the message is no event"));
        }
        Ok(())
    }

    /// Whether it can be done to a status.
    pub(in crate::message) fn require_of_status(&self, is_from_me: bool) -> Result<()> {
        let can = match self {
            Self::React { .. } | Self::RemoveReaction => !is_from_me,
            // The library writes the removal of a status without the attribute by which WhatsApp knows one.
            Self::Revoke
            | Self::Edit { .. }
            | Self::Vote { .. }
            | Self::Attend { .. }
            | Self::Pin { .. }
            | Self::Keep { .. } => false,
        };
        match can {
            true => Ok(()),
            false => {
                let detail =
                    "nothing can be done to a status of the account, and to one of somebody else only be reacted";
                Err(Error::new(ErrorKind::Invalid, detail))
            }
        }
    }

    /// From when on it cannot be done any more to a message that was sent then. None if it always can, or nobody knows.
    pub(in crate::message) fn last_moment(&self, sent_at: Option<Timestamp>) -> Option<Timestamp> {
        let window: Duration = match self {
            Self::Edit { .. } => rules::EDIT_WINDOW,
            Self::Revoke => rules::REVOKE_WINDOW,
            Self::React { .. }
            | Self::RemoveReaction
            | Self::Vote { .. }
            | Self::Attend { .. }
            | Self::Pin { .. }
            | Self::Keep { .. } => return None,
        };
        sent_at.map(|sent_at| sent_at.after(window))
    }

    pub(in crate::message) const fn too_late(&self) -> &'static str {
        match self {
            Self::Edit { .. } => "a message can be edited for 15 minutes after it was sent",
            Self::Revoke => "a message can be removed for everybody for 2 days after it was sent",
            Self::React { .. }
            | Self::RemoveReaction
            | Self::Vote { .. }
            | Self::Attend { .. }
            | Self::Pin { .. }
            | Self::Keep { .. } => "the message is too old",
        }
    }
}

/// Whether such a message is about another one, and nothing that is seen by itself.
pub(in crate::message) const fn is_about_another(message_type: MessageType) -> bool {
    matches!(
        message_type,
        MessageType::Reaction
            | MessageType::Edit
            | MessageType::Revoke
            | MessageType::PollVote
            | MessageType::Pin
            | MessageType::Attendance
            | MessageType::Keep
            | MessageType::Timer
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit() -> Action {
        Action::Edit { text: "at seven".to_owned() }
    }

    fn react() -> Action {
        Action::React { emoji: "\u{1f44d}".to_owned() }
    }

    #[test]
    fn only_own_texts_are_edited_and_only_own_messages_removed() {
        let kind = |action: &Action, is_from_me, message_type| {
            action.require(is_from_me, message_type).err().map(|error| error.kind())
        };
        for action in [edit(), Action::Revoke] {
            assert_eq!(kind(&action, false, Some(MessageType::Text)), Some(ErrorKind::NotYours));
            assert_eq!(kind(&action, true, Some(MessageType::Text)), None);
            assert_eq!(kind(&action, true, None), None, "of an old message nobody knows what it was");
        }
        assert_eq!(kind(&edit(), true, Some(MessageType::Image)), Some(ErrorKind::Invalid));
        assert_eq!(kind(&Action::Revoke, true, Some(MessageType::Image)), None);
        for is_from_me in [true, false] {
            assert_eq!(kind(&react(), is_from_me, Some(MessageType::Image)), None);
            assert_eq!(kind(&react(), is_from_me, Some(MessageType::Reaction)), Some(ErrorKind::Invalid));
        }
    }

    #[test]
    fn an_edit_has_fifteen_minutes_a_removal_two_days_and_a_reaction_all_the_time() {
        let sent_at = Timestamp::from_millis(1_767_143_264_000);
        let later = |minutes: u64| sent_at.after(Duration::from_secs(minutes * 60));
        assert_eq!(edit().last_moment(Some(sent_at)), Some(later(15)));
        assert_eq!(Action::Revoke.last_moment(Some(sent_at)), Some(later(2 * 24 * 60)));
        assert_eq!(react().last_moment(Some(sent_at)), None);
        assert_eq!(edit().last_moment(None), None, "it is sent before the edit is, whenever that will be");
    }
}
