//! Secrets of messages, with which the answers to them are decrypted.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use async_trait::async_trait;
use entity::message_secret::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::{CaseStatement, Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use wacore::store::error::Result;
use wacore::store::traits::{MsgSecretEntry, MsgSecretStore, merge_msg_secret_expiry, merge_msg_secret_message_ts};

use super::rows::{self, new_value};
use super::{DeviceStore, clean};

#[async_trait]
impl MsgSecretStore for DeviceStore {
    async fn put_msg_secrets(&self, entries: Vec<MsgSecretEntry>) -> Result<usize> {
        let count = entries.len();
        let mut merged = BTreeMap::new();
        for entry in entries {
            let key = (clean(&entry.chat), clean(&entry.sender), clean(&entry.msg_id));
            match merged.entry(key) {
                Entry::Vacant(new) => drop(new.insert(entry)),
                Entry::Occupied(mut earlier) => merge(earlier.get_mut(), &entry),
            }
        }
        let rows = merged.into_values().map(|entry| self.secret_row(&entry)).collect();
        rows::upsert_with_journal::<ActiveModel, _>(self, rows, longest()).await?;
        Ok(count)
    }

    async fn get_msg_secret(&self, chat: &str, sender: &str, msg_id: &str) -> Result<Option<Vec<u8>>> {
        let found = self.get_msg_secret_with_ts(chat, sender, msg_id).await?;
        Ok(found.map(|(secret, _)| secret))
    }

    async fn get_msg_secret_with_ts(&self, chat: &str, sender: &str, msg_id: &str) -> Result<Option<(Vec<u8>, i64)>> {
        let key = (self.session.clone(), clean(chat), clean(sender), clean(msg_id));
        let row = Entity::find_by_id(key).one(self.read()).await.map_err(self.failed())?;
        Ok(row.map(|row| (row.secret, row.message_ts)))
    }

    async fn delete_expired_msg_secrets(&self, cutoff_timestamp: i64) -> Result<u32> {
        let expired = Column::SessionId
            .eq(self.session.clone())
            .and(Column::ExpiresAt.ne(0))
            .and(Column::ExpiresAt.lte(cutoff_timestamp));
        rows::delete_counted(self, Entity::delete_many().filter(expired)).await
    }
}

impl DeviceStore {
    fn secret_row(&self, entry: &MsgSecretEntry) -> Model {
        let MsgSecretEntry { chat, sender, msg_id, secret, expires_at, message_ts } = entry;
        Model {
            session_id: self.session.clone(),
            chat: clean(chat),
            sender: clean(sender),
            message_id: clean(msg_id),
            secret: secret.to_vec(),
            expires_at: *expires_at,
            message_ts: *message_ts,
        }
    }
}

/// What [`longest`] does, for two entries of one batch.
fn merge(earlier: &mut MsgSecretEntry, later: &MsgSecretEntry) {
    earlier.secret = later.secret;
    earlier.expires_at = merge_msg_secret_expiry(earlier.expires_at, later.expires_at);
    earlier.message_ts = merge_msg_secret_message_ts(earlier.message_ts, later.message_ts);
}

/// The rule for a secret that is there: the new one wins, the later deadline and the later moment stay, and a deadline
/// of 0, which is never, is the latest of all.
fn longest() -> OnConflict {
    let stored = |column: Column| Expr::col((Entity, column));
    let later = |column: Column| {
        CaseStatement::new().case(stored(column).gt(new_value(column)), stored(column)).finally(new_value(column))
    };
    let never = stored(Column::ExpiresAt).eq(0).or(new_value(Column::ExpiresAt).eq(0));
    OnConflict::columns([Column::SessionId, Column::Chat, Column::Sender, Column::MessageId])
        .update_column(Column::Secret)
        .value(Column::ExpiresAt, CaseStatement::new().case(never, 0_i64).finally(later(Column::ExpiresAt)))
        .value(Column::MessageTs, later(Column::MessageTs))
        .to_owned()
}
