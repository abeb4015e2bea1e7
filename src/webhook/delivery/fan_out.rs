//! The fan-out turns events into pending deliveries. It reads the journal behind its bookmark, and writes deliveries and
//! bookmark in one transaction. Recent events come from memory, others from the table. When no webhook wants any of them, the
//! bookmark is only moved now and then.

use std::cell::LazyCell;
use std::collections::{BTreeSet, HashMap};
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::Notify;
use tracing::error;

use entity::ids::SessionId;
use entity::words::event::EventType;

use crate::clock::Clock;
use crate::db::Db;
use crate::db::fault::failed;
use crate::error::{Result, chain};
use crate::event::journal::Journal;
use crate::event::record::{EventRow, Selection};
use crate::event::store as event_store;
use crate::lifecycle::last_run::LastRun;
use crate::webhook::delivery::store::{self as delivery_store, NewDelivery};
use crate::webhook::remembered::Remembered;
use crate::webhook::row::WebhookRow;
use crate::webhook::store;

/// Events that are read at once.
const BATCH: usize = 500;
/// Shortest time from one look to the next: what happens in quick succession is turned into deliveries together.
const SPAN: Duration = Duration::from_millis(5);
/// How often it looks although nothing woke it.
pub(in crate::webhook) const PERIOD: Duration = Duration::from_secs(5);

/// The address under which status updates come.
const STATUS_CHAT: &str = "status@broadcast";
/// How the address of a channel ends.
const CHANNEL: &str = "@newsletter";
/// How the address of a broadcast list ends, and that of status updates.
const BROADCAST: &str = "@broadcast";

/// How often it tries again at once after a failure: a session or a webhook may have been deleted in the middle of it.
const TRIES: u32 = 3;
/// How long the bookmark may stay behind while nothing was to be delivered.
const REST: Duration = Duration::from_millis(500);

/// The webhooks that are on, by the session that they are for; None is all sessions.
type Listening = HashMap<Option<SessionId>, Vec<WebhookRow>>;

/// Turns events into deliveries.
#[derive(Debug)]
pub struct FanOut {
    db: Db,
    clock: Clock,
    journal: Journal,
    /// The position up to which it has read.
    after: i64,
    /// The bookmark, and when it was set.
    marked: (i64, Instant),
    /// Failures in a row. After one it reads from the table: what it saw in memory may be gone.
    failures: u32,
    /// Whether it has seen that a session was deleted.
    has_deletion: bool,
    /// Who listens to a session, and, without one, to all.
    listening: Remembered<Option<SessionId>, Vec<WebhookRow>>,
}

