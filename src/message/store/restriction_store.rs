//! All SQL on `account_restriction`, and the look at what is held for one. Never opens a transaction: callers pass one.

use entity::account_restriction::{ActiveModel, Column, Entity, Model};
use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::outgoing::{MessageStatus, RestrictionKind};
use entity::{outgoing, session};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::db::fault::failed;
use crate::error::Result;

/// What WhatsApp keeps the account of a session from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::message) struct RestrictionRow {
    pub(in crate::message) session_id: SessionId,
    pub(in crate::message) kind: RestrictionKind,
    /// JID of the account.
    pub(in crate::message) account: String,
    pub(in crate::message) ends_at: Timestamp,
    /// When WhatsApp said so.
    pub(in crate::message) noted_at: Timestamp,
}

/// A message that waits for its moment in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::message) struct HeldMessage {
    pub(in crate::message) sequence: i64,
    pub(in crate::message) message_id: String,
    pub(in crate::message) lane: String,
}

/// All of them, of all sessions. For the start.
pub(in crate::message) async fn all(db: &impl ConnectionTrait) -> Result<Vec<RestrictionRow>> {
    Ok(Entity::find().all(db).await.map_err(failed)?.into_iter().map(RestrictionRow::from).collect())
}

/// Writes one, in place of what was known of the same kind. Nothing if the session was deleted meanwhile.
pub(in crate::message) async fn put(tx: &impl ConnectionTrait, row: RestrictionRow) -> Result<()> {
    // Sessions are deleted in the journal as well, so none is between this and the next statement.
    let found = session::Entity::find_by_id(row.session_id.clone()).select_only().column(session::Column::Id);
    if found.into_tuple::<SessionId>().one(tx).await.map_err(failed)?.is_none() {
        return Ok(());
    }
    let rule = OnConflict::columns([Column::SessionId, Column::Kind])
        .update_columns([Column::Account, Column::EndsAt, Column::NotedAt])
        .to_owned();
    let RestrictionRow { session_id, kind, account, ends_at, noted_at } = row;
    let model = Model { session_id, kind, account, ends_at, noted_at };
    let insert = Entity::insert(ActiveModel::from(model)).on_conflict(rule);
    insert.exec_without_returning(tx).await.map_err(failed)?;
    Ok(())
}

/// Deletes what was noted of a session until then: of one kind, or all of it.
pub(in crate::message) async fn delete(
    tx: &impl ConnectionTrait,
    session: &SessionId,
    kind: Option<RestrictionKind>,
    noted_until: Timestamp,
) -> Result<()> {
    let mut these =
        Entity::delete_many().filter(Column::SessionId.eq(session.clone())).filter(Column::NotedAt.lte(noted_until));
    if let Some(kind) = kind {
        these = these.filter(Column::Kind.eq(kind));
    }
    these.exec(tx).await.map_err(failed)?;
    Ok(())
}

/// Those of a session that wait in the queue for a moment: the first ones behind this place.
pub(in crate::message) async fn held(
    db: &impl ConnectionTrait,
    session: &SessionId,
    after: i64,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<HeldMessage>> {
    let found = outgoing::Entity::find()
        .select_only()
        .columns([outgoing::Column::Sequence, outgoing::Column::MessageId, outgoing::Column::Lane])
        .filter(outgoing::Column::SessionId.eq(session.clone()))
        .filter(outgoing::Column::Status.eq(MessageStatus::Queued))
        .filter(outgoing::Column::Sequence.gt(after))
        .filter(outgoing::Column::DueAt.gt(now))
        // Written out, not bound: the index of these rows is only used by who names them.
        .filter(Expr::col(outgoing::Column::IsOpen).eq(Expr::Constant(true.into())))
        .order_by_asc(outgoing::Column::Sequence)
        .limit(limit);
    let rows: Vec<(i64, String, String)> = found.into_tuple().all(db).await.map_err(failed)?;
    Ok(rows.into_iter().map(|(sequence, message_id, lane)| HeldMessage { sequence, message_id, lane }).collect())
}

impl From<Model> for RestrictionRow {
    fn from(model: Model) -> Self {
        let Model { session_id, kind, account, ends_at, noted_at } = model;
        Self { session_id, kind, account, ends_at, noted_at }
    }
}
