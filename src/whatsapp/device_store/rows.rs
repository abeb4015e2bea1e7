//! Many rows at once, all or none.

use std::sync::Arc;

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DeleteMany, EntityTrait, Iden, IntoActiveModel};
use wacore::store::error::{Result, StoreError};

use super::DeviceStore;
use crate::db::batch::WriteStatement;
use crate::db::rows::inserts;
use crate::error::ErrorKind;
use crate::event::entry::{JournalEntry, Last};

/// The rule of a plain replacement: on a row with the same `key`, the new `values` win.
pub(super) fn replace<C: Iden + Copy + 'static>(
    key: impl IntoIterator<Item = C>,
    values: impl IntoIterator<Item = C>,
) -> OnConflict {
    OnConflict::columns(key).update_columns(values).to_owned()
}

/// The value that an insert brought, in the rule for its conflict.
pub(super) fn new_value<C: Iden + 'static>(column: C) -> Expr {
    Expr::col(("excluded", column))
}

/// Inserts rows, all or none. No two may have the same key: PostgreSQL refuses to change a row twice in a statement.
pub(super) async fn upsert<A, M>(store: &DeviceStore, rows: Vec<M>, rule: OnConflict) -> Result<()>
where
    A: ActiveModelTrait,
    M: IntoActiveModel<A>,
{
    let inserts = inserts::<A, _>(rows, rule).map(WriteStatement::from).collect();
    write(store, inserts).await
}

/// [`upsert`] in a transaction of the journal: for what is written with nearly every message, and would else have a transaction and a
/// flush of the disk of its own.
pub(super) async fn upsert_with_journal<A, M>(store: &DeviceStore, rows: Vec<M>, rule: OnConflict) -> Result<()>
where
    A: ActiveModelTrait,
    M: IntoActiveModel<A> + Clone,
{
    let writing = Arc::clone(&store.writing).read_owned().await;
    store.refuse_when_given_up()?;
    // One statement for each row: those of any number of rows would each be prepared anew.
    let inserts: Vec<_> = rows.iter().flat_map(|row| inserts::<A, _>(vec![row.clone()], rule.clone())).collect();
    let last: Last = Box::new(move |batch| {
        // The store is not retired before.
        let _ = &writing;
        batch.extend(inserts.iter().cloned());
    });
    let entry =
        JournalEntry { last: Some(last), failed: Some(store.giving_up()), can_wait: true, ..JournalEntry::default() };
    match store.journal.write(entry).await {
        // The journal has closed: the clients may still store what they have.
        Err(error) if error.kind() == ErrorKind::ShuttingDown => upsert(store, rows, rule).await,
        outcome => outcome.map_err(|error| StoreError::Database(Box::new(error))),
    }
}

/// Deletes what `delete` selects for each part of `keys`, all or none. A part has at most `size` keys.
pub(super) async fn delete_in_chunks<E: EntityTrait, K: Sync>(
    store: &DeviceStore,
    keys: &[K],
    size: usize,
    delete: impl Fn(&[K]) -> DeleteMany<E> + Send,
) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let deletes = keys.chunks(size).map(|some| delete(some).into()).collect();
    write(store, deletes).await
}

/// All or none.
async fn write(store: &DeviceStore, mut writes: Vec<WriteStatement>) -> Result<()> {
    let writer = store.write().await?;
    if writes.len() > 1 {
        let mut batch = writer.batch();
        batch.extend(writes);
        return writer.run(batch).await.map_err(|failure| store.failed()(failure.into_error()));
    }
    // A statement is a transaction.
    let written = match writes.pop() {
        Some(WriteStatement::Insert(insert)) => writer.execute(&insert).await,
        Some(WriteStatement::Update(update)) => writer.execute(&update).await,
        Some(WriteStatement::Delete(delete)) => writer.execute(&delete).await,
        None => return Ok(()),
    };
    written.map(drop).map_err(store.failed())
}

/// Deletes, and says how many.
pub(super) async fn delete_counted<E: EntityTrait>(store: &DeviceStore, delete: DeleteMany<E>) -> Result<u32> {
    let deleted = delete.exec(&*store.write().await?).await.map_err(store.failed())?.rows_affected;
    Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
}
