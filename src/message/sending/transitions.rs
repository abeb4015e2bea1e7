//! Writes what happens to messages that are sent: looks at what is known, lets [`step`] decide, and writes the row and its event in
//! one transaction of the journal. Nobody else writes these rows once they are there, and who changes one has it alone until that is
//! written (`message::sending::known`), so no change is based on what is not so any more. What is known is used as it is: a question to the
//! database within the transaction costs more than all the rest. Only when it is in doubt, because the answer of a commit was lost, is
//! the row looked at there.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::outgoing::{MessageStatus, RestrictionKind};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::db::Db;
use crate::db::write::Work;
use crate::error::Result;
use crate::event::body::EventBody;
use crate::event::body::chat::MessageStatusEvent;
use crate::event::body::session::AccountRestrictedEvent;
use crate::event::entry::{JournalEntry, NewEvent, Shortcut, Write};
use crate::event::journal::Journal;
use crate::lifecycle::Lifecycle;
use crate::message::sending::known::{KnownRow, KnownRows};
use crate::message::sending::uncertain::Written;
use crate::message::store::filling::Filling;
use crate::message::store::outbox_store;
use crate::message::store::outgoing::OutgoingRow;
use crate::message::store::restriction_store::{self, RestrictionRow};
use crate::message::store::transition::{Happening, is_sent, is_told, step};

/// What happened to one message.
#[derive(Clone, Debug)]
pub(in crate::message) struct Change {
    pub(in crate::message) message_id: String,
    pub(in crate::message) happening: Happening,
}

/// Who waits for what becomes of messages, by session and id.
type Watchers = HashMap<(SessionId, String), watch::Sender<MessageStatus>>;

/// Writes what happens, and tells those who wait for it.
#[derive(Clone, Debug)]
pub(in crate::message) struct Transitions {
    db: Db,
    journal: Journal,
    clock: Clock,
    lifecycle: Lifecycle,
    known: KnownRows,
    watched: Arc<Mutex<Watchers>>,
}

/// What comes of changes: the rows as they are to be, each with what it was, and the events that say so.
struct Decided {
    rows: Vec<(OutgoingRow, OutgoingRow)>,
    events: Vec<NewEvent>,
}

/// What is known of one message, as it changes. It ends when the message is held, which can take days: nobody waits for that. Nothing is
/// kept for it once it is dropped.
pub(in crate::message) struct Watched {
    transitions: Transitions,
    key: (SessionId, String),
    pub(in crate::message) status: watch::Receiver<MessageStatus>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut watched = self.transitions.watched.lock();
        let is_last = |status: &watch::Sender<MessageStatus>| {
            // Once it has ended, others may watch the same message.
            status.receiver_count() <= 1 && status.subscribe().same_channel(&self.status)
        };
        if watched.get(&self.key).is_some_and(is_last) {
            watched.remove(&self.key);
        }
    }
}

impl Transitions {
    pub(in crate::message) fn new(db: Db, journal: Journal, clock: Clock, lifecycle: Lifecycle) -> Self {
        Self { db, journal, clock, lifecycle, known: KnownRows::default(), watched: Arc::default() }
    }

    /// What is known of a message, as long as this is kept.
    pub(in crate::message) fn known(&self, session: &SessionId, message_id: &str) -> KnownRow {
        self.known.of(session, message_id)
    }

    /// What becomes of a message from now on, of which this is known.
    pub(in crate::message) fn watch(&self, session: &SessionId, message_id: &str, known: MessageStatus) -> Watched {
        let key = (session.clone(), message_id.to_owned());
        let status = {
            let mut watched = self.watched.lock();
            watched.entry(key.clone()).or_insert_with(|| watch::Sender::new(known)).subscribe()
        };
        Watched { transitions: self.clone(), key, status }
    }

    /// Writes what happened to messages of one session, in this order, and returns when the disk has it. Gives those of which
    /// something else is known now.
    ///
    /// # Errors
    /// `Unavailable`, `ShuttingDown`; then nothing has changed.
    pub(in crate::message) async fn write(
        &self,
        session: &SessionId,
        changes: Vec<Change>,
    ) -> Result<Vec<OutgoingRow>> {
        self.write_noting(session, changes, &Written::default()).await
    }

    /// [`write`](Self::write), and notes what it writes, so that the same changes can be written again if nobody knows what came of
    /// that.
    ///
    /// # Errors
    /// As there; but of `Unavailable` nobody knows whether it has changed something.
    pub(in crate::message) async fn write_noting(
        &self,
        session: &SessionId,
        changes: Vec<Change>,
        written: &Written,
    ) -> Result<Vec<OutgoingRow>> {
        let (this, session, written) = (self.clone(), session.clone(), written.clone());
        // To its end: what waits in the journal is written, whoever waits for it, and until then nobody else may change the messages.
        self.lifecycle.complete(async move { this.write_alone(&session, changes, &written, Vec::new()).await }).await
    }

