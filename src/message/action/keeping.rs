//! Pins messages in their chat, and keeps those that would disappear, for all who are in it. Each is a message of its own.

use entity::ids::SessionId;

use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::message::Messages;
use crate::message::action::action_types::NewPin;
use crate::message::action::actions::Act;
use crate::message::action::kind::Action;
use crate::message::types::{Accepted, MessagePlace, SendOptions};

/// Seconds of a day.
const DAY: u32 = 24 * 60 * 60;
/// For how many days a message can be pinned. Phones end any other pin at once.
const PIN_DAYS: [u32; 3] = [1, 7, 30];

impl Messages {
    /// Pins a message in its chat.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[tracing::instrument(level = "debug", name = "pin_message", skip_all, fields(session.id = %session))]
    pub async fn pin(
        &self,
        caller: &Caller,
        session: &SessionId,
        message_id: &str,
        NewPin { days, chat, sender }: NewPin,
        send: SendOptions,
    ) -> Result<Accepted> {
        let days = days.unwrap_or(7);
        if !PIN_DAYS.contains(&days) {
            return Err(Error::invalid("days", "must be 1, 7 or 30"));
        }
        let action = Action::Pin { seconds: Some(days * DAY) };
        self.act(caller, session, Act { message_id, chat, sender, action }, send).await
    }

    /// Unpins a message.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[tracing::instrument(level = "debug", name = "unpin_message", skip_all, fields(session.id = %session))]
    pub async fn unpin(
        &self,
        caller: &Caller,
        session: &SessionId,
        message_id: &str,
        MessagePlace { chat, sender }: MessagePlace,
        send: SendOptions,
    ) -> Result<Accepted> {
        self.act(caller, session, Act { message_id, chat, sender, action: Action::Pin { seconds: None } }, send).await
    }

    /// Keeps a message that would disappear, or does so no longer.
    ///
    /// # Errors
    /// As [`send`](Self::send); `Invalid`: messages of the chat do not disappear.
    #[tracing::instrument(level = "debug", name = "keep_message", skip_all, fields(session.id = %session))]
    pub async fn keep(
        &self,
        caller: &Caller,
        session: &SessionId,
        message_id: &str,
        (place, is_kept): (MessagePlace, bool),
        send: SendOptions,
    ) -> Result<Accepted> {
        let MessagePlace { chat, sender } = place;
        self.act(caller, session, Act { message_id, chat, sender, action: Action::Keep { is_kept } }, send).await
    }
}
