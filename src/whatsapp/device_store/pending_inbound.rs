//! Messages that were decrypted and are not yet in the journal. Their age is by the library's clock, as are the cutoffs.
//!
//! They are in memory. A message that was not acknowledged comes again, and is decrypted again as long as its ratchet on the
//! disk has not moved past it. So what waits when a ratchet is written goes into the table in the same transaction, unless
//! the journal writes it in that one or wrote it earlier; it ends the client when it cannot. And what comes when its ratchet
//! may have been written already goes into the table at once.

use std::sync::Arc;

use entity::pending_inbound::{Column, Entity, Model};
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter};
use wacore::store::error::{Result, StoreError};
use wacore::store::traits::{PendingInboundKey, PendingInboundRow};

use super::waiting::{Key, Taken, key};
use super::{DeviceStore, rows};
use crate::db::bulk::{self, Row, Target};
use crate::error::ErrorKind;
use crate::event::journal::{Entry, Rows};

/// Keys in one statement, at most. SQLite has no list of tuples, so each key is an alternative, and SQLite refuses
/// expressions that are nested deeper than 1000.
const ALTERNATIVES: usize = 200;
/// Where the messages go.
static MESSAGES: Target = Target {
    into: "pending_inbound (session_id, chat, sender, message_id, message, stored_at)",
    on_conflict: "(session_id, chat, sender, message_id) DO UPDATE SET message = excluded.message, \
                  stored_at = excluded.stored_at",
};

pub(super) async fn store(store: &DeviceStore, rows: &[PendingInboundRow<'_>]) -> Result<()> {
    store.refuse_when_given_up()?;
    let late = rows.iter().filter(|row| store.waiting.store(row)).count();
    match late {
        0 => Ok(()),
        _ => write_ratchets(store, Vec::new()).await,
    }
}

pub(super) async fn find(store: &DeviceStore, at: PendingInboundKey<'_>) -> Result<Option<Vec<u8>>> {
    let key = key(at);
    if let Some(message) = store.waiting.find(&key) {
        return Ok(Some(message));
    }
    let row = Entity::find().filter(row_at(store, &key)).one(store.read()).await.map_err(store.failed())?;
    match row {
        // A client before this one left it.
        Some(row) => {
            store.waiting.found(key);
            Ok(Some(row.message))
        }
        // The library takes it for one that the journal has, and acknowledges it: what it has must be on the disk by then.
        None => store.db.write().settle().await.map(|()| None).map_err(store.failed()),
    }
}

pub(super) async fn remove(store: &DeviceStore, keys: &[PendingInboundKey<'_>]) -> Result<()> {
    store.refuse_when_given_up()?;
    let in_table = store.waiting.remove(keys.iter().map(|at| key(PendingInboundKey { ..*at })));
    for some in in_table.chunks(ALTERNATIVES) {
        let any = some.iter().fold(Condition::any(), |any, key| any.add(row_at(store, key)));
        // Nobody waits for the disk: a row that comes back after a power cut is told once more to the journal, which knows it.
        let writer = store.write().await?;
        Entity::delete_many().filter(any).exec(writer.unhurried()).await.map_err(store.failed())?;
    }
    Ok(())
}

pub(super) async fn remove_expired(store: &DeviceStore, cutoff: i64) -> Result<u32> {
    // All in one place, so that each is counted once.
    write_ratchets(store, Vec::new()).await?;
    let old = Column::SessionId.eq(store.session.clone()).and(Column::StoredAt.lt(cutoff));
    let count = rows::delete_counted(store, Entity::delete_many().filter(old)).await?;
    store.waiting.remove_expired(cutoff);
    Ok(count)
}

/// Writes ratchets, those of many sessions in one transaction, and with them the messages that they have moved past.
pub(super) async fn write_ratchets(store: &DeviceStore, ratchets: Vec<Row>) -> Result<()> {
    let taken = Taken::default();
    // What is decrypted from now on, these ratchets have not moved past.
    let ratchets_of = (!ratchets.is_empty()).then(|| store.waiting.now());
    let rows = Some(rows_then(store, ratchets.clone(), ratchets_of, &taken).await?);
    match store.journal.record(Entry { rows, ..Entry::default() }).await {
        Ok(()) => {}
        // The journal has closed, but the clients may still store what they have.
        Err(error) if error.kind() == ErrorKind::ShuttingDown => {
            write_directly(store, ratchets, ratchets_of, &taken).await?;
        }
        Err(error) => return Err(not_written(store, error)),
    }
    store.waiting.written(&taken);
    Ok(())
}

/// Ratchets, and the messages that the journal does not have by then. The store is not retired before this is dropped, though
/// nobody waits for it any more.
async fn rows_then(store: &DeviceStore, ratchets: Vec<Row>, ratchets_of: Option<u64>, taken: &Taken) -> Result<Rows> {
    let writing = Arc::clone(&store.writing).read_owned().await;
    store.refuse_when_given_up()?;
    let (waiting, session, taken) = (Arc::clone(&store.waiting), store.session.clone(), Arc::clone(taken));
    let given_up = store.given_up.clone();
    Ok(Box::new(move |newest| {
        let _ = &writing;
        // A message before it may have failed a moment ago.
        if given_up.is_cancelled() {
            return Err(DbErr::Custom("the client was given up".to_owned()).into());
        }
        let messages = waiting.unwritten(&session, Some(newest), ratchets_of, &taken);
        Ok(messages.into_iter().map(row).chain(ratchets.iter().cloned()).collect())
    }))
}

/// Writes without the journal, when the last thing that it was given is written.
async fn write_directly(
    store: &DeviceStore,
    ratchets: Vec<Row>,
    ratchets_of: Option<u64>,
    taken: &Taken,
) -> Result<()> {
    let _alone = store.writing.write().await;
    store.refuse_when_given_up()?;
    let work = store.db.write().begin().await.map_err(store.failed())?;
    let messages = store.waiting.unwritten(&store.session, None, ratchets_of, taken);
    let rows: Vec<_> = messages.into_iter().map(row).chain(ratchets).collect();
    let script = store.db.write().script();
    script.extend(bulk::statements(work.get_database_backend(), &rows));
    work.finish(script).await.map_err(|failure| store.failed()(failure.into()))?;
    store.db.write().settle().await.map_err(store.failed())
}

fn row(message: Model) -> Row {
    let Model { session_id, chat, sender, message_id, message, stored_at } = message;
    let key = vec![session_id.to_string(), chat, sender, message_id];
    Row { target: &MESSAGES, key, rest: vec![message.into(), stored_at.into()] }
}

fn not_written(store: &DeviceStore, error: crate::error::Error) -> StoreError {
    store.give_up(&error);
    StoreError::Database(Box::new(error))
}

/// Names the session in each alternative, so that each is looked up by the whole key.
fn row_at(store: &DeviceStore, key: &Key) -> Expr {
    let (chat, sender, id) = &**key;
    Column::SessionId
        .eq(store.session.clone())
        .and(Column::Chat.eq(chat))
        .and(Column::Sender.eq(sender))
        .and(Column::MessageId.eq(id))
}
