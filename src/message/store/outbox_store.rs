//! All SQL on `outgoing`. Never opens a transaction: callers pass one.

mod rows;

pub(in crate::message) use rows::{changed_row, new_row};

use std::collections::HashSet;

use entity::ids::SessionId;
use entity::outgoing::{ActiveModel, Column, Entity, Model};
use entity::timestamp::Timestamp;
use entity::words::outgoing::MessageStatus;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, IntoActiveModel,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, SqlErr,
};

use crate::db::fault::failed;
use crate::error::{Error, ErrorKind, Result};
use crate::message::store::believed::Come;
use crate::message::store::effect::Effect;
use crate::message::store::outgoing::OutgoingRow;
use crate::message::store::transition::{Progress, is_open};

/// Those that are still to be sent. Written out, not bound: the indexes of these rows are only used by who names them.
fn open() -> Expr {
    Expr::col(Column::IsOpen).eq(Expr::Constant(true.into()))
}

/// Those that wait for their moment. Written out as well.
fn scheduled() -> Expr {
    Expr::col(Column::Status).eq(Expr::Constant(MessageStatus::Scheduled.as_str().into()))
}

/// Inserts it.
///
/// # Errors
/// `IdempotencyKeyReused`: there is one with the same key, or with the same reference.
pub(in crate::message) async fn insert(tx: &impl ConnectionTrait, row: OutgoingRow) -> Result<()> {
    let taken = |error: DbErr| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            Error::new(ErrorKind::IdempotencyKeyReused, "another message was asked for with this key or reference")
        }
        Some(SqlErr::ForeignKeyConstraintViolation(_)) => {
            Error::new(ErrorKind::SessionNotFound, "no session has this id")
        }
        _ => failed(error),
    };
    Entity::insert(model(row).into_active_model()).exec_without_returning(tx).await.map_err(taken)?;
    Ok(())
}

/// Writes what is known of it now.
pub(in crate::message) async fn update(tx: &impl ConnectionTrait, row: OutgoingRow) -> Result<()> {
    let row: ActiveModel = model(row).into_active_model().reset_all();
    Entity::update(row).exec(tx).await.map_err(failed)?;
    Ok(())
}

/// How many of a session's messages are still to be sent.
pub(in crate::message) async fn open_count(db: &impl ConnectionTrait, session: &SessionId) -> Result<u64> {
    Entity::find().filter(Column::SessionId.eq(session.clone())).filter(open()).count(db).await.map_err(failed)
}

/// How many of a session's messages are still to be sent, and when the oldest of them was asked for.
pub(in crate::message) async fn queue(
    db: &impl ConnectionTrait,
    session: &SessionId,
) -> Result<(i64, Option<Timestamp>)> {
    let found = Entity::find()
        .select_only()
        .expr(Expr::col(Column::MessageId).count())
        .expr(Expr::col(Column::CreatedAt).min())
        .filter(Column::SessionId.eq(session.clone()))
        .filter(open());
    Ok(found.into_tuple().one(db).await.map_err(failed)?.unwrap_or_default())
}

/// One of them.
pub(in crate::message) async fn find(
    db: &impl ConnectionTrait,
    session: &SessionId,
    message_id: &str,
) -> Result<Option<OutgoingRow>> {
    let found = Entity::find_by_id((session.clone(), message_id.to_owned())).one(db).await.map_err(failed)?;
    Ok(found.map(OutgoingRow::from))
}

/// Those with these ids.
pub(in crate::message) async fn find_all(
    db: &impl ConnectionTrait,
    session: &SessionId,
    message_ids: &[String],
) -> Result<Vec<OutgoingRow>> {
    let found = Entity::find()
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::MessageId.is_in(message_ids.iter().map(String::as_str)));
    Ok(found.all(db).await.map_err(failed)?.into_iter().map(OutgoingRow::from).collect())
}

/// The one that was asked for with this key.
pub(in crate::message) async fn by_idempotency_key(
    db: &impl ConnectionTrait,
    session: &SessionId,
    key: &str,
) -> Result<Option<OutgoingRow>> {
    one_with(db, session, Column::IdempotencyKey.eq(key)).await
}

/// The one that the client calls so.
pub(in crate::message) async fn by_reference(
    db: &impl ConnectionTrait,
    session: &SessionId,
    reference: &str,
) -> Result<Option<OutgoingRow>> {
    one_with(db, session, Column::ClientReference.eq(reference)).await
}

async fn one_with(db: &impl ConnectionTrait, session: &SessionId, mark: Expr) -> Result<Option<OutgoingRow>> {
    let found = Entity::find().filter(Column::SessionId.eq(session.clone())).filter(mark);
    Ok(found.one(db).await.map_err(failed)?.map(OutgoingRow::from))
}

/// The first message of a lane that is to be sent; one whose file is still to be uploaded has no turn. Up to this place those in doubt
/// were tried already; others may have come before it, if several were asked for at once.
pub(in crate::message) async fn head(
    db: &impl ConnectionTrait,
    session: &SessionId,
    lane: &str,
    after: i64,
) -> Result<Option<OutgoingRow>> {
    let found = Entity::find()
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::Lane.eq(lane))
        .filter(Column::Sequence.gt(after).or(Column::Status.eq(MessageStatus::Queued)))
        .filter(Column::Status.ne(MessageStatus::Scheduled))
        .filter(Column::AwaitsUpload.eq(false))
        .filter(open())
        .order_by_asc(Column::Sequence);
    Ok(found.one(db).await.map_err(failed)?.map(OutgoingRow::from))
}

