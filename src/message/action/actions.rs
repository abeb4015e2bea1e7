//! What is done to a message: a reaction, another text, its removal, a vote in it, and what `voting` and `keeping` ask for. Each is a
//! message of its own, and goes the way of every other.

use entity::ids::SessionId;
use entity::words::access::Scope;
use entity::words::message::MessageType;
use futures::FutureExt as _;
use serde::Serialize;

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Messages;
use crate::message::action::kind::Action;
use crate::message::action::target::{Found, Which};
use crate::message::lookup::recipient::STATUS;
use crate::message::request::accepting::{Asked, Draft, own};
use crate::message::request::answers::Made;
use crate::message::request::grouping::Place;
use crate::message::rules;
use crate::message::types::{Accepted, MessagePlace, NewEdit, NewReaction, SendOptions};
use crate::session::client::Account;
use crate::whatsapp::compose::Target;

/// What is done to which message.
#[derive(Serialize)]
pub(in crate::message) struct Act<'a> {
    pub(in crate::message) message_id: &'a str,
    pub(in crate::message) chat: Option<String>,
    pub(in crate::message) sender: Option<String>,
    pub(in crate::message) action: Action,
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

    pub(in crate::message) async fn act(
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
        let (upload, file, send_at) = (None, None, None);
        Ok(Draft {
            recipient,
            is_checked,
            names,
            audience,
            message_type,
            quoted_id,
            content,
            upload,
            file,
            items: Vec::new(),
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
}

impl Act<'_> {
    fn which(&self) -> Which<'_> {
        Which { message_id: self.message_id, chat: self.chat.as_deref(), sender: self.sender.as_deref() }
    }
}
