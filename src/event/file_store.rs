//! All SQL on `message_file`. Files are written in the transaction of their events. Never opens a transaction: callers pass one.

use entity::ids::SessionId;
use entity::message_file::{ActiveModel, Column, Entity, Model};
use entity::timestamp::Timestamp;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, UpdateMany, Value};

use crate::db::batch::Batch;
use crate::db::batch::Shortfall;
use crate::db::fault::failed;
use crate::error::Result;
use crate::event::file::{MessageFile, StoredFile};
use crate::event::index::MessageKey;

const INTO_FILE: &str = "message_file (session_id, chat, sender, message_id, kind, direct_path, media_key, file_sha256, \
                         file_enc_sha256, file_length, mimetype, created_at, fetch_at, fetch_attempts, is_verified)";

/// Messages with the same id that are looked at.
const SAME_ID: u64 = 16;

/// Adds these files to a batch, but for those of sessions that were deleted. A message that comes again has the same one. Those that
/// their session fetches as they come are to be fetched at once; of what does not say how large it is, nobody knows that it may.
pub(super) fn write<'a>(batch: &mut Batch, files: impl Iterator<Item = (&'a MessageKey, &'a MessageFile, Timestamp)>) {
    let rows = files.map(|(key, file, created_at)| binds(key, file, created_at)).collect();
    batch.with_rows(rows, Shortfall::Fine, |values| {
        format!(
            "INSERT INTO {INTO_FILE} SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7, \
             v.column8, v.column9, v.column10, v.column11, v.column12, CASE WHEN s.media_fetch = 'eager' AND \
             (s.media_max_bytes IS NULL OR v.column10 <= s.media_max_bytes) THEN v.column12 END, 0, false \
             FROM ({values}) AS v JOIN session s ON s.id = v.column1 WHERE true ON CONFLICT (session_id, chat, sender, message_id) DO NOTHING"
        )
    });
}

/// Writes the file of one message that this server sends, once it is known where it is, and whether it is known to have the hash that
/// the message says.
///
/// # Errors
/// `Unavailable`.
pub async fn put(
    tx: &impl ConnectionTrait,
    key: &MessageKey,
    file: &MessageFile,
    is_verified: bool,
    created_at: Timestamp,
) -> Result<()> {
    let MessageKey { session_id, chat, sender, message_id } = key.clone().fitted();
    let MessageFile { kind, direct_path, media_key, file_sha256, file_enc_sha256, file_length, mimetype } =
        file.clone();
    let model = Model {
        session_id,
        chat,
        sender,
        message_id,
        kind,
        direct_path,
        media_key,
        file_sha256,
        file_enc_sha256,
        file_length,
        mimetype,
        created_at,
        fetch_at: None,
        fetch_attempts: 0,
        is_verified,
    };
    let insert = Entity::insert(ActiveModel::from(model)).on_conflict(OnConflict::new().do_nothing().to_owned());
    insert.exec_without_returning(tx).await.map_err(failed)?;
    Ok(())
}

fn binds(key: &MessageKey, file: &MessageFile, created_at: Timestamp) -> Vec<Value> {
    let MessageKey { session_id, chat, sender, message_id } = key;
    let MessageFile { kind, direct_path, media_key, file_sha256, file_enc_sha256, file_length, mimetype } =
        file.clone();
    vec![
        session_id.as_str().into(),
        chat.as_str().into(),
        sender.as_str().into(),
        message_id.as_str().into(),
        kind.into(),
        direct_path.into(),
        media_key.into(),
        file_sha256.into(),
        file_enc_sha256.into(),
        file_length.into(),
        mimetype.into(),
        created_at.into(),
    ]
}

/// The files of the messages with this id, oldest first: senders choose the ids, so there can be several.
pub async fn with_id(db: &impl ConnectionTrait, session: &SessionId, message_id: &str) -> Result<Vec<StoredFile>> {
    let found = Entity::find()
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::MessageId.eq(message_id))
        .order_by_asc(Column::CreatedAt)
        .limit(SAME_ID);
    Ok(found.all(db).await.map_err(failed)?.into_iter().map(StoredFile::from).collect())
}

/// Those of these sessions that are to be fetched by now, the longest waiting first, at most `limit`.
pub async fn due(
    db: &impl ConnectionTrait,
    sessions: &[SessionId],
    now: Timestamp,
    limit: u64,
) -> Result<Vec<StoredFile>> {
    let found = Entity::find()
        .filter(Column::SessionId.is_in(sessions.iter().cloned()))
        .filter(Column::FetchAt.lte(now))
        .order_by_asc(Column::FetchAt)
        .limit(limit);
    Ok(found.all(db).await.map_err(failed)?.into_iter().map(StoredFile::from).collect())
}

/// Writes where a file is now.
pub async fn set_path(db: &impl ConnectionTrait, key: &MessageKey, direct_path: &str) -> Result<()> {
    let update = of(key).col_expr(Column::DirectPath, Expr::value(direct_path));
    update.exec(db).await.map_err(failed)?;
    Ok(())
}

/// Writes the hash of a file that was fetched, and that it is the one that the message says, if it says any.
pub async fn verified(db: &impl ConnectionTrait, key: &MessageKey, sha256: &[u8]) -> Result<()> {
    let update = of(key).col_expr(Column::FileSha256, Expr::value(sha256.to_vec()));
    let update = update.col_expr(Column::IsVerified, Expr::value(true));
    update.exec(db).await.map_err(failed)?;
    Ok(())
}

/// Writes when a file is to be fetched next, if ever, and how often that has failed.
pub async fn put_off(
    db: &impl ConnectionTrait,
    key: &MessageKey,
    fetch_at: Option<Timestamp>,
    attempts: i32,
) -> Result<()> {
    let update = of(key).col_expr(Column::FetchAt, Expr::value(fetch_at));
    let update = update.col_expr(Column::FetchAttempts, Expr::value(attempts)).filter(Column::FetchAt.is_not_null());
    update.exec(db).await.map_err(failed)?;
    Ok(())
}

/// A file was fetched. Says whether it was still to be.
pub async fn fetched(tx: &impl ConnectionTrait, key: &MessageKey) -> Result<bool> {
    let update =
        of(key).col_expr(Column::FetchAt, Expr::value(None::<Timestamp>)).filter(Column::FetchAt.is_not_null());
    Ok(update.exec(tx).await.map_err(failed)?.rows_affected > 0)
}

fn of(key: &MessageKey) -> UpdateMany<Entity> {
    let MessageKey { session_id, chat, sender, message_id } = key;
    Entity::update_many()
        .filter(Column::SessionId.eq(session_id.clone()))
        .filter(Column::Chat.eq(chat.as_str()))
        .filter(Column::Sender.eq(sender.as_str()))
        .filter(Column::MessageId.eq(message_id.as_str()))
}

impl From<Model> for StoredFile {
    fn from(row: Model) -> Self {
        let Model {
            session_id,
            chat,
            sender,
            message_id,
            kind,
            direct_path,
            media_key,
            file_sha256,
            file_enc_sha256,
            file_length,
            mimetype,
            created_at: _,
            fetch_at: _,
            fetch_attempts,
            is_verified,
        } = row;
        let key = MessageKey { session_id, chat, sender, message_id };
        let file = MessageFile { kind, direct_path, media_key, file_sha256, file_enc_sha256, file_length, mimetype };
        Self { key, file, attempts: fetch_attempts, is_verified }
    }
}
