//! Where the library's tasks run: on the process's own runtime, tracked, and no longer than their client.
//!
//! Some of them would outlive it by minutes: the one that changes the QR codes holds the whole client until the last code
//! has expired, whether or not somebody still waits for a scan.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use whatsapp_rust::TokioRuntime;
use whatsapp_rust::wacore::runtime::{AbortHandle, Runtime};

use crate::lifecycle::{Lifecycle, ShutdownPhase};
use crate::whatsapp::order::Order;
use crate::whatsapp::report::Item;

type Task = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// The runtime of one client.
#[derive(Clone)]
pub(super) struct ClientRuntime {
    lifecycle: Lifecycle,
    order: Arc<Order<Item>>,
    // Without it, a thousand sessions that came and went left 49 MB behind.
    over: CancellationToken,
}

impl ClientRuntime {
    /// A runtime on which nothing runs yet.
    pub(super) fn new(lifecycle: Lifecycle, order: Arc<Order<Item>>) -> Self {
        Self { lifecycle, order, over: CancellationToken::new() }
    }

    /// Ends every task, those that are still to come too.
    pub(super) fn end(&self) {
        self.over.cancel();
    }
}

#[async_trait]
impl Runtime for ClientRuntime {
    /// This is what it starts the task with that takes a chat's messages.
    fn spawn(&self, task: Task) -> AbortHandle {
        let task = self.order.chat(task);
        let handle = self.lifecycle.host(ShutdownPhase::Sessions, self.over.clone().run_until_cancelled_owned(task));
        AbortHandle::new(move || handle.abort())
    }

    /// This is what the library starts a stanza's task with.
    fn spawn_detached(&self, task: Task) {
        let task = self.order.task(task);
        self.lifecycle.host(ShutdownPhase::Sessions, self.over.clone().run_until_cancelled_owned(task));
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        TokioRuntime.sleep(duration)
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send + 'static>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        TokioRuntime.spawn_blocking(work)
    }

    fn yield_now(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        TokioRuntime.yield_now()
    }
}
