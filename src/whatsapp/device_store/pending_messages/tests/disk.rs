//! What the disk has of the journal, the table and the ratchets, and the transactions that it does not say to have yet.

use std::collections::VecDeque;

use super::{CHATS, Id, Ids};

/// What is there after a power cut.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tables {
    pub(super) journal: Ids,
    pub(super) pending: Ids,
    /// What ratchets have moved past.
    pub(super) ratchets: Ids,
}

impl Tables {
    /// What is there of a message.
    pub(super) fn of(&self, id: Id) -> Kept {
        let is_there = self.journal.contains(id) || self.pending.contains(id);
        Kept { is_there, can_be_opened: !self.ratchets.contains(id) }
    }

    fn take(&mut self, transaction: &Transaction) {
        let Transaction { newest: _, journal, pending, ratchets } = transaction;
        journal.iter().for_each(|id| self.journal.insert(*id));
        for (id, is_put) in pending {
            match is_put {
                true => self.pending.insert(*id),
                false => self.pending.remove(*id),
            }
        }
        for (chat, ratchet) in (0..CHATS).zip(ratchets) {
            self.ratchets.0[chat] = ratchet.unwrap_or(self.ratchets.0[chat]);
        }
    }
}

/// What a power cut leaves of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// Whether the journal or the table has it.
    pub(super) is_there: bool,
    /// Whether it can be decrypted when it comes again.
    pub(super) can_be_opened: bool,
}

/// What is there whole or not at all.
#[derive(Clone, Debug, Default)]
pub(super) struct Transaction {
    /// The newest entry of the journal in it.
    pub(super) newest: u64,
    pub(super) journal: Vec<Id>,
    /// Messages that the table takes or loses.
    pub(super) pending: Vec<(Id, bool)>,
    /// Those that are in it.
    pub(super) ratchets: [Option<u64>; CHATS],
}

/// The disk, and what is on its way there in order.
#[derive(Debug, Default)]
pub(super) struct Disk {
    durable: Tables,
    /// What will be there once the disk has the next transaction, and so on, with the newest entries in these.
    under_way: VecDeque<(u64, Tables)>,
}

impl Disk {
    /// What readers see.
    pub(super) fn committed(&self) -> &Tables {
        self.under_way.back().map_or(&self.durable, |(_, tables)| tables)
    }

    /// Whether the disk has everything that was written.
    pub(super) fn is_flushed(&self) -> bool {
        self.under_way.is_empty()
    }

    pub(super) fn write(&mut self, transaction: Transaction) {
        let mut tables = *self.committed();
        tables.take(&transaction);
        self.under_way.push_back((transaction.newest, tables));
    }

    /// The disk has the next transaction. Gives its newest entry.
    pub(super) fn sync(&mut self) -> Option<u64> {
        let (newest, tables) = self.under_way.pop_front()?;
        self.durable = tables;
        Some(newest)
    }

    /// What the disk says to have.
    pub(super) fn durable(&self) -> &Tables {
        &self.durable
    }

    /// All that may be left of a message if the power failed now.
    pub(super) fn cuts(&self, id: Id) -> impl Iterator<Item = Kept> {
        std::iter::once(&self.durable)
            .chain(self.under_way.iter().map(|(_, tables)| tables))
            .map(move |tables| tables.of(id))
    }

    /// The power fails, and these transactions made it.
    pub(super) fn cut(&mut self, kept: usize) -> Tables {
        self.under_way.truncate(kept);
        self.durable = *self.committed();
        self.under_way.clear();
        self.durable
    }
}
