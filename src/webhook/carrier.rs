//! Works one lane: posts what waits in it, one delivery after the other, and writes down what came of each.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use entity::timestamp::Timestamp;
use entity::words::EventType;
use futures::FutureExt;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, debug_span, error, info};

use crate::clock::Clock;
use crate::crash;
use crate::db::Db;
use crate::egress::{Attempted, Egress};
use crate::error::{Result, chain};
use crate::event::body::EventBody;
use crate::event::body::session::WebhookDisabledEvent;
use crate::event::entry::{Draft, Entry, Write};
use crate::event::journal::Journal;
use crate::event::record::Record as Event;
use crate::event::store as journal;
use crate::webhook::lane::{self, Claim, Lane};
use crate::webhook::pace::Pace;
use crate::webhook::places::Place;
use crate::webhook::queue::{self, Outcome, Verdict};
use crate::webhook::recorder::{Note, Recorder, Written};
use crate::webhook::refusals;
use crate::webhook::request::{self, Signers};
use crate::webhook::schedule::{self, Schedule};
use crate::webhook::store::{self, Record, Why};

/// Deliveries that are taken from a lane at once. Then others have their turn.
pub(super) const BATCH: u64 = 16;
/// A receiver that takes longer is slow. Far above what one takes that only keeps what it gets.
const PROMPT: Duration = Duration::from_secs(1);
/// How long a lane is worked while others may wait.
const TURN: Duration = Duration::from_secs(2);
/// A receiver that failed for so long is switched off.
const PATIENCE: Duration = Duration::from_secs(5 * 24 * 60 * 60);

/// How long an answer is waited for when the server stops.
const FAREWELL: Duration = Duration::from_secs(3);
/// How long a lane is left alone that could not be worked.
const RECOVERY: Duration = Duration::from_secs(2);

/// What it takes to deliver.
#[derive(Debug)]
pub struct Carrier {
    pub(super) db: Db,
    pub(super) journal: Journal,
    pub(super) egress: Egress,
    pub(super) recorder: Recorder,
    pub(super) clock: Clock,
    /// Fires when no further delivery is to be begun.
    pub(super) stop: CancellationToken,
    /// Which receivers are slow.
    pub(super) pace: Pace,
    /// The waits between the attempts.
    pub(super) schedule: Schedule,
    /// Longest wait for an answer.
    pub(super) limit: Duration,
    /// How often a delivery is made that the receiver refuses for good.
    pub(super) refusals: u32,
}

/// A webhook as somebody knows it, and what is next in a lane of it.
pub(super) struct Known {
    /// None if it could not be read.
    pub(super) webhook: Option<Arc<Record>>,
    /// What is next in the lane. None if it could not be read.
    pub(super) deliveries: Option<Vec<queue::Record>>,
    /// The number of the last change that may be in it.
    pub(super) version: u64,
}

/// A lane that is being worked.
struct Turn<'a> {
    place: &'a mut Place,
    webhook: Arc<Record>,
    version: u64,
    /// Whether something was changed since its deliveries were read.
    is_doubtful: bool,
    began: Instant,
    /// Whether the last attempt took long.
    is_slow: bool,
    /// Outcomes that may not be written yet.
    on_their_way: Vec<Written>,
}

/// How a lane is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It has its next turn when its next delivery is due.
    Over,
    /// Its webhook is off.
    Off,
    /// Nothing is to be written: the lane is gone, or the server stops.
    Gone,
}

impl Carrier {
    /// Works a lane and leaves it.
    pub(super) async fn carry(&self, claim: Claim, known: Known, place: &mut Place) {
        if let Err(error) = self.work(&claim, known, place).await {
            error!(webhook.id = %claim.lane.webhook_id, error = chain(&error), "a lane could not be worked");
            self.give_back(&claim).await;
        }
    }

    /// Leaves a lane that could not be worked, as soon as the database lets it. It is due again at once.
    async fn give_back(&self, claim: &Claim) {
        loop {
            if self.stop.run_until_cancelled(tokio::time::sleep(RECOVERY)).await.is_none() {
                return; // The next process ends all leases.
            }
            let now = self.clock.now();
            if lane::leave(self.db.write().without_fsync(), claim, Some(now), now).await.is_ok() {
                return;
            }
        }
    }

