//! Queues events of the past for a webhook once more, from the journal.

use entity::words::access::Scope;
use tracing::{field, instrument};

use crate::caller::Caller;
use crate::db::fault::failed;
use crate::error::{Error, ErrorKind, Result};
use crate::event;
use crate::event::record::{Selection, Span};
use crate::event::store as event_store;
use crate::event::types::Cursor;
use crate::webhook::delivery::{fan_out, store as delivery_store};
use crate::webhook::row::WebhookRow;
use crate::webhook::types::{ReplayRange, Replayed};
use crate::webhook::{Webhooks, Which, authority};

/// Events that a replay queues in one transaction.
const BATCH: u64 = 500;
/// A part of the journal.
struct ResolvedRange {
    /// Behind this position.
    after: i64,
    /// Up to this one.
    end: i64,
    /// The place of all of it in its lanes: behind what was written so far, before what comes.
    sort_key: i64,
    selection: Selection,
}

impl Webhooks {
    /// Queues what happened in a range once more, from the journal, in order: at most 50,000 deliveries.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `WebhookNotFound`; `Forbidden` for events that the key may not read itself; `CursorExpired` when events behind the cursor are not kept any more.
    #[instrument(level = "debug", name = "replay_webhook", skip_all, fields(webhook.id = field::Empty))]
    pub async fn replay(&self, caller: &Caller, which: &Which, range: ReplayRange) -> Result<Replayed> {
        let webhook = self.webhook(caller, Scope::WebhooksWrite, which).await?;
        let resolved = self.resolve(caller, &webhook, range).await?;
        let this = self.clone();
        self.lifecycle.complete(async move { this.queue_again(&webhook, resolved).await }).await
    }

    async fn resolve(&self, caller: &Caller, webhook: &WebhookRow, range: ReplayRange) -> Result<ResolvedRange> {
        let ReplayRange { from, to, after, types } = range;
        let span = Span { from, to };
        let after = match (from, after) {
            (Some(_), Some(_)) => return Err(Error::invalid("after", "must not be given together with `from`")),
            (Some(from), None) => Cursor::before(from),
            (None, Some(cursor)) => self.require_kept(&cursor).await?,
            (None, None) => return Err(Error::invalid("from", "or `after` must be given")),
        };
        let head = *self.journal.recent().head().borrow();
        let end = match to {
            Some(_) => event_store::last_of(self.db.read(), span, head).await?.unwrap_or(0),
            None => head,
        };
        let end = end.min(webhook.until_position.unwrap_or(i64::MAX));
        let asked = event::types::types("types", types.unwrap_or_default())?;
        let types = Some(authority::replayable(caller, webhook, &asked)?);
        let sessions = webhook.session_id.clone().map(|id| vec![id]);
        Ok(ResolvedRange {
            after: after.position(),
            end,
            sort_key: head + 1,
            selection: Selection { sessions, types, span },
        })
    }

    /// The place of a cursor, if everything behind it is still there.
    async fn require_kept(&self, cursor: &str) -> Result<Cursor> {
        let cursor = Cursor::parse("after", cursor)?;
        let pruned = event_store::bookmark(self.db.read(), event_store::PRUNED).await?.unwrap_or(0);
        if cursor.position() < pruned {
            let detail = "events behind this cursor are not kept any more; `from` begins at the oldest that is";
            return Err(Error::new(ErrorKind::CursorExpired, detail));
        }
        Ok(cursor)
    }

    async fn queue_again(&self, webhook: &WebhookRow, resolved: ResolvedRange) -> Result<Replayed> {
        let ResolvedRange { mut after, end, sort_key, selection } = resolved;
        let mut queued = 0;
        loop {
            let room = BATCH.min(self.replay_max - queued);
            // One more than there is room for tells whether that was all.
            let mut events = event_store::history(self.db.read(), &selection, after, Some(end), room + 1).await?;
            let is_all = events.len() as u64 <= room;
            events.truncate(room.try_into().unwrap_or(usize::MAX));
            after = events.last().map_or(after, |last| last.position);
            let wanted = events.iter().filter(|event| !fan_out::is_filtered(event, webhook));
            let new_deliveries: Vec<_> = wanted.map(|event| fan_out::new_delivery(event, webhook, sort_key)).collect();
            if !new_deliveries.is_empty() {
                let mut batch = self.db.write().batch();
                delivery_store::enqueue_in(&mut batch, &new_deliveries, self.clock.now());
                self.db.write().run(batch).await.map_err(|failure| failed(failure.into_error()))?;
                queued += new_deliveries.len() as u64;
                self.scheduler.notify_one();
            }
            if is_all || queued >= self.replay_max {
                let next_cursor = (!is_all).then(|| Cursor::behind(after).to_string());
                return Ok(Replayed { queued, next_cursor });
            }
        }
    }
}
