//! When each loop took its last turn. A loop says nothing while all is well, and nothing when it hangs: `/metrics` shows the
//! difference.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use entity::timestamp::Timestamp;

use crate::clock::Clock;

/// The loops of the server. A closed set: each is a value of a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// Writes what happened.
    JournalWriter,
    /// Waits for the disk, and tells what happened.
    Flusher,
    /// Turns events into deliveries.
    FanOut,
    /// Claims the deliveries that are due.
    Scheduler,
    /// Writes what came of deliveries.
    OutcomeWriter,
    /// Takes away what is left of deleted sessions.
    Cleanup,
    /// Drops old events.
    Retention,
    /// Reads receipts of messages that were sent.
    Receipts,
    /// Looks for messages whose moment has come.
    DueMessages,
    /// Fetches files as they come.
    EagerFiles,
    /// Drops old messages.
    MessageRetention,
    /// Drops files that nobody needs.
    MediaRetention,
    /// Writes when keys were used.
    KeyUse,
    /// Folds what was measured into its sums.
    Metrics,
}

impl Loop {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::JournalWriter,
        Self::Flusher,
        Self::FanOut,
        Self::Scheduler,
        Self::OutcomeWriter,
        Self::Cleanup,
        Self::Retention,
        Self::Receipts,
        Self::DueMessages,
        Self::EagerFiles,
        Self::MessageRetention,
        Self::MediaRetention,
        Self::KeyUse,
        Self::Metrics,
    ];

    /// Its name in metrics and in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JournalWriter => "journal_writer",
            Self::Flusher => "flusher",
            Self::FanOut => "fan_out",
            Self::Scheduler => "scheduler",
            Self::OutcomeWriter => "outcome_writer",
            Self::Cleanup => "cleanup",
            Self::Retention => "retention",
            Self::Receipts => "receipts",
            Self::DueMessages => "due_messages",
            Self::EagerFiles => "eager_files",
            Self::MessageRetention => "message_retention",
            Self::MediaRetention => "media_retention",
            Self::KeyUse => "key_use",
            Self::Metrics => "metrics",
        }
    }
}

/// The last turns of all loops, milliseconds of Unix time; 0 before the first.
#[derive(Debug, Default)]
pub(super) struct LastRuns([AtomicI64; Loop::ALL.len()]);

impl LastRuns {
    /// Those of the loops that took a turn.
    pub(super) fn all(&self) -> impl Iterator<Item = (Loop, Timestamp)> {
        let moments = Loop::ALL.iter().map(|which| (*which, self.0[*which as usize].load(Ordering::Relaxed)));
        moments.filter(|(_, millis)| *millis > 0).map(|(which, millis)| (which, Timestamp::from_millis(millis)))
    }
}

/// Where one loop notes its turns.
#[derive(Debug)]
pub struct LastRun {
    pub(super) which: Loop,
    pub(super) runs: Arc<LastRuns>,
}

impl LastRun {
    /// A turn has ended, whatever came of it: a failure is told where it is met.
    pub fn note(&self) {
        // The real time, whatever clock the loop works by: it is compared with that of whoever reads the metrics.
        self.runs.0[self.which as usize].store(Clock::system().now().millis(), Ordering::Relaxed);
    }
}
