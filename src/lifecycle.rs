//! Start and stop: every task has a name and belongs to a phase of the shutdown. The only caller of `tokio::spawn`.
//!
//! The phases end one after the other, each within a limit of its own. What still runs then is logged, and the next phase
//! begins all the same.

pub mod last_run;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use entity::timestamp::Timestamp;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, error, info};

use crate::error::{Error, Result};
use crate::lifecycle::last_run::{LastRun, LastRuns, Loop};

/// Longest wait for somebody who waits for what is insisted on.
const INSIST_LIMIT: Duration = Duration::from_secs(2);
/// Wait before it is tried again.
const INSIST_PAUSE: Duration = Duration::from_secs(1);
/// Longest wait for connections that are cut: nothing keeps them but a worker that is held up. No more than an eighth of what the phase
/// had, since the control thread waits for five graces in all (`GRACES`).
const CUT_LIMIT: Duration = Duration::from_millis(500);

/// The parts of the server, in the order in which they end: each uses those behind it, and none needs one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutdownPhase {
    /// The listener, connections and sockets. They are the first, since a request may use everything else.
    Doors,
    /// The sessions' actors and clients. They end before the journal does: what a client has acknowledged to WhatsApp does not
    /// come again, so it must still be written. They end before the workers do, since work that outlives its caller is one of
    /// these and may wait for a session's answer.
    Sessions,
    /// Background work: loops, deliveries, and what outlives its caller ([`Lifecycle::complete`]). It ends before the journal
    /// does, since it writes there what came of it.
    Workers,
    /// Those who write for the others: the journal, and the outcome writer. They write what they were given before
    /// they end, and the database closes behind them.
    Journal,
}

impl ShutdownPhase {
    /// What the log says when it begins to end.
    fn announcement(self) -> &'static str {
        match self {
            Self::Doors => "no new requests",
            Self::Sessions => "sessions",
            Self::Workers => "workers",
            Self::Journal => "journal",
        }
    }
}

/// The phases of the shutdown, and the tasks of each.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    doors: Part,
    sessions: Part,
    workers: Part,
    journal: Part,
    /// The doors' connections. They end with the doors, and are no tasks that [`Lifecycle::tasks_alive`] counts.
    connections: TaskTracker,
    hard: CancellationToken,
    is_broken: AtomicBool,
    last_runs: Arc<LastRuns>,
}

/// What belongs to one phase.
#[derive(Debug, Default)]
struct Part {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Inner {
    fn part(&self, phase: ShutdownPhase) -> &Part {
        match phase {
            ShutdownPhase::Doors => &self.doors,
            ShutdownPhase::Sessions => &self.sessions,
            ShutdownPhase::Workers => &self.workers,
            ShutdownPhase::Journal => &self.journal,
        }
    }
}

impl Lifecycle {
    /// Nothing runs yet, nothing is told to stop.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task that `name` identifies in the log should it panic. It has to end when its phase is told to stop; one that
    /// is started after that is not waited for.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    pub fn spawn<F>(&self, phase: ShutdownPhase, name: &'static str, task: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(self.watched(phase, name, Box::pin(task)))
    }

