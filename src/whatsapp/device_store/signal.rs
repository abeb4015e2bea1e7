//! Signal: identities, ratchets, signed pre-keys and sender keys. One-time pre-keys are in `pre_key.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use entity::{identity_key, sender_key, signal_session, signed_pre_key};
use sea_orm::sea_query::{Expr, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect};
use wacore::store::error::{Result, StoreError};
use wacore::store::traits::SignalStore;

use super::{DeviceStore, clean, pre_key, ratchets, rows};
use crate::db::rows::{Mode, Row, Target};
use crate::whatsapp::key_text;

/// Where the ratchets of one-to-one chats go.
static SESSIONS: Target =
    Target { table: "signal_session", key: &["session_id", "address"], rest: &["record"], mode: Mode::Put };
/// Where those of groups go.
static SENDER_KEYS: Target =
    Target { table: "sender_key", key: &["session_id", "address"], rest: &["record"], mode: Mode::Put };

#[async_trait]
impl SignalStore for DeviceStore {
    async fn put_identity(&self, address: &str, key: [u8; 32]) -> Result<()> {
        self.store_identities([(address, &key)]).await
    }

    async fn put_identities_batch(&self, identities: &[(Arc<str>, [u8; 32])]) -> Result<()> {
        self.store_identities(identities.iter().map(|(address, key)| (&**address, key))).await
    }

    async fn load_identity(&self, address: &str) -> Result<Option<[u8; 32]>> {
        let row = identity_key::Entity::find_by_id(self.key(address)).one(self.read()).await.map_err(self.failed())?;
        row.map(|row| {
            let length = row.key.len();
            row.key.try_into().map_err(|_| StoreError::Validation(format!("an identity key of {length} bytes")))
        })
        .transpose()
    }

    async fn delete_identity(&self, address: &str) -> Result<()> {
        identity_key::Entity::delete_by_id(self.key(address))
            .exec(&*self.write().await?)
            .await
            .map_err(self.failed())?;
        Ok(())
    }

    async fn get_session(&self, address: &str) -> Result<Option<Bytes>> {
        self.ratchets_flushed().await?;
        let row =
            signal_session::Entity::find_by_id(self.key(address)).one(self.read()).await.map_err(self.failed())?;
        Ok(row.map(|row| row.record.into()))
    }

    async fn put_session(&self, address: &str, session: &[u8]) -> Result<()> {
        self.store_sessions([(address, session)]).await
    }

    async fn put_sessions_batch(&self, sessions: &[(Arc<str>, Bytes)]) -> Result<()> {
        self.store_sessions(sessions.iter().map(|(address, record)| (&**address, &**record))).await
    }

    async fn delete_session(&self, address: &str) -> Result<()> {
        signal_session::Entity::delete_by_id(self.key(address))
            .exec(&*self.write().await?)
            .await
            .map_err(self.failed())?;
        Ok(())
    }

    async fn has_session(&self, address: &str) -> Result<bool> {
        self.ratchets_flushed().await?;
        let found = signal_session::Entity::find_by_id(self.key(address))
            .select_only()
            .column(signal_session::Column::Address)
            .into_tuple::<String>()
            .one(self.read())
            .await
            .map_err(self.failed())?;
        Ok(found.is_some())
    }

    /// An address is the user followed by `:` or `@`. A range, so that the keys' trees find it; a pattern would need
    /// the user escaped, and a look at all of the session's addresses.
    async fn has_signal_state_for_user(&self, user: &str) -> Result<bool> {
        self.ratchets_flushed().await?;
        let known = Query::select()
            .expr(
                Expr::exists(self.addresses_of(user, signal_session::Entity, signal_session::Column::Address))
                    .or(Expr::exists(self.addresses_of(user, identity_key::Entity, identity_key::Column::Address))),
            )
            .to_owned();
        let row = self.read().query_one(&known).await.map_err(self.failed())?;
        row.map_or(Ok(false), |row| row.try_get_by_index(0).map_err(self.failed()))
    }

    async fn store_prekey(&self, id: u32, record: &[u8], uploaded: bool) -> Result<()> {
        pre_key::store(self, [(id, record)], uploaded).await
    }

    async fn store_prekeys_batch(&self, keys: &[(u32, Bytes)], uploaded: bool) -> Result<()> {
        pre_key::store(self, keys.iter().map(|(id, record)| (*id, &**record)), uploaded).await
    }

    async fn load_prekey(&self, id: u32) -> Result<Option<Bytes>> {
        Ok(pre_key::load(self, &[id]).await?.pop().map(|(_, record)| record))
    }

    async fn load_prekeys_batch(&self, ids: &[u32]) -> Result<Vec<(u32, Bytes)>> {
        pre_key::load(self, ids).await
    }

    async fn mark_prekeys_uploaded(&self, ids: &[u32]) -> Result<()> {
        pre_key::mark_uploaded(self, ids).await
    }

    async fn remove_prekey(&self, id: u32) -> Result<()> {
        pre_key::remove(self, id).await
    }

