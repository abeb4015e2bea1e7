//! All SQL on `outgoing_media` and `uploaded_file`, with a look at the messages that wait for them. Never opens a transaction: callers
//! pass one.

use std::time::Duration;

use entity::ids::SessionId;
use entity::outgoing_media::{ActiveModel, Column, Entity, Model};
use entity::timestamp::Timestamp;
use entity::words::message::FileKind;
use entity::words::outgoing::MessageStatus;
use entity::{outgoing, uploaded_file};
use sea_orm::sea_query::{Alias, Expr, OnConflict, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    Select,
};

use crate::db::fault::failed;
use crate::error::Result;
use crate::media::hash::FileHash;
use crate::message::store::uploaded::Uploaded;
use crate::whatsapp::compose::FileAddress;

/// How long before its moment the file of a scheduled message is uploaded, so that the message goes in time.
const AHEAD: Duration = Duration::from_secs(60 * 60);

/// The file of a message, which is still to be uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::message) struct AwaitedUpload {
    /// What the file is called.
    pub(in crate::message) hash: FileHash,
    /// What it is sent as.
    pub(in crate::message) kind: FileKind,
    /// Its media type.
    pub(in crate::message) mimetype: String,
}

/// What is uploaded once, however many messages wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::message) struct UploadKey {
    pub(in crate::message) hash: FileHash,
    pub(in crate::message) kind: FileKind,
}

/// A message that waits for its file to be uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::message) struct WaitingMessage {
    pub(in crate::message) message_id: String,
    /// Media type of its file.
    pub(in crate::message) mimetype: String,
    pub(in crate::message) lane: String,
}

/// Inserts the file of a message. It waits for that of the message `after`, if there is one.
pub(in crate::message) async fn insert(
    tx: &impl ConnectionTrait,
    session: &SessionId,
    message_id: &str,
    awaited: &AwaitedUpload,
    after: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    let AwaitedUpload { hash, kind, mimetype } = awaited.clone();
    let model = Model {
        session_id: session.clone(),
        message_id: message_id.to_owned(),
        sha256: hash.0.to_vec(),
        kind,
        mimetype,
        after_id: after.map(str::to_owned),
        created_at: now,
    };
    Entity::insert(ActiveModel::from(model)).exec_without_returning(tx).await.map_err(failed)?;
    Ok(())
}

/// Deletes the file of a message: it is uploaded.
pub(in crate::message) async fn delete(tx: &impl ConnectionTrait, session: &SessionId, message_id: &str) -> Result<()> {
    Entity::delete_by_id((session.clone(), message_id.to_owned())).exec(tx).await.map_err(failed)?;
    Ok(())
}

