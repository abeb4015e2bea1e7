//! Messages that were decrypted and are not yet in the journal. Their age is by the library's clock, as are the cutoffs.
//!
//! Nobody waits for the disk here. A row is there before the ratchet that it stands for, which is written later, and the
//! journal has the message on the disk before WhatsApp hears of it; a row that comes back after a power cut is told once
//! more to the journal, which knows it.

use std::collections::BTreeMap;

use entity::pending_inbound::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use wacore::store::error::Result;
use wacore::store::traits::{PendingInboundKey, PendingInboundRow};
use wacore::time::now_secs;

use super::{DeviceStore, rows};

/// Keys in one statement, at most. SQLite has no list of tuples, so each key is an alternative, and SQLite refuses
/// expressions that are nested deeper than 1000.
const ALTERNATIVES: usize = 200;

pub(super) async fn store(store: &DeviceStore, messages: &[PendingInboundRow<'_>]) -> Result<()> {
    let messages: BTreeMap<_, _> = messages.iter().map(|row| ((row.chat, row.sender, row.id), row.message)).collect();
    let stored_at = now_secs();
    let rows = messages.into_iter().map(|((chat, sender, id), message)| Model {
        session_id: store.session.clone(),
        chat: chat.to_owned(),
        sender: sender.to_owned(),
        message_id: id.to_owned(),
        message: message.to_vec(),
        stored_at,
    });
    let key = [Column::SessionId, Column::Chat, Column::Sender, Column::MessageId];
    let rule = rows::replace(key, [Column::Message, Column::StoredAt]);
    rows::upsert_on::<ActiveModel, _>(store, store.write().await?.unhurried(), rows.collect(), rule).await
}

pub(super) async fn find(store: &DeviceStore, key: PendingInboundKey<'_>) -> Result<Option<Vec<u8>>> {
    let row = Entity::find().filter(at(store, key)).one(store.read()).await.map_err(store.failed())?;
    Ok(row.map(|row| row.message))
}

pub(super) async fn remove(store: &DeviceStore, keys: &[PendingInboundKey<'_>]) -> Result<()> {
    let writer = store.write().await?;
    for some in keys.chunks(ALTERNATIVES) {
        let any = some.iter().fold(Condition::any(), |any, key| any.add(at(store, *key)));
        Entity::delete_many().filter(any).exec(writer.unhurried()).await.map_err(store.failed())?;
    }
    Ok(())
}

pub(super) async fn remove_expired(store: &DeviceStore, cutoff: i64) -> Result<u32> {
    let old = Column::SessionId.eq(store.session.clone()).and(Column::StoredAt.lt(cutoff));
    rows::delete_counted(store, Entity::delete_many().filter(old)).await
}

/// Names the session in each alternative, so that each is looked up by the whole key.
fn at(store: &DeviceStore, key: PendingInboundKey<'_>) -> Expr {
    Column::SessionId
        .eq(store.session.clone())
        .and(Column::Chat.eq(key.chat))
        .and(Column::Sender.eq(key.sender))
        .and(Column::MessageId.eq(key.id))
}
