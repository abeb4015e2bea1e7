//! What is done to a message: a reaction, another text, its removal, a vote in it, and what `voting` and `keeping` ask for. Each is a
//! message of its own, and goes the way of every other.
//!
//! Which chat the message is in and who sent it is looked up, and not taken from the client: a reaction that names the wrong sender
//! is acknowledged, and nobody ever sees it. Only of a message that is not known (any more) the client has to say it.

use std::time::Duration;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::access::Scope;
use entity::words::message::{Attendance, MessageType};
use entity::words::outgoing::{FailureCode, MessageStatus};
use futures::FutureExt as _;
use serde::Serialize;

use crate::account::Identity;
use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::event::index::{IndexedMessage, StoredMessage};
use crate::event::index_store;
use crate::message::accepting::{Asked, Draft, own};
use crate::message::answers::{Made, Question};
use crate::message::grouping::Place;
use crate::message::naming::without_device;
use crate::message::outbox_store;
use crate::message::person::Person;
use crate::message::recipient::{Recipient, STATUS, is_group};
use crate::message::rules;
use crate::message::transition::{Progress, is_open};
use crate::message::types::{Accepted, MessagePlace, NewEdit, NewReaction, SendOptions};
use crate::message::{Messages, not_found};
use crate::session::client::Account;
use crate::whatsapp::compose::{self, SECRET_BYTES, Target};

/// What is done to which message.
#[derive(Serialize)]
pub(super) struct Act<'a> {
    pub(super) message_id: &'a str,
    pub(super) chat: Option<String>,
    pub(super) sender: Option<String>,
    pub(super) action: Action,
}

/// Which message is meant.
#[derive(Clone, Copy)]
pub(super) struct Which<'a> {
    pub(super) message_id: &'a str,
    pub(super) chat: Option<&'a str>,
    pub(super) sender: Option<&'a str>,
}

/// What is done to a message.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
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

/// The message that it is done to.
pub(super) struct Found {
    pub(super) target: Target,
    /// What it is. None if it is not known.
    pub(super) message_type: Option<MessageType>,
    /// JID of who sent it, without a device.
    sender: String,
    /// Its protobuf. Empty if that is not kept.
    pub(super) content: Vec<u8>,
    /// When it was sent. None if it was not yet, or is not known.
    sent_at: Option<Timestamp>,
    /// Whether it is known that there is such a chat.
    is_checked: bool,
    /// Whether it was removed for everybody.
    pub(super) is_removed: bool,
}

impl Messages {
    /// Reacts to a message; the account's reaction before is replaced.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[tracing::instrument(level = "debug", name = "react_to_message", skip_all, fields(session.id = %session))]
    pub async fn react(
        &self,
        caller: &Caller,
        session: &SessionId,
        message_id: &str,
        new: NewReaction,
        options: SendOptions,
    ) -> Result<Accepted> {
        let NewReaction { emoji, chat, sender } = new;
        let act = Act { message_id, chat, sender, action: Action::React { emoji } };
        self.act(caller, session, act, options).await
    }

    /// Takes the account's reaction to a message back.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[tracing::instrument(level = "debug", name = "remove_reaction", skip_all, fields(session.id = %session))]
    pub async fn remove_reaction(
        &self,
        caller: &Caller,
        session: &SessionId,
        message_id: &str,
        MessagePlace { chat, sender }: MessagePlace,
        options: SendOptions,
    ) -> Result<Accepted> {
        let act = Act { message_id, chat, sender, action: Action::RemoveReaction };
        self.act(caller, session, act, options).await
    }

    /// Gives a text of the account another wording, within 15 minutes.
    ///
    /// # Errors
    /// As [`send`](Self::send); `NotYours`, `MessageTooOld`.
    #[tracing::instrument(level = "debug", name = "edit_message", skip_all, fields(session.id = %session))]
    pub async fn edit(
        &self,
        caller: &Caller,
        session: &SessionId,
        message_id: &str,
        NewEdit { text, chat, sender }: NewEdit,
        options: SendOptions,
    ) -> Result<Accepted> {
        let act = Act { message_id, chat, sender, action: Action::Edit { text } };
        self.act(caller, session, act, options).await
    }

    /// Removes a message of the account for everybody, or one of somebody else in a group of which the account is an admin, within two
    /// days.
    ///
    /// # Errors
    /// As [`send`](Self::send); `NotYours`, `MessageTooOld`.
    #[tracing::instrument(level = "debug", name = "revoke_message", skip_all, fields(session.id = %session))]
    pub async fn revoke(
        &self,
        caller: &Caller,
        session: &SessionId,
        message_id: &str,
        MessagePlace { chat, sender }: MessagePlace,
        options: SendOptions,
    ) -> Result<Accepted> {
        let act = Act { message_id, chat, sender, action: Action::Revoke };
        self.act(caller, session, act, options).await
    }

