//! Messages that were decrypted and are not yet in the journal. Their age is by the library's clock, as are the cutoffs.
//!
//! They are in memory. A message that was not acknowledged comes again, and is decrypted again as long as its ratchet on the
//! disk has not moved past it. So what is still here when a ratchet is written goes into the table in the same transaction;
//! there is seldom anything, because whoever writes a ratchet gives the journal a moment to take what waits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use entity::pending_inbound::{ActiveModel, Column, Entity, Model};
use parking_lot::Mutex;
use sea_orm::sea_query::{Condition, Expr, OnConflict};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter};
use tokio::sync::Notify;
use wacore::store::error::Result;
use wacore::store::traits::{PendingInboundKey, PendingInboundRow};
use wacore::time::now_secs;

use super::{DeviceStore, rows};

/// Keys in one statement, at most. SQLite has no list of tuples, so each key is an alternative, and SQLite refuses
/// expressions that are nested deeper than 1000.
const ALTERNATIVES: usize = 200;
/// What a message takes at most from its decryption, which is in the ratchet that is about to be written, to this store.
const ON_ITS_WAY: Duration = Duration::from_millis(1);
/// Longest wait for the journal before a ratchet is written. In the drain after a login the journal comes after it.
const PATIENCE: Duration = Duration::from_millis(20);

/// What waits for the journal.
#[derive(Debug, Default)]
pub(super) struct Pending {
    messages: Mutex<Messages>,
    /// Told when nothing waits any more.
    emptied: Notify,
}

#[derive(Debug, Default)]
struct Messages {
    waiting: BTreeMap<Key, Message>,
    /// Those that are in the table, as far as is known.
    written: BTreeSet<Key>,
}

/// Chat, sender, id.
type Key = Arc<(String, String, String)>;

#[derive(Debug)]
struct Message {
    bytes: Bytes,
    stored_at: i64,
    /// Whether the table has these bytes.
    is_written: bool,
}

impl Pending {
    /// Forgets everything.
    pub(super) fn clear(&self) {
        *self.messages.lock() = Messages::default();
        self.emptied.notify_waiters();
    }

    /// Waits for what was decrypted to come, and for the journal to have it.
    async fn pass(&self) {
        tokio::time::sleep(ON_ITS_WAY).await;
        let passed = async {
            loop {
                let emptied = self.emptied.notified();
                if self.messages.lock().waiting.is_empty() {
                    return;
                }
                emptied.await;
            }
        };
        let _ = tokio::time::timeout(PATIENCE, passed).await; // What is left is written.
    }

    /// What the table does not have yet; from now on it counts as written. A statement that fails ends the client.
    fn take_unwritten(&self, store: &DeviceStore) -> Vec<Model> {
        let mut messages = self.messages.lock();
        let Messages { waiting, written } = &mut *messages;
        let unwritten = waiting.iter_mut().filter(|(_, message)| !message.is_written);
        let rows = unwritten.map(|(key, message)| {
            message.is_written = true;
            written.insert(Arc::clone(key));
            let (chat, sender, message_id) = (**key).clone();
            let (session_id, stored_at) = (store.session.clone(), message.stored_at);
            Model { session_id, chat, sender, message_id, message: message.bytes.to_vec(), stored_at }
        });
        rows.collect()
    }
}

pub(super) fn store(store: &DeviceStore, rows: &[PendingInboundRow<'_>]) -> Result<()> {
    store.refuse_when_given_up()?;
    let mut messages = store.pending.messages.lock();
    for row in rows {
        let message = Message { bytes: Bytes::copy_from_slice(row.message), stored_at: now_secs(), is_written: false };
        messages.waiting.insert(key(row.chat, row.sender, row.id), message);
    }
    Ok(())
}

pub(super) async fn find(store: &DeviceStore, at: PendingInboundKey<'_>) -> Result<Option<Vec<u8>>> {
    let key = key(at.chat, at.sender, at.id);
    if let Some(message) = store.pending.messages.lock().waiting.get(&key) {
        return Ok(Some(message.bytes.to_vec()));
    }
    let row = Entity::find().filter(row_at(store, &key)).one(store.read()).await.map_err(store.failed())?;
    if row.is_some() {
        // A client before this one left it.
        store.pending.messages.lock().written.insert(key);
    }
    Ok(row.map(|row| row.message))
}

pub(super) async fn remove(store: &DeviceStore, keys: &[PendingInboundKey<'_>]) -> Result<()> {
    store.refuse_when_given_up()?;
    let in_table = {
        let mut messages = store.pending.messages.lock();
        let Messages { waiting, written } = &mut *messages;
        let keys = keys.iter().map(|at| key(at.chat, at.sender, at.id));
        // Of what was never here, only the table can know.
        let in_table: Vec<_> = keys.filter(|key| waiting.remove(key).is_none() | written.remove(key)).collect();
        if waiting.is_empty() {
            store.pending.emptied.notify_waiters();
        }
        in_table
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
    let unwritten = store.pending.take_unwritten(store);
    rows::upsert::<ActiveModel, _>(store, unwritten, replacement()).await?;
    let old = Column::SessionId.eq(store.session.clone()).and(Column::StoredAt.lt(cutoff));
    let count = rows::delete_counted(store, Entity::delete_many().filter(old)).await?;
    let mut messages = store.pending.messages.lock();
    messages.waiting.retain(|_, message| message.stored_at >= cutoff);
    if messages.waiting.is_empty() {
        store.pending.emptied.notify_waiters();
    }
    Ok(count)
}

/// Writes ratchets, and with them the messages that they have moved past and that the journal does not have yet.
pub(super) async fn upsert_ratchets<A, M>(store: &DeviceStore, ratchets: Vec<M>, rule: OnConflict) -> Result<()>
where
    A: ActiveModelTrait,
    M: IntoActiveModel<A>,
{
    store.pending.pass().await;
    let writer = store.write().await?;
    let unwritten = store.pending.take_unwritten(store);
    if unwritten.is_empty() {
        return rows::upsert_with(store, &writer, ratchets, rule).await;
    }
    let work = writer.begin().await.map_err(store.failed())?;
    rows::upsert_on::<ActiveModel, _>(store, &work, unwritten, replacement()).await?;
    rows::upsert_on(store, &work, ratchets, rule).await?;
    work.commit().await.map_err(store.failed())
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
