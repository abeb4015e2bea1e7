//! All SQL on `lane`. Never opens a transaction: callers pass one.

use std::collections::HashSet;

use entity::ids::WebhookId;
use entity::timestamp::Timestamp;
use entity::words::webhook::DeliveryState;
use entity::{delivery, lane, session};
use sea_orm::sea_query::{
    Asterisk, Expr, InsertStatement, LockBehavior, LockType, OnConflict, Query, SelectStatement, UnionType,
};
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, ExprTrait, FromQueryResult,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, UpdateMany,
};

use crate::db::batch::{Batch, Pair};
use crate::db::fault::failed;
use crate::db::rows;
use crate::error::Result;
use crate::webhook::delivery::lane::{Lane, Lease};
use crate::webhook::delivery::lane_query::{in_turn, is as is_in, pending};

/// Makes a lane due now, unless it is an ordered one (`waits`) that waits for its next attempt.
pub(in crate::webhook) async fn wake(
    tx: &impl ConnectionTrait,
    lane: &Lane,
    waits: bool,
    now: Timestamp,
) -> Result<()> {
    for insert in waking(&[lane], waits, now) {
        tx.execute(&insert).await.map_err(failed)?;
    }
    Ok(())
}

/// [`wake`] as a part of a batch, of many lanes.
pub(in crate::webhook) fn wake_in(batch: &mut Batch, lanes: &[&Lane], waits: bool, now: Timestamp) {
    batch.extend(waking(lanes, waits, now));
}

fn waking(lanes: &[&Lane], waits: bool, now: Timestamp) -> impl Iterator<Item = InsertStatement> {
    let (due_at, arrivals) = (lane::Column::DueAt, lane::Column::Arrivals);
    let present = Expr::col((lane::Entity, due_at));
    let rule = OnConflict::columns([lane::Column::WebhookId, lane::Column::SessionId])
        .value(due_at, if waits { present.if_null(now) } else { Expr::val(now) })
        .value(arrivals, Expr::col((lane::Entity, arrivals)).add(1))
        .to_owned();
    let row = |lane: &&Lane| lane::Model {
        webhook_id: lane.webhook_id.clone(),
        session_id: lane.session_id.clone(),
        due_at: Some(now),
        leased_until: None,
        arrivals: 1,
        is_slow: false,
    };
    rows::inserts::<lane::ActiveModel, _>(lanes.iter().map(row).collect(), rule)
}

/// Lanes that are due and not leased, the longest waiting first, none of the webhooks `others`: at most so many of prompt
/// receivers, and of slow ones. Says of each whether its receiver is slow. One query, since hardly any other is made as often.
pub async fn due(
    db: &impl ConnectionTrait,
    others: &[WebhookId],
    now: Timestamp,
    prompt: u64,
    slow: u64,
) -> Result<Vec<(Lane, bool)>> {
    let of = |is_slow: bool, limit| {
        let found = lane::Entity::find()
            .filter(lane::Column::DueAt.lte(now))
            .filter(lane::Column::IsSlow.eq(is_slow))
            .filter(lane::Column::WebhookId.is_not_in(others.iter().cloned()))
            .filter(free(now))
            .order_by_asc(lane::Column::DueAt)
            .limit(limit);
        all_of(found.into_query(), "some")
    };
    let both = of(false, prompt).union(UnionType::All, of(true, slow)).to_owned();
    let found = lane::Model::find_by_statement(db.get_database_backend().build(&both)).all(db).await.map_err(failed)?;
    Ok(found.into_iter().map(|row| (row.is_slow, row)).map(|(is_slow, row)| (Lane::of(row), is_slow)).collect())
}

/// A query whose limit and order stay its own in a union.
pub(in crate::webhook) fn all_of(query: SelectStatement, name: &'static str) -> SelectStatement {
    Query::select().column(Asterisk).from_subquery(query, name).to_owned()
}

/// Leases those of these lanes that are not leased and that no other transaction writes to.
pub async fn lease(tx: &impl ConnectionTrait, lanes: &[Lane], now: Timestamp, until: Timestamp) -> Result<Vec<Lease>> {
    // SQLite has no list of tuples.
    let any = lanes.iter().fold(Condition::any(), |any, lane| any.add(is(lane)));
    let ours = in_order(Condition::all().add(any).add(free(now)));
    let ours = ours.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let changes = lane::ActiveModel { leased_until: ActiveValue::Set(Some(until)), ..Default::default() };
    let leased =
        lane::Entity::update_many().set(changes).filter(among(ours)).exec_with_returning(tx).await.map_err(failed)?;
    Ok(leased.into_iter().map(|row| Lease { arrivals: row.arrivals, lane: Lane::of(row), until }).collect())
}

