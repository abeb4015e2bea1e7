//! One-time pre-keys, sixteen in a row; see `entity::pre_key_block` for why.
//!
//! A key is a column of its block's row, so that storing, consuming and replacing one are single statements that leave
//! the block's other keys alone, whoever else writes to them at the time.

use std::collections::BTreeMap;

use bytes::Bytes;
use entity::pre_key_block::{ActiveModel, Column, Entity};
use entity::pre_key_pending;
use sea_orm::sea_query::{Expr, Func, OnConflict};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, Set};
use wacore::store::error::Result;

use super::DeviceStore;
use super::rows::new_value;
use crate::db::batch::Batch;
use crate::db::rows::{BINDS, inserts};

/// The columns of a block's keys, by the last four bits of the key's id.
const KEYS: [Column; 16] = [
    Column::Key0,
    Column::Key1,
    Column::Key2,
    Column::Key3,
    Column::Key4,
    Column::Key5,
    Column::Key6,
    Column::Key7,
    Column::Key8,
    Column::Key9,
    Column::Key10,
    Column::Key11,
    Column::Key12,
    Column::Key13,
    Column::Key14,
    Column::Key15,
];

/// Some keys, as `entity::pre_key_pending` has them: by band, a bit for each.
type Marks = BTreeMap<i32, i64>;

/// Stores keys, replacing those with the same id.
pub(super) async fn store<'a>(
    store: &DeviceStore,
    keys: impl IntoIterator<Item = (u32, &'a [u8])>,
    uploaded: bool,
) -> Result<()> {
    let mut blocks = BTreeMap::<i32, [Option<Vec<u8>>; 16]>::new();
    let mut marks = Marks::new();
    for (id, record) in keys {
        blocks.entry(block(id)).or_default()[place(id)] = Some(record.to_vec());
        mark(&mut marks, id);
    }
    if blocks.is_empty() {
        return Ok(());
    }
    let writer = store.write().await?;
    let mut batch = writer.batch();
    let rows = blocks.into_iter().map(|(block, keys)| row(store, block, keys)).collect();
    batch.extend(inserts::<ActiveModel, _>(rows, fill_in()));
    if uploaded {
        clear_pending(store, &mut batch, marks);
    } else {
        set_pending(store, &mut batch, marks);
    }
    writer.run(batch).await.map_err(|failure| store.failed()(failure.into_error()))
}

/// The keys that exist, in the order of the ids.
pub(super) async fn load(store: &DeviceStore, ids: &[u32]) -> Result<Vec<(u32, Bytes)>> {
    let mut blocks: Vec<i32> = ids.iter().map(|id| block(*id)).collect();
    blocks.sort_unstable();
    blocks.dedup();
    let mut found = BTreeMap::new();
    for some in blocks.chunks(BINDS) {
        let rows = Entity::find()
            .filter(Column::SessionId.eq(store.session.clone()))
            .filter(Column::Block.is_in(some.iter().copied()))
            .all(store.read())
            .await
            .map_err(store.failed())?;
        found.extend(rows.into_iter().map(|row| (row.block, keys(row))));
    }
    let key = |id: u32| found.get(&block(id))?[place(id)].clone();
    Ok(ids.iter().filter_map(|id| Some((*id, key(*id)?))).collect())
}

/// Marks keys as given to WhatsApp. Touches only the marks, so a key that was consumed meanwhile stays consumed.
pub(super) async fn mark_uploaded(store: &DeviceStore, ids: &[u32]) -> Result<()> {
    let mut marks = Marks::new();
    for id in ids {
        mark(&mut marks, *id);
    }
    let writer = store.write().await?;
    let mut batch = writer.batch();
    clear_pending(store, &mut batch, marks);
    writer.run(batch).await.map_err(|failure| store.failed()(failure.into_error()))
}

