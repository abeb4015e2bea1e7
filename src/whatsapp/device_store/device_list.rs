//! The devices that each contact is known to have.

use std::collections::BTreeMap;

use entity::device_list::{ActiveModel, Column, Entity, Model};
use sea_orm::EntityTrait;
use wacore::store::error::{Result, StoreError};
use wacore::store::traits::{DeviceInfo, DeviceListRecord};

use super::{DeviceStore, clean, malformed, rows};

/// A device as its column holds it: id, key index, whether hosted.
type Device = (u32, Option<u32>, bool);

pub(super) async fn store(store: &DeviceStore, records: Vec<DeviceListRecord>) -> Result<()> {
    let records: BTreeMap<_, _> = records.into_iter().map(|record| (clean(&record.user), record)).collect();
    let rows = records.into_values().map(|record| row(store, record)).collect::<Result<_>>()?;
    let values = [Column::Devices, Column::Timestamp, Column::Phash, Column::RawId];
    let rule = rows::replace([Column::SessionId, Column::Contact], values);
    rows::upsert::<ActiveModel, _>(store, rows, rule).await
}

pub(super) async fn find(store: &DeviceStore, user: &str) -> Result<Option<DeviceListRecord>> {
    let row = Entity::find_by_id(store.key(user)).one(store.read()).await.map_err(store.failed())?;
    row.map(record).transpose()
}

pub(super) async fn remove(store: &DeviceStore, user: &str) -> Result<()> {
    Entity::delete_by_id(store.key(user)).exec(&*store.write().await?).await.map_err(store.failed())?;
    Ok(())
}

fn row(store: &DeviceStore, record: DeviceListRecord) -> Result<Model> {
    let DeviceListRecord { user, devices, timestamp, phash, raw_id } = record;
    let devices: Vec<Device> =
        devices.iter().map(|device| (device.device_id, device.key_index, device.is_hosted)).collect();
    Ok(Model {
        session_id: store.session.clone(),
        contact: clean(&user),
        devices: serde_json::to_string(&devices).map_err(malformed)?,
        timestamp,
        phash: phash.as_deref().map(clean),
        raw_id: raw_id.map(i64::from),
    })
}

fn record(row: Model) -> Result<DeviceListRecord> {
    let Model { session_id: _, contact, devices, timestamp, phash, raw_id } = row;
    let devices: Vec<Device> = serde_json::from_str(&devices).map_err(malformed)?;
    let device = |(id, key_index, is_hosted)| DeviceInfo::new(id, key_index).with_hosting(is_hosted);
    Ok(DeviceListRecord {
        user: contact,
        devices: devices.into_iter().map(device).collect(),
        timestamp,
        phash,
        raw_id: raw_id
            .map(u32::try_from)
            .transpose()
            .map_err(|_| StoreError::Validation(format!("a raw id of {raw_id:?}")))?,
    })
}
