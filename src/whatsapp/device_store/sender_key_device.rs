//! Which devices of a group have our sender key.

use std::collections::BTreeMap;

use entity::sender_key_device::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect};
use wacore::store::error::Result;

use super::rows;
use super::{DeviceStore, clean};
use crate::db::rows::BINDS;

pub(super) async fn of_group(store: &DeviceStore, group_jid: &str) -> Result<Vec<(String, bool)>> {
    Entity::find()
        .select_only()
        .columns([Column::DeviceJid, Column::HasKey])
        .filter(group(store, group_jid))
        .into_tuple()
        .all(store.read())
        .await
        .map_err(store.failed())
}

pub(super) async fn store(store: &DeviceStore, group_jid: &str, entries: &[(&str, bool)]) -> Result<()> {
    let entries: BTreeMap<_, _> = entries.iter().map(|(jid, has_key)| (clean(jid), *has_key)).collect();
    let rows = entries.into_iter().map(|(device_jid, has_key)| Model {
        session_id: store.session.clone(),
        group_jid: clean(group_jid),
        device_jid,
        has_key,
    });
    let rule = rows::replace([Column::SessionId, Column::GroupJid, Column::DeviceJid], [Column::HasKey]);
    rows::upsert::<ActiveModel, _>(store, rows.collect(), rule).await
}

pub(super) async fn clear_group(store: &DeviceStore, group_jid: &str) -> Result<()> {
    Entity::delete_many().filter(group(store, group_jid)).exec(&*store.write().await?).await.map_err(store.failed())?;
    Ok(())
}

/// Forgets devices in every group. Reads all of the session's rows: it happens when a contact unlinks a device, too
/// seldom to pay for an index with every row.
pub(super) async fn remove(store: &DeviceStore, device_jids: &[&str]) -> Result<()> {
    rows::delete_in_chunks(store, device_jids, BINDS, |some| {
        Entity::delete_many()
            .filter(Column::SessionId.eq(store.session.clone()))
            .filter(Column::DeviceJid.is_in(some.iter().map(|jid| clean(jid))))
    })
    .await
}

pub(super) async fn clear(store: &DeviceStore) -> Result<()> {
    let all = Column::SessionId.eq(store.session.clone());
    Entity::delete_many().filter(all).exec(&*store.write().await?).await.map_err(store.failed())?;
    Ok(())
}

fn group(store: &DeviceStore, group_jid: &str) -> Expr {
    Column::SessionId.eq(store.session.clone()).and(Column::GroupJid.eq(clean(group_jid)))
}
