//! All that is in the memory of a process: the library's work on messages, the store around [`PendingMessages`], and what waits
//! for the journal. It follows `ratchets.rs`, `unflushed.rs`, `report_writer.rs` and `transport.rs`.
//!
//! The library may store a ratchet with a message that it has decrypted and not stored yet. Until that is stored, and what its
//! storing brings is on the disk, a power cut loses it; nothing that we do could change that, so such a message is excused.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::disk::{Disk, Tables, Transaction};
use super::{CHATS, Id, Ids};
use crate::whatsapp::device_store::pending_messages::{Effects, Event, Key, PendingMessages, StepNumber};

/// The library's work on one message, or on those that it has kept back while it read what waited for it.
#[derive(Debug)]
struct Job {
    ids: Vec<Id>,
    stage: Stage,
    /// The calls to bring something that must have returned before it goes on.
    until: usize,
}

#[derive(Debug)]
enum Stage {
    Opened,
    Stored,
    RatchetsStored,
    Hooked,
    Removed,
}

/// Something that is to be brought to the journal, in the order of the calls.
#[derive(Clone, Debug, Default)]
struct Batch {
    ratchets: [Option<u64>; CHATS],
    came: Option<StepNumber>,
    taken: Vec<(Key, StepNumber)>,
}

impl Batch {
    fn has_ratchets(&self) -> bool {
        self.ratchets.iter().any(Option::is_some)
    }
}

#[derive(Clone, Debug)]
enum Entry {
    Messages(Vec<Id>),
    Batch,
}

/// A frame on its way out, and how far it has come.
#[derive(Debug)]
struct Frame {
    acknowledges: Vec<Id>,
    waits_for: WaitsFor,
}

#[derive(Clone, Copy, Debug)]
enum WaitsFor {
    Ratchets,
    /// Those that were held before this one have to be brought.
    Held(u64),
    /// This entry, if any, has to be on the disk.
    Journal(Option<u64>),
    /// The call to bring what is to leave the table has to return.
    Bringing(usize),
}

/// One process.
#[derive(Debug, Default)]
pub(super) struct Client {
    pending: PendingMessages<u64>,
    /// What ratchets have moved past.
    ratchets: Ids,
    /// The same as far as the store was given it.
    stored_ratchets: Ids,
    is_live: bool,
    inbox: [VecDeque<Id>; CHATS],
    jobs: [Option<Job>; CHATS],
    kept_back: Vec<Id>,
    batch_job: Option<Job>,
    /// Calls to bring something, and how many of all have returned.
    calls: VecDeque<Batch>,
    returned: usize,
    /// The entries that calls have become, by the numbers of the calls.
    entry_numbers: Vec<u64>,
    under_way: BTreeMap<u64, Batch>,
    queue: VecDeque<(u64, Entry)>,
    last_ticket: u64,
    /// The newest entry that is on the disk.
    told: u64,
    held: VecDeque<(u64, Id)>,
    next_held: u64,
    /// An entry that the journal was given, which is not noted yet.
    report: Option<(u64, usize)>,
    brought: Option<u64>,
    acknowledges: Vec<Id>,
    frame: Option<Frame>,
    /// What was decrypted by this process.
    opened: Ids,
    /// What a ratchet has moved past before it was stored.
    overtaken: Ids,
    /// What it has stored, and the calls that this has made, if it did.
    stored: BTreeMap<Id, Option<usize>>,
}

impl Client {
    pub(super) fn start(tables: &Tables) -> Self {
        Self { ratchets: tables.ratchets, stored_ratchets: tables.ratchets, ..Self::default() }
    }

    /// Whether the library leaves it open that this message is lost now.
    pub(super) fn is_excused(&self, id: Id) -> bool {
        let is_durable =
            |call: usize| self.entry_numbers.get(call).is_some_and(|entry_number| *entry_number <= self.told);
        let is_in_memory_only = match self.stored.get(&id) {
            None => true,
            Some(call) => call.is_some_and(|call| !is_durable(call)),
        };
        self.overtaken.contains(id) && is_in_memory_only
    }

    pub(super) fn stanza(&mut self, id: Id) {
        self.pending.step(Event::StanzaCame { id: key(id).2.clone() });
        self.inbox[id.chat].push_back(id);
    }

    pub(super) fn open(&mut self, chat: usize, disk: &Disk) {
        if self.batch_job.is_some() || self.jobs[chat].is_some() {
            return;
        }
        let Some(&id) = self.inbox[chat].front() else { return };
        if !self.ratchets.contains(id) {
            self.ratchets.insert(id);
            self.opened.insert(id);
        } else if self.pending.find(&key(id)).is_none() {
            let is_in_table = !self.pending.is_gone(&key(id)) && disk.committed().pending.contains(id);
            match (is_in_table, disk.is_flushed()) {
                (true, _) => {
                    self.pending.step(Event::Found { key: key(id) });
                }
                // It is taken for one that the journal has.
                (false, true) => {
                    self.inbox[chat].pop_front();
                    return self.acknowledges.push(id);
                }
                (false, false) => return,
            }
        }
        self.inbox[chat].pop_front();
        match self.is_live {
            true => self.jobs[chat] = Some(Job { ids: vec![id], stage: Stage::Opened, until: 0 }),
            false => self.kept_back.push(id),
        }
    }

