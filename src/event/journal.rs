//! The journal: one task, the pen, writes what happened together with the state that it changed, then tells it.
//!
//! All that waits is written in one transaction, so a busy server commits seldom and an idle one at once. Since there is
//! one pen, the order of the positions is the order in which events can be read: no reader ever passes an event that is
//! still to be committed.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use entity::ids::{EventId, SessionId};
use entity::timestamp::Timestamp;
use entity::words::EventType;
use futures::FutureExt;
use futures::future::BoxFuture;
use metrics::counter;
use sea_orm::DbErr;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::crash;
use crate::db::bulk::{self, Row};
use crate::db::{Db, Work};
use crate::error::{Error, ErrorKind, Result};
use crate::event::body::EventBody;
use crate::event::bus::Bus;
use crate::event::interest::Interest;
use crate::event::store::{self, MessageKey, Record};
use crate::lifecycle::Lifecycle;

/// Entries that wait for the pen. Whoever brings one more waits until there is room: that slows WhatsApp down, since
/// messages are acknowledged afterwards.
const QUEUE: usize = 1024;
/// Entries that are written in one transaction, at most.
const BATCH: usize = 256;

/// Hears why an entry could not be written.
pub type Failed = Box<dyn FnOnce(&Error) + Send + Sync>;

/// What else is to be written in the transaction of an entry, and what happened by it. May be run again after it failed.
pub type Write = Box<dyn for<'a> Fn(&'a Work) -> BoxFuture<'a, Result<Vec<Draft>>> + Send + Sync>;

/// Something that happened.
#[derive(Clone)]
pub struct Draft {
    /// On which session.
    pub session_id: SessionId,
    /// What.
    pub event_type: EventType,
    /// When.
    pub created_at: Timestamp,
    /// All about it: a JSON object.
    pub body: String,
    /// What it is recognised by when it comes again. For messages only.
    pub message: Option<MessageKey>,
}

impl Draft {
    /// An event that is no message.
    ///
    /// # Errors
    /// `Internal`: the body cannot be written as JSON, which no body does.
    pub fn new(session_id: SessionId, body: &EventBody, created_at: Timestamp) -> Result<Self> {
        let (event_type, text) = (body.event_type(), serde_json::to_string(body).map_err(Error::internal)?);
        Ok(Self { session_id, event_type, created_at, body: text, message: None })
    }
}

/// What is written together, or not at all.
#[derive(Default)]
pub struct Entry {
    /// What happened, in order.
    pub events: Vec<Draft>,
    /// The state that it changed; what its change made happen comes behind `events`.
    pub write: Option<Write>,
    /// More of that state, as rows: those of many entries go into their tables together.
    pub rows: Vec<Row>,
    /// Told when it cannot be written, before anything that was brought later is.
    pub failed: Option<Failed>,
}

struct Job {
    entry: Entry,
    done: oneshot::Sender<Result<()>>,
}

impl Job {
    fn end(mut self, outcome: Result<()>) {
        if let (Err(error), Some(failed)) = (&outcome, self.entry.failed.take()) {
            failed(error);
        }
        let _ = self.done.send(outcome); // Whoever brought it may have gone.
    }
}

/// The way to the pen. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    jobs: mpsc::Sender<Job>,
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
        // A session that was deleted has taken its events along, and old ones are dropped. No position comes twice.
        let dispatched = store::bookmark(db.read(), store::DISPATCHED).await?;
        let pruned = store::bookmark(db.read(), store::PRUNED).await?;
        let head = newest.max(dispatched).max(pruned).unwrap_or(0);
        let (jobs, queue) = mpsc::channel(QUEUE);
        let bus = Arc::new(Bus::new(head));
        let pen = Pen { db, clock, head, bus: Arc::clone(&bus), is_in_doubt: false };
        let stop = lifecycle.workers().clone();
        lifecycle.spawn("journal", pen.write(queue, stop));
        Ok(Self { jobs, bus, interest: Interest::default() })
    }

    /// Writes an entry. When this returns it is on the disk, and told; a message that the journal has already is left out.
    ///
    /// # Errors
    /// `Unavailable`, `ShuttingDown`, or what the entry's own write failed with; then nothing of it is written.
    pub async fn record(&self, entry: Entry) -> Result<()> {
        self.bring(entry).await?.await
    }

    /// Brings an entry to the pen: what is brought later is written later, or in the same transaction. What this gives does
    /// and fails as [`record`](Self::record).
    ///
    /// # Errors
    /// `ShuttingDown`.
    pub async fn bring(&self, entry: Entry) -> Result<impl Future<Output = Result<()>> + Send + use<>> {
        let stopped = || Error::new(ErrorKind::ShuttingDown, "the server is shutting down");
        let (done, outcome) = oneshot::channel();
        self.jobs.send(Job { entry, done }).await.map_err(|_| stopped())?;
        Ok(outcome.map(move |outcome| outcome.unwrap_or_else(|_| Err(stopped()))))
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

/// Messages that the journal has already, and messages that come twice at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubles {
    /// There are hardly ever any: it is enough to notice them.
    Unlikely,
    /// They are left out.
    LookFor,
}

struct Pen {
    db: Db,
    clock: Clock,
    /// The position of the newest event.
    head: i64,
    bus: Arc<Bus>,
    /// Whether a commit failed, so that nobody knows yet what became of its transaction.
    is_in_doubt: bool,
}

