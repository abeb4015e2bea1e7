//! Messages that were decrypted and are not yet in the journal, in memory: which of them the table has, which the journal was
//! given, and which may have a ratchet on the disk that has moved past them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use entity::ids::SessionId;
use parking_lot::Mutex;
use wacore::store::traits::{PendingInboundKey, PendingInboundRow};
use wacore::time::now_secs;

use crate::db::rows::{Row, Target};
use crate::event::journal::Ticket;
use crate::whatsapp::device_store::clean;

/// Stanzas and chats that are remembered, at most. Of one that was forgotten the worst is assumed.
const REMEMBERED: usize = 2048;

/// Where those go that must not be lost with the memory.
static TABLE: Target = Target {
    table: "pending_inbound",
    key: &["session_id", "chat", "sender", "message_id"],
    rest: &["message", "stored_at"],
};

/// The pending messages of one client.
#[derive(Debug, Default)]
pub(super) struct PendingMessages(Mutex<Messages>);

#[derive(Debug, Default)]
struct Messages {
    messages: BTreeMap<Key, Message>,
    /// Those that may be in the table.
    in_table: BTreeSet<Key>,
    /// Those that are to leave the table, and since when.
    gone: BTreeMap<Key, u64>,
    /// When stanzas came in whose message was not stored yet, by their ids.
    arrived: HashMap<String, u64>,
    /// When the last message of a sender in a chat was stored, or was done with.
    seen: HashMap<(String, String), u64>,
    /// When the newest ratchets came that are written, or are about to be.
    ratchets_of: u64,
    /// Counts what happens.
    sequence: u64,
}

/// Chat, sender, id.
pub(super) type Key = Arc<(String, String, String)>;

#[derive(Debug)]
struct Message {
    bytes: Bytes,
    stored_at: i64,
    came: u64,
    /// Whether it is on its way to the journal.
    is_held: bool,
    /// The journal's entry that it is in, once the journal was given it.
    handed_over: Option<Ticket>,
    /// Whether the library is done with it, and only the journal has still to write it.
    is_done: bool,
    /// Whether a ratchet on the disk may have moved past it.
    is_late: bool,
    /// Whether the table has it.
    is_written: bool,
}

/// Messages that a transaction put into the table or took out of it, and when they came or went.
pub(super) type Taken = Arc<Mutex<Vec<(Key, u64)>>>;

/// By what a message is known.
pub(super) fn key(at: PendingInboundKey<'_>) -> Key {
    Arc::new((clean(at.chat), clean(at.sender), clean(at.id)))
}

impl PendingMessages {
    /// Forgets everything.
    pub(super) fn clear(&self) {
        *self.0.lock() = Messages::default();
    }

    /// Notes that the stanza of a message came in. It is not decrypted yet.
    pub(super) fn stanza(&self, id: &str) {
        let mut messages = self.0.lock();
        let now = messages.tick();
        if messages.arrived.len() >= REMEMBERED {
            messages.arrived.clear();
        }
        messages.arrived.insert(clean(id), now);
    }

    /// Takes a message in. True if it may be that a ratchet on the disk has moved past it already: one was brought after its
    /// stanza had come in, and after what this sender had written in this chat before was done with, and is being written.
    /// The library works on one after the other: it decrypts none before the one before is done with.
    pub(super) fn store(&self, row: &PendingInboundRow<'_>) -> bool {
        let mut messages = self.0.lock();
        let now = messages.tick();
        let key = key(PendingInboundKey { chat: row.chat, sender: row.sender, id: row.id });
        let arrived = messages.arrived.remove(&key.2).unwrap_or(0);
        let before = messages.see(&key, now);
        if messages.gone.remove(&key).is_some() {
            messages.in_table.insert(Arc::clone(&key));
        }
        let is_late = messages.ratchets_of > arrived.max(before);
        let (bytes, stored_at) = (Bytes::copy_from_slice(row.message), now_secs());
        let message = Message {
            bytes,
            stored_at,
            came: now,
            is_held: false,
            handed_over: None,
            is_done: false,
            is_late,
            is_written: false,
        };
        messages.messages.insert(key, message);
        is_late
    }

    /// A message that waits.
    pub(super) fn find(&self, key: &Key) -> Option<Vec<u8>> {
        self.0.lock().messages.get(key).filter(|message| !message.is_done).map(|message| message.bytes.to_vec())
    }

    /// Notes that the table has a message that a client before this one left.
    pub(super) fn found(&self, key: Key) {
        self.0.lock().in_table.insert(key);
    }

