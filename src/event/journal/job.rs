//! What waits for the writer.

use tokio::sync::oneshot;

use crate::error::Result;
use crate::event::entry::{EntryNumber, JournalEntry};

/// Entries that are written in one transaction, at most.
pub(super) const BATCH: usize = 256;

/// An entry, and who waits for it.
pub(in crate::event) struct Job {
    pub(super) entry_number: EntryNumber,
    pub(super) entry: JournalEntry,
    pub(super) done: oneshot::Sender<Result<()>>,
}

impl Job {
    /// Tells whoever submitted it what came of it.
    pub(in crate::event) fn end(mut self, outcome: Result<()>) {
        if let (Err(error), Some(failed)) = (&outcome, self.entry.failed.take()) {
            failed(error);
        }
        let _ = self.done.send(outcome); // Whoever submitted it may have gone.
    }
}
