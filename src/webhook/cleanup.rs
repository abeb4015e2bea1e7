//! Deletes what remains of deleted sessions once nobody is owed anything of it: webhooks, events, lanes, counts.
//!
//! It looks at the database and takes no input but a wake, so what a process that died had left undone is done after the next
//! start.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tracing::{error, info};

use crate::db::Db;
use crate::error::{Result, chain};
use crate::event::deleted_store as deleted;
use crate::event::entry::{JournalEntry, Write};
use crate::event::journal::Journal;
use crate::event::store as event_store;
use crate::lifecycle::last_run::LastRun;
use crate::webhook::delivery::lane_store;
use crate::webhook::store;

/// Events that are dropped in one transaction: others want to write too.
const BATCH: u64 = 1_000;
/// How often it looks although no session was deleted.
const PERIOD: Duration = Duration::from_secs(15 * 60);
/// Wait before it looks again while something is still owed. It doubles up to the longest: what is owed to a receiver that is down
/// stays for days.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest such wait.
const PAUSE_MAX: Duration = Duration::from_secs(64);

/// What is left of deleted sessions.
#[derive(Debug)]
pub struct Cleanup {
    /// Where it is.
    pub db: Db,
    /// Who counts events.
    pub journal: Journal,
}

impl Cleanup {
    /// Looks again and again: when a session was deleted, while something is owed, and now and then.
    pub(super) async fn run(self, wake: Arc<Notify>, last_run: LastRun) {
        let mut pause = PAUSE;
        loop {
            let wait = match self.run_once().await {
                Ok(false) => PERIOD,
                Ok(true) => pause,
                Err(error) => {
                    error!(error = chain(&error), "what is left of deleted sessions could not be taken away");
                    PERIOD
                }
            };
            last_run.note();
            let is_woken = tokio::time::timeout(wait, wake.notified()).await.is_ok();
            pause = if is_woken { PAUSE } else { (2 * pause).min(PAUSE_MAX) };
        }
    }

    /// Takes away what is not owed to anybody. Says whether something is.
    ///
    /// # Errors
    /// `Unavailable`; what was taken away by then is gone.
    pub async fn run_once(&self) -> Result<bool> {
        // What was not looked at yet is owed to whoever it turns out to be for.
        let seen = event_store::bookmark(self.db.read(), event_store::FANNED_OUT).await?.unwrap_or(0);
        let has_webhooks = self.webhooks(seen).await?;
        let has_events = self.events(seen).await?;
        if !has_webhooks && !has_events {
            lane_store::delete_empty(self.db.write().without_fsync()).await?;
            self.counts().await?;
        }
        Ok(has_webhooks || has_events)
    }

    /// Webhooks that have got what they were owed.
    async fn webhooks(&self, seen: i64) -> Result<bool> {
        let before = store::ending(self.db.read()).await?;
        if before.is_empty() {
            return Ok(false);
        }
        store::delete_ended(self.db.write(), seen).await?;
        let after = store::ending(self.db.read()).await?;
        let is_left = |id| after.iter().any(|webhook| webhook.id == id);
        for webhook in before.into_iter().filter(|webhook| !is_left(webhook.id.clone())) {
            info!(webhook.id = %webhook.id, "webhook {} has got what it was owed of its deleted session and is gone", webhook.id);
            self.journal.demand().set_webhook(webhook.session_id.as_ref(), &webhook.id, &[]);
        }
        Ok(!after.is_empty())
    }

    /// Events that nobody waits for.
    async fn events(&self, seen: i64) -> Result<bool> {
        loop {
            if !deleted::has_events(self.db.read()).await? {
                return Ok(false);
            }
            if deleted::drop_events(self.db.write(), seen, BATCH).await? < BATCH {
                return deleted::has_events(self.db.read()).await;
            }
        }
    }

    async fn counts(&self) -> Result<()> {
        if !deleted::has_idle_counts(self.db.read()).await? {
            return Ok(());
        }
        let write: Write = Box::new(|tx| Box::pin(async { deleted::drop_idle_counts(tx).await.map(|()| Vec::new()) }));
        self.journal.write(JournalEntry { write: Some(write), ..JournalEntry::default() }).await
    }
}