/// Lanes in the order in which every transaction takes them. Two that took them differently could wait for each other.
fn in_order(which: Condition) -> Select<lane::Entity> {
    let (webhook_id, session_id) = (lane::Column::WebhookId, lane::Column::SessionId);
    let found = lane::Entity::find().select_only().column(webhook_id).column(session_id).filter(which);
    found.order_by_asc(webhook_id).order_by_asc(session_id)
}

/// Whether it is one of these. What locks them is left out where the database has no locks of rows.
fn among(lanes: Select<lane::Entity>) -> Expr {
    let key = [lane::Column::WebhookId, lane::Column::SessionId].map(Expr::col);
    Expr::tuple(key).in_subquery(lanes.into_query())
}

fn is(lane: &Lane) -> Expr {
    let Lane { webhook_id, session_id } = lane.clone();
    lane::Column::WebhookId.eq(webhook_id).and(lane::Column::SessionId.eq(session_id))
}

fn free(now: Timestamp) -> Condition {
    Condition::any().add(lane::Column::LeasedUntil.is_null()).add(lane::Column::LeasedUntil.lt(now))
}

impl Lane {
    fn of(row: lane::Model) -> Self {
        let lane::Model { webhook_id, session_id, due_at: _, leased_until: _, arrivals: _, is_slow: _ } = row;
        Self { webhook_id, session_id }
    }
}

/// When the next lane is due that is not leased.
pub async fn next_due(db: &impl ConnectionTrait) -> Result<Option<Timestamp>> {
    let next = lane::Entity::find().select_only().column(lane::Column::DueAt);
    let next = next.filter(lane::Column::DueAt.is_not_null()).filter(lane::Column::LeasedUntil.is_null());
    next.order_by_asc(lane::Column::DueAt).into_tuple().one(db).await.map_err(failed)
}

/// Whether no lane is due or worked.
pub async fn is_idle(db: &impl ConnectionTrait, now: Timestamp) -> Result<bool> {
    let busy = Condition::any().add(lane::Column::DueAt.lte(now)).add(lane::Column::LeasedUntil.is_not_null());
    Ok(lane::Entity::find().filter(busy).one(db).await.map_err(failed)?.is_none())
}

/// Deletes the lanes of deleted sessions in which there is nothing.
pub async fn delete_empty(tx: &impl ConnectionTrait) -> Result<()> {
    let of = |column| Expr::col((lane::Entity, column));
    let session = Query::select()
        .expr(Expr::val(1))
        .from(session::Entity)
        .and_where(of(lane::Column::SessionId).equals((session::Entity, session::Column::Id)))
        .take();
    let delivery = Query::select()
        .expr(Expr::val(1))
        .from(delivery::Entity)
        .and_where(of(lane::Column::WebhookId).equals((delivery::Entity, delivery::Column::WebhookId)))
        .and_where(of(lane::Column::SessionId).equals((delivery::Entity, delivery::Column::SessionId)))
        .take();
    let idle = Condition::all().add(lane::Column::DueAt.is_null()).add(lane::Column::LeasedUntil.is_null());
    let left = idle.add(Expr::exists(session).not()).add(Expr::exists(delivery).not());
    let left = in_order(left).lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    lane::Entity::delete_many().filter(among(left)).exec(tx).await.map_err(failed)?;
    Ok(())
}

