//! The dead letters: deliveries that failed to the end, of all webhooks together, each with what was to be delivered.

use entity::ids::{DeliveryId, SessionId};
use entity::words::access::Scope;
use tracing::{field, instrument};

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::event::record::EventRow;
use crate::event::store as event_store;
use crate::event::types::is_code;
use crate::page::{BYTES_MAX, Slice, json_bytes};
use crate::webhook::deliveries::{is_delivery, list_bounds};
use crate::webhook::delivery::dead_letter_store;
use crate::webhook::delivery::request;
use crate::webhook::delivery::store::DeliveryRow;
use crate::webhook::store;
use crate::webhook::types::{DeadLetter, DeadLetterPage, Delivery, Webhook};
use crate::webhook::{Webhooks, Which};

/// Dead letters whose events are read at once: each may hold a long message.
const BATCH: usize = 10;
/// What a dead letter takes in JSON beside its texts, bytes.
const FIXED_BYTES: usize = 300;

impl Webhooks {
    /// The dead letters of the webhooks of one session, or of all that the caller may see; newest first, with their number on all pages.
    ///
    /// # Errors
    /// `SessionNotFound`, `PageSizeLimit`; `Invalid` for a bad cursor.
    pub async fn dead_letters(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        limit: Option<u32>,
        after: Option<String>,
    ) -> Result<DeadLetterPage> {
        caller.require(Scope::WebhooksRead)?;
        let (limit, before) = list_bounds(limit, after)?;
        let of = self.sessions_of(caller, session).await?;
        let count = dead_letter_store::count(self.db.read(), of.clone()).await?;
        let mut rows = dead_letter_store::page(self.db.read(), of, before, u64::from(limit) + 1).await?;
        let mut has_next = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while bytes <= BYTES_MAX && !rows.is_empty() {
            let some = rows.drain(..rows.len().min(BATCH)).collect();
            let shown = self.shown_dead(caller, some).await?;
            bytes += shown.iter().map(size).sum::<usize>();
            entries.extend(shown);
        }
        has_next |= !rows.is_empty();
        let slice = Slice { items: entries, has_previous: false, has_next }.within(BYTES_MAX, false, size);
        let Slice { items: entries, has_previous: _, has_next } = slice;
        let next_cursor = entries.last().filter(|_| has_next).map(|last| last.id.to_string());
        Ok(DeadLetterPage { count: u64::try_from(count).unwrap_or(0), entries, next_cursor })
    }

    async fn shown_dead(&self, caller: &Caller, rows: Vec<DeliveryRow>) -> Result<Vec<DeadLetter>> {
        let events = event_store::at(self.db.read(), rows.iter().map(|row| row.position).collect()).await?;
        let mut errors = dead_letter_store::last_errors(self.db.read(), &rows).await?;
        let webhooks = store::all_of(self.db.read(), rows.iter().map(|row| &row.webhook_id)).await?;
        let webhooks: Vec<_> = webhooks.into_iter().map(Webhook::from).collect();
        let shown = rows.into_iter().filter_map(|row| {
            // Without its event or its webhook a delivery is about to go too.
            let event = events.get(&row.position)?;
            let webhook = webhooks.iter().find(|webhook| webhook.id == row.webhook_id)?;
            let last_error = errors.remove(&row.id).flatten();
            Some(dead_letter(row, webhook.url.clone(), last_error, payload(caller, event)))
        });
        Ok(shown.collect())
    }

    /// Tries a delivery now that failed to the end.
    ///
    /// # Errors
    /// `SessionNotFound`, `DeliveryNotFound`.
    #[instrument(level = "debug", name = "replay_dead_letter", skip_all, fields(delivery.id = field::Empty))]
    pub async fn replay_dead_letter(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        id: &DeliveryId,
    ) -> Result<Delivery> {
        caller.require(Scope::WebhooksWrite)?;
        let of = self.sessions_of(caller, session.clone()).await?;
        if !is_delivery(id.as_str()) {
            return Err(gone());
        }
        let row = dead_letter_store::find(self.db.read(), of, id).await?.ok_or_else(gone)?;
        let which = Which { session_id: session, id: row.webhook_id };
        let retried = self.retry(caller, &which, id).await;
        // Its webhook was deleted a moment ago, and the delivery with it.
        retried.map_err(|error| if error.kind() == ErrorKind::WebhookNotFound { gone() } else { error })
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::DeliveryNotFound, "no dead delivery has this id")
}

/// What was to be delivered, byte for byte, if the caller may read it.
fn payload(caller: &Caller, event: &EventRow) -> Option<String> {
    let may_read =
        caller.allows(Scope::MessagesRead) && (!is_code(event.event_type) || caller.allows(Scope::SessionsPair));
    // JSON is UTF-8.
    if may_read { String::from_utf8(request::body(event)).ok() } else { None }
}

/// What a dead letter takes in an answer, bytes, roughly.
fn size(letter: &DeadLetter) -> usize {
    let text = |text: &Option<String>| text.as_deref().map_or(4, json_bytes);
    FIXED_BYTES + json_bytes(&letter.webhook_url) + text(&letter.last_error) + text(&letter.payload)
}

fn dead_letter(
    row: DeliveryRow,
    webhook_url: String,
    last_error: Option<String>,
    payload: Option<String>,
) -> DeadLetter {
    let DeliveryRow {
        id,
        webhook_id: _,
        session_id,
        position: _,
        event_type: event,
        state: _,
        attempts,
        due_at: _,
        created_at,
        finished_at,
    } = row;
    let failed_at = finished_at.unwrap_or(created_at);
    DeadLetter { id, session_id, event, webhook_url, attempts, failed_at, last_error, payload }
}
