//! All SQL on `event`, `event_count` and `bookmark`, with one look at what deliveries still need. Never opens a transaction:
//! callers pass one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::event::EventType;
use entity::words::webhook::DeliveryState;
use entity::{bookmark, delivery, event, event_count, session};
use sea_orm::sea_query::{Expr, LockType, OnConflict, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, ExprTrait, Insert, Order, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Statement, TryGetableMany, Value,
};

use crate::db::batch::Batch;
use crate::db::batch::Shortfall;
use crate::db::fault::failed;
use crate::db::rows::{ROWS, values};
use crate::error::Result;
use crate::event::file_store;
use crate::event::index::MessageKey;
use crate::event::index_store;
use crate::event::record::{Duplicates, EventRow, PositionedEvent, Selection, Span};
use crate::event::timer_store;
use crate::event::vote_store;

/// Messages with the same id in one chat that are looked at.
const SAME_ID: u64 = 16;
/// The position up to which events were turned into deliveries.
pub const FANNED_OUT: &str = "dispatched";
/// The position up to which events were dropped because of their age or number.
pub const PRUNED: &str = "pruned";
/// The position up to which receipts were read.
pub const RECEIPTS: &str = "receipts";

/// Those of these messages that are in the journal already.
pub async fn known(tx: &impl ConnectionTrait, keys: &[&MessageKey]) -> Result<HashSet<MessageKey>> {
    let mut known = HashSet::new();
    for keys in keys.chunks(ROWS) {
        let sql = format!(
            "SELECT e.session_id, e.chat, e.sender, e.message_id FROM ({}) AS v JOIN event e ON e.session_id = v.column1 \
             AND e.chat = v.column2 AND e.sender = v.column3 AND e.message_id = v.column4",
            values(tx.get_database_backend(), keys.len(), 4)
        );
        let binds = keys.iter().flat_map(|key| {
            let MessageKey { session_id, chat, sender, message_id } = key;
            [session_id.as_str(), chat, sender, message_id].map(Value::from)
        });
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, binds);
        for row in tx.query_all_raw(statement).await.map_err(failed)? {
            let (session_id, chat, sender, message_id) =
                TryGetableMany::try_get_many_by_index(&row).map_err(DbErr::from).map_err(failed)?;
            known.insert(MessageKey { session_id, chat, sender, message_id });
        }
    }
    Ok(known)
}

const INTO_EVENT: &str = "event (session_id, position, id, sequence, type, created_at, body, chat, sender, message_id)";
const UNLESS_DUPLICATE: &str =
    " ON CONFLICT (session_id, chat, sender, message_id) WHERE message_id IS NOT NULL DO NOTHING";

/// Adds what writes these events, in order, and counts them. It gives how many events each session has then. What happens on a
/// session that was deleted is left out, and not counted. When neither messages that are there already nor such sessions are
/// looked for, it fails if there are some; with PostgreSQL not by an error of its own, which it would write into its log together
/// with the sender's number.
pub(super) fn write(batch: &mut Batch, events: &[PositionedEvent], duplicates: Duplicates) {
    let backend = batch.backend();
    let is_unchecked = duplicates == Duplicates::Unlikely;
    let shortfall = if is_unchecked { Shortfall::Fails } else { Shortfall::Fine };
    let unless_duplicate = if is_unchecked && backend == DbBackend::Postgres { UNLESS_DUPLICATE } else { "" };
    let mut more = BTreeMap::new();
    for event in events {
        *more.entry(&event.row.session_id).or_insert(0) += 1;
    }
    let more = more.into_iter().map(|(id, more)| vec![id.as_str().into(), more.into()]).collect();
    batch.with_rows(more, Shortfall::Fine, |values| {
        format!(
            "INSERT INTO event_count (session_id, last_sequence) SELECT s.id, v.column2 FROM ({values}) AS v JOIN session s \
             ON s.id = v.column1 WHERE true ON CONFLICT (session_id) DO UPDATE SET last_sequence = \
             event_count.last_sequence + excluded.last_sequence RETURNING session_id, last_sequence"
        )
    });
    batch.with_rows(events.iter().map(binds).collect(), shortfall, |values| match backend {
        // One row, as all of SQLite's. Selected it would be dearer: SQLite then copies each page before it changes it, to be
        // able to undo the statement alone. Where there is no session there is no sequence.
        DbBackend::Sqlite if is_unchecked => format!(
            "INSERT INTO {INTO_EVENT} VALUES (?1, ?2, ?3, (SELECT c.last_sequence - ?4 FROM event_count c JOIN session s \
             ON s.id = c.session_id WHERE c.session_id = ?1), ?5, ?6, ?7, ?8, ?9, ?10)"
        ),
        _ => format!(
            "INSERT INTO {INTO_EVENT} SELECT v.column1, v.column2, v.column3, c.last_sequence - v.column4, v.column5, v.column6, \
             v.column7, v.column8, v.column9, v.column10 FROM ({values}) AS v JOIN event_count c ON c.session_id = v.column1 \
             JOIN session s ON s.id = v.column1{unless_duplicate}"
        ),
    });
    file_store::write(batch, events.iter().filter_map(PositionedEvent::filed));
    index_store::write(batch, events.iter().filter_map(PositionedEvent::index), duplicates);
    timer_store::write_in(batch, events.iter().filter_map(PositionedEvent::timer));
    vote_store::write_in(batch, events.iter().filter_map(PositionedEvent::vote));
}