impl Pen {
    async fn write(mut self, mut queue: mpsc::Receiver<Job>, stop: CancellationToken) {
        let mut jobs = Vec::new();
        loop {
            tokio::select! {
                biased;
                // Nothing more is taken in; what was taken in is written.
                () = stop.cancelled(), if !queue.is_closed() => queue.close(),
                count = queue.recv_many(&mut jobs, BATCH) => match count {
                    0 => return,
                    _ => self.settle(std::mem::take(&mut jobs)).await,
                },
            }
        }
    }

    /// Writes these, all in one transaction if that works.
    async fn settle(&mut self, jobs: Vec<Job>) {
        let entries: Vec<_> = jobs.iter().map(|job| &job.entry).collect();
        match self.attempt(&entries).await {
            Ok(()) => jobs.into_iter().for_each(|job| job.end(Ok(()))),
            Err(error) if jobs.len() == 1 || is_everybodys(&error) => fail(jobs, error),
            // One of them cannot be written, which is no fault of the others.
            Err(_) => self.settle_singly(jobs).await,
        }
    }

    async fn settle_singly(&mut self, jobs: Vec<Job>) {
        let mut jobs = jobs.into_iter();
        while let Some(job) = jobs.next() {
            match self.attempt(&[&job.entry]).await {
                Err(error) if is_everybodys(&error) => return fail(std::iter::once(job).chain(jobs), error),
                outcome => job.end(outcome),
            }
        }
    }

    /// Begins a transaction. One whose commit failed may have been written all the same, or still be: its end is waited for,
    /// and readers are sent to the table.
    async fn begin(&mut self) -> Result<Work> {
        let tx = self.db.write().begin().await?;
        if self.is_in_doubt {
            store::wait_for_writers(&tx).await?;
            self.bus.forget(self.head);
            self.is_in_doubt = false;
        }
        Ok(tx)
    }

    async fn attempt(&mut self, entries: &[&Entry]) -> Result<()> {
        let attempt = async {
            match self.commit(entries, Doubles::Unlikely).await? {
                Some(events) => Ok(events),
                // Some message is in the journal already.
                None => Ok(self.commit(entries, Doubles::LookFor).await?.unwrap_or_default()),
            }
        };
        let attempt = AssertUnwindSafe(attempt).catch_unwind();
        let events: Vec<_> = attempt.await.unwrap_or_else(|_| Err(Error::internal("the pen panicked")))?;
        for event in &events {
            counter!("waypost_events_total", "type" => event.event_type.as_str()).increment(1);
        }
        self.bus.publish(&events);
        Ok(())
    }

    /// Gives what was written; None, and nothing is, if there are doubles that were not looked for.
    async fn commit(&mut self, entries: &[&Entry], doubles: Doubles) -> Result<Option<Vec<Arc<Record>>>> {
        let tx = self.begin().await?;
        let mut drafts = Vec::new();
        for entry in entries {
            drafts.extend(entry.events.iter().map(Cow::Borrowed));
            if let Some(write) = &entry.write {
                drafts.extend(write(&tx).await?.into_iter().map(Cow::Owned));
            }
        }
        if matches!(doubles, Doubles::LookFor) {
            keep_news(&tx, &mut drafts).await?;
        }
        let records = self.insert(&tx, drafts, doubles).await?;
        if records.is_some() {
            bulk::write(&tx, entries.iter().flat_map(|entry| &entry.rows)).await?;
            crash::point("before_commit");
            self.is_in_doubt = true;
            tx.commit().await?;
            self.is_in_doubt = false;
        }
        Ok(records)
    }

    async fn insert(
        &mut self,
        tx: &Work,
        drafts: Vec<Cow<'_, Draft>>,
        doubles: Doubles,
    ) -> Result<Option<Vec<Arc<Record>>>> {
        let mut more = BTreeMap::new();
        for draft in &drafts {
            *more.entry(&draft.session_id).or_insert(0) += 1;
        }
        if more.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let counts = store::count_up(tx, &more).await?;
        let mut next: HashMap<_, _> = counts.iter().map(|(id, count)| (id, count - more[id] + 1)).collect();
        let (mut rows, mut records) = (Vec::new(), Vec::new());
        for draft in &drafts {
            // A session that was deleted meanwhile takes what happened on it along.
            let Some(sequence) = next.get_mut(&draft.session_id) else { continue };
            let record = self.record(draft, *sequence);
            *sequence += 1;
            rows.push((record.clone(), draft.message.clone()));
            records.push(Arc::new(record));
        }
        let is_whole = store::insert(tx, rows, doubles).await?;
        Ok(is_whole.then_some(records))
    }

    fn record(&mut self, draft: &Draft, sequence: i64) -> Record {
        // Microseconds: what a moment's events are is known without looking, and no two processes give the same one.
        self.head = (self.head + 1).max(self.clock.now().millis().saturating_mul(1000));
        Record {
            position: self.head,
            id: EventId::generate(),
            session_id: draft.session_id.clone(),
            sequence,
            event_type: draft.event_type,
            created_at: draft.created_at,
            body: draft.body.as_str().into(),
        }
    }
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

/// Whether the next entry would fail in the same way.
fn is_everybodys(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<DbErr>());
    matches!(cause, Some(DbErr::Conn(_) | DbErr::ConnectionAcquire(_)))
}
