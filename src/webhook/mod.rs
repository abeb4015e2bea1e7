//! The webhook service: what every door calls, and what carries events to their receivers.
//!
//! The fan-out turns events into deliveries, the scheduler carries them out. Both look at the database and take no other
//! input, so what was under way when the process died goes on after its start.

pub mod types;

pub mod authority;
pub mod cleanup;
pub mod delivery;
pub mod listing;
pub mod rules;
pub mod store;

mod deliveries;
mod remembered;
mod replay;

use std::sync::Arc;
use std::time::Duration;

use entity::ids::{EventId, SessionId, WebhookId};
use entity::words::{DisabledReason, Scope};
use metrics::counter;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Mutex, Notify};
use tracing::{Span, field, instrument};

use crate::caller::Caller;
use crate::clock::Clock;
use crate::db::Db;
use crate::egress::{self, Egress};
use crate::error::{Error, ErrorKind, Result};
use crate::event::journal::Journal;
use crate::event::store as event_store;
use crate::lifecycle::Lifecycle;
use crate::lifecycle::last_run::Loop;
use crate::webhook::cleanup::Cleanup;
use crate::webhook::delivery::fan_out::FanOut;
use crate::webhook::delivery::lane_store;
use crate::webhook::delivery::outcome_writer::OutcomeWriter;
use crate::webhook::delivery::refusals;
use crate::webhook::delivery::request;
use crate::webhook::delivery::retry_schedule::RetrySchedule;
use crate::webhook::delivery::scheduler::Scheduler;
use crate::webhook::delivery::slow_hosts::SlowHosts;
use crate::webhook::delivery::store as delivery_store;
use crate::webhook::delivery::worker::Worker;
use crate::webhook::store::{Switch, WebhookRow};
use crate::webhook::types::{DeliveryAttempt, NewWebhook, RotatedSecret, Webhook, WebhookChanges};

