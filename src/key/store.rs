//! All SQL on `api_key`. Never opens a transaction.

use entity::api_key;
use entity::ids::{KeyId, SessionId};
use entity::timestamp::Timestamp;
use entity::words::access::Scope;
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::caller::Powers;
use crate::db::fault::failed;
use crate::error::{Error, Result};
use crate::token::Digest;

/// The table.
pub const TABLE: &str = "api_key";

/// A key as it is kept.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// Its id.
    pub id: KeyId,
    /// What its maker calls it.
    pub name: String,
    /// The digest of its token.
    pub digest: Digest,
    /// The digest of the token before, and until when that one works.
    pub old: Option<(Digest, Timestamp)>,
    /// What it may do.
    pub powers: Powers,
    /// Until when it works.
    pub expires_at: Option<Timestamp>,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// The key that made it.
    pub created_by: Option<KeyId>,
}

/// Every key, oldest first. For the start.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<KeyRow>> {
    let models = api_key::Entity::find().order_by_asc(api_key::Column::CreatedAt).all(db).await.map_err(failed)?;
    models.into_iter().map(KeyRow::try_from).collect()
}

/// One key.
pub async fn find(db: &impl ConnectionTrait, id: &KeyId) -> Result<Option<KeyRow>> {
    api_key::Entity::find_by_id(id.clone()).one(db).await.map_err(failed)?.map(KeyRow::try_from).transpose()
}

/// Inserts a key.
pub async fn insert(db: &impl ConnectionTrait, key: &KeyRow) -> Result<()> {
    let words: Vec<_> = key.powers.scopes.iter().map(|scope| scope.as_str()).collect();
    let sessions = key.powers.sessions.as_ref().map(serde_json::to_value).transpose().map_err(Error::internal)?;
    let model = api_key::Model {
        id: key.id.clone(),
        name: key.name.clone(),
        digest: key.digest.to_vec(),
        old_digest: key.old.map(|(digest, _)| digest.to_vec()),
        old_expires_at: key.old.map(|(_, moment)| moment),
        scopes: serde_json::to_value(words).map_err(Error::internal)?,
        sessions,
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
        created_at: key.created_at,
        created_by: key.created_by.clone(),
    };
    api_key::Entity::insert(api_key::ActiveModel::from(model)).exec_without_returning(db).await.map_err(failed)?;
    Ok(())
}

/// Writes the token that works from now on, and until when the one before does.
pub async fn rotate(db: &impl ConnectionTrait, id: &KeyId, digest: Digest, old: (Digest, Timestamp)) -> Result<()> {
    let changes = api_key::ActiveModel {
        digest: ActiveValue::Set(digest.to_vec()),
        old_digest: ActiveValue::Set(Some(old.0.to_vec())),
        old_expires_at: ActiveValue::Set(Some(old.1)),
        ..Default::default()
    };
    api_key::Entity::update_many()
        .set(changes)
        .filter(api_key::Column::Id.eq(id.clone()))
        .exec(db)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Writes when a key was last used.
pub async fn touch(db: &impl ConnectionTrait, id: &KeyId, moment: Timestamp) -> Result<()> {
    let changes = api_key::ActiveModel { last_used_at: ActiveValue::Set(Some(moment)), ..Default::default() };
    api_key::Entity::update_many()
        .set(changes)
        .filter(api_key::Column::Id.eq(id.clone()))
        .exec(db)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Deletes a key with the pairing links that it made.
pub async fn delete(db: &impl ConnectionTrait, id: &KeyId) -> Result<()> {
    api_key::Entity::delete_by_id(id.clone()).exec(db).await.map_err(failed)?;
    Ok(())
}

impl TryFrom<api_key::Model> for KeyRow {
    type Error = Error;

    /// # Errors
    /// `Internal` for a row that we cannot have written: a key that is half understood must not let anybody in.
    fn try_from(row: api_key::Model) -> Result<Self> {
        let api_key::Model {
            id,
            name,
            digest,
            old_digest,
            old_expires_at,
            scopes,
            sessions,
            expires_at,
            last_used_at,
            created_at,
            created_by,
        } = row;
        let broken = || Error::internal(format!("the row of {id} cannot be read"));
        let digest_of = |bytes: Vec<u8>| Digest::try_from(bytes).map_err(|_| broken());
        let words: Vec<String> = serde_json::from_value(scopes).map_err(|_| broken())?;
        let scopes = words.iter().map(|word| Scope::parse(word).ok_or_else(broken)).collect::<Result<_>>()?;
        let ids: Option<Vec<String>> = sessions.map(serde_json::from_value).transpose().map_err(|_| broken())?;
        let read = |id: &String| SessionId::parse(id).map_err(|_| broken());
        let sessions = ids.map(|ids| ids.iter().map(read).collect::<Result<_>>()).transpose()?;
        let old = old_digest.map(digest_of).transpose()?.zip(old_expires_at);
        let digest = digest_of(digest)?;
        let powers = Powers { scopes, sessions };
        Ok(Self { id, name, digest, old, powers, expires_at, last_used_at, created_at, created_by })
    }
}
