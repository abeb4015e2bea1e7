//! All SQL on `audience` and `message_audience`. Never opens a transaction: callers pass one.

use std::fmt::Write as _;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::{audience, message_audience};
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};
use sha2::{Digest as _, Sha256};

use crate::db::fault::failed;
use crate::db::rows::{self, Mode, Row, Target};
use crate::error::Result;

/// Bytes of the hash by which people are known.
const ID_BYTES: usize = 16;

/// For whom a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::message) struct AudienceRow {
    pub(in crate::message) session_id: SessionId,
    pub(in crate::message) message_id: String,
    /// JID of the group.
    pub(in crate::message) chat: String,
    /// Their JIDs, in order.
    pub(in crate::message) members: Vec<String>,
    pub(in crate::message) sent_at: Timestamp,
}

impl AudienceRow {
    /// A message for these, in any order.
    pub(in crate::message) fn new(
        session_id: SessionId,
        message_id: String,
        chat: String,
        mut members: Vec<String>,
        sent_at: Timestamp,
    ) -> Self {
        members.sort_unstable();
        members.dedup();
        Self { session_id, message_id, chat, members, sent_at }
    }
}

/// Some people, as they are written down.
#[derive(Clone)]
struct People {
    /// What they are known by.
    id: String,
    members: String,
}

impl People {
    /// Those with these JIDs, in order.
    fn of(members: &[String]) -> Self {
        let members = members.join("\n");
        let hash = Sha256::digest(&members);
        let id = hash.iter().take(ID_BYTES).fold(String::new(), |mut id, byte| {
            let _ = write!(id, "{byte:02x}"); // A text takes everything.
            id
        });
        Self { id, members }
    }
}

static PEOPLE: Target =
    Target { table: "audience", key: &["session_id", "audience_id"], rest: &["members"], mode: Mode::Put };
static OF_MESSAGE: Target = Target {
    table: "message_audience",
    key: &["session_id", "message_id"],
    rest: &["chat", "audience_id", "sent_at"],
    mode: Mode::Put,
};

/// [`put`] as rows of a batch.
pub(in crate::message) fn new_rows(row: &AudienceRow) -> [Row; 2] {
    let AudienceRow { session_id, message_id, chat, members, sent_at } = row.clone();
    let People { id, members } = People::of(&members);
    let people =
        Row { target: &PEOPLE, key: vec![session_id.to_string(), id.clone()], rest: Some(vec![members.into()]) };
    let rest = Some(vec![chat.into(), id.into(), sent_at.into()]);
    [people, Row { target: &OF_MESSAGE, key: vec![session_id.to_string(), message_id], rest }]
}

/// Writes for whom a message is, in place of what was written before.
pub(in crate::message) async fn put(db: &impl ConnectionTrait, row: AudienceRow) -> Result<()> {
    let AudienceRow { session_id, message_id, chat, members, sent_at } = row;
    let (session, people) = (session_id.clone(), People::of(&members));
    let row = message_audience::Model { session_id, message_id, chat, audience_id: people.id.clone(), sent_at };
    let columns = [message_audience::Column::SessionId, message_audience::Column::MessageId];
    let values = [message_audience::Column::AudienceId, message_audience::Column::SentAt];
    let rule = OnConflict::columns(columns).update_columns(values).to_owned();
    for insert in rows::inserts::<message_audience::ActiveModel, _>(vec![row], rule) {
        db.execute(&insert).await.map_err(failed)?;
    }
    // Behind it: people for whom no message is are deleted from time to time.
    put_people(db, &session, &people).await
}

/// Writes these people down, if they are not.
async fn put_people(db: &impl ConnectionTrait, session: &SessionId, people: &People) -> Result<()> {
    let People { id, members } = people.clone();
    let row = audience::Model { session_id: session.clone(), audience_id: id, members };
    let key = [audience::Column::SessionId, audience::Column::AudienceId];
    let rule = OnConflict::columns(key).do_nothing().to_owned();
    for insert in rows::inserts::<audience::ActiveModel, _>(vec![row], rule) {
        db.execute(&insert).await.map_err(failed)?;
    }
    Ok(())
}

