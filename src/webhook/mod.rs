//! The webhook service: what every door calls, and what carries events to their receivers.
//!
//! The dispatcher turns events into deliveries, the courier carries them out. Both look at the database and take no other
//! input, so what was under way when the process died goes on after its start.

pub mod types;

pub mod carrier;
pub mod courier;
pub mod dispatcher;
pub mod egress;
pub mod queue;
pub mod recorder;
pub mod request;
pub mod rules;
pub mod schedule;
pub mod store;

use std::sync::Arc;
use std::time::Duration;

use entity::ids::{DeliveryId, EventId, SessionId, WebhookId};
use entity::words::{DisabledReason, EventType, Scope};
use secrecy::ExposeSecret;
use tokio::sync::{Mutex, Notify};

use crate::caller::Caller;
use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::event;
use crate::event::journal::Journal;
use crate::event::store::{self as journal, Selection};
use crate::event::types::Cursor;
use crate::lifecycle::Lifecycle;
use crate::webhook::carrier::Carrier;
use crate::webhook::courier::Courier;
use crate::webhook::dispatcher::Dispatcher;
use crate::webhook::egress::Egress;
use crate::webhook::recorder::Recorder;
use crate::webhook::schedule::Schedule;
use crate::webhook::store::Record;
use crate::webhook::types::{
    Delivery, DeliveryAttempt, DeliveryFilter, DeliveryPage, NewWebhook, ReplayRange, Replayed, RotatedSecret, Webhook,
    WebhookChanges,
};

/// Most webhooks of one session, and most that are for all sessions.
const WEBHOOKS_MAX: i64 = 50;
/// How long the secret before a rotation signs when nothing is said, seconds: a day.
const OVERLAP: u64 = 24 * 60 * 60;
/// The longest that it may, seconds: 30 days.
const OVERLAP_MAX: u64 = 30 * 24 * 60 * 60;
/// Deliveries of a page when its size is not said.
const PAGE_DEFAULT: u32 = 50;
/// Largest page.
const PAGE_MAX: u32 = 100;
/// Events that a replay queues in one transaction.
const REPLAY_BATCH: u64 = 500;

