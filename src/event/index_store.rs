//! All SQL on `message`, with one look at what is known of those that were sent. Never opens a transaction: callers pass one.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use entity::ids::SessionId;
use entity::message::{Column, Entity, Model};
use entity::outgoing;
use entity::timestamp::Timestamp;
use entity::words::outgoing::MessageStatus;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select, Value,
};

use crate::db::batch::{Batch, Shortfall};
use crate::db::fault::failed;
use crate::error::Result;
use crate::event::index::{IndexedMessage, MessageKey, StoredMessage};
use crate::event::record::{Duplicates, EventRow};

const INTO_MESSAGE: &str = "message (session_id, message_id, chat, sender, position, is_from_me, type, quoted_id, content, \
                            sent_at, created_at)";

/// Changes of the messages of one page that are looked at. Phones take edits for fifteen minutes.
const CHANGES: u64 = 10_000;
/// Messages with the same id that are looked at.
const SAME_ID: u64 = 16;

/// A place in the list of the messages of which the same is known, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusPlace {
    /// When the message was written down.
    pub created_at: Timestamp,
    /// Its id.
    pub message_id: String,
}

/// Which part of a list of messages, newest first.
#[derive(Clone, Debug, Default)]
pub struct MessageRange {
    /// Only those in the chat with one of these names; all when empty.
    pub chats: Vec<String>,
    /// Only those that the account sent, or only the others.
    pub is_from_me: Option<bool>,
    /// Only those of which this is known. Of all chats, [`page_of_status`] finds them sooner.
    pub status: Option<MessageStatus>,
    /// Only those before this position.
    pub before: i64,
}

/// Adds these messages to a batch, but for those of sessions that were deleted. One that comes again stays as it is. When neither is
/// looked for, it may fail if there are some.
pub(super) fn write<'a>(
    batch: &mut Batch,
    messages: impl Iterator<Item = (&'a IndexedMessage, &'a EventRow)>,
    duplicates: Duplicates,
) {
    let backend = batch.backend();
    let rows = messages.map(|(message, row)| binds(message, row)).collect();
    batch.with_rows(rows, Shortfall::Fine, |values| match backend {
        // As with the events: one row that is not selected is much cheaper.
        DbBackend::Sqlite if duplicates == Duplicates::Unlikely => format!("INSERT INTO {INTO_MESSAGE} {values}"),
        _ => format!(
            "INSERT INTO {INTO_MESSAGE} SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7, \
             v.column8, v.column9, v.column10, v.column11 FROM ({values}) AS v JOIN session s ON s.id = v.column1 WHERE true \
             ON CONFLICT (session_id, message_id, chat, sender) DO NOTHING"
        ),
    });
}

fn binds(message: &IndexedMessage, row: &EventRow) -> Vec<Value> {
    let IndexedMessage { key, is_from_me, message_type, quoted_id, content, sent_at } = message.clone();
    let MessageKey { session_id, chat, sender, message_id } = key.fitted();
    vec![
        session_id.as_str().into(),
        message_id.into(),
        chat.into(),
        sender.into(),
        row.position.into(),
        is_from_me.into(),
        message_type.into(),
        quoted_id.into(),
        content.into(),
        sent_at.into(),
        row.created_at.into(),
    ]
}

/// The messages with this id, oldest first: senders choose the ids, so there can be several.
pub async fn with_id(db: &impl ConnectionTrait, session: &SessionId, message_id: &str) -> Result<Vec<StoredMessage>> {
    let found = Entity::find()
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::MessageId.eq(message_id))
        .order_by_asc(Column::Position)
        .limit(SAME_ID);
    Ok(found.all(db).await.map_err(failed)?.into_iter().map(StoredMessage::from).collect())
}

/// The account's own messages with these ids.
pub async fn own(db: &impl ConnectionTrait, session: &SessionId, message_ids: &[String]) -> Result<Vec<StoredMessage>> {
    let found = Entity::find()
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::MessageId.is_in(message_ids.iter().map(String::as_str)))
        .filter(Column::IsFromMe.eq(true));
    Ok(found.all(db).await.map_err(failed)?.into_iter().map(StoredMessage::from).collect())
}

/// A message that was given to WhatsApp through this API, and the JID to which it went.
pub async fn given(
    db: &impl ConnectionTrait,
    session: &SessionId,
    message_id: &str,
) -> Result<Option<(StoredMessage, String)>> {
    let recipient = outgoing::Entity::find_by_id((session.clone(), message_id.to_owned()))
        .select_only()
        .column(outgoing::Column::Recipient)
        .filter(outgoing::Column::Attempts.gt(0));
    let Some(recipient) = recipient.into_tuple().one(db).await.map_err(failed)? else { return Ok(None) };
    let stored = own(db, session, &[message_id.to_owned()]).await?.into_iter().next();
    Ok(stored.map(|stored| (stored, recipient)))
}

