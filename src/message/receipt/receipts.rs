//! Follows the journal: receipts say what became of messages that were sent, and who did what when. They are read from there, so none is
//! missed, whatever happens between its coming and what it changes; one that is read twice changes nothing the second time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use entity::ids::SessionId;
use entity::words::chat::ReceiptKind;
use entity::words::event::EventType;
use entity::words::group::GroupChange;
use futures::future::try_join_all;
use tracing::error;

use crate::db::batch::Batch;
use crate::db::text;
use crate::error::{Result, chain};
use crate::event::body::chat::ReceiptEvent;
use crate::event::body::contact::GroupUpdateEvent;
use crate::event::entry::JournalEntry;
use crate::event::journal::Journal;
use crate::event::record::{EventRow, Selection};
use crate::event::store as event_store;
use crate::lifecycle::last_run::LastRun;
use crate::message::lookup::naming::{is_person, party_jid};
use crate::message::sending::outbox::Shared;
use crate::message::sending::transitions::Change;
use crate::message::store::receipt_store::{self, Moments, ReceiptRow};
use crate::message::store::transition::{Happening, is_sent};

/// Events that are read at once.
const BATCH: usize = 500;
/// Shortest time from one look to the next: what comes in quick succession is written together.
const SPAN: Duration = Duration::from_millis(20);
/// How often it looks although nothing woke it, and pause after a failure.
const PERIOD: Duration = Duration::from_secs(5);
/// How long the bookmark may stay behind: what is read twice changes nothing.
const REST: Duration = Duration::from_secs(2);

/// Rows that are written in one entry of the journal: others want to write, too.
const ROWS: usize = 1_000;

/// Reads receipts.
pub(in crate::message) struct Receipts {
    shared: Arc<Shared>,
    journal: Journal,
    /// The position up to which it has read.
    after: i64,
    /// The bookmark, and when it was set.
    marked: (i64, Instant),
}

impl Receipts {
    /// One that goes on where the last one stopped.
    pub(in crate::message) async fn open(shared: Arc<Shared>, journal: Journal) -> Result<Self> {
        let after = match event_store::bookmark(shared.db.read(), event_store::RECEIPTS).await? {
            Some(after) => after,
            // Nothing was sent before there was this bookmark.
            None => *journal.recent().head().borrow(),
        };
        Ok(Self { shared, journal, after, marked: (after, Instant::now()) })
    }

    pub(in crate::message) async fn run(mut self, last_run: LastRun) {
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
        self.see_groups(&events).await?;
        let (changes, rows, in_groups) = self.ours(&events).await?;
        // What is known of a message is never more than what is known of those who got it.
        let written = self.submit(rows).await?;
        // Side by side, so that they share a transaction, too.
        let transitions = &self.shared.transitions;
        try_join_all(changes.into_iter().map(async |(session, changes)| transitions.write(&session, changes).await))
            .await?;
        for written in written {
            written.await?;
        }
        for (session, message_ids) in in_groups.0 {
            self.shared.raise_to_lowest(&session, message_ids).await?;
        }
        self.after = newest;
        if self.marked.0 < self.after && (self.marked.1.elapsed() >= REST || events.is_empty()) {
            event_store::mark(self.shared.db.write().without_fsync(), event_store::RECEIPTS, self.after).await?;
            self.marked = (self.after, Instant::now());
        }
        Ok(!events.is_empty())
    }

    /// What these say about messages that were sent through this API: what happened to them, by session, and who did what.
    async fn ours(&self, events: &[Arc<EventRow>]) -> Result<(Vec<(SessionId, Vec<Change>)>, Rows, InGroups)> {
        let (mut changes, mut rows, mut in_groups) = (Vec::new(), Rows::default(), InGroups::default());
        for (session, reports) in reports(events) {
            // One receipt names hundreds of messages, and a statement takes a limited number of values.
            for reports in reports.chunks(BATCH) {
                let ids: Vec<_> = reports.iter().map(|report| report.message_id.clone()).collect();
                let known = self.shared.transitions.rows(&session, &ids).await?;
                let known: HashMap<_, _> = known.into_iter().map(|row| (row.message_id, row.progress)).collect();
                // Most receipts are about messages that a phone sent.
                let mut ours = Vec::new();
                for report in reports {
                    let Some(progress) = known.get(&report.message_id) else { continue };
                    rows.add(&session, report, &progress.recipient);
                    let message_id = report.message_id.clone();
                    if is_person(&progress.recipient) {
                        ours.push(Change { message_id, happening: report.happening.clone() });
                        continue;
                    }
                    // One member has it, so WhatsApp does. Whether all have it is looked at when this is written.
                    if !is_sent(progress.status) {
                        let happening = Happening::Taken { at: None };
                        ours.push(Change { message_id: message_id.clone(), happening });
                    }
                    in_groups.0.entry(session.clone()).or_default().insert(message_id);
                }
                if !ours.is_empty() {
                    changes.push((session.clone(), ours));
                }
            }
        }
        Ok((changes, rows, in_groups))
    }