    async fn work(&self, claim: &Claim, known: Known, place: &mut Place) -> Result<()> {
        let Known { webhook, deliveries, version } = known;
        let (webhook, deliveries) = match webhook {
            Some(webhook) => (Some(webhook), deliveries),
            None => (store::find(self.db.read(), &claim.lane.webhook_id).await?.map(Arc::new), None),
        };
        // A webhook that is gone has taken its lanes along.
        let Some(webhook) = webhook else { return Ok(()) };
        if webhook.disabled.is_some() {
            return self.rest(claim).await;
        }
        if !place.is_slow() && self.pace.is_slow(&webhook.url) {
            // It waits among the slow ones, without having waited here for an answer.
            return self.leave(claim, &webhook, true).await.await;
        }
        let now = self.clock.now();
        let deliveries = match deliveries {
            Some(deliveries) => deliveries,
            None => queue::next(self.db.read(), &claim.lane, webhook.is_ordered, now, BATCH).await?,
        };
        let events = self.events(&deliveries).await?;
        let (is_slow, began, on_their_way) = (place.is_slow(), Instant::now(), Vec::new());
        let is_doubtful = false;
        let mut turn = Turn { place, webhook, version, is_doubtful, began, is_slow, on_their_way };
        let mut end = None;
        for delivery in &deliveries {
            let Some(event) = events.get(&delivery.position) else { continue };
            let Lane { webhook_id, session_id } = &claim.lane;
            let span =
                debug_span!("delivery", delivery.id = %delivery.id, webhook.id = %webhook_id, session.id = %session_id);
            end = self.step(&mut turn, delivery, event).instrument(span).await?;
            if end.is_some() {
                break;
            }
        }
        let end = end.unwrap_or(End::Over);
        if end == End::Over {
            // Behind what came of its deliveries, and most often in the same transaction.
            turn.on_their_way.push(self.leave(claim, &turn.webhook, turn.is_slow).await);
        }
        written(&mut turn.on_their_way).await?;
        match end {
            End::Off => self.rest(claim).await,
            End::Over | End::Gone => Ok(()),
        }
    }

    /// Tries one delivery. Says how the lane is left, if it is.
    async fn step(&self, turn: &mut Turn<'_>, delivery: &queue::Record, event: &Event) -> Result<Option<End>> {
        if self.stop.is_cancelled() {
            return Ok(Some(End::Over));
        }
        if let Some(end) = self.look_again(turn, delivery).await? {
            return Ok(Some(end));
        }
        let Some(outcome) = self.attempt(turn, delivery, event).await else { return Ok(Some(End::Gone)) };
        if outcome.verdict != Verdict::Expired {
            turn.is_slow = outcome.took() > PROMPT;
        }
        let (verdict, status) = (outcome.verdict.clone(), outcome.status);
        turn.on_their_way.push(self.recorder.take(Note::Came(outcome)).await);
        let is_over = turn.is_slow || turn.began.elapsed() >= TURN;
        // The next need not wait until it is written that this one came: after a crash both come once more, in order.
        if matches!(verdict, Verdict::Delivered | Verdict::Expired) {
            return Ok(is_over.then_some(End::Over));
        }
        written(&mut turn.on_their_way).await?;
        if self.is_over(&turn.webhook, event, &verdict, status).await? {
            return Ok(Some(End::Off));
        }
        let is_held_up = turn.webhook.is_ordered && matches!(verdict, Verdict::Retry(_));
        Ok((is_over || is_held_up).then_some(End::Over))
    }

    /// Reads the webhook again if one was changed or deleted meanwhile: nothing is posted to where it was, and nothing that was
    /// discarded.
    async fn look_again(&self, turn: &mut Turn<'_>, delivery: &queue::Record) -> Result<Option<End>> {
        let version = self.journal.interest().version();
        if version != turn.version {
            (turn.version, turn.is_doubtful) = (version, true);
            // A webhook that is gone has taken its lanes along.
            let Some(webhook) = store::find(self.db.read(), &turn.webhook.id).await? else {
                return Ok(Some(End::Gone));
            };
            let before = std::mem::replace(&mut turn.webhook, Arc::new(webhook));
            if turn.webhook.disabled.is_some() {
                return Ok(Some(End::Off));
            }
            if turn.webhook.is_ordered != before.is_ordered {
                return Ok(Some(End::Over)); // What is next is another question now.
            }
        }
        let is_due = !turn.is_doubtful || refusals::is_pending(self.db.read(), &delivery.id).await?;
        Ok((!is_due).then_some(End::Over))
    }

