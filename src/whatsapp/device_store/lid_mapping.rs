//! Which phone number stands behind which LID.

use std::collections::BTreeMap;

use entity::ids::SessionId;
use entity::lid_mapping::{ActiveModel, Column, Entity, Model};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use wacore::store::error::Result;
use wacore::store::traits::LidPnMappingEntry;

use super::{DeviceStore, clean, rows};
use crate::db::fault;
use crate::db::rows::repeated;

pub(super) async fn find(store: &DeviceStore, lid: &str) -> Result<Option<LidPnMappingEntry>> {
    let row = Entity::find_by_id(store.key(lid)).one(store.read()).await.map_err(store.failed())?;
    Ok(row.map(entry))
}

/// The LID that was learned last for this number. Of two learned in one second, the newer account: WhatsApp counts up.
pub(super) async fn find_by_phone_number(store: &DeviceStore, phone: &str) -> Result<Option<LidPnMappingEntry>> {
    let row = Entity::find()
        .filter(Column::SessionId.eq(store.session.clone()))
        .filter(Column::PhoneNumber.eq(clean(phone)))
        .order_by_desc(Column::UpdatedAt)
        .order_by_desc(Column::Lid)
        .one(store.read())
        .await
        .map_err(store.failed())?;
    Ok(row.map(entry))
}

/// The phone number behind a LID, digits only, for who has no store.
async fn number_of(db: &impl ConnectionTrait, session: &SessionId, lid: &str) -> crate::error::Result<Option<String>> {
    let found = Entity::find_by_id((session.clone(), clean(lid))).one(db).await.map_err(fault::failed)?;
    Ok(found.map(|row| row.phone_number))
}

/// The LID that was learned last for a number, digits only, for who has no store.
async fn lid_of(db: &impl ConnectionTrait, session: &SessionId, number: &str) -> crate::error::Result<Option<String>> {
    let found = Entity::find()
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::PhoneNumber.eq(clean(number)))
        .order_by_desc(Column::UpdatedAt)
        .order_by_desc(Column::Lid);
    Ok(found.one(db).await.map_err(fault::failed)?.map(|row| row.lid))
}

/// The other one of the two JIDs of a person, by number and by LID. None if it is not known.
pub(in crate::whatsapp) async fn other_name(
    db: &impl ConnectionTrait,
    session: &SessionId,
    jid: &str,
) -> crate::error::Result<Option<String>> {
    Ok(match jid.split_once('@') {
        Some((user, "lid")) => number_of(db, session, user).await?.map(|number| format!("{number}@s.whatsapp.net")),
        Some((user, "s.whatsapp.net")) => lid_of(db, session, user).await?.map(|lid| format!("{lid}@lid")),
        _ => None,
    })
}

/// Those of these LIDs whose phone number is known, with it, for who has no store.
pub(in crate::whatsapp) async fn numbers_of(
    db: &impl ConnectionTrait,
    session: &SessionId,
    lids: Vec<String>,
) -> crate::error::Result<Vec<(String, String)>> {
    let found = Entity::find()
        .select_only()
        .columns([Column::Lid, Column::PhoneNumber])
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::Lid.is_in(repeated(lids)));
    found.into_tuple().all(db).await.map_err(fault::failed)
}

/// The LIDs of these phone numbers, with them, for who has no store. Of one number, the one that was learned last comes last.
pub(in crate::whatsapp) async fn lids_of(
    db: &impl ConnectionTrait,
    session: &SessionId,
    numbers: Vec<String>,
) -> crate::error::Result<Vec<(String, String)>> {
    let found = Entity::find()
        .select_only()
        .columns([Column::Lid, Column::PhoneNumber])
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::PhoneNumber.is_in(repeated(numbers)))
        .order_by_asc(Column::UpdatedAt)
        .order_by_asc(Column::Lid);
    found.into_tuple().all(db).await.map_err(fault::failed)
}

pub(super) async fn all(store: &DeviceStore) -> Result<Vec<LidPnMappingEntry>> {
    let of_session = Column::SessionId.eq(store.session.clone());
    let rows = Entity::find().filter(of_session).all(store.read()).await.map_err(store.failed())?;
    Ok(rows.into_iter().map(entry).collect())
}

pub(super) async fn store(store: &DeviceStore, entries: &[LidPnMappingEntry]) -> Result<()> {
    let entries: BTreeMap<_, _> = entries.iter().map(|entry| (clean(&entry.lid), entry)).collect();
    let rows = entries.into_values().cloned().map(|entry| row(store, entry)).collect();
    let values = [Column::PhoneNumber, Column::CreatedAt, Column::UpdatedAt, Column::LearningSource];
    let rule = rows::replace([Column::SessionId, Column::Lid], values);
    let written = rows::upsert::<ActiveModel, _>(store, rows, rule).await;
    // Those of a number are read for its LID as well.
    store.tc_tokens.forget();
    written
}

fn row(store: &DeviceStore, entry: LidPnMappingEntry) -> Model {
    let LidPnMappingEntry { lid, phone_number, created_at, updated_at, learning_source } = entry;
    let (lid, phone_number) = (clean(&lid), clean(&phone_number));
    Model { session_id: store.session.clone(), lid, phone_number, created_at, updated_at, learning_source }
}

fn entry(row: Model) -> LidPnMappingEntry {
    let Model { session_id: _, lid, phone_number, created_at, updated_at, learning_source } = row;
    LidPnMappingEntry { lid, phone_number, created_at, updated_at, learning_source }
}
