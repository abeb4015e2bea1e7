//! All SQL on `session`. Never opens a transaction: callers pass one.

use std::collections::BTreeMap;

use entity::ids::SessionId;
use entity::session;
use entity::timestamp::Timestamp;
use entity::words::session::{DesiredState, PresenceOnConnect, SessionStatus, StatusReason};
use futures::FutureExt;
use sea_orm::sea_query::DeleteStatement;
use sea_orm::sqlx::Error as SqlxError;
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QueryTrait,
    RuntimeErr, SqlErr,
};

use crate::account::{DeviceProps, Identity, PhoneNumber};
use crate::db::fault::failed;
use crate::error::{Error, ErrorKind, Result};
use crate::event::entry::{Last, Write};
use crate::session::setting::Setting;
use crate::session::types::{Live, MediaFetching, SendPace, Session};
use crate::webhook;

/// The table.
pub const TABLE: &str = "session";

/// A session as the service keeps it: what is shown, and what drives it.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// What every door shows.
    pub session: Session,
    /// The state that was last written.
    pub live: Live,
    /// What the phone shows under linked devices.
    pub props: DeviceProps,
}

/// A session that is to be inserted. Its values keep the rules already.
#[derive(Debug)]
pub struct SessionDraft {
    /// Its id.
    pub id: SessionId,
    /// Its name.
    pub name: Option<String>,
    /// Its labels.
    pub metadata: BTreeMap<String, String>,
    /// What the phone shows.
    pub props: DeviceProps,
    /// What WhatsApp is told at each login.
    pub presence_on_connect: PresenceOnConnect,
    /// How fast it is to send.
    pub pace: SendPace,
    /// When it fetches files.
    pub media: MediaFetching,
    /// Where to deliver, and what.
    pub webhook: Option<webhook::row::WebhookRow>,
}

/// Inserts a session that is to come online.
///
/// # Errors
/// `SessionExists`.
pub async fn insert(tx: &impl ConnectionTrait, draft: SessionDraft, now: Timestamp) -> Result<SessionRow> {
    let model = session::Model {
        id: draft.id,
        name: draft.name,
        metadata: serde_json::to_value(draft.metadata).map_err(Error::internal)?,
        desired: DesiredState::Online,
        status: SessionStatus::Connecting,
        reason: StatusReason::Requested,
        since: now,
        banned_until: None,
        phone_number: None,
        lid: None,
        device_id: None,
        push_name: None,
        device_os: draft.props.os,
        device_platform: draft.props.platform,
        device_version: draft.props.version,
        presence_on_connect: draft.presence_on_connect,
        send_rate: draft.pace.rate,
        send_burst: draft.pace.burst.map(burst_column),
        media_fetch: draft.media.fetch,
        media_max_bytes: draft.media.max_bytes.map(i64::from),
        created_at: now,
        updated_at: now,
        last_connected_at: None,
    };
    let id = model.id.clone();
    session::Entity::insert(session::ActiveModel::from(model.clone()))
        .exec_without_returning(tx)
        .await
        .map_err(|error| id_conflict(error, &id))?;
    if let Some(webhook) = &draft.webhook {
        webhook::store::insert(tx, webhook).await?;
    }
    Ok(SessionRow::from(model))
}

/// As the column has it, which knows no numbers without a sign.
fn burst_column(burst: u32) -> i32 {
    i32::try_from(burst).unwrap_or(i32::MAX)
}

fn id_conflict(error: DbErr, id: &SessionId) -> Error {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => exists(id).because(error),
        _ => failed(error),
    }
}

/// The refusal of a second session with an id.
pub fn exists(id: &SessionId) -> Error {
    Error::new(ErrorKind::SessionExists, format!("a session with the id `{id}` exists"))
}

/// One session.
pub async fn find(db: &impl ConnectionTrait, id: &SessionId) -> Result<Option<SessionRow>> {
    Ok(session::Entity::find_by_id(id.clone()).one(db).await.map_err(failed)?.map(SessionRow::from))
}

/// Every session, oldest first. For the start.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<SessionRow>> {
    let models = session::Entity::find()
        .order_by_asc(session::Column::CreatedAt)
        .order_by_asc(session::Column::Id)
        .all(db)
        .await
        .map_err(failed)?;
    Ok(models.into_iter().map(SessionRow::from).collect())
}

