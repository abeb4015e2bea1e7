//! Sets after how long messages disappear: in a chat of two by a message to the other person, in a group by asking WhatsApp, and for
//! new chats by a setting of the account.

use entity::ids::SessionId;
use entity::words::access::Scope;
use entity::words::message::MessageType;
use serde::Serialize;

use crate::caller::Caller;
use crate::db::batch::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::event::entry::JournalEntry;
use crate::event::timer::ChatTimer;
use crate::event::timer_store;
use crate::message::action::action_types::{DefaultTimer, NewTimer, TimerOfChat};
use crate::message::action::chats;
use crate::message::lookup::person::Person;
use crate::message::request::accepting::{Asked, Draft, own};
use crate::message::store::effect::Effect;
use crate::message::types::SendOptions;
use crate::message::{Messages, rules};
use crate::session::client::Account;
use crate::whatsapp::compose;

/// What phones offer, seconds. They do not know what any other number means.
const TIMERS: [u32; 4] = [0, 86_400, 604_800, 7_776_000];

/// What tells one request from another.
#[derive(Serialize)]
struct Setting<'a> {
    chat: &'a str,
    timer: u32,
}

impl Messages {
    /// Sets after how long messages of a chat disappear.
    ///
    /// # Errors
    /// As [`send`](Self::send); `ChatNotFound`, and for a group `GroupNotFound`, `NotInGroup`, `GroupAdminsOnly`, `Upstream`,
    /// `UpstreamTimeout`.
    #[tracing::instrument(level = "debug", name = "set_chat_timer", skip_all, fields(session.id = %session))]
    pub async fn set_chat_timer(
        &self,
        caller: &Caller,
        session: &SessionId,
        chat: &str,
        new: NewTimer,
        options: SendOptions,
    ) -> Result<TimerOfChat> {
        let account = self.sessions.account(caller, Scope::ChatsWrite, session)?;
        let (chat, seconds) = (chats::chat(chat)?, checked(new)?);
        if chat.ends_with("@g.us") {
            return self.set_group_timer(session, &account, chat, seconds).await;
        }
        let (fingerprint, client_reference) = (rules::fingerprint(&Setting { chat: &chat, timer: seconds })?, None);
        let asked = Asked { caller, session, account: &account, fingerprint, client_reference, options };
        let accepted = self.accept(asked, || self.timer_draft(session, &account, &chat, seconds)).await?;
        let chat = accepted.message.chat.clone();
        Ok(TimerOfChat { chat, seconds, message: Some(accepted.message) })
    }

    /// Sets with which timer chats begin.
    ///
    /// # Errors
    /// `SessionNotFound`, `SessionNotConnected`, `Invalid`, `Upstream`, `UpstreamTimeout`.
    #[tracing::instrument(level = "debug", name = "set_default_timer", skip_all, fields(session.id = %session))]
    pub async fn set_default_timer(&self, caller: &Caller, session: &SessionId, new: NewTimer) -> Result<DefaultTimer> {
        let account = self.sessions.account(caller, Scope::ProfileWrite, session)?;
        let seconds = checked(new)?;
        account.online()?.set_default_timer(seconds).await?;
        Ok(DefaultTimer { seconds })
    }

    /// The message that sets the timer of a chat of two.
    async fn timer_draft(&self, session: &SessionId, account: &Account, chat: &str, seconds: u32) -> Result<Draft> {
        let (own, now, to) = (own(account)?, self.clock.now(), Person::parse("chat_id", chat)?);
        if to.is(own) {
            return Err(Error::about(ErrorKind::InvalidRecipient, "chat_id", "must be one with somebody else"));
        }
        let found = self.recipient(session, account, &to).await?;
        let is_checked = found.is_some();
        let recipient = found.unwrap_or_else(|| to.jid());
        let names = self.outboxes.shared.recipients.names(session, &recipient).await?;
        let seconds_shown = i32::try_from(seconds).map_err(Error::internal)?;
        Ok(Draft {
            recipient,
            is_checked,
            names,
            message_type: MessageType::Timer,
            quoted_id: None,
            content: compose::timer(seconds, now, rand::random()),
            audience: Vec::new(),
            upload: None,
            file: None,
            items: Vec::new(),
            effect: Some(Effect::Timer { seconds: seconds_shown }),
            send_at: None,
            expires_at: now.after(rules::EXPIRES_AFTER),
        })
    }

    async fn set_group_timer(
        &self,
        session: &SessionId,
        account: &Account,
        chat: String,
        seconds: u32,
    ) -> Result<TimerOfChat> {
        account.online()?.set_group_timer(&chat, seconds).await?;
        // What was known of the group has the timer of before.
        self.outboxes.shared.groups.forget(session, &chat);
        // WhatsApp tells it the account's devices as well, but maybe later than the next message is made.
        let timer = ChatTimer {
            chat: chat.clone(),
            seconds: i32::try_from(seconds).map_err(Error::internal)?,
            set_at: self.clock.now(),
        };
        let session = session.clone();
        let last = Box::new(move |batch: &mut Batch| {
            timer_store::write_in(batch, [(&session, &timer)].into_iter());
        });
        self.journal.write(JournalEntry { last: Some(last), ..JournalEntry::default() }).await?;
        Ok(TimerOfChat { chat, seconds, message: None })
    }
}

fn checked(NewTimer { seconds }: NewTimer) -> Result<u32> {
    if TIMERS.contains(&seconds) {
        return Ok(seconds);
    }
    Err(Error::invalid("seconds", "must be 0, 86400, 604800 or 7776000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_is_one_that_phones_offer() {
        for seconds in TIMERS {
            assert_eq!(checked(NewTimer { seconds }).expect("it is one"), seconds);
        }
        for seconds in [1, 3_600, 86_401, u32::MAX] {
            let refusal = checked(NewTimer { seconds }).expect_err("it is none").to_string();
            assert_eq!(refusal, "`seconds` must be 0, 86400, 604800 or 7776000");
        }
    }
}
