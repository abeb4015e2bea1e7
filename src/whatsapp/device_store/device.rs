//! The device itself: one record.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use entity::device::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, IntoActiveModel, QuerySelect};
use wacore::stats::StorageResourceReport;
use wacore::store::Device;
use wacore::store::error::Result;
use wacore::store::traits;

use super::{DeviceStore, malformed, rows};

/// The device number that the library is told. It serves backends that hold many devices; ours holds one.
const ONLY_DEVICE: i32 = 1;

#[async_trait]
impl traits::DeviceStore for DeviceStore {
    async fn save(&self, device: &Device) -> Result<()> {
        let row = self.row(device)?;
        // In the order in which they were asked for, or an older state could come to lie over a newer one.
        let _turn = self.saving.lock().await;
        rows::upsert(self, vec![row], rows::replace([Column::SessionId], [Column::Data])).await?;
        self.is_empty.store(false, Ordering::Release);
        Ok(())
    }

    async fn load(&self) -> Result<Option<Device>> {
        if self.is_empty.load(Ordering::Acquire) {
            return Ok(None);
        }
        let row = Entity::find_by_id(self.session.clone()).one(self.read()).await.map_err(self.failed())?;
        row.map(|Model { session_id: _, data }| serde_json::from_slice(&data).map_err(malformed)).transpose()
    }

    async fn exists(&self) -> Result<bool> {
        if self.is_empty.load(Ordering::Acquire) {
            return Ok(false);
        }
        let found = Entity::find_by_id(self.session.clone())
            .select_only()
            .column(Column::SessionId)
            .into_tuple::<String>()
            .one(self.read())
            .await
            .map_err(self.failed())?;
        Ok(found.is_some())
    }

    /// A device that is already there keeps its keys. A session that was created a moment ago is not made to wait for
    /// the disk once more: the library makes the device in its memory then, and its saver stores it.
    async fn create(&self) -> Result<i32> {
        if self.is_empty.load(Ordering::Acquire) {
            return Ok(ONLY_DEVICE);
        }
        let row = self.row(&Device::new())?;
        let keep = OnConflict::column(Column::SessionId).do_nothing().to_owned();
        rows::upsert(self, vec![row], keep).await?;
        Ok(ONLY_DEVICE)
    }

    /// The database's memory is not this session's, and nothing else is kept.
    async fn resource_report(&self) -> StorageResourceReport {
        StorageResourceReport { memory_bytes: Some(0), ..StorageResourceReport::default() }
    }
}

impl DeviceStore {
    fn row(&self, device: &Device) -> Result<ActiveModel> {
        let data = serde_json::to_vec(device).map_err(malformed)?;
        Ok(Model { session_id: self.session.clone(), data }.into_active_model())
    }
}