    async fn get_max_prekey_id(&self) -> Result<u32> {
        pre_key::max_id(self).await
    }

    async fn store_signed_prekey(&self, id: u32, record: &[u8]) -> Result<()> {
        use signed_pre_key::{ActiveModel, Column, Model};
        let row = Model { session_id: self.session.clone(), id: id.into(), record: record.to_vec() };
        let rule = rows::replace([Column::SessionId, Column::Id], [Column::Record]);
        rows::upsert::<ActiveModel, _>(self, vec![row], rule).await
    }

    async fn load_signed_prekey(&self, id: u32) -> Result<Option<Vec<u8>>> {
        let key = (self.session.clone(), i64::from(id));
        let row = signed_pre_key::Entity::find_by_id(key).one(self.read()).await.map_err(self.failed())?;
        Ok(row.map(|row| row.record))
    }

    async fn load_all_signed_prekeys(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        let rows = signed_pre_key::Entity::find()
            .filter(signed_pre_key::Column::SessionId.eq(self.session.clone()))
            .all(self.read())
            .await
            .map_err(self.failed())?;
        rows.into_iter().map(|row| Ok((signed_pre_key_id(row.id)?, row.record))).collect()
    }

    async fn remove_signed_prekey(&self, id: u32) -> Result<()> {
        let key = (self.session.clone(), i64::from(id));
        signed_pre_key::Entity::delete_by_id(key).exec(&*self.write().await?).await.map_err(self.failed())?;
        Ok(())
    }

    async fn put_sender_key(&self, address: &str, record: &[u8]) -> Result<()> {
        self.store_sender_keys([(address, record)]).await
    }

    async fn put_sender_keys_batch(&self, sender_keys: &[(Arc<str>, Bytes)]) -> Result<()> {
        self.store_sender_keys(sender_keys.iter().map(|(address, record)| (&**address, &**record))).await
    }

    async fn get_sender_key(&self, address: &str) -> Result<Option<Vec<u8>>> {
        self.ratchets_flushed().await?;
        let row = sender_key::Entity::find_by_id(self.key(address)).one(self.read()).await.map_err(self.failed())?;
        Ok(row.map(|row| row.record))
    }

    async fn delete_sender_key(&self, address: &str) -> Result<()> {
        sender_key::Entity::delete_by_id(self.key(address)).exec(&*self.write().await?).await.map_err(self.failed())?;
        Ok(())
    }
}

/// Maps before rows: of two values for one address in a batch the last wins, and locks are taken in one order.
impl DeviceStore {
    async fn store_identities<'a>(&self, keys: impl IntoIterator<Item = (&'a str, &'a [u8; 32])>) -> Result<()> {
        use identity_key::{ActiveModel, Column, Model};
        let keys: BTreeMap<_, _> = keys.into_iter().map(|(address, key)| (clean(address), key)).collect();
        let rows = keys.into_iter().map(|(address, key)| Model {
            session_id: self.session.clone(),
            address,
            key: key.to_vec(),
        });
        let rule = rows::replace([Column::SessionId, Column::Address], [Column::Key]);
        rows::upsert::<ActiveModel, _>(self, rows.collect(), rule).await
    }

    async fn store_sessions<'a>(&self, records: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<()> {
        self.store_ratchets(&SESSIONS, records).await
    }

    async fn store_sender_keys<'a>(&self, records: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<()> {
        self.store_ratchets(&SENDER_KEYS, records).await
    }

    async fn store_ratchets<'a>(
        &self,
        target: &'static Target,
        records: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<()> {
        let records: BTreeMap<_, _> = records.into_iter().map(|(address, record)| (clean(address), record)).collect();
        let row = |(address, record): (String, &[u8])| Row {
            target,
            key: vec![self.session.as_str().to_owned(), address],
            rest: Some(vec![record.to_vec().into()]),
        };
        match records.is_empty() {
            true => Ok(()),
            false => ratchets::accept(self, records.into_iter().map(row).collect()).await,
        }
    }

    /// The session's addresses that belong to `user`, in a table that is keyed by address: those from the user and `:`
    /// up to the user and `A`, which is the sign after `@`, but for the signs between `:` and `@`.
    fn addresses_of<E: EntityTrait, C: ColumnTrait>(&self, user: &str, table: E, address: C) -> SelectStatement {
        // One range less a part of it, and not two that are joined by OR: for those SQLite reads every address of the session.
        let user = key_text::id(user);
        let from = |sign: char| Expr::col(address).gte(format!("{user}{sign}"));
        let before = |sign: char| Expr::col(address).lt(format!("{user}{sign}"));
        Query::select()
            .expr(Expr::val(1))
            .from(table.table_ref())
            .and_where(Expr::col("session_id").eq(self.session.as_str()))
            .and_where(from(':').and(before('A')))
            .and_where(before(';').or(from('@')))
            .to_owned()
    }
}

fn signed_pre_key_id(id: i64) -> Result<u32> {
    u32::try_from(id).map_err(|_| StoreError::Validation(format!("a signed pre-key with the id {id}")))
}