    /// Leaves a lane: it has its next turn when its next delivery is due, after those that waited meanwhile.
    async fn leave(&self, claim: &Claim, webhook: &Record, is_slow: bool) -> Written {
        self.recorder.take(Note::Left { claim: claim.clone(), is_ordered: webhook.is_ordered, is_slow }).await
    }

    /// The events that these deliver, by position: those that are still in memory from there.
    async fn events(&self, deliveries: &[queue::Record]) -> Result<HashMap<i64, Arc<Event>>> {
        let mut events = self.journal.bus().at(deliveries.iter().map(|delivery| delivery.position));
        let positions = deliveries.iter().map(|delivery| delivery.position);
        let others: Vec<_> = positions.filter(|position| !events.contains_key(position)).collect();
        if !others.is_empty() {
            let found = journal::at(self.db.read(), others).await?;
            events.extend(found.into_iter().map(|(position, event)| (position, Arc::new(event))));
        }
        Ok(events)
    }

    /// Leaves a lane whose webhook is off. Whoever switches it on wakes it.
    async fn rest(&self, claim: &Claim) -> Result<()> {
        lane::leave(self.db.write().without_fsync(), claim, None, self.clock.now()).await
    }

    /// What came of one delivery. None if the server stops, and nobody has waited for the answer.
    async fn attempt(&self, turn: &mut Turn<'_>, delivery: &queue::Record, event: &Event) -> Option<Outcome> {
        let (number, started_at) = (delivery.attempts + 1, self.clock.now());
        let blank = Outcome {
            delivery_id: delivery.id.clone(),
            webhook_id: turn.webhook.id.clone(),
            number: delivery.attempts,
            started_at,
            duration_ms: 0,
            status: None,
            error: None,
            reply: None,
            verdict: Verdict::Expired,
        };
        if has_expired(event, started_at) {
            return Some(blank);
        }
        crash::point("after_claim");
        let attempted = tokio::select! {
            attempted = self.knock(turn, event, started_at) => attempted,
            // It comes again after the start, under the same id.
            () = self.farewell() => return None,
        };
        crash::point("after_post");
        let verdict = match self.is_refused(delivery, &attempted).await {
            true => Verdict::Dead,
            false => self.verdict(event, &attempted, number),
        };
        debug!(delivery.id = %delivery.id, attempt = number, status = attempted.status, "delivery {} was tried", delivery.id);
        let Attempted { status, reply, retry_after: _, failure, duration } = attempted;
        let duration_ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Some(Outcome { number, duration_ms, status, error: failure, reply, verdict, ..blank })
    }

    /// Posts an event. Who has to wait steps aside.
    async fn knock(&self, turn: &mut Turn<'_>, event: &Event, now: Timestamp) -> Attempted {
        let webhook = &turn.webhook;
        let post = self.post(webhook, event.id.as_str(), request::body(event), now);
        tokio::pin!(post);
        let prompt = tokio::time::timeout(PROMPT, &mut post).await;
        self.pace.note(&webhook.url, prompt.is_err());
        match prompt {
            Ok(attempted) => attempted,
            Err(_) => {
                turn.place.step_aside();
                post.await
            }
        }
    }

    /// Ends when the server stops and an answer has had a little time.
    async fn farewell(&self) {
        self.stop.cancelled().await;
        tokio::time::sleep(FAREWELL).await;
    }

    /// One request to a webhook.
    pub(super) async fn post(&self, webhook: &Record, id: &str, body: Vec<u8>, now: Timestamp) -> Attempted {
        let old = webhook.old_secret.as_ref().filter(|(_, until)| *until > now).map(|(secret, _)| secret);
        let signers = Signers { secret: webhook.secret.as_ref(), old };
        let headers = request::headers(id, now, &body, signers, &webhook.headers);
        self.egress.post(&webhook.url, headers, body, self.limit).await
    }

