//! The webhook service, which every door calls. What happens on the way from an event to a receiver is in [`delivery`].

pub mod types;

pub mod authority;
pub mod changes;
pub mod cleanup;
pub mod delivery;
pub mod listing;
pub mod row;
pub mod rules;
pub mod store;

mod announcement;
mod dead_letters;
mod deliveries;
mod remembered;
mod replay;

use std::sync::Arc;
use std::time::Duration;

use entity::ids::{EventId, SessionId, WebhookId};
use entity::words::access::Scope;
use entity::words::webhook::DisabledReason;
use secrecy::ExposeSecret;
use tokio::sync::{Mutex, Notify};
use tracing::{Span, field, instrument};

use crate::caller::Caller;
use crate::clock::Clock;
use crate::db::Db;
use crate::egress::Egress;
use crate::error::{Error, ErrorKind, Result};
use crate::event::journal::Journal;
use crate::event::store as event_store;
use crate::lifecycle::Lifecycle;
use crate::lifecycle::last_run::Loop;
use crate::webhook::cleanup::Cleanup;
use crate::webhook::delivery::fan_out::FanOut;
use crate::webhook::delivery::lane_store;
use crate::webhook::delivery::outcome_writer::OutcomeWriter;
use crate::webhook::delivery::request;
use crate::webhook::delivery::retry_schedule::RetrySchedule;
use crate::webhook::delivery::scheduler::Scheduler;
use crate::webhook::delivery::slow_hosts::SlowHosts;
use crate::webhook::delivery::store as delivery_store;
use crate::webhook::delivery::worker::Worker;
use crate::webhook::row::WebhookRow;
use crate::webhook::types::{DeliveryAttempt, Webhook};

/// How often a delivery is made that the receiver refuses for good when nothing is said. With the usual waits that is over in six
/// minutes: long enough for a receiver that is just being replaced or mended, short enough for what waits behind it.
pub const REFUSALS: u32 = 4;

/// Most deliveries that one replay queues. Whoever wants more goes on where it ended.
const REPLAY_MAX: u64 = 50_000;

/// How deliveries are made.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// The waits between the attempts.
    pub schedule: RetrySchedule,
    /// Longest wait for an answer.
    pub limit: Duration,
    /// How often a delivery is made that the receiver refuses for good: a status from 400 to 499 but 408, 410, 425 and 429.
    pub refusals: u32,
}

/// What the webhooks stand on.
#[derive(Debug)]
pub struct Deps {
    /// Where they are kept.
    pub db: Db,
    /// What is delivered.
    pub journal: Journal,
    /// The way out.
    pub egress: Egress,
    /// What time it is.
    pub clock: Clock,
    /// What their tasks end with.
    pub lifecycle: Lifecycle,
}

/// The webhooks of this server.
#[derive(Clone, Debug)]
pub struct Webhooks {
    db: Db,
    journal: Journal,
    worker: Arc<Worker>,
    scheduler: Arc<Notify>,
    clock: Clock,
    lifecycle: Lifecycle,
    /// Most deliveries that one replay queues.
    replay_max: u64,
    /// Held from the reading of a webhook to the writing of its change: two changes at once are both there afterwards.
    changes: Arc<Mutex<()>>,
}

/// A webhook that was deleted.
#[derive(Clone, Debug)]
pub struct Deleted {
    /// What it was.
    pub webhook: Webhook,
    /// How many deliveries waited for it.
    pub discarded: u64,
}

/// Which webhook: its id, and the session under which it was asked for, if it was.
#[derive(Clone, Debug)]
pub struct Which {
    /// Only if it is this session's.
    pub session_id: Option<SessionId>,
    /// Its id.
    pub id: WebhookId,
}

