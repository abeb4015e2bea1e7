//! The journal: one task, the pen, writes what happened together with the state that it changed. Another, the blotter, waits
//! until the disk has it, and tells it.
//!
//! All that waits is written in one transaction, so a busy server commits seldom and an idle one at once. Since there is
//! one pen, the order of the positions is the order in which events can be read: no reader ever passes an event that is
//! still to be committed. The pen writes on while the disk takes what it wrote before. Everything waits for these two, so
//! each has a thread of its own and need not queue behind tasks that are ready to run.

mod failure;
mod gathering;
mod job;

use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use entity::ids::EventId;
use futures::FutureExt;
use futures::future::BoxFuture;
use metrics::counter;
use parking_lot::Mutex;
use sea_orm::DbErr;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::crash;
use crate::db::fault::failed;
use crate::db::{Db, Failure, Work};
use crate::error::{Error, ErrorKind, Result};
use crate::event::bus::Bus;
use crate::event::entry::{Draft, Entry, Ticket};
use crate::event::interest::Interest;
use crate::event::journal::failure::{is_double, is_everybodys, is_hopeless, set_aside};
use crate::event::journal::gathering::{Before, gather};
use crate::event::journal::job::{BATCH, Job};
use crate::event::record::{Doubles, MessageKey, New, Record};
use crate::event::store;
use crate::lifecycle::{Lifecycle, ShutdownPhase};

/// Entries that wait for the pen. Whoever brings one more waits until there is room: that slows WhatsApp down, since
/// messages are acknowledged afterwards.
const QUEUE: usize = 1024;
/// Transactions that wait for the disk. With more, the pen waits, too.
const WET: usize = 8;

/// The way to the pen. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    jobs: mpsc::Sender<Job>,
    /// The ticket of the entry that was brought last. Held while one is brought: they queue in the order of their tickets.
    last: Arc<Mutex<Ticket>>,
    bus: Arc<Bus>,
    interest: Interest,
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
        let dispatched = store::bookmark(db.read(), store::DISPATCHED).await?;
        let pruned = store::bookmark(db.read(), store::PRUNED).await?;
        let head = newest.max(dispatched).max(pruned).unwrap_or(0);
        let (jobs, queue) = mpsc::channel(QUEUE);
        let bus = Arc::new(Bus::new(head));
        let (page, wet) = mpsc::channel(WET);
        lifecycle
            .spawn_apart(ShutdownPhase::Journal, "blotter", blot(Arc::clone(&bus), wet))
            .map_err(Error::internal)?;
        let pen = Pen { db, clock, head, page, is_in_doubt: false };
        lifecycle
            .spawn_apart(ShutdownPhase::Journal, "pen", pen.write(queue, lifecycle.journal().clone()))
            .map_err(Error::internal)?;
        Ok(Self { jobs, last: Arc::default(), bus, interest: Interest::default() })
    }

    /// Writes an entry. When this returns it is on the disk, and told; a message that the journal has already is left out.
    ///
    /// # Errors
    /// `Unavailable`, `ShuttingDown`, or what the entry's own write failed with; then nothing of it is written.
    pub async fn record(&self, entry: Entry) -> Result<()> {
        let (_, written) = self.bring(entry).await?;
        written.await
    }

    /// Brings an entry to the pen: what is brought later is written later, or in the same transaction. Gives its place in
    /// that order, and what does and fails as [`record`](Self::record).
    ///
    /// # Errors
    /// `ShuttingDown`.
    pub async fn bring(&self, mut entry: Entry) -> Result<(Ticket, impl Future<Output = Result<()>> + Send + use<>)> {
        let stopped = || Error::new(ErrorKind::ShuttingDown, "the server is shutting down");
        for draft in &mut entry.events {
            draft.message = draft.message.take().map(MessageKey::fitted);
        }
        let (done, outcome) = oneshot::channel();
        let place = self.jobs.reserve().await.map_err(|_| stopped())?;
        let ticket = {
            let mut last = self.last.lock();
            last.0 += 1;
            place.send(Job { ticket: *last, entry, done });
            *last
        };
        Ok((ticket, outcome.map(move |outcome| outcome.unwrap_or_else(|_| Err(stopped())))))
    }

    /// Who wants what is not kept for nobody.
    pub fn interest(&self) -> &Interest {
        &self.interest
    }

    /// What was written last.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }
}

struct Pen {
    db: Db,
    clock: Clock,
    /// The position of the newest event.
    head: i64,
    /// The way to the blotter.
    page: mpsc::Sender<Wet>,
    /// Whether a commit failed, so that nobody knows yet what became of its transaction.
    is_in_doubt: bool,
}