fn binds(
    PositionedEvent { row, message, file: _, indexed: _, timer: _, vote: _, behind }: &PositionedEvent,
) -> Vec<Value> {
    let EventRow { position, id, session_id, sequence: _, event_type, created_at, body } = row;
    let (chat, sender, message_id) = match message {
        Some(MessageKey { session_id: _, chat, sender, message_id }) => (Some(chat), Some(sender), Some(message_id)),
        None => (None, None, None),
    };
    vec![
        session_id.as_str().into(),
        (*position).into(),
        id.clone().into(),
        (*behind).into(),
        (*event_type).into(),
        (*created_at).into(),
        body.as_ref().into(),
        chat.cloned().into(),
        sender.cloned().into(),
        message_id.cloned().into(),
    ]
}

/// Waits until every other transaction that has written events has ended, and lets nobody else write any before this one has.
/// SQLite has one writer.
pub async fn wait_for_writers(tx: &impl ConnectionTrait) -> Result<()> {
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared("LOCK TABLE event IN EXCLUSIVE MODE").await.map_err(failed)?;
    }
    Ok(())
}

fn happened_in(span: Span) -> Condition {
    let from = span.from.map(|from| event::Column::CreatedAt.gte(from));
    let to = span.to.map(|to| event::Column::CreatedAt.lt(to));
    Condition::all().add_option(from).add_option(to)
}

/// The selected events behind `after` and not behind `to`, in order, at most `limit`.
pub async fn history(
    db: &impl ConnectionTrait,
    selection: &Selection,
    after: i64,
    to: Option<i64>,
    limit: u64,
) -> Result<Vec<EventRow>> {
    let sessions = selection.sessions.clone().map(|ids| event::Column::SessionId.is_in(ids));
    let types = selection.types.clone().map(|types| event::Column::EventType.is_in(types));
    let to = to.map(|to| event::Column::Position.lte(to));
    let models = event::Entity::find()
        .filter(event::Column::Position.gt(after))
        .filter(Condition::all().add_option(sessions).add_option(types).add_option(to).add(happened_in(selection.span)))
        .order_by_asc(event::Column::Position)
        .limit(limit)
        .all(db)
        .await
        .map_err(failed)?;
    Ok(models.into_iter().map(EventRow::from).collect())
}

/// The events at these positions, those that are left.
pub async fn at(db: &impl ConnectionTrait, positions: Vec<i64>) -> Result<HashMap<i64, EventRow>> {
    let found = event::Entity::find().filter(event::Column::Position.is_in(positions)).all(db).await.map_err(failed)?;
    Ok(found.into_iter().map(|row| (row.position, EventRow::from(row))).collect())
}

