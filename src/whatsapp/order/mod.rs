//! The order of what happens on a session: that in which WhatsApp sent it.
//!
//! The library starts a task for nearly every stanza, and tells what one means when its task comes to that; messages it puts
//! into a queue for each chat. So stanzas are numbered as they come in, and what they make happen is put back into the order
//! of their numbers ([`queue`]). Who does what:
//!
//! - The library's read loop hands one frame after the other to a task, in [`Order::reading`]. Each of those tasks has a number
//!   from [`Order::task`], taken before the next frame is looked at. The library shows a stanza ([`Order::stanza`]) before it
//!   waits for anything, so a task that has not shown one by its first pause is of another kind.
//! - What happened is read from the stanza itself where the library would tell it only after some wait (groups, numbers,
//!   devices, calls), and everything else is told before it waits. So a stanza is through at its task's first pause: nothing
//!   ever waits for what the library does with it. Messages are the exception: they wait for those before them to be
//!   decrypted.
//! - The report writer takes what has come to its turn ([`Order::ready`]), and nobody else writes about this session what a
//!   stanza said.

pub(super) mod ends;
mod queue;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use whatsapp_rust::wacore_binary::{JidExt as _, OwnedNodeRef};

use crate::whatsapp::order::ends::Task;
use crate::whatsapp::order::queue::{Number, Queue};

/// What waits, at most. The library tells a whole bundle of changes without a pause.
const MOST: usize = 16 * 1024;
/// What may be written and was not taken yet, before the library has to wait with further messages.
const ENOUGH: usize = 1024;

tokio::task_local! {
    /// What the running task of the library is for.
    static ROLE: TaskRole;
}

#[derive(Clone, Copy, Debug)]
enum TaskRole {
    ReadLoop,
    Stanza(Number),
}

/// What happened on one client's connections, in order.
#[derive(Debug)]
pub(super) struct Order<T> {
    queue: Mutex<State<T>>,
    /// Something may have come to its turn.
    changed: Notify,
    /// Something was taken.
    taken: Notify,
}

#[derive(Debug)]
struct State<T> {
    queue: Queue<T>,
    /// The chat of the message that the read loop is at.
    chat: Option<Arc<str>>,
    is_closed: bool,
}

