//! Brings the sessions back after a start: a few at a time, and not faster than WhatsApp would find normal.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use entity::timestamp::Timestamp;
use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior};
use tracing::info;

use crate::event::entry::{JournalEntry, NewEvent, Write};
use crate::lifecycle::ShutdownPhase;
use crate::session::command::Command;
use crate::session::deps::Deps;
use crate::session::registry::SessionHandle;
use crate::session::{projection, store, transition_events};

/// A session that still connects after this time makes room for the next one in the queue.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// How fast sessions come back.
#[derive(Clone, Copy, Debug)]
pub struct BootSettings {
    /// Sessions per second; none is as fast as it goes.
    pub boot_rate: Option<NonZeroU32>,
    /// Sessions that log in at the same time.
    pub boot_concurrency: usize,
}

impl Default for BootSettings {
    fn default() -> Self {
        Self { boot_rate: NonZeroU32::new(20), boot_concurrency: 32 }
    }
}

/// What a start makes of the states that the process before wrote.
pub fn restart(now: Timestamp) -> JournalEntry {
    let write: Write = Box::new(move |tx| {
        async move {
            let before = store::all(tx).await?;
            store::reset(tx, now).await?;
            let mut events = Vec::new();
            for (before, after) in before.iter().zip(store::all(tx).await?) {
                for body in transition_events::between(&before.live, &after.live) {
                    events.push(NewEvent::new(after.session.id.clone(), &body, now)?);
                }
            }
            Ok(events)
        }
        .boxed()
    });
    JournalEntry { write: Some(write), ..JournalEntry::default() }
}

/// How many sessions wait to be brought back after a start, and how many had their turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BootProgress {
    /// Sessions that wait for their turn.
    pub waiting: usize,
    /// Sessions whose turn it was.
    pub started: usize,
}

/// Counts the queue for the health check.
#[derive(Debug, Default)]
pub struct BootQueue {
    waiting: AtomicUsize,
    started: AtomicUsize,
}

impl BootQueue {
    /// How far it has come.
    pub fn progress(&self) -> BootProgress {
        BootProgress { waiting: self.waiting.load(Ordering::Relaxed), started: self.started.load(Ordering::Relaxed) }
    }

    /// Works the queue off in the background.
    pub fn start(self: &Arc<Self>, deps: Deps, settings: BootSettings, sessions: Vec<Arc<SessionHandle>>) {
        self.waiting.store(sessions.len(), Ordering::Relaxed);
        let queue = Arc::clone(self);
        let lifecycle = deps.lifecycle.clone();
        let stopping = lifecycle.sessions().clone();
        lifecycle.spawn(ShutdownPhase::Sessions, "boot queue", async move {
            tokio::select! {
                () = stopping.cancelled() => {}
                () = queue.work(&deps, settings, sessions) => {}
            }
        });
    }

    async fn work(&self, deps: &Deps, settings: BootSettings, sessions: Vec<Arc<SessionHandle>>) {
        let (count, begun) = (sessions.len(), Instant::now());
        let permits = Arc::new(Semaphore::new(settings.boot_concurrency.max(1)));
        let mut ticks = settings.boot_rate.map(|rate| tokio::time::interval(Duration::from_secs(1) / rate.get()));
        if let Some(ticks) = &mut ticks {
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        for handle in sessions {
            if let Some(ticks) = &mut ticks {
                ticks.tick().await;
            }
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.started.fetch_add(1, Ordering::Relaxed);
            // One that takes nothing holds nobody up behind it.
            if handle.mailbox(deps).send_timeout(Command::Boot, CONNECT_LIMIT).await.is_err() {
                continue; // It was deleted meanwhile.
            }
            let stopping = deps.lifecycle.sessions().clone();
            deps.lifecycle.spawn(ShutdownPhase::Sessions, "boot", async move {
                let mut live = handle.watch();
                drop(handle);
                let connected = live.wait_for(|shown| !projection::is_connecting(&shown.live));
                // Late or deleted, its permit is free either way.
                let _ = stopping.run_until_cancelled(tokio::time::timeout(CONNECT_LIMIT, connected)).await;
                drop(permit);
            });
        }
        if count > 0 {
            let took = begun.elapsed();
            info!(duration_ms = took.as_millis() as u64, "all {count} sessions had their turn to come back");
        }
    }
}