    /// Whether the receiver has said often enough that it will never take this one: what comes behind it has waited long enough.
    async fn is_refused(&self, delivery: &queue::Record, attempted: &Attempted) -> bool {
        if !attempted.status.is_some_and(refusals::is_refusal) {
            return false;
        }
        // If they cannot be counted it is tried again, as after any failure.
        let before = refusals::count(self.db.read(), &delivery.id).await;
        before.is_ok_and(|before| before + 1 >= i64::from(self.refusals))
    }

    fn verdict(&self, event: &Event, attempted: &Attempted, number: i32) -> Verdict {
        if attempted.failure.is_none() {
            return Verdict::Delivered;
        }
        if attempted.status == Some(410) {
            return Verdict::Dead;
        }
        let Some(delay) = self.schedule.delay(number, rand::random()) else { return Verdict::Dead };
        let now = self.clock.now();
        let asked = attempted.retry_after.as_deref().filter(|_| matches!(attempted.status, Some(429 | 503)));
        let asked = asked.and_then(|text| schedule::retry_after(text, now));
        let next = now.after(asked.map_or(delay, |asked| asked.max(delay)));
        // Once it has expired it is in the way of what comes after it.
        Verdict::Retry(expiry(event).map_or(next, |expiry| expiry.min(next)))
    }

    /// Whether the webhook is off from now on that this was posted to.
    async fn is_over(&self, posted: &Record, event: &Event, verdict: &Verdict, status: Option<u16>) -> Result<bool> {
        if matches!(verdict, Verdict::Delivered | Verdict::Expired) {
            return Ok(false);
        }
        // Since when it fails is written with what came of each delivery: what was read before does not say it.
        let Some(webhook) = store::find(self.db.read(), &posted.id).await? else { return Ok(false) };
        let now = self.clock.now();
        let why = match webhook.failing_since {
            _ if status == Some(410) => Why::Gone(posted.url.clone()),
            Some(since) if since.after(PATIENCE) <= now => Why::Failing(now.before(PATIENCE)),
            _ => return Ok(false),
        };
        self.disable(&webhook, why, event, now).await?;
        let found = store::find(self.db.read(), &webhook.id).await?;
        let Some(reason) = found.and_then(|found| found.disabled) else { return Ok(false) };
        info!(webhook.id = %webhook.id, reason = %reason, "webhook {} is switched off", webhook.id);
        self.journal.interest().deliver(webhook.session_id.as_ref(), &webhook.id, &[]);
        Ok(true)
    }

    /// Switches a webhook off, and says so, if that is still what it deserves.
    async fn disable(&self, webhook: &Record, why: Why, event: &Event, now: Timestamp) -> Result<()> {
        let (id, session_id) = (webhook.id.clone(), event.session_id.clone());
        let body = EventBody::WebhookDisabled(WebhookDisabledEvent {
            webhook_id: id.to_string(),
            reason: why.reason(),
            failing_since: webhook.failing_since,
            last_error: webhook.last_error.clone(),
        });
        // One whose session was deleted is about to go: nobody can switch it on again.
        let drafts = if webhook.is_ending() { Vec::new() } else { vec![Draft::new(session_id, &body, now)?] };
        let write: Write = Box::new(move |tx| {
            let (id, why, drafts) = (id.clone(), why.clone(), drafts.clone());
            async move { Ok(if store::disable(tx, &id, &why).await? { drafts } else { Vec::new() }) }.boxed()
        });
        self.journal.record(Entry { write: Some(write), ..Entry::default() }).await.map(drop)
    }
}

/// Waits until these outcomes are written.
async fn written(on_their_way: &mut Vec<Written>) -> Result<()> {
    for outcome in on_their_way.drain(..) {
        outcome.await?;
    }
    Ok(())
}

/// Whether nobody can use any more what an event brings.
fn has_expired(event: &Event, now: Timestamp) -> bool {
    expiry(event).is_some_and(|expiry| expiry <= now)
}

/// When nobody can use any more what an event brings, if there is such a moment.
fn expiry(event: &Event) -> Option<Timestamp> {
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
