//! What holds a session's messages up, as it is now.

use entity::ids::SessionId;
use entity::words::access::Scope;

use crate::caller::Caller;
use crate::error::Result;
use crate::message::pacing::Pace;
use crate::message::types::{Limits, MessageQueue, SendRate};
use crate::message::{Messages, outbox_store};

impl Messages {
    /// What holds the messages of a session up.
    ///
    /// # Errors
    /// `SessionNotFound`, `Unavailable`.
    pub async fn limits(&self, caller: &Caller, session: &SessionId) -> Result<Limits> {
        self.sessions.account(caller, Scope::MessagesRead, session)?;
        let (waiting, oldest_at) = outbox_store::queue(self.db.read(), session).await?;
        let Pace { per_second, burst } = self.outboxes.shared.pacing.pace();
        let queue = MessageQueue { waiting: u32::try_from(waiting).unwrap_or(u32::MAX), oldest_at };
        Ok(Limits { queue, rate: SendRate { per_second, burst } })
    }
}
