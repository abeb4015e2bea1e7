//! Delivers once more what the journal still has.

use entity::words::{EventType, Scope};

use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event;
use crate::event::store::{self as journal, Selection};
use crate::event::types::Cursor;
use crate::webhook::types::{ReplayRange, Replayed};
use crate::webhook::{Webhooks, Which, dispatcher, queue};

/// Events that a replay queues in one transaction.
const REPLAY_BATCH: u64 = 500;

impl Webhooks {
    /// Queues what happened in a range once more, from the journal, in order.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `WebhookNotFound`.
    pub async fn replay(&self, caller: &Caller, which: &Which, range: ReplayRange) -> Result<Replayed> {
        let record = self.record(caller, Scope::WebhooksWrite, which).await?;
        let ReplayRange { from, to, after, types } = range;
        let mut after = match (from, after) {
            (Some(_), Some(_)) => return Err(Error::invalid("after", "must not be given together with `from`")),
            (Some(from), None) => Cursor::before(from),
            (None, Some(cursor)) => Cursor::parse("after", &cursor)?,
            (None, None) => return Err(Error::invalid("from", "or `after` must be given")),
        }
        .position();
        let end = to.map_or(i64::MAX, |to| Cursor::before(to).position());
        let end = end.min(*self.journal.bus().head().borrow());
        let types = event::types::types("types", types.unwrap_or_default())?;
        let is_wanted = |event: EventType| match types.is_empty() || types.contains(&EventType::All) {
            true => record.wants(event),
            false => types.contains(&event),
        };
        let selection = Selection { sessions: record.session_id.clone().map(|id| vec![id]), types: None };
        let mut queued = 0;
        loop {
            let events = journal::history(self.db.read(), &selection, after, Some(end), REPLAY_BATCH).await?;
            let Some(last) = events.last() else { break };
            after = last.position;
            let wanted = events.iter().filter(|event| is_wanted(event.event_type));
            let wanted = wanted.filter(|event| !dispatcher::is_filtered(event, &record));
            let drafts: Vec<_> = wanted.map(|event| dispatcher::draft(event, &record)).collect();
            if !drafts.is_empty() {
                let tx = self.db.write().begin().await?;
                queue::enqueue(&tx, &drafts, self.clock.now()).await?;
                tx.commit().await?;
                queued += drafts.len() as u64;
                self.courier.notify_one();
            }
        }
        Ok(Replayed { queued })
    }
}