/// The bodies of a session's newest calls behind a position, newest first, at most `limit`.
pub async fn calls(db: &impl ConnectionTrait, session: &SessionId, after: i64, limit: u64) -> Result<Vec<String>> {
    // Written out, not bound: the index of calls is only used by who names them.
    let is_call = Expr::col(event::Column::EventType).eq(Expr::Constant(EventType::Call.as_str().into()));
    let found = event::Entity::find()
        .select_only()
        .column(event::Column::Body)
        .filter(event::Column::SessionId.eq(session.clone()))
        .filter(is_call)
        .filter(event::Column::Position.gt(after))
        .order_by_desc(event::Column::Position)
        .limit(limit);
    found.into_tuple().all(db).await.map_err(failed)
}

/// The events behind the one position and before the other that say into which state a session came, newest first, at most `limit`.
/// Those of an earlier session with its id are not among them.
pub async fn transitions(
    db: &impl ConnectionTrait,
    session: &SessionId,
    between: Range<i64>,
    limit: u64,
) -> Result<Vec<EventRow>> {
    // Written out, not bound: the indexes of these types are only used by who names them.
    let is = |event: EventType| Expr::col(event::Column::EventType).eq(Expr::Constant(event.as_str().into()));
    let deleted = event::Entity::find()
        .select_only()
        .expr(Expr::col(event::Column::Position).max())
        .filter(event::Column::SessionId.eq(session.clone()))
        .filter(is(EventType::SessionDeleted));
    let deleted = deleted.into_tuple::<Option<i64>>().one(db).await.map_err(failed)?.flatten().unwrap_or(0);
    let found = event::Entity::find()
        .filter(event::Column::SessionId.eq(session.clone()))
        .filter(is(EventType::SessionStatus))
        .filter(event::Column::Position.gt(Ord::max(deleted, between.start)))
        .filter(event::Column::Position.lt(between.end))
        .order_by_desc(event::Column::Position)
        .limit(limit);
    Ok(found.all(db).await.map_err(failed)?.into_iter().map(EventRow::from).collect())
}

/// What the journal has of the messages with this id in a chat, oldest first: senders choose the ids, so there can be several.
pub async fn messages(
    db: &impl ConnectionTrait,
    session: &SessionId,
    chat: &str,
    message_id: &str,
) -> Result<Vec<String>> {
    let found = event::Entity::find()
        .select_only()
        .column(event::Column::Body)
        .filter(event::Column::SessionId.eq(session.clone()))
        .filter(event::Column::Chat.eq(chat))
        .filter(event::Column::MessageId.eq(message_id))
        .filter(event::Column::EventType.eq(EventType::Message))
        .order_by_asc(event::Column::Position)
        .limit(SAME_ID);
    found.into_tuple().all(db).await.map_err(failed)
}

/// The position of the newest event; None while there is none.
pub async fn newest(db: &impl ConnectionTrait) -> Result<Option<i64>> {
    let newest = event::Entity::find().select_only().column(event::Column::Position);
    newest.order_by_desc(event::Column::Position).into_tuple().one(db).await.map_err(failed)
}

/// The position of the newest event that is not among the newest `rows`.
pub async fn beyond(db: &impl ConnectionTrait, rows: u64) -> Result<Option<i64>> {
    let found = event::Entity::find().select_only().column(event::Column::Position);
    found.order_by_desc(event::Column::Position).offset(rows).limit(1).into_tuple().one(db).await.map_err(failed)
}

/// The position of the last event in the journal of those that happened then, and are not behind `end`. Positions do not follow a
/// clock that is set back.
pub async fn last_of(db: &impl ConnectionTrait, span: Span, end: i64) -> Result<Option<i64>> {
    let last = event::Entity::find().select_only().expr(Expr::col(event::Column::Position).max());
    let last = last.filter(event::Column::Position.lte(end)).filter(happened_in(span));
    Ok(last.into_tuple::<Option<i64>>().one(db).await.map_err(failed)?.flatten())
}

/// When the newest event happened that happened before this moment, and the oldest of the others.
pub async fn around(db: &impl ConnectionTrait, moment: Timestamp) -> Result<(Option<Timestamp>, Option<Timestamp>)> {
    let find = |span: Span, order| {
        let found = event::Entity::find().select_only().column(event::Column::CreatedAt).filter(happened_in(span));
        found.order_by(event::Column::CreatedAt, order).limit(1).into_tuple::<Timestamp>()
    };
    let before = find(Span { from: None, to: Some(moment) }, Order::Desc).one(db).await.map_err(failed)?;
    let after = find(Span { from: Some(moment), to: None }, Order::Asc).one(db).await.map_err(failed)?;
    Ok((before, after))
}

