//! The journal: what happened is written here, together with the state that it changed, and is told once the disk has it.
//!
//! Two tasks do that. The journal writer takes what was submitted and writes it; the flusher (`event::flusher`) waits until the
//! disk has it, and then tells it. All that waits is written in one transaction, so a busy server commits seldom and an idle
//! one at once. The writer goes on while the disk takes what it wrote before.
//!
//! There is one writer, so the order of the positions is the order in which events become visible: no reader ever passes an
//! event that is still to be committed. Everything else waits for these two tasks, so each has a thread of its own and never
//! queues behind tasks that are ready to run.

mod batching;
mod failure;
pub(super) mod job;

use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use entity::ids::EventId;
use futures::FutureExt;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::crash;
use crate::db::Db;
use crate::db::fault::failed;
use crate::db::write::{Failure, Work};
use crate::error::{Error, ErrorKind, Result};
use crate::event::demand::Demand;
use crate::event::entry::{EntryNumber, JournalEntry, NewEvent};
use crate::event::flusher::{Unflushed, fail, flush_and_tell};
use crate::event::index::MessageKey;
use crate::event::journal::batching::{ENOUGH, PreviousBatch, gather};
use crate::event::journal::failure::{is_duplicate, is_outage, is_permanent, set_aside};
use crate::event::journal::job::{BATCH, Job};
use crate::event::recent::RecentEvents;
use crate::event::record::{Duplicates, EventRow, PositionedEvent};
use crate::event::store;
use crate::lifecycle::last_run::{LastRun, Loop};
use crate::lifecycle::{Lifecycle, ShutdownPhase};

/// Entries that wait for the writer. With more, whoever submits one waits for room. That slows WhatsApp down, since a message
/// is acknowledged only afterwards.
const QUEUE: usize = 1024;
/// Transactions that wait for the disk. With more, the writer waits, too.
const UNFLUSHED: usize = 8;

/// The way to the writer. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    jobs: mpsc::Sender<Job>,
    /// The number of the entry that was submitted last. Held while one is submitted: they queue in the order of their numbers.
    last: Arc<Mutex<EntryNumber>>,
    /// Notified when the writer need not wait for more.
    urgent: Arc<Notify>,
    recent: Arc<RecentEvents>,
    demand: Demand,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}

impl Journal {
    /// Takes the journal over where the process before left it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn open(db: Db, clock: Clock, lifecycle: &Lifecycle) -> Result<Self> {
        let newest = store::newest(db.read()).await?;
        // Old events are dropped, and most of those of deleted sessions. No position comes twice.
        let fanned_out = store::bookmark(db.read(), store::FANNED_OUT).await?;
        let pruned = store::bookmark(db.read(), store::PRUNED).await?;
        let head = newest.max(fanned_out).max(pruned).unwrap_or(0);
        let (jobs, queue) = mpsc::channel(QUEUE);
        let recent = Arc::new(RecentEvents::new(head));
        let (flusher, unflushed) = mpsc::channel(UNFLUSHED);
        let telling = flush_and_tell(Arc::clone(&recent), unflushed, lifecycle.last_run(Loop::Flusher));
        lifecycle.spawn_apart(ShutdownPhase::Journal, "flusher", telling).map_err(Error::internal)?;
        let last_run = lifecycle.last_run(Loop::JournalWriter);
        let urgent = Arc::new(Notify::new());
        let writer =
            JournalWriter { db, clock, head, flusher, urgent: Arc::clone(&urgent), is_uncertain: false, last_run };
        lifecycle
            .spawn_apart(ShutdownPhase::Journal, "journal writer", writer.run(queue, lifecycle.journal().clone()))
            .map_err(Error::internal)?;
        Ok(Self { jobs, last: Arc::default(), urgent, recent, demand: Demand::default() })
    }

    /// Writes an entry. When this returns it is on the disk, and told; a message that the journal has already is left out.
    ///
    /// # Errors
    /// `Unavailable`, `ShuttingDown`, or what the entry's own write failed with; then nothing of it is written.
    pub async fn write(&self, entry: JournalEntry) -> Result<()> {
        let (_, written) = self.submit(entry).await?;
        written.await
    }

    /// Submits an entry: what is submitted later is written later, or in the same transaction. Gives its place in that order, and a
    /// future that ends and fails as [`write`](Self::write) does.
    ///
    /// # Errors
    /// `ShuttingDown`.
    pub async fn submit(
        &self,
        mut entry: JournalEntry,
    ) -> Result<(EntryNumber, impl Future<Output = Result<()>> + Send + use<>)> {
        let stopped = || Error::new(ErrorKind::ShuttingDown, "the server is shutting down");
        for new_event in &mut entry.events {
            new_event.message = new_event.message.take().map(MessageKey::fitted);
        }
        let ((done, outcome), can_wait) = (oneshot::channel(), entry.can_wait);
        let slot = self.jobs.reserve().await.map_err(|_| stopped())?;
        let entry_number = {
            let mut last = self.last.lock();
            last.0 += 1;
            slot.send(Job { entry_number: *last, entry, done });
            *last
        };
        if !can_wait || self.jobs.max_capacity() - self.jobs.capacity() >= ENOUGH {
            self.urgent.notify_one();
        }
        Ok((entry_number, outcome.map(move |outcome| outcome.unwrap_or_else(|_| Err(stopped())))))
    }

    /// Who wants which events.
    pub fn demand(&self) -> &Demand {
        &self.demand
    }

    /// The newest events.
    pub fn recent(&self) -> &RecentEvents {
        &self.recent
    }
}

