//! Holds what WhatsApp does not take for now: it keeps some accounts from beginning chats for a time. Messages to people who have never
//! written wait until that is over; all others go on.

use std::ops::ControlFlow;
use std::time::Duration;

use entity::timestamp::Timestamp;
use entity::words::outgoing::{FailureCode, MessageStatus, RestrictionKind};
use tracing::{info, warn};

use crate::error::{ErrorKind, Result, chain};
use crate::message::limit::restrictions::{Pass, Probe};
use crate::message::sending::outbox::{Outbox, Turn};
use crate::message::store::outgoing::OutgoingRow;
use crate::message::store::restriction_store::RestrictionRow;
use crate::message::store::transition::Happening;
use crate::whatsapp::client::Client;

/// How long a message is held when WhatsApp did not answer until when.
const UNKNOWN_END: Duration = Duration::from_secs(60);

/// Until when an account may begin no chat.
enum RestrictionEnd {
    /// Until then.
    Named(Timestamp),
    /// Nobody knows: to be tried again then.
    Unknown(Timestamp),
    /// WhatsApp names no end.
    None,
}

impl Outbox {
    /// Whether a message whose moment has come is given to WhatsApp now: if not, this is what the turn came to. What is given with it is
    /// kept until it is known what became of the message.
    pub(in crate::message) async fn gate(
        &self,
        row: &OutgoingRow,
        now: Timestamp,
    ) -> Result<ControlFlow<Turn, Option<Probe<'_>>>> {
        let restrictions = &self.shared.restrictions;
        let (session, progress) = (&self.session, &row.progress);
        // What was sent before may come again, whatever has changed.
        let is_first = progress.status == MessageStatus::Queued;
        if !restrictions.is_holding || !is_first || !restrictions.is_known(session) {
            return Ok(ControlFlow::Continue(None));
        }
        if self.shared.recipients.has_written(session, &progress.recipient).await? {
            return Ok(ControlFlow::Continue(None));
        }
        Ok(match restrictions.pass(session, &row.message_id, now) {
            Pass::Free => ControlFlow::Continue(None),
            Pass::Probe(probe) => ControlFlow::Continue(Some(probe)),
            Pass::Later(moment) => {
                restrictions.wait(session, &row.lane);
                ControlFlow::Break(Turn::Later(moment))
            }
            Pass::Held(until) => {
                self.shared.transitions.write_one(session, &row.message_id, Happening::Held { until }).await?;
                ControlFlow::Break(self.held(row, until).await?)
            }
        })
    }

    /// What the turn of a message came to that was written to be held. Who lifts the restriction at the same time does not see it.
    async fn held(&self, row: &OutgoingRow, until: Timestamp) -> Result<Turn> {
        if self.shared.restrictions.holds(&self.session, until) {
            return Ok(Turn::Later(until.min(row.progress.expires_at)));
        }
        let released = Happening::Released { now: self.shared.clock.now() };
        self.shared.transitions.write_one(&self.session, &row.message_id, released).await?;
        Ok(Turn::Done)
    }

    /// Writes what becomes of a message that WhatsApp refused because its account may begin no chat: it is held until the end that
    /// WhatsApp names, and fails if it names none.
    pub(in crate::message) async fn restricted(
        &self,
        client: &Client,
        row: &OutgoingRow,
        kind: RestrictionKind,
        upstream_code: i32,
    ) -> Result<Turn> {
        let is_holding = self.shared.restrictions.is_holding;
        match self.restriction_end(client, kind).await? {
            RestrictionEnd::Named(until) if is_holding => {
                self.end(row, Happening::Held { until }, Turn::Done).await?;
                self.held(row, until).await
            }
            RestrictionEnd::Unknown(until) if is_holding => {
                let turn = Turn::Later(until.min(row.progress.expires_at));
                self.end(row, Happening::Held { until }, turn).await
            }
            RestrictionEnd::Named(_) | RestrictionEnd::Unknown(_) | RestrictionEnd::None => {
                let code = match kind {
                    RestrictionKind::Timelock => FailureCode::AccountRestricted,
                    RestrictionKind::NewChatLimit => FailureCode::NewChatLimit,
                };
                let lifted = self.shared.restrictions.passed(&self.session, &row.message_id);
                let refused = Happening::Refused { code, upstream_code: Some(upstream_code) };
                let turn = self.end(row, refused, Turn::Done).await?;
                self.lift(lifted).await;
                Ok(turn)
            }
        }
    }

    /// Until when the account may begin no chat. WhatsApp is asked unless it is known.
    async fn restriction_end(&self, client: &Client, kind: RestrictionKind) -> Result<RestrictionEnd> {
        let (session, restrictions) = (&self.session, &self.shared.restrictions);
        let now = || self.shared.clock.now();
        if let Some(end) = restrictions.end(session, kind, now()) {
            return Ok(RestrictionEnd::Named(end));
        }
        let named = match client.restriction_end(kind).await {
            Ok(named) => named,
            Err(error) => {
                warn!(session.id = %session, error = chain(&error), "WhatsApp did not say until when it restricts session {session}");
                // That the question failed does not say that there is no end: the next refusal asks again.
                let until = now().after(error.retry_after().unwrap_or(UNKNOWN_END));
                return Ok(RestrictionEnd::Unknown(until));
            }
        };
        // Without an account there is no session any more.
        let (account, noted_at) = (self.account().unwrap_or_default(), now());
        let noted = named.and_then(|named| restrictions.note(session, &account, (kind, named), noted_at));
        let Some((until, is_news)) = noted else {
            // It refused a message all the same: what it said before is not shown as the last that is known.
            self.shared.standings.doubt(session, noted_at);
            return Ok(RestrictionEnd::None);
        };
        if is_news {
            info!(session.id = %session, "WhatsApp lets session {session} begin no new chat for now ({kind})");
            // How many chats were begun is another number now than it was.
            self.shared.standings.doubt(session, noted_at);
            let row = RestrictionRow { session_id: session.clone(), kind, account, ends_at: until, noted_at };
            match self.shared.transitions.write_restriction(row).await {
                Err(error) if error.kind() == ErrorKind::ShuttingDown => return Err(error),
                Err(error) => self.failed("that an account is restricted could not be written", &error),
                Ok(()) => {}
            }
        }
        Ok(RestrictionEnd::Named(until))
    }
}