/// The lanes in which something is to be sent, in the order of what was asked for first. Without what waits for its upload.
pub(in crate::message) async fn lanes(db: &impl ConnectionTrait, session: &SessionId) -> Result<Vec<String>> {
    let found = Entity::find()
        .select_only()
        .column(Column::Lane)
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::Status.ne(MessageStatus::Scheduled))
        .filter(Column::AwaitsUpload.eq(false))
        .filter(open())
        .group_by(Column::Lane)
        .order_by_asc(Column::Sequence.min());
    found.into_tuple().all(db).await.map_err(failed)
}

/// The sessions in which something is to be sent.
pub(in crate::message) async fn sessions(db: &impl ConnectionTrait) -> Result<Vec<SessionId>> {
    let found = Entity::find().select_only().column(Column::SessionId).distinct().filter(open());
    found.into_tuple().all(db).await.map_err(failed)
}

/// Those that were on their way when the process ended, at most `limit`.
pub(in crate::message) async fn on_their_way(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<OutgoingRow>> {
    let found = Entity::find().filter(Column::Status.eq(MessageStatus::Sending)).filter(open()).limit(limit);
    Ok(found.all(db).await.map_err(failed)?.into_iter().map(OutgoingRow::from).collect())
}

/// Those whose time is over, at most `limit`.
pub(in crate::message) async fn over(db: &impl ConnectionTrait, come: Come, limit: u64) -> Result<Vec<OutgoingRow>> {
    let found = Entity::find()
        .filter(Column::ExpiresAt.gt(come.after).and(Column::ExpiresAt.lte(come.now)))
        .filter(Column::Status.ne(MessageStatus::Sending))
        .filter(open())
        .order_by_asc(Column::ExpiresAt)
        .limit(limit);
    Ok(found.all(db).await.map_err(failed)?.into_iter().map(OutgoingRow::from).collect())
}

/// Those whose moment has come, the earliest first, at most `limit`.
pub(in crate::message) async fn due(db: &impl ConnectionTrait, come: Come, limit: u64) -> Result<Vec<OutgoingRow>> {
    let found = Entity::find()
        .filter(scheduled())
        .filter(Column::DueAt.gt(come.after).and(Column::DueAt.lte(come.now)))
        .filter(open())
        .order_by_asc(Column::DueAt)
        .order_by_asc(Column::Sequence)
        .limit(limit);
    Ok(found.all(db).await.map_err(failed)?.into_iter().map(OutgoingRow::from).collect())
}

/// When the next scheduled message is due, of those that are not due yet.
pub(in crate::message) async fn next_due(db: &impl ConnectionTrait, now: Timestamp) -> Result<Option<Timestamp>> {
    let next = Entity::find().select_only().expr(Expr::col(Column::DueAt).min());
    let next = next.filter(scheduled()).filter(open()).filter(Column::DueAt.gt(now));
    Ok(next.into_tuple::<Option<Timestamp>>().one(db).await.map_err(failed)?.flatten())
}

/// The last place that a message has which is still to be sent.
pub(in crate::message) async fn last_sequence(db: &impl ConnectionTrait) -> Result<i64> {
    let last = Entity::find().select_only().expr(Expr::col(Column::Sequence).max()).filter(open());
    Ok(last.into_tuple::<Option<i64>>().one(db).await.map_err(failed)?.flatten().unwrap_or(0))
}

/// Deletes those with these ids that are not to be sent any more. Gives the ids of the others, which stay.
pub(in crate::message) async fn delete_finished(
    tx: &impl ConnectionTrait,
    session: &SessionId,
    message_ids: &[String],
) -> Result<HashSet<String>> {
    let these = || {
        Condition::all()
            .add(Column::SessionId.eq(session.clone()))
            .add(Column::MessageId.is_in(message_ids.iter().map(String::as_str)))
    };
    Entity::delete_many().filter(these()).filter(Column::IsOpen.eq(false)).exec(tx).await.map_err(failed)?;
    let left = Entity::find().select_only().column(Column::MessageId).filter(these());
    Ok(left.into_tuple::<String>().all(tx).await.map_err(failed)?.into_iter().collect())
}

fn model(row: OutgoingRow) -> Model {
    let OutgoingRow {
        session_id,
        message_id,
        lane,
        progress,
        client_reference,
        idempotency_key,
        fingerprint,
        effect,
        created_at,
        updated_at,
    } = row;
    let Progress {
        status,
        sequence,
        recipient,
        is_checked,
        awaits_upload,
        attempts,
        due_at,
        expires_at,
        sent_at,
        code,
        upstream_code,
    } = progress;
    Model {
        session_id,
        message_id,
        sequence,
        lane,
        recipient,
        is_checked,
        awaits_upload,
        status,
        is_open: is_open(status),
        attempts,
        due_at,
        expires_at,
        sent_at,
        code,
        upstream_code,
        client_reference,
        idempotency_key,
        fingerprint,
        effect: effect.map(|effect| effect.written()),
        created_at,
        updated_at,
    }
}

impl From<Model> for OutgoingRow {
    fn from(model: Model) -> Self {
        let Model {
            session_id,
            message_id,
            sequence,
            lane,
            recipient,
            is_checked,
            awaits_upload,
            status,
            is_open: _,
            attempts,
            due_at,
            expires_at,
            sent_at,
            code,
            upstream_code,
            client_reference,
            idempotency_key,
            fingerprint,
            effect,
            created_at,
            updated_at,
        } = model;
        let progress = Progress {
            status,
            sequence,
            recipient,
            is_checked,
            awaits_upload,
            attempts,
            due_at,
            expires_at,
            sent_at,
            code,
            upstream_code,
        };
        Self {
            session_id,
            message_id,
            lane,
            progress,
            client_reference,
            idempotency_key,
            fingerprint,
            effect: effect.and_then(|text| Effect::parse(&text)),
            created_at,
            updated_at,
        }
    }
}