    /// Takes note of what changed in groups: what was known of them is old, and who left waits for no message any more.
    async fn see_groups(&self, events: &[Arc<EventRow>]) -> Result<()> {
        for event in events.iter().filter(|event| event.event_type == EventType::GroupUpdate) {
            let Ok(update) = serde_json::from_str::<GroupUpdateEvent>(&event.body) else { continue };
            self.shared.groups.forget(&event.session_id, &update.group);
            if update.change == GroupChange::ParticipantsRemoved {
                self.shared.leave(&event.session_id, &update, event.created_at).await?;
            }
        }
        Ok(())
    }

    /// Submits these to the journal, and gives what ends when they are written: what is submitted behind them shares their transaction,
    /// and a session that is deleted meanwhile is in no way.
    async fn submit(&self, rows: Rows) -> Result<Vec<impl Future<Output = Result<()>> + use<>>> {
        let mut written = Vec::new();
        let rows: Vec<_> = rows.0.into_values().collect();
        for rows in rows.chunks(ROWS) {
            let rows = rows.to_vec();
            let last = Box::new(move |batch: &mut Batch| receipt_store::put_in(batch, &rows));
            let entry = JournalEntry { last: Some(last), can_wait: true, ..JournalEntry::default() };
            written.push(self.journal.submit(entry).await?.1);
        }
        Ok(written)
    }

    /// The next events, and the position up to which they are all that there is to read.
    async fn next(&self) -> Result<(Vec<Arc<EventRow>>, i64)> {
        let recent = self.journal.recent();
        if let Some(events) = recent.since(self.after, BATCH) {
            let newest = events.last().map_or(self.after, |event| event.position);
            return Ok((events, newest));
        }
        let head = *recent.head().borrow();
        let types = Some(vec![EventType::Receipt, EventType::GroupUpdate]);
        let of_receipts = Selection { types, ..Selection::default() };
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

/// What a receipt says about one message.
struct Report {
    message_id: String,
    happening: Happening,
    /// JID of who says it.
    from: String,
    at: Moments,
}

/// Messages to groups of which a receipt tells, by session.
#[derive(Default)]
struct InGroups(BTreeMap<SessionId, BTreeSet<String>>);

/// What is to be written of who did what, each person and message once.
#[derive(Default)]
struct Rows(BTreeMap<(SessionId, String, String), ReceiptRow>);

impl Rows {
    /// Adds what is said about a message to this recipient. In the chat of one person it is them, whatever they are called there.
    fn add(&mut self, session: &SessionId, report: &Report, recipient: &str) {
        let participant = if is_person(recipient) { recipient } else { &report.from };
        let (participant, message_id) = (text::key(participant).into_owned(), report.message_id.clone());
        let row = self.0.entry((session.clone(), message_id.clone(), participant.clone()));
        let row = row.or_insert_with(|| ReceiptRow {
            session_id: session.clone(),
            message_id,
            participant,
            at: Moments::default(),
        });
        row.at = row.at.and(report.at);
    }
}

/// What receipts say about messages, by session.
fn reports(events: &[Arc<EventRow>]) -> Vec<(SessionId, Vec<Report>)> {
    let mut reports: HashMap<SessionId, Vec<Report>> = HashMap::new();
    for event in events.iter().filter(|event| event.event_type == EventType::Receipt) {
        let Ok(receipt) = serde_json::from_str::<ReceiptEvent>(&event.body) else { continue };
        let (moment, none) = (Some(receipt.timestamp), Moments::default());
        let (happening, at) = match receipt.kind {
            ReceiptKind::Delivered => (Happening::Delivered, Moments { delivered: moment, ..none }),
            ReceiptKind::Read => (Happening::Read, Moments { read: moment, ..none }),
            ReceiptKind::Played => (Happening::Played, Moments { played: moment, ..none }),
            ReceiptKind::ReadSelf | ReceiptKind::PlayedSelf | ReceiptKind::Failed => continue,
        };
        let from = party_jid(&receipt.sender);
        let of_session = reports.entry(event.session_id.clone()).or_default();
        of_session.extend(receipt.message_ids.into_iter().map(|message_id| Report {
            message_id,
            happening: happening.clone(),
            from: from.clone(),
            at,
        }));
    }
    reports.into_iter().collect()
}
