//! A worker holds the lease on one lane. It posts the deliveries that are due, one after the other, reports each attempt to the
//! outcome writer, and releases the lane.

mod attempting;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use entity::timestamp::Timestamp;
use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug_span, error, info};

use crate::clock::Clock;
use crate::db::Db;
use crate::egress::Egress;
use crate::error::{Result, chain};
use crate::event::body::EventBody;
use crate::event::body::session::WebhookDisabledEvent;
use crate::event::entry::{JournalEntry, NewEvent, Write};
use crate::event::journal::Journal;
use crate::event::record::EventRow;
use crate::event::store as event_store;
use crate::lifecycle::Lifecycle;
use crate::webhook::announcement::announce_as_written;
use crate::webhook::delivery::attempt::AttemptOutcome;
use crate::webhook::delivery::concurrency::Permit;
use crate::webhook::delivery::lane::{Lane, Lease};
use crate::webhook::delivery::lane_store;
use crate::webhook::delivery::outcome_writer::{LaneUpdate, OutcomeWriter, Written};
use crate::webhook::delivery::refusals;
use crate::webhook::delivery::retry_schedule::RetrySchedule;
use crate::webhook::delivery::slow_hosts::SlowHosts;
use crate::webhook::delivery::store as delivery_store;
use crate::webhook::row::WebhookRow;
use crate::webhook::store::{self, DisableCause};

/// Deliveries of one run. Then other lanes have their turn.
pub(in crate::webhook) const BATCH: u64 = 16;
/// A receiver that takes longer is slow. Far more than one needs that only stores what it gets.
const PROMPT_LIMIT: Duration = Duration::from_secs(1);
/// Longest run through a lane while others may wait: 16 answers of 15 s each would hold its permit for minutes.
const RUN_LIMIT: Duration = Duration::from_secs(2);
/// A receiver that failed for so long is switched off.
const DISABLE_AFTER: Duration = Duration::from_secs(5 * 24 * 60 * 60);

/// How long a lane is left alone that could not be worked.
const RECOVERY: Duration = Duration::from_secs(2);

/// What every worker needs.
#[derive(Debug)]
pub struct Worker {
    pub(in crate::webhook) db: Db,
    pub(in crate::webhook) journal: Journal,
    pub(in crate::webhook) egress: Egress,
    pub(in crate::webhook) outcomes: OutcomeWriter,
    pub(in crate::webhook) clock: Clock,
    pub(in crate::webhook) lifecycle: Lifecycle,
    /// Fires when no further delivery is to be begun.
    pub(in crate::webhook) stop: CancellationToken,
    /// Which receivers are slow.
    pub(in crate::webhook) slow_hosts: SlowHosts,
    /// The waits between the attempts.
    pub(in crate::webhook) schedule: RetrySchedule,
    /// Longest wait for an answer.
    pub(in crate::webhook) limit: Duration,
    /// How often a delivery is made that the receiver refuses for good.
    pub(in crate::webhook) refusals: u32,
}

/// A webhook and the next deliveries of one of its lanes, as the scheduler has read them.
pub(in crate::webhook) struct Preloaded {
    /// None if it could not be read.
    pub(in crate::webhook) webhook: Option<Arc<WebhookRow>>,
    /// What is next in the lane. None if it could not be read.
    pub(in crate::webhook) deliveries: Option<Vec<delivery_store::DeliveryRow>>,
    /// The number of webhook changes right before it was read.
    pub(in crate::webhook) version: u64,
}

/// One run of a worker through its lane.
struct LaneRun<'a> {
    permit: &'a mut Permit,
    webhook: Arc<WebhookRow>,
    version: u64,
    /// Whether something was changed since its deliveries were read.
    is_doubtful: bool,
    began: Instant,
    /// Whether the last attempt took long.
    is_slow: bool,
    /// Outcomes that may not be written yet.
    unwritten: Vec<Written>,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// The lane is released: it is due again when its next delivery is.
    Over,
    /// Its webhook is off.
    Off,
    /// Nothing is written: the lane is gone, or the server stops.
    Gone,
}

impl Worker {
    /// Works a lane and releases it. Says whether it may have more to do, now or later.
    pub(in crate::webhook) async fn run(&self, lease: Lease, preloaded: Preloaded, permit: &mut Permit) -> bool {
        match self.work(&lease, preloaded, permit).await {
            Ok(has_more) => has_more,
            Err(error) => {
                error!(webhook.id = %lease.lane.webhook_id, error = chain(&error), "a lane could not be worked");
                self.give_back(&lease).await;
                true
            }
        }
    }

