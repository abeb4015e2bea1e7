//! All SQL on `delivery` and `delivery_attempt`. Never opens a transaction: callers pass one.

use std::collections::{BTreeMap, HashMap};

use entity::ids::{DeliveryId, SessionId, WebhookId};
use entity::timestamp::Timestamp;
use entity::words::event::EventType;
use entity::words::webhook::DeliveryState;
use entity::{delivery, delivery_attempt};
use sea_orm::sea_query::{Expr, UnionType};
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Value,
};

use crate::db::batch::Batch;
use crate::db::fault::failed;
use crate::db::rows;
use crate::error::Result;
use crate::webhook::delivery::attempt::{Attempt, AttemptOutcome};
use crate::webhook::delivery::lane::Lane;
use crate::webhook::delivery::lane_query::{in_turn, is, pending};
use crate::webhook::delivery::lane_store;
use crate::webhook::types::{DeliveryAttempt, DeliveryFilter};

/// Attempts of one delivery that are shown: those of the longest schedule, and as many by hand.
const ATTEMPTS_SHOWN: i32 = 50;

/// An event that is to be delivered.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// Where to.
    pub webhook_id: WebhookId,
    /// The session of the event.
    pub session_id: SessionId,
    /// The position of the event.
    pub position: i64,
    /// Its place in its lane.
    pub sort_key: i64,
    /// What happened.
    pub event_type: EventType,
    /// Whether it waits behind the ones before it.
    pub is_ordered: bool,
}

/// A delivery as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its id.
    pub id: DeliveryId,
    /// Where to.
    pub webhook_id: WebhookId,
    /// The session of the event.
    pub session_id: SessionId,
    /// The position of the event.
    pub position: i64,
    /// What happened.
    pub event_type: EventType,
    /// How far it has come.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next.
    pub due_at: Option<Timestamp>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    pub finished_at: Option<Timestamp>,
}

/// Queues deliveries and wakes their lanes.
pub fn enqueue_in(batch: &mut Batch, new_deliveries: &[NewDelivery], now: Timestamp) {
    let pending = |new_delivery: &NewDelivery| -> Vec<Value> {
        vec![
            DeliveryId::generate().into(),
            new_delivery.webhook_id.clone().into(),
            new_delivery.session_id.clone().into(),
            new_delivery.position.into(),
            new_delivery.sort_key.into(),
            new_delivery.event_type.into(),
            DeliveryState::Pending.into(),
            0.into(),
            now.into(),
            now.into(),
        ]
    };
    let rows = new_deliveries.iter().map(pending).collect();
    let into =
        "delivery (id, webhook_id, session_id, position, sort_key, event_type, state, attempts, due_at, created_at)";
    batch.insert(into, rows);
    let mut lanes = BTreeMap::new();
    for NewDelivery { webhook_id, session_id, is_ordered, .. } in new_deliveries {
        lanes.insert(Lane { webhook_id: webhook_id.clone(), session_id: session_id.clone() }, *is_ordered);
    }
    // In the order in which every transaction takes them, so not first the ordered ones of all webhooks.
    let lanes: Vec<_> = lanes.into_iter().collect();
    for alike in lanes.chunk_by(|(_, before), (_, after)| before == after) {
        let some: Vec<_> = alike.iter().map(|(lane, _)| lane).collect();
        lane_store::wake_in(batch, &some, alike[0].1, now);
    }
}