    pub(super) fn begin_batch(&mut self) {
        if self.batch_job.is_none() && !self.kept_back.is_empty() {
            let ids = std::mem::take(&mut self.kept_back);
            self.batch_job = Some(Job { ids, stage: Stage::Opened, until: 0 });
        }
    }

    pub(super) fn end_backlog(&mut self) {
        self.is_live |= self.batch_job.is_none() && self.kept_back.is_empty();
    }

    pub(super) fn go_on(&mut self, chat: usize) {
        let job = self.jobs[chat].take();
        self.jobs[chat] = job.and_then(|job| self.work(job));
    }

    pub(super) fn go_on_with_batch(&mut self) {
        let job = self.batch_job.take();
        self.batch_job = job.and_then(|job| self.work(job));
    }

    /// The next stage of a job. None when it is done.
    fn work(&mut self, mut job: Job) -> Option<Job> {
        if self.returned < job.until {
            return Some(job);
        }
        let keys = || job.ids.iter().map(|id| key(*id));
        match job.stage {
            Stage::Opened => {
                let messages = keys().map(|key| (key, Bytes::new())).collect();
                let effects = self.pending.step(Event::Stored { messages, stored_at: 0 });
                job.until = self.bring_if_behind(&effects);
                let call = effects.is_table_behind.then(|| job.until - 1);
                self.stored.extend(job.ids.iter().map(|id| (*id, call)));
                job.stage = Stage::Stored;
            }
            Stage::Stored => {
                if !self.is_live {
                    job.until = self.store_ratchets(u8::MAX);
                }
                job.stage = Stage::RatchetsStored;
            }
            Stage::RatchetsStored => {
                for id in job.ids.iter().filter(|id| !id.is_silent()) {
                    self.pending.step(Event::Held { key: key(*id) });
                    self.held.push_back((self.next_held, *id));
                    self.next_held += 1;
                }
                job.stage = Stage::Hooked;
            }
            Stage::Hooked => {
                let effects = self.pending.step(Event::Removed { keys: keys().collect() });
                job.until = self.bring_if_behind(&effects);
                job.stage = Stage::Removed;
            }
            Stage::Removed => {
                self.acknowledges.extend(job.ids);
                return None;
            }
        }
        Some(job)
    }

    /// The library stores the ratchets of these chats that have moved. Gives how many calls must have returned then.
    pub(super) fn store_ratchets(&mut self, chats: u8) -> usize {
        let mut batch = Batch::default();
        for chat in (0..CHATS).filter(|chat| chats & 1 << chat != 0) {
            if self.stored_ratchets.0[chat] != self.ratchets.0[chat] {
                batch.ratchets[chat] = Some(self.ratchets.0[chat]);
                self.stored_ratchets.0[chat] = self.ratchets.0[chat];
            }
        }
        match batch.has_ratchets() {
            true => self.call(batch),
            false => 0,
        }
    }

    fn bring_if_behind(&mut self, effects: &Effects) -> usize {
        match effects.is_table_behind {
            true => self.call(Batch::default()),
            false => 0,
        }
    }

    fn call(&mut self, batch: Batch) -> usize {
        self.calls.push_back(batch);
        self.returned + self.calls.len()
    }

    /// The first call gets on: the ratchets get their place, then the journal is given them.
    pub(super) fn bring(&mut self) {
        let Some(batch) = self.calls.front_mut() else { return };
        if batch.has_ratchets() && batch.came.is_none() {
            batch.came = Some(self.pending.step(Event::RatchetsCame).sequence);
            return;
        }
        let batch = self.calls.pop_front().expect("it was there");
        let entry_number = self.enqueue(Entry::Batch);
        self.under_way.insert(entry_number, batch);
        self.entry_numbers.push(entry_number);
        self.returned += 1;
    }

    fn enqueue(&mut self, entry: Entry) -> u64 {
        self.last_ticket += 1;
        self.queue.push_back((self.last_ticket, entry));
        self.last_ticket
    }

    pub(super) fn report(&mut self, most: usize) {
        let ids: Vec<_> = self.held.iter().take(most).map(|(_, id)| *id).collect();
        if self.report.is_none() && !ids.is_empty() {
            let count = ids.len();
            self.report = Some((self.enqueue(Entry::Messages(ids)), count));
        }
    }

    pub(super) fn note_report(&mut self) {
        let Some((entry_number, count)) = self.report.take() else { return };
        for (_, id) in self.held.iter().take(count) {
            self.pending.step(Event::HandedOver { key: key(*id), entry_number });
        }
        self.brought = Some(entry_number);
        self.held.drain(..count);
    }