/// Edits and removals of the messages with these ids, oldest first.
pub async fn changes(
    db: &impl ConnectionTrait,
    session: &SessionId,
    message_ids: &[String],
) -> Result<Vec<StoredMessage>> {
    let found = of_messages(session, message_ids).limit(CHANGES).all(db).await.map_err(failed)?;
    let mut found: Vec<_> = found.into_iter().map(StoredMessage::from).collect();
    // Not by the database: SQLite would then read every message of the session in that order.
    found.sort_by_key(|change| change.position);
    Ok(found)
}

fn of_messages(session: &SessionId, message_ids: &[String]) -> Select<Entity> {
    Entity::find()
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::QuotedId.is_in(message_ids.iter().map(String::as_str)))
        // As the index says it: with bound values SQLite would not take it.
        .filter(Expr::cust("type IN ('edit', 'revoke')"))
}

/// Those of the messages with these ids that came in the chat with one of these names, oldest first.
pub async fn incoming(
    db: &impl ConnectionTrait,
    session: &SessionId,
    chats: &[String],
    message_ids: &[String],
) -> Result<Vec<StoredMessage>> {
    let found = Entity::find()
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::MessageId.is_in(message_ids.iter().map(String::as_str)))
        .filter(Column::Chat.is_in(chats.iter().map(String::as_str)))
        .filter(Column::IsFromMe.eq(false))
        .order_by_asc(Column::Position);
    Ok(found.all(db).await.map_err(failed)?.into_iter().map(StoredMessage::from).collect())
}

/// The messages of a session in this range, newest first, at most `limit`.
pub async fn page(
    db: &impl ConnectionTrait,
    session: &SessionId,
    range: &MessageRange,
    limit: u64,
) -> Result<Vec<StoredMessage>> {
    let MessageRange { chats, is_from_me, status, before } = range;
    let chats = (!chats.is_empty()).then(|| Column::Chat.is_in(chats.iter().map(String::as_str)));
    let is_from_me = is_from_me.map(|is_from_me| Column::IsFromMe.eq(is_from_me));
    let status = status.map(|status| {
        // Of each message it is looked up: all that have this status are many.
        let of_message =
            Expr::col(outgoing::Column::MessageId.as_column_ref()).eq(Expr::col(Column::MessageId.as_column_ref()));
        let sent = outgoing::Entity::find().select_only().column(outgoing::Column::MessageId);
        let sent = sent.filter(outgoing::Column::SessionId.eq(session.clone())).filter(of_message);
        let sent = sent.filter(outgoing::Column::Status.eq(status)).into_query();
        Condition::all().add(Column::IsFromMe.eq(true)).add(Expr::exists(sent))
    });
    let found = Entity::find()
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::Position.lt(*before))
        .filter(Condition::all().add_option(chats).add_option(is_from_me).add_option(status))
        .order_by_desc(Column::Position)
        .limit(limit);
    Ok(found.all(db).await.map_err(failed)?.into_iter().map(StoredMessage::from).collect())
}

/// The messages of a session that were sent through this API and have this status, those that were asked for last first, at most
/// `limit`: only those behind a place.
pub async fn page_of_status(
    db: &impl ConnectionTrait,
    session: &SessionId,
    status: MessageStatus,
    after: Option<&StatusPlace>,
    limit: u64,
) -> Result<Vec<StoredMessage>> {
    // Not joined: whichever table is looked at first is up to the database, and one of the two ways looks at every message.
    let ids = of_status(session, status, after).limit(limit);
    let ids: Vec<String> = ids.into_tuple().all(db).await.map_err(failed)?;
    let stored = own(db, session, &ids).await?;
    let mut by_id: HashMap<_, _> =
        stored.into_iter().map(|stored| (stored.message.key.message_id.clone(), stored)).collect();
    Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
}

/// Ids, in the order of an index: a page is found without a look at what is not on it.
fn of_status(session: &SessionId, status: MessageStatus, after: Option<&StatusPlace>) -> Select<outgoing::Entity> {
    let behind = after.map(|StatusPlace { created_at, message_id }| {
        let is_later = outgoing::Column::CreatedAt.lt(*created_at);
        Condition::all()
            // Follows from the other one, which alone would be looked at for each message from the newest on.
            .add(outgoing::Column::CreatedAt.lte(*created_at))
            .add(Condition::any().add(is_later).add(outgoing::Column::MessageId.lt(message_id.as_str())))
    });
    outgoing::Entity::find()
        .select_only()
        .column(outgoing::Column::MessageId)
        .filter(outgoing::Column::SessionId.eq(session.clone()))
        .filter(outgoing::Column::Status.eq(status))
        .filter(Condition::all().add_option(behind))
        .order_by_desc(outgoing::Column::CreatedAt)
        .order_by_desc(outgoing::Column::MessageId)
}

