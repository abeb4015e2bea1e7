//! Messages that were decrypted and are not yet in the journal: which of them the table has, which the journal was given, and
//! which may have a ratchet on the disk that has moved past them. Pure: no I/O, no clock, no lock. The invariant is that of "What
//! is never lost" in `ARCHITECTURE.md`; the tests cut the power between any two steps.

pub(super) mod shared;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;

/// Stanzas and chats that are remembered, at most. Of one that was forgotten the worst is assumed.
const REMEMBERED: usize = 2048;

/// Chat, sender, id.
pub(super) type Key = Arc<(String, String, String)>;

/// The place of an event among all that this client's messages went through: what has the greater one came later.
pub(super) type StepNumber = u64;

/// The pending messages of one client. `T` is the place of an entry in the journal's order.
#[derive(Debug)]
pub(super) struct PendingMessages<T> {
    messages: BTreeMap<Key, Message<T>>,
    /// Those that may be in the table.
    in_table: BTreeSet<Key>,
    /// Those that are to leave the table, and since when.
    gone: BTreeMap<Key, StepNumber>,
    /// When stanzas came in whose message was not stored yet, by their ids.
    arrived: HashMap<String, StepNumber>,
    /// When the last message of a sender in a chat was stored, or was done with.
    seen: HashMap<(String, String), StepNumber>,
    /// When the newest ratchets came that are written, or are about to be.
    ratchets_of: StepNumber,
    /// The place of the last event.
    sequence: StepNumber,
}

#[derive(Debug)]
struct Message<T> {
    bytes: Bytes,
    stored_at: i64,
    came: StepNumber,
    /// Whether it is on its way to the journal.
    is_held: bool,
    /// The journal's entry that it is in, once the journal was given it.
    handed_over: Option<T>,
    /// Whether the library is done with it, and only the journal has still to write it.
    is_done: bool,
    /// Whether a ratchet on the disk may have moved past it.
    is_late: bool,
    /// Whether the table has it.
    is_written: bool,
}

/// What happens to messages, to ratchets and to the table.
#[derive(Clone, Debug)]
pub(super) enum Event<T> {
    /// The stanza of a message came in. It is not decrypted yet.
    StanzaCame { id: String },
    /// The library handed messages over that it has decrypted.
    Stored { messages: Vec<(Key, Bytes)>, stored_at: i64 },
    /// The table has a message that a client before this one left.
    Found { key: Key },
    /// A message is on its way to the journal, and stays here until that has it.
    Held { key: Key },
    /// The journal was given a message.
    HandedOver { key: Key, entry_number: T },
    /// The journal has written all entries up to this one.
    JournalWrote { entry_number: T },
    /// The library is done with messages: they are forgotten, at once or when the journal has written what it was given.
    Removed { keys: Vec<Key> },
    /// What was stored before this moment is forgotten.
    Expired { cutoff: i64 },
    /// All messages are to go into the table.
    AllToTable,
    /// Ratchets are about to be submitted to the journal. What is decrypted from now on, they have not moved past.
    RatchetsCame,
    /// A transaction is made up in which the journal writes its entries up to `newest`, unless it wrote them before, and the
    /// ratchets that came at `ratchets_of`, if there are any. May happen again after the transaction failed.
    TransactionBegan { newest: Option<T>, ratchets_of: Option<StepNumber> },
    /// A transaction is on the disk, with the changes that it was given for these messages.
    TransactionWritten { changed: Vec<(Key, StepNumber)> },
}

/// What follows from an event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Effects {
    /// The place of the event.
    pub(super) sequence: StepNumber,
    /// Whether the table has to change, be there ratchets or not: a transaction is to be submitted to the journal for that.
    pub(super) is_table_behind: bool,
    /// What the transaction that is made up has to change in the table.
    pub(super) changes: Vec<Change>,
}

/// What is to become of a message in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) key: Key,
    /// When the message came, or was to leave the table.
    pub(super) since: StepNumber,
    /// The message, and when it was stored. None: it leaves the table.
    pub(super) row: Option<(Bytes, i64)>,
}

// By hand: derived, it would ask the same of `T`.
impl<T> Default for PendingMessages<T> {
    fn default() -> Self {
        Self {
            messages: BTreeMap::new(),
            in_table: BTreeSet::new(),
            gone: BTreeMap::new(),
            arrived: HashMap::new(),
            seen: HashMap::new(),
            ratchets_of: 0,
            sequence: 0,
        }
    }
}

impl<T: Copy + Ord> PendingMessages<T> {
    /// What an event changes, and what follows from it.
    pub(super) fn step(&mut self, event: Event<T>) -> Effects {
        self.sequence += 1;
        let mut effects = Effects { sequence: self.sequence, ..Effects::default() };
        match event {
            Event::StanzaCame { id } => self.stanza_came(id),
            Event::Stored { messages, stored_at } => effects.is_table_behind = self.store(messages, stored_at),
            Event::Found { key } => {
                self.in_table.insert(key);
            }
            Event::Held { key } => self.change(&key, |message| message.is_held = true),
            Event::HandedOver { key, entry_number } => {
                self.change(&key, |message| message.handed_over = Some(entry_number))
            }
            Event::JournalWrote { entry_number } => effects.is_table_behind = self.journal_wrote(entry_number),
            Event::Removed { keys } => effects.is_table_behind = self.remove(keys),
            Event::Expired { cutoff } => self.messages.retain(|_, message| message.stored_at >= cutoff),
            Event::AllToTable => self.messages.values_mut().for_each(|message| message.is_late = true),
            Event::RatchetsCame => {}
            Event::TransactionBegan { newest, ratchets_of } => effects.changes = self.changes(newest, ratchets_of),
            Event::TransactionWritten { changed } => self.transaction_written(changed),
        }
        effects
    }

