//! All SQL on `stored_file` and `media`. Opens no transaction: callers pass one where there must be one.

use entity::ids::{KeyId, MediaId};
use entity::timestamp::Timestamp;
use entity::{media, stored_file};
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, SqlErr,
};

use crate::db::fault::failed;
use crate::error::{Error, ErrorKind, Result};
use crate::media::hash::FileHash;

/// A kept file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRow {
    /// What it is called.
    pub hash: FileHash,
    /// Its size, bytes.
    pub size: u64,
    /// When it was needed last.
    pub used_at: Timestamp,
}

/// What a client handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaRow {
    /// Its id.
    pub id: MediaId,
    /// Whose it is; None is the admin's.
    pub key: Option<KeyId>,
    /// Which file it is.
    pub hash: FileHash,
    /// Its size, bytes.
    pub size: i64,
    /// What it is.
    pub mimetype: String,
    /// What it is called.
    pub file_name: Option<String>,
    /// Its width, pixels.
    pub width: Option<i32>,
    /// Its height, pixels.
    pub height: Option<i32>,
    /// How long it plays, seconds.
    pub seconds: Option<i32>,
    /// When it came in.
    pub created_at: Timestamp,
    /// Until when it can be sent.
    pub expires_at: Timestamp,
}

/// Which files may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Only those that no client has handed in, or whose time is over.
    ByNobody,
    /// These, and those that clients have handed in.
    OrNot,
}

/// Writes that there is a file, and that it is needed now.
pub async fn put_file(db: &impl ConnectionTrait, hash: FileHash, size: u64, now: Timestamp) -> Result<()> {
    let size = i64::try_from(size).map_err(Error::internal)?;
    let model = stored_file::Model { sha256: hash.0.to_vec(), size, created_at: now, used_at: now };
    let rule = OnConflict::column(stored_file::Column::Sha256).update_column(stored_file::Column::UsedAt).to_owned();
    let insert = stored_file::Entity::insert(stored_file::ActiveModel::from(model)).on_conflict(rule);
    insert.exec_without_returning(db).await.map_err(failed)?;
    Ok(())
}

/// The file of this hash.
pub async fn file(db: &impl ConnectionTrait, hash: FileHash) -> Result<Option<FileRow>> {
    let found = stored_file::Entity::find_by_id(hash.0.to_vec()).one(db).await.map_err(failed)?;
    found.map(FileRow::try_from).transpose()
}

/// Writes that a file is needed now.
pub async fn note_use(db: &impl ConnectionTrait, hash: FileHash, now: Timestamp) -> Result<()> {
    let update = stored_file::Entity::update_many()
        .col_expr(stored_file::Column::UsedAt, Expr::value(now))
        .filter(stored_file::Column::Sha256.eq(hash.0.to_vec()));
    update.exec(db).await.map_err(failed)?;
    Ok(())
}

/// Writes of a file that no client holds any more that it was needed no later than then.
pub async fn age(db: &impl ConnectionTrait, hash: FileHash, used_at: Timestamp) -> Result<()> {
    let update = stored_file::Entity::update_many()
        .col_expr(stored_file::Column::UsedAt, Expr::value(used_at))
        .filter(stored_file::Column::Sha256.eq(hash.0.to_vec()))
        .filter(stored_file::Column::UsedAt.gt(used_at))
        .filter(is_held_by_nobody());
    update.exec(db).await.map_err(failed)?;
    Ok(())
}

/// Adds what a client handed in. Its file is written before.
///
/// # Errors
/// `Unauthenticated` if the key was deleted meanwhile.
pub async fn insert(db: &impl ConnectionTrait, row: MediaRow) -> Result<()> {
    let insert = media::Entity::insert(media::ActiveModel::from(media::Model::from(row)));
    insert.exec_without_returning(db).await.map(drop).map_err(|error| match error.sql_err() {
        Some(SqlErr::ForeignKeyConstraintViolation(_)) => {
            Error::new(ErrorKind::Unauthenticated, "the key was deleted meanwhile").because(error)
        }
        _ => failed(error),
    })
}

/// What a client handed in under this id.
pub async fn find(db: &impl ConnectionTrait, id: &MediaId) -> Result<Option<MediaRow>> {
    let found = media::Entity::find_by_id(id.clone()).one(db).await.map_err(failed)?;
    found.map(MediaRow::try_from).transpose()
}

/// Writes until when something can be sent.
pub async fn extend(db: &impl ConnectionTrait, id: &MediaId, expires_at: Timestamp) -> Result<()> {
    let update = media::Entity::update_many()
        .col_expr(media::Column::ExpiresAt, Expr::value(expires_at))
        .filter(media::Column::Id.eq(id.clone()));
    update.exec(db).await.map_err(failed)?;
    Ok(())
}

/// Deletes what a client handed in. False if it is not there any more.
pub async fn delete(db: &impl ConnectionTrait, id: &MediaId) -> Result<bool> {
    let deleted = media::Entity::delete_by_id(id.clone()).exec(db).await.map_err(failed)?;
    Ok(deleted.rows_affected > 0)
}

