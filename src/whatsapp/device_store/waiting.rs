//! Messages that were decrypted and wait for the journal, in memory: which of them the table has, which the journal was given,
//! and which may have a ratchet on the disk that has moved past them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use entity::ids::SessionId;
use entity::pending_inbound::Model;
use parking_lot::Mutex;
use wacore::store::traits::{PendingInboundKey, PendingInboundRow};
use wacore::time::now_secs;

use crate::event::journal::Ticket;
use crate::whatsapp::foreign;

/// Stanzas and chats that are remembered, at most. Of one that was forgotten the worst is assumed.
const REMEMBERED: usize = 2048;

/// What waits for the journal.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Messages>);

#[derive(Debug, Default)]
struct Messages {
    messages: BTreeMap<Key, Message>,
    /// Those that may be in the table.
    in_table: BTreeSet<Key>,
    /// When stanzas came in whose message was not stored yet, by their ids.
    arrived: HashMap<String, u64>,
    /// When the last message of a sender in a chat was stored, or was done with.
    seen: HashMap<(String, String), u64>,
    /// When the newest ratchets came that are written, or are about to be.
    ratchets_of: u64,
    /// Counts what happens.
    moments: u64,
}

/// Chat, sender, id.
pub(super) type Key = Arc<(String, String, String)>;

#[derive(Debug)]
struct Message {
    bytes: Bytes,
    stored_at: i64,
    came: u64,
    /// The journal's entry that it is in, once the journal was given it.
    handed_over: Option<Ticket>,
    /// Whether the table has it.
    is_written: bool,
}

/// Messages that a transaction put into the table, and when they came.
pub(super) type Taken = Arc<Mutex<Vec<(Key, u64)>>>;

/// By what a message is known.
pub(super) fn key(at: PendingInboundKey<'_>) -> Key {
    Arc::new((at.chat.to_owned(), at.sender.to_owned(), foreign::id(at.id).into_owned()))
}

impl Waiting {
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
        messages.arrived.insert(foreign::id(id).into_owned(), now);
    }

    /// Takes a message in. True if it may be that a ratchet on the disk has moved past it already: one was brought after its
    /// stanza had come in, and after what this sender had written in this chat before was done with, and is being written.
    /// The library works on one after the other: it decrypts none before the one before is acknowledged.
    pub(super) fn store(&self, row: &PendingInboundRow<'_>) -> bool {
        let mut messages = self.0.lock();
        let now = messages.tick();
        let key = key(PendingInboundKey { chat: row.chat, sender: row.sender, id: row.id });
        let arrived = messages.arrived.remove(&key.2).unwrap_or(0);
        let before = messages.see(&key, now);
        let bytes = Bytes::copy_from_slice(row.message);
        let message = Message { bytes, stored_at: now_secs(), came: now, handed_over: None, is_written: false };
        messages.messages.insert(key, message);
        messages.ratchets_of > arrived.max(before)
    }

    /// A message that waits.
    pub(super) fn find(&self, key: &Key) -> Option<Vec<u8>> {
        self.0.lock().messages.get(key).map(|message| message.bytes.to_vec())
    }

    /// Notes that the table has a message that a client before this one left.
    pub(super) fn found(&self, key: Key) {
        self.0.lock().in_table.insert(key);
    }

    /// Forgets messages. Gives those that may be in the table: of what was never here, only the table can know.
    pub(super) fn remove(&self, keys: impl IntoIterator<Item = Key>) -> Vec<Key> {
        let mut messages = self.0.lock();
        let now = messages.tick();
        let mut may_be_in_table = Vec::new();
        for key in keys {
            messages.see(&key, now);
            if messages.messages.remove(&key).is_none() | messages.in_table.remove(&key) {
                may_be_in_table.push(key);
            }
        }
        may_be_in_table
    }

    /// Forgets what was stored before this moment.
    pub(super) fn remove_expired(&self, cutoff: i64) {
        self.0.lock().messages.retain(|_, message| message.stored_at >= cutoff);
    }

    /// Notes that the journal was given a message.
    pub(super) fn hand_over(&self, at: PendingInboundKey<'_>, ticket: Ticket) {
        if let Some(message) = self.0.lock().messages.get_mut(&key(at)) {
            message.handed_over = Some(ticket);
        }
    }

    /// The present moment.
    pub(super) fn now(&self) -> u64 {
        self.0.lock().tick()
    }

    /// What neither the table has nor the journal up to `newest`. It goes into the table now, and with it ratchets, if there
    /// are any, that came at `ratchets_of`.
    pub(super) fn unwritten(
        &self,
        session: &SessionId,
        newest: Option<Ticket>,
        ratchets_of: Option<u64>,
        taken: &Taken,
    ) -> Vec<Model> {
        let mut messages = self.0.lock();
        messages.ratchets_of = messages.ratchets_of.max(ratchets_of.unwrap_or(0));
        let Messages { messages, in_table, .. } = &mut *messages;
        let (mut rows, mut keys) = (Vec::new(), Vec::new());
        for (key, message) in messages {
            if message.is_written || (message.handed_over.is_some() && message.handed_over <= newest) {
                continue;
            }
            let (chat, sender, message_id) = (**key).clone();
            let (session_id, stored_at) = (session.clone(), message.stored_at);
            rows.push(Model { session_id, chat, sender, message_id, message: message.bytes.to_vec(), stored_at });
            keys.push((Arc::clone(key), message.came));
            in_table.insert(Arc::clone(key));
        }
        *taken.lock() = keys;
        rows
    }

    /// Notes that the table has these.
    pub(super) fn written(&self, taken: &Taken) {
        let mut messages = self.0.lock();
        for (key, came) in taken.lock().drain(..) {
            if let Some(message) = messages.messages.get_mut(&key).filter(|message| message.came == came) {
                message.is_written = true;
            }
        }
    }
}

impl Messages {
    fn tick(&mut self) -> u64 {
        self.moments += 1;
        self.moments
    }

    /// Notes when something became of a message. Gives when that was before in the same chat, of the same sender.
    fn see(&mut self, key: &Key, now: u64) -> u64 {
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert((key.0.clone(), key.1.clone()), now).unwrap_or(0)
    }
}