    /// Releases a lane that could not be worked, as soon as the database can do that. It is due again at once.
    async fn give_back(&self, lease: &Lease) {
        loop {
            if self.stop.run_until_cancelled(tokio::time::sleep(RECOVERY)).await.is_none() {
                return; // The next process ends all leases.
            }
            let now = self.clock.now();
            if lane_store::leave(self.db.write().without_fsync(), lease, Some(now), now).await.is_ok() {
                return;
            }
        }
    }

    async fn work(&self, lease: &Lease, preloaded: Preloaded, permit: &mut Permit) -> Result<bool> {
        let Preloaded { webhook, deliveries, version } = preloaded;
        let (webhook, deliveries) = match webhook {
            Some(webhook) => (Some(webhook), deliveries),
            None => (store::find(self.db.read(), &lease.lane.webhook_id).await?.map(Arc::new), None),
        };
        // A webhook that is gone has taken its lanes along.
        let Some(webhook) = webhook else { return Ok(false) };
        if webhook.disabled.is_some() {
            return self.rest(lease).await.map(|()| true);
        }
        if !permit.is_slow() && self.slow_hosts.is_slow(&webhook.url) {
            // It gets a permit for slow receivers next time, and does not hold this one while it waits.
            return self.leave(lease, &webhook, true).await.await;
        }
        let now = self.clock.now();
        let deliveries = match deliveries {
            Some(deliveries) => deliveries,
            None => delivery_store::next(self.db.read(), &lease.lane, webhook.is_ordered, now, BATCH).await?,
        };
        let events = self.events(&deliveries).await?;
        let (is_slow, began, unwritten) = (permit.is_slow(), Instant::now(), Vec::new());
        let is_doubtful = false;
        let mut run = LaneRun { permit, webhook, version, is_doubtful, began, is_slow, unwritten };
        let mut end = None;
        for delivery in &deliveries {
            let Some(event) = events.get(&delivery.position) else { continue };
            let Lane { webhook_id, session_id } = &lease.lane;
            let span =
                debug_span!("delivery", delivery.id = %delivery.id, webhook.id = %webhook_id, session.id = %session_id);
            end = self.step(&mut run, delivery, event).instrument(span).await?;
            if end.is_some() {
                break;
            }
        }
        let end = end.unwrap_or(Exit::Over);
        if end == Exit::Over {
            // Behind its attempts, and mostly in the same transaction.
            run.unwritten.push(self.leave(lease, &run.webhook, run.is_slow).await);
        }
        let has_more = all_written(&mut run.unwritten).await?;
        match end {
            Exit::Off => self.rest(lease).await.map(|()| true),
            Exit::Over | Exit::Gone => Ok(has_more),
        }
    }

    /// Tries one delivery. Says how the run ends, if it does.
    async fn step(
        &self,
        run: &mut LaneRun<'_>,
        delivery: &delivery_store::DeliveryRow,
        event: &EventRow,
    ) -> Result<Option<Exit>> {
        if self.stop.is_cancelled() {
            return Ok(Some(Exit::Over));
        }
        if let Some(end) = self.look_again(run, delivery).await? {
            return Ok(Some(end));
        }
        let Some(attempt) = self.attempt(run, delivery, event).await else { return Ok(Some(Exit::Gone)) };
        if attempt.outcome != AttemptOutcome::Expired {
            run.is_slow = attempt.took() > PROMPT_LIMIT;
        }
        let (outcome, status) = (attempt.outcome.clone(), attempt.status);
        run.unwritten.push(self.outcomes.submit(LaneUpdate::Attempted(attempt)).await);
        let is_over = run.is_slow || run.began.elapsed() >= RUN_LIMIT;
        // The next one need not wait until this success is written: after a crash both would come again, in order.
        if matches!(outcome, AttemptOutcome::Delivered | AttemptOutcome::Expired) {
            return Ok(is_over.then_some(Exit::Over));
        }
        all_written(&mut run.unwritten).await?;
        if self.is_over(&run.webhook, event, &outcome, status).await? {
            return Ok(Some(Exit::Off));
        }
        let is_held_up = run.webhook.is_ordered && matches!(outcome, AttemptOutcome::Retry(_));
        Ok((is_over || is_held_up).then_some(Exit::Over))
    }

    /// Reads the webhook again if one was changed or deleted meanwhile: nothing is posted to where it was, and nothing that was
    /// discarded.
    async fn look_again(&self, run: &mut LaneRun<'_>, delivery: &delivery_store::DeliveryRow) -> Result<Option<Exit>> {
        let version = self.journal.demand().version();
        if version != run.version {
            (run.version, run.is_doubtful) = (version, true);
            // A webhook that is gone has taken its lanes along.
            let Some(webhook) = store::find(self.db.read(), &run.webhook.id).await? else {
                return Ok(Some(Exit::Gone));
            };
            let before = std::mem::replace(&mut run.webhook, Arc::new(webhook));
            if run.webhook.disabled.is_some() {
                return Ok(Some(Exit::Off));
            }
            if run.webhook.is_ordered != before.is_ordered {
                return Ok(Some(Exit::Over)); // What is next is another question now.
            }
        }
        let is_due = !run.is_doubtful || refusals::is_pending(self.db.read(), &delivery.id).await?;
        Ok((!is_due).then_some(Exit::Over))
    }

