//! All SQL on `delivery`, `delivery_attempt` and `lane`. Never opens a transaction: callers pass one.
//!
//! A lane is what one webhook gets of one session. The courier looks for lanes whose time has come, never for
//! deliveries: a hundred thousand of them that wait behind one dead receiver are one row here.

use std::collections::BTreeMap;

use entity::ids::{DeliveryId, SessionId, WebhookId};
use entity::timestamp::Timestamp;
use entity::words::{DeliveryState, EventType};
use entity::{delivery, delivery_attempt, lane};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
};

use crate::error::Result;
use crate::webhook::types::DeliveryAttempt;

/// Rows that one statement takes, at most: ten values each.
const ROWS: usize = 400;

/// What one webhook gets of one session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The session.
    pub session_id: SessionId,
}

/// A lane that was claimed.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Which lane.
    pub lane: Lane,
    /// How often something had been queued in it by then.
    pub arrivals: i64,
}

/// An event that is to be delivered.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Where to.
    pub webhook_id: WebhookId,
    /// The session of the event.
    pub session_id: SessionId,
    /// The position of the event.
    pub position: i64,
    /// What happened.
    pub event_type: EventType,
    /// Whether it waits behind the ones before it.
    pub is_ordered: bool,
}

/// A delivery as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
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

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver took it.
    Delivered,
    /// It is tried again at this moment.
    Retry(Timestamp),
    /// It is given up.
    Dead,
    /// Its time was over: there was no attempt.
    Expired,
}

/// What came of a delivery.
#[derive(Clone)]
pub struct Outcome {
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// Its webhook.
    pub webhook_id: WebhookId,
    /// Which attempt it was, from 1.
    pub number: i32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, milliseconds.
    pub duration_ms: i64,
    /// The HTTP status of the answer.
    pub status: Option<u16>,
    /// Why it failed.
    pub error: Option<String>,
    /// The first bytes of the answer.
    pub reply: Option<String>,
    /// What comes of it.
    pub verdict: Verdict,
}

