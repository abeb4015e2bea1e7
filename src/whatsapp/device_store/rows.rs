//! Many rows at once: statements of bounded length, in one transaction.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DeleteMany, EntityTrait, Iden, Insert, IntoActiveModel, Iterable};
use wacore::store::error::Result;

use super::DeviceStore;

/// Values bound to one statement, at most. SQLite takes 32766 and PostgreSQL 65535; each connection keeps the
/// statements that it has prepared in memory, and beyond a few thousand values a longer one is no faster.
pub(super) const BINDS: usize = 4096;

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
    if rows.len() <= rows_per_statement::<A>() {
        return upsert_on(store, &*store.write().await?, rows, rule).await;
    }
    let writer = store.write().await?;
    let work = writer.begin().await.map_err(store.failed())?;
    upsert_on(store, &work, rows, rule).await?;
    work.commit().await.map_err(store.failed())
}

/// [`upsert`] within the caller's transaction.
pub(super) async fn upsert_on<A, M>(
    store: &DeviceStore,
    db: &impl ConnectionTrait,
    rows: Vec<M>,
    rule: OnConflict,
) -> Result<()>
where
    A: ActiveModelTrait,
    M: IntoActiveModel<A>,
{
    let mut rest = rows.into_iter().peekable();
    while rest.peek().is_some() {
        let statement = Insert::<A>::many(rest.by_ref().take(rows_per_statement::<A>()));
        statement.on_conflict(rule.clone()).exec_without_returning(db).await.map_err(store.failed())?;
    }
    Ok(())
}

fn rows_per_statement<A: ActiveModelTrait>() -> usize {
    BINDS / <A::Entity as EntityTrait>::Column::iter().count()
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
    let writer = store.write().await?;
    if keys.len() <= size {
        delete(keys).exec(&*writer).await.map_err(store.failed())?;
        return Ok(());
    }
    let work = writer.begin().await.map_err(store.failed())?;
    for some in keys.chunks(size) {
        delete(some).exec(&work).await.map_err(store.failed())?;
    }
    work.commit().await.map_err(store.failed())
}

/// Deletes, and says how many.
pub(super) async fn delete_counted<E: EntityTrait>(store: &DeviceStore, delete: DeleteMany<E>) -> Result<u32> {
    let deleted = delete.exec(&*store.write().await?).await.map_err(store.failed())?.rows_affected;
    Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
}