/// Most webhooks of one session, and most that are for all sessions.
const WEBHOOKS_MAX: i64 = 50;
/// How long the secret before a rotation signs when nothing is said, seconds: a day.
const OVERLAP: u64 = 24 * 60 * 60;
/// The longest that it may, seconds: 30 days.
pub const OVERLAP_MAX: u64 = 30 * 24 * 60 * 60;

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
    /// Takes deliveries over from the process before, and starts to make them.
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

    /// Creates a webhook of one session, or, without one, for all sessions. It gets what happens from now on.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `Forbidden` for a webhook for all sessions with a key for some, or for events that the key
    /// may not read itself.
    pub async fn create(&self, caller: &Caller, session: Option<SessionId>, new: NewWebhook) -> Result<Webhook> {
        caller.require(Scope::WebhooksWrite)?;
        self.reach(caller, session.as_ref()).await?;
        let webhook = rules::webhook(caller, "", session, new, self.clock.now())?;
        self.worker.egress.admit("url", &webhook.url).await?;
        let this = self.clone();
        self.lifecycle.complete(async move { this.add(webhook).await }).await
    }

    #[instrument(level = "debug", name = "create_webhook", skip_all, fields(webhook.id = %webhook.id))]
    async fn add(&self, mut webhook: WebhookRow) -> Result<Webhook> {
        let _alone = self.changes.lock().await;
        webhook.after_position = *self.journal.recent().head().borrow();
        if store::count(self.db.read(), webhook.session_id.as_ref()).await? >= WEBHOOKS_MAX {
            return Err(Error::invalid("url", format!("would be one webhook too many: there can be {WEBHOOKS_MAX}")));
        }
        let inserted = self.insert(&webhook).await;
        self.written(&webhook, inserted).await?;
        webhook.announce(self.journal.demand());
        Ok(webhook.into())
    }

    async fn insert(&self, webhook: &WebhookRow) -> Result<()> {
        let tx = self.db.write().begin().await?;
        store::insert(&tx, webhook).await?;
        tx.commit().await
    }

    /// One webhook.
    ///
    /// # Errors
    /// `SessionNotFound`, `WebhookNotFound`.
    pub async fn find(&self, caller: &Caller, which: &Which) -> Result<Webhook> {
        Ok(self.webhook(caller, Scope::WebhooksRead, which).await?.into())
    }

    /// Changes a webhook. Another receiver gets neither the headers nor the secret of the one before.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `WebhookNotFound`; `Forbidden` for an address, events or filters by a key that may not read
    /// what the webhook gets then.
    #[instrument(level = "debug", name = "update_webhook", skip_all, fields(webhook.id = field::Empty))]
    pub async fn update(&self, caller: &Caller, which: &Which, changes: WebhookChanges) -> Result<Webhook> {
        let (this, caller, which) = (self.clone(), caller.clone(), which.clone());
        self.lifecycle.complete(async move { this.change(&caller, &which, changes).await }).await
    }

    async fn change(&self, caller: &Caller, which: &Which, changes: WebhookChanges) -> Result<Webhook> {
        let _alone = self.changes.lock().await;
        let mut webhook = self.webhook(caller, Scope::WebhooksWrite, which).await?;
        let WebhookChanges { url, events, secret, headers, filters, ordered, enabled } = changes;
        if enabled.is_some() && webhook.is_ending() {
            let rule = "cannot be changed: the session of this webhook was deleted, and it only gets what it is owed";
            return Err(Error::invalid("enabled", rule));
        }
        let is_opened = url.is_some() || events.is_some() || filters.is_some();
        if let Some(url) = url {
            let url = rules::url("", url)?;
            self.worker.egress.admit("url", &url).await?;
            if !egress::is_same_receiver(&webhook.url, &url) {
                webhook.forget_secrets();
            }
            webhook.url = url;
        }
        if let Some(words) = events {
            webhook.events = rules::events("", words)?;
            webhook.gets_codes = caller.allows(Scope::SessionsPair);
        }
        if let Some(secret) = secret {
            webhook.secret = Some(request::secret("secret", secret)?);
            webhook.old_secret = None;
        }
        if let Some(headers) = headers {
            webhook.headers = rules::headers("", headers)?;
        }
        webhook.filters = filters.unwrap_or(webhook.filters);
        if is_opened {
            authority::require(caller, &webhook)?;
        }
        webhook.is_ordered = ordered.unwrap_or(webhook.is_ordered);
        webhook.disabled = match enabled {
            Some(true) => None,
            Some(false) => webhook.disabled.or(Some(DisabledReason::Requested)),
            None => webhook.disabled,
        };
        self.save(webhook, if enabled.is_some() { Switch::Set } else { Switch::Keep }).await
    }

    /// Delivers to a webhook again that was switched off.
    ///
    /// # Errors
    /// `SessionNotFound`, `WebhookNotFound`.
    pub async fn enable(&self, caller: &Caller, which: &Which) -> Result<Webhook> {
        let changes = WebhookChanges { enabled: Some(true), ..WebhookChanges::default() };
        self.update(caller, which, changes).await
    }

    /// Writes what was changed. Its lanes are looked at anew.
    async fn save(&self, mut webhook: WebhookRow, switch: Switch) -> Result<Webhook> {
        let now = self.clock.now();
        webhook.updated_at = now;
        let tx = self.db.write().begin().await?;
        let mut webhook = store::update(&tx, &webhook, switch).await?.ok_or_else(gone)?;
        if webhook.disabled.is_none() {
            // What failed before does not count against a receiver that was mended.
            webhook.failing_since = None;
            store::succeeded(&tx, vec![webhook.id.clone()]).await?;
            delivery_store::reschedule_deliveries(&tx, &webhook.id, now).await?;
        }
        lane_store::reschedule_lanes(&tx, &webhook.id, webhook.disabled.is_none().then_some(now)).await?;
        self.written(&webhook, tx.commit().await).await?;
        webhook.announce(self.journal.demand());
        self.wake_scheduler();
        Ok(webhook.into())
    }

    /// Deletes a webhook: nothing more is posted to it, and what waits for it is discarded. Gives what it was.
    ///
    /// # Errors
    /// `SessionNotFound`, `WebhookNotFound`.
    #[instrument(level = "debug", name = "delete_webhook", skip_all, fields(webhook.id = field::Empty))]
    pub async fn delete(&self, caller: &Caller, which: &Which) -> Result<Deleted> {
        let (this, caller, which) = (self.clone(), caller.clone(), which.clone());
        self.lifecycle.complete(async move { this.remove(&caller, &which).await }).await
    }

    async fn remove(&self, caller: &Caller, which: &Which) -> Result<Deleted> {
        let _alone = self.changes.lock().await;
        let webhook = self.webhook(caller, Scope::WebhooksWrite, which).await?;
        let erased = self.erase(&webhook).await;
        let discarded = *erased.as_ref().unwrap_or(&0);
        self.written(&webhook, erased.map(drop)).await?;
        self.journal.demand().set_webhook(webhook.session_id.as_ref(), &webhook.id, &[]);
        counter!("waypost_deliveries_total", "outcome" => "discarded").increment(discarded);
        Ok(Deleted { webhook: webhook.into(), discarded })
    }

    /// Takes a webhook and its deliveries out of the tables. Gives how many of these were still to be made.
    async fn erase(&self, webhook: &WebhookRow) -> Result<u64> {
        let tx = self.db.write().begin().await?;
        let discarded = refusals::count_pending(&tx, &webhook.id).await?;
        store::delete(&tx, &webhook.id).await?;
        tx.commit().await?;
        Ok(discarded)
    }

    /// What came of a write. If it failed, nobody knows whether the table has it: then who posts is told what the table has, and a
    /// table that does not answer is asked again until it does.
    async fn written(&self, webhook: &WebhookRow, outcome: Result<()>) -> Result<()> {
        if outcome.is_err() {
            let (this, webhook) = (self.clone(), webhook.clone());
            let attempt = move || {
                let (this, webhook) = (this.clone(), webhook.clone());
                async move {
                    let tx = this.db.write().begin_decided(store::TABLE).await?;
                    match store::find(&tx, &webhook.id).await? {
                        Some(written) => written.announce(this.journal.demand()),
                        None => this.journal.demand().set_webhook(webhook.session_id.as_ref(), &webhook.id, &[]),
                    }
                    Ok::<_, Error>(())
                }
            };
            self.lifecycle.insist("webhook", attempt).await;
        }
        outcome
    }

    /// Gives a webhook a new secret; the one before signs as well for a while.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `WebhookNotFound`.
    #[instrument(level = "debug", name = "rotate_webhook_secret", skip_all, fields(webhook.id = field::Empty))]
    pub async fn rotate(
        &self,
        caller: &Caller,
        which: &Which,
        secret: Option<String>,
        overlap_seconds: Option<u64>,
    ) -> Result<RotatedSecret> {
        let overlap = overlap_seconds.unwrap_or(OVERLAP);
        if overlap > OVERLAP_MAX {
            return Err(Error::invalid("overlap_seconds", format!("must be from 0 to {OVERLAP_MAX}")));
        }
        let secret = match secret {
            Some(secret) => request::secret("secret", secret)?,
            None => request::new_secret(),
        };
        let (this, caller, which) = (self.clone(), caller.clone(), which.clone());
        let overlap = Duration::from_secs(overlap);
        self.lifecycle.complete(async move { this.replace(&caller, &which, secret, overlap).await }).await
    }

    async fn replace(
        &self,
        caller: &Caller,
        which: &Which,
        secret: SecretString,
        overlap: Duration,
    ) -> Result<RotatedSecret> {
        let _alone = self.changes.lock().await;
        let mut webhook = self.webhook(caller, Scope::WebhooksWrite, which).await?;
        let until = self.clock.now().after(overlap);
        webhook.old_secret = webhook.secret.take().map(|old| (old, until));
        webhook.secret = Some(secret.clone());
        let old_secret_expires_at = webhook.old_secret.as_ref().map(|(_, until)| *until);
        let webhook = self.save(webhook, Switch::Keep).await?;
        Ok(RotatedSecret { webhook, secret: secret.expose_secret().to_owned(), old_secret_expires_at })
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