/// Deletes at most so many of what clients handed in whose time was over at this moment. Gives how many.
pub async fn delete_expired(db: &impl ConnectionTrait, now: Timestamp, limit: u64) -> Result<u64> {
    let expired = Query::select()
        .column(media::Column::Id)
        .from(media::Entity)
        .and_where(media::Column::ExpiresAt.lte(now))
        .limit(limit)
        .to_owned();
    let delete = media::Entity::delete_many().filter(media::Column::Id.in_subquery(expired));
    Ok(delete.exec(db).await.map_err(failed)?.rows_affected)
}

/// At most so many files that were needed last before a moment, those first that were needed longest ago; behind one of them, if one
/// is given.
pub async fn oldest(
    db: &impl ConnectionTrait,
    unused_since: Timestamp,
    held: Held,
    after: Option<FileRow>,
    limit: u64,
) -> Result<Vec<FileRow>> {
    use stored_file::Column;
    let mut files = stored_file::Entity::find().filter(Column::UsedAt.lt(unused_since));
    if held == Held::ByNobody {
        files = files.filter(is_held_by_nobody());
    }
    if let Some(FileRow { hash, size: _, used_at }) = after {
        let is_as_old = Condition::all().add(Column::UsedAt.eq(used_at)).add(Column::Sha256.gt(hash.0.to_vec()));
        files = files.filter(Condition::any().add(Column::UsedAt.gt(used_at)).add(is_as_old));
    }
    let files = files.order_by_asc(Column::UsedAt).order_by_asc(Column::Sha256).limit(limit);
    files.all(db).await.map_err(failed)?.into_iter().map(FileRow::try_from).collect()
}

/// Deletes a file, and what clients handed in as this file if that does not hold it. False, and the transaction must not be
/// committed, if it was needed meanwhile.
pub async fn delete_file(
    tx: &impl ConnectionTrait,
    hash: FileHash,
    unused_since: Timestamp,
    held: Held,
) -> Result<bool> {
    let mut delete = stored_file::Entity::delete_many()
        .filter(stored_file::Column::Sha256.eq(hash.0.to_vec()))
        .filter(stored_file::Column::UsedAt.lt(unused_since));
    if held == Held::ByNobody {
        delete = delete.filter(is_held_by_nobody());
    }
    Ok(delete.exec(tx).await.map_err(failed)?.rows_affected > 0)
}

/// The files whose hashes begin with this byte.
pub async fn beginning_with(db: &impl ConnectionTrait, first: u8) -> Result<Vec<FileRow>> {
    let mut files = stored_file::Entity::find().filter(stored_file::Column::Sha256.gte(vec![first]));
    if let Some(next) = first.checked_add(1) {
        files = files.filter(stored_file::Column::Sha256.lt(vec![next]));
    }
    files.all(db).await.map_err(failed)?.into_iter().map(FileRow::try_from).collect()
}

/// How much room all files take, bytes.
pub async fn total(db: &impl ConnectionTrait) -> Result<u64> {
    #[derive(FromQueryResult)]
    struct Total {
        total: i64,
    }
    // PostgreSQL's sum of numbers of 64 bits is no such number.
    let total = Expr::cust("CAST(COALESCE(SUM(size), 0) AS BIGINT)");
    let select = stored_file::Entity::find().select_only().column_as(total, "total").into_model::<Total>();
    let found = select.one(db).await.map_err(failed)?.map_or(0, |Total { total }| total);
    u64::try_from(found).map_err(Error::internal)
}

/// Whether no client holds the file of a row of `stored_file`.
fn is_held_by_nobody() -> Condition {
    let held = Query::select()
        .expr(Expr::val(1))
        .from(media::Entity)
        .and_where(
            Expr::col((media::Entity, media::Column::Sha256))
                .equals((stored_file::Entity, stored_file::Column::Sha256)),
        )
        .to_owned();
    Condition::all().add(Expr::exists(held).not())
}

impl TryFrom<stored_file::Model> for FileRow {
    type Error = Error;

    fn try_from(model: stored_file::Model) -> Result<Self> {
        let stored_file::Model { sha256, size, created_at: _, used_at } = model;
        Ok(Self { hash: hash(&sha256)?, size: u64::try_from(size).map_err(Error::internal)?, used_at })
    }
}

impl TryFrom<media::Model> for MediaRow {
    type Error = Error;

    fn try_from(model: media::Model) -> Result<Self> {
        let media::Model {
            id,
            key_id: key,
            sha256,
            mimetype,
            file_name,
            size,
            width,
            height,
            seconds,
            created_at,
            expires_at,
        } = model;
        let hash = hash(&sha256)?;
        Ok(Self { id, key, hash, size, mimetype, file_name, width, height, seconds, created_at, expires_at })
    }
}

impl From<MediaRow> for media::Model {
    fn from(row: MediaRow) -> Self {
        let MediaRow { id, key, hash, size, mimetype, file_name, width, height, seconds, created_at, expires_at } = row;
        let sha256 = hash.0.to_vec();
        Self { id, key_id: key, sha256, mimetype, file_name, size, width, height, seconds, created_at, expires_at }
    }
}

fn hash(bytes: &[u8]) -> Result<FileHash> {
    FileHash::from_bytes(bytes).ok_or_else(|| Error::internal("a kept file has no SHA-256 for its name"))
}
