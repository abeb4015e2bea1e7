//! Messages that were brought to the journal, as a frame sees them: it may acknowledge any of them, so it waits for all.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::event::journal::Ticket;

/// The entry that was brought last, if it may not be on the disk yet. The journal writes them in their order, and of one that
/// it could not write the store hears before anything behind it is told.
#[derive(Default)]
pub(super) struct Brought(Mutex<Option<(Ticket, Written)>>);

/// Ends when the disk has an entry. Several may wait for it.
pub(super) type Written = Shared<BoxFuture<'static, std::result::Result<(), Arc<Error>>>>;

/// What the journal gave for an entry, for several.
pub(super) fn shared(written: impl Future<Output = Result<()>> + Send + 'static) -> Written {
    written.map(|outcome| outcome.map_err(Arc::new)).boxed().shared()
}

impl std::fmt::Debug for Brought {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Brought").finish_non_exhaustive()
    }
}

impl Brought {
    /// Notes that an entry was brought.
    pub(super) fn note(&self, ticket: Ticket, written: impl Future<Output = Result<()>> + Send + 'static) {
        let mut last = self.0.lock();
        if last.as_ref().is_none_or(|(newest, _)| *newest < ticket) {
            *last = Some((ticket, shared(written)));
        }
    }

    /// Waits until the disk has everything that was brought before this call. Gives up to which entry that is, unless it was
    /// given before.
    pub(super) async fn settle(&self) -> std::result::Result<Option<Ticket>, Arc<Error>> {
        let last = self.0.lock().clone();
        let Some((ticket, written)) = last else { return Ok(None) };
        written.await?;
        self.0.lock().take_if(|(newest, _)| *newest == ticket);
        Ok(Some(ticket))
    }
}