/// For whom a message is. None if that was not written down.
pub(in crate::message) async fn of_message(
    db: &impl ConnectionTrait,
    session: &SessionId,
    message_id: &str,
) -> Result<Option<Vec<String>>> {
    let key = (session.clone(), message_id.to_owned());
    let found = message_audience::Entity::find_by_id(key).one(db).await.map_err(failed)?;
    let Some(found) = found else { return Ok(None) };
    members(db, session, &found.audience_id).await
}

async fn members(db: &impl ConnectionTrait, session: &SessionId, audience_id: &str) -> Result<Option<Vec<String>>> {
    let key = (session.clone(), audience_id.to_owned());
    let found = audience::Entity::find_by_id(key).one(db).await.map_err(failed)?;
    Ok(found.map(|row| row.members.lines().map(str::to_owned).collect()))
}

/// Takes who left a group out of those for whom the messages are that were sent there in this time. `has_left` says whether somebody is
/// one of them.
pub(in crate::message) async fn leave(
    db: &impl ConnectionTrait,
    session: &SessionId,
    (chat, [since, until]): (&str, [Timestamp; 2]),
    has_left: impl Fn(&str) -> bool,
) -> Result<()> {
    use message_audience::Column;
    let in_time = || Column::SentAt.gte(since).and(Column::SentAt.lte(until));
    let sent_there = || Column::SessionId.eq(session.clone()).and(Column::Chat.eq(chat)).and(in_time());
    let ids = message_audience::Entity::find().select_only().column(Column::AudienceId).distinct().filter(sent_there());
    let ids: Vec<String> = ids.into_tuple().all(db).await.map_err(failed)?;
    for audience_id in ids {
        let Some(mut people) = members(db, session, &audience_id).await? else { continue };
        let count = people.len();
        people.retain(|jid| !has_left(jid));
        if people.len() == count {
            continue;
        }
        let left = People::of(&people);
        put_people(db, session, &left).await?;
        let update = message_audience::Entity::update_many()
            .col_expr(Column::AudienceId, Expr::value(left.id.clone()))
            .filter(sent_there())
            .filter(Column::AudienceId.eq(audience_id));
        update.exec(db).await.map_err(failed)?;
        // They may have been deleted before there was a message for them.
        put_people(db, session, &left).await?;
    }
    Ok(())
}

/// The ids of the messages that were sent to a group last, none of them before `since`, at most `limit`.
pub(in crate::message) async fn newest(
    db: &impl ConnectionTrait,
    session: &SessionId,
    chat: &str,
    since: Timestamp,
    limit: u64,
) -> Result<Vec<String>> {
    use message_audience::Column;
    let found = message_audience::Entity::find()
        .select_only()
        .column(Column::MessageId)
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::Chat.eq(chat))
        .filter(Column::SentAt.gte(since))
        .order_by_desc(Column::SentAt)
        .limit(limit);
    found.into_tuple().all(db).await.map_err(failed)
}

/// Deletes for whom these messages were.
pub(in crate::message) async fn delete(
    tx: &impl ConnectionTrait,
    session: &SessionId,
    message_ids: impl Iterator<Item = &str>,
) -> Result<()> {
    use message_audience::Column;
    let delete = message_audience::Entity::delete_many()
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::MessageId.is_in(message_ids));
    delete.exec(tx).await.map_err(failed)?;
    Ok(())
}

/// Deletes the people for whom no message of a session is any more.
pub(in crate::message) async fn delete_unused(db: &impl ConnectionTrait, session: &SessionId) -> Result<()> {
    let used = Query::select()
        .column(message_audience::Column::AudienceId)
        .from(message_audience::Entity)
        .and_where(message_audience::Column::SessionId.eq(session.clone()))
        .to_owned();
    let delete = audience::Entity::delete_many()
        .filter(audience::Column::SessionId.eq(session.clone()))
        .filter(audience::Column::AudienceId.not_in_subquery(used));
    delete.exec(db).await.map_err(failed)?;
    Ok(())
}

#[cfg(test)]
mod tests;