impl<T: Send + 'static> Order<T> {
    /// Nothing has happened yet.
    pub(super) fn new() -> Self {
        let state = State { queue: Queue::new(Instant::now()), chat: None, is_closed: false };
        Self { queue: Mutex::new(state), changed: Notify::new(), taken: Notify::new() }
    }

    /// Runs a connection, in which the library reads frame after frame. What the one before left behind is not waited for.
    pub(super) async fn reading(&self, connection: impl Future<Output = ()>) {
        self.change(|queue| queue.restart(Instant::now()));
        ROLE.scope(TaskRole::ReadLoop, connection).await;
        self.change(Queue::end_all);
    }

    /// A task that the library starts, with the number of its stanza if it may have one.
    pub(super) fn task(self: &Arc<Self>, task: Task) -> Task {
        match ROLE.try_with(|role| *role) {
            Ok(TaskRole::ReadLoop) => {
                let number = self.queue.lock().queue.task(Instant::now());
                Box::pin(StanzaTask { task, order: Arc::clone(self), number: Some(number) })
            }
            Ok(TaskRole::Stanza(_)) | Err(_) => task,
        }
    }

    /// A task that the library starts and that may take the messages of the chat whose first one the read loop is at.
    pub(super) fn chat(self: &Arc<Self>, task: Task) -> Task {
        if !matches!(ROLE.try_with(|role| *role), Ok(TaskRole::ReadLoop)) {
            return task;
        }
        let Some(chat) = self.queue.lock().chat.clone() else { return task };
        let order = Arc::clone(self);
        ends::told(task, move || order.change(|queue| queue.through(&chat, Instant::now())))
    }

    /// A stanza came in, shown in the read loop or in the task that it was handed to.
    pub(super) fn stanza(&self, node: &OwnedNodeRef) {
        let (node, now) = (node.get(), Instant::now());
        if matches!(ROLE.try_with(|role| *role), Ok(TaskRole::ReadLoop)) {
            self.queue.lock().chat = None;
        }
        match &*node.tag {
            "message" | "status" => {
                let (mut attributes, mut from) = (node.attrs(), node.attrs());
                let (id, chat) = (attributes.optional_string("id").unwrap_or_default(), from.optional_jid("from"));
                // The library answers any other status itself.
                let chat = chat.filter(|chat| node.tag == "message" || chat.is_status_broadcast());
                if let Some(chat) = chat.map(|chat| chat.to_non_ad_string().into()) {
                    let mut state = self.queue.lock();
                    state.queue.message(&id, &chat, now);
                    state.chat = Some(chat);
                }
            }
            "ib" if node.get_optional_child("offline").is_some() => self.queue.lock().queue.backlog_ends(now),
            _ => {}
        }
    }

    /// Something happened because of the stanza that the running task is for. False if too much waits.
    #[must_use]
    pub(super) fn happened(&self, what: T) -> bool {
        let of = ROLE.try_with(|role| *role).ok().and_then(|role| match role {
            TaskRole::Stanza(number) => Some(number),
            TaskRole::ReadLoop => None,
        });
        self.change(|queue| {
            queue.happened(of, what);
            queue.len() <= MOST
        })
    }

    /// What became of a message that is not handed over as one. False if too much waits.
    #[must_use]
    pub(super) fn became(&self, id: &str, what: T) -> bool {
        self.change(|queue| {
            queue.became(id, what, Instant::now());
            queue.len() <= MOST
        })
    }

    /// The library is through with what waited for this device. False if too much waits.
    #[must_use]
    pub(super) fn backlog_ended(&self, said: Option<T>) -> bool {
        self.change(|queue| {
            queue.backlog_ended(said, Instant::now());
            queue.len() <= MOST
        })
    }

    /// Messages that the library hands over together, by their ids. Of one that says nothing to anybody there is only the id.
    /// Comes back when the writer keeps up. False if it takes nothing any more.
    #[must_use]
    pub(super) async fn messages(&self, bundle: Vec<(String, Option<T>)>) -> bool {
        {
            let mut state = self.queue.lock();
            if state.is_closed {
                return false;
            }
            state.queue.messages(bundle, Instant::now());
            if state.queue.len() > MOST {
                state.queue.end_all();
            }
        }
        self.changed.notify_waiters();
        loop {
            let mut taken = std::pin::pin!(self.taken.notified());
            taken.as_mut().enable();
            {
                let state = self.queue.lock();
                if state.is_closed || state.queue.ready() < ENOUGH {
                    return true;
                }
            }
            taken.await;
        }
    }

    /// What has come to its turn, in order: this many at most. None when it is closed and all was taken. Losing the future
    /// loses nothing.
    pub(super) async fn ready(&self, most: usize) -> Option<Vec<T>> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let deadline = {
                let State { queue, is_closed, chat: _ } = &mut *self.queue.lock();
                queue.expire(Instant::now());
                let some = queue.take(most);
                if !some.is_empty() {
                    self.taken.notify_waiters();
                    return Some(some);
                }
                if *is_closed {
                    return None;
                }
                queue.deadline()
            };
            match deadline {
                Some(deadline) => {
                    let _ = tokio::time::timeout_at(deadline, changed).await; // Either way it is looked at again.
                }
                None => changed.await,
            }
        }
    }

    /// Nothing more comes, and nothing is waited for.
    pub(super) fn close(&self) {
        self.queue.lock().is_closed = true;
        self.change(Queue::end_all);
        self.taken.notify_waiters();
    }

    /// What nobody has taken after it was closed.
    pub(super) fn rest(&self) -> Vec<T> {
        self.queue.lock().queue.take(usize::MAX)
    }

    fn end(&self, number: Number) {
        self.change(|queue| queue.end(number));
    }

    fn change<R>(&self, change: impl FnOnce(&mut Queue<T>) -> R) -> R {
        let mut state = self.queue.lock();
        let outcome = change(&mut state.queue);
        // The writer also has to know how long it has to wait for what could not be let go.
        if state.queue.len() > 0 || state.is_closed {
            self.changed.notify_waiters();
        }
        outcome
    }
}

/// A task that may be for a stanza.
struct StanzaTask<T: Send + 'static> {
    task: Task,
    order: Arc<Order<T>>,
    /// None after its first pause.
    number: Option<Number>,
}

impl<T: Send + 'static> Future for StanzaTask<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(number) = this.number else { return this.task.as_mut().poll(context) };
        let outcome = ROLE.sync_scope(TaskRole::Stanza(number), || this.task.as_mut().poll(context));
        this.number = None;
        this.order.end(number);
        outcome
    }
}

impl<T: Send + 'static> Drop for StanzaTask<T> {
    fn drop(&mut self) {
        if let Some(number) = self.number.take() {
            self.order.end(number);
        }
    }
}