    /// Writes that the files of messages are uploaded, with what the messages say from then on, and gives those that have their turn by
    /// it. What was taken back meanwhile stays as it was.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub(in crate::message) async fn write_filled(
        &self,
        session: &SessionId,
        fillings: Vec<Filling>,
        next_sequence: impl Fn() -> i64,
    ) -> Result<Vec<OutgoingRow>> {
        let change = |filling: &Filling| {
            let message_id = filling.key.message_id.clone();
            Change { message_id, happening: Happening::Uploaded { sequence: next_sequence() } }
        };
        let changes = fillings.iter().map(change).collect();
        let (this, session) = (self.clone(), session.clone());
        let writing = async move { this.write_alone(&session, changes, &Written::default(), fillings).await };
        self.lifecycle.complete(writing).await
    }

    async fn write_alone(
        &self,
        session: &SessionId,
        changes: Vec<Change>,
        written: &Written,
        fillings: Vec<Filling>,
    ) -> Result<Vec<OutgoingRow>> {
        let ids: BTreeSet<_> = changes.iter().map(|change| change.message_id.clone()).collect();
        let slots: Vec<_> = ids.iter().map(|id| self.known.of(session, id)).collect();
        // In the order of their ids, so that nobody waits for who waits for them.
        let mut known = HashMap::new();
        for (id, slot) in ids.iter().zip(&slots) {
            known.insert(id, slot.lock().await);
        }
        let now = self.clock.now();
        let mut shortcut = None;
        // What else is written than rows of `outgoing` is written with them in the transaction.
        if fillings.is_empty() && self.known.is_certain() && !written.is_possible() {
            let unknown: Vec<_> = ids.iter().filter(|id| known[id].is_none()).cloned().collect();
            if !unknown.is_empty() {
                for row in outbox_store::find_all(self.db.read(), session, &unknown).await? {
                    if let Some(known) = known.get_mut(&row.message_id) {
                        **known = Some(row);
                    }
                }
            }
            let rows = known.values().filter_map(|row| (**row).clone()).collect();
            let Decided { rows, events } = decide(rows, &changes, now)?;
            if rows.is_empty() {
                return Ok(Vec::new());
            }
            let rows_of_table = rows.iter().map(|(previous, row)| outbox_store::changed_row(previous, row)).collect();
            shortcut = Some(Shortcut { events, rows: rows_of_table });
            written.about_to(rows.into_iter().map(|(_, row)| row).collect());
        }
        let is_held = |change: &&Change| matches!(change.happening, Happening::Held { .. });
        let held: HashSet<_> = changes.iter().filter(is_held).map(|change| change.message_id.clone()).collect();
        let write = write_of(session, changes, now, written.clone(), fillings);
        // Until it is written nobody knows.
        for (id, row) in &mut known {
            if shortcut.is_none() || written.has(id) {
                **row = None;
            }
        }
        let doubt = self.known.doubt();
        self.journal.write(JournalEntry { write: Some(write), shortcut, ..JournalEntry::default() }).await?;
        doubt.decided();
        let rows = written.take();
        for row in &rows {
            if let Some(known) = known.get_mut(&row.message_id) {
                **known = Some(row.clone());
            }
            self.tell(row, held.contains(&row.message_id));
        }
        drop(known);
        self.known.remember(slots);
        Ok(rows)
    }

    /// The rows of those of these messages that were sent through this API. The database is asked only for what is not known.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(in crate::message) async fn rows(
        &self,
        session: &SessionId,
        message_ids: &[String],
    ) -> Result<Vec<OutgoingRow>> {
        let (mut rows, mut unknown) = (Vec::new(), Vec::new());
        for id in message_ids {
            match self.known.row(session, id).await {
                Some(row) => rows.push(row),
                None => unknown.push(id.clone()),
            }
        }
        if !unknown.is_empty() {
            rows.extend(outbox_store::find_all(self.db.read(), session, &unknown).await?);
        }
        Ok(rows)
    }

    /// [`write`](Self::write), of one message. None if nothing else is known of it now.
    ///
    /// # Errors
    /// As there.
    pub(in crate::message) async fn write_one(
        &self,
        session: &SessionId,
        message_id: &str,
        happening: Happening,
    ) -> Result<Option<OutgoingRow>> {
        let change = Change { message_id: message_id.to_owned(), happening };
        Ok(self.write(session, vec![change]).await?.pop())
    }

    /// Writes that WhatsApp keeps the account of a session from something.
    ///
    /// # Errors
    /// `Unavailable`, `ShuttingDown`.
    pub(in crate::message) async fn write_restriction(&self, row: RestrictionRow) -> Result<()> {
        let body = EventBody::AccountRestricted(AccountRestrictedEvent { kind: row.kind, until: row.ends_at });
        let event = NewEvent::new(row.session_id.clone(), &body, self.clock.now())?;
        let write: Write = Box::new(move |tx: &Work| {
            let row = row.clone();
            Box::pin(async move { restriction_store::put(tx, row).await.map(|()| Vec::new()) })
        });
        self.journal.write(JournalEntry { events: vec![event], write: Some(write), ..JournalEntry::default() }).await?;
        Ok(())
    }

    /// Writes that WhatsApp does not keep it from that any more, of one kind or all, unless it said so after that moment.
    ///
    /// # Errors
    /// `Unavailable`, `ShuttingDown`.
    pub(in crate::message) async fn forget_restriction(
        &self,
        session: &SessionId,
        kind: Option<RestrictionKind>,
        noted_until: Timestamp,
    ) -> Result<()> {
        let session = session.clone();
        let write: Write = Box::new(move |tx: &Work| {
            let session = session.clone();
            Box::pin(
                async move { restriction_store::delete(tx, &session, kind, noted_until).await.map(|()| Vec::new()) },
            )
        });
        self.journal.write(JournalEntry { write: Some(write), ..JournalEntry::default() }).await?;
        Ok(())
    }

    fn tell(&self, row: &OutgoingRow, is_held: bool) {
        let key = (row.session_id.clone(), row.message_id.clone());
        let mut watched = self.watched.lock();
        if let Some(status) = watched.get(&key) {
            status.send_replace(row.progress.status);
        }
        if is_held {
            watched.remove(&key);
        }
    }
}

