//! All SQL on the dead deliveries of several webhooks together. Never opens a transaction: callers pass one.

use std::collections::HashMap;

use entity::ids::{DeliveryId, SessionId};
use entity::words::webhook::DeliveryState;
use entity::{delivery, delivery_attempt, webhook};
use sea_orm::sea_query::{Expr, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Select,
};

use crate::db::fault::failed;
use crate::error::Result;
use crate::webhook::delivery::lane_query::is;
use crate::webhook::delivery::store::DeliveryRow;

/// Those of the webhooks of these sessions, and, without a list, of all webhooks; newest first.
pub async fn page(
    db: &impl ConnectionTrait,
    sessions: Option<Vec<SessionId>>,
    before: Option<DeliveryId>,
    limit: u64,
) -> Result<Vec<DeliveryRow>> {
    let before = before.map(|id| delivery::Column::Id.lt(id));
    // The ids alone are in the index: only the rows of the page are read.
    let ids = dead(sessions)
        .select_only()
        .column(delivery::Column::Id)
        .filter(Condition::all().add_option(before))
        .order_by_desc(delivery::Column::Id)
        .limit(limit)
        .into_query();
    let found = delivery::Entity::find()
        .filter(delivery::Column::Id.in_subquery(ids))
        .order_by_desc(delivery::Column::Id)
        .all(db)
        .await
        .map_err(failed)?;
    Ok(found.into_iter().map(DeliveryRow::from).collect())
}

/// How many there are.
pub async fn count(db: &impl ConnectionTrait, sessions: Option<Vec<SessionId>>) -> Result<i64> {
    let count = dead(sessions).select_only().expr(Expr::col(delivery::Column::Id).count());
    Ok(count.into_tuple().one(db).await.map_err(failed)?.unwrap_or(0))
}

/// One of them.
pub async fn find(
    db: &impl ConnectionTrait,
    sessions: Option<Vec<SessionId>>,
    id: &DeliveryId,
) -> Result<Option<DeliveryRow>> {
    let found = dead(sessions).filter(delivery::Column::Id.eq(id.clone()));
    Ok(found.one(db).await.map_err(failed)?.map(DeliveryRow::from))
}

/// Why the last attempt of each of these failed.
pub async fn last_errors(
    db: &impl ConnectionTrait,
    deliveries: &[DeliveryRow],
) -> Result<HashMap<DeliveryId, Option<String>>> {
    if deliveries.is_empty() {
        return Ok(HashMap::new());
    }
    let last = deliveries.iter().map(|delivery| {
        let of_one = Condition::all().add(delivery_attempt::Column::DeliveryId.eq(delivery.id.clone()));
        of_one.add(delivery_attempt::Column::Number.eq(delivery.attempts))
    });
    let found = delivery_attempt::Entity::find()
        .select_only()
        .column(delivery_attempt::Column::DeliveryId)
        .column(delivery_attempt::Column::Error)
        .filter(last.fold(Condition::any(), Condition::add));
    let errors: Vec<(DeliveryId, Option<String>)> = found.into_tuple().all(db).await.map_err(failed)?;
    Ok(errors.into_iter().collect())
}

/// The webhooks are always named, since the index of dead deliveries begins with them.
fn dead(sessions: Option<Vec<SessionId>>) -> Select<delivery::Entity> {
    delivery::Entity::find()
        .filter(is(DeliveryState::Dead))
        .filter(delivery::Column::WebhookId.in_subquery(webhooks(sessions)))
}

/// Webhooks whose session was deleted belong to none that is there, as in their list.
fn webhooks(sessions: Option<Vec<SessionId>>) -> SelectStatement {
    let mut query = Query::select();
    query.column(webhook::Column::Id).from(webhook::Entity);
    if let Some(ids) = sessions {
        query.and_where(webhook::Column::SessionId.is_in(ids)).and_where(webhook::Column::UntilPosition.is_null());
    }
    query
}
