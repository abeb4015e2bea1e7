//! Messages that were decrypted and are not yet in the journal. Their age is by the library's clock, as are the cutoffs.
//!
//! They are in memory. A message that was not acknowledged comes again, and is decrypted again as long as its ratchet on the
//! disk has not moved past it. So what waits when a ratchet is written goes into the table in the same transaction, unless
//! the journal writes it in that one or wrote it earlier; it ends the client when it cannot. And what comes when its ratchet
//! may have been written already goes into the table by the same rule, without a ratchet. What is done with leaves the table
//! in the next transaction of the journal writer.

use entity::pending_inbound::{Column, Entity};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use wacore::store::error::Result;
use wacore::store::traits::{PendingInboundKey, PendingInboundRow};

use super::pending_messages::shared::key;
use super::pending_messages::{Event, Key};
use super::{DeviceStore, ratchets, rows};

pub(super) async fn store(store: &DeviceStore, rows: &[PendingInboundRow<'_>]) -> Result<()> {
    store.refuse_when_given_up()?;
    match store.pending_messages.store(rows) {
        false => Ok(()),
        // The journal is given it in a moment, often before the journal writer comes to this. Whatever happens until then, it is written.
        true => ratchets::accept(store, Vec::new()).await,
    }
}

pub(super) async fn find(store: &DeviceStore, at: PendingInboundKey<'_>) -> Result<Option<Vec<u8>>> {
    let key = key(at);
    if let Some(message) = store.pending_messages.find(&key) {
        return Ok(Some(message));
    }
    let row = match store.pending_messages.is_gone(&key) {
        true => None,
        false => Entity::find().filter(row_at(store, &key)).one(store.read()).await.map_err(store.failed())?,
    };
    match row {
        // A client before this one left it.
        Some(row) => {
            store.pending_messages.step(Event::Found { key });
            Ok(Some(row.message))
        }
        // The library takes it for one that the journal has, and acknowledges it: what it has must be on the disk by then.
        None => store.db.write().flushed().await.map(|()| None).map_err(store.failed()),
    }
}

pub(super) async fn remove(store: &DeviceStore, keys: &[PendingInboundKey<'_>]) -> Result<()> {
    store.refuse_when_given_up()?;
    let keys = keys.iter().map(|at| key(PendingInboundKey { ..*at })).collect();
    match store.pending_messages.step(Event::Removed { keys }).is_table_behind {
        false => Ok(()),
        // Nobody waits for it: a row that stays is told once more to the journal, which knows it.
        true => ratchets::accept(store, Vec::new()).await,
    }
}

pub(super) async fn remove_expired(store: &DeviceStore, cutoff: i64) -> Result<u32> {
    // All in one place, so that each is counted once.
    store.pending_messages.step(Event::AllToTable);
    ratchets::accept(store, Vec::new()).await?;
    store.ratchets_flushed().await?;
    let old = Column::SessionId.eq(store.session.clone()).and(Column::StoredAt.lt(cutoff));
    let count = rows::delete_counted(store, Entity::delete_many().filter(old)).await?;
    store.pending_messages.step(Event::Expired { cutoff });
    Ok(count)
}

fn row_at(store: &DeviceStore, key: &Key) -> Expr {
    let (chat, sender, id) = &**key;
    Column::SessionId
        .eq(store.session.clone())
        .and(Column::Chat.eq(chat))
        .and(Column::Sender.eq(sender))
        .and(Column::MessageId.eq(id))
}