    /// Releases a lane: it is due again when its next delivery is, behind the lanes that waited meanwhile.
    async fn leave(&self, lease: &Lease, webhook: &WebhookRow, is_slow: bool) -> Written {
        self.outcomes
            .submit(LaneUpdate::Released { lease: lease.clone(), is_ordered: webhook.is_ordered, is_slow })
            .await
    }

    /// The events that these deliver, by position: those that are still in memory from there.
    async fn events(&self, deliveries: &[delivery_store::DeliveryRow]) -> Result<HashMap<i64, Arc<EventRow>>> {
        let mut events = self.journal.recent().at(deliveries.iter().map(|delivery| delivery.position));
        let positions = deliveries.iter().map(|delivery| delivery.position);
        let others: Vec<_> = positions.filter(|position| !events.contains_key(position)).collect();
        if !others.is_empty() {
            let found = event_store::at(self.db.read(), others).await?;
            events.extend(found.into_iter().map(|(position, event)| (position, Arc::new(event))));
        }
        Ok(events)
    }

    /// Releases a lane whose webhook is off. Whoever switches the webhook on makes it due.
    async fn rest(&self, lease: &Lease) -> Result<()> {
        lane_store::leave(self.db.write().without_fsync(), lease, None, self.clock.now()).await
    }

    /// Whether the webhook is off from now on that this was posted to.
    async fn is_over(
        &self,
        posted: &WebhookRow,
        event: &EventRow,
        outcome: &AttemptOutcome,
        status: Option<u16>,
    ) -> Result<bool> {
        if matches!(outcome, AttemptOutcome::Delivered | AttemptOutcome::Expired) {
            return Ok(false);
        }
        // Since when it fails is written with what came of each delivery: what was read before does not say it.
        let Some(webhook) = store::find(self.db.read(), &posted.id).await? else { return Ok(false) };
        let now = self.clock.now();
        let why = match webhook.failing_since {
            _ if status == Some(410) => DisableCause::Gone(posted.url.clone()),
            Some(since) if since.after(DISABLE_AFTER) <= now => DisableCause::Failing(now.before(DISABLE_AFTER)),
            _ => return Ok(false),
        };
        let switched = self.switch_off(&webhook, why, event, now).await;
        if switched.is_err() {
            // It may be off all the same, and whoever remembers it would not look again.
            announce_as_written(&self.db, &self.journal, &self.lifecycle, &webhook).await;
        }
        switched
    }

    /// Switches a webhook off, if that is still what it deserves. Whether it is off.
    async fn switch_off(
        &self,
        webhook: &WebhookRow,
        why: DisableCause,
        event: &EventRow,
        now: Timestamp,
    ) -> Result<bool> {
        self.disable(webhook, why, event, now).await?;
        let found = store::find(self.db.read(), &webhook.id).await?;
        let Some(reason) = found.and_then(|found| found.disabled) else { return Ok(false) };
        info!(webhook.id = %webhook.id, reason = %reason, "webhook {} is switched off", webhook.id);
        self.journal.demand().set_webhook(webhook.session_id.as_ref(), &webhook.id, &[]);
        Ok(true)
    }

    /// Switches a webhook off, and says so, if that is still what it deserves.
    async fn disable(&self, webhook: &WebhookRow, why: DisableCause, event: &EventRow, now: Timestamp) -> Result<()> {
        let (id, session_id) = (webhook.id.clone(), event.session_id.clone());
        let body = EventBody::WebhookDisabled(WebhookDisabledEvent {
            webhook_id: id.to_string(),
            reason: why.reason(),
            failing_since: webhook.failing_since,
            last_error: webhook.last_error.clone(),
        });
        // One whose session was deleted is about to go: nobody can switch it on again.
        let new_events = if webhook.is_ending() { Vec::new() } else { vec![NewEvent::new(session_id, &body, now)?] };
        let write: Write = Box::new(move |tx| {
            let (id, why, new_events) = (id.clone(), why.clone(), new_events.clone());
            async move { Ok(if store::disable(tx, &id, &why).await? { new_events } else { Vec::new() }) }.boxed()
        });
        self.journal.write(JournalEntry { write: Some(write), ..JournalEntry::default() }).await.map(drop)
    }
}

/// Waits until these outcomes are written. Says whether one of them released a lane that may have more to do.
async fn all_written(unwritten: &mut Vec<Written>) -> Result<bool> {
    let mut has_more = false;
    for written in unwritten.drain(..) {
        has_more |= written.await?;
    }
    Ok(has_more)
}