/// Which events may go.
#[derive(Clone, Copy, Debug)]
pub enum Excess {
    /// Those that happened before this moment and are not behind this position.
    Old(Timestamp, i64),
    /// Those that are not behind this position.
    Surplus(i64),
}

/// Drops at most `limit` events that may go and that no pending delivery needs. Gives how many.
pub async fn drop_excess(tx: &impl ConnectionTrait, excess: Excess, limit: u64) -> Result<u64> {
    let waiting = Query::select()
        .expr(Expr::val(1))
        .from(delivery::Entity)
        .and_where(
            Expr::col((delivery::Entity, delivery::Column::Position)).equals((event::Entity, event::Column::Position)),
        )
        .and_where(delivery::Column::State.eq(DeliveryState::Pending))
        .to_owned();
    let found = event::Entity::find().select_only().column(event::Column::Position);
    let found = match excess {
        Excess::Old(moment, end) => found
            .filter(event::Column::CreatedAt.lt(moment))
            .filter(event::Column::Position.lte(end))
            .order_by_asc(event::Column::CreatedAt),
        Excess::Surplus(end) => found.filter(event::Column::Position.lte(end)).order_by_asc(event::Column::Position),
    };
    let excess = found.filter(Expr::exists(waiting).not()).limit(limit).into_query();
    let delete = event::Entity::delete_many().filter(event::Column::Position.in_subquery(excess));
    Ok(delete.exec(tx).await.map_err(failed)?.rows_affected)
}

/// Whether there is such a session, which then stays until the transaction ends.
pub async fn hold_session(tx: &impl ConnectionTrait, id: &SessionId) -> Result<bool> {
    let found = session::Entity::find_by_id(id.clone()).select_only().column(session::Column::Id);
    Ok(found.lock(LockType::KeyShare).into_tuple::<String>().one(tx).await.map_err(failed)?.is_some())
}

/// Whether there is such a session.
pub async fn has_session(db: &impl ConnectionTrait, id: &SessionId) -> Result<bool> {
    let found = session::Entity::find_by_id(id.clone()).select_only().column(session::Column::Id);
    Ok(found.into_tuple::<String>().one(db).await.map_err(failed)?.is_some())
}

/// Where a bookmark is; None before it was set.
pub async fn bookmark(db: &impl ConnectionTrait, name: &str) -> Result<Option<i64>> {
    Ok(bookmark::Entity::find_by_id(name).one(db).await.map_err(failed)?.map(|bookmark| bookmark.position))
}

/// Sets a bookmark.
pub async fn mark(tx: &impl ConnectionTrait, name: &str, position: i64) -> Result<()> {
    marking(name, position).exec_without_returning(tx).await.map_err(failed)?;
    Ok(())
}

/// [`mark`] as a part of a batch.
pub fn mark_in(batch: &mut Batch, name: &str, position: i64) {
    batch.push(marking(name, position));
}

fn marking(name: &str, position: i64) -> Insert<bookmark::ActiveModel> {
    let model = bookmark::Model { name: name.to_owned(), position };
    let rule = OnConflict::column(bookmark::Column::Name).update_column(bookmark::Column::Position).to_owned();
    bookmark::Entity::insert(bookmark::ActiveModel::from(model)).on_conflict(rule)
}

/// How many events a session has had. Zero before the first.
pub async fn count(db: &impl ConnectionTrait, session: &SessionId) -> Result<i64> {
    let found = event_count::Entity::find_by_id(session.clone()).one(db).await.map_err(failed)?;
    Ok(found.map_or(0, |count| count.last_sequence))
}

impl From<event::Model> for EventRow {
    fn from(row: event::Model) -> Self {
        let event::Model {
            position,
            id,
            session_id,
            sequence,
            event_type,
            created_at,
            body,
            chat: _,
            sender: _,
            message_id: _,
        } = row;
        Self { position, id, session_id, sequence, event_type, created_at, body: body.into() }
    }
}
