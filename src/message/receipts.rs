//! Follows the journal: receipts say what became of messages that were sent. They are read from there, so none is missed, whatever
//! happens between its coming and what it changes; one that is read twice changes nothing the second time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use entity::ids::SessionId;
use entity::words::chat::ReceiptKind;
use entity::words::event::EventType;
use tracing::error;

use crate::error::{Result, chain};
use crate::event::body::chat::ReceiptEvent;
use crate::event::journal::Journal;
use crate::event::record::{EventRow, Selection};
use crate::event::store as event_store;
use crate::lifecycle::last_run::LastRun;
use crate::message::outbox::Shared;
use crate::message::outbox_store;
use crate::message::transition::Happening;
use crate::message::transitions::Change;

/// Events that are read at once.
const BATCH: usize = 500;
/// Shortest time from one look to the next: what comes in quick succession is written together.
const SPAN: Duration = Duration::from_millis(20);
/// How often it looks although nothing woke it, and pause after a failure.
const PERIOD: Duration = Duration::from_secs(5);
/// How long the bookmark may stay behind: what is read twice changes nothing.
const REST: Duration = Duration::from_secs(2);

/// Reads receipts.
pub(super) struct Receipts {
    shared: Arc<Shared>,
    journal: Journal,
    /// The position up to which it has read.
    after: i64,
    /// The bookmark, and when it was set.
    marked: (i64, Instant),
}

impl Receipts {
    /// One that goes on where the last one stopped.
    pub(super) async fn open(shared: Arc<Shared>, journal: Journal) -> Result<Self> {
        let after = match event_store::bookmark(shared.db.read(), event_store::RECEIPTS).await? {
            Some(after) => after,
            // Nothing was sent before there was this bookmark.
            None => *journal.recent().head().borrow(),
        };
        Ok(Self { shared, journal, after, marked: (after, Instant::now()) })
    }

    pub(super) async fn run(mut self, last_run: LastRun) {
        let mut head = self.journal.recent().head();
        loop {
            let next = Instant::now() + SPAN;
            head.mark_unchanged();
            let turn = self.run_once().await;
            last_run.note();
            match turn {
                Ok(true) => {}
                Ok(false) => {
                    let pause = if self.marked.0 < self.after { REST } else { PERIOD };
                    let _ = tokio::time::timeout(pause, head.changed()).await; // Either is a reason to look.
                }
                Err(error) => {
                    error!(error = chain(&error), "receipts could not be read");
                    tokio::time::sleep(PERIOD).await;
                }
            }
            tokio::time::sleep_until(next.into()).await;
        }
    }

    /// Says whether there was something.
    async fn run_once(&mut self) -> Result<bool> {
        let (events, newest) = self.next().await?;
        for (session, changes) in changes(&events) {
            // One receipt names hundreds of messages, and a statement takes a limited number of values.
            for changes in changes.chunks(BATCH) {
                let ids: Vec<_> = changes.iter().map(|change| change.message_id.clone()).collect();
                let known = outbox_store::find_all(self.shared.db.read(), &session, &ids).await?;
                let known: HashSet<_> = known.into_iter().map(|row| row.message_id).collect();
                // Most receipts are about messages that a phone sent.
                let ours: Vec<_> =
                    changes.iter().filter(|change| known.contains(&change.message_id)).cloned().collect();
                if !ours.is_empty() {
                    self.shared.transitions.write(&session, ours).await?;
                }
            }
        }
        self.after = newest;
        if self.marked.0 < self.after && (self.marked.1.elapsed() >= REST || events.is_empty()) {
            event_store::mark(self.shared.db.write().without_fsync(), event_store::RECEIPTS, self.after).await?;
            self.marked = (self.after, Instant::now());
        }
        Ok(!events.is_empty())
    }

    /// The next events, and the position up to which they are all that there is to read.
    async fn next(&self) -> Result<(Vec<Arc<EventRow>>, i64)> {
        let recent = self.journal.recent();
        if let Some(events) = recent.since(self.after, BATCH) {
            let newest = events.last().map_or(self.after, |event| event.position);
            return Ok((events, newest));
        }
        let head = *recent.head().borrow();
        let of_receipts = Selection { types: Some(vec![EventType::Receipt]), ..Selection::default() };
        let db = self.shared.db.read();
        let found = event_store::history(db, &of_receipts, self.after, Some(head), BATCH as u64).await?;
        // Behind the last of them there is none, if these are not as many as were asked for.
        let newest = match found.last() {
            Some(last) if found.len() >= BATCH => last.position,
            _ => head.max(self.after),
        };
        Ok((found.into_iter().map(Arc::new).collect(), newest))
    }
}

/// What receipts say about messages, by session.
fn changes(events: &[Arc<EventRow>]) -> Vec<(SessionId, Vec<Change>)> {
    let mut changes: HashMap<SessionId, Vec<Change>> = HashMap::new();
    for event in events.iter().filter(|event| event.event_type == EventType::Receipt) {
        let Ok(receipt) = serde_json::from_str::<ReceiptEvent>(&event.body) else { continue };
        let happening = match receipt.kind {
            ReceiptKind::Delivered => Happening::Delivered,
            ReceiptKind::Read => Happening::Read,
            ReceiptKind::Played => Happening::Played,
            ReceiptKind::ReadSelf | ReceiptKind::PlayedSelf | ReceiptKind::Failed => continue,
        };
        let of_session = changes.entry(event.session_id.clone()).or_default();
        of_session.extend(
            receipt.message_ids.into_iter().map(|message_id| Change { message_id, happening: happening.clone() }),
        );
    }
    changes.into_iter().collect()
}
