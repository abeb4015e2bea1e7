//! The pending messages of one client, as its tasks share them: the lock around [`PendingMessages`], the clock, and the rows of the
//! table. Decides nothing.

use std::sync::Arc;

use bytes::Bytes;
use entity::ids::SessionId;
use parking_lot::Mutex;
use wacore::store::traits::{PendingInboundKey, PendingInboundRow};
use wacore::time::now_secs;

use super::{Change, Effects, Event, Key, PendingMessages, StepNumber};
use crate::db::rows::{Mode, Row, Target};
use crate::event::entry::EntryNumber;
use crate::whatsapp::key_text;

/// Where those go that must not be lost with the memory.
static TABLE: Target = Target {
    table: "pending_inbound",
    key: &["session_id", "chat", "sender", "message_id"],
    rest: &["message", "stored_at"],
    mode: Mode::Put,
};

/// The pending messages of one client, for all of its tasks.
#[derive(Debug, Default)]
pub(in crate::whatsapp::device_store) struct SharedPendingMessages(Mutex<PendingMessages<EntryNumber>>);

/// Messages that a transaction put into the table or took out of it, and when they came or went.
pub(in crate::whatsapp::device_store) type Taken = Arc<Mutex<Vec<(Key, StepNumber)>>>;

/// By what a message is known.
pub(in crate::whatsapp::device_store) fn key(at: PendingInboundKey<'_>) -> Key {
    Arc::new((clean(at.chat), clean(at.sender), clean(at.id)))
}

/// A text of a key, as a column can hold it: who writes a row and who looks for it must both go through here.
pub(in crate::whatsapp::device_store) fn clean(text: &str) -> String {
    key_text::id(text).into_owned()
}

impl SharedPendingMessages {
    /// What an event changes, and what follows from it.
    pub(in crate::whatsapp::device_store) fn step(&self, event: Event<EntryNumber>) -> Effects {
        self.0.lock().step(event)
    }

    /// Forgets everything.
    pub(in crate::whatsapp::device_store) fn clear(&self) {
        *self.0.lock() = PendingMessages::default();
    }

    /// Takes messages in. True if some have to go into the table.
    pub(in crate::whatsapp::device_store) fn store(&self, rows: &[PendingInboundRow<'_>]) -> bool {
        let message = |row: &PendingInboundRow<'_>| {
            let key = key(PendingInboundKey { chat: row.chat, sender: row.sender, id: row.id });
            (key, Bytes::copy_from_slice(row.message))
        };
        let messages = rows.iter().map(message).collect();
        self.step(Event::Stored { messages, stored_at: now_secs() }).is_table_behind
    }

    /// A message that the library is not done with.
    pub(in crate::whatsapp::device_store) fn find(&self, key: &Key) -> Option<Vec<u8>> {
        self.0.lock().find(key).map(|bytes| bytes.to_vec())
    }

    /// Whether a message is done with, whatever the table says.
    pub(in crate::whatsapp::device_store) fn is_gone(&self, key: &Key) -> bool {
        self.0.lock().is_gone(key)
    }

    /// What is to change in the table in a transaction that is made up now. With it go ratchets, if there are any, that came at
    /// `ratchets_of`.
    pub(in crate::whatsapp::device_store) fn changes(
        &self,
        session: &SessionId,
        newest: Option<EntryNumber>,
        ratchets_of: Option<StepNumber>,
        taken: &Taken,
    ) -> Vec<Row> {
        let mut messages = self.0.lock();
        let changes = messages.step(Event::TransactionBegan { newest, ratchets_of }).changes;
        // Under the lock, so that of two calls for one transaction these are of the same.
        *taken.lock() = changes.iter().map(|change| (Arc::clone(&change.key), change.since)).collect();
        drop(messages);
        changes.into_iter().map(|change| row(session, change)).collect()
    }

    /// Notes that the table has changed.
    pub(in crate::whatsapp::device_store) fn changed(&self, taken: &Taken) {
        let changed = std::mem::take(&mut *taken.lock());
        self.step(Event::TransactionWritten { changed });
    }
}

fn row(session: &SessionId, Change { key, since: _, row }: Change) -> Row {
    let (chat, sender, id) = (*key).clone();
    let rest = row.map(|(bytes, stored_at)| vec![bytes.to_vec().into(), stored_at.into()]);
    Row { target: &TABLE, key: vec![session.to_string(), chat, sender, id], rest }
}
