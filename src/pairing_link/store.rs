//! All SQL on `pairing_link`. Never opens a transaction.

use entity::ids::{KeyId, PairingLinkId, SessionId};
use entity::pairing_link;
use entity::timestamp::Timestamp;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, SqlErr};

use crate::db::fault::failed;
use crate::error::{Error, ErrorKind, Result};
use crate::pairing_link::types::OpenPairingLink;
use crate::token::Digest;

/// The table.
pub const TABLE: &str = "pairing_link";

/// A link as it is kept.
#[derive(Clone, Debug)]
pub struct PairingLinkRow {
    /// Its id.
    pub id: PairingLinkId,
    /// The session that it is for.
    pub session: SessionId,
    /// The digest of its token.
    pub digest: Digest,
    /// Until when it can be used.
    pub expires_at: Timestamp,
    /// When it was created.
    pub created_at: Timestamp,
    /// The key that made it.
    pub created_by: Option<KeyId>,
}

/// Inserts a link.
///
/// # Errors
/// `SessionNotFound` if the session was deleted meanwhile.
pub async fn insert(db: &impl ConnectionTrait, link: PairingLinkRow) -> Result<()> {
    let PairingLinkRow { id, session, digest, expires_at, created_at, created_by } = link;
    let digest = digest.to_vec();
    let model = pairing_link::Model { id, session_id: session, digest, expires_at, created_at, created_by };
    let inserted =
        pairing_link::Entity::insert(pairing_link::ActiveModel::from(model)).exec_without_returning(db).await;
    inserted.map(drop).map_err(|error| match error.sql_err() {
        Some(SqlErr::ForeignKeyConstraintViolation(_)) => {
            Error::new(ErrorKind::SessionNotFound, "no session has this id").because(error)
        }
        _ => failed(error),
    })
}

/// The link with this token.
pub async fn find(db: &impl ConnectionTrait, digest: Digest) -> Result<Option<PairingLinkRow>> {
    let found = pairing_link::Entity::find()
        .filter(pairing_link::Column::Digest.eq(digest.to_vec()))
        .one(db)
        .await
        .map_err(failed)?;
    let Some(row) = found else { return Ok(None) };
    let pairing_link::Model { id, session_id: session, digest: _, expires_at, created_at, created_by } = row;
    Ok(Some(PairingLinkRow { id, session, digest, expires_at, created_at, created_by }))
}

/// The first so many links of a session that can be used at this moment, oldest first: those that were made after it was last
/// logged in.
pub async fn open(
    db: &impl ConnectionTrait,
    session: &SessionId,
    last_connected: Option<Timestamp>,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<OpenPairingLink>> {
    let mut open = pairing_link::Entity::find()
        .filter(pairing_link::Column::SessionId.eq(session.clone()))
        .filter(pairing_link::Column::ExpiresAt.gt(now));
    if let Some(last) = last_connected {
        open = open.filter(pairing_link::Column::CreatedAt.gt(last));
    }
    let sorted = open.order_by_asc(pairing_link::Column::CreatedAt).order_by_asc(pairing_link::Column::Id);
    let rows = sorted.limit(limit).all(db).await.map_err(failed)?;
    Ok(rows.into_iter().map(shown).collect())
}

/// The link with this id, if it is one of this session; whether it can be used or not.
pub async fn of_session(
    db: &impl ConnectionTrait,
    session: &SessionId,
    id: &PairingLinkId,
) -> Result<Option<OpenPairingLink>> {
    let link = pairing_link::Entity::find_by_id(id.clone()).filter(pairing_link::Column::SessionId.eq(session.clone()));
    Ok(link.one(db).await.map_err(failed)?.map(shown))
}

/// Deletes a link. False if there is none any more.
pub async fn delete(db: &impl ConnectionTrait, id: &PairingLinkId) -> Result<bool> {
    let deleted = pairing_link::Entity::delete_by_id(id.clone()).exec(db).await.map_err(failed)?;
    Ok(deleted.rows_affected > 0)
}

/// Forgets the links of a session whose time was over before this moment.
pub async fn forget(db: &impl ConnectionTrait, session: &SessionId, before: Timestamp) -> Result<()> {
    pairing_link::Entity::delete_many()
        .filter(pairing_link::Column::SessionId.eq(session.clone()))
        .filter(pairing_link::Column::ExpiresAt.lt(before))
        .exec(db)
        .await
        .map_err(failed)?;
    Ok(())
}

fn shown(row: pairing_link::Model) -> OpenPairingLink {
    let pairing_link::Model { id, session_id: _, digest: _, expires_at, created_at, created_by: _ } = row;
    OpenPairingLink { id, created_at, expires_at }
}
