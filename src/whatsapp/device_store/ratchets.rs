//! Ratchets on their way to the disk, and with them the messages that they have moved past.
//!
//! The library lets no message of its session through while it stores ratchets, which it does every 25 ms when there is much to
//! read. So they are accepted once they are submitted to the journal. What must not overtake them waits instead: every frame,
//! every other write, and every read of a ratchet. When they cannot be written the client is given up, as with everything else.

use std::sync::Arc;

use sea_orm::DbErr;
use wacore::store::error::{Result, StoreError};

use super::DeviceStore;
use super::pending_messages::shared::Taken;
use super::pending_messages::{Event, StepNumber};
use super::under_way::Intake;
use crate::db::fault;
use crate::db::rows::Row;
use crate::error::{Error, ErrorKind};
use crate::event::entry::{JournalEntry, Rows};
use crate::whatsapp::device_store::unflushed::shared;

/// Intakes that are under way, at most. With more, the library waits.
const UNDER_WAY: usize = 16;

impl DeviceStore {
    /// Waits until everything is on the disk that was stored, and every message that was submitted to the journal.
    ///
    /// # Errors
    /// It could not be written; then the client is given up.
    pub async fn flushed(&self) -> Result<()> {
        self.ratchets_flushed().await?;
        match self.messages_flushed().await? {
            false => Ok(()),
            // As when they are done with at once; nobody waits for it either.
            true => accept(self, Vec::new()).await,
        }
    }

    /// Waits until every ratchet that was taken in is on the disk.
    pub(super) async fn ratchets_flushed(&self) -> Result<()> {
        flushed(self).await
    }
}

/// Takes ratchets in, and with them the messages that they have moved past; without any, the messages that ratchets before
/// them may have moved past. Those of many sessions share a transaction.
pub(super) async fn accept(store: &DeviceStore, ratchets: Vec<Row>) -> Result<()> {
    let under_way = &store.under_way;
    let _submitting = loop {
        let submitting = under_way.submitting.lock().await;
        if under_way.intakes.lock().len() < UNDER_WAY {
            break submitting;
        }
        drop(submitting);
        flushed(store).await?;
    };
    let (ratchets, taken) = (Arc::<[Row]>::from(ratchets), Taken::default());
    // What is decrypted from now on, these ratchets have not moved past.
    let came = (!ratchets.is_empty()).then(|| store.pending_messages.step(Event::RatchetsCame).sequence);
    let rows = Some(rows_then(store, &ratchets, came, &taken).await?);
    let entry = JournalEntry { rows, failed: Some(store.giving_up()), can_wait: true, ..JournalEntry::default() };
    let written = match store.journal.submit(entry).await {
        Ok((_, written)) => shared(written),
        Err(error) => shared(std::future::ready(Err(error))),
    };
    under_way.intakes.lock().push_back(Arc::new(Intake { ratchets, came, taken, written }));
    Ok(())
}

/// Waits until everything that was taken in is on the disk.
pub(super) async fn flushed(store: &DeviceStore) -> Result<()> {
    while let Some(intake) = store.under_way.first() {
        match intake.written.clone().await {
            Err(error) if error.kind() == ErrorKind::ShuttingDown => return write_without_journal(store).await,
            outcome => finish(store, &intake, outcome.map_err(|error| not_written(store, error)))?,
        }
    }
    Ok(())
}

/// The same when the journal has closed: the clients may still store what they have. In order, so nobody else does it.
async fn write_without_journal(store: &DeviceStore) -> Result<()> {
    // Which messages it got in time. If it could not write them, the client was given up for that.
    let _ = store.messages_flushed().await;
    let _submitting = store.under_way.submitting.lock().await;
    while let Some(intake) = store.under_way.first() {
        let outcome = match intake.written.clone().await {
            Err(error) if error.kind() == ErrorKind::ShuttingDown => write_directly(store, &intake).await,
            outcome => outcome.map_err(|error| not_written(store, error)),
        };
        finish(store, &intake, outcome)?;
    }
    Ok(())
}

/// Notes what became of the first intake. Others that wait for it may do the same.
fn finish(store: &DeviceStore, intake: &Arc<Intake>, outcome: Result<()>) -> Result<()> {
    if outcome.is_ok() {
        store.pending_messages.changed(&intake.taken);
    }
    store.under_way.forget(intake);
    outcome
}

/// Ratchets, and the messages that the journal does not have by then. The store is not retired before this is dropped, though
/// nobody waits for it any more.
async fn rows_then(
    store: &DeviceStore,
    ratchets: &Arc<[Row]>,
    ratchets_of: Option<StepNumber>,
    taken: &Taken,
) -> Result<Rows> {
    let writing = Arc::clone(&store.writing).read_owned().await;
    store.refuse_when_given_up()?;
    let (pending_messages, session, taken) =
        (Arc::clone(&store.pending_messages), store.session.clone(), Arc::clone(taken));
    let (given_up, ratchets) = (store.given_up.clone(), Arc::clone(ratchets));
    Ok(Box::new(move |newest| {
        let _ = &writing;
        // A message before it may have failed a moment ago.
        if given_up.is_cancelled() {
            return Err(fault::failed(DbErr::Custom("the client was given up".to_owned())));
        }
        let mut rows = pending_messages.changes(&session, Some(newest), ratchets_of, &taken);
        rows.extend_from_slice(&ratchets);
        Ok(rows)
    }))
}

/// Writes without the journal, when the last thing that it was given is written.
async fn write_directly(store: &DeviceStore, intake: &Intake) -> Result<()> {
    let alone = Arc::clone(&store.writing).write_owned().await;
    store.refuse_when_given_up()?;
    let mut rows = store.pending_messages.changes(&store.session, None, intake.came, &intake.taken);
    rows.extend_from_slice(&intake.ratchets);
    let mut batch = store.db.write().batch();
    batch.put(rows);
    store.db.write().run_holding(batch, alone).await.map_err(|failure| store.failed()(failure.into_error()))
}

fn not_written(store: &DeviceStore, error: Arc<Error>) -> StoreError {
    store.give_up(&*error);
    StoreError::Database(Box::new(error))
}
