//! Deliveries as clients see them: the list with its attempts, trying one again, and giving one up.

use entity::ids::{DeliveryId, EventId};
use entity::words::access::Scope;
use metrics::counter;
use tracing::{Span, field, instrument};

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::event::store as event_store;
use crate::page::{BYTES_MAX, PAGE_MAX, Slice, json_bytes};
use crate::webhook::delivery::{refusals, store as delivery_store};
use crate::webhook::types::{Delivery, DeliveryAttempt, DeliveryFilter, DeliveryPage};
use crate::webhook::{Webhooks, Which, rules};

/// Deliveries whose attempts are read at once: each may hold 16 KiB of what the receiver answered.
const BATCH: usize = 10;

impl Webhooks {
    /// Deliveries of a webhook, newest first.
    ///
    /// # Errors
    /// `SessionNotFound`, `WebhookNotFound`, `PageSizeLimit`.
    pub async fn deliveries(
        &self,
        caller: &Caller,
        which: &Which,
        filter: DeliveryFilter,
        limit: Option<u32>,
        after: Option<String>,
    ) -> Result<DeliveryPage> {
        let webhook = self.webhook(caller, Scope::WebhooksRead, which).await?;
        let (limit, before) = list_bounds(limit, after)?;
        let one_more = u64::from(limit) + 1;
        let mut rows = delivery_store::list(self.db.read(), &webhook.id, filter, before, one_more).await?;
        let mut has_next = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let (mut deliveries, mut bytes) = (Vec::new(), 0);
        while bytes <= BYTES_MAX && !rows.is_empty() {
            let some = rows.drain(..rows.len().min(BATCH)).collect();
            let shown = self.shown(caller, some).await?;
            bytes += shown.iter().map(size).sum::<usize>();
            deliveries.extend(shown);
        }
        has_next |= !rows.is_empty();
        let slice = Slice { items: deliveries, has_previous: false, has_next }.within(BYTES_MAX, false, size);
        let Slice { items: deliveries, has_previous: _, has_next } = slice;
        let next_cursor = deliveries.last().filter(|_| has_next).map(|last| last.id.to_string());
        Ok(DeliveryPage { deliveries, next_cursor })
    }

    async fn shown(&self, caller: &Caller, rows: Vec<delivery_store::DeliveryRow>) -> Result<Vec<Delivery>> {
        let events = event_store::at(self.db.read(), rows.iter().map(|row| row.position).collect()).await?;
        let mut attempts = delivery_store::attempts(self.db.read(), &rows).await?;
        let shown = rows.into_iter().filter_map(|row| {
            // Without its event a delivery is about to go too.
            let event_id = events.get(&row.position)?.id.clone();
            let mut attempts = attempts.remove(&row.id).unwrap_or_default();
            if !caller.allows(Scope::MessagesRead) {
                // Receivers like to answer with what they were sent.
                attempts.iter_mut().for_each(|attempt| attempt.reply = None);
            }
            Some(delivery(row, event_id, attempts))
        });
        Ok(shown.collect())
    }

    /// Tries a delivery now, whatever came of it before.
    ///
    /// # Errors
    /// `SessionNotFound`, `WebhookNotFound`, `DeliveryNotFound`.
    #[instrument(level = "debug", name = "retry_delivery", skip_all, fields(webhook.id = field::Empty, delivery.id = field::Empty))]
    pub async fn retry(&self, caller: &Caller, which: &Which, id: &DeliveryId) -> Result<Delivery> {
        let row = self.delivery(caller, which, id).await?;
        let tx = self.db.write().begin().await?;
        delivery_store::retry(&tx, &row, self.clock.now()).await?;
        // As it is now: a moment later it may have come.
        let row = delivery_store::find(&tx, &row.webhook_id, id).await?.ok_or_else(gone)?;
        tx.commit().await?;
        self.scheduler.notify_one();
        self.shown(caller, vec![row]).await?.pop().ok_or_else(gone)
    }

    /// Gives a delivery up: it is not made, and what waited behind it has its turn. One that was made or has expired stays what
    /// it is.
    ///
    /// # Errors
    /// `SessionNotFound`, `WebhookNotFound`, `DeliveryNotFound`.
    #[instrument(level = "debug", name = "discard_delivery", skip_all, fields(webhook.id = field::Empty, delivery.id = field::Empty))]
    pub async fn discard(&self, caller: &Caller, which: &Which, id: &DeliveryId) -> Result<Delivery> {
        let row = self.delivery(caller, which, id).await?;
        let tx = self.db.write().begin().await?;
        let is_new = refusals::discard(&tx, &row, self.clock.now()).await?;
        let row = delivery_store::find(&tx, &row.webhook_id, id).await?.ok_or_else(gone)?;
        tx.commit().await?;
        if is_new {
            counter!("waypost_deliveries_total", "outcome" => "discarded").increment(1);
            // Whoever is about to post it looks again before.
            self.journal.demand().change();
            self.scheduler.notify_one();
        }
        self.shown(caller, vec![row]).await?.pop().ok_or_else(gone)
    }

    /// One delivery of a webhook to which the caller may do something.
    async fn delivery(&self, caller: &Caller, which: &Which, id: &DeliveryId) -> Result<delivery_store::DeliveryRow> {
        let webhook = self.webhook(caller, Scope::WebhooksWrite, which).await?;
        if !is_delivery(id.as_str()) {
            return Err(gone());
        }
        Span::current().record("delivery.id", field::display(id));
        delivery_store::find(self.db.read(), &webhook.id, id).await?.ok_or_else(gone)
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::DeliveryNotFound, "this webhook has no delivery with this id")
}

/// What a delivery takes in an answer, bytes, roughly: its texts, and as much again as all else has.
fn size(delivery: &Delivery) -> usize {
    let text = |text: &Option<String>| text.as_deref().map_or(4, json_bytes);
    let attempts = delivery.attempts.iter().map(|attempt| 100 + text(&attempt.error) + text(&attempt.reply));
    500 + attempts.sum::<usize>()
}

/// How many deliveries a list has at most, and before which it begins, by its cursor.
///
/// # Errors
/// `PageSizeLimit`; `Invalid` for a bad cursor.
pub(super) fn list_bounds(limit: Option<u32>, after: Option<String>) -> Result<(u32, Option<DeliveryId>)> {
    let limit = limit.unwrap_or(PAGE_MAX);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Error::about(ErrorKind::PageSizeLimit, "limit", format!("must be from 1 to {PAGE_MAX}")));
    }
    if after.as_deref().is_some_and(|after| !is_delivery(after)) {
        return Err(Error::invalid("after", "must be a cursor that a list of deliveries gave"));
    }
    Ok((limit, after.as_deref().map(DeliveryId::named)))
}

pub(super) fn is_delivery(id: &str) -> bool {
    rules::is_id("dlv_", id)
}

fn delivery(row: delivery_store::DeliveryRow, event_id: EventId, attempts: Vec<DeliveryAttempt>) -> Delivery {
    let delivery_store::DeliveryRow {
        id,
        webhook_id,
        session_id,
        position: _,
        event_type: event,
        state,
        attempts: _,
        due_at: next_attempt_at,
        created_at,
        finished_at,
    } = row;
    Delivery { id, webhook_id, session_id, event_id, event, state, attempts, next_attempt_at, created_at, finished_at }
}