/// Decides within the transaction, and notes what is written.
fn write_of(
    session: &SessionId,
    changes: Vec<Change>,
    now: Timestamp,
    written: Written,
    fillings: Vec<Filling>,
) -> Write {
    let ids: Vec<_> = changes.iter().map(|change| change.message_id.clone()).collect();
    let what = Arc::new((session.clone(), ids, changes, fillings));
    Box::new(move |tx: &Work| {
        let (what, written) = (Arc::clone(&what), written.clone());
        Box::pin(async move {
            let (session, ids, changes, fillings) = &*what;
            let found = outbox_store::find_all(tx, session, ids).await?;
            let Decided { rows, events } = decide(found, changes, now)?;
            let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
            for row in &rows {
                outbox_store::update(tx, row.clone()).await?;
                if let Some(filling) = fillings.iter().find(|filling| filling.key.message_id == row.message_id) {
                    filling.write(tx, now).await?;
                }
            }
            let places = changes.iter().filter_map(|change| match change.happening {
                Happening::Retried { sequence, .. } | Happening::Uploaded { sequence } => Some(sequence),
                _ => None,
            });
            written.note(tx, session, rows, places.collect()).await?;
            Ok(events)
        })
    })
}

/// What comes of changes of these rows.
fn decide(found: Vec<OutgoingRow>, changes: &[Change], now: Timestamp) -> Result<Decided> {
    let mut known: HashMap<_, _> = found.into_iter().map(|row| (row.message_id.clone(), (row.clone(), row))).collect();
    let (mut changed, mut events) = (Vec::new(), Vec::new());
    for Change { message_id, happening } in changes {
        let Some((_, row)) = known.get_mut(message_id) else { continue };
        let Some(next) = step(&row.progress, happening) else { continue };
        let previous = std::mem::replace(&mut row.progress, next).status;
        row.updated_at = now;
        if previous != row.progress.status && is_told(happening) {
            events.push(status_event(row, Some(previous), now)?);
        }
        changed.push(message_id);
    }
    let mut seen = HashSet::new();
    changed.retain(|id| seen.insert(*id));
    Ok(Decided { rows: changed.into_iter().filter_map(|id| known.remove(id)).collect(), events })
}

/// The event that says what is known of a message.
///
/// # Errors
/// `Internal`: it cannot be written as JSON, which it can.
pub(in crate::message) fn status_event(
    row: &OutgoingRow,
    previous: Option<MessageStatus>,
    now: Timestamp,
) -> Result<NewEvent> {
    let progress = &row.progress;
    let taken = progress.sent_at.filter(|_| progress.status == MessageStatus::Sent);
    let body = MessageStatusEvent {
        message_id: row.message_id.clone(),
        chat: progress.recipient.clone(),
        status: progress.status,
        previous,
        code: progress.code,
        upstream_code: progress.upstream_code,
        attempt: progress.attempts,
        client_reference: row.client_reference.clone(),
        timestamp: taken.unwrap_or(now),
    };
    let event = NewEvent::new(row.session_id.clone(), &EventBody::MessageStatus(body), now)?;
    // From when on WhatsApp has it.
    let is_news = is_sent(progress.status) && !previous.is_some_and(is_sent);
    let Some(effect) = row.effect.as_ref().filter(|_| is_news) else { return Ok(event) };
    // As phones have it: one that was made earlier and comes later changes nothing. In whole seconds, as WhatsApp says of what phones do.
    let (chat, made_at) = (&progress.recipient, Timestamp::from_millis(row.created_at.millis() / 1_000 * 1_000));
    Ok(NewEvent { vote: effect.vote(chat, made_at), timer: effect.timer(chat, made_at), ..event })
}