struct JournalWriter {
    db: Db,
    clock: Clock,
    /// The position of the newest event.
    head: i64,
    /// The way to the flusher.
    flusher: mpsc::Sender<Unflushed>,
    /// Notified when it need not wait for more.
    urgent: Arc<Notify>,
    /// Whether a commit failed and it is not known yet what became of its transaction.
    is_uncertain: bool,
    last_run: LastRun,
}

impl JournalWriter {
    async fn run(mut self, mut queue: mpsc::Receiver<Job>, stop: CancellationToken) {
        let (mut jobs, mut last) = (Vec::new(), PreviousBatch::default());
        loop {
            tokio::select! {
                biased;
                // Nothing more is taken in; what was taken in is written.
                () = stop.cancelled(), if !queue.is_closed() => queue.close(),
                count = queue.recv_many(&mut jobs, BATCH) => match count {
                    0 => return,
                    _ => {
                        gather(&mut queue, &mut jobs, last, &self.urgent).await;
                        last = PreviousBatch::of(&jobs);
                        self.write_batch(std::mem::take(&mut jobs)).await;
                        self.last_run.note();
                    }
                },
            }
        }
    }

    /// Writes these, all in one transaction if that works.
    async fn write_batch(&mut self, mut jobs: Vec<Job>) {
        match self.attempt(&jobs).await {
            Ok(events) => self.hand_over(self.unflushed(jobs, events)).await,
            Err(error) if is_outage(&error) => fail(jobs, error),
            // One of them cannot be written; the others can.
            Err(_) if jobs.len() > 1 => self.write_singly(jobs).await,
            Err(error) => {
                if let Some(job) = jobs.pop() {
                    self.write_in_parts(job, error).await;
                }
            }
        }
    }

    async fn write_singly(&mut self, jobs: Vec<Job>) {
        let mut jobs = jobs.into_iter();
        while let Some(mut job) = jobs.next() {
            // It may have been written: only the write can see that.
            job.entry.shortcut = None;
            match self.attempt(std::slice::from_ref(&job)).await {
                Ok(events) => self.hand_over(self.unflushed(vec![job], events)).await,
                Err(error) if is_outage(&error) => return fail(std::iter::once(job).chain(jobs), error),
                Err(error) => self.write_in_parts(job, error).await,
            }
        }
    }

    /// Writes what can be written of an entry with an event that the database can never take: everything behind it would wait
    /// for ever. What the entry writes beside its events comes first. If that fails, whoever submitted it is told, and nothing
    /// of it is written.
    async fn write_in_parts(&mut self, job: Job, error: Error) {
        if !is_permanent(&error) || job.entry.events.is_empty() {
            return job.end(Err(error));
        }
        let Job { entry_number, mut entry, done } = job;
        let events = std::mem::take(&mut entry.events);
        entry.shortcut = None;
        let mut job = Job { entry_number, entry, done };
        let mut written = match self.attempt(std::slice::from_ref(&job)).await {
            Ok(written) => written,
            Err(error) => return job.end(Err(error)),
        };
        (job.entry.write, job.entry.rows) = (None, None);
        for event in events {
            let entry = JournalEntry { events: vec![event], ..JournalEntry::default() };
            let part = Job { entry_number, entry, done: oneshot::channel().0 }; // Nobody waits for a part.
            match self.attempt(std::slice::from_ref(&part)).await {
                Ok(events) => written.extend(events),
                Err(error) if is_permanent(&error) => set_aside(&part.entry, &error),
                Err(error) => {
                    self.hand_over(self.unflushed(Vec::new(), written)).await;
                    return job.end(Err(error));
                }
            }
        }
        self.hand_over(self.unflushed(vec![job], written)).await;
    }

    fn unflushed(&self, jobs: Vec<Job>, events: Vec<Arc<EventRow>>) -> Unflushed {
        Unflushed::Written { jobs, events, flushed: self.db.write().flushed().boxed() }
    }

    async fn hand_over(&self, unflushed: Unflushed) {
        let _ = self.flusher.send(unflushed).await; // The flusher outlives the writer.
    }

