//! All SQL on `webhook`. Never opens a transaction: callers pass one.

use entity::ids::{SessionId, WebhookId};
use entity::timestamp::Timestamp;
use entity::words::webhook::{DeliveryState, DisabledReason};
use entity::{delivery, event, webhook};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, Condition, ConnectionTrait, DeleteMany, EntityTrait, ExprTrait,
    QueryFilter, QuerySelect, Select, UpdateMany,
};
use secrecy::{ExposeSecret, SecretString};

use crate::db::batch::Batch;
use crate::db::fault::failed;
use crate::db::keyset::keyset;
use crate::db::rows;
use crate::error::{Error, ErrorKind, Result};
use crate::event::store as event_store;
use crate::page::Bounds;
use crate::webhook::row::{WebhookRow, model};

/// The table.
pub const TABLE: &str = "webhook";

/// Inserts a webhook. Its session stays until the transaction ends.
///
/// # Errors
/// `SessionNotFound`: the session was deleted a moment before.
pub async fn insert(tx: &impl ConnectionTrait, webhook: &WebhookRow) -> Result<()> {
    if let Some(session) = &webhook.session_id
        && !event_store::hold_session(tx, session).await?
    {
        return Err(Error::new(ErrorKind::SessionNotFound, "no session has this id"));
    }
    let model = webhook::ActiveModel::from(model(webhook)?);
    webhook::Entity::insert(model).exec_without_returning(tx).await.map_err(failed)?;
    Ok(())
}

/// Whether a change says if the webhook is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It is on or off as the change says.
    Set,
    /// It stays as it is: it may have been switched off since it was read.
    Keep,
}

/// Writes what a client can change about a webhook, and gives what it is then. None if it was deleted meanwhile.
pub async fn update(tx: &impl ConnectionTrait, webhook: &WebhookRow, switch: Switch) -> Result<Option<WebhookRow>> {
    let changes = webhook::ActiveModel::from(model(webhook)?).reset_all();
    let changes = webhook::ActiveModel {
        id: ActiveValue::NotSet,
        // The outcome writer's.
        failing_since: ActiveValue::NotSet,
        last_error: ActiveValue::NotSet,
        // Whoever deletes its session says so.
        until_position: ActiveValue::NotSet,
        disabled: if switch == Switch::Set { changes.disabled } else { ActiveValue::NotSet },
        ..changes
    };
    let update = webhook::Entity::update_many().set(changes).filter(webhook::Column::Id.eq(webhook.id.clone()));
    Ok(update.exec_with_returning(tx).await.map_err(failed)?.pop().map(WebhookRow::from))
}

/// One webhook.
pub async fn find(db: &impl ConnectionTrait, id: &WebhookId) -> Result<Option<WebhookRow>> {
    Ok(webhook::Entity::find_by_id(id.clone()).one(db).await.map_err(failed)?.map(WebhookRow::from))
}

/// Those of these webhooks that are there.
pub async fn all_of(db: &impl ConnectionTrait, ids: impl IntoIterator<Item = &WebhookId>) -> Result<Vec<WebhookRow>> {
    let ids = rows::repeated(ids.into_iter().cloned().collect());
    let found = webhook::Entity::find().filter(webhook::Column::Id.is_in(ids)).all(db).await.map_err(failed)?;
    Ok(found.into_iter().map(WebhookRow::from).collect())
}

/// Every one. For the start.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<WebhookRow>> {
    Ok(webhook::Entity::find().all(db).await.map_err(failed)?.into_iter().map(WebhookRow::from).collect())
}

/// Those of these sessions, and, without a list, of all, within the bounds; oldest first. One more than the limit if there are
/// more.
pub async fn page(
    db: &impl ConnectionTrait,
    sessions: Option<Vec<SessionId>>,
    bounds: &Bounds,
) -> Result<Vec<WebhookRow>> {
    let found = keyset(those_of(sessions), webhook::Column::CreatedAt, webhook::Column::Id, bounds);
    let webhooks = found.all(db).await.map_err(failed)?.into_iter().map(WebhookRow::from);
    Ok(if bounds.is_from_end { webhooks.rev().collect() } else { webhooks.collect() })
}