/// Whether there is a message in the chat with one of these names.
pub async fn has_chat(db: &impl ConnectionTrait, session: &SessionId, chats: &[String]) -> Result<bool> {
    let found = Entity::find()
        .select_only()
        .column(Column::Position)
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::Chat.is_in(chats.iter().map(String::as_str)))
        .filter(Column::IsFromMe.eq(false))
        .limit(1);
    Ok(found.into_tuple::<i64>().one(db).await.map_err(failed)?.is_some())
}

/// Positions and ids of a session's oldest messages in this range of positions, at most `limit`.
pub async fn oldest(
    db: &impl ConnectionTrait,
    session: &SessionId,
    range: RangeInclusive<i64>,
    limit: u64,
) -> Result<Vec<(i64, String)>> {
    let found = Entity::find()
        .select_only()
        .columns([Column::Position, Column::MessageId])
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::Position.gte(*range.start()))
        .filter(Column::Position.lte(*range.end()))
        .order_by_asc(Column::Position)
        .limit(limit);
    found.into_tuple().all(db).await.map_err(failed)
}

/// Gives one of the account's own messages its final bytes, before it is sent for the first time.
pub async fn fill(tx: &impl ConnectionTrait, session: &SessionId, message_id: &str, content: Vec<u8>) -> Result<()> {
    let update = Entity::update_many()
        .col_expr(Column::Content, Expr::value(content))
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::MessageId.eq(message_id))
        .filter(Column::IsFromMe.eq(true));
    update.exec(tx).await.map_err(failed)?;
    Ok(())
}

/// Deletes the messages of a session at these positions. Gives how many.
pub async fn delete(tx: &impl ConnectionTrait, session: &SessionId, positions: Vec<i64>) -> Result<u64> {
    let delete =
        Entity::delete_many().filter(Column::SessionId.eq(session.clone())).filter(Column::Position.is_in(positions));
    Ok(delete.exec(tx).await.map_err(failed)?.rows_affected)
}

impl From<Model> for StoredMessage {
    fn from(row: Model) -> Self {
        let Model {
            session_id,
            message_id,
            chat,
            sender,
            position,
            is_from_me,
            message_type,
            quoted_id,
            content,
            sent_at,
            created_at,
        } = row;
        let key = MessageKey { session_id, chat, sender, message_id };
        Self {
            message: IndexedMessage { key, is_from_me, message_type, quoted_id, content, sent_at },
            position,
            created_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{DbBackend, Statement};

    use super::*;
    use crate::db::Db;
    use crate::db::sqlite::Synchronous;

    /// How SQLite runs this.
    async fn plan<E: EntityTrait>(db: &Db, query: Select<E>) -> Vec<String> {
        let Statement { sql, values, db_backend } = query.limit(100).build(DbBackend::Sqlite);
        let values = values.map_or_else(Vec::new, |values| values.0);
        let explain = Statement::from_sql_and_values(db_backend, format!("EXPLAIN QUERY PLAN {sql}"), values);
        let rows = db.read().query_all_raw(explain).await.expect("it is explained");
        rows.iter().map(|row| row.try_get::<String>("", "detail").expect("a text")).collect()
    }

    #[tokio::test]
    async fn what_was_done_to_messages_is_found_by_an_index_of_its_own() {
        let directory = tempfile::tempdir().expect("there is room");
        let db = Db::sqlite(&directory.path().join("waypost.db"), Synchronous::Normal).await.expect("a new file");
        db.migrate().await.expect("tables");
        let session = SessionId::parse("shop").expect("it is one");
        let plan = plan(&db, of_messages(&session, &["M1".to_owned(), "M2".to_owned()])).await;
        assert!(plan[0].contains("message_change_idx (session_id=? AND quoted_id=?)"), "{plan:?}");
    }

    #[tokio::test]
    async fn a_page_of_a_status_is_read_in_the_order_of_an_index_and_nothing_else_is() {
        let directory = tempfile::tempdir().expect("there is room");
        let db = Db::sqlite(&directory.path().join("waypost.db"), Synchronous::Normal).await.expect("a new file");
        db.migrate().await.expect("tables");
        let session = SessionId::parse("shop").expect("it is one");
        let place = StatusPlace { created_at: Timestamp::from_millis(9), message_id: "M1".to_owned() };
        for (after, range) in [(None, ""), (Some(&place), " AND created_at<?")] {
            let plan = plan(&db, of_status(&session, MessageStatus::Failed, after)).await;
            let by_status = format!("outgoing_status_idx (session_id=? AND status=?{range})");
            // Nothing is sorted, or looked for in the table itself.
            assert!(plan.len() == 1 && plan[0].contains("COVERING INDEX") && plan[0].ends_with(&by_status), "{plan:?}");
        }
    }
}
