//! SQL on `delivery` and `delivery_attempt` about deliveries that a receiver refuses for good, and those that are given up by
//! hand. Never opens a transaction: callers pass one.

use entity::ids::{DeliveryId, WebhookId};
use entity::timestamp::Timestamp;
use entity::words::webhook::DeliveryState;
use entity::{delivery, delivery_attempt};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect};

use crate::db::fault::failed;
use crate::error::Result;
use crate::webhook::delivery::lane::Lane;
use crate::webhook::delivery::lane_query::is;
use crate::webhook::delivery::lane_store;
use crate::webhook::delivery::store::DeliveryRow;

/// The statuses that say that the request is at fault.
const REFUSALS: std::ops::RangeInclusive<u16> = 400..=499;

/// Decides that a delivery is not to be made, unless it was. What waited behind it has its turn.
pub async fn discard(tx: &impl ConnectionTrait, delivery: &DeliveryRow, now: Timestamp) -> Result<bool> {
    let changes = delivery::ActiveModel {
        state: ActiveValue::Set(DeliveryState::Discarded),
        due_at: ActiveValue::Set(None),
        finished_at: ActiveValue::Set(Some(now)),
        ..Default::default()
    };
    let open = Condition::any().add(is(DeliveryState::Pending)).add(is(DeliveryState::Dead));
    let update = delivery::Entity::update_many().set(changes).filter(open);
    let update = update.filter(delivery::Column::Id.eq(delivery.id.clone()));
    let is_new = update.exec(tx).await.map_err(failed)?.rows_affected > 0;
    if is_new {
        let lane = Lane { webhook_id: delivery.webhook_id.clone(), session_id: delivery.session_id.clone() };
        lane_store::wake(tx, &lane, false, now).await?;
    }
    Ok(is_new)
}

/// How often the receiver has refused a delivery for good.
pub async fn count(db: &impl ConnectionTrait, id: &DeliveryId) -> Result<i64> {
    let status = delivery_attempt::Column::Status;
    let count = delivery_attempt::Entity::find().select_only().expr(Expr::col(status).count());
    let count = count.filter(delivery_attempt::Column::DeliveryId.eq(id.clone()));
    let count = count.filter(status.is_in(REFUSALS.filter(|status| is_refusal(*status)).map(i32::from)));
    Ok(count.into_tuple().one(db).await.map_err(failed)?.unwrap_or(0))
}

/// Whether a status says that this request will never be taken. Not the ones that ask for another time, and not 410, which is
/// about all requests.
pub fn is_refusal(status: u16) -> bool {
    REFUSALS.contains(&status) && !matches!(status, 408 | 410 | 425 | 429)
}

/// Whether a delivery still waits.
pub async fn is_pending(db: &impl ConnectionTrait, id: &DeliveryId) -> Result<bool> {
    let found = delivery::Entity::find_by_id(id.clone()).select_only().column(delivery::Column::Id);
    Ok(found.filter(is(DeliveryState::Pending)).into_tuple::<String>().one(db).await.map_err(failed)?.is_some())
}

/// How many deliveries wait for a webhook.
pub async fn count_pending(db: &impl ConnectionTrait, webhook: &WebhookId) -> Result<u64> {
    let count = delivery::Entity::find().select_only().expr(Expr::col(delivery::Column::Id).count());
    let count = count.filter(delivery::Column::WebhookId.eq(webhook.clone())).filter(is(DeliveryState::Pending));
    let count: Option<i64> = count.into_tuple().one(db).await.map_err(failed)?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}