/// How deliveries are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The waits between the attempts.
    pub schedule: Schedule,
    /// Longest wait for an answer.
    pub limit: Duration,
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
    carrier: Arc<Carrier>,
    courier: Arc<Notify>,
    clock: Clock,
    /// Held from the reading of a webhook to the writing of its change: two changes at once are both there afterwards.
    changes: Arc<Mutex<()>>,
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
    pub async fn open(deps: Deps, settings: Settings) -> Result<Self> {
        let Deps { db, journal, egress, clock, lifecycle } = deps;
        // One process owns the database, so whoever was at a lane is gone.
        queue::end_leases(db.write()).await?;
        for record in store::list(db.read(), None).await? {
            record.tell(journal.interest());
        }
        let recorder = Recorder::start(db.clone(), clock.clone(), &lifecycle);
        let Settings { schedule, limit } = settings;
        let carrier = Arc::new(Carrier {
            db: db.clone(),
            journal: journal.clone(),
            egress,
            recorder,
            clock: clock.clone(),
            stop: lifecycle.workers().clone(),
            schedule,
            limit,
        });
        let poke = Arc::new(Notify::new());
        let courier =
            Courier::new(db.clone(), clock.clone(), lifecycle.clone(), Arc::clone(&carrier), Arc::clone(&poke));
        let dispatcher = Dispatcher::open(db.clone(), clock.clone(), journal.clone()).await?;
        let woken = Arc::clone(&poke);
        let (first, second) = (lifecycle.workers().clone(), lifecycle.workers().clone());
        lifecycle.spawn("dispatcher", async move {
            first.run_until_cancelled(dispatcher.run(&woken)).await;
        });
        lifecycle.spawn("courier", async move {
            second.run_until_cancelled(courier.run()).await;
        });
        Ok(Self { db, journal, carrier, courier: poke, clock, changes: Arc::default() })
    }

    /// Looks now whether something is due. It looks by itself when something happens, and now and then.
    pub fn look(&self) {
        self.courier.notify_one();
    }

    /// Creates a webhook of one session, or, without one, for all sessions. It gets what happens from now on.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `Forbidden` for a webhook for all sessions with a key for some.
    pub async fn create(&self, caller: &Caller, session: Option<SessionId>, new: NewWebhook) -> Result<Webhook> {
        caller.require(Scope::WebhooksWrite)?;
        self.reach(caller, session.as_ref()).await?;
        let mut record = rules::record("", session, new, self.clock.now())?;
        self.carrier.egress.admit("url", &record.url)?;
        let head = *self.journal.bus().head().borrow();
        record.after_position = head;
        if store::count(self.db.read(), record.session_id.as_ref()).await? >= WEBHOOKS_MAX {
            return Err(Error::invalid("url", format!("would be one webhook too many: there can be {WEBHOOKS_MAX}")));
        }
        store::insert(self.db.write(), &record).await?;
        record.tell(self.journal.interest());
        Ok(record.into())
    }

    /// The webhooks of one session, or all that the caller may see; oldest first.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub async fn list(&self, caller: &Caller, session: Option<SessionId>) -> Result<Vec<Webhook>> {
        caller.require(Scope::WebhooksRead)?;
        let of = match session {
            Some(id) => {
                self.reach(caller, Some(&id)).await?;
                Some(vec![id])
            }
            None => caller.sessions().map(|ids| ids.iter().cloned().collect()),
        };
        Ok(store::list(self.db.read(), of).await?.into_iter().map(Webhook::from).collect())
    }

    /// One webhook.
    ///
    /// # Errors
    /// `SessionNotFound`, `WebhookNotFound`.
    pub async fn find(&self, caller: &Caller, which: &Which) -> Result<Webhook> {
        Ok(self.record(caller, Scope::WebhooksRead, which).await?.into())
    }

    /// Changes a webhook.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `WebhookNotFound`.
    pub async fn update(&self, caller: &Caller, which: &Which, changes: WebhookChanges) -> Result<Webhook> {
        let _alone = self.changes.lock().await;
        let mut record = self.record(caller, Scope::WebhooksWrite, which).await?;
        let WebhookChanges { url, events, headers, filters, ordered, enabled } = changes;
        if let Some(url) = url {
            record.url = rules::url("", url)?;
            self.carrier.egress.admit("url", &record.url)?;
        }
        if let Some(words) = events {
            record.events = rules::events("", words)?;
        }
        if let Some(headers) = headers {
            record.headers = rules::headers("", headers)?;
        }
        record.filters = filters.unwrap_or(record.filters);
        record.is_ordered = ordered.unwrap_or(record.is_ordered);
        record.disabled = match enabled {
            Some(true) => None,
            Some(false) => record.disabled.or(Some(DisabledReason::Requested)),
            None => record.disabled,
        };
        self.save(record).await
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
    async fn save(&self, mut record: Record) -> Result<Webhook> {
        let now = self.clock.now();
        record.updated_at = now;
        let tx = self.db.write().begin().await?;
        store::update(&tx, &record).await?;
        if record.disabled.is_none() {
            // What failed before does not count against a receiver that was mended.
            record.failing_since = None;
            store::came(&tx, vec![record.id.clone()]).await?;
        }
        queue::rouse(&tx, &record.id, record.disabled.is_none().then_some(now)).await?;
        tx.commit().await?;
        record.tell(self.journal.interest());
        self.look();
        Ok(record.into())
    }

    /// Deletes a webhook with its deliveries. Gives what it was.
    ///
    /// # Errors
    /// `SessionNotFound`, `WebhookNotFound`.
    pub async fn delete(&self, caller: &Caller, which: &Which) -> Result<Webhook> {
        let record = self.record(caller, Scope::WebhooksWrite, which).await?;
        store::delete(self.db.write(), &record.id).await?;
        self.journal.interest().deliver(record.session_id.as_ref(), &record.id, &[]);
        Ok(record.into())
    }

    /// Gives a webhook a new secret; the one before signs as well for a while.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `WebhookNotFound`.
    pub async fn rotate(
        &self,
        caller: &Caller,
        which: &Which,
        secret: Option<String>,
        overlap_seconds: Option<u64>,
    ) -> Result<RotatedSecret> {
        let _alone = self.changes.lock().await;
        let mut record = self.record(caller, Scope::WebhooksWrite, which).await?;
        let overlap = overlap_seconds.unwrap_or(OVERLAP);
        if overlap > OVERLAP_MAX {
            return Err(Error::invalid("overlap_seconds", format!("must be from 0 to {OVERLAP_MAX}")));
        }
        let secret = match secret {
            Some(secret) => request::secret("secret", secret)?,
            None => request::new_secret(),
        };
        let until = self.clock.now().after(Duration::from_secs(overlap));
        record.old_secret = record.secret.take().map(|old| (old, until));
        record.secret = Some(secret.clone());
        let old_secret_expires_at = record.old_secret.as_ref().map(|(_, until)| *until);
        let webhook = self.save(record).await?;
        Ok(RotatedSecret { webhook, secret: secret.expose_secret().to_owned(), old_secret_expires_at })
    }

    /// Posts a `test` event now, once, and tells what came of it. It is not kept.
    ///
    /// # Errors
    /// `SessionNotFound`, `WebhookNotFound`.
    pub async fn ping(&self, caller: &Caller, which: &Which) -> Result<DeliveryAttempt> {
        let record = self.record(caller, Scope::WebhooksWrite, which).await?;
        let now = self.clock.now();
        let id = EventId::generate();
        let body = request::test_body(&id, record.session_id.as_ref(), now)?;
        let attempted = self.carrier.post(&record, id.as_str(), body, now).await;
        Ok(DeliveryAttempt {
            started_at: now,
            duration_ms: i64::try_from(attempted.duration.as_millis()).unwrap_or(i64::MAX),
            status: attempted.status.map(i32::from),
            error: attempted.failure,
            reply: attempted.reply,
        })
    }

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
        let record = self.record(caller, Scope::WebhooksRead, which).await?;
        let limit = limit.unwrap_or(PAGE_DEFAULT);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(Error::new(ErrorKind::PageSizeLimit, format!("`limit` must be from 1 to {PAGE_MAX}")));
        }
        let DeliveryFilter { state, event } = filter;
        let before = after.as_deref().map(DeliveryId::named);
        let one_more = u64::from(limit) + 1;
        let mut rows = queue::list(self.db.read(), &record.id, state, event, before, one_more).await?;
        let has_next = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let deliveries = self.shown(rows).await?;
        let next_cursor = deliveries.last().filter(|_| has_next).map(|last| last.id.to_string());
        Ok(DeliveryPage { deliveries, next_cursor })
    }

    async fn shown(&self, rows: Vec<queue::Record>) -> Result<Vec<Delivery>> {
        let events = journal::at(self.db.read(), rows.iter().map(|row| row.position).collect()).await?;
        let mut attempts = queue::attempts(self.db.read(), &rows).await?;
        let shown = rows.into_iter().filter_map(|row| {
            // Without its event a delivery is about to go too.
            let event_id = events.get(&row.position)?.id.clone();
            let attempts = attempts.remove(&row.id).unwrap_or_default();
            Some(delivery(row, event_id, attempts))
        });
        Ok(shown.collect())
    }

    /// Tries a delivery now, whatever came of it before.
    ///
    /// # Errors
    /// `SessionNotFound`, `WebhookNotFound`, `DeliveryNotFound`.
    pub async fn retry(&self, caller: &Caller, which: &Which, id: &DeliveryId) -> Result<Delivery> {
        let record = self.record(caller, Scope::WebhooksWrite, which).await?;
        let gone = || Error::new(ErrorKind::DeliveryNotFound, "this webhook has no delivery with this id");
        let row = queue::find(self.db.read(), &record.id, id).await?.ok_or_else(gone)?;
        let tx = self.db.write().begin().await?;
        queue::retry(&tx, &row, self.clock.now()).await?;
        tx.commit().await?;
        self.courier.notify_one();
        let row = queue::find(self.db.read(), &record.id, id).await?.ok_or_else(gone)?;
        self.shown(vec![row]).await?.pop().ok_or_else(gone)
    }

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

    /// How many deliveries wait. For the metrics; needs no caller.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn pending(&self) -> Result<i64> {
        queue::pending_count(self.db.read()).await
    }

    /// Refuses unless the caller may touch the session, which is there, or all sessions.
    async fn reach(&self, caller: &Caller, session: Option<&SessionId>) -> Result<()> {
        match session {
            Some(id) if !caller.reaches(id) || !journal::has_session(self.db.read(), id).await? => Err(session_gone()),
            Some(_) => Ok(()),
            None if caller.sessions().is_some() => {
                let detail = "this key is for some sessions only, and such a webhook is for all";
                Err(Error::new(ErrorKind::Forbidden, detail))
            }
            None => Ok(()),
        }
    }

    /// The webhook, if the caller may do this to it. One of a session that the caller may not touch is not there.
    async fn record(&self, caller: &Caller, scope: Scope, which: &Which) -> Result<Record> {
        caller.require(scope)?;
        if let Some(session) = &which.session_id {
            self.reach(caller, Some(session)).await?;
        }
        let found = store::find(self.db.read(), &which.id).await?;
        let may_touch = |record: &Record| match &record.session_id {
            Some(session) => caller.reaches(session),
            None => caller.sessions().is_none(),
        };
        found
            .filter(|record| which.session_id.is_none() || record.session_id == which.session_id)
            .filter(may_touch)
            .ok_or_else(|| Error::new(ErrorKind::WebhookNotFound, "no webhook has this id"))
    }
}

fn session_gone() -> Error {
    Error::new(ErrorKind::SessionNotFound, "no session has this id")
}

fn delivery(row: queue::Record, event_id: EventId, attempts: Vec<DeliveryAttempt>) -> Delivery {
    let queue::Record {
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

impl From<Record> for Webhook {
    fn from(record: Record) -> Self {
        let Record {
            id,
            session_id,
            url,
            events,
            secret,
            old_secret: _,
            headers,
            filters,
            is_ordered,
            disabled,
            failing_since,
            last_error,
            after_position: _,
            created_at,
            updated_at,
        } = record;
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
