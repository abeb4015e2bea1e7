//! Holds what WhatsApp does not take for now: it keeps some accounts from beginning chats for a time. Messages to people who have never
//! written wait until that is over; all others go on.

use std::ops::ControlFlow;
use std::time::Duration;

use entity::timestamp::Timestamp;
use entity::words::outgoing::{FailureCode, MessageStatus, RestrictionKind};
use tracing::{info, warn};

use crate::error::{ErrorKind, Result, chain};
use crate::message::outbox::{Outbox, Turn};
use crate::message::outgoing::OutgoingRow;
use crate::message::restrictions::{Pass, Probe};
use crate::message::transition::Happening;
use crate::whatsapp::client::Client;

/// How long a message is held when WhatsApp did not answer until when.
const UNKNOWN_END: Duration = Duration::from_secs(60);

impl Outbox {
    /// Whether a message whose moment has come is given to WhatsApp now: if not, this is what the turn came to. What is given with it is
    /// kept until it is known what became of the message.
    pub(super) async fn gate(&self, row: &OutgoingRow, now: Timestamp) -> Result<ControlFlow<Turn, Option<Probe<'_>>>> {
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
        Ok(match restrictions.pass(session, now) {
            Pass::Free => ControlFlow::Continue(None),
            Pass::Probe(probe) => ControlFlow::Continue(Some(probe)),
            Pass::Later(moment) => ControlFlow::Break(Turn::Later(moment)),
            Pass::Held(until) => {
                self.shared.transitions.write_one(session, &row.message_id, Happening::Held { until }).await?;
                ControlFlow::Break(Turn::Later(until.min(progress.expires_at)))
            }
        })
    }

    /// Writes what becomes of a message that WhatsApp refused because its account may begin no chat: it is held until the end that
    /// WhatsApp names, and fails if it names none.
    pub(super) async fn restricted(
        &self,
        client: &Client,
        row: &OutgoingRow,
        kind: RestrictionKind,
        upstream_code: i32,
    ) -> Result<Turn> {
        match self.restriction_end(client, kind).await? {
            Some(until) if self.shared.restrictions.is_holding => {
                let turn = Turn::Later(until.min(row.progress.expires_at));
                self.end(row, Happening::Held { until }, turn).await
            }
            _ => {
                let code = match kind {
                    RestrictionKind::Timelock => FailureCode::AccountRestricted,
                    RestrictionKind::NewChatLimit => FailureCode::NewChatLimit,
                };
                self.shared.restrictions.passed(&self.session);
                self.end(row, Happening::Refused { code, upstream_code: Some(upstream_code) }, Turn::Done).await
            }
        }
    }

    /// Until when the account may begin no chat. WhatsApp is asked unless it is known.
    async fn restriction_end(&self, client: &Client, kind: RestrictionKind) -> Result<Option<Timestamp>> {
        let (session, restrictions) = (&self.session, &self.shared.restrictions);
        let now = || self.shared.clock.now();
        if let Some(end) = restrictions.end(session, kind, now()) {
            return Ok(Some(end));
        }
        let named = match client.restriction_end(kind).await {
            Ok(named) => named,
            Err(error) => {
                warn!(session.id = %session, error = chain(&error), "WhatsApp did not say until when it restricts session {session}");
                // That the question failed does not say that there is no end: the next refusal asks again.
                return Ok(Some(now().after(error.retry_after().unwrap_or(UNKNOWN_END))));
            }
        };
        let noted = named.and_then(|named| restrictions.note(session, kind, named, now()));
        let Some((until, is_news)) = noted else { return Ok(None) };
        if is_news {
            info!(session.id = %session, "WhatsApp lets session {session} begin no new chat for now ({kind})");
            match self.shared.transitions.write_restriction(session, kind, until).await {
                Err(error) if error.kind() == ErrorKind::ShuttingDown => return Err(error),
                Err(error) => self.failed("that an account is restricted could not be written", &error),
                Ok(()) => {}
            }
        }
        Ok(Some(until))
    }
}
