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