/// What is to be uploaded for a session now: what is to be sent first comes first, and of that what was asked for first. At most `limit`.
pub(in crate::message) async fn awaited(
    db: &impl ConnectionTrait,
    session: &SessionId,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<UploadKey>> {
    let found = awaiting(now)
        .select_only()
        .column(Column::Sha256)
        .column(Column::Kind)
        .filter(Column::SessionId.eq(session.clone()))
        .group_by(Column::Sha256)
        .group_by(Column::Kind)
        .order_by_asc(outgoing::Column::DueAt.min())
        .order_by_asc(outgoing::Column::Sequence.min())
        .limit(limit);
    let found: Vec<(Vec<u8>, FileKind)> = found.into_tuple().all(db).await.map_err(failed)?;
    let key = |(bytes, kind): (Vec<u8>, FileKind)| Some(UploadKey { hash: FileHash::from_bytes(&bytes)?, kind });
    Ok(found.into_iter().filter_map(key).collect())
}

/// The messages of a session that wait for this, in the order in which they were asked for, at most `limit`.
pub(in crate::message) async fn waiting(
    db: &impl ConnectionTrait,
    session: &SessionId,
    key: &UploadKey,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<WaitingMessage>> {
    let found = awaiting(now)
        .select_only()
        .column(Column::MessageId)
        .column(Column::Mimetype)
        .column(outgoing::Column::Lane)
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::Sha256.eq(key.hash.0.to_vec()))
        .filter(Column::Kind.eq(key.kind))
        .order_by_asc(outgoing::Column::Sequence)
        .limit(limit);
    let found: Vec<(String, String, String)> = found.into_tuple().all(db).await.map_err(failed)?;
    Ok(found.into_iter().map(|(message_id, mimetype, lane)| WaitingMessage { message_id, mimetype, lane }).collect())
}

/// The sessions in which something is to be uploaded now.
pub(in crate::message) async fn sessions(db: &impl ConnectionTrait, now: Timestamp) -> Result<Vec<SessionId>> {
    sessions_of(db, awaiting(now)).await
}

/// The sessions in which the file of a scheduled message is to be uploaded now.
pub(in crate::message) async fn scheduled_sessions(
    db: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<Vec<SessionId>> {
    sessions_of(db, awaiting(now).filter(outgoing::Column::Status.eq(MessageStatus::Scheduled))).await
}

async fn sessions_of(db: &impl ConnectionTrait, select: Select<Entity>) -> Result<Vec<SessionId>> {
    let found = select.select_only().column(Column::SessionId).distinct();
    found.into_tuple().all(db).await.map_err(failed)
}

/// Which of these files a message that is still to be sent waits for.
pub(in crate::message) async fn in_use(db: &impl ConnectionTrait, hashes: &[FileHash]) -> Result<Vec<FileHash>> {
    let found = joined()
        .select_only()
        .column(Column::Sha256)
        .distinct()
        .filter(Column::Sha256.is_in(hashes.iter().map(|hash| hash.0.to_vec())))
        .filter(Expr::col(outgoing::Column::IsOpen.as_column_ref()).eq(true));
    let found: Vec<Vec<u8>> = found.into_tuple().all(db).await.map_err(failed)?;
    Ok(found.iter().filter_map(|bytes| FileHash::from_bytes(bytes)).collect())
}

/// Files of messages that have their turn once these are uploaded, and of those that are to be sent soon.
fn awaiting(now: Timestamp) -> Select<Entity> {
    let is_soon =
        outgoing::Column::Status.eq(MessageStatus::Scheduled).and(outgoing::Column::DueAt.lte(now.after(AHEAD)));
    joined()
        .filter(Expr::col(outgoing::Column::IsOpen.as_column_ref()).eq(Expr::Constant(true.into())))
        .filter(outgoing::Column::Status.eq(MessageStatus::Queued).or(is_soon))
        .filter(outgoing::Column::AwaitsUpload.eq(true))
        .filter(Expr::exists(before()).not())
}

/// The message before one of the same album, while its file is still to be uploaded: phones show an album in the order in which it comes.
fn before() -> SelectStatement {
    let before = || Alias::new("before");
    let of = |column: outgoing::Column| Expr::col((before(), column));
    Query::select()
        .expr(Expr::val(1))
        .from_as(outgoing::Entity, before())
        .and_where(of(outgoing::Column::SessionId).equals(Column::SessionId.as_column_ref()))
        .and_where(of(outgoing::Column::MessageId).equals(Column::AfterId.as_column_ref()))
        .and_where(of(outgoing::Column::IsOpen).eq(true))
        .and_where(of(outgoing::Column::AwaitsUpload).eq(true))
        .take()
}

fn joined() -> Select<Entity> {
    let of_message = Condition::all()
        .add(Expr::col(Column::SessionId.as_column_ref()).eq(Expr::col(outgoing::Column::SessionId.as_column_ref())))
        .add(Expr::col(Column::MessageId.as_column_ref()).eq(Expr::col(outgoing::Column::MessageId.as_column_ref())));
    let mut select = Entity::find();
    QuerySelect::query(&mut select).join(JoinType::InnerJoin, outgoing::Entity, of_message);
    select
}

/// Where a file is that this account uploaded after a moment. None if it did not.
pub(in crate::message) async fn uploaded(
    db: &impl ConnectionTrait,
    session: &SessionId,
    key: &UploadKey,
    account: &str,
    after: Timestamp,
) -> Result<Option<Uploaded>> {
    let id = (session.clone(), key.hash.0.to_vec(), key.kind);
    let found = uploaded_file::Entity::find_by_id(id)
        .filter(uploaded_file::Column::Account.eq(account))
        .filter(uploaded_file::Column::UploadedAt.gt(after));
    Ok(found.one(db).await.map_err(failed)?.map(Uploaded::from))
}

/// Writes where a file is, in place of what was known before.
pub(in crate::message) async fn put_uploaded(
    db: &impl ConnectionTrait,
    session: &SessionId,
    key: &UploadKey,
    account: &str,
    uploaded: &Uploaded,
) -> Result<()> {
    use uploaded_file::Column::{
        Account, DirectPath, FileEncSha256, FileLength, Kind, MediaKey, SessionId, Sha256, UploadedAt, Url,
    };
    let Uploaded { address, file_length, uploaded_at } = uploaded.clone();
    let FileAddress { url, direct_path, media_key, file_enc_sha256 } = address;
    let model = uploaded_file::Model {
        session_id: session.clone(),
        sha256: key.hash.0.to_vec(),
        kind: key.kind,
        account: account.to_owned(),
        url,
        direct_path,
        media_key,
        file_enc_sha256,
        file_length,
        uploaded_at,
    };
    let rule = OnConflict::columns([SessionId, Sha256, Kind])
        .update_columns([Account, Url, DirectPath, MediaKey, FileEncSha256, FileLength, UploadedAt])
        .to_owned();
    let insert = uploaded_file::Entity::insert(uploaded_file::ActiveModel::from(model)).on_conflict(rule);
    insert.exec_without_returning(db).await.map_err(failed)?;
    Ok(())
}

/// Deletes what was uploaded before a moment: it is not used again.
pub(in crate::message) async fn delete_old(db: &impl ConnectionTrait, before: Timestamp) -> Result<()> {
    let delete = uploaded_file::Entity::delete_many().filter(uploaded_file::Column::UploadedAt.lte(before));
    delete.exec(db).await.map_err(failed)?;
    Ok(())
}

impl From<uploaded_file::Model> for Uploaded {
    fn from(model: uploaded_file::Model) -> Self {
        let uploaded_file::Model {
            session_id: _,
            sha256: _,
            kind: _,
            account: _,
            url,
            direct_path,
            media_key,
            file_enc_sha256,
            file_length,
            uploaded_at,
        } = model;
        let address = FileAddress { url, direct_path, media_key, file_enc_sha256 };
        Self { address, file_length, uploaded_at }
    }
}