    /// Forgets messages, at once or when the journal has written what it was given. True if some may be in the table, which they
    /// are to leave: of what was never here, only the table can know.
    pub(super) fn remove(&self, keys: impl IntoIterator<Item = Key>) -> bool {
        let mut messages = self.0.lock();
        let now = messages.tick();
        let mut some = false;
        for key in keys {
            messages.see(&key, now);
            match messages.messages.get_mut(&key) {
                Some(message) if message.is_held => message.is_done = true,
                _ => some |= messages.forget(key, now),
            }
        }
        some
    }

    /// Notes that the journal has written all entries up to this one, and forgets what was done with before. True as with
    /// [`remove`](Self::remove).
    pub(super) fn written(&self, ticket: Ticket) -> bool {
        let mut messages = self.0.lock();
        let now = messages.tick();
        let is_over = |message: &Message| message.is_done && message.handed_over.is_some_and(|at| at <= ticket);
        let over: Vec<_> =
            messages.messages.iter().filter(|(_, message)| is_over(message)).map(|(key, _)| Arc::clone(key)).collect();
        over.into_iter().fold(false, |some, key| messages.forget(key, now) | some)
    }

    /// Whether a message is done with, whatever the table says.
    pub(super) fn is_gone(&self, key: &Key) -> bool {
        let messages = self.0.lock();
        messages.gone.contains_key(key) || messages.messages.get(key).is_some_and(|message| message.is_done)
    }

    /// Forgets what was stored before this moment.
    pub(super) fn remove_expired(&self, cutoff: i64) {
        self.0.lock().messages.retain(|_, message| message.stored_at >= cutoff);
    }

    /// Notes that a message is on its way to the journal, and stays here until that has it.
    pub(super) fn hold(&self, key: &Key) {
        if let Some(message) = self.0.lock().messages.get_mut(key) {
            message.is_held = true;
        }
    }

    /// Notes that the journal was given a message.
    pub(super) fn hand_over(&self, key: &Key, ticket: Ticket) {
        if let Some(message) = self.0.lock().messages.get_mut(key) {
            message.handed_over = Some(ticket);
        }
    }

    /// The present moment.
    pub(super) fn now(&self) -> u64 {
        self.0.lock().tick()
    }

    /// All that waits is to go into the table.
    pub(super) fn all_to_table(&self) {
        self.0.lock().messages.values_mut().for_each(|message| message.is_late = true);
    }

    /// What is to change in the table now: it takes what ratchets may have moved past and neither it has nor the journal up to
    /// `newest`, and loses what is done with. With it go ratchets, if there are any, that came at `ratchets_of`.
    pub(super) fn changes(
        &self,
        session: &SessionId,
        newest: Option<Ticket>,
        ratchets_of: Option<u64>,
        taken: &Taken,
    ) -> Vec<Row> {
        let mut messages = self.0.lock();
        messages.ratchets_of = messages.ratchets_of.max(ratchets_of.unwrap_or(0));
        let Messages { messages, in_table, gone, .. } = &mut *messages;
        let row = |key: &Key, rest| {
            let (chat, sender, id) = (**key).clone();
            Row { target: &TABLE, key: vec![session.to_string(), chat, sender, id], rest }
        };
        let (mut rows, mut changed) = (Vec::new(), Vec::new());
        for (key, message) in messages {
            let is_moved_past = message.is_late || ratchets_of.is_some();
            let is_with_journal = message.handed_over.is_some() && message.handed_over <= newest;
            if message.is_written || !is_moved_past || is_with_journal {
                continue;
            }
            rows.push(row(key, Some(vec![message.bytes.to_vec().into(), message.stored_at.into()])));
            changed.push((Arc::clone(key), message.came));
            in_table.insert(Arc::clone(key));
        }
        for (key, went) in gone {
            rows.push(row(key, None));
            changed.push((Arc::clone(key), *went));
        }
        *taken.lock() = changed;
        rows
    }

    /// Notes that the table has changed.
    pub(super) fn changed(&self, taken: &Taken) {
        let mut messages = self.0.lock();
        for (key, moment) in taken.lock().drain(..) {
            if let Some(message) = messages.messages.get_mut(&key).filter(|message| message.came == moment) {
                message.is_written = true;
            }
            if messages.gone.get(&key) == Some(&moment) {
                messages.gone.remove(&key);
            }
        }
    }
}

impl Messages {
    fn tick(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// Forgets a message. True if it may be in the table.
    fn forget(&mut self, key: Key, now: u64) -> bool {
        let may_be_there = self.messages.remove(&key).is_none() | self.in_table.remove(&key);
        if may_be_there {
            self.gone.insert(key, now);
        }
        may_be_there
    }

    /// Notes when something became of a message. Gives when that was before in the same chat, of the same sender.
    fn see(&mut self, key: &Key, now: u64) -> u64 {
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert((key.0.clone(), key.1.clone()), now).unwrap_or(0)
    }
}
