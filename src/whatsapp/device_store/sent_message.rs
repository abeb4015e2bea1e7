//! Messages that we sent, for a device that asks for them again. Their age is by the library's clock, as the cutoffs
//! are.

use entity::sent_message::{ActiveModel, Column, Entity, Model};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use wacore::store::error::{Result, StoreError};
use wacore::time::now_secs;

use super::{DeviceStore, clean, lid_mapping, rows};
use crate::error::Error;
use crate::event::index::{IndexedMessage, StoredMessage};
use crate::event::index_store;

/// How long a message is given to a device that asks for it again, seconds: seven days.
const KEPT_SECONDS: i64 = 7 * 24 * 60 * 60;

pub(super) async fn store(store: &DeviceStore, chat_jid: &str, message_id: &str, payload: &[u8]) -> Result<()> {
    // What is sent through this API was written down before, and is found there. The library waits for this before each message.
    if store.acks.is_expected(message_id) {
        return Ok(());
    }
    let row = Model {
        session_id: store.session.clone(),
        chat_jid: clean(chat_jid),
        message_id: clean(message_id),
        payload: payload.to_vec(),
        stored_at: now_secs(),
    };
    let key = [Column::SessionId, Column::ChatJid, Column::MessageId];
    let rule = rows::replace(key, [Column::Payload, Column::StoredAt]);
    rows::upsert::<ActiveModel, _>(store, vec![row], rule).await
}

/// Reads and deletes in one statement, so that of two receipts that ask for a message only one gets it.
pub(super) async fn take(store: &DeviceStore, chat_jid: &str, message_id: &str) -> Result<Option<Vec<u8>>> {
    let this = Column::SessionId
        .eq(store.session.clone())
        .and(Column::ChatJid.eq(clean(chat_jid)))
        .and(Column::MessageId.eq(clean(message_id)));
    let taken =
        Entity::delete_many().filter(this).exec_with_returning(&*store.write().await?).await.map_err(store.failed())?;
    if let Some(row) = taken.into_iter().next() {
        return Ok(Some(row.payload));
    }
    sent(store, &clean(chat_jid), message_id).await
}

/// A message that was sent through this API, which is kept as it was sent. The library forgets what it sent after two hours, and a phone
/// that was off for a day asks later than that. Only who it went to is given it, and the account's own devices: others may have learned
/// its id.
async fn sent(store: &DeviceStore, chat: &str, message_id: &str) -> Result<Option<Vec<u8>>> {
    let failed = |error: Error| {
        store.give_up(&error);
        StoreError::Database(Box::new(error))
    };
    let given = index_store::given(store.read(), &store.session, message_id).await.map_err(failed)?;
    let oldest = now_secs().saturating_sub(KEPT_SECONDS);
    let Some((stored, recipient)) = given.filter(|(stored, _)| stored.created_at.seconds() >= oldest) else {
        return Ok(None);
    };
    let StoredMessage { message: IndexedMessage { key, content, .. }, .. } = stored;
    for jid in [recipient, key.chat, key.sender] {
        let other = lid_mapping::other_name(store.read(), &store.session, &jid).await.map_err(failed)?;
        if jid == chat || other.as_deref() == Some(chat) {
            return Ok(Some(content));
        }
    }
    Ok(None)
}

pub(super) async fn remove_expired(store: &DeviceStore, cutoff: i64) -> Result<u32> {
    let old = Column::SessionId.eq(store.session.clone()).and(Column::StoredAt.lt(cutoff));
    rows::delete_counted(store, Entity::delete_many().filter(old)).await
}