/// How many there are of these sessions, and, without a list, of all.
pub async fn total(db: &impl ConnectionTrait, sessions: Option<Vec<SessionId>>) -> Result<i64> {
    let total = those_of(sessions).select_only().expr(Expr::col(webhook::Column::Id).count());
    Ok(total.into_tuple().one(db).await.map_err(failed)?.unwrap_or(0))
}

fn those_of(sessions: Option<Vec<SessionId>>) -> Select<webhook::Entity> {
    // One whose session was deleted belongs to none that is there: it is shown to those who see all.
    let of = sessions.map(|ids| webhook::Column::SessionId.is_in(ids).and(webhook::Column::UntilPosition.is_null()));
    webhook::Entity::find().filter(Condition::all().add_option(of))
}

/// Those that get events of these sessions now.
pub async fn listening(db: &impl ConnectionTrait, sessions: Vec<SessionId>) -> Result<Vec<WebhookRow>> {
    let of = Condition::any()
        .add(webhook::Column::SessionId.is_null())
        .add(webhook::Column::SessionId.is_in(rows::repeated(sessions)));
    let models =
        webhook::Entity::find().filter(webhook::Column::Disabled.is_null()).filter(of).all(db).await.map_err(failed)?;
    Ok(models.into_iter().map(WebhookRow::from).collect())
}

/// Lets the webhooks of a session end where its events do; those that are off get nothing anyway, and go. To be run when the
/// last event is in the table, and before the session is deleted.
pub async fn end(tx: &impl ConnectionTrait, session: &SessionId) -> Result<()> {
    let (off, others) = endings(session);
    off.exec(tx).await.map_err(failed)?;
    others.exec(tx).await.map_err(failed)?;
    Ok(())
}

/// [`end`] as a part of a batch.
pub fn end_in(batch: &mut Batch, session: &SessionId) {
    let (off, others) = endings(session);
    batch.push(off);
    batch.push(others);
}

fn endings(session: &SessionId) -> (DeleteMany<webhook::Entity>, UpdateMany<webhook::Entity>) {
    let its = webhook::Column::SessionId.eq(session.clone()).and(webhook::Column::UntilPosition.is_null());
    let off = webhook::Entity::delete_many().filter(its.clone()).filter(webhook::Column::Disabled.is_not_null());
    let last = Query::select()
        .expr(Expr::col(event::Column::Position).max())
        .from(event::Entity)
        .and_where(event::Column::SessionId.eq(session.clone()))
        .take();
    let others = webhook::Entity::update_many()
        .col_expr(webhook::Column::UntilPosition, Expr::SubQuery(None, Box::new(last.into())))
        .filter(its);
    (off, others)
}

/// Webhooks whose session was deleted.
pub async fn ending(db: &impl ConnectionTrait) -> Result<Vec<WebhookRow>> {
    let models =
        webhook::Entity::find().filter(webhook::Column::UntilPosition.is_not_null()).all(db).await.map_err(failed)?;
    Ok(models.into_iter().map(WebhookRow::from).collect())
}

/// Deletes those of them for which nothing waits any more: all events up to `seen` were turned into deliveries.
pub async fn delete_ended(tx: &impl ConnectionTrait, seen: i64) -> Result<()> {
    let pending = Query::select()
        .expr(Expr::val(1))
        .from(delivery::Entity)
        .and_where(
            Expr::col((delivery::Entity, delivery::Column::WebhookId)).equals((webhook::Entity, webhook::Column::Id)),
        )
        .and_where(delivery::Column::State.eq(DeliveryState::Pending))
        .take();
    let until = webhook::Column::UntilPosition;
    let has_all = Condition::all().add(until.lte(seen)).add(Expr::exists(pending).not());
    let is_over = Condition::any().add(webhook::Column::Disabled.is_not_null()).add(has_all);
    webhook::Entity::delete_many().filter(until.is_not_null()).filter(is_over).exec(tx).await.map_err(failed)?;
    Ok(())
}