/// Removes a key, and its block with the last one. What is marked of a key that does not exist has no meaning.
pub(super) async fn remove(store: &DeviceStore, id: u32) -> Result<()> {
    let this_block = || Column::SessionId.eq(store.session.clone()).and(Column::Block.eq(block(id)));
    let writer = store.write().await?;
    let mut batch = writer.batch();
    batch.push(Entity::update_many().col_expr(KEYS[place(id)], Expr::value(None::<Vec<u8>>)).filter(this_block()));
    // What is marked of the key stays until its band is marked. To take it out would be one statement more.
    let is_empty = KEYS.into_iter().fold(this_block(), |so_far, key| so_far.and(key.is_null()));
    batch.push(Entity::delete_many().filter(is_empty));
    writer.run(batch).await.map_err(|failure| store.failed()(failure.into_error()))
}

/// The highest id of a stored key, or 0.
pub(super) async fn max_id(store: &DeviceStore) -> Result<u32> {
    let last = Entity::find()
        .filter(Column::SessionId.eq(store.session.clone()))
        .order_by_desc(Column::Block)
        .one(store.read())
        .await
        .map_err(store.failed())?;
    Ok(last.map_or(0, |row| {
        let first_id = row.block.cast_unsigned() << 4;
        let place = keys(row).iter().rposition(Option::is_some).unwrap_or_default();
        first_id | u32::try_from(place).expect("a place is below 16")
    }))
}

fn block(id: u32) -> i32 {
    (id >> 4).cast_signed()
}

fn place(id: u32) -> usize {
    usize::try_from(id & 15).expect("a place is below 16")
}

fn mark(marks: &mut Marks, id: u32) {
    *marks.entry((id >> 6).cast_signed()).or_default() |= 1 << (id & 63);
}

fn row(store: &DeviceStore, block: i32, keys: [Option<Vec<u8>>; 16]) -> ActiveModel {
    let mut row = ActiveModel { session_id: Set(store.session.clone()), block: Set(block), ..Default::default() };
    for (column, key) in KEYS.into_iter().zip(keys) {
        row.set(column, key.into());
    }
    row
}

/// The rule for a block that exists: the keys that come replace their predecessors, the others stay.
fn fill_in() -> OnConflict {
    let fill = |column| (column, Func::coalesce([new_value(column), Expr::col((Entity, column))]).into());
    OnConflict::columns([Column::SessionId, Column::Block]).values(KEYS.map(fill)).to_owned()
}

fn set_pending(store: &DeviceStore, batch: &mut Batch, marks: Marks) {
    use pre_key_pending::{ActiveModel, Column, Entity, Model};
    let rows = marks.into_iter().map(|(band, pending)| Model { session_id: store.session.clone(), band, pending });
    let both = Expr::col((Entity, Column::Pending)).bit_or(new_value(Column::Pending));
    let rule = OnConflict::columns([Column::SessionId, Column::Band]).value(Column::Pending, both).to_owned();
    batch.extend(inserts::<ActiveModel, _>(rows.collect(), rule));
}

/// One statement per distinct pattern: the bands of an upload are full except for the first and the last.
fn clear_pending(store: &DeviceStore, batch: &mut Batch, marks: Marks) {
    use pre_key_pending::{Column, Entity};
    let mut patterns = BTreeMap::<i64, Vec<i32>>::new();
    for (band, bits) in marks {
        patterns.entry(bits).or_default().push(band);
    }
    for (bits, bands) in patterns {
        batch.extend(bands.chunks(BINDS).map(|some| {
            Entity::update_many()
                .col_expr(Column::Pending, Expr::col(Column::Pending).bit_and(!bits))
                .filter(Column::SessionId.eq(store.session.clone()))
                .filter(Column::Band.is_in(some.iter().copied()))
        }));
    }
    let empty = Entity::delete_many().filter(Column::SessionId.eq(store.session.clone()));
    batch.push(empty.filter(Column::Pending.eq(0)));
}

/// The keys of a row, by place.
fn keys(row: entity::pre_key_block::Model) -> [Option<Bytes>; 16] {
    [
        row.key_0, row.key_1, row.key_2, row.key_3, row.key_4, row.key_5, row.key_6, row.key_7, row.key_8, row.key_9,
        row.key_10, row.key_11, row.key_12, row.key_13, row.key_14, row.key_15,
    ]
    .map(|key| key.map(Bytes::from))
}