impl Webhooks {
    /// Takes the deliveries over from the process before, and starts to make them.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn open(deps: Deps, settings: DeliverySettings) -> Result<Self> {
        let Deps { db, journal, egress, clock, lifecycle } = deps;
        // One process owns the database, so whoever was at a lane is gone.
        lane_store::end_leases(db.write()).await?;
        let now = clock.now();
        lane_store::bring_forward(db.write(), now, now.after(settings.schedule.longest())).await?;
        for webhook in store::all(db.read()).await? {
            webhook.announce(journal.demand());
        }
        let outcomes = OutcomeWriter::start(db.clone(), clock.clone(), &lifecycle)?;
        let DeliverySettings { schedule, limit, refusals } = settings;
        let worker = Arc::new(Worker {
            db: db.clone(),
            journal: journal.clone(),
            egress,
            outcomes,
            clock: clock.clone(),
            lifecycle: lifecycle.clone(),
            stop: lifecycle.workers().clone(),
            slow_hosts: SlowHosts::default(),
            schedule,
            limit,
            refusals,
        });
        let wake = Arc::new(Notify::new());
        let scheduler =
            Scheduler::new(db.clone(), clock.clone(), lifecycle.clone(), Arc::clone(&worker), Arc::clone(&wake));
        let fan_out = FanOut::open(db.clone(), clock.clone(), journal.clone()).await?;
        let (woken, deletion) = (Arc::clone(&wake), Arc::new(Notify::new()));
        let cleanup = Cleanup { db: db.clone(), journal: journal.clone() };
        let told = Arc::clone(&deletion);
        lifecycle.spawn_loop(Loop::Cleanup, |last_run| cleanup.run(told, last_run));
        let fanning_out = |last_run| async move { fan_out.run(&woken, &deletion, last_run).await };
        lifecycle.spawn_loop_apart(Loop::FanOut, fanning_out).map_err(Error::internal)?;
        lifecycle.spawn_loop_apart(Loop::Scheduler, |last_run| scheduler.run(last_run)).map_err(Error::internal)?;
        Ok(Self {
            db,
            journal,
            worker,
            scheduler: wake,
            clock,
            lifecycle,
            replay_max: REPLAY_MAX,
            changes: Arc::default(),
        })
    }

    /// The same webhooks, with another bound for what one replay queues.
    #[must_use]
    pub fn replaying_at_most(self, deliveries: u64) -> Self {
        Self { replay_max: deliveries, ..self }
    }

    /// Looks now whether something is due. It looks by itself when something happens, and now and then.
    pub fn wake_scheduler(&self) {
        self.scheduler.notify_one();
    }

    /// One webhook.
    ///
    /// # Errors
    /// `SessionNotFound`, `WebhookNotFound`.
    pub async fn find(&self, caller: &Caller, which: &Which) -> Result<Webhook> {
        Ok(self.webhook(caller, Scope::WebhooksRead, which).await?.into())
    }

    /// Posts a `test` event now, once, and tells what came of it. It is not kept.
    ///
    /// # Errors
    /// `SessionNotFound`, `WebhookNotFound`.
    #[instrument(level = "debug", name = "ping_webhook", skip_all, fields(webhook.id = field::Empty))]
    pub async fn ping(&self, caller: &Caller, which: &Which) -> Result<DeliveryAttempt> {
        let webhook = self.webhook(caller, Scope::WebhooksWrite, which).await?;
        let now = self.clock.now();
        let id = EventId::generate();
        let body = request::test_body(&id, webhook.session_id.as_ref(), now)?;
        let attempted = self.worker.post(&webhook, id.as_str(), body, now).await;
        Ok(DeliveryAttempt {
            started_at: now,
            duration_ms: i64::try_from(attempted.duration.as_millis()).unwrap_or(i64::MAX),
            status: attempted.status.map(i32::from),
            error: attempted.failure,
            reply: attempted.reply,
        })
    }

    /// How many deliveries wait. For the metrics; needs no caller.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn pending(&self) -> Result<i64> {
        delivery_store::pending_count(self.db.read()).await
    }

    /// Refuses unless the caller may touch the session, which is there, or all sessions.
    async fn reach(&self, caller: &Caller, session: Option<&SessionId>) -> Result<()> {
        match session {
            Some(id) if !caller.reaches(id) || !event_store::has_session(self.db.read(), id).await? => {
                Err(session_gone())
            }
            Some(_) => Ok(()),
            None if caller.sessions().is_some() => {
                let detail = "this key is for some sessions only, and such a webhook is for all";
                Err(Error::new(ErrorKind::Forbidden, detail))
            }
            None => Ok(()),
        }
    }

    /// The webhook, if the caller may do this to it. One of a session that the caller may not touch is not there.
    async fn webhook(&self, caller: &Caller, scope: Scope, which: &Which) -> Result<WebhookRow> {
        caller.require(scope)?;
        if !rules::is_id("whk_", which.id.as_str()) {
            return Err(gone());
        }
        // An id is the client's text until here.
        Span::current().record("webhook.id", field::display(&which.id));
        if let Some(session) = &which.session_id {
            self.reach(caller, Some(session)).await?;
        }
        let found = store::find(self.db.read(), &which.id).await?;
        let may_touch = |webhook: &WebhookRow| match &webhook.session_id {
            Some(session) if !webhook.is_ending() => caller.reaches(session),
            Some(_) | None => caller.sessions().is_none(),
        };
        let is_there = |webhook: &WebhookRow| webhook.session_id == which.session_id && !webhook.is_ending();
        found.filter(|webhook| which.session_id.is_none() || is_there(webhook)).filter(may_touch).ok_or_else(gone)
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::WebhookNotFound, "no webhook has this id")
}

fn session_gone() -> Error {
    Error::new(ErrorKind::SessionNotFound, "no session has this id")
}

impl From<WebhookRow> for Webhook {
    fn from(webhook: WebhookRow) -> Self {
        let WebhookRow {
            id,
            session_id,
            url,
            events,
            gets_codes: _,
            secret,
            old_secret: _,
            headers,
            filters,
            is_ordered,
            disabled,
            failing_since,
            last_error,
            after_position: _,
            until_position,
            created_at,
            updated_at,
        } = webhook;
        let disabled = if until_position.is_some() { Some(DisabledReason::SessionDeleted) } else { disabled };
        Self {
            id,
            session_id,
            url: url.expose_secret().to_owned(),
            events,
            header_names: headers.into_keys().collect(),
            filters,
            ordered: is_ordered,
            enabled: disabled.is_none(),
            disabled_reason: disabled,
            has_secret: secret.is_some(),
            failing_since,
            last_error,
            created_at,
            updated_at,
        }
    }
}
