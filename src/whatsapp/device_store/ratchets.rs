//! Ratchets on their way to the disk, and with them the messages that they have moved past.
//!
//! The library lets no message of its session through while it stores ratchets, which it does every 25 ms when there is
//! much to read. So they are taken in once the pen has them. What must not overtake them waits instead: every frame, every
//! other write, and whoever reads them. When they cannot be written the client is given up, as with everything else.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait, DbErr};
use tokio::sync::{Mutex, MutexGuard};
use wacore::store::error::{Result, StoreError};

use super::DeviceStore;
use super::waiting::Taken;
use crate::db::bulk::{self, Row};
use crate::error::ErrorKind;
use crate::event::journal::{Entry, Rows};

/// Those that are under way, at most. Who brings more waits.
const UNDER_WAY: usize = 16;

/// What was taken in and may not be on the disk yet, in order.
#[derive(Default)]
pub(super) struct UnderWay(Mutex<VecDeque<Batch>>);

impl std::fmt::Debug for UnderWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnderWay").finish_non_exhaustive()
    }
}

struct Batch {
    ratchets: Arc<[Row]>,
    /// When they came, if there are any.
    came: Option<u64>,
    /// The messages that went along.
    taken: Taken,
    /// Ends when the disk has them.
    written: BoxFuture<'static, crate::error::Result<()>>,
}

/// Takes ratchets in, and with them the messages that they have moved past; without any, the messages that ratchets before
/// them may have moved past. Those of many sessions share a transaction.
pub(super) async fn accept(store: &DeviceStore, ratchets: Vec<Row>) -> Result<()> {
    let mut under_way = store.under_way.0.lock().await;
    if under_way.len() >= UNDER_WAY {
        settle_all(store, &mut under_way).await?;
    }
    let (ratchets, taken) = (Arc::<[Row]>::from(ratchets), Taken::default());
    // What is decrypted from now on, these ratchets have not moved past.
    let came = (!ratchets.is_empty()).then(|| store.waiting.now());
    let rows = Some(rows_then(store, &ratchets, came, &taken).await?);
    let written = match store.journal.bring(Entry { rows, failed: Some(store.giving_up()), ..Entry::default() }).await {
        Ok((_, written)) => written.boxed(),
        Err(error) => std::future::ready(Err(error)).boxed(),
    };
    under_way.push_back(Batch { ratchets, came, taken, written });
    Ok(())
}

/// Waits until everything that was taken in is on the disk.
pub(super) async fn settle(store: &DeviceStore) -> Result<()> {
    settle_all(store, &mut store.under_way.0.lock().await).await
}

async fn settle_all(store: &DeviceStore, under_way: &mut MutexGuard<'_, VecDeque<Batch>>) -> Result<()> {
    // Each stays in its place while it is waited for: whoever waits may go away.
    while let Some(batch) = under_way.front_mut() {
        let outcome = match (&mut batch.written).await {
            // The journal has closed, but the clients may still store what they have.
            Err(error) if error.kind() == ErrorKind::ShuttingDown => {
                batch.written = std::future::ready(Err(error)).boxed();
                write_directly(store, Arc::clone(&batch.ratchets), batch.came, Arc::clone(&batch.taken)).await
            }
            outcome => outcome.map_err(|error| not_written(store, error)),
        };
        if outcome.is_ok() {
            store.waiting.changed(&batch.taken);
        }
        under_way.pop_front();
        outcome?;
    }
    Ok(())
}

/// Ratchets, and the messages that the journal does not have by then. The store is not retired before this is dropped, though
/// nobody waits for it any more.
async fn rows_then(
    store: &DeviceStore,
    ratchets: &Arc<[Row]>,
    ratchets_of: Option<u64>,
    taken: &Taken,
) -> Result<Rows> {
    let writing = Arc::clone(&store.writing).read_owned().await;
    store.refuse_when_given_up()?;
    let (waiting, session, taken) = (Arc::clone(&store.waiting), store.session.clone(), Arc::clone(taken));
    let (given_up, ratchets) = (store.given_up.clone(), Arc::clone(ratchets));
    Ok(Box::new(move |newest| {
        let _ = &writing;
        // A message before it may have failed a moment ago.
        if given_up.is_cancelled() {
            return Err(DbErr::Custom("the client was given up".to_owned()).into());
        }
        let mut rows = waiting.changes(&session, Some(newest), ratchets_of, &taken);
        rows.extend_from_slice(&ratchets);
        Ok(rows)
    }))
}

/// Writes without the journal, when the last thing that it was given is written.
async fn write_directly(store: &DeviceStore, ratchets: Arc<[Row]>, came: Option<u64>, taken: Taken) -> Result<()> {
    let _alone = store.writing.write().await;
    store.refuse_when_given_up()?;
    let work = store.db.write().begin().await.map_err(store.failed())?;
    let mut rows = store.waiting.changes(&store.session, None, came, &taken);
    rows.extend_from_slice(&ratchets);
    let script = store.db.write().script();
    script.extend(bulk::statements(work.get_database_backend(), rows));
    work.finish(script).await.map_err(|failure| store.failed()(failure.into()))?;
    store.db.write().settle().await.map_err(store.failed())
}

fn not_written(store: &DeviceStore, error: crate::error::Error) -> StoreError {
    store.give_up(&error);
    StoreError::Database(Box::new(error))
}