/// Ends all leases: the process that held them is gone.
pub async fn end_leases(tx: &impl ConnectionTrait) -> Result<()> {
    let changes = lane::ActiveModel { leased_until: ActiveValue::Set(None), ..Default::default() };
    lane::Entity::update_many()
        .set(changes)
        .filter(lane::Column::LeasedUntil.is_not_null())
        .exec(tx)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Ends the leases of all lanes but these, which are being worked: nobody works the others. They are due at the given moment.
pub async fn end_orphaned_leases(tx: &impl ConnectionTrait, under_way: &[Lane], due_at: Timestamp) -> Result<()> {
    if tx.get_database_backend() == DbBackend::Postgres {
        // Behind every other writer: a lease whose answer was lost may be about to be committed.
        tx.execute_unprepared("LOCK TABLE lane IN EXCLUSIVE MODE").await.map_err(failed)?;
    }
    let others = under_way.iter().fold(Condition::any(), |any, lane| any.add(is(lane)));
    let others = if under_way.is_empty() { Condition::all() } else { Condition::all().add(others.not()) };
    lane::Entity::update_many()
        .set(lane::ActiveModel { leased_until: ActiveValue::Set(None), ..Default::default() })
        .col_expr(lane::Column::DueAt, Expr::val(due_at))
        .filter(lane::Column::LeasedUntil.is_not_null())
        .filter(others)
        .exec(tx)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Makes due now what would be due later than any retry ever is: it was scheduled by a clock that has been set back since.
pub async fn bring_forward(tx: &impl ConnectionTrait, now: Timestamp, latest: Timestamp) -> Result<()> {
    delivery::Entity::update_many()
        .set(delivery::ActiveModel { due_at: ActiveValue::Set(Some(now)), ..Default::default() })
        .filter(is_in(DeliveryState::Pending))
        .filter(delivery::Column::DueAt.gt(latest))
        .exec(tx)
        .await
        .map_err(failed)?;
    lane::Entity::update_many()
        .set(lane::ActiveModel { due_at: ActiveValue::Set(Some(now)), ..Default::default() })
        .filter(lane::Column::DueAt.gt(latest))
        .exec(tx)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Releases a lane: it is due when its next delivery is, and behind the lanes that waited meanwhile. The batch then tells of it, for
/// [`at_rest`].
pub fn release_in(batch: &mut Batch, lease: &Lease, is_ordered: bool, is_slow: bool, now: Timestamp) {
    let due_at = delivery::Column::DueAt;
    let turn = Expr::case(due_at.lt(now), now).finally(Expr::col(due_at));
    let next = pending(&lease.lane.webhook_id, &lease.lane.session_id).select_only().expr(turn);
    let next = if is_ordered { in_turn(next) } else { next.order_by_asc(due_at) };
    let next = next.limit(1).into_query();
    let changes = lane::ActiveModel { is_slow: ActiveValue::Set(is_slow), ..Default::default() };
    let mut release = leaving(lease, Expr::SubQuery(None, Box::new(next.into())), changes, now).into_query();
    let told = [Expr::cust(TOLD_LANE), Expr::cust("COALESCE(due_at, 0)")];
    release.returning(Query::returning().exprs(told));
    batch.push(release);
}

/// How the database spells a lane for a batch: webhook and session, neither of which has a blank in it.
const TOLD_LANE: &str = "webhook_id || ' ' || session_id";

/// Those of these lanes that a batch has released and that have nothing to do, now or later.
pub fn at_rest<'a>(released: impl Iterator<Item = &'a Lane>, told: Vec<Pair>) -> HashSet<Lane> {
    let told: HashSet<_> = told.into_iter().filter(|(_, due_at)| *due_at == 0).map(|(lane, _)| lane).collect();
    released.filter(|lane| told.contains(&format!("{} {}", lane.webhook_id, lane.session_id))).cloned().collect()
}

/// Releases a lane: it is due at this moment, or not at all.
pub async fn leave(tx: &impl ConnectionTrait, lease: &Lease, due_at: Option<Timestamp>, now: Timestamp) -> Result<()> {
    leaving(lease, Expr::val(due_at), lane::ActiveModel::default(), now).exec(tx).await.map_err(failed)?;
    Ok(())
}

/// It is due at once if something was queued meanwhile. Nothing changes if the lease ran out and somebody else has it:
/// otherwise a third worker could take it, and post the same delivery at the same time.
fn leaving(lease: &Lease, due_at: Expr, changes: lane::ActiveModel, now: Timestamp) -> UpdateMany<lane::Entity> {
    let undisturbed = lane::Column::Arrivals.eq(lease.arrivals);
    let changes = lane::ActiveModel { leased_until: ActiveValue::Set(None), ..changes };
    let due_at = Expr::case(undisturbed, due_at).finally(now);
    let leave = at(&lease.lane).set(changes).col_expr(lane::Column::DueAt, due_at.into());
    leave.filter(lane::Column::LeasedUntil.eq(lease.until))
}

fn at(lane: &Lane) -> sea_orm::UpdateMany<lane::Entity> {
    lane::Entity::update_many().filter(is(lane))
}

/// Makes all lanes of a webhook due at this moment, or, while it is off, not at all.
pub async fn reschedule_lanes(tx: &impl ConnectionTrait, webhook: &WebhookId, due_at: Option<Timestamp>) -> Result<()> {
    let its = in_order(Condition::all().add(lane::Column::WebhookId.eq(webhook.clone()))).lock(LockType::Update);
    lane::Entity::update_many()
        .set(lane::ActiveModel { due_at: ActiveValue::Set(due_at), ..Default::default() })
        .col_expr(lane::Column::Arrivals, Expr::col(lane::Column::Arrivals).add(1))
        .filter(among(its))
        .exec(tx)
        .await
        .map_err(failed)?;
    Ok(())
}