    /// Starts a task as [`spawn`](Self::spawn) does, on a thread of its own: it never queues behind tasks that are ready.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn spawn_apart<F>(&self, phase: ShutdownPhase, name: &'static str, task: F) -> std::io::Result<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (task, runtime) = (self.watched(phase, name, Box::pin(task)), Handle::current());
        std::thread::Builder::new().name(name.to_owned()).spawn(move || runtime.block_on(task)).map(drop)
    }

    /// Starts a loop of the workers, which is given where to note its turns. It breaks off wherever it waits when they stop.
    pub fn spawn_loop<F>(&self, which: Loop, run: impl FnOnce(LastRun) -> F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let running = Box::pin(run(self.last_run(which)));
        self.spawn(ShutdownPhase::Workers, which.as_str(), self.until_workers_stop(running))
    }

    /// Starts a loop as [`spawn_loop`](Self::spawn_loop) does, on a thread of its own.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn spawn_loop_apart<F>(&self, which: Loop, run: impl FnOnce(LastRun) -> F) -> std::io::Result<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let running = Box::pin(run(self.last_run(which)));
        self.spawn_apart(ShutdownPhase::Workers, which.as_str(), self.until_workers_stop(running))
    }

    fn until_workers_stop(&self, running: BoxFuture<'static, ()>) -> impl Future<Output = ()> + Send + use<> {
        let stop = self.workers().clone();
        async move { stop.run_until_cancelled(running).await.unwrap_or_default() }
    }

    /// Where a loop notes its turns that ends in a way of its own.
    pub fn last_run(&self, which: Loop) -> LastRun {
        LastRun { which, runs: Arc::clone(&self.0.last_runs) }
    }

    /// When each loop took its last turn; without those that took none yet.
    pub fn last_runs(&self) -> impl Iterator<Item = (Loop, Timestamp)> {
        self.0.last_runs.all()
    }

    /// A task that is tracked, and whose panic is noted. Boxed, like all that is started here: the runtime has thirty
    /// functions for each kind of future, and a box costs a task one allocation beside its own.
    fn watched(
        &self,
        phase: ShutdownPhase,
        name: &'static str,
        task: BoxFuture<'static, ()>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let inner = Arc::clone(&self.0);
        self.0.part(phase).tasks.track_future(async move {
            if std::panic::AssertUnwindSafe(task).catch_unwind().await.is_err() {
                error!("task {name} panicked");
                inner.is_broken.store(true, Ordering::Relaxed);
            }
        })
    }

    /// Starts a task whose panic is for whoever started it to judge, as those of a library.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    pub fn host<F>(&self, phase: ShutdownPhase, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        tokio::spawn(self.0.part(phase).tasks.track_future(task))
    }

    /// Starts a task as [`spawn`](Self::spawn) does, on another runtime.
    pub fn spawn_on<F>(&self, phase: ShutdownPhase, runtime: &Handle, name: &'static str, task: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        runtime.spawn(self.watched(phase, name, Box::pin(task)))
    }

    /// Serves a connection on this runtime. It ends with the doors.
    pub fn host_connection<F>(&self, runtime: &Handle, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        runtime.spawn(self.0.connections.track_future(task));
    }

    /// Does work to its end, even if whoever waits for it goes away meanwhile: a client that hangs up drops its request, and
    /// what is written in one place and not yet in the other (table and memory, WhatsApp and table) would stay half done. All
    /// such work goes through here. It is one of the workers, so a shutdown waits for it, and closes the journal behind it.
    ///
    /// # Errors
    /// Those of the work; `Internal` if it panicked.
    pub async fn complete<T>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
    {
        let work: BoxFuture<'static, Result<T>> = Box::pin(work.in_current_span());
        self.host(ShutdownPhase::Workers, work).await.map_err(Error::internal)?
    }

    /// Does this until it succeeds or the server stops. Returns when it has, or after a moment; then it is gone on with.
    pub async fn insist<F, E>(&self, name: &'static str, attempt: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = std::result::Result<(), E>> + Send + 'static,
        E: Send,
    {
        if matches!(tokio::time::timeout(INSIST_LIMIT, attempt()).await, Ok(Ok(()))) {
            return;
        }
        let workers = self.workers().clone();
        self.spawn(ShutdownPhase::Workers, name, async move {
            while workers.run_until_cancelled(tokio::time::sleep(INSIST_PAUSE)).await.is_some() {
                if workers.run_until_cancelled(attempt()).await.is_none_or(|outcome| outcome.is_ok()) {
                    return;
                }
            }
        });
    }

    /// Fires when no new request is to be taken.
    pub fn doors(&self) -> &CancellationToken {
        &self.0.doors.stop
    }

    /// Fires when the sessions are to shut their clients down.
    pub fn sessions(&self) -> &CancellationToken {
        &self.0.sessions.stop
    }

    /// Fires when background work is to end after the current item.
    pub fn workers(&self) -> &CancellationToken {
        &self.0.workers.stop
    }

    /// Fires when nothing is to be written any more but what was given by then.
    pub fn journal(&self) -> &CancellationToken {
        &self.0.journal.stop
    }

    /// Fires when a phase has not ended within its limit. Connections are cut by it: a client could keep one for ever. All
    /// else has limits of its own.
    pub fn hard(&self) -> &CancellationToken {
        &self.0.hard
    }

    /// Whether a shutdown has begun.
    pub fn is_stopping(&self) -> bool {
        self.0.doors.stop.is_cancelled()
    }

    /// Whether a task ended by a panic.
    pub fn is_broken(&self) -> bool {
        self.0.is_broken.load(Ordering::Relaxed)
    }

    /// How many tasks are alive.
    pub fn tasks_alive(&self) -> usize {
        let Inner { doors, sessions, workers, journal, connections: _, hard: _, is_broken: _, last_runs: _ } = &*self.0;
        [doors, sessions, workers, journal].iter().map(|part| part.tasks.len()).sum()
    }

    /// Ends one phase after the other. Each has `grace`, the last one half of it: it has only to write what was given to it.
    /// Says whether all ended in time.
    pub async fn shut_down(&self, grace: Duration) -> bool {
        let mut is_in_time = true;
        for (phase, limit) in [
            (ShutdownPhase::Doors, grace),
            (ShutdownPhase::Sessions, grace),
            (ShutdownPhase::Workers, grace),
            (ShutdownPhase::Journal, grace / 2),
        ] {
            is_in_time &= self.end(phase, limit).await;
        }
        is_in_time
    }

    /// Tells a phase to stop and waits for its tasks.
    async fn end(&self, phase: ShutdownPhase, limit: Duration) -> bool {
        info!("shutting down: {}", phase.announcement());
        self.0.part(phase).stop.cancel();
        if tokio::time::timeout(limit, self.ended(phase)).await.is_ok() {
            return true;
        }
        let (alive, seconds) = (self.0.part(phase).tasks.len(), limit.as_secs_f64());
        error!("{phase:?} did not end within {seconds} s: {alive} tasks still run");
        self.0.hard.cancel();
        // What is cut is gone at once, but for what a worker holds up: it should not meet the next phase.
        let _ = tokio::time::timeout(CUT_LIMIT.min(limit / 8), self.ended(phase)).await; // That it is late was said.
        false
    }

    async fn ended(&self, phase: ShutdownPhase) {
        let tasks = &self.0.part(phase).tasks;
        let connections = (phase == ShutdownPhase::Doors).then_some(&self.0.connections);
        // Connections are made by the listener, and may have become sockets, which are tasks.
        for tracker in std::iter::once(tasks).chain(connections).chain([tasks]) {
            tracker.close();
            tracker.wait().await;
        }
    }
}