impl FanOut {
    /// One that goes on where the last one stopped.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(in crate::webhook) async fn open(db: Db, clock: Clock, journal: Journal) -> Result<Self> {
        let after = event_store::bookmark(db.read(), event_store::FANNED_OUT).await?.unwrap_or(0);
        let (marked, listening) = ((after, Instant::now()), Remembered::default());
        Ok(Self { db, clock, journal, after, marked, failures: 0, has_deletion: false, listening })
    }

    /// Looks again and again: whenever something was written, and now and then. Wakes the scheduler when something is to be
    /// delivered, and the cleanup when a session was deleted.
    pub(in crate::webhook) async fn run(mut self, scheduler: &Notify, cleanup: &Notify, last_run: LastRun) {
        let mut head = self.journal.recent().head();
        loop {
            let next = Instant::now() + SPAN;
            head.mark_unchanged();
            let turn = self.run_once().await;
            last_run.note();
            if std::mem::take(&mut self.has_deletion) {
                cleanup.notify_one();
            }
            if let Ok(Turn { has_queued: true, .. }) = turn {
                scheduler.notify_one();
            }
            match turn {
                Ok(Turn { may_have_more: true, .. }) => {}
                Ok(_) => {
                    let pause = if self.marked.0 < self.after { REST } else { PERIOD };
                    let _ = tokio::time::timeout(pause, head.changed()).await; // Either is a reason to look.
                }
                Err(_) if self.failures <= TRIES => {}
                Err(error) => {
                    error!(error = chain(&error), "events could not be turned into deliveries");
                    tokio::time::sleep(PERIOD).await;
                }
            }
            tokio::time::sleep_until(next.into()).await;
        }
    }

    async fn run_once(&mut self) -> Result<Turn> {
        let turn = self.turn().await;
        self.failures = if turn.is_err() { self.failures + 1 } else { 0 };
        turn
    }

    /// Turns the next events into deliveries. Fails with `Unavailable`; then nothing has changed.
    async fn turn(&mut self) -> Result<Turn> {
        let events = self.next().await?;
        let newest = events.last().map_or(self.after, |event| event.position);
        let new_deliveries = self.new_deliveries(&events).await?;
        let is_due = self.marked.0 < newest && self.marked.1.elapsed() >= REST;
        if is_due || !new_deliveries.is_empty() {
            let mut batch = self.db.write().batch();
            if !new_deliveries.is_empty() {
                delivery_store::enqueue_in(&mut batch, &new_deliveries, self.clock.now());
            }
            event_store::mark_in(&mut batch, event_store::FANNED_OUT, newest);
            // Lost in a power cut, both are made again.
            let run = self.db.write().begin().await?.run_blocking(batch).await;
            run.map_err(|failure| failed(failure.into_error()))?;
            self.marked = (newest, Instant::now());
        }
        self.after = newest;
        self.has_deletion |= events.iter().any(|event| event.event_type == EventType::SessionDeleted);
        Ok(Turn { has_queued: !new_deliveries.is_empty(), may_have_more: events.len() >= BATCH })
    }

    async fn next(&self) -> Result<Vec<Arc<EventRow>>> {
        let told = if self.failures > 0 { None } else { self.journal.recent().since(self.after, BATCH) };
        if let Some(events) = told {
            return Ok(events);
        }
        // What the disk does not have yet is not told: a power cut would take it away again.
        let head = *self.journal.recent().head().borrow();
        let all = Selection::default();
        let found = event_store::history(self.db.read(), &all, self.after, Some(head), BATCH as u64).await?;
        Ok(found.into_iter().map(Arc::new).collect())
    }

    async fn new_deliveries(&mut self, events: &[Arc<EventRow>]) -> Result<Vec<NewDelivery>> {
        if self.failures > 0 {
            self.listening.forget(); // One that is gone, and of which nobody was told yet, would let the turn fail again.
        }
        // After the events are known: whoever was told that there is a webhook before one of them happened is heard.
        let known = self.listening.at(self.journal.demand().version());
        let sessions: BTreeSet<_> = events.iter().map(|event| &event.session_id).collect();
        let is_new = |session: &&SessionId| !known.contains_key(&Some((*session).clone()));
        let missing: Vec<_> = sessions.into_iter().filter(is_new).cloned().collect();
        if !missing.is_empty() {
            let listening = store::listening(self.db.read(), missing.clone()).await?;
            known.insert(None, Vec::new());
            known.extend(missing.into_iter().map(|session| (Some(session), Vec::new())));
            for webhook in listening {
                known.entry(webhook.session_id.clone()).or_default().push(webhook);
            }
        }
        Ok(events.iter().flat_map(|event| deliveries(event, known)).collect())
    }
}

/// What one look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    /// Whether something is to be delivered.
    has_queued: bool,
    /// Whether there may be events that it did not read. What comes later it is told of.
    may_have_more: bool,
}

fn deliveries<'a>(event: &'a EventRow, listening: &'a Listening) -> impl Iterator<Item = NewDelivery> + 'a {
    // Read when a webhook is met that may leave it out.
    let traits = LazyCell::new(|| Traits::of(event));
    let some = [None, Some(event.session_id.clone())].map(|of| listening.get(&of));
    let new_deliveries = some.into_iter().flatten().flatten().filter(move |webhook| is_for(event, &traits, webhook));
    new_deliveries.map(|webhook| new_delivery(event, webhook, event.position))
}

/// The delivery of an event to a webhook, with its place in its lane.
pub(in crate::webhook) fn new_delivery(event: &EventRow, webhook: &WebhookRow, sort_key: i64) -> NewDelivery {
    NewDelivery {
        webhook_id: webhook.id.clone(),
        session_id: event.session_id.clone(),
        position: event.position,
        sort_key,
        event_type: event.event_type,
        is_ordered: webhook.is_ordered,
    }
}

