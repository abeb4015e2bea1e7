//! Messages that were decrypted and are not yet in the journal. Their age is by the library's clock, as are the cutoffs.
//!
//! They are in memory. A message that was not acknowledged comes again, and is decrypted again as long as its ratchet on the
//! disk has not moved past it. So what waits when a ratchet is written goes into the table in the same transaction, unless
//! the journal was given it before the ratchet: it writes in this order, and ends the client when it cannot. And what comes
//! when its ratchet may have been written already goes into the table at once.

use std::sync::Arc;

use entity::pending_inbound::{ActiveModel, Column, Entity, Model};
use futures::FutureExt;
use sea_orm::sea_query::{Condition, Expr, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter};
use wacore::store::error::{Result, StoreError};
use wacore::store::traits::{PendingInboundKey, PendingInboundRow};

use super::waiting::{Key, Taken, key};
use super::{DeviceStore, rows};
use crate::db::bulk::{self, Row};
use crate::error::ErrorKind;
use crate::event::journal::{Entry, Write};

/// Keys in one statement, at most. SQLite has no list of tuples, so each key is an alternative, and SQLite refuses
/// expressions that are nested deeper than 1000.
const ALTERNATIVES: usize = 200;
/// Rows in one statement, at most.
const ROWS: usize = 400;

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

/// Writes ratchets, those of many sessions in one transaction, and before them the messages that they have moved past.
pub(super) async fn write_ratchets(store: &DeviceStore, ratchets: Vec<Row>) -> Result<()> {
    let taken = Taken::default();
    let write = Some(write_messages(store, !ratchets.is_empty(), &taken).await?);
    match store.journal.record(Entry { write, rows: ratchets.clone(), ..Entry::default() }).await {
        Ok(()) => {}
        // The journal has closed, but the clients may still store what they have.
        Err(error) if error.kind() == ErrorKind::ShuttingDown => write_directly(store, &ratchets, &taken).await?,
        Err(error) => return Err(not_written(store, error)),
    }
    store.waiting.written(&taken);
    Ok(())
}

/// What writes the messages that the journal had not been given by now. The store is not retired before it has ended, though
/// nobody waits for it any more.
async fn write_messages(store: &DeviceStore, has_ratchets: bool, taken: &Taken) -> Result<Write> {
    let writing = Arc::clone(&store.writing).read_owned().await;
    store.refuse_when_given_up()?;
    let (waiting, session, taken) = (Arc::clone(&store.waiting), store.session.clone(), Arc::clone(taken));
    let (given_up, then) = (store.given_up.clone(), store.waiting.now());
    Ok(Box::new(move |tx| {
        let _ = &writing;
        let (is_over, messages) = (given_up.is_cancelled(), waiting.unwritten(&session, then, has_ratchets, &taken));
        async move {
            // A message before it may have failed a moment ago.
            if is_over {
                return Err(DbErr::Custom("the client was given up".to_owned()).into());
            }
            insert(tx, messages).await?;
            Ok(Vec::new())
        }
        .boxed()
    }))
}

/// Writes without the journal, when the last thing that it was given is written.
async fn write_directly(store: &DeviceStore, ratchets: &[Row], taken: &Taken) -> Result<()> {
    let _alone = store.writing.write().await;
    store.refuse_when_given_up()?;
    let work = store.db.write().begin().await.map_err(store.failed())?;
    let messages = store.waiting.unwritten(&store.session, 0, !ratchets.is_empty(), taken);
    insert(&work, messages).await.map_err(store.failed())?;
    bulk::write(&work, ratchets.iter()).await.map_err(store.failed())?;
    work.commit().await.map_err(store.failed())
}

async fn insert(tx: &impl ConnectionTrait, messages: Vec<Model>) -> std::result::Result<(), DbErr> {
    let mut rest = messages.into_iter().map(ActiveModel::from).peekable();
    while rest.peek().is_some() {
        let some = Entity::insert_many(rest.by_ref().take(ROWS));
        some.on_conflict(replacement()).exec_without_returning(tx).await?;
    }
    Ok(())
}

fn not_written(store: &DeviceStore, error: crate::error::Error) -> StoreError {
    store.give_up(&error);
    StoreError::Database(Box::new(error))
}

fn replacement() -> OnConflict {
    let key = [Column::SessionId, Column::Chat, Column::Sender, Column::MessageId];
    rows::replace(key, [Column::Message, Column::StoredAt])
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
