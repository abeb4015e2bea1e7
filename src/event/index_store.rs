//! All SQL on `message`, with one look at what is known of those that were sent. Never opens a transaction: callers pass one.

use std::ops::RangeInclusive;

use entity::ids::SessionId;
use entity::message::{Column, Entity, Model};
use entity::outgoing;
use entity::words::outgoing::MessageStatus;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Value,
};

use crate::db::batch::{Batch, Shortfall};
use crate::db::fault::failed;
use crate::error::Result;
use crate::event::index::{IndexedMessage, MessageKey, StoredMessage};
use crate::event::record::EventRow;

const INTO_MESSAGE: &str = "message (session_id, message_id, chat, sender, position, is_from_me, type, quoted_id, content, \
                            sent_at, created_at)";

/// Messages with the same id that are looked at.
const SAME_ID: u64 = 16;

/// Which part of a list of messages, newest first.
#[derive(Clone, Debug, Default)]
pub struct MessageRange {
    /// Only those in the chat with one of these names; all when empty.
    pub chats: Vec<String>,
    /// Only those that the account sent, or only the others.
    pub is_from_me: Option<bool>,
    /// Only those of which this is known.
    pub status: Option<MessageStatus>,
    /// Only those before this position.
    pub before: i64,
}

/// Adds these messages to a batch, but for those of sessions that were deleted. One that comes again stays as it is.
pub(super) fn write<'a>(batch: &mut Batch, messages: impl Iterator<Item = (&'a IndexedMessage, &'a EventRow)>) {
    let rows = messages.map(|(message, row)| binds(message, row)).collect();
    batch.with_rows(rows, Shortfall::Fine, |values| {
        format!(
            "INSERT INTO {INTO_MESSAGE} SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7, \
             v.column8, v.column9, v.column10, v.column11 FROM ({values}) AS v JOIN session s ON s.id = v.column1 WHERE true \
             ON CONFLICT (session_id, message_id, chat, sender) DO NOTHING"
        )
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
        let sent = outgoing::Entity::find().select_only().column(outgoing::Column::MessageId);
        let sent =
            sent.filter(outgoing::Column::SessionId.eq(session.clone())).filter(outgoing::Column::Status.eq(status));
        Condition::all().add(Column::IsFromMe.eq(true)).add(Column::MessageId.in_subquery(sent.into_query()))
    });
    let found = Entity::find()
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::Position.lt(*before))
        .filter(Condition::all().add_option(chats).add_option(is_from_me).add_option(status))
        .order_by_desc(Column::Position)
        .limit(limit);
    Ok(found.all(db).await.map_err(failed)?.into_iter().map(StoredMessage::from).collect())
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
