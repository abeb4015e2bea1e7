//! The way to a session's actor. Whoever wants it first starts the actor.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::session::actor;
use crate::session::command::Command;
use crate::session::deps::Deps;
use crate::session::registry::SessionHandle;

/// Commands that wait for one actor. Each has a caller that waits for its reply; more callers than this are too many.
const MAILBOX_CAPACITY: usize = 16;

impl SessionHandle {
    /// The actor's mailbox; starts the actor if there is none.
    pub fn mailbox(self: &Arc<Self>, deps: &Deps) -> mpsc::Sender<Command> {
        let mut mailbox = self.mailbox.lock();
        match mailbox.as_ref().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender.clone(),
            None => {
                let (sender, commands) = mpsc::channel(MAILBOX_CAPACITY);
                actor::start(deps.clone(), Arc::clone(self), commands);
                *mailbox = Some(sender.clone());
                sender
            }
        }
    }
}