/// What is to change about a session. Its values keep the rules already; what is absent stays.
#[derive(Debug)]
pub struct Changes {
    /// Its name, or none.
    pub name: Option<Option<String>>,
    /// Its labels.
    pub metadata: Option<BTreeMap<String, String>>,
    /// What WhatsApp is told at each login.
    pub presence_on_connect: Option<PresenceOnConnect>,
    /// Messages per second that it sends.
    pub send_rate: Setting<f64>,
    /// Messages that it sends at once.
    pub send_burst: Setting<u32>,
    /// When it fetches files.
    pub media: Option<MediaFetching>,
}

/// Changes what a client chose. None if there is no such session.
pub async fn update(
    tx: &impl ConnectionTrait,
    id: &SessionId,
    changes: Changes,
    now: Timestamp,
) -> Result<Option<Session>> {
    let Changes { name, metadata, presence_on_connect, send_rate, send_burst, media } = changes;
    let send_burst = send_burst.chosen().map(|burst| burst.map(burst_column));
    let metadata = metadata.map(serde_json::to_value).transpose().map_err(Error::internal)?;
    let changes = session::ActiveModel {
        name: name.map_or(ActiveValue::NotSet, ActiveValue::Set),
        metadata: metadata.map_or(ActiveValue::NotSet, ActiveValue::Set),
        presence_on_connect: presence_on_connect.map_or(ActiveValue::NotSet, ActiveValue::Set),
        send_rate: send_rate.chosen().map_or(ActiveValue::NotSet, ActiveValue::Set),
        send_burst: send_burst.map_or(ActiveValue::NotSet, ActiveValue::Set),
        media_fetch: media.map_or(ActiveValue::NotSet, |media| ActiveValue::Set(media.fetch)),
        media_max_bytes: media.map_or(ActiveValue::NotSet, |media| ActiveValue::Set(media.max_bytes.map(i64::from))),
        updated_at: ActiveValue::Set(now),
        ..Default::default()
    };
    let changed = session::Entity::update_many()
        .set(changes)
        .filter(session::Column::Id.eq(id.clone()))
        .exec_with_returning(tx)
        .await
        .map_err(failed)?;
    Ok(changed.into_iter().next().map(|model| SessionRow::from(model).session))
}

/// Writes what a session is, wants and is linked to. Nothing if it was deleted meanwhile.
pub async fn write_state(tx: &impl ConnectionTrait, id: &SessionId, live: &Live, now: Timestamp) -> Result<()> {
    let identity = live.identity.as_ref();
    let changes = session::ActiveModel {
        desired: ActiveValue::Set(live.desired),
        status: ActiveValue::Set(live.status),
        reason: ActiveValue::Set(live.reason),
        since: ActiveValue::Set(live.since),
        banned_until: ActiveValue::Set(live.banned_until),
        phone_number: ActiveValue::Set(identity.map(|identity| identity.phone_number.digits().to_owned())),
        lid: ActiveValue::Set(identity.and_then(|identity| identity.lid.clone())),
        device_id: ActiveValue::Set(identity.map(|identity| identity.device_id)),
        push_name: ActiveValue::Set(live.push_name.clone()),
        updated_at: ActiveValue::Set(now),
        last_connected_at: live.last_connected().map_or(ActiveValue::NotSet, |moment| ActiveValue::Set(Some(moment))),
        ..Default::default()
    };
    session::Entity::update_many()
        .set(changes)
        .filter(session::Column::Id.eq(id.clone()))
        .exec(tx)
        .await
        .map_err(failed)?;
    Ok(())
}

/// [`write_state`] as a part of a transaction of the journal.
pub fn state_write(id: &SessionId, live: Live, now: Timestamp) -> Write {
    let id = id.clone();
    Box::new(move |tx| {
        let (id, live) = (id.clone(), live.clone());
        async move { write_state(tx, &id, &live, now).await.map(|()| Vec::new()) }.boxed()
    })
}

