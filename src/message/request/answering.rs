//! Waits for what becomes of a message, for who asked for it.

use std::time::Duration;

use entity::words::outgoing::MessageStatus;

use crate::error::Result;
use crate::event::index::StoredMessage;
use crate::message::Messages;
use crate::message::request::accepting::{Intent, Written};
use crate::message::sending::failure;
use crate::message::shown::shown;
use crate::message::store::outbox_store;
use crate::message::store::outgoing::OutgoingRow;
use crate::message::store::transition::{is_open, is_sent};
use crate::message::types::Accepted;

/// How long an answer waits for a change that is being written.
const SETTLED: Duration = Duration::from_millis(500);

impl Messages {
    /// A message that was just written, once it is known what became of it, or the wait is over.
    pub(in crate::message) async fn outcome(&self, written: Written, wait: Duration) -> Result<Accepted> {
        let Written { intent, known, mut watched } = written;
        if !wait.is_zero() {
            let answered = watched.status.wait_for(|status| is_answer(*status));
            let _ = tokio::time::timeout(wait, answered).await; // Without an answer it is shown as it is.
        }
        let Intent { row: first, indexed, .. } = intent;
        // Whoever changes it right now may wait for the disk.
        let row = tokio::time::timeout(SETTLED, known.current()).await.ok().flatten();
        let message = match row {
            Some(row) => {
                shown(StoredMessage { message: indexed, position: 0, created_at: first.created_at }, Some(row))
            }
            None => self.message(&first.session_id, &first.message_id).await?,
        };
        match failure::refusal(&message, &self.outboxes.shared.restrictions, self.clock.now()) {
            Some(error) => Err(error),
            None => Ok(Accepted { message, is_replayed: false }),
        }
    }

    /// A message that was asked for before, once it is known what became of it, or the wait is over.
    pub(in crate::message) async fn answer(&self, row: OutgoingRow, wait: Duration) -> Result<Accepted> {
        let (session, id) = (&row.session_id, &row.message_id);
        if !wait.is_zero() {
            let mut watched = self.outboxes.shared.transitions.watch(session, id, row.progress.status);
            // What happened before it was watched is in the table.
            let known = outbox_store::find(self.db.read(), session, id).await?;
            let is_held = |row: &OutgoingRow| row.progress.due_at > self.clock.now();
            let is_known = known.is_some_and(|row| is_answer(row.progress.status) || is_held(&row));
            if !is_known {
                let answered = watched.status.wait_for(|status| is_answer(*status));
                let _ = tokio::time::timeout(wait, answered).await; // Without an answer it is shown as it is.
            }
        }
        Ok(Accepted { message: self.message(session, id).await?, is_replayed: true })
    }
}

impl Accepted {
    /// Whether WhatsApp has it.
    pub fn is_sent(&self) -> bool {
        self.message.status.is_some_and(is_sent)
    }

    /// Whether it is still to be sent.
    pub fn is_open(&self) -> bool {
        self.message.status.is_some_and(is_open)
    }
}

/// Whether what is known of a message is an answer to who waits for one.
const fn is_answer(status: MessageStatus) -> bool {
    !matches!(status, MessageStatus::Scheduled | MessageStatus::Queued | MessageStatus::Sending)
}