    pub(super) async fn act(
        &self,
        caller: &Caller,
        session: &SessionId,
        act: Act<'_>,
        options: SendOptions,
    ) -> Result<Accepted> {
        let account = self.sessions.account(caller, Scope::MessagesSend, session)?;
        let act = Act { action: act.action.checked()?, ..act };
        let (fingerprint, client_reference) = (rules::fingerprint(&act)?, None);
        let asked = Asked { caller, session, account: &account, fingerprint, client_reference, options };
        self.accept(asked, || self.action(session, &account, act).boxed()).boxed().await
    }

    /// What is done to a message, as it is to be sent.
    async fn action(&self, session: &SessionId, account: &Account, act: Act<'_>) -> Result<Draft> {
        let (own, now) = (own(account)?, self.clock.now());
        let mut found = self.target(session, own, act.which()).await?;
        let (action, place) = (act.action, self.place(session, account, &mut found.target).await?);
        if let Some(facts) = place.facts.as_deref() {
            // The account, too, is known there by the name that all have there.
            found.sender = self.member_jid(session, &found.sender, Some(facts)).await?;
        }
        let is_admin = place.is_admin && action == Action::Revoke;
        if found.target.chat == STATUS {
            action.require_of_status(found.target.is_from_me)?;
        }
        action.require(found.target.is_from_me || is_admin, found.message_type)?;
        let last_moment = action.last_moment(found.sent_at);
        if last_moment.is_some_and(|last| last <= now) {
            return Err(Error::new(ErrorKind::MessageTooOld, action.too_late()));
        }
        if found.is_removed {
            return Err(Error::new(ErrorKind::Invalid, "the message was removed for everybody"));
        }
        let names = self.outboxes.shared.recipients.names(session, &found.target.chat).await?;
        if matches!(action, Action::Keep { .. }) && !self.disappears(session, &place, &names).await? {
            let detail = "messages of this chat do not disappear, so there is nothing to keep";
            return Err(Error::new(ErrorKind::Invalid, detail));
        }
        let Made { message_type, content, effect } = action.made(&found, own, now, rand::random())?;
        // Later the phones would not take it.
        let expires_at = now.after(rules::EXPIRES_AFTER);
        let expires_at = last_moment.map_or(expires_at, |last| last.min(expires_at));
        let Found { target: Target { chat: recipient, message_id, .. }, is_checked, .. } = found;
        let (is_checked, audience) = (place.is_checked.unwrap_or(is_checked), place.audience);
        let is_change = matches!(message_type, MessageType::Edit | MessageType::Revoke);
        let quoted_id = is_change.then_some(message_id);
        let (upload, send_at) = (None, None);
        Ok(Draft {
            recipient,
            is_checked,
            names,
            audience,
            message_type,
            quoted_id,
            content,
            upload,
            effect,
            send_at,
            expires_at,
        })
    }

    /// Whether messages of a chat disappear.
    async fn disappears(&self, session: &SessionId, place: &Place, names: &[String]) -> Result<bool> {
        match place.facts.as_ref().and_then(|facts| facts.expiration) {
            Some(seconds) => Ok(seconds > 0),
            None => Ok(self.timer(session, names).await?.is_some()),
        }
    }

    /// The message that something is done to.
    pub(super) async fn target(&self, session: &SessionId, own: &Identity, which: Which<'_>) -> Result<Found> {
        let Which { message_id, chat, sender } = which;
        let chats = self.names_of(session, "chat", chat).await?;
        let senders = self.names_of(session, "sender", sender).await?;
        let is_one_of = |names: &Option<Vec<String>>, jid: &str| {
            names.as_ref().is_none_or(|names| names.iter().any(|name| name == jid))
        };
        let is_it = |stored: &StoredMessage| {
            let key = &stored.message.key;
            is_one_of(&chats, &key.chat) && is_one_of(&senders, &without_device(&key.sender))
        };
        let found = index_store::with_id(self.db.read(), session, message_id).await?.into_iter().find(is_it);
        match (found, chat, sender) {
            (Some(stored), _, _) => self.known_target(session, stored).await,
            (None, Some(chat), Some(sender)) => unknown_target(own, message_id, chat, sender),
            (None, _, _) => Err(not_found()),
        }
    }

    async fn names_of(&self, session: &SessionId, field: &str, jid: Option<&str>) -> Result<Option<Vec<String>>> {
        match jid {
            Some(jid) => Ok(Some(self.chat_names(session, field, jid).await?)),
            None => Ok(None),
        }
    }

