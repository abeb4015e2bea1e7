//! Turns events into deliveries: reads the journal behind its bookmark, and writes deliveries and bookmark together.
//! Takes no input but the database; being told that something was written only makes it look sooner.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Notify;
use tracing::error;

use entity::words::EventType;

use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Result, chain};
use crate::event::store::{self as journal, Record as Event, Selection};
use crate::webhook::queue::{self, Draft};
use crate::webhook::store::{self, Record};

/// Events that are looked at in one turn.
const BATCH: u64 = 500;
/// How often it looks although nothing was told.
pub(super) const PERIOD: Duration = Duration::from_secs(5);

/// The address under which status updates come.
const STATUS_CHAT: &str = "status@broadcast";

/// Turns events into deliveries.
#[derive(Debug)]
pub struct Dispatcher {
    pub(super) db: Db,
    pub(super) clock: Clock,
}

impl Dispatcher {
    /// Looks again and again: whenever something was written, and now and then.
    pub(super) async fn run(self, mut head: tokio::sync::watch::Receiver<i64>, courier: &Notify) {
        loop {
            head.mark_unchanged();
            match self.run_once().await {
                Ok(0) => {
                    let _ = tokio::time::timeout(PERIOD, head.changed()).await; // Either is a reason to look.
                }
                Ok(_) => courier.notify_one(),
                Err(error) => {
                    error!(error = chain(&error), "events could not be turned into deliveries");
                    tokio::time::sleep(PERIOD).await;
                }
            }
        }
    }

    /// Turns the next events into deliveries. Gives how many events it saw.
    ///
    /// # Errors
    /// `Unavailable`; then nothing has changed.
    pub async fn run_once(&self) -> Result<usize> {
        let after = journal::bookmark(self.db.read(), journal::DISPATCHED).await?.unwrap_or(0);
        let events = journal::history(self.db.read(), &Selection::default(), after, None, BATCH).await?;
        let Some(newest) = events.last() else { return Ok(0) };
        let sessions: BTreeSet<_> = events.iter().map(|event| event.session_id.clone()).collect();
        let listening = store::listening(self.db.read(), sessions.into_iter().collect()).await?;
        let drafts: Vec<_> = events.iter().flat_map(|event| deliveries(event, &listening)).collect();
        let tx = self.db.write().begin().await?;
        if !drafts.is_empty() {
            queue::enqueue(&tx, &drafts, self.clock.now()).await?;
        }
        journal::mark(&tx, journal::DISPATCHED, newest.position).await?;
        // Lost in a power cut, both are made again.
        tx.commit_unhurried().await?;
        Ok(events.len())
    }
}

fn deliveries<'a>(event: &'a Event, listening: &'a [Record]) -> impl Iterator<Item = Draft> + 'a {
    let traits = Traits::of(event);
    listening.iter().filter(move |webhook| is_for(event, &traits, webhook)).map(|webhook| draft(event, webhook))
}

/// The delivery of an event to a webhook.
pub(super) fn draft(event: &Event, webhook: &Record) -> Draft {
    Draft {
        webhook_id: webhook.id.clone(),
        session_id: event.session_id.clone(),
        position: event.position,
        event_type: event.event_type,
        is_ordered: webhook.is_ordered,
    }
}

fn is_for(event: &Event, traits: &Traits, webhook: &Record) -> bool {
    webhook.session_id.as_ref().is_none_or(|id| *id == event.session_id)
        && webhook.wants(event.event_type)
        && event.position > webhook.after_position
        && !is_left_out(traits, webhook)
}

/// Whether a webhook's filters leave an event out.
pub(super) fn is_filtered(event: &Event, webhook: &Record) -> bool {
    is_left_out(&Traits::of(event), webhook)
}

fn is_left_out(traits: &Traits, webhook: &Record) -> bool {
    (webhook.filters.ignore_groups && traits.is_group)
        || (webhook.filters.ignore_status && traits.chat == STATUS_CHAT)
        || (webhook.filters.ignore_own && traits.is_from_me)
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
    fn of(event: &Event) -> Self {
        match event.event_type {
            // We wrote it, so it can be read.
            EventType::Message | EventType::Receipt | EventType::UndecryptableMessage | EventType::ChatPresence => {
                serde_json::from_str(&event.body).unwrap_or_default()
            }
            _ => Self::default(),
        }
    }
}