/// Whether the database refused what was to be written, so that it will refuse it again: a value, not the moment.
pub fn is_final(error: &Error) -> bool {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let cause = causes.filter_map(|cause| cause.downcast_ref::<DbErr>()).next();
    let Some(DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = cause else {
        return false;
    };
    let Some(error) = error.as_database_error() else { return matches!(**error, SqlxError::Encode(_)) };
    let code = error.code().unwrap_or_default();
    match code.parse::<u32>() {
        // SQLite's, of which the lower byte is the class: too big, a broken constraint, another type than the column's.
        Ok(number) if code.len() < 5 => matches!(number & 0xff, 18..=20),
        // PostgreSQL's have five signs, of which two are the class: a bad value, a broken constraint.
        _ => code.starts_with("22") || code.starts_with("23"),
    }
}

/// After a start nothing is connected, whatever the process before wrote last.
pub async fn reset(tx: &impl ConnectionTrait, now: Timestamp) -> Result<()> {
    let banned = Condition::all().add(session::Column::BannedUntil.gt(now));
    let mut coming_back = session::ActiveModel {
        status: ActiveValue::Set(SessionStatus::Connecting),
        reason: ActiveValue::Set(StatusReason::Starting),
        since: ActiveValue::Set(now),
        banned_until: ActiveValue::Set(None),
        ..Default::default()
    };
    session::Entity::update_many()
        .set(coming_back.clone())
        .filter(session::Column::Desired.eq(DesiredState::Online))
        .filter(Condition::any().add(session::Column::BannedUntil.is_null()).add(banned.not()))
        .exec(tx)
        .await
        .map_err(failed)?;
    coming_back.status = ActiveValue::Set(SessionStatus::Disconnected);
    coming_back.reason = ActiveValue::Set(StatusReason::Requested);
    session::Entity::update_many()
        .set(coming_back)
        .filter(session::Column::Desired.eq(DesiredState::Offline))
        .filter(session::Column::Status.ne(SessionStatus::Disconnected))
        .exec(tx)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Deletes a session with all that hangs on it, but for what is owed: its events and their deliveries stay until they are made,
/// and with them its webhooks. False if there was none.
pub async fn delete(tx: &impl ConnectionTrait, id: &SessionId) -> Result<bool> {
    webhook::store::end(tx, id).await?;
    Ok(tx.execute(&only(id)).await.map_err(failed)?.rows_affected() > 0)
}

/// The session, when nothing else is left to be done.
fn only(id: &SessionId) -> DeleteStatement {
    session::Entity::delete_by_id(id.clone()).into_query()
}

/// [`delete`] as the end of a transaction of the journal.
pub fn deletion(id: &SessionId) -> Last {
    let id = id.clone();
    Box::new(move |batch| {
        webhook::store::end_in(batch, &id);
        batch.push(only(&id));
    })
}

/// Whether anything can be written about a session now. Nothing is changed by it but when the row was last written.
pub async fn touch(tx: &impl ConnectionTrait, id: &SessionId, now: Timestamp) -> Result<()> {
    let changes = session::ActiveModel { updated_at: ActiveValue::Set(now), ..Default::default() };
    session::Entity::update_many()
        .set(changes)
        .filter(session::Column::Id.eq(id.clone()))
        .exec(tx)
        .await
        .map_err(failed)?;
    Ok(())
}

impl From<session::Model> for SessionRow {
    fn from(row: session::Model) -> Self {
        let session::Model {
            id,
            name,
            metadata,
            desired,
            status,
            reason,
            since,
            banned_until,
            phone_number,
            lid,
            device_id,
            push_name,
            device_os,
            device_platform,
            device_version,
            presence_on_connect,
            send_rate,
            send_burst,
            media_fetch,
            media_max_bytes,
            created_at,
            updated_at,
            last_connected_at,
        } = row;
        let identity = phone_number.as_deref().and_then(|digits| {
            let phone_number = PhoneNumber::parse("phone_number", digits).ok()?;
            Some(Identity { phone_number, lid, device_id: device_id? })
        });
        Self {
            session: Session {
                id,
                name,
                phone_number,
                push_name: push_name.clone(),
                status,
                created_at,
                updated_at,
                last_connected_at,
                is_logged_in: status == SessionStatus::LoggedIn,
                // We wrote it; a row edited by hand into something else shows no labels.
                metadata: serde_json::from_value(metadata).unwrap_or_default(),
                presence_on_connect,
                send_rate,
                send_burst: send_burst.and_then(|burst| u32::try_from(burst).ok()),
                media: MediaFetching {
                    fetch: media_fetch,
                    max_bytes: media_max_bytes.and_then(|bytes| u32::try_from(bytes).ok()),
                },
            },
            live: Live {
                status,
                reason,
                since,
                banned_until,
                desired,
                next_retry_at: banned_until,
                identity,
                push_name,
                qr: None,
                pair_code: None,
            },
            props: DeviceProps { os: device_os, platform: device_platform, version: device_version },
        }
    }
}