impl Pen {
    async fn write(mut self, mut queue: mpsc::Receiver<Job>, stop: CancellationToken) {
        let (mut jobs, mut last) = (Vec::new(), Before::default());
        loop {
            tokio::select! {
                biased;
                // Nothing more is taken in; what was taken in is written.
                () = stop.cancelled(), if !queue.is_closed() => queue.close(),
                count = queue.recv_many(&mut jobs, BATCH) => match count {
                    0 => return,
                    _ => {
                        gather(&mut queue, &mut jobs, last).await;
                        last = Before::of(&jobs);
                        self.settle(std::mem::take(&mut jobs)).await;
                    }
                },
            }
        }
    }

    /// Writes these, all in one transaction if that works.
    async fn settle(&mut self, mut jobs: Vec<Job>) {
        match self.attempt(&jobs).await {
            Ok(events) => self.pass_on(self.wet(jobs, events)).await,
            Err(error) if is_everybodys(&error) => fail(jobs, error),
            // One of them cannot be written, which is no fault of the others.
            Err(_) if jobs.len() > 1 => self.settle_singly(jobs).await,
            Err(error) => {
                if let Some(job) = jobs.pop() {
                    self.settle_in_parts(job, error).await;
                }
            }
        }
    }

    async fn settle_singly(&mut self, jobs: Vec<Job>) {
        let mut jobs = jobs.into_iter();
        while let Some(job) = jobs.next() {
            match self.attempt(std::slice::from_ref(&job)).await {
                Ok(events) => self.pass_on(self.wet(vec![job], events)).await,
                Err(error) if is_everybodys(&error) => return fail(std::iter::once(job).chain(jobs), error),
                Err(error) => self.settle_in_parts(job, error).await,
            }
        }
    }

    /// Writes what can be written of an entry in which there is an event that the database has no place for: everything else would
    /// wait behind it for ever. What the entry writes beside its events comes first: whoever brought it hears that it failed, and
    /// then nothing of the entry is written.
    async fn settle_in_parts(&mut self, job: Job, error: Error) {
        if !is_hopeless(&error) || job.entry.events.is_empty() {
            return job.end(Err(error));
        }
        let Job { ticket, mut entry, done } = job;
        let events = std::mem::take(&mut entry.events);
        let mut job = Job { ticket, entry, done };
        let mut written = match self.attempt(std::slice::from_ref(&job)).await {
            Ok(written) => written,
            Err(error) => return job.end(Err(error)),
        };
        (job.entry.write, job.entry.rows) = (None, None);
        for event in events {
            let entry = Entry { events: vec![event], ..Entry::default() };
            let part = Job { ticket, entry, done: oneshot::channel().0 }; // Nobody waits for a part.
            match self.attempt(std::slice::from_ref(&part)).await {
                Ok(events) => written.extend(events),
                Err(error) if is_hopeless(&error) => set_aside(&part.entry, &error),
                Err(error) => {
                    self.pass_on(self.wet(Vec::new(), written)).await;
                    return job.end(Err(error));
                }
            }
        }
        self.pass_on(self.wet(vec![job], written)).await;
    }

    fn wet(&self, jobs: Vec<Job>, events: Vec<Arc<Record>>) -> Wet {
        Wet::Written { jobs, events, flushed: self.db.write().flushed().boxed() }
    }

    async fn pass_on(&self, wet: Wet) {
        let _ = self.page.send(wet).await; // The blotter outlives the pen.
    }

    /// Begins a transaction. One whose commit failed may have been written all the same, or still be: its end is waited for,
    /// and readers are sent to the table.
    async fn begin(&mut self) -> Result<Work> {
        let tx = self.db.write().begin().await?;
        if self.is_in_doubt {
            store::wait_for_writers(&tx).await?;
            self.pass_on(Wet::Doubtful { head: self.head }).await;
            self.is_in_doubt = false;
        }
        Ok(tx)
    }

    /// Gives what was written.
    async fn attempt(&mut self, jobs: &[Job]) -> Result<Vec<Arc<Record>>> {
        let attempt = async {
            match self.commit(jobs, Doubles::Unlikely).await {
                Err(error) if is_double(&error) => self.commit(jobs, Doubles::LookFor).await,
                outcome => outcome,
            }
        };
        let attempt = AssertUnwindSafe(attempt).catch_unwind();
        attempt.await.unwrap_or_else(|_| Err(Error::internal("the pen panicked")))
    }

