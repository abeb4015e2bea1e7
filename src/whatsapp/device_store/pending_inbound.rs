//! Messages that were decrypted and are not yet in the journal. Their age is by the library's clock, as are the cutoffs.
//!
//! They are in memory. A message that was not acknowledged comes again, and is decrypted again as long as its ratchet on the
//! disk has not moved past it. So what waits when a ratchet is written goes into the table in the same transaction, unless
//! the journal was given it before the ratchet: it writes in this order, and ends the client when it cannot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use entity::ids::SessionId;
use entity::pending_inbound::{ActiveModel, Column, Entity, Model};
use futures::FutureExt;
use parking_lot::Mutex;
use sea_orm::sea_query::{Condition, Expr, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter};
use wacore::store::error::{Result, StoreError};
use wacore::store::traits::{PendingInboundKey, PendingInboundRow};
use wacore::time::now_secs;

use super::{DeviceStore, rows};
use crate::db::bulk::{self, Row};
use crate::error::ErrorKind;
use crate::event::journal::{Entry, Write};

/// Keys in one statement, at most. SQLite has no list of tuples, so each key is an alternative, and SQLite refuses
/// expressions that are nested deeper than 1000.
const ALTERNATIVES: usize = 200;
/// Rows in one statement, at most.
const ROWS: usize = 400;

/// What waits for the journal.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<Messages>);

#[derive(Debug, Default)]
struct Messages {
    waiting: BTreeMap<Key, Message>,
    /// Those that may be in the table.
    in_table: BTreeSet<Key>,
    /// Counts what comes, and what goes to the journal.
    moments: u64,
}

/// Chat, sender, id.
type Key = Arc<(String, String, String)>;

#[derive(Debug)]
struct Message {
    bytes: Bytes,
    stored_at: i64,
    came: u64,
    /// When the journal was given it.
    handed_over: Option<u64>,
    /// Whether the table has it.
    is_written: bool,
}

/// Messages that a transaction put into the table, and when they came.
type Taken = Arc<Mutex<Vec<(Key, u64)>>>;

impl Pending {
    /// Forgets everything.
    pub(super) fn clear(&self) {
        *self.0.lock() = Messages::default();
    }

    /// Notes that the journal was given a message. What it is given later, it writes later, or in the same transaction.
    pub(super) fn hand_over(&self, chat: String, sender: String, id: String) {
        let mut messages = self.0.lock();
        let now = messages.tick();
        if let Some(message) = messages.waiting.get_mut(&Arc::new((chat, sender, id))) {
            message.handed_over = Some(now);
        }
    }

    /// What the table does not have and the journal had not been given by then.
    fn unwritten(&self, session: &SessionId, then: u64, taken: &Taken) -> Vec<Model> {
        let mut messages = self.0.lock();
        let Messages { waiting, in_table, .. } = &mut *messages;
        let (mut rows, mut keys) = (Vec::new(), Vec::new());
        for (key, message) in waiting {
            if message.is_written || message.handed_over.is_some_and(|moment| moment < then) {
                continue;
            }
            let (chat, sender, message_id) = (**key).clone();
            let (session_id, stored_at) = (session.clone(), message.stored_at);
            rows.push(Model { session_id, chat, sender, message_id, message: message.bytes.to_vec(), stored_at });
            keys.push((Arc::clone(key), message.came));
            in_table.insert(Arc::clone(key));
        }
        *taken.lock() = keys;
        rows
    }

    /// Notes that the table has these.
    fn written(&self, taken: &Taken) {
        let mut messages = self.0.lock();
        for (key, came) in taken.lock().drain(..) {
            if let Some(message) = messages.waiting.get_mut(&key).filter(|message| message.came == came) {
                message.is_written = true;
            }
        }
    }
}

impl Messages {
    fn tick(&mut self) -> u64 {
        self.moments += 1;
        self.moments
    }
}

pub(super) fn store(store: &DeviceStore, rows: &[PendingInboundRow<'_>]) -> Result<()> {
    store.refuse_when_given_up()?;
    let mut messages = store.pending.0.lock();
    for row in rows {
        let (bytes, stored_at, came) = (Bytes::copy_from_slice(row.message), now_secs(), messages.tick());
        let message = Message { bytes, stored_at, came, handed_over: None, is_written: false };
        messages.waiting.insert(key(row.chat, row.sender, row.id), message);
    }
    Ok(())
}

pub(super) async fn find(store: &DeviceStore, at: PendingInboundKey<'_>) -> Result<Option<Vec<u8>>> {
    let key = key(at.chat, at.sender, at.id);
    if let Some(message) = store.pending.0.lock().waiting.get(&key) {
        return Ok(Some(message.bytes.to_vec()));
    }
    let row = Entity::find().filter(row_at(store, &key)).one(store.read()).await.map_err(store.failed())?;
    if row.is_some() {
        // A client before this one left it.
        store.pending.0.lock().in_table.insert(key);
    }
    Ok(row.map(|row| row.message))
}

pub(super) async fn remove(store: &DeviceStore, keys: &[PendingInboundKey<'_>]) -> Result<()> {
    store.refuse_when_given_up()?;
    let in_table: Vec<_> = {
        let mut messages = store.pending.0.lock();
        let Messages { waiting, in_table, .. } = &mut *messages;
        let keys = keys.iter().map(|at| key(at.chat, at.sender, at.id));
        // Of what was never here, only the table can know.
        keys.filter(|key| waiting.remove(key).is_none() | in_table.remove(key)).collect()
    };
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
    store.pending.0.lock().waiting.retain(|_, message| message.stored_at >= cutoff);
    Ok(count)
}

/// Writes ratchets, those of many sessions in one transaction, and before them the messages that they have moved past.
pub(super) async fn write_ratchets(store: &DeviceStore, ratchets: Vec<Row>) -> Result<()> {
    let writer = store.write().await?;
    let then = store.pending.0.lock().tick();
    let taken = Taken::default();
    let entry = Entry { write: Some(write_messages(store, then, &taken)), rows: ratchets.clone(), ..Entry::default() };
    match store.journal.record(entry).await {
        Ok(()) => {}
        // The journal has closed, but the clients may still store what they have.
        Err(error) if error.kind() == ErrorKind::ShuttingDown => {
            let work = writer.begin().await.map_err(store.failed())?;
            let messages = store.pending.unwritten(&store.session, 0, &taken);
            insert(&work, messages).await.map_err(store.failed())?;
            bulk::write(&work, ratchets.iter()).await.map_err(store.failed())?;
            work.commit().await.map_err(store.failed())?;
        }
        Err(error) => return Err(not_written(store, error)),
    }
    store.pending.written(&taken);
    Ok(())
}

/// Writes what the journal had not been given by then.
fn write_messages(store: &DeviceStore, then: u64, taken: &Taken) -> Write {
    let (pending, session, taken) = (Arc::clone(&store.pending), store.session.clone(), Arc::clone(taken));
    let given_up = store.given_up.clone();
    Box::new(move |tx| {
        let (is_over, messages) = (given_up.is_cancelled(), pending.unwritten(&session, then, &taken));
        async move {
            // A message before it may have failed a moment ago.
            if is_over {
                return Err(DbErr::Custom("the client was given up".to_owned()).into());
            }
            insert(tx, messages).await?;
            Ok(Vec::new())
        }
        .boxed()
    })
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

fn key(chat: &str, sender: &str, id: &str) -> Key {
    Arc::new((chat.to_owned(), sender.to_owned(), id.to_owned()))
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
