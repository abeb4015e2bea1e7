//! All SQL on `recipient`. Never opens a transaction: callers pass one.

use entity::ids::SessionId;
use entity::recipient::{ActiveModel, Column, Entity, Model};
use entity::timestamp::Timestamp;
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait};

use crate::db::fault::failed;
use crate::db::rows;
use crate::error::Result;

/// What WhatsApp said about a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::message) struct RecipientRow {
    pub(in crate::message) session_id: SessionId,
    /// As it was asked about, digits only.
    pub(in crate::message) phone_number: String,
    /// JID under which messages reach it. None if nobody on WhatsApp has this number.
    pub(in crate::message) jid: Option<String>,
    pub(in crate::message) checked_at: Timestamp,
}

/// What was said last about a number.
pub(in crate::message) async fn find(
    db: &impl ConnectionTrait,
    session: &SessionId,
    phone_number: &str,
) -> Result<Option<RecipientRow>> {
    let found = Entity::find_by_id((session.clone(), phone_number.to_owned())).one(db).await.map_err(failed)?;
    Ok(found.map(RecipientRow::from))
}

/// Writes what was said, in place of what was said before.
pub(in crate::message) async fn put(db: &impl ConnectionTrait, rows: Vec<RecipientRow>) -> Result<()> {
    let rule = OnConflict::columns([Column::SessionId, Column::PhoneNumber])
        .update_columns([Column::Jid, Column::CheckedAt])
        .to_owned();
    for insert in rows::inserts::<ActiveModel, _>(rows.into_iter().map(Model::from).collect(), rule) {
        db.execute(&insert).await.map_err(failed)?;
    }
    Ok(())
}

/// Deletes at most `limit` of those that are not used any more: said before `known` about who is on WhatsApp, or before `unknown` about
/// who is not. Gives how many.
pub(in crate::message) async fn delete_expired(
    db: &impl ConnectionTrait,
    known: Timestamp,
    unknown: Timestamp,
    limit: u64,
) -> Result<u64> {
    let is_expired = Condition::any()
        .add(Column::CheckedAt.lt(known))
        .add(Condition::all().add(Column::CheckedAt.lt(unknown)).add(Column::Jid.is_null()));
    let expired = Query::select()
        .columns([Column::SessionId, Column::PhoneNumber])
        .from(Entity)
        .cond_where(is_expired)
        .limit(limit)
        .to_owned();
    let key = Expr::tuple([Expr::col(Column::SessionId), Expr::col(Column::PhoneNumber)]);
    let delete = Query::delete().from_table(Entity).and_where(key.in_subquery(expired)).to_owned();
    Ok(db.execute(&delete).await.map_err(failed)?.rows_affected())
}

impl From<Model> for RecipientRow {
    fn from(model: Model) -> Self {
        let Model { session_id, phone_number, jid, checked_at } = model;
        Self { session_id, phone_number, jid, checked_at }
    }
}

impl From<RecipientRow> for Model {
    fn from(row: RecipientRow) -> Self {
        let RecipientRow { session_id, phone_number, jid, checked_at } = row;
        Self { session_id, phone_number, jid, checked_at }
    }
}
