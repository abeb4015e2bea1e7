//! One attempt: posts one delivery, unless nobody can use it any more, and decides what comes of it.

use std::time::Duration;

use entity::timestamp::Timestamp;
use entity::words::event::EventType;
use serde::Deserialize;
use tracing::debug;

use crate::crash;
use crate::egress::Attempted;
use crate::event::record::EventRow;
use crate::webhook::delivery::attempt::{Attempt, AttemptOutcome};
use crate::webhook::delivery::request::{self, Signers};
use crate::webhook::delivery::worker::{LaneRun, PROMPT_LIMIT, Worker};
use crate::webhook::delivery::{refusals, retry_schedule, store as delivery_store};
use crate::webhook::row::WebhookRow;

/// How long a worker waits for an answer after the server began to stop. A receiver that takes longer must not make the stop
/// fail; its event comes again after the start.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);

impl Worker {
    /// What came of one delivery. None if the server stops, and nobody has waited for the answer.
    pub(super) async fn attempt(
        &self,
        run: &mut LaneRun<'_>,
        delivery: &delivery_store::DeliveryRow,
        event: &EventRow,
    ) -> Option<Attempt> {
        let (number, started_at) = (delivery.attempts + 1, self.clock.now());
        let blank = Attempt {
            delivery_id: delivery.id.clone(),
            webhook_id: run.webhook.id.clone(),
            number: delivery.attempts,
            started_at,
            duration_ms: 0,
            status: None,
            error: None,
            reply: None,
            outcome: AttemptOutcome::Expired,
        };
        if has_expired(event, started_at) {
            return Some(blank);
        }
        crash::point("after_claim");
        let attempted = tokio::select! {
            attempted = self.post_once(run, event, started_at) => attempted,
            // It comes again after the start, under the same id.
            () = self.shutdown_grace() => return None,
        };
        crash::point("after_post");
        let outcome = match self.is_refused(delivery, &attempted).await {
            true => AttemptOutcome::Dead,
            false => self.outcome(event, &attempted, number),
        };
        debug!(delivery.id = %delivery.id, attempt = number, status = attempted.status, "delivery {} was tried", delivery.id);
        let Attempted { status, reply, retry_after: _, failure, duration } = attempted;
        let duration_ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Some(Attempt { number, duration_ms, status, error: failure, reply, outcome, ..blank })
    }

    /// Posts an event. After a second without an answer it moves to a permit for slow receivers.
    async fn post_once(&self, run: &mut LaneRun<'_>, event: &EventRow, now: Timestamp) -> Attempted {
        let webhook = &run.webhook;
        let post = self.post(webhook, event.id.as_str(), request::body(event), now);
        tokio::pin!(post);
        let prompt = tokio::time::timeout(PROMPT_LIMIT, &mut post).await;
        self.slow_hosts.note(&webhook.url, prompt.is_err());
        match prompt {
            Ok(attempted) => attempted,
            Err(_) => {
                run.permit.make_slow();
                post.await
            }
        }
    }

    /// Ends a little while after the server began to stop.
    async fn shutdown_grace(&self) {
        self.stop.cancelled().await;
        tokio::time::sleep(SHUTDOWN_GRACE).await;
    }

    /// One request to a webhook.
    pub(in crate::webhook) async fn post(
        &self,
        webhook: &WebhookRow,
        id: &str,
        body: Vec<u8>,
        now: Timestamp,
    ) -> Attempted {
        let old = webhook.old_secret.as_ref().filter(|(_, until)| *until > now).map(|(secret, _)| secret);
        let signers = Signers { secret: webhook.secret.as_ref(), old };
        let headers = request::headers(id, now, &body, signers, &webhook.headers);
        self.egress.post(&webhook.url, headers, body, self.limit).await
    }

    /// Whether the receiver has said often enough that it will never take this one: what comes behind it has waited long enough.
    async fn is_refused(&self, delivery: &delivery_store::DeliveryRow, attempted: &Attempted) -> bool {
        if !attempted.status.is_some_and(refusals::is_refusal) {
            return false;
        }
        // If they cannot be counted it is tried again, as after any failure.
        let before = refusals::count(self.db.read(), &delivery.id).await;
        before.is_ok_and(|before| before + 1 >= i64::from(self.refusals))
    }

    fn outcome(&self, event: &EventRow, attempted: &Attempted, number: i32) -> AttemptOutcome {
        if attempted.failure.is_none() {
            return AttemptOutcome::Delivered;
        }
        if attempted.status == Some(410) {
            return AttemptOutcome::Dead;
        }
        let Some(delay) = self.schedule.delay(number, rand::random()) else { return AttemptOutcome::Dead };
        let now = self.clock.now();
        let asked = attempted.retry_after.as_deref().filter(|_| matches!(attempted.status, Some(429 | 503)));
        let asked = asked.and_then(|text| retry_schedule::retry_after(text, now));
        let next = now.after(asked.map_or(delay, |asked| asked.max(delay)));
        // Once it has expired it is in the way of what comes after it.
        AttemptOutcome::Retry(expiry(event).map_or(next, |expiry| expiry.min(next)))
    }
}

/// Whether nobody can use any more what an event brings.
fn has_expired(event: &EventRow, now: Timestamp) -> bool {
    expiry(event).is_some_and(|expiry| expiry <= now)
}

/// When nobody can use any more what an event brings, if there is such a moment.
fn expiry(event: &EventRow) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Code {
        expires_at: Timestamp,
    }
    match event.event_type {
        EventType::QrCode | EventType::PairCode => {
            serde_json::from_str(&event.body).ok().map(|code: Code| code.expires_at)
        }
        _ => None,
    }
}