fn is_for(event: &EventRow, traits: &impl Deref<Target = Traits>, webhook: &WebhookRow) -> bool {
    webhook.session_id.as_ref().is_none_or(|id| *id == event.session_id)
        && webhook.wants(event.event_type)
        && event.position > webhook.after_position
        && webhook.until_position.is_none_or(|until| event.position <= until)
        && !is_left_out(traits, webhook)
}

/// Whether a webhook's filters leave an event out.
pub(in crate::webhook) fn is_filtered(event: &EventRow, webhook: &WebhookRow) -> bool {
    is_left_out(&&Traits::of(event), webhook)
}

fn is_left_out(traits: &impl Deref<Target = Traits>, webhook: &WebhookRow) -> bool {
    (webhook.filters.ignore_groups && traits.is_group)
        || (webhook.filters.ignore_status && traits.chat == STATUS_CHAT)
        || (webhook.filters.ignore_own && traits.is_from_me)
        || (webhook.filters.ignore_channels && traits.chat.ends_with(CHANNEL))
        || (webhook.filters.ignore_broadcasts && traits.chat.ends_with(BROADCAST) && traits.chat != STATUS_CHAT)
}

/// What the filters look at.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Traits {
    chat: String,
    is_group: bool,
    is_from_me: bool,
}

impl Traits {
    fn of(event: &EventRow) -> Self {
        match event.event_type {
            // We wrote it, so it can be read.
            EventType::Message | EventType::Receipt | EventType::UndecryptableMessage | EventType::ChatPresence => {
                serde_json::from_str(&event.body).unwrap_or_default()
            }
            _ => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::ids::{EventId, SessionId};
    use entity::timestamp::Timestamp;

    use super::*;
    use crate::caller::Caller;
    use crate::webhook::rules;
    use crate::webhook::types::{NewWebhook, WebhookFilters};

    fn message(body: &str) -> EventRow {
        EventRow {
            position: 1,
            id: EventId::generate(),
            session_id: SessionId::parse("shop").expect("it is one"),
            sequence: 1,
            event_type: EventType::Message,
            created_at: Timestamp::from_millis(0),
            body: body.into(),
        }
    }

    #[test]
    fn each_filter_leaves_out_what_it_names_and_nothing_else() {
        let messages = [
            r#"{"chat":"15550100077@s.whatsapp.net","is_group":false,"is_from_me":false}"#,
            r#"{"chat":"120363000000000000@g.us","is_group":true,"is_from_me":false}"#,
            r#"{"chat":"status@broadcast","is_group":false,"is_from_me":false}"#,
            r#"{"chat":"15550100077@s.whatsapp.net","is_group":false,"is_from_me":true}"#,
            r#"{"chat":"120363000000000001@newsletter","is_group":false,"is_from_me":false}"#,
            r#"{"chat":"1767143203@broadcast","is_group":false,"is_from_me":false}"#,
        ];
        let left_out = |filters| {
            let url = "https://example.com/".to_owned();
            let new = NewWebhook { url, filters: Some(filters), ..NewWebhook::default() };
            let webhook =
                rules::webhook(&Caller::admin(), "", None, new, Timestamp::from_millis(0)).expect("it keeps the rules");
            messages.map(|body| is_filtered(&message(body), &webhook))
        };
        let none = WebhookFilters::default();
        let all = WebhookFilters {
            ignore_groups: true,
            ignore_status: true,
            ignore_own: true,
            ignore_channels: true,
            ignore_broadcasts: true,
        };
        assert_eq!(left_out(none.clone()), [false; 6]);
        let only = |place| std::array::from_fn(|at| at == place);
        assert_eq!(left_out(WebhookFilters { ignore_groups: true, ..none.clone() }), only(1));
        assert_eq!(left_out(WebhookFilters { ignore_status: true, ..none.clone() }), only(2));
        assert_eq!(left_out(WebhookFilters { ignore_own: true, ..none.clone() }), only(3));
        assert_eq!(left_out(WebhookFilters { ignore_channels: true, ..none.clone() }), only(4));
        assert_eq!(left_out(WebhookFilters { ignore_broadcasts: true, ..none }), only(5));
        assert_eq!(left_out(all), [false, true, true, true, true, true]);
    }
}