    /// Gives what was written.
    async fn commit(&mut self, jobs: &[Job], doubles: Doubles) -> Result<Vec<Arc<Record>>> {
        let tx = self.begin().await?;
        let newest = jobs.last().map(|job| job.ticket).unwrap_or_default();
        let (mut drafts, mut rows) = (Vec::new(), Vec::new());
        for Job { entry, .. } in jobs {
            drafts.extend(entry.events.iter().map(Cow::Borrowed));
            if let Some(write) = &entry.write {
                drafts.extend(write(&tx).await?.into_iter().map(Cow::Owned));
            }
            if let Some(more) = &entry.rows {
                rows.extend(more(newest)?);
            }
        }
        if matches!(doubles, Doubles::LookFor) {
            keep_news(&tx, &mut drafts).await?;
        }
        let events = self.place(drafts);
        let mut batch = self.db.write().batch();
        store::write(&mut batch, &events, doubles);
        batch.put(rows);
        for last in jobs.iter().filter_map(|job| job.entry.last.as_ref()) {
            last(&mut batch);
        }
        crash::point("before_commit");
        self.is_in_doubt = true;
        let outcome = tx.run_blocking(batch).await;
        self.is_in_doubt = matches!(outcome, Err(Failure::Unknown(_)));
        let counts: HashMap<_, _> = outcome?.into_iter().collect();
        let written = events.into_iter().filter_map(|New { record, behind, .. }| {
            // A session that was deleted meanwhile takes what happened on it along.
            let sequence = counts.get(record.session_id.as_str())? - behind;
            Some(Arc::new(Record { sequence, ..record }))
        });
        Ok(written.collect())
    }

    /// Gives events their positions.
    fn place(&mut self, drafts: Vec<Cow<'_, Draft>>) -> Vec<New> {
        let mut behind = HashMap::new();
        let mut events: Vec<_> = drafts.into_iter().map(|draft| self.place_one(draft.into_owned())).collect();
        for event in events.iter_mut().rev() {
            let behind = behind.entry(event.record.session_id.clone()).or_insert(0);
            event.behind = *behind;
            *behind += 1;
        }
        events
    }

    fn place_one(&mut self, draft: Draft) -> New {
        let Draft { session_id, event_type, created_at, body, message, file } = draft;
        // Microseconds, so that no two processes give the same one. It is never before what came before it, whatever the clock
        // says, and never before the moment itself, so that a moment's events are looked for behind it.
        let now = self.clock.now().max(created_at);
        self.head = (self.head + 1).max(now.millis().saturating_mul(1000));
        let (position, id, sequence) = (self.head, EventId::generate(), 0);
        let record = Record { position, id, session_id, sequence, event_type, created_at, body: body.into() };
        New { record, message, file, behind: 0 }
    }
}

/// What the pen has done, until the disk has it.
enum Wet {
    /// It has written these.
    Written {
        /// Who is told.
        jobs: Vec<Job>,
        /// What happened.
        events: Vec<Arc<Record>>,
        /// Ends when the disk has it.
        flushed: BoxFuture<'static, std::result::Result<(), DbErr>>,
    },
    /// It does not know what it has written up to here.
    Doubtful {
        /// The position of the newest event.
        head: i64,
    },
}

async fn blot(bus: Arc<Bus>, mut pages: mpsc::Receiver<Wet>) {
    while let Some(wet) = pages.recv().await {
        match wet {
            Wet::Doubtful { head } => bus.forget(head),
            Wet::Written { jobs, events, flushed } => match flushed.await {
                Ok(()) => tell(&bus, jobs, &events),
                // Nobody hears of what the disk may not have.
                Err(error) => fail(jobs, failed(error)),
            },
        }
    }
}

fn tell(bus: &Bus, jobs: Vec<Job>, events: &[Arc<Record>]) {
    for event in events {
        counter!("waypost_events_total", "type" => event.event_type.as_str()).increment(1);
    }
    bus.publish(events);
    jobs.into_iter().for_each(|job| job.end(Ok(())));
}

/// Leaves out the messages that the journal has already, and doubles.
async fn keep_news(tx: &Work, drafts: &mut Vec<Cow<'_, Draft>>) -> Result<()> {
    let keys: Vec<_> = drafts.iter().filter_map(|draft| draft.message.as_ref()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let mut known = store::known(tx, &keys).await?;
    drafts.retain(|draft| draft.message.as_ref().is_none_or(|key| known.insert(key.clone())));
    Ok(())
}

/// Tells those who brought these that they are not written.
fn fail(jobs: impl IntoIterator<Item = Job>, error: Error) {
    let (kind, detail) = (error.kind(), error.to_string());
    let cause: Arc<dyn std::error::Error + Send + Sync> = Arc::new(error);
    for job in jobs {
        job.end(Err(Error::new(kind, detail.clone()).because(Arc::clone(&cause))));
    }
}