    pub(super) fn write(&mut self, most: usize, fails: bool, disk: &mut Disk) {
        let count = most.min(self.queue.len());
        let entries: Vec<_> = self.queue.drain(..count).collect();
        if fails {
            self.transaction(&entries);
            for entry in entries {
                disk.write(self.transaction(&[entry]));
            }
        } else if count > 0 {
            disk.write(self.transaction(&entries));
        }
    }

    fn transaction(&mut self, entries: &[(u64, Entry)]) -> Transaction {
        let newest = entries.last().map_or(0, |(entry_number, _)| *entry_number);
        let mut transaction = Transaction { newest, ..Transaction::default() };
        for (entry_number, entry) in entries {
            let batch = match entry {
                Entry::Messages(ids) => {
                    transaction.journal.extend(ids);
                    continue;
                }
                Entry::Batch => self.under_way.get_mut(entry_number).expect("nobody waits for it in vain"),
            };
            let began = Event::TransactionBegan { newest: Some(newest), ratchets_of: batch.came };
            let changes = self.pending.step(began).changes;
            batch.taken = changes.iter().map(|change| (Arc::clone(&change.key), change.since)).collect();
            transaction.pending.extend(changes.iter().map(|change| (id(&change.key), change.row.is_some())));
            for (chat, ratchet) in batch.ratchets.into_iter().enumerate() {
                let Some(ratchet) = ratchet else { continue };
                transaction.ratchets[chat] = Some(ratchet);
                let opened = self.opened.iter().filter(|id| id.chat == chat && ratchet & id.bit() != 0);
                opened.filter(|id| !self.stored.contains_key(id)).for_each(|id| self.overtaken.insert(id));
            }
        }
        transaction
    }

    /// The disk has all entries up to this one.
    pub(super) fn tell(&mut self, newest: u64) {
        self.told = newest;
    }

    /// True if nothing of what was brought is under way.
    pub(super) fn ratchets_flushed(&mut self) -> bool {
        while let Some(batch) = self.under_way.first_entry().filter(|batch| *batch.key() <= self.told) {
            self.pending.step(Event::TransactionWritten { changed: batch.remove().taken });
        }
        self.under_way.is_empty()
    }

    /// A frame gets on. Gives what it acknowledges when it leaves.
    pub(super) fn send(&mut self) -> Vec<Id> {
        let Some(Frame { acknowledges, waits_for }) = self.frame.take() else {
            let acknowledges = std::mem::take(&mut self.acknowledges);
            self.frame = Some(Frame { acknowledges, waits_for: WaitsFor::Ratchets });
            return Vec::new();
        };
        let waits_for = match waits_for {
            WaitsFor::Ratchets if self.ratchets_flushed() => WaitsFor::Held(self.next_held),
            WaitsFor::Held(until) if self.held.front().is_none_or(|(number, _)| *number >= until) => {
                WaitsFor::Journal(self.brought)
            }
            WaitsFor::Journal(None) => return acknowledges,
            WaitsFor::Journal(Some(entry_number)) if entry_number <= self.told => {
                self.brought.take_if(|newest| *newest == entry_number);
                let effects = self.pending.step(Event::JournalWrote { entry_number });
                WaitsFor::Bringing(self.bring_if_behind(&effects))
            }
            WaitsFor::Bringing(until) if until <= self.returned => return acknowledges,
            blocked => blocked,
        };
        self.frame = Some(Frame { acknowledges, waits_for });
        Vec::new()
    }

    /// As a frame behind one more message. The last messages may otherwise be remembered longer: what the library was not done with
    /// when a frame had waited for the journal is forgotten with the next one.
    pub(super) fn hear_of_journal(&mut self) {
        let effects = self.pending.step(Event::JournalWrote { entry_number: self.told });
        self.bring_if_behind(&effects);
    }

    /// Another connection begins; the frames of the one before are lost. False if the library has still to be done with what it
    /// has kept back.
    pub(super) fn reconnect(&mut self) -> bool {
        if self.batch_job.is_some() || !self.kept_back.is_empty() {
            return false;
        }
        self.inbox = Default::default();
        self.acknowledges.clear();
        self.frame = None;
        true
    }

    /// What is still remembered of messages.
    pub(super) fn left(&self) -> Option<String> {
        let PendingMessages { messages, gone, .. } = &self.pending;
        (!messages.is_empty() || !gone.is_empty()).then(|| format!("it remembers {messages:?} and {gone:?}"))
    }
}

fn key(id: Id) -> Key {
    Arc::new((id.chat.to_string(), "sender".to_owned(), format!("{}-{}", id.chat, id.number)))
}

fn id(key: &Key) -> Id {
    let (chat, number) = key.2.split_once('-').expect("it is one of ours");
    Id { chat: chat.parse().expect("a chat"), number: number.parse().expect("a number") }
}