/// Queues deliveries, in this order, and wakes their lanes.
pub async fn enqueue(tx: &impl ConnectionTrait, drafts: &[Draft], now: Timestamp) -> Result<()> {
    for drafts in drafts.chunks(ROWS) {
        let rows = drafts.iter().map(|draft| {
            delivery::ActiveModel::from(delivery::Model {
                id: DeliveryId::generate(),
                webhook_id: draft.webhook_id.clone(),
                session_id: draft.session_id.clone(),
                position: draft.position,
                event_type: draft.event_type,
                state: DeliveryState::Pending,
                attempts: 0,
                due_at: Some(now),
                created_at: now,
                finished_at: None,
            })
        });
        delivery::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    let mut lanes = BTreeMap::new();
    for Draft { webhook_id, session_id, is_ordered, .. } in drafts {
        lanes.insert(Lane { webhook_id: webhook_id.clone(), session_id: session_id.clone() }, *is_ordered);
    }
    for is_ordered in [true, false] {
        let some: Vec<_> = lanes.iter().filter(|(_, ordered)| **ordered == is_ordered).map(|(lane, _)| lane).collect();
        wake(tx, &some, is_ordered, now).await?;
    }
    Ok(())
}

/// An ordered lane that waits for its next attempt goes on waiting; any other is due now.
async fn wake(tx: &impl ConnectionTrait, lanes: &[&Lane], waits: bool, now: Timestamp) -> Result<()> {
    let (due_at, arrivals) = (lane::Column::DueAt, lane::Column::Arrivals);
    let present = Expr::col((lane::Entity, due_at));
    let rule = OnConflict::columns([lane::Column::WebhookId, lane::Column::SessionId])
        .value(due_at, if waits { present.if_null(now) } else { Expr::val(now) })
        .value(arrivals, Expr::col((lane::Entity, arrivals)).add(1))
        .to_owned();
    for lanes in lanes.chunks(ROWS) {
        let rows = lanes.iter().map(|lane| {
            lane::ActiveModel::from(lane::Model {
                webhook_id: lane.webhook_id.clone(),
                session_id: lane.session_id.clone(),
                due_at: Some(now),
                leased_until: None,
                arrivals: 1,
                is_failing: false,
            })
        });
        lane::Entity::insert_many(rows).on_conflict(rule.clone()).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Lanes whose time has come and that nobody is at, the longest waiting first, none of `others`.
pub async fn due(
    db: &impl ConnectionTrait,
    is_failing: bool,
    others: &[WebhookId],
    now: Timestamp,
    limit: u64,
) -> Result<Vec<Lane>> {
    let found = lane::Entity::find()
        .filter(lane::Column::DueAt.lte(now))
        .filter(lane::Column::IsFailing.eq(is_failing))
        .filter(lane::Column::WebhookId.is_not_in(others.iter().cloned()))
        .filter(free(now))
        .order_by_asc(lane::Column::DueAt)
        .limit(limit)
        .all(db)
        .await?;
    Ok(found.into_iter().map(Lane::of).collect())
}

/// Claims those of these lanes that nobody is at.
pub async fn claim(tx: &impl ConnectionTrait, lanes: &[Lane], now: Timestamp, until: Timestamp) -> Result<Vec<Claim>> {
    // SQLite has no list of tuples.
    let any = lanes.iter().fold(Condition::any(), |any, lane| {
        let Lane { webhook_id, session_id } = lane.clone();
        any.add(lane::Column::WebhookId.eq(webhook_id).and(lane::Column::SessionId.eq(session_id)))
    });
    let changes = lane::ActiveModel { leased_until: ActiveValue::Set(Some(until)), ..Default::default() };
    let claimed =
        lane::Entity::update_many().set(changes).filter(any).filter(free(now)).exec_with_returning(tx).await?;
    Ok(claimed.into_iter().map(|row| Claim { arrivals: row.arrivals, lane: Lane::of(row) }).collect())
}

fn free(now: Timestamp) -> Condition {
    Condition::any().add(lane::Column::LeasedUntil.is_null()).add(lane::Column::LeasedUntil.lt(now))
}

impl Lane {
    fn of(row: lane::Model) -> Self {
        let lane::Model { webhook_id, session_id, due_at: _, leased_until: _, arrivals: _, is_failing: _ } = row;
        Self { webhook_id, session_id }
    }
}

/// When the next lane is due that nobody is at.
pub async fn next_due(db: &impl ConnectionTrait) -> Result<Option<Timestamp>> {
    let next = lane::Entity::find().select_only().column(lane::Column::DueAt);
    let next = next.filter(lane::Column::DueAt.is_not_null()).filter(lane::Column::LeasedUntil.is_null());
    Ok(next.order_by_asc(lane::Column::DueAt).into_tuple().one(db).await?)
}

/// Whether no lane is due or worked.
pub async fn is_idle(db: &impl ConnectionTrait, now: Timestamp) -> Result<bool> {
    let busy = Condition::any().add(lane::Column::DueAt.lte(now)).add(lane::Column::LeasedUntil.is_not_null());
    Ok(lane::Entity::find().filter(busy).one(db).await?.is_none())
}

/// Lets every lane be claimed anew: whoever was at it is gone.
pub async fn end_leases(tx: &impl ConnectionTrait) -> Result<()> {
    let changes = lane::ActiveModel { leased_until: ActiveValue::Set(None), ..Default::default() };
    lane::Entity::update_many().set(changes).filter(lane::Column::LeasedUntil.is_not_null()).exec(tx).await?;
    Ok(())
}

/// The next deliveries of a lane whose time has come, in order. An ordered lane has none behind one that waits.
pub async fn next(
    db: &impl ConnectionTrait,
    lane: &Lane,
    is_ordered: bool,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<Record>> {
    let due = (!is_ordered).then(|| delivery::Column::DueAt.lte(now));
    let found = pending(lane).filter(Condition::all().add_option(due)).order_by_asc(delivery::Column::Id);
    let mut found = found.limit(limit).all(db).await?;
    let waiting = found.iter().position(|delivery| delivery.due_at.is_some_and(|due| due > now));
    found.truncate(waiting.unwrap_or(usize::MAX));
    Ok(found.into_iter().map(Record::from).collect())
}

fn pending(lane: &Lane) -> sea_orm::Select<delivery::Entity> {
    delivery::Entity::find()
        .filter(delivery::Column::WebhookId.eq(lane.webhook_id.clone()))
        .filter(delivery::Column::SessionId.eq(lane.session_id.clone()))
        .filter(delivery::Column::State.eq(DeliveryState::Pending))
}

/// Leaves a lane: it is due when its next delivery is.
pub async fn release(tx: &impl ConnectionTrait, claim: &Claim, is_ordered: bool, now: Timestamp) -> Result<()> {
    let order = if is_ordered { delivery::Column::Id } else { delivery::Column::DueAt };
    let next = pending(&claim.lane).select_only().column(delivery::Column::DueAt).order_by_asc(order).limit(1);
    leave_until(tx, claim, Expr::SubQuery(None, Box::new(next.into_query().into())), now).await
}

/// Leaves a lane: it is due at this moment, if at all.
pub async fn leave(tx: &impl ConnectionTrait, claim: &Claim, due_at: Option<Timestamp>, now: Timestamp) -> Result<()> {
    leave_until(tx, claim, Expr::val(due_at), now).await
}

/// It is due at once if something was queued meanwhile.
async fn leave_until(tx: &impl ConnectionTrait, claim: &Claim, due_at: Expr, now: Timestamp) -> Result<()> {
    let undisturbed = lane::Column::Arrivals.eq(claim.arrivals);
    let nobody = lane::ActiveModel { leased_until: ActiveValue::Set(None), ..Default::default() };
    let due_at = Expr::case(undisturbed, due_at).finally(now);
    at(&claim.lane).set(nobody).col_expr(lane::Column::DueAt, due_at.into()).exec(tx).await?;
    Ok(())
}

fn at(lane: &Lane) -> sea_orm::UpdateMany<lane::Entity> {
    lane::Entity::update_many()
        .filter(lane::Column::WebhookId.eq(lane.webhook_id.clone()))
        .filter(lane::Column::SessionId.eq(lane.session_id.clone()))
}

/// Notes whether the last attempt of a webhook failed, for all its lanes.
pub async fn judge(tx: &impl ConnectionTrait, webhook: &WebhookId, is_failing: bool) -> Result<()> {
    lane::Entity::update_many()
        .set(lane::ActiveModel { is_failing: ActiveValue::Set(is_failing), ..Default::default() })
        .filter(lane::Column::WebhookId.eq(webhook.clone()))
        .filter(lane::Column::IsFailing.ne(is_failing))
        .exec(tx)
        .await?;
    Ok(())
}

/// Lets the lanes of a webhook be looked at now, or, while it is off, not at all.
pub async fn rouse(tx: &impl ConnectionTrait, webhook: &WebhookId, due_at: Option<Timestamp>) -> Result<()> {
    lane::Entity::update_many()
        .set(lane::ActiveModel { due_at: ActiveValue::Set(due_at), ..Default::default() })
        .col_expr(lane::Column::Arrivals, Expr::col(lane::Column::Arrivals).add(1))
        .filter(lane::Column::WebhookId.eq(webhook.clone()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Writes what came of deliveries.
pub async fn settle(tx: &impl ConnectionTrait, outcomes: &[&Outcome], now: Timestamp) -> Result<()> {
    let attempts: Vec<_> = outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Expired).collect();
    for attempts in attempts.chunks(ROWS) {
        let rows = attempts.iter().map(|outcome| {
            delivery_attempt::ActiveModel::from(delivery_attempt::Model {
                delivery_id: outcome.delivery_id.clone(),
                number: outcome.number,
                started_at: outcome.started_at,
                duration_ms: outcome.duration_ms,
                status: outcome.status.map(i32::from),
                error: outcome.error.clone(),
                reply: outcome.reply.clone(),
            })
        });
        delivery_attempt::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    let mut alike: BTreeMap<_, Vec<DeliveryId>> = BTreeMap::new();
    for outcome in outcomes {
        let (state, due_at) = match outcome.verdict {
            Verdict::Delivered => (DeliveryState::Delivered, None),
            Verdict::Retry(moment) => (DeliveryState::Pending, Some(moment)),
            Verdict::Dead => (DeliveryState::Dead, None),
            Verdict::Expired => (DeliveryState::Expired, None),
        };
        alike.entry((state, due_at, outcome.number)).or_default().push(outcome.delivery_id.clone());
    }
    for ((state, due_at, number), ids) in alike {
        let changes = delivery::ActiveModel {
            state: ActiveValue::Set(state),
            attempts: ActiveValue::Set(number),
            due_at: ActiveValue::Set(due_at),
            finished_at: ActiveValue::Set(due_at.is_none().then_some(now)),
            ..Default::default()
        };
        delivery::Entity::update_many().set(changes).filter(delivery::Column::Id.is_in(ids)).exec(tx).await?;
    }
    Ok(())
}

/// Lets a delivery be tried now, whatever came of it before.
pub async fn retry(tx: &impl ConnectionTrait, delivery: &Record, now: Timestamp) -> Result<()> {
    let changes = delivery::ActiveModel {
        state: ActiveValue::Set(DeliveryState::Pending),
        due_at: ActiveValue::Set(Some(now)),
        finished_at: ActiveValue::Set(None),
        ..Default::default()
    };
    delivery::Entity::update_many().set(changes).filter(delivery::Column::Id.eq(delivery.id.clone())).exec(tx).await?;
    let lane = Lane { webhook_id: delivery.webhook_id.clone(), session_id: delivery.session_id.clone() };
    wake(tx, &[&lane], false, now).await
}

/// One delivery of a webhook.
pub async fn find(db: &impl ConnectionTrait, webhook: &WebhookId, id: &DeliveryId) -> Result<Option<Record>> {
    let found = delivery::Entity::find_by_id(id.clone()).filter(delivery::Column::WebhookId.eq(webhook.clone()));
    Ok(found.one(db).await?.map(Record::from))
}

/// Deliveries of a webhook, newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    webhook: &WebhookId,
    state: Option<DeliveryState>,
    event: Option<EventType>,
    before: Option<DeliveryId>,
    limit: u64,
) -> Result<Vec<Record>> {
    let state = state.map(|state| delivery::Column::State.eq(state));
    let event = event.map(|event| delivery::Column::EventType.eq(event));
    let before = before.map(|id| delivery::Column::Id.lt(id));
    let found = delivery::Entity::find()
        .filter(delivery::Column::WebhookId.eq(webhook.clone()))
        .filter(Condition::all().add_option(state).add_option(event).add_option(before))
        .order_by_desc(delivery::Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    Ok(found.into_iter().map(Record::from).collect())
}

/// The attempts of these deliveries, oldest first. One that was written after its delivery was read is left out.
pub async fn attempts(
    db: &impl ConnectionTrait,
    deliveries: &[Record],
) -> Result<BTreeMap<DeliveryId, Vec<DeliveryAttempt>>> {
    let counts: BTreeMap<_, _> = deliveries.iter().map(|delivery| (&delivery.id, delivery.attempts)).collect();
    let found = delivery_attempt::Entity::find()
        .filter(delivery_attempt::Column::DeliveryId.is_in(counts.keys().copied().cloned()))
        .order_by_asc(delivery_attempt::Column::Number)
        .all(db)
        .await?;
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
    let count = count.filter(delivery::Column::State.eq(DeliveryState::Pending));
    Ok(count.into_tuple().one(db).await?.unwrap_or(0))
}

impl From<delivery::Model> for Record {
    fn from(row: delivery::Model) -> Self {
        let delivery::Model {
            id,
            webhook_id,
            session_id,
            position,
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
