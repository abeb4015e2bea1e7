//! Who is where: session id -> its present state and the mailbox of its actor.

use std::collections::HashMap;
use std::sync::Arc;

use entity::ids::SessionId;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{mpsc, watch};

use crate::session::actor::{self, Command, Deps};
use crate::session::store::Record;
use crate::session::types::{DeviceProps, Live};

/// Commands that wait for one actor. Each has a caller that waits for its reply; more callers than this are too many.
const MAILBOX_CAPACITY: usize = 16;

/// Every session of this process.
#[derive(Debug, Default)]
pub struct Registry {
    entries: RwLock<HashMap<SessionId, Arc<Entry>>>,
}

/// One session: its state for all who look, and its actor once it has one.
#[derive(Debug)]
pub struct Entry {
    id: SessionId,
    props: DeviceProps,
    live: watch::Sender<Live>,
    mailbox: Mutex<Option<mpsc::Sender<Command>>>,
}

impl Registry {
    /// Takes a session in.
    pub fn add(&self, record: &Record) -> Arc<Entry> {
        let entry = Arc::new(Entry {
            id: record.session.id.clone(),
            props: record.props.clone(),
            live: watch::Sender::new(record.live.clone()),
            mailbox: Mutex::new(None),
        });
        self.entries.write().insert(record.session.id.clone(), Arc::clone(&entry));
        entry
    }

    /// Looks a session up.
    pub fn find(&self, id: &SessionId) -> Option<Arc<Entry>> {
        self.entries.read().get(id).cloned()
    }

    /// Takes a session out: from now on nobody finds it.
    pub fn remove(&self, id: &SessionId) -> Option<Arc<Entry>> {
        self.entries.write().remove(id)
    }

    /// Every session's present state, counted or summed by the caller.
    pub fn for_each(&self, mut look: impl FnMut(&Live)) {
        for entry in self.entries.read().values() {
            look(&entry.live.borrow());
        }
    }
}

impl Entry {
    /// The present state, then each change.
    pub fn watch(&self) -> watch::Receiver<Live> {
        self.live.subscribe()
    }

    /// What is asked of the present state. Nobody can publish meanwhile, so it must be quick.
    pub fn look<T>(&self, look: impl FnOnce(&Live) -> T) -> T {
        look(&self.live.borrow())
    }

    /// The present state.
    pub fn present(&self) -> Live {
        self.live.borrow().clone()
    }

    /// What the phone shows under linked devices.
    pub fn props(&self) -> &DeviceProps {
        &self.props
    }

    /// The session.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// The channel on which the actor publishes.
    pub(super) fn publisher(&self) -> &watch::Sender<Live> {
        &self.live
    }

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