    /// Begins a transaction. One before whose commit failed may have been written all the same, or be written still: then its
    /// end is waited for first, and readers are sent to the table.
    async fn begin(&mut self) -> Result<Work> {
        let tx = self.db.write().begin().await?;
        if self.is_uncertain {
            store::wait_for_writers(&tx).await?;
            self.hand_over(Unflushed::Uncertain { head: self.head }).await;
            self.is_uncertain = false;
        }
        Ok(tx)
    }

    /// Gives what was written.
    async fn attempt(&mut self, jobs: &[Job]) -> Result<Vec<Arc<EventRow>>> {
        let has_shortcut = jobs.iter().any(|job| job.entry.shortcut.is_some());
        let attempt = async {
            match self.commit(jobs, Duplicates::Unlikely).await {
                Err(error) if is_duplicate(&error) || (has_shortcut && !is_outage(&error)) => {
                    self.commit(jobs, Duplicates::LookFor).await
                }
                outcome => outcome,
            }
        };
        let attempt = AssertUnwindSafe(attempt).catch_unwind();
        attempt.await.unwrap_or_else(|_| Err(Error::internal("the journal writer panicked")))
    }

    /// Gives what was written.
    async fn commit(&mut self, jobs: &[Job], duplicates: Duplicates) -> Result<Vec<Arc<EventRow>>> {
        let tx = self.begin().await?;
        let newest = jobs.last().map(|job| job.entry_number).unwrap_or_default();
        let (mut new_events, mut rows) = (Vec::new(), Vec::new());
        // What a write asks for must be in the table by then, so where one is run, all are.
        let is_short = duplicates == Duplicates::Unlikely
            && jobs.iter().all(|job| job.entry.write.is_none() || job.entry.shortcut.is_some());
        for Job { entry, .. } in jobs {
            new_events.extend(entry.events.iter().map(Cow::Borrowed));
            match (&entry.shortcut, &entry.write) {
                (Some(shortcut), _) if is_short => {
                    new_events.extend(shortcut.events.iter().map(Cow::Borrowed));
                    rows.extend(shortcut.rows.iter().cloned());
                }
                (_, Some(write)) => new_events.extend(write(&tx).await?.into_iter().map(Cow::Owned)),
                (_, None) => {}
            }
            if let Some(more) = &entry.rows {
                rows.extend(more(newest)?);
            }
        }
        if matches!(duplicates, Duplicates::LookFor) {
            leave_out_known(&tx, &mut new_events).await?;
        }
        let events = self.assign_positions(new_events);
        let mut batch = self.db.write().batch();
        store::write(&mut batch, &events, duplicates);
        batch.put(rows);
        for last in jobs.iter().filter_map(|job| job.entry.last.as_ref()) {
            last(&mut batch);
        }
        crash::point("before_commit");
        self.is_uncertain = true;
        let outcome = tx.run_blocking(batch).await;
        self.is_uncertain = matches!(outcome, Err(Failure::Unknown(_)));
        let counts: HashMap<_, _> = outcome.map_err(|failure| failed(failure.into_error()))?.into_iter().collect();
        let written = events.into_iter().filter_map(|PositionedEvent { row, behind, .. }| {
            // A session that was deleted meanwhile takes what happened on it along.
            let sequence = counts.get(row.session_id.as_str())? - behind;
            Some(Arc::new(EventRow { sequence, ..row }))
        });
        Ok(written.collect())
    }

    /// Gives events their positions.
    fn assign_positions(&mut self, new_events: Vec<Cow<'_, NewEvent>>) -> Vec<PositionedEvent> {
        let mut behind = HashMap::new();
        let mut events: Vec<_> =
            new_events.into_iter().map(|new_event| self.assign_position(new_event.into_owned())).collect();
        for event in events.iter_mut().rev() {
            let behind = behind.entry(event.row.session_id.clone()).or_insert(0);
            event.behind = *behind;
            *behind += 1;
        }
        events
    }

    fn assign_position(&mut self, new_event: NewEvent) -> PositionedEvent {
        let NewEvent { session_id, event_type, created_at, body, message, file, indexed, timer, vote } = new_event;
        // Microseconds, so that no two processes give the same one. It is never before what came before it, whatever the clock
        // says, and never before the moment itself, so that a moment's events are looked for behind it.
        let now = self.clock.now().max(created_at);
        self.head = (self.head + 1).max(now.millis().saturating_mul(1000));
        let (position, id, sequence) = (self.head, EventId::generate(), 0);
        let row = EventRow { position, id, session_id, sequence, event_type, created_at, body: body.into() };
        PositionedEvent { row, message, file, indexed, timer, vote, behind: 0 }
    }
}

/// Leaves out the messages that the journal has already, and duplicates.
async fn leave_out_known(tx: &Work, new_events: &mut Vec<Cow<'_, NewEvent>>) -> Result<()> {
    let keys: Vec<_> = new_events.iter().filter_map(|new_event| new_event.message.as_ref()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let mut known = store::known(tx, &keys).await?;
    new_events.retain(|new_event| new_event.message.as_ref().is_none_or(|key| known.insert(key.clone())));
    Ok(())
}
