//! Drops old messages: those whose events the journal has dropped and that are older than messages are kept. The journal drops by a
//! clock that it has watched for a while, so nothing is lost here by one that was set wrong. What is still to be sent stays.
//!
//! What WhatsApp said about numbers goes with its time, too, and where files are that were uploaded.

use std::time::Duration;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use tracing::{error, info};

use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Result, chain};
use crate::event::index_store;
use crate::event::store::{PRUNED, bookmark};
use crate::event::vote_store;
use crate::lifecycle::last_run::LastRun;
use crate::message::lookup::recipient_store;
use crate::message::lookup::recipients::{KEPT, NOBODY_KEPT};
use crate::message::store::audience_store;
use crate::message::store::outbox_store;
use crate::message::store::receipt_store;
use crate::message::store::upload_key_store;
use crate::message::store::upload_store;
use crate::message::store::uploaded::REUSED;
use crate::session::Sessions;

/// How often it drops something.
const PERIOD: Duration = Duration::from_secs(15 * 60);
/// Messages that are dropped in one transaction: others want to write, too.
const BATCH: u64 = 500;

/// Drops old messages.
pub(super) struct MessageRetention {
    pub(super) sessions: Sessions,
    pub(super) db: Db,
    pub(super) clock: Clock,
    /// What is older may go.
    pub(super) age: Duration,
}

impl MessageRetention {
    pub(super) async fn run(self, last_run: LastRun) {
        loop {
            match self.run_once().await {
                Ok(0) => {}
                Ok(count) => info!("{count} old messages were dropped"),
                Err(error) => error!(error = chain(&error), "old messages could not be dropped"),
            }
            if let Err(error) = self.drop_recipients().await {
                error!(error = chain(&error), "what WhatsApp said about numbers long ago could not be dropped");
            }
            if let Err(error) = self.drop_uploads().await {
                error!(error = chain(&error), "what was uploaded long ago could not be forgotten");
            }
            last_run.note();
            tokio::time::sleep(PERIOD).await;
        }
    }

    async fn run_once(&self) -> Result<u64> {
        let pruned = bookmark(self.db.read(), PRUNED).await?.unwrap_or(0);
        let end = pruned.min(position(self.clock.now().before(self.age)));
        let mut dropped = 0;
        for session in self.sessions.ids() {
            dropped += self.drop_of(&session, end).await?;
            audience_store::delete_unused(self.db.write().without_fsync(), &session).await?;
        }
        Ok(dropped)
    }

    async fn drop_recipients(&self) -> Result<()> {
        let (tx, now) = (self.db.write().without_fsync(), self.clock.now());
        while recipient_store::delete_expired(tx, now.before(KEPT), now.before(NOBODY_KEPT), BATCH).await? == BATCH {}
        Ok(())
    }

    async fn drop_uploads(&self) -> Result<()> {
        let (tx, before) = (self.db.write().without_fsync(), self.clock.now().before(REUSED));
        upload_key_store::delete_old(tx, before).await?;
        upload_store::delete_old(tx, before).await
    }

    async fn drop_of(&self, session: &SessionId, end: i64) -> Result<u64> {
        let (mut dropped, mut after) = (0, 0);
        loop {
            let old = index_store::oldest(self.db.read(), session, after..=end, BATCH).await?;
            let Some((last, _)) = old.last() else { return Ok(dropped) };
            after = last.saturating_add(1);
            let ids: Vec<_> = old.iter().map(|(_, id)| id.clone()).collect();
            let tx = self.db.write().begin().await?;
            let kept = outbox_store::delete_finished(&tx, session, &ids).await?;
            let gone = ids.iter().filter(|id| !kept.contains(*id)).map(String::as_str);
            receipt_store::delete(&tx, session, gone.clone()).await?;
            vote_store::delete(&tx, session, gone.clone()).await?;
            audience_store::delete(&tx, session, gone).await?;
            let positions = old.iter().filter(|(_, id)| !kept.contains(id)).map(|(position, _)| *position);
            dropped += index_store::delete(&tx, session, positions.collect()).await?;
            tx.commit().await?;
        }
    }
}

/// A position that everything has behind it which happened at this moment or later.
fn position(moment: Timestamp) -> i64 {
    moment.millis().saturating_mul(1000)
}
