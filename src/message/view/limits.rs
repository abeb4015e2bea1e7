//! What holds a session's messages up, as it is now.

use entity::ids::SessionId;
use entity::words::access::Scope;
use entity::words::outgoing::RestrictionKind;

use crate::caller::Caller;
use crate::error::Result;
use crate::message::Messages;
use crate::message::limit::pacing::Pace;
use crate::message::lookup::naming::own_jid;
use crate::message::sending::outboxes::Outboxes;
use crate::message::store::outbox_store;
use crate::message::types::{Limits, MessageQueue, SendRate, Timelock};
use crate::session::client::Account;
use crate::whatsapp::client::Client;

impl Messages {
    /// What holds the messages of a session up. What WhatsApp keeps its account from is asked when that is old; that WhatsApp does not
    /// answer is no failure.
    ///
    /// # Errors
    /// `SessionNotFound`, `Unavailable`.
    pub async fn limits(&self, caller: &Caller, session: &SessionId) -> Result<Limits> {
        let account = self.sessions.account(caller, Scope::MessagesRead, session)?;
        let shown = self.standing(session, &account).await?;
        let (waiting, oldest_at) = outbox_store::queue(self.db.read(), session).await?;
        let Pace { per_second, burst } = self.outboxes.shared.pacing.pace(session);
        let queue = MessageQueue { waiting: u32::try_from(waiting).unwrap_or(u32::MAX), oldest_at };
        Ok(Limits { queue, rate: SendRate { per_second, burst }, ..shown })
    }

    /// What WhatsApp keeps the account from.
    async fn standing(&self, session: &SessionId, account: &Account) -> Result<Limits> {
        let Some(own) = account.identity.as_ref().map(own_jid) else { return Ok(Limits::default()) };
        if let Ok(client) = account.online() {
            let (outboxes, session, own) = (self.outboxes.clone(), session.clone(), own.clone());
            // To its end: what is learned by it must not be lost.
            let asking = async move {
                ask(&outboxes, &session, &own, &client).await;
                Ok(())
            };
            self.lifecycle.complete(asking).await?;
        }
        let (shared, now) = (&self.outboxes.shared, self.clock.now());
        let said = shared.standings.known(session, &own, now);
        // A refused message may have told it later than the last answer did.
        let noted = shared.restrictions.noted_end(session, &own, RestrictionKind::Timelock, now);
        let is_newer =
            noted.is_some_and(|(_, noted_at)| said.checked_at.is_none_or(|checked_at| checked_at <= noted_at));
        let (until, checked_at) = match noted {
            Some((until, noted_at)) if is_newer => (Some(until), Some(noted_at)),
            _ => (said.timelock, said.checked_at),
        };
        let timelock = until.map(|until| Timelock { until });
        Ok(Limits { timelock, new_chats: said.new_chats, checked_at, ..Limits::default() })
    }
}

/// Asks WhatsApp if what is known is old. What was held for what is no more goes.
async fn ask(outboxes: &Outboxes, session: &SessionId, account: &str, client: &Client) {
    let shared = &outboxes.shared;
    let denied = shared.standings.refresh(session, account, client, &shared.clock).await;
    let Some(asked_at) = denied.asked_at else { return };
    for kind in denied.kinds {
        if let Some(lifted) = shared.restrictions.denied(session, kind, asked_at) {
            outboxes.lift(session, lifted).await;
        }
    }
}
