//! The app state that all devices of a phone share: its keys, versions and MACs.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use entity::{mutation_mac, sync_key, sync_version};
use sea_orm::sea_query::{Expr, Func, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};
use wacore::appstate::hash::HashState;
use wacore::appstate::processor::AppStateMutationMAC;
use wacore::store::error::{Result, StoreError};
use wacore::store::traits::{AppStateSyncKey, AppSyncStore};

use super::{DeviceStore, malformed, rows};
use crate::db::rows::BINDS;

#[async_trait]
impl AppSyncStore for DeviceStore {
    async fn get_sync_key(&self, key_id: &[u8]) -> Result<Option<AppStateSyncKey>> {
        let key = (self.session.clone(), key_id.to_vec());
        let row = sync_key::Entity::find_by_id(key).one(self.read()).await.map_err(self.failed())?;
        Ok(row.map(|row| AppStateSyncKey {
            key_data: row.key_data,
            fingerprint: row.fingerprint,
            timestamp: row.timestamp,
        }))
    }

    /// The sequence is counted within the statement, so that "latest" is the order of storing and not of the clock.
    async fn set_sync_key(&self, key_id: &[u8], key: AppStateSyncKey) -> Result<()> {
        use sync_key::{Column, Entity};
        let AppStateSyncKey { key_data, fingerprint, timestamp } = key;
        let latest = Query::select()
            .expr(Func::coalesce([Expr::col(Column::Sequence).max(), Expr::val(0_i64)]))
            .from(Entity)
            .and_where(Column::SessionId.eq(self.session.clone()))
            .to_owned();
        let values = [Column::KeyData, Column::Fingerprint, Column::Timestamp, Column::Sequence];
        let store = Query::insert()
            .into_table(Entity)
            .columns([Column::SessionId, Column::KeyId].into_iter().chain(values))
            .values_panic([
                self.session.as_str().into(),
                key_id.to_vec().into(),
                key_data.into(),
                fingerprint.into(),
                timestamp.into(),
                Expr::from(latest).add(1_i64),
            ])
            .on_conflict(rows::replace([Column::SessionId, Column::KeyId], values))
            .to_owned();
        self.write().await?.execute(&store).await.map_err(self.failed())?;
        Ok(())
    }

    /// A collection that was synced has a row, also when it was empty.
    async fn get_version(&self, name: &str) -> Result<HashState> {
        let row = sync_version::Entity::find_by_id(self.key(name)).one(self.read()).await.map_err(self.failed())?;
        match &row {
            None => self.first_syncs.begin(name),
            Some(row) if row.version == 0 => self.first_syncs.end(name),
            Some(_) => {} // The first sync may not have told everything yet.
        }
        row.map_or_else(|| Ok(HashState::default()), hash_state)
    }

    async fn set_version(&self, name: &str, state: HashState) -> Result<()> {
        use sync_version::{ActiveModel, Column, Model};
        let HashState { version, hash, index_value_map, mac_mismatch_fatal } = state;
        let has_index = !index_value_map.is_empty();
        let index_values = has_index.then(|| serde_json::to_vec(&index_value_map)).transpose().map_err(malformed)?;
        let row = Model {
            session_id: self.session.clone(),
            collection: name.to_owned(),
            version: version.cast_signed(),
            hash: hash.to_vec(),
            index_values,
            is_mac_mismatch_fatal: mac_mismatch_fatal,
        };
        let values = [Column::Version, Column::Hash, Column::IndexValues, Column::IsMacMismatchFatal];
        let rule = rows::replace([Column::SessionId, Column::Collection], values);
        rows::upsert::<ActiveModel, _>(self, vec![row], rule).await
    }

    /// The version that the MACs came with is not kept: nothing asks for it.
    async fn put_mutation_macs(&self, name: &str, _: u64, mutations: &[AppStateMutationMAC]) -> Result<()> {
        use mutation_mac::{ActiveModel, Column, Model};
        let macs: BTreeMap<_, _> = mutations.iter().map(|mac| (&mac.index_mac, &mac.value_mac)).collect();
        let rows = macs.into_iter().map(|(index_mac, value_mac)| Model {
            session_id: self.session.clone(),
            collection: name.to_owned(),
            index_mac: index_mac.clone(),
            value_mac: value_mac.clone(),
        });
        let rule = rows::replace([Column::SessionId, Column::Collection, Column::IndexMac], [Column::ValueMac]);
        rows::upsert::<ActiveModel, _>(self, rows.collect(), rule).await
    }

    async fn get_mutation_mac(&self, name: &str, index_mac: &[u8]) -> Result<Option<Vec<u8>>> {
        let key = (self.session.clone(), name.to_owned(), index_mac.to_vec());
        let row = mutation_mac::Entity::find_by_id(key).one(self.read()).await.map_err(self.failed())?;
        Ok(row.map(|row| row.value_mac))
    }

    async fn get_mutation_macs(&self, name: &str, index_macs: &[[u8; 32]]) -> Result<HashMap<[u8; 32], Vec<u8>>> {
        use mutation_mac::{Column, Entity};
        let mut found = HashMap::with_capacity(index_macs.len());
        for some in index_macs.chunks(BINDS) {
            let rows: Vec<(Vec<u8>, Vec<u8>)> = Entity::find()
                .select_only()
                .columns([Column::IndexMac, Column::ValueMac])
                .filter(self.collection(name))
                .filter(Column::IndexMac.is_in(some.iter().map(|mac| mac.to_vec())))
                .into_tuple()
                .all(self.read())
                .await
                .map_err(self.failed())?;
            found.extend(rows.into_iter().filter_map(|(index, value)| Some((index.try_into().ok()?, value))));
        }
        Ok(found)
    }

    async fn delete_mutation_macs(&self, name: &str, index_macs: &[Vec<u8>]) -> Result<()> {
        use mutation_mac::{Column, Entity};
        rows::delete_in_chunks(self, index_macs, BINDS, |some| {
            Entity::delete_many().filter(self.collection(name)).filter(Column::IndexMac.is_in(some.iter().cloned()))
        })
        .await
    }

    async fn clear_mutation_macs(&self, name: &str) -> Result<()> {
        mutation_mac::Entity::delete_many()
            .filter(self.collection(name))
            .exec(&*self.write().await?)
            .await
            .map_err(self.failed())?;
        Ok(())
    }

    async fn get_latest_sync_key_id(&self) -> Result<Option<Vec<u8>>> {
        use sync_key::{Column, Entity};
        Entity::find()
            .select_only()
            .column(Column::KeyId)
            .filter(Column::SessionId.eq(self.session.clone()))
            .order_by_desc(Column::Sequence)
            .into_tuple()
            .one(self.read())
            .await
            .map_err(self.failed())
    }
}

impl DeviceStore {
    fn collection(&self, name: &str) -> Expr {
        use mutation_mac::Column;
        Column::SessionId.eq(self.session.clone()).and(Column::Collection.eq(name))
    }
}

fn hash_state(row: sync_version::Model) -> Result<HashState> {
    let length = row.hash.len();
    Ok(HashState {
        version: row.version.cast_unsigned(),
        hash: row
            .hash
            .try_into()
            .map_err(|_| StoreError::Validation(format!("a hash of an app state of {length} bytes")))?,
        index_value_map: row
            .index_values
            .map(|json| serde_json::from_slice(&json))
            .transpose()
            .map_err(malformed)?
            .unwrap_or_default(),
        mac_mismatch_fatal: row.is_mac_mismatch_fatal,
    })
}