    /// A message that the library is not done with.
    pub(super) fn find(&self, key: &Key) -> Option<&Bytes> {
        self.messages.get(key).filter(|message| !message.is_done).map(|message| &message.bytes)
    }

    /// Whether a message is done with, whatever the table says.
    pub(super) fn is_gone(&self, key: &Key) -> bool {
        self.gone.contains_key(key) || self.messages.get(key).is_some_and(|message| message.is_done)
    }

    fn stanza_came(&mut self, id: String) {
        if self.arrived.len() >= REMEMBERED {
            self.arrived.clear();
        }
        // One that comes again is no younger: the library may be at the first.
        self.arrived.entry(id).or_insert(self.sequence);
    }

    /// True if it may be that a ratchet on the disk has moved past one of them already.
    fn store(&mut self, messages: Vec<(Key, Bytes)>, stored_at: i64) -> bool {
        // Before any of them is seen: all of them were decrypted before the first was stored.
        let late: Vec<_> = messages.iter().map(|(key, _)| self.is_late(key)).collect();
        let some = late.contains(&true);
        for ((key, bytes), is_late) in messages.into_iter().zip(late) {
            self.see(&key);
            if self.gone.remove(&key).is_some() {
                self.in_table.insert(Arc::clone(&key));
            }
            let message = Message {
                bytes,
                stored_at,
                came: self.sequence,
                is_held: false,
                handed_over: None,
                is_done: false,
                is_late,
                is_written: false,
            };
            self.messages.insert(key, message);
        }
        some
    }

    /// Whether a ratchet on the disk may have moved past a message that is being stored: one was brought after its stanza had
    /// come in, and after what this sender had written in this chat before was done with, and is being written. The library
    /// works on one after the other, or on those that it stores together: it decrypts none before the ones before are done with.
    fn is_late(&mut self, key: &Key) -> bool {
        let arrived = self.arrived.remove(&key.2).unwrap_or(0);
        let before = self.seen.get(&(key.0.clone(), key.1.clone())).copied().unwrap_or(0);
        self.ratchets_of > arrived.max(before)
    }

    /// True if some may be in the table, which they are to leave: of what was never here, only the table can know.
    fn remove(&mut self, keys: Vec<Key>) -> bool {
        let mut some = false;
        for key in keys {
            self.see(&key);
            match self.messages.get_mut(&key) {
                Some(message) if message.is_held => message.is_done = true,
                _ => some |= self.forget(key),
            }
        }
        some
    }

    /// Forgets what was done with before. True as with [`remove`](Self::remove).
    fn journal_wrote(&mut self, entry_number: T) -> bool {
        let is_over =
            |message: &Message<T>| message.is_done && message.handed_over.is_some_and(|at| at <= entry_number);
        let over = self.messages.iter().filter(|(_, message)| is_over(message)).map(|(key, _)| Arc::clone(key));
        let over: Vec<_> = over.collect();
        over.into_iter().fold(false, |some, key| self.forget(key) | some)
    }

    /// The table takes what ratchets may have moved past and neither it has nor the journal up to `newest`, and loses what is done
    /// with.
    fn changes(&mut self, newest: Option<T>, ratchets_of: Option<StepNumber>) -> Vec<Change> {
        self.ratchets_of = self.ratchets_of.max(ratchets_of.unwrap_or(0));
        let mut changes = Vec::new();
        for (key, message) in &self.messages {
            let is_moved_past = message.is_late || ratchets_of.is_some();
            let is_with_journal = message.handed_over.is_some() && message.handed_over <= newest;
            if message.is_written || !is_moved_past || is_with_journal {
                continue;
            }
            let row = Some((message.bytes.clone(), message.stored_at));
            changes.push(Change { key: Arc::clone(key), since: message.came, row });
            self.in_table.insert(Arc::clone(key));
        }
        let gone = self.gone.iter().map(|(key, went)| Change { key: Arc::clone(key), since: *went, row: None });
        changes.extend(gone);
        changes
    }

    fn transaction_written(&mut self, changed: Vec<(Key, StepNumber)>) {
        for (key, since) in changed {
            if let Some(message) = self.messages.get_mut(&key).filter(|message| message.came == since) {
                message.is_written = true;
            }
            if self.gone.get(&key) == Some(&since) {
                self.gone.remove(&key);
            }
        }
    }

    fn change(&mut self, key: &Key, change: impl FnOnce(&mut Message<T>)) {
        if let Some(message) = self.messages.get_mut(key) {
            change(message);
        }
    }

    /// Forgets a message. True if it may be in the table.
    fn forget(&mut self, key: Key) -> bool {
        let may_be_there = self.messages.remove(&key).is_none() | self.in_table.remove(&key);
        if may_be_there {
            self.gone.insert(key, self.sequence);
        }
        may_be_there
    }

    /// Notes that something became of a message.
    fn see(&mut self, key: &Key) {
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert((key.0.clone(), key.1.clone()), self.sequence);
    }
}
