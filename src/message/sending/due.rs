//! Follows the clock, as far as it can be believed: messages whose moment has come wait for their turn from then on, and those whose
//! time is over are given up, whether their session is logged in or not. The files of scheduled messages are uploaded ahead of that.

use std::time::Duration;

use tracing::error;

use crate::error::{Result, chain};
use crate::lifecycle::last_run::LastRun;
use crate::message::sending::outbox::Shared;
use crate::message::sending::outboxes::{BATCH, Outboxes};
use crate::message::sending::uploads::Uploads;
use crate::message::store::outbox_store;
use crate::message::store::outgoing::OutgoingRow;
use crate::message::store::transition::Happening;

/// How often it looks although nothing is due.
const PERIOD: Duration = Duration::from_secs(5);

/// Looks for messages whose moment has come.
pub(in crate::message) struct DueMessages {
    pub(in crate::message) outboxes: Outboxes,
    /// What uploads the files of those that have one.
    pub(in crate::message) uploads: Uploads,
}

impl DueMessages {
    pub(in crate::message) async fn run(self, last_run: LastRun) {
        loop {
            let wait = match self.run_once().await {
                Ok(wait) => wait,
                Err(error) => {
                    error!(error = chain(&error), "the messages that are due could not be looked for");
                    PERIOD
                }
            };
            last_run.note();
            let _ = tokio::time::timeout(wait, self.outboxes.scheduled.notified()).await; // Either is a reason to look.
        }
    }

    /// Gives how long there is nothing to do.
    async fn run_once(&self) -> Result<Duration> {
        let Shared { db, believed, .. } = &*self.outboxes.shared;
        let come = believed.come();
        let over = outbox_store::over(db.read(), come, BATCH).await?;
        let due = outbox_store::due(db.read(), come, BATCH).await?;
        if over.is_empty() && due.is_empty() {
            self.uploads.go_ahead().await?;
            let next = outbox_store::next_due(db.read(), come.now).await?;
            return Ok(next.map_or(PERIOD, |next| next.remaining(come.now).min(PERIOD)));
        }
        let ended = self.outboxes.happen(over, |_| Happening::Expired).await?;
        let lane = |row: &OutgoingRow| (row.session_id.clone(), row.lane.clone(), row.progress.awaits_upload);
        let lanes: Vec<_> = due.iter().map(lane).collect();
        let done = self.outboxes.happen(due, |_| Happening::Due { sequence: self.outboxes.next_sequence() }).await;
        // Also if the answer was lost: they may be queued.
        for (session, lane, awaits_upload) in lanes {
            if awaits_upload {
                self.uploads.start(&session);
            }
            // Also if its file was still to be uploaded when it was looked at: it may have been meanwhile.
            self.outboxes.start(&session, Some(&lane));
        }
        // What is found again and again without a difference is not looked at all the time.
        Ok(if ended + done? > 0 { Duration::ZERO } else { PERIOD })
    }
}
