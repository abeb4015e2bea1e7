//! All SQL on `upload_key`. Never opens a transaction: callers pass one.

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::upload_key::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::db::fault::failed;
use crate::error::Result;
use crate::message::store::upload_store::UploadKey;
use crate::whatsapp::operation::media::MediaKey;

/// The key that this account began to upload a file with after a moment. None if there is none.
pub(in crate::message) async fn find(
    db: &impl ConnectionTrait,
    session: &SessionId,
    key: &UploadKey,
    account: &str,
    after: Timestamp,
) -> Result<Option<MediaKey>> {
    let found = Entity::find_by_id((session.clone(), key.hash.0.to_vec(), key.kind))
        .filter(Column::Account.eq(account))
        .filter(Column::CreatedAt.gt(after));
    let found = found.one(db).await.map_err(failed)?;
    Ok(found.and_then(|model| MediaKey::from_bytes(&model.media_key)))
}

/// Writes the key of a file, in place of the one that it had.
pub(in crate::message) async fn put(
    db: &impl ConnectionTrait,
    session: &SessionId,
    key: &UploadKey,
    account: &str,
    media_key: &MediaKey,
    now: Timestamp,
) -> Result<()> {
    let model = Model {
        session_id: session.clone(),
        sha256: key.hash.0.to_vec(),
        kind: key.kind,
        account: account.to_owned(),
        media_key: media_key.bytes().to_vec(),
        created_at: now,
    };
    let rule = OnConflict::columns([Column::SessionId, Column::Sha256, Column::Kind])
        .update_columns([Column::Account, Column::MediaKey, Column::CreatedAt])
        .to_owned();
    let insert = Entity::insert(ActiveModel::from(model)).on_conflict(rule);
    insert.exec_without_returning(db).await.map_err(failed)?;
    Ok(())
}

/// Deletes the key of a file: it is uploaded.
pub(in crate::message) async fn delete(db: &impl ConnectionTrait, session: &SessionId, key: &UploadKey) -> Result<()> {
    let id = (session.clone(), key.hash.0.to_vec(), key.kind);
    Entity::delete_by_id(id).exec(db).await.map_err(failed)?;
    Ok(())
}

/// Deletes the keys that were made before a moment: they are not used any more.
pub(in crate::message) async fn delete_old(db: &impl ConnectionTrait, before: Timestamp) -> Result<()> {
    Entity::delete_many().filter(Column::CreatedAt.lte(before)).exec(db).await.map_err(failed)?;
    Ok(())
}
