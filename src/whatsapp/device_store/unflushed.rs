//! Messages on their way to the disk: those that are held until they are submitted to the journal, and the entry that was
//! submitted last. A frame may acknowledge any of them, so it waits for all.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;

use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::event::entry::EntryNumber;
use crate::whatsapp::device_store::pending_messages::Key;

/// The entry that was submitted last, if it may not be on the disk yet. The journal writes them in their order, and of one that
/// it could not write the store hears before anything behind it is told.
#[derive(Default)]
pub(super) struct UnflushedEntry(Mutex<Option<(EntryNumber, Flushed)>>);

/// Ends when the disk has an entry. Several may wait for it.
pub(super) type Flushed = Shared<BoxFuture<'static, std::result::Result<(), Arc<Error>>>>;

/// What the journal gave for an entry, for several.
pub(super) fn shared(written: impl Future<Output = Result<()>> + Send + 'static) -> Flushed {
    written.map(|outcome| outcome.map_err(Arc::new)).boxed().shared()
}

impl std::fmt::Debug for UnflushedEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnflushedEntry").finish_non_exhaustive()
    }
}

impl UnflushedEntry {
    /// Notes that an entry was submitted.
    pub(super) fn submitted(
        &self,
        entry_number: EntryNumber,
        written: impl Future<Output = Result<()>> + Send + 'static,
    ) {
        let mut last = self.0.lock();
        if last.as_ref().is_none_or(|(newest, _)| *newest < entry_number) {
            *last = Some((entry_number, shared(written)));
        }
    }

    /// Waits until the disk has everything that was submitted before this call. Gives up to which entry that is, unless it was
    /// given before.
    pub(super) async fn flushed(&self) -> std::result::Result<Option<EntryNumber>, Arc<Error>> {
        let last = self.0.lock().clone();
        let Some((entry_number, written)) = last else { return Ok(None) };
        written.await?;
        self.0.lock().take_if(|(newest, _)| *newest == entry_number);
        Ok(Some(entry_number))
    }
}

/// Messages that wait for their turn to be submitted.
#[derive(Debug, Default)]
pub(super) struct HeldMessages {
    numbers: Arc<Mutex<Numbers>>,
    /// The number of the first that is held, or of the next one.
    first: Arc<watch::Sender<u64>>,
}

#[derive(Debug, Default)]
struct Numbers {
    held: BTreeSet<u64>,
    next: u64,
}

/// A message that waits for its turn. Dropped when it is submitted, or never will be.
#[derive(Debug)]
pub struct HeldMessage {
    pub(super) key: Key,
    number: u64,
    numbers: Arc<Mutex<Numbers>>,
    first: Arc<watch::Sender<u64>>,
}

impl HeldMessages {
    /// Takes a message in.
    pub(super) fn hold(&self, key: Key) -> HeldMessage {
        let mut numbers = self.numbers.lock();
        let number = numbers.next;
        numbers.next += 1;
        numbers.held.insert(number);
        HeldMessage { key, number, numbers: Arc::clone(&self.numbers), first: Arc::clone(&self.first) }
    }

    /// Waits until every message that is held at this moment has been submitted.
    pub(super) async fn handed_over(&self) {
        let until = self.numbers.lock().next;
        let mut first = self.first.subscribe();
        let _ = first.wait_for(|first| *first >= until).await; // The sender is here.
    }
}

impl Drop for HeldMessage {
    fn drop(&mut self) {
        let mut numbers = self.numbers.lock();
        numbers.held.remove(&self.number);
        let first = numbers.held.first().copied().unwrap_or(numbers.next);
        // Under the lock: these must not be told in another order.
        self.first.send_replace(first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_taken_in_later_is_not_waited_for() {
        let holding = HeldMessages::default();
        let hold = || holding.hold(Arc::default());
        holding.handed_over().await;
        let (first, second) = (hold(), hold());
        let mut handed_over = std::pin::pin!(holding.handed_over());
        assert!(futures::poll!(handed_over.as_mut()).is_pending());
        let _third = hold();
        drop(second);
        assert!(futures::poll!(handed_over.as_mut()).is_pending());
        drop(first);
        handed_over.await;
    }
}
