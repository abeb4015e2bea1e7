//! The timers of old chats, from what the phone tells of the time before it linked the session. Without them the first answer in such
//! a chat would break its timer.
//!
//! One conversation after the other is looked at, on a thread that may block, and none is kept: only of those whose messages disappear
//! it is written after how long. If the process ends before that, the next message of the chat tells.

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use tokio::sync::oneshot;
use tracing::warn;
use whatsapp_rust::types::events::LazyHistorySync;
use whatsapp_rust::wacore::runtime::Runtime as _;
use whatsapp_rust::waproto::whatsapp as wa;

use crate::db::batch::Batch;
use crate::error::chain;
use crate::event::entry::JournalEntry;
use crate::event::journal::Journal;
use crate::event::timer::ChatTimer;
use crate::event::timer_store;
use crate::whatsapp::key_text;
use crate::whatsapp::runtime::ClientRuntime;

/// Timers that are taken from one part of the history, at most.
const TIMERS: usize = 10_000;

/// Reads what one client is told of the time before.
pub(super) struct History {
    pub(super) session: SessionId,
    pub(super) journal: Journal,
    pub(super) runtime: ClientRuntime,
}

impl History {
    /// Has the timers in a part of the history written, in a task of its own that ends with the client.
    pub(super) fn came(&self, part: &LazyHistorySync) {
        // It shares the bytes, which are compressed.
        let (part, session, journal) = (part.clone(), self.session.clone(), self.journal.clone());
        let (runtime, (read, found)) = (self.runtime.clone(), oneshot::channel());
        self.runtime.spawn_detached(Box::pin(async move {
            let reading = Box::new(move || {
                let _ = read.send(timers(&part)); // The client may be gone.
            });
            runtime.spawn_blocking(reading).await;
            if let Ok(timers) = found.await {
                write(&journal, session, timers).await;
            }
        }));
    }
}

async fn write(journal: &Journal, session: SessionId, timers: Vec<ChatTimer>) {
    if timers.is_empty() {
        return;
    }
    let id = session.clone();
    let last = Box::new(move |batch: &mut Batch| {
        timer_store::write_in(batch, timers.iter().map(|timer| (&session, timer)));
    });
    let entry = JournalEntry { last: Some(last), can_wait: true, ..JournalEntry::default() };
    if let Err(error) = journal.write(entry).await {
        warn!(session.id = %id, error = chain(&error), "the timers of old chats of session {id} were not written: their next messages tell");
    }
}

/// The timers in a part of the history. What cannot be read ends it: what was read until then counts.
fn timers(part: &LazyHistorySync) -> Vec<ChatTimer> {
    let (mut stream, mut timers) = (part.stream(), Vec::new());
    while timers.len() < TIMERS
        && let Ok(Some(conversation)) = stream.next_conversation()
    {
        timers.extend(timer(&conversation));
    }
    timers
}

fn timer(conversation: &wa::Conversation) -> Option<ChatTimer> {
    let seconds = conversation.ephemeral_expiration.and_then(|seconds| i32::try_from(seconds).ok())?;
    let set_at = conversation.ephemeral_setting_timestamp.unwrap_or(0).max(0);
    let timer = ChatTimer {
        chat: key_text::id(&conversation.id).into_owned(),
        seconds,
        // One whose moment is not told counts until any message tells.
        set_at: Timestamp::from_millis(set_at.saturating_mul(1000)),
    };
    (seconds > 0).then_some(timer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_tells_its_timer_only_if_it_has_one() {
        let conversation = |ephemeral_expiration, ephemeral_setting_timestamp| wa::Conversation {
            id: "15550100077@s.whatsapp.net".to_owned(),
            ephemeral_expiration,
            ephemeral_setting_timestamp,
            ..Default::default()
        };
        let read = |expiration, set_at| {
            let timer = timer(&conversation(expiration, set_at));
            timer.map(|timer| (timer.chat, timer.seconds, timer.set_at.millis()))
        };
        let chat = || "15550100077@s.whatsapp.net".to_owned();
        assert_eq!(read(Some(86_400), Some(1_767_143_264)), Some((chat(), 86_400, 1_767_143_264_000)));
        assert_eq!(read(Some(86_400), None), Some((chat(), 86_400, 0)));
        assert_eq!(read(Some(86_400), Some(-5)), Some((chat(), 86_400, 0)));
        assert_eq!((read(Some(0), Some(1)), read(None, None), read(Some(u32::MAX), None)), (None, None, None));
    }
}
