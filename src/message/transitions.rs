//! Writes what happens to messages that are sent: looks at what is known, lets [`step`] decide, and writes the row and its event in
//! one transaction of the journal. Since nobody else writes these rows once they are there, and the journal has one writer, no change
//! is based on what is not so any more.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::outgoing::{MessageStatus, RestrictionKind};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::db::write::Work;
use crate::error::Result;
use crate::event::body::EventBody;
use crate::event::body::chat::MessageStatusEvent;
use crate::event::body::session::AccountRestrictedEvent;
use crate::event::entry::{JournalEntry, NewEvent, Write};
use crate::event::journal::Journal;
use crate::message::outbox_store::{self, OutgoingRow};
use crate::message::transition::{Happening, step};

/// What happened to one message.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) message_id: String,
    pub(super) happening: Happening,
}

/// Who waits for what becomes of messages, by session and id.
type Watchers = HashMap<(SessionId, String), watch::Sender<MessageStatus>>;

/// Writes what happens, and tells those who wait for it.
#[derive(Clone, Debug)]
pub(super) struct Transitions {
    journal: Journal,
    clock: Clock,
    watched: Arc<Mutex<Watchers>>,
}

/// What is known of one message, as it changes. It ends when the message is held, which can take days: nobody waits for that. Nothing is
/// kept for it once it is dropped.
pub(super) struct Watched {
    transitions: Transitions,
    key: (SessionId, String),
    pub(super) status: watch::Receiver<MessageStatus>,
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
    pub(super) fn new(journal: Journal, clock: Clock) -> Self {
        Self { journal, clock, watched: Arc::default() }
    }

    /// What becomes of a message from now on, of which this is known.
    pub(super) fn watch(&self, session: &SessionId, message_id: &str, known: MessageStatus) -> Watched {
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
    pub(super) async fn write(&self, session: &SessionId, changes: Vec<Change>) -> Result<Vec<OutgoingRow>> {
        let (changed, clock) = (Arc::new(Mutex::new(Vec::new())), self.clock.clone());
        let (session, told) = (session.clone(), Arc::clone(&changed));
        let is_held = |change: &&Change| matches!(change.happening, Happening::Held { .. });
        let held: HashSet<_> = changes.iter().filter(is_held).map(|change| change.message_id.clone()).collect();
        let write: Write = Box::new(move |tx: &Work| {
            let (session, changes, told, now) = (session.clone(), changes.clone(), Arc::clone(&told), clock.now());
            Box::pin(async move {
                let (rows, events) = decide(tx, &session, &changes, now).await?;
                *told.lock() = rows;
                Ok(events)
            })
        });
        self.journal.write(JournalEntry { write: Some(write), ..JournalEntry::default() }).await?;
        let rows = std::mem::take(&mut *changed.lock());
        for row in &rows {
            self.tell(row, held.contains(&row.message_id));
        }
        Ok(rows)
    }

    /// [`write`](Self::write), of one message. None if nothing else is known of it now.
    ///
    /// # Errors
    /// As there.
    pub(super) async fn write_one(
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
    pub(super) async fn write_restriction(
        &self,
        session: &SessionId,
        kind: RestrictionKind,
        until: Timestamp,
    ) -> Result<()> {
        let body = EventBody::AccountRestricted(AccountRestrictedEvent { kind, until });
        let event = NewEvent::new(session.clone(), &body, self.clock.now())?;
        self.journal.write(JournalEntry { events: vec![event], ..JournalEntry::default() }).await?;
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

/// What is known afterwards, written, and the events that say so.
async fn decide(
    tx: &Work,
    session: &SessionId,
    changes: &[Change],
    now: Timestamp,
) -> Result<(Vec<OutgoingRow>, Vec<NewEvent>)> {
    let ids: Vec<_> = changes.iter().map(|change| change.message_id.clone()).collect();
    let found = outbox_store::find_all(tx, session, &ids).await?;
    let mut known: HashMap<_, _> = found.into_iter().map(|row| (row.message_id.clone(), row)).collect();
    let (mut changed, mut events) = (Vec::new(), Vec::new());
    for Change { message_id, happening } in changes {
        let Some(row) = known.get_mut(message_id) else { continue };
        let Some(next) = step(&row.progress, happening) else { continue };
        let previous = std::mem::replace(&mut row.progress, next).status;
        row.updated_at = now;
        if previous != row.progress.status {
            events.push(status_event(row, Some(previous), now)?);
        }
        changed.retain(|other: &OutgoingRow| other.message_id != *message_id);
        changed.push(row.clone());
    }
    for row in &changed {
        outbox_store::update(tx, row.clone()).await?;
    }
    Ok((changed, events))
}

/// The event that says what is known of a message.
///
/// # Errors
/// `Internal`: it cannot be written as JSON, which it can.
pub(super) fn status_event(row: &OutgoingRow, previous: Option<MessageStatus>, now: Timestamp) -> Result<NewEvent> {
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
    NewEvent::new(row.session_id.clone(), &EventBody::MessageStatus(body), now)
}
