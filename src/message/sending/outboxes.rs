//! The outboxes of all sessions that have something to send: starts them, and lets them go.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use entity::ids::SessionId;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::error::Result;
use crate::lifecycle::{Lifecycle, ShutdownPhase};
use crate::message::sending::outbox::{Outbox, Shared, Stopped};
use crate::message::sending::transitions::Change;
use crate::message::sending::wake::{Ready, Wake};
use crate::message::store::outbox_store;
use crate::message::store::outgoing::OutgoingRow;
use crate::message::store::transition::Happening;
use crate::session::Sessions;

/// How long nothing is handed over after a write of which nobody knows what came: longer than a commit may take to be decided.
const READ: Duration = Duration::from_secs(10 * 60);
/// Messages whose state is written together.
pub(in crate::message) const BATCH: u64 = 200;

/// The outboxes. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::message) struct Outboxes {
    sessions: Sessions,
    lifecycle: Lifecycle,
    /// What they share.
    pub(in crate::message) shared: Arc<Shared>,
    running: Arc<Mutex<HashMap<SessionId, Arc<Wake>>>>,
    /// The last place that a message has among all that are sent.
    last_sequence: Arc<AtomicI64>,
    /// When a write was last of which nobody knows what came.
    read_since: Arc<Mutex<Option<Instant>>>,
    /// Wakes who waits for the moments of scheduled messages.
    pub(in crate::message) scheduled: Arc<Notify>,
}

impl Outboxes {
    /// None runs yet.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(in crate::message) async fn open(sessions: Sessions, lifecycle: Lifecycle, shared: Shared) -> Result<Self> {
        let last_sequence = Arc::new(AtomicI64::new(outbox_store::last_sequence(shared.db.read()).await?));
        let shared = Arc::new(shared);
        let (running, read_since, scheduled) = (Arc::default(), Arc::default(), Arc::default());
        Ok(Self { sessions, lifecycle, shared, running, last_sequence, read_since, scheduled })
    }

    /// The place behind all that were asked for before.
    pub(in crate::message) fn next_sequence(&self) -> i64 {
        self.last_sequence.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Goes on where the process before ended: what was on its way is in doubt, and what waited is sent.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(in crate::message) async fn go_on(&self) -> Result<()> {
        loop {
            let rows = outbox_store::on_their_way(self.shared.db.read(), BATCH).await?;
            // Each of them is in doubt afterwards, so they come to an end.
            if rows.is_empty() || self.happen(rows, |_| Happening::Unanswered).await? == 0 {
                break;
            }
        }
        for session in outbox_store::sessions(self.shared.db.read()).await? {
            self.start(&session, None);
        }
        Ok(())
    }

    /// Lets something happen to many messages. Gives for how many it made a difference.
    ///
    /// # Errors
    /// `Unavailable`; it may have happened to some of them.
    pub(in crate::message) async fn happen(
        &self,
        rows: Vec<OutgoingRow>,
        what: impl Fn(&OutgoingRow) -> Happening,
    ) -> Result<usize> {
        let mut changes: HashMap<SessionId, Vec<Change>> = HashMap::new();
        for row in rows {
            let change = Change { message_id: row.message_id.clone(), happening: what(&row) };
            changes.entry(row.session_id).or_default().push(change);
        }
        let mut changed = 0;
        for (session, changes) in changes {
            changed += self.shared.transitions.write(&session, changes).await?.len();
        }
        Ok(changed)
    }

    /// Lets a session's outbox look for what there is to send, in this lane at least.
    pub(in crate::message) fn start(&self, session: &SessionId, lane: Option<&str>) {
        self.wake(session, lane, None);
    }

    /// Gives a message to its session's outbox that was just written.
    pub(in crate::message) fn hand_over(&self, session: &SessionId, lane: &str, ready: Ready) {
        let is_read = self.read_since.lock().is_some_and(|since| since.elapsed() < READ);
        self.wake(session, Some(lane), Some(ready).filter(|_| !is_read));
    }

    /// A message may have been written, or may be written still, without anybody who hands it over: for a while all are read, so that
    /// whatever comes next in its lane finds it.
    pub(in crate::message) fn doubt(&self) {
        *self.read_since.lock() = Some(Instant::now());
    }

    fn wake(&self, session: &SessionId, lane: Option<&str>, ready: Option<Ready>) {
        let Some(client) = self.sessions.client(session) else { return };
        let wake = {
            let mut running = self.running.lock();
            if let Some(wake) = running.get(session) {
                if let Some(lane) = lane {
                    wake.lane(lane, ready);
                }
                return;
            }
            let wake = Arc::new(Wake::default());
            running.insert(session.clone(), Arc::clone(&wake));
            wake
        };
        let shared = Arc::clone(&self.shared);
        let mut outbox = Outbox { session: session.clone(), client, wake: Arc::clone(&wake), shared };
        let (running, stop) = (Arc::clone(&self.running), self.lifecycle.workers().clone());
        // One of the workers: the sessions' clients end before them, and what is under way with those; what that means is written.
        self.lifecycle.spawn(ShutdownPhase::Workers, "outbox", async move {
            loop {
                let Some(stopped) = stop.run_until_cancelled(outbox.run()).await else { return };
                let mut running = running.lock();
                if stopped == Stopped::Gone || !wake.take_news() {
                    running.remove(&outbox.session);
                    return;
                }
            }
        });
    }
}
