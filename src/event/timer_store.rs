//! All SQL on `chat_timer`. Never opens a transaction: callers pass one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use entity::chat_timer::{Column, Entity, Model};
use entity::ids::SessionId;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Value};

use crate::db::batch::{Batch, Shortfall};
use crate::db::fault::failed;
use crate::db::text;
use crate::error::Result;
use crate::event::timer::ChatTimer;

/// Adds these timers to a batch, but for those of sessions that were deleted. What was set later stays.
pub fn write_in<'a>(batch: &mut Batch, timers: impl Iterator<Item = (&'a SessionId, &'a ChatTimer)>) {
    // PostgreSQL changes a row once in one statement.
    let mut newest: BTreeMap<(&str, Cow<'_, str>), &ChatTimer> = BTreeMap::new();
    for (session, timer) in timers {
        let kept = newest.entry((session.as_str(), text::key(&timer.chat))).or_insert(timer);
        if timer.set_at >= kept.set_at {
            *kept = timer;
        }
    }
    let rows = newest.into_iter().map(|((session, chat), timer)| -> Vec<Value> {
        vec![session.into(), chat.into_owned().into(), timer.seconds.into(), timer.set_at.into()]
    });
    batch.with_rows(rows.collect(), Shortfall::Fine, |values| {
        format!(
            "INSERT INTO chat_timer (session_id, chat, seconds, set_at) SELECT v.column1, v.column2, v.column3, v.column4 \
             FROM ({values}) AS v JOIN session s ON s.id = v.column1 WHERE true ON CONFLICT (session_id, chat) DO UPDATE \
             SET seconds = excluded.seconds, set_at = excluded.set_at WHERE chat_timer.set_at <= excluded.set_at"
        )
    });
}

/// What was told last of the chat with one of these names.
pub async fn newest(db: &impl ConnectionTrait, session: &SessionId, chats: &[String]) -> Result<Option<ChatTimer>> {
    let found = Entity::find()
        .filter(Column::SessionId.eq(session.clone()))
        .filter(Column::Chat.is_in(chats.iter().map(String::as_str)))
        .order_by_desc(Column::SetAt);
    Ok(found.one(db).await.map_err(failed)?.map(ChatTimer::from))
}

impl From<Model> for ChatTimer {
    fn from(row: Model) -> Self {
        let Model { session_id: _, chat, seconds, set_at } = row;
        Self { chat, seconds, set_at }
    }
}

#[cfg(test)]
mod tests {
    use entity::timestamp::Timestamp;

    use super::*;
    use crate::db::Db;
    use crate::db::sqlite::Synchronous;

    const CHAT: &str = "15550100077@s.whatsapp.net";
    const SHOP: &str = "INSERT INTO session (id, metadata, desired, status, reason, since, created_at, updated_at) \
                        VALUES ('shop', '{}', 'offline', 'disconnected', 'requested', 0, 0, 0)";

    /// Writes timers of one chat in one batch: seconds, and when each was set, milliseconds. Gives what is known then.
    async fn told(db: &Db, timers: &[(i32, i64)]) -> Option<i32> {
        let shop = SessionId::parse("shop").expect("it is one");
        let timer = |(seconds, millis): &(i32, i64)| ChatTimer {
            chat: CHAT.to_owned(),
            seconds: *seconds,
            set_at: Timestamp::from_millis(*millis),
        };
        let timers: Vec<_> = timers.iter().map(timer).collect();
        let mut batch = db.write().batch();
        write_in(&mut batch, timers.iter().map(|timer| (&shop, timer)));
        db.write().run(batch).await.expect("it is written");
        let known = newest(db.read(), &shop, &[CHAT.to_owned()]).await.expect("it is read");
        known.map(|timer| timer.seconds)
    }

    #[tokio::test]
    async fn a_timer_that_comes_late_does_not_win_over_a_newer_one() {
        let directory = tempfile::tempdir().expect("there is room");
        let db = Db::sqlite(&directory.path().join("waypost.db"), Synchronous::Normal).await.expect("a new file");
        db.migrate().await.expect("tables");
        db.write().execute_unprepared(SHOP).await.expect("it can be written");
        assert_eq!(told(&db, &[(86_400, 2_000)]).await, Some(86_400));
        assert_eq!(told(&db, &[(604_800, 1_999)]).await, Some(86_400));
        // Nor in one batch, in either order.
        assert_eq!(told(&db, &[(0, 2_002), (604_800, 2_001)]).await, Some(0));
        assert_eq!(told(&db, &[(0, 2_003), (604_800, 2_004)]).await, Some(604_800));
        // Of two at the same moment the one that came last counts.
        assert_eq!(told(&db, &[(86_400, 2_004)]).await, Some(86_400));
    }
}
