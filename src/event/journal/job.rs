//! What waits for the pen.

use tokio::sync::oneshot;

use crate::error::Result;
use crate::event::entry::{Entry, Ticket};

/// Entries that are written in one transaction, at most.
pub(super) const BATCH: usize = 256;

/// An entry, and who waits for it.
pub(super) struct Job {
    pub(super) ticket: Ticket,
    pub(super) entry: Entry,
    pub(super) done: oneshot::Sender<Result<()>>,
}

impl Job {
    /// Tells whoever brought it what came of it.
    pub(super) fn end(mut self, outcome: Result<()>) {
        if let (Err(error), Some(failed)) = (&outcome, self.entry.failed.take()) {
            failed(error);
        }
        let _ = self.done.send(outcome); // Whoever brought it may have gone.
    }
}
