//! WhatsApp, one process after the other, and the disk; and the laws that hold between any two steps.

use std::collections::VecDeque;

use super::client::Client;
use super::disk::{Disk, Kept};
use super::{CHATS, Id, Ids, MESSAGES, Step};

#[derive(Debug)]
pub(super) struct World {
    sent: [u32; CHATS],
    /// Whether nobody sends anything any more.
    is_over: bool,
    /// What WhatsApp has yet to bring on this connection.
    to_bring: [VecDeque<Id>; CHATS],
    acknowledged: Ids,
    /// What has to get into the journal and is not there yet, but for what the library lost by itself.
    owed: Ids,
    disk: Disk,
    client: Client,
    has_always_had_power: bool,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            sent: Default::default(),
            is_over: false,
            to_bring: Default::default(),
            acknowledged: Ids::default(),
            owed: Ids::default(),
            disk: Disk::default(),
            client: Client::default(),
            has_always_had_power: true,
        }
    }

    /// # Errors
    /// What would be lost if the power failed then.
    pub(super) fn step(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::AllDo { times, but } => (0..times).try_for_each(|_| self.all_do(but)),
            one => {
                self.act(one);
                match self.lost() {
                    None => Ok(()),
                    Some(id) => Err(format!("after {one:?} a power cut may lose {id:?} of {self:#?}")),
                }
            }
        }
    }

    fn act(&mut self, step: Step) {
        let Self { disk, client, .. } = self;
        match step {
            Step::StanzaComes { chat } => self.bring(chat),
            Step::Opens { chat } => client.open(chat, disk),
            Step::GoesOn { chat } => client.go_on(chat),
            Step::BeginsBatch => client.begin_batch(),
            Step::GoesOnWithBatch => client.go_on_with_batch(),
            Step::EndsBacklog => client.end_backlog(),
            Step::StoresRatchets { chats } => drop(client.store_ratchets(chats)),
            Step::Brings => client.bring(),
            Step::Reports { most } => client.report(most),
            Step::NotesReport => client.note_report(),
            Step::Writes { most, fails } => client.write(most, fails, disk),
            Step::Syncs => {
                disk.sync().into_iter().for_each(|newest| client.tell(newest));
                self.was_written();
            }
            Step::Sends => client.send().into_iter().for_each(|id| self.acknowledged.insert(id)),
            Step::WaitsForRatchets => drop(client.ratchets_flushed()),
            Step::Reconnects => {
                if client.reconnect() {
                    self.bring_again();
                }
            }
            Step::AllDo { .. } => {}
            Step::PowerFails { kept } => self.power_fails(kept),
        }
    }

    /// What is lost if the power fails now.
    fn lost(&self) -> Option<Id> {
        self.owed.iter().find(|id| self.disk.cuts(*id).any(|kept| self.is_lost(*id, kept)))
    }

    fn is_lost(&self, id: Id, kept: Kept) -> bool {
        let Kept { is_there, can_be_opened } = kept;
        match self.acknowledged.contains(id) {
            // It is not brought again.
            true => !is_there,
            false => !is_there && !can_be_opened && !self.client.is_excused(id),
        }
    }

    /// Everybody does what he can until all is done, and nobody sends anything new.
    ///
    /// # Errors
    /// As with [`step`](Self::step).
    pub(super) fn run_out(&mut self) -> Result<(), String> {
        self.is_over = true;
        for _ in 0..MESSAGES * 20 {
            if self.left().next().is_none() {
                break;
            }
            self.all_do(0)?;
            self.client.hear_of_journal();
        }
        Ok(())
    }

    fn all_do(&mut self, but: u32) -> Result<(), String> {
        let of_chat = |chat| [Step::StanzaComes { chat }, Step::Opens { chat }, Step::GoesOn { chat }];
        let of_chats = (0..CHATS).flat_map(of_chat);
        let others = [
            Step::BeginsBatch,
            Step::GoesOnWithBatch,
            Step::EndsBacklog,
            Step::Brings,
            Step::Reports { most: 3 },
            Step::NotesReport,
            Step::Writes { most: 3, fails: false },
            Step::Syncs,
            Step::WaitsForRatchets,
            Step::Sends,
        ];
        let mut all = of_chats.chain(others).enumerate().filter(|(bit, _)| but & (1 << bit) == 0);
        all.try_for_each(|(_, step)| self.step(step))
    }

    /// What is not as it has to be when all is done.
    pub(super) fn left(&self) -> impl Iterator<Item = String> {
        let not_there = self.owed.iter().map(|id| format!("{id:?} is not in the journal"));
        let unacknowledged = self.sent().filter(|id| !self.acknowledged.contains(*id));
        let unacknowledged = unacknowledged.map(|id| format!("{id:?} is not acknowledged"));
        let in_table = self.disk.durable().pending.iter().filter(|_| self.has_always_had_power);
        let in_table = in_table.map(|id| format!("{id:?} is in the table"));
        let remembered = std::iter::once_with(|| self.client.left()).flatten();
        not_there.chain(unacknowledged).chain(in_table).chain(remembered)
    }

    fn sent(&self) -> impl Iterator<Item = Id> {
        (0..CHATS).flat_map(|chat| (0..self.sent[chat]).map(move |number| Id { chat, number }))
    }

    fn bring(&mut self, chat: usize) {
        let again = self.to_bring[chat].pop_front();
        let id = again.or_else(|| self.send(chat));
        id.into_iter().for_each(|id| self.client.stanza(id));
    }

    /// Somebody sends a message, unless enough were sent.
    fn send(&mut self, chat: usize) -> Option<Id> {
        let id = Id { chat, number: self.sent[chat] };
        if self.is_over || id.number >= MESSAGES {
            return None;
        }
        self.sent[chat] += 1;
        if !id.is_silent() {
            self.owed.insert(id);
        }
        Some(id)
    }

    fn bring_again(&mut self) {
        self.to_bring = Default::default();
        for id in self.sent().filter(|id| !self.acknowledged.contains(*id)).collect::<Vec<_>>() {
            self.to_bring[id.chat].push_back(id);
        }
    }

    /// The journal keeps what the disk has of it.
    fn was_written(&mut self) {
        self.disk.durable().journal.iter().for_each(|id| self.owed.remove(id));
    }

    fn power_fails(&mut self, kept: usize) {
        let tables = self.disk.cut(kept);
        let gone = Kept { is_there: false, can_be_opened: false };
        let is_excused = |id: &Id| tables.of(*id) == gone && self.client.is_excused(*id);
        let excused: Vec<_> = self.owed.iter().filter(is_excused).collect();
        excused.into_iter().for_each(|id| self.owed.remove(id));
        self.was_written();
        self.client = Client::start(&tables);
        self.has_always_had_power = false;
        self.bring_again();
    }
}
