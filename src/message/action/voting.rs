//! Votes in polls, and answers to events. Each is a message of its own, and goes the way of every other.

use entity::ids::SessionId;

use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::message::Messages;
use crate::message::action::action_types::{NewAttendance, NewVote};
use crate::message::action::actions::Act;
use crate::message::action::kind::Action;
use crate::message::rules::EXTRA_GUESTS_MAX;
use crate::message::types::{Accepted, SendOptions};

impl Messages {
    /// Votes in a poll; the account's vote before is replaced, and nothing takes it back.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[tracing::instrument(level = "debug", name = "vote", skip_all, fields(session.id = %session))]
    pub async fn vote(
        &self,
        caller: &Caller,
        session: &SessionId,
        message_id: &str,
        NewVote { options, chat, sender }: NewVote,
        send: SendOptions,
    ) -> Result<Accepted> {
        self.act(caller, session, Act { message_id, chat, sender, action: Action::Vote { options } }, send).await
    }

    /// Says whether the account comes to an event; its answer before is replaced.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[tracing::instrument(level = "debug", name = "set_attendance", skip_all, fields(session.id = %session))]
    pub async fn set_attendance(
        &self,
        caller: &Caller,
        session: &SessionId,
        message_id: &str,
        new: NewAttendance,
        send: SendOptions,
    ) -> Result<Accepted> {
        let NewAttendance { answer, extra_guests, chat, sender } = new;
        let extra_guests = extra_guests.unwrap_or(0);
        if extra_guests > EXTRA_GUESTS_MAX {
            return Err(Error::invalid("extra_guests", format!("must be from 0 to {EXTRA_GUESTS_MAX}")));
        }
        let extra_guests = i32::try_from(extra_guests).map_err(Error::internal)?;
        let action = Action::Attend { answer, extra_guests };
        self.act(caller, session, Act { message_id, chat, sender, action }, send).await
    }
}