/// How many webhooks a session has; with None, how many are for all sessions.
pub async fn count(db: &impl ConnectionTrait, session: Option<&SessionId>) -> Result<i64> {
    let of = match session {
        Some(id) => webhook::Column::SessionId.eq(id.clone()),
        None => webhook::Column::SessionId.is_null(),
    };
    let count = webhook::Entity::find().select_only().expr(Expr::col(webhook::Column::Id).count()).filter(of);
    let count = count.filter(webhook::Column::UntilPosition.is_null());
    Ok(count.into_tuple().one(db).await.map_err(failed)?.unwrap_or(0))
}

/// Deletes a webhook with its deliveries.
pub async fn delete(tx: &impl ConnectionTrait, id: &WebhookId) -> Result<()> {
    webhook::Entity::delete_by_id(id.clone()).exec(tx).await.map_err(failed)?;
    Ok(())
}

/// Why a webhook is to be switched off, and what must still hold then.
#[derive(Clone, Debug)]
pub enum DisableCause {
    /// Its receiver said that it is gone: the one at this address.
    Gone(SecretString),
    /// Every delivery has failed since this moment at least.
    Failing(Timestamp),
}

impl DisableCause {
    /// In a word.
    pub const fn reason(&self) -> DisabledReason {
        match self {
            Self::Gone(_) => DisabledReason::Gone,
            Self::Failing(_) => DisabledReason::Failing,
        }
    }
}

/// Switches a webhook off. False if it was off already, is gone, or does not deserve it any more.
pub async fn disable(tx: &impl ConnectionTrait, id: &WebhookId, why: &DisableCause) -> Result<bool> {
    let still = match why {
        DisableCause::Gone(url) => webhook::Column::Url.eq(url.expose_secret()),
        DisableCause::Failing(since) => webhook::Column::FailingSince.lte(*since),
    };
    let changes = webhook::ActiveModel { disabled: ActiveValue::Set(Some(why.reason())), ..Default::default() };
    let update = webhook::Entity::update_many().set(changes).filter(still);
    let update = update.filter(webhook::Column::Id.eq(id.clone())).filter(webhook::Column::Disabled.is_null());
    Ok(update.exec(tx).await.map_err(failed)?.rows_affected > 0)
}

/// Notes that a delivery came to each of these webhooks.
pub async fn succeeded(tx: &impl ConnectionTrait, ids: Vec<WebhookId>) -> Result<()> {
    clear_failing(ids).exec(tx).await.map_err(failed)?;
    Ok(())
}

/// [`succeeded`] as a part of a batch.
pub fn succeeded_in(batch: &mut Batch, ids: Vec<WebhookId>) {
    batch.push(clear_failing(ids));
}

fn clear_failing(ids: Vec<WebhookId>) -> UpdateMany<webhook::Entity> {
    let changes = webhook::ActiveModel { failing_since: ActiveValue::Set(None), ..Default::default() };
    let update = webhook::Entity::update_many().set(changes).filter(webhook::Column::Id.is_in(rows::repeated(ids)));
    update.filter(webhook::Column::FailingSince.is_not_null())
}

/// Notes why a delivery failed, and, unless one came after it, since when they do.
pub fn failed_in(batch: &mut Batch, id: &WebhookId, why: &str, since: Option<Timestamp>) {
    let present = Expr::col(webhook::Column::FailingSince);
    let update = webhook::Entity::update_many()
        .col_expr(webhook::Column::FailingSince, since.map_or(present.clone(), |since| present.if_null(since)))
        .col_expr(webhook::Column::LastError, Expr::val(why))
        .filter(webhook::Column::Id.eq(id.clone()));
    batch.push(update);
}