    async fn known_target(&self, session: &SessionId, stored: StoredMessage) -> Result<Found> {
        let message_ids = [stored.message.key.message_id.clone()];
        let is_removed = self.changes(session, &message_ids).await?.is_removed(&stored);
        let IndexedMessage { key, is_from_me, message_type, sent_at, content, .. } = stored.message;
        let row = match is_from_me {
            true => outbox_store::find(self.db.read(), session, &key.message_id).await?,
            false => None,
        };
        let progress = row.map(|row| row.progress);
        if progress.as_ref().is_some_and(is_with_nobody) {
            return Err(Error::new(ErrorKind::MessageNotFound, "the message was not sent, so nobody has it"));
        }
        let sent_at = match &progress {
            Some(progress) if is_open(progress.status) => None,
            Some(progress) => Some(progress.sent_at.unwrap_or(sent_at)),
            None => Some(sent_at),
        };
        let is_checked = progress.as_ref().is_none_or(|progress| progress.is_checked);
        let chat = progress.map_or(key.chat, |progress| progress.recipient);
        // In a chat of two it is clear who sent what the account did not.
        let sender = without_device(&key.sender);
        let participant = ((is_group(&chat) || chat == STATUS) && !is_from_me).then(|| sender.clone());
        let target = Target { chat, message_id: key.message_id, is_from_me, participant };
        let message_type = Some(message_type);
        Ok(Found { target, message_type, sender, content, sent_at, is_checked, is_removed })
    }
}

/// A message of which only is known what the client says.
fn unknown_target(own: &Identity, message_id: &str, chat: &str, sender: &str) -> Result<Found> {
    let message_id = rules::key("message_id", message_id.to_owned())?;
    let (chat, sender) = (Recipient::parse("chat", chat)?, Person::parse("sender", sender)?);
    let is_from_me = sender.is(own);
    let participant = match &chat {
        Recipient::Person(person) if !is_from_me && sender != *person => {
            return Err(Error::invalid(
                "sender",
                "must be the account or the other person of the chat, written as in `chat`",
            ));
        }
        Recipient::Group(_) | Recipient::Status if !is_from_me => Some(sender.jid()),
        Recipient::Person(_) | Recipient::Group(_) | Recipient::Status => None,
    };
    let target = Target { chat: chat.jid(), message_id, is_from_me, participant };
    let (sender, content) = (sender.jid(), Vec::new());
    let (message_type, sent_at) = (None, None);
    Ok(Found { target, message_type, sender, content, sent_at, is_checked: false, is_removed: false })
}

/// Whether a message reached nobody, and will not.
fn is_with_nobody(progress: &Progress) -> bool {
    // What is done to it would be sent before it.
    if progress.awaits_upload {
        return true;
    }
    match progress.status {
        MessageStatus::Scheduled | MessageStatus::Cancelled | MessageStatus::Expired => true,
        MessageStatus::Failed => progress.code != Some(FailureCode::Unconfirmed),
        MessageStatus::Queued
        | MessageStatus::Sending
        | MessageStatus::Sent
        | MessageStatus::Delivered
        | MessageStatus::Read
        | MessageStatus::Played
        | MessageStatus::Unconfirmed => false,
    }
}

/// Whether such a message is about another one, and nothing that is seen by itself.
pub(super) const fn is_about_another(message_type: MessageType) -> bool {
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

impl Act<'_> {
    fn which(&self) -> Which<'_> {
        Which { message_id: self.message_id, chat: self.chat.as_deref(), sender: self.sender.as_deref() }
    }
}

impl Action {
    /// The message by which it is done.
    fn made(&self, found: &Found, own: &Identity, now: Timestamp, secret: [u8; SECRET_BYTES]) -> Result<Made> {
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
    fn checked(self) -> Result<Self> {
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
    fn require(&self, is_theirs: bool, message_type: Option<MessageType>) -> Result<()> {
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
    fn require_of_status(&self, is_from_me: bool) -> Result<()> {
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
    fn last_moment(&self, sent_at: Option<Timestamp>) -> Option<Timestamp> {
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

    const fn too_late(&self) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::PhoneNumber;

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

    #[test]
    fn of_an_unknown_message_the_client_says_the_chat_and_who_sent_it() {
        let phone_number = PhoneNumber::parse("phone_number", "15550100001").expect("a number");
        let own = Identity { phone_number, lid: None, device_id: 1 };
        let target = |chat: &str, sender: &str| {
            let found = unknown_target(&own, "3EB0A", chat, sender).map_err(|error| error.kind());
            found.map(|found| (found.target.chat, found.target.is_from_me, found.target.participant))
        };
        let chat = || "15550100077@s.whatsapp.net".to_owned();
        assert_eq!(target("15550100077", "+1 555 010-0001"), Ok((chat(), true, None)));
        assert_eq!(target("15550100077", "15550100077@s.whatsapp.net"), Ok((chat(), false, None)));
        assert_eq!(target("15550100077", "15550100078"), Err(ErrorKind::Invalid));
        let group = || "120363000000000001@g.us".to_owned();
        let of_somebody = (group(), false, Some("15550100078@s.whatsapp.net".to_owned()));
        assert_eq!(target("120363000000000001@g.us", "15550100078"), Ok(of_somebody));
        assert_eq!(target("120363000000000001@g.us", "15550100001"), Ok((group(), true, None)));
        assert_eq!(target("1@newsletter", "15550100078"), Err(ErrorKind::InvalidRecipient));
    }
}
