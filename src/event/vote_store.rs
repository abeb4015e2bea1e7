//! All SQL on `vote`. Never opens a transaction: callers pass one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use entity::ids::SessionId;
use entity::vote::{Column, Entity, Model};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Value};

use crate::db::batch::{Batch, Shortfall};
use crate::db::fault::failed;
use crate::db::text;
use crate::error::Result;
use crate::event::record::EventRow;
use crate::event::vote::CastVote;

/// Votes of one poll that are read. No group has as many members.
const VOTERS: u64 = 10_000;

/// Adds these votes to a batch, but for those in polls of which no message is kept. Of each person the last one stays.
pub(super) fn write_in<'a>(batch: &mut Batch, votes: impl Iterator<Item = (&'a EventRow, &'a CastVote)>) {
    // PostgreSQL changes a row once in one statement.
    let mut last: BTreeMap<[Cow<'_, str>; 4], (&EventRow, &CastVote)> = BTreeMap::new();
    for (row, vote) in votes {
        let key = [row.session_id.as_str(), &vote.poll_id, &vote.chat, &vote.voter].map(text::key);
        let known = last.entry(key).or_insert((row, vote));
        if known.1.voted_at <= vote.voted_at {
            *known = (row, vote);
        }
    }
    let rows = last.into_iter().map(|(key, (row, vote))| {
        let mut values: Vec<Value> = key.into_iter().map(|part| part.into_owned().into()).collect();
        let rest: [Value; 4] =
            [row.position.into(), vote.state.into(), vote.chosen.join(",").into(), vote.voted_at.into()];
        values.extend(rest);
        values
    });
    batch.with_rows(rows.collect(), Shortfall::Fine, |values| {
        format!(
            "INSERT INTO vote (session_id, poll_id, chat, voter, position, state, chosen, voted_at) SELECT v.column1, v.column2, \
             v.column3, v.column4, v.column5, v.column6, v.column7, v.column8 FROM ({values}) AS v WHERE EXISTS (SELECT 1 FROM \
             message m WHERE m.session_id = v.column1 AND m.message_id = v.column2) ON CONFLICT (session_id, poll_id, chat, voter) \
             DO UPDATE SET position = excluded.position, state = excluded.state, chosen = excluded.chosen, voted_at = \
             excluded.voted_at WHERE vote.voted_at <= excluded.voted_at"
        )
    });
}

/// The votes in a poll, in the order in which they came.
pub async fn of_poll(
    db: &impl ConnectionTrait,
    session: &SessionId,
    poll_id: &str,
    chats: &[String],
) -> Result<Vec<CastVote>> {
    let found = Entity::find()
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::PollId.eq(&*text::key(poll_id)))
        .filter(Column::Chat.is_in(chats.iter().map(String::as_str)))
        .order_by_asc(Column::VotedAt)
        .order_by_asc(Column::Position)
        .limit(VOTERS);
    Ok(found.all(db).await.map_err(failed)?.into_iter().map(CastVote::from).collect())
}

/// Deletes the votes in these polls.
pub async fn delete(
    tx: &impl ConnectionTrait,
    session: &SessionId,
    poll_ids: impl Iterator<Item = &str>,
) -> Result<()> {
    let delete =
        Entity::delete_many().filter(Column::SessionId.eq(session.clone())).filter(Column::PollId.is_in(poll_ids));
    delete.exec(tx).await.map_err(failed)?;
    Ok(())
}

impl From<Model> for CastVote {
    fn from(row: Model) -> Self {
        let Model { session_id: _, poll_id, chat, voter, position: _, state, chosen, voted_at } = row;
        let chosen = chosen.split(',').filter(|hash| !hash.is_empty()).map(str::to_owned).collect();
        Self { poll_id, chat, voter, state, chosen, voted_at }
    }
}

#[cfg(test)]
mod tests {
    use entity::ids::EventId;
    use entity::timestamp::Timestamp;
    use entity::words::event::EventType;
    use entity::words::message::VoteState;

    use super::*;
    use crate::db::Db;
    use crate::db::sqlite::Synchronous;

    const CHAT: &str = "15550100077@s.whatsapp.net";
    const SHOP: &str = "INSERT INTO session (id, metadata, desired, status, reason, since, created_at, updated_at) \
                        VALUES ('shop', '{}', 'offline', 'disconnected', 'requested', 0, 0, 0)";
    const POLL: &str = "INSERT INTO message (session_id, message_id, chat, sender, position, is_from_me, type, content, sent_at, \
                        created_at) VALUES ('shop', 'P1', 'c', 's', 1, 0, 'poll', x'00', 0, 0)";

    fn shop() -> SessionId {
        SessionId::parse("shop").expect("it is one")
    }

    async fn db() -> (Db, tempfile::TempDir) {
        let directory = tempfile::tempdir().expect("there is room");
        let db = Db::sqlite(&directory.path().join("waypost.db"), Synchronous::Normal).await.expect("a new file");
        db.migrate().await.expect("tables");
        for row in [SHOP, POLL] {
            db.write().execute_unprepared(row).await.expect("it can be written");
        }
        (db, directory)
    }

    /// Writes votes of one person in one batch: what is chosen, and when, milliseconds.
    async fn cast(db: &Db, votes: &[(&str, i64)]) {
        let votes = votes.iter().zip(1..).map(|((chosen, millis), position)| {
            let created_at = Timestamp::from_millis(0);
            let row = EventRow {
                position,
                id: EventId::generate(),
                session_id: shop(),
                sequence: position,
                event_type: EventType::Message,
                created_at,
                body: "{}".into(),
            };
            let vote = CastVote {
                poll_id: "P1".to_owned(),
                chat: CHAT.to_owned(),
                voter: CHAT.to_owned(),
                state: VoteState::Opened,
                chosen: vec![(*chosen).to_owned()],
                voted_at: Timestamp::from_millis(*millis),
            };
            (row, vote)
        });
        let votes: Vec<_> = votes.collect();
        let mut batch = db.write().batch();
        write_in(&mut batch, votes.iter().map(|(row, vote)| (row, vote)));
        db.write().run(batch).await.expect("it is written");
    }

    async fn chosen(db: &Db) -> Vec<Vec<String>> {
        let votes = of_poll(db.read(), &shop(), "P1", &[CHAT.to_owned()]).await.expect("they are read");
        votes.into_iter().map(|vote| vote.chosen).collect()
    }

    #[tokio::test]
    async fn a_vote_that_comes_late_does_not_win_over_a_newer_one() {
        let (db, _directory) = db().await;
        cast(&db, &[("yes", 2_000)]).await;
        cast(&db, &[("no", 1_999)]).await;
        assert_eq!(chosen(&db).await, [["yes"]]);
        // Nor in one batch, in either order.
        cast(&db, &[("later", 2_002), ("no", 2_001)]).await;
        assert_eq!(chosen(&db).await, [["later"]]);
        cast(&db, &[("no", 2_003), ("yes", 2_004)]).await;
        assert_eq!(chosen(&db).await, [["yes"]]);
        // Of two at the same moment the one that came last counts.
        cast(&db, &[("no", 2_004)]).await;
        assert_eq!(chosen(&db).await, [["no"]]);
    }
}
