//! All SQL on `message_receipt`. Never opens a transaction: callers pass one.

use entity::ids::SessionId;
use entity::message_receipt::{Column, Entity, Model};
use entity::timestamp::Timestamp;
use sea_orm::sea_query::{Expr, Func};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Value};

use crate::db::batch::{Batch, Shortfall};
use crate::db::fault::failed;
use crate::error::Result;

const INTO_RECEIPT: &str = "message_receipt (session_id, message_id, participant, delivered_at, read_at, played_at)";
/// Receipts of one message that are read. No group has as many members.
const PARTICIPANTS: u64 = 10_000;

/// What one person did with one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::message) struct ReceiptRow {
    pub(in crate::message) session_id: SessionId,
    pub(in crate::message) message_id: String,
    /// Their JID: by number, if that was known when the receipt came.
    pub(in crate::message) participant: String,
    pub(in crate::message) at: Moments,
}

/// When somebody did what with a message, as far as WhatsApp told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::message) struct Moments {
    pub(in crate::message) delivered: Option<Timestamp>,
    pub(in crate::message) read: Option<Timestamp>,
    pub(in crate::message) played: Option<Timestamp>,
}

impl Moments {
    /// Both together: of two moments for the same, the earlier one.
    pub(in crate::message) fn and(self, other: Self) -> Self {
        let first = |one: Option<Timestamp>, two: Option<Timestamp>| one.into_iter().chain(two).min();
        Self {
            delivered: first(self.delivered, other.delivered),
            read: first(self.read, other.read),
            played: first(self.played, other.played),
        }
    }
}

/// Adds these to a batch, each of them once, but for those about messages that are gone. Of two moments for the same, the earlier one
/// stays: what comes twice changes nothing.
pub(in crate::message) fn put_in(batch: &mut Batch, rows: &[ReceiptRow]) {
    let earlier = ["delivered_at", "read_at", "played_at"].map(|column| {
        let (old, new) = (format!("message_receipt.{column}"), format!("excluded.{column}"));
        // Without one of the two the comparison is not true.
        format!("{column} = COALESCE(CASE WHEN {old} <= {new} THEN {old} ELSE {new} END, {old})")
    });
    let earlier = earlier.join(", ");
    batch.with_rows(rows.iter().map(binds).collect(), Shortfall::Fine, |values| {
        format!(
            "INSERT INTO {INTO_RECEIPT} SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6 \
             FROM ({values}) AS v JOIN outgoing o ON o.session_id = v.column1 AND o.message_id = v.column2 WHERE true \
             ON CONFLICT (session_id, message_id, participant) DO UPDATE SET {earlier}"
        )
    });
}

fn binds(row: &ReceiptRow) -> Vec<Value> {
    let ReceiptRow { session_id, message_id, participant, at: Moments { delivered, read, played } } = row;
    vec![
        session_id.as_str().into(),
        message_id.as_str().into(),
        participant.as_str().into(),
        (*delivered).into(),
        (*read).into(),
        (*played).into(),
    ]
}

/// What is known of one message, by participant.
pub(in crate::message) async fn of_message(
    db: &impl ConnectionTrait,
    session: &SessionId,
    message_id: &str,
) -> Result<Vec<ReceiptRow>> {
    let found = Entity::find()
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::MessageId.eq(message_id))
        .order_by_asc(Column::Participant)
        .limit(PARTICIPANTS);
    Ok(found.all(db).await.map_err(failed)?.into_iter().map(ReceiptRow::from).collect())
}

/// How many people did what with a message, at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::message) struct Counts {
    pub(in crate::message) delivered: i64,
    pub(in crate::message) read: i64,
    pub(in crate::message) played: i64,
}

/// How many people did what with one message. Who has played it has read it, and who has read it has it.
pub(in crate::message) async fn counts(
    db: &impl ConnectionTrait,
    session: &SessionId,
    message_id: &str,
) -> Result<Counts> {
    let column = |column: Column| Expr::col(column);
    let played = column(Column::PlayedAt);
    let read = Func::coalesce([column(Column::ReadAt), column(Column::PlayedAt)]);
    let delivered = [Column::DeliveredAt, Column::ReadAt, Column::PlayedAt].map(column);
    let found = Entity::find()
        .select_only()
        .expr(Func::count(Func::coalesce(delivered)))
        .expr(Func::count(read))
        .expr(played.count())
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::MessageId.eq(message_id));
    let (delivered, read, played) = found.into_tuple().one(db).await.map_err(failed)?.unwrap_or_default();
    Ok(Counts { delivered, read, played })
}

/// Deletes what is known of these messages.
pub(in crate::message) async fn delete(
    tx: &impl ConnectionTrait,
    session: &SessionId,
    message_ids: impl Iterator<Item = &str>,
) -> Result<()> {
    let delete = Entity::delete_many()
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::MessageId.is_in(message_ids));
    delete.exec(tx).await.map_err(failed)?;
    Ok(())
}

impl From<Model> for ReceiptRow {
    fn from(model: Model) -> Self {
        let Model { session_id, message_id, participant, delivered_at, read_at, played_at } = model;
        let at = Moments { delivered: delivered_at, read: read_at, played: played_at };
        Self { session_id, message_id, participant, at }
    }
}

#[cfg(test)]
mod tests;
