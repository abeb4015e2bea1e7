//! Base keys of sessions whose messages were asked for again.

use entity::base_key::{ActiveModel, Column, Entity, Model};
use sea_orm::EntityTrait;
use wacore::store::error::Result;

use super::{DeviceStore, clean, rows};

pub(super) async fn store(store: &DeviceStore, address: &str, message_id: &str, base_key: &[u8]) -> Result<()> {
    let (session_id, address, message_id) = key(store, address, message_id);
    let row = Model { session_id, address, message_id, base_key: base_key.to_vec() };
    let rule = rows::replace([Column::SessionId, Column::Address, Column::MessageId], [Column::BaseKey]);
    rows::upsert::<ActiveModel, _>(store, vec![row], rule).await
}

pub(super) async fn is_same(store: &DeviceStore, address: &str, message_id: &str, current: &[u8]) -> Result<bool> {
    let row = Entity::find_by_id(key(store, address, message_id)).one(store.read()).await.map_err(store.failed())?;
    Ok(row.is_some_and(|row| row.base_key == current))
}

pub(super) async fn remove(store: &DeviceStore, address: &str, message_id: &str) -> Result<()> {
    Entity::delete_by_id(key(store, address, message_id)).exec(&*store.write().await?).await.map_err(store.failed())?;
    Ok(())
}

fn key(store: &DeviceStore, address: &str, message_id: &str) -> (entity::ids::SessionId, String, String) {
    (store.session.clone(), clean(address), clean(message_id))
}