/// The next deliveries of a lane whose time has come, in order. An ordered lane has none behind one that waits.
pub async fn next(
    db: &impl ConnectionTrait,
    lane: &Lane,
    is_ordered: bool,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<DeliveryRow>> {
    let found = first(lane, is_ordered, now, limit).all(db).await.map_err(failed)?;
    Ok(due(found, now))
}

/// The same of several lanes, all of them ordered or none, in one query.
pub async fn next_of(
    db: &impl ConnectionTrait,
    lanes: Vec<Lane>,
    is_ordered: bool,
    now: Timestamp,
    limit: u64,
) -> Result<HashMap<Lane, Vec<DeliveryRow>>> {
    let mut next: HashMap<Lane, Vec<delivery::Model>> = lanes.iter().map(|lane| (lane.clone(), Vec::new())).collect();
    let mut queries = rows::repeated(lanes)
        .into_iter()
        .map(|lane| lane_store::all_of(first(&lane, is_ordered, now, limit).into_query(), "its"));
    let Some(mut all) = queries.next() else { return Ok(HashMap::new()) };
    for query in queries {
        // Not UNION ALL: a lane that is asked for twice has its deliveries once.
        all.union(UnionType::Distinct, query);
    }
    let found =
        delivery::Model::find_by_statement(db.get_database_backend().build(&all)).all(db).await.map_err(failed)?;
    for row in found {
        let lane = Lane { webhook_id: row.webhook_id.clone(), session_id: row.session_id.clone() };
        next.entry(lane).or_default().push(row);
    }
    let in_order = |mut rows: Vec<delivery::Model>| {
        // A union has no order.
        rows.sort_by_key(|row| (row.due_at.filter(|_| !is_ordered), row.sort_key, row.position));
        due(rows, now)
    };
    Ok(next.into_iter().map(|(lane, rows)| (lane, in_order(rows))).collect())
}

fn first(lane: &Lane, is_ordered: bool, now: Timestamp, limit: u64) -> sea_orm::Select<delivery::Entity> {
    let due_at = delivery::Column::DueAt;
    let found = match is_ordered {
        true => pending(&lane.webhook_id, &lane.session_id),
        // Those that are due may be few among many, and so they are looked for by that.
        false => pending(&lane.webhook_id, &lane.session_id).filter(due_at.lte(now)).order_by_asc(due_at),
    };
    in_turn(found).limit(limit)
}

fn due(mut rows: Vec<delivery::Model>, now: Timestamp) -> Vec<DeliveryRow> {
    let waiting = rows.iter().position(|row| row.due_at.is_some_and(|due| due > now));
    rows.truncate(waiting.unwrap_or(usize::MAX));
    rows.into_iter().map(DeliveryRow::from).collect()
}

/// Writes what came of deliveries.
pub fn record_outcomes_in(batch: &mut Batch, attempts: &[&Attempt], now: Timestamp) {
    let made: Vec<_> = attempts.iter().filter(|attempt| attempt.outcome != AttemptOutcome::Expired).collect();
    let attempt_row = |attempt: &&&Attempt| -> Vec<Value> {
        vec![
            attempt.delivery_id.clone().into(),
            attempt.number.into(),
            attempt.started_at.into(),
            attempt.duration_ms.into(),
            attempt.status.map(i32::from).into(),
            attempt.error.clone().into(),
            attempt.reply.clone().into(),
        ]
    };
    let rows = made.iter().map(attempt_row).collect();
    let into = "delivery_attempt (delivery_id, number, started_at, duration_ms, status, error, reply)";
    batch.insert(into, rows);
    let mut alike: BTreeMap<_, Vec<DeliveryId>> = BTreeMap::new();
    for attempt in attempts {
        let (state, due_at) = match attempt.outcome {
            AttemptOutcome::Delivered => (DeliveryState::Delivered, None),
            AttemptOutcome::Retry(moment) => (DeliveryState::Pending, Some(moment)),
            AttemptOutcome::Dead => (DeliveryState::Dead, None),
            AttemptOutcome::Expired => (DeliveryState::Expired, None),
        };
        alike.entry((state, due_at, attempt.number)).or_default().push(attempt.delivery_id.clone());
    }
    for ((state, due_at, number), ids) in alike {
        let changes = delivery::ActiveModel {
            state: ActiveValue::Set(state),
            attempts: ActiveValue::Set(number),
            due_at: ActiveValue::Set(due_at),
            finished_at: ActiveValue::Set(due_at.is_none().then_some(now)),
            ..Default::default()
        };
        let is_one = delivery::Column::Id.is_in(rows::repeated(ids));
        let update = delivery::Entity::update_many().set(changes).filter(is_one.clone());
        if state == DeliveryState::Delivered {
            batch.push(update);
            continue;
        }
        // What was discarded meanwhile stays so, unless it came. It was attempted all the same: the next attempt has the next number.
        batch.push(update.filter(is(DeliveryState::Pending)));
        let counted = delivery::ActiveModel { attempts: ActiveValue::Set(number), ..Default::default() };
        let update = delivery::Entity::update_many().set(counted).filter(is_one);
        batch.push(update.filter(is(DeliveryState::Discarded)));
    }
}

/// Makes every pending delivery of a webhook due now.
pub async fn reschedule_deliveries(tx: &impl ConnectionTrait, webhook: &WebhookId, now: Timestamp) -> Result<()> {
    delivery::Entity::update_many()
        .set(delivery::ActiveModel { due_at: ActiveValue::Set(Some(now)), ..Default::default() })
        .filter(delivery::Column::WebhookId.eq(webhook.clone()))
        .filter(is(DeliveryState::Pending))
        .filter(delivery::Column::DueAt.gt(now))
        .exec(tx)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Lets a delivery be tried now, whatever came of it before.
pub async fn retry(tx: &impl ConnectionTrait, delivery: &DeliveryRow, now: Timestamp) -> Result<()> {
    let changes = delivery::ActiveModel {
        state: ActiveValue::Set(DeliveryState::Pending),
        due_at: ActiveValue::Set(Some(now)),
        finished_at: ActiveValue::Set(None),
        ..Default::default()
    };
    delivery::Entity::update_many()
        .set(changes)
        .filter(delivery::Column::Id.eq(delivery.id.clone()))
        .exec(tx)
        .await
        .map_err(failed)?;
    let lane = Lane { webhook_id: delivery.webhook_id.clone(), session_id: delivery.session_id.clone() };
    lane_store::wake(tx, &lane, false, now).await
}

/// Whether there is such a delivery.
pub async fn is_there(db: &impl ConnectionTrait, id: &DeliveryId) -> Result<bool> {
    let found = delivery::Entity::find_by_id(id.clone()).select_only().column(delivery::Column::Id);
    Ok(found.into_tuple::<String>().one(db).await.map_err(failed)?.is_some())
}

/// One delivery of a webhook.
pub async fn find(db: &impl ConnectionTrait, webhook: &WebhookId, id: &DeliveryId) -> Result<Option<DeliveryRow>> {
    let found = delivery::Entity::find_by_id(id.clone()).filter(delivery::Column::WebhookId.eq(webhook.clone()));
    Ok(found.one(db).await.map_err(failed)?.map(DeliveryRow::from))
}

/// Deliveries of a webhook, newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    webhook: &WebhookId,
    filter: DeliveryFilter,
    before: Option<DeliveryId>,
    limit: u64,
) -> Result<Vec<DeliveryRow>> {
    let DeliveryFilter { state, event } = filter;
    let state = state.map(is);
    let event = event.filter(|event| *event != EventType::All).map(|event| delivery::Column::EventType.eq(event));
    let before = before.map(|id| delivery::Column::Id.lt(id));
    let found = delivery::Entity::find()
        .filter(delivery::Column::WebhookId.eq(webhook.clone()))
        .filter(Condition::all().add_option(state).add_option(event).add_option(before))
        .order_by_desc(delivery::Column::Id)
        .limit(limit)
        .all(db)
        .await
        .map_err(failed)?;
    Ok(found.into_iter().map(DeliveryRow::from).collect())
}

/// The newest attempts of these deliveries, oldest first. One that was written after its delivery was read is left out.
pub async fn attempts(
    db: &impl ConnectionTrait,
    deliveries: &[DeliveryRow],
) -> Result<BTreeMap<DeliveryId, Vec<DeliveryAttempt>>> {
    if deliveries.is_empty() {
        return Ok(BTreeMap::new());
    }
    let counts: BTreeMap<_, _> = deliveries.iter().map(|delivery| (&delivery.id, delivery.attempts)).collect();
    // Whoever asks for one to be tried again and again makes as many attempts as they like.
    let newest = deliveries.iter().map(|delivery| {
        let of_one = Condition::all().add(delivery_attempt::Column::DeliveryId.eq(delivery.id.clone()));
        of_one.add(delivery_attempt::Column::Number.gt(delivery.attempts.saturating_sub(ATTEMPTS_SHOWN)))
    });
    let newest = newest.fold(Condition::any(), Condition::add);
    let found = delivery_attempt::Entity::find()
        .filter(newest)
        .order_by_asc(delivery_attempt::Column::Number)
        .all(db)
        .await
        .map_err(failed)?;
    let mut attempts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for attempt in found {
        let delivery_attempt::Model { delivery_id, number, started_at, duration_ms, status, error, reply } = attempt;
        if counts.get(&delivery_id).is_none_or(|count| number > *count) {
            continue;
        }
        let attempt = DeliveryAttempt { started_at, duration_ms, status, error, reply };
        attempts.entry(delivery_id).or_default().push(attempt);
    }
    Ok(attempts)
}

/// How many deliveries wait. For the metrics.
pub async fn pending_count(db: &impl ConnectionTrait) -> Result<i64> {
    let count = delivery::Entity::find().select_only().expr(Expr::col(delivery::Column::Id).count());
    let count = count.filter(is(DeliveryState::Pending));
    Ok(count.into_tuple().one(db).await.map_err(failed)?.unwrap_or(0))
}

impl From<delivery::Model> for DeliveryRow {
    fn from(row: delivery::Model) -> Self {
        let delivery::Model {
            id,
            webhook_id,
            session_id,
            position,
            sort_key: _,
            event_type,
            state,
            attempts,
            due_at,
            created_at,
            finished_at,
        } = row;
        Self { id, webhook_id, session_id, position, event_type, state, attempts, due_at, created_at, finished_at }
    }
}
