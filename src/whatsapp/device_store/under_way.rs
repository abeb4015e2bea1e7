//! Which ratchets are on their way to the disk.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::db::rows::Row;
use crate::whatsapp::device_store::pending_messages::StepNumber;
use crate::whatsapp::device_store::pending_messages::shared::Taken;
use crate::whatsapp::device_store::unflushed::Flushed;

/// What was taken in and may not be on the disk yet, in order.
#[derive(Default)]
pub(super) struct RatchetsUnderWay {
    pub(super) intakes: Mutex<VecDeque<Arc<Intake>>>,
    /// Held while an intake is submitted to the journal, so that both are in the same order. Nobody waits for the disk while
    /// holding it.
    pub(super) submitting: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for RatchetsUnderWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RatchetsUnderWay").finish_non_exhaustive()
    }
}

/// Ratchets that were brought to the journal together.
pub(super) struct Intake {
    pub(super) ratchets: Arc<[Row]>,
    /// When they came, if there are any.
    pub(super) came: Option<StepNumber>,
    /// The messages that went along.
    pub(super) taken: Taken,
    pub(super) written: Flushed,
}

impl RatchetsUnderWay {
    /// What was taken in first.
    pub(super) fn first(&self) -> Option<Arc<Intake>> {
        self.intakes.lock().front().cloned()
    }

    /// Forgets the first intake, if that is still this one.
    pub(super) fn forget(&self, intake: &Arc<Intake>) {
        let mut intakes = self.intakes.lock();
        if intakes.front().is_some_and(|first| Arc::ptr_eq(first, intake)) {
            intakes.pop_front();
        }
    }
}
