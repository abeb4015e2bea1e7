//! Start and stop: every task is named, tracked and told when to end. The only caller of `tokio::spawn`.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::error;

/// Longest wait for somebody who waits for what is insisted on.
const INSIST_LIMIT: Duration = Duration::from_secs(2);
/// Wait before it is tried again.
const INSIST_PAUSE: Duration = Duration::from_secs(1);

/// The tokens of the shutdown phases and the tasks that heed them.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    tasks: TaskTracker,
    /// Those of the tasks that write what the clients of sessions still have to tell.
    session_tasks: TaskTracker,
    connections: TaskTracker,
    doors: CancellationToken,
    sessions: CancellationToken,
    workers: CancellationToken,
    cut: CancellationToken,
    is_broken: AtomicBool,
}

impl Lifecycle {
    /// Nothing runs yet, nothing is told to stop.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task that `name` identifies in the log should it panic.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    pub fn spawn<F>(&self, name: &'static str, task: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(self.watched(name, task))
    }

    /// Starts a session's task: the workers, the journal among them, are told to stop after it has ended.
    pub fn spawn_session<F>(&self, task: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.spawn("session", self.0.session_tasks.track_future(task))
    }

    /// Starts a task as [`spawn`](Self::spawn) does, on a thread of its own: it never queues behind tasks that are ready.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn spawn_apart<F>(&self, name: &'static str, task: F) -> std::io::Result<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (task, runtime) = (self.watched(name, task), Handle::current());
        std::thread::Builder::new().name(name.to_owned()).spawn(move || runtime.block_on(task)).map(drop)
    }

    /// A task that is tracked, and whose panic is noted.
    fn watched<F>(&self, name: &'static str, task: F) -> impl Future<Output = ()> + Send + use<F>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        self.0.tasks.track_future(async move {
            if std::panic::AssertUnwindSafe(task).catch_unwind().await.is_err() {
                error!("task {name} panicked");
                inner.is_broken.store(true, Ordering::Relaxed);
            }
        })
    }

    /// Starts a task of a library. It is tracked; whether its panic is a misfortune is for the library's user to say.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    pub fn host<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        tokio::spawn(self.0.tasks.track_future(task))
    }

    /// Starts a task as [`spawn`](Self::spawn) does, on another runtime.
    pub fn spawn_on<F>(&self, runtime: &Handle, name: &'static str, task: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        runtime.spawn(self.watched(name, task))
    }

    /// Serves a connection on this runtime. The requests of connections end before the tasks that they need do.
    pub fn host_connection<F>(&self, runtime: &Handle, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        runtime.spawn(self.0.connections.track_future(task));
    }

    /// Waits until no connection is served any more. Call after [`doors`](Self::doors) fired.
    pub async fn connections_ended(&self) {
        self.0.connections.close();
        self.0.connections.wait().await;
    }

    /// Fires when the requests under way have had their time.
    pub fn cut(&self) -> &CancellationToken {
        &self.0.cut
    }

    /// Does this until it succeeds or the server stops. Returns when it has, or after a moment; then it is gone on with.
    pub async fn insist<F, E>(&self, name: &'static str, attempt: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Send,
    {
        if matches!(tokio::time::timeout(INSIST_LIMIT, attempt()).await, Ok(Ok(()))) {
            return;
        }
        let workers = self.workers().clone();
        self.spawn(name, async move {
            while workers.run_until_cancelled(tokio::time::sleep(INSIST_PAUSE)).await.is_some() {
                if workers.run_until_cancelled(attempt()).await.is_none_or(|outcome| outcome.is_ok()) {
                    return;
                }
            }
        });
    }

    /// Fires when no new request is to be taken.
    pub fn doors(&self) -> &CancellationToken {
        &self.0.doors
    }

    /// Fires when the sessions are to shut their clients down.
    pub fn sessions(&self) -> &CancellationToken {
        &self.0.sessions
    }

    /// Fires when background work is to end after the current item.
    pub fn workers(&self) -> &CancellationToken {
        &self.0.workers
    }

    /// Whether a shutdown has begun.
    pub fn is_stopping(&self) -> bool {
        self.0.doors.is_cancelled()
    }

    /// Whether a task ended by a panic.
    pub fn is_broken(&self) -> bool {
        self.0.is_broken.load(Ordering::Relaxed)
    }

    /// How many tasks are alive.
    pub fn tasks_alive(&self) -> usize {
        self.0.tasks.len()
    }

    /// Waits until every session's task has ended. Call after the sessions were told to stop.
    pub async fn sessions_ended(&self) {
        self.0.session_tasks.close();
        self.0.session_tasks.wait().await;
    }

    /// Waits until every task has ended. Call after the tokens fired.
    pub async fn drained(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}
