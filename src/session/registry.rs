//! The sessions of this process: for each id a handle with its present state, the mailbox of its actor, and its client while it
//! is logged in.

use std::collections::{HashMap, HashSet, hash_map};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::session::SessionStatus;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{broadcast, mpsc, watch};

use crate::account::DeviceProps;
use crate::session::command::Command;
use crate::session::store::SessionRow;
use crate::session::types::{Live, Revision, Session, Snapshot};
use crate::whatsapp::client::{Client, End};

/// Changes that a subscriber to all sessions may have unread. One that has more looks at everything again.
const CHANGES_CAPACITY: usize = 1024;

/// Every session of this process.
#[derive(Debug)]
pub struct Registry {
    handles: RwLock<Handles>,
    changes: broadcast::Sender<SessionId>,
    /// How many sessions were taken in.
    born: AtomicU64,
}

#[derive(Debug, Default)]
struct Handles {
    present: HashMap<SessionId, Arc<SessionHandle>>,
    /// Ids of sessions that are being created or deleted right now.
    reserved: HashSet<SessionId>,
}

/// An id that nobody else creates a session with, until it is dropped: what its last session left behind is not mixed up with
/// what the next one begins with.
#[derive(Debug)]
pub struct Reserved {
    registry: Arc<Registry>,
    id: SessionId,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.registry.handles.write().reserved.remove(&self.id);
    }
}

/// One session: its state for all who look, and its actor once it has one.
#[derive(Debug)]
pub struct SessionHandle {
    id: SessionId,
    props: DeviceProps,
    shown: watch::Sender<Snapshot>,
    changes: broadcast::Sender<SessionId>,
    pub(super) mailbox: Mutex<Option<mpsc::Sender<Command>>>,
    /// Some exactly while the session is logged in.
    client: watch::Sender<Option<Client>>,
    /// Held by the change to what a client chose that is under way.
    revising: tokio::sync::Mutex<()>,
}

impl Default for Registry {
    fn default() -> Self {
        Self { handles: RwLock::default(), changes: broadcast::Sender::new(CHANGES_CAPACITY), born: AtomicU64::new(0) }
    }
}

impl Registry {
    /// Takes a session in.
    pub fn add(&self, row: &SessionRow) -> Arc<SessionHandle> {
        let handle = self.handle(row);
        self.handles.write().present.insert(handle.id.clone(), Arc::clone(&handle));
        handle.tell();
        handle
    }

    /// Takes a session in that is not there. None if it is.
    pub fn add_missing(&self, row: &SessionRow) -> Option<Arc<SessionHandle>> {
        let handle = self.handle(row);
        match self.handles.write().present.entry(handle.id.clone()) {
            hash_map::Entry::Occupied(_) => return None,
            hash_map::Entry::Vacant(place) => place.insert(Arc::clone(&handle)),
        };
        handle.tell();
        Some(handle)
    }

    fn handle(&self, row: &SessionRow) -> Arc<SessionHandle> {
        let SessionRow { session, live, props } = row.clone();
        let id = session.id.clone();
        let revision = Revision { born: self.born.fetch_add(1, Ordering::Relaxed), number: 0 };
        Arc::new(SessionHandle {
            id,
            props,
            shown: watch::Sender::new(Snapshot { session: Arc::new(session), live, revision }),
            changes: self.changes.clone(),
            mailbox: Mutex::new(None),
            client: watch::Sender::new(None),
            revising: tokio::sync::Mutex::new(()),
        })
    }

    /// Looks a session up.
    pub fn find(&self, id: &SessionId) -> Option<Arc<SessionHandle>> {
        self.handles.read().present.get(id).cloned()
    }

    /// Reserves an id for a session that is to be created. None while there is one with this id, or one comes or goes.
    pub fn reserve(self: &Arc<Self>, id: &SessionId) -> Option<Reserved> {
        let mut handles = self.handles.write();
        let is_free = !handles.present.contains_key(id) && handles.reserved.insert(id.clone());
        is_free.then(|| Reserved { registry: Arc::clone(self), id: id.clone() })
    }

    /// Takes a session out: from now on nobody finds it. Its id stays reserved.
    pub fn remove(self: &Arc<Self>, id: &SessionId) -> Option<(Arc<SessionHandle>, Reserved)> {
        let handle = {
            let mut handles = self.handles.write();
            let handle = handles.present.remove(id)?;
            handles.reserved.insert(id.clone());
            handle
        };
        handle.tell();
        Some((handle, Reserved { registry: Arc::clone(self), id: id.clone() }))
    }

    /// Takes a session out of which the table says that it is gone.
    pub fn forget(&self, id: &SessionId) {
        let handle = self.handles.write().present.remove(id);
        if let Some(handle) = handle {
            handle.tell();
        }
    }

    /// Puts a session back that was taken out and is still there: with the actor and the client that it has, so that it never
    /// gets a second one.
    pub fn restore(&self, handle: Arc<SessionHandle>) {
        self.handles.write().present.entry(handle.id.clone()).or_insert_with(|| Arc::clone(&handle));
        handle.tell();
    }

    /// Every session's present state, counted or summed by the caller.
    pub fn for_each(&self, mut look: impl FnMut(&Snapshot)) {
        for handle in self.handles.read().present.values() {
            look(&handle.shown.borrow());
        }
    }

    /// The ids of the sessions that come, change or go from now on.
    pub fn changes(&self) -> broadcast::Receiver<SessionId> {
        self.changes.subscribe()
    }
}

impl SessionHandle {
    /// The present state, then each change.
    pub fn watch(&self) -> watch::Receiver<Snapshot> {
        self.shown.subscribe()
    }

    /// What is asked of the present state. Nobody can publish meanwhile, so it must be quick.
    pub fn look<T>(&self, look: impl FnOnce(&Snapshot) -> T) -> T {
        look(&self.shown.borrow())
    }

    /// The present state.
    pub fn present(&self) -> Live {
        self.look(|snapshot| snapshot.live.clone())
    }

    /// What the phone shows under linked devices.
    pub fn props(&self) -> &DeviceProps {
        &self.props
    }

    /// The session.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// Shows the next state. `written_at` tells when it was written to the session's row, if it was.
    pub(super) fn publish(&self, live: Live, written_at: Option<Timestamp>) {
        self.shown.send_modify(|snapshot| {
            let session = Arc::make_mut(&mut snapshot.session);
            session.status = live.status;
            session.is_logged_in = live.status == SessionStatus::LoggedIn;
            session.phone_number = live.identity.as_ref().map(|identity| identity.phone_number.digits().to_owned());
            session.push_name.clone_from(&live.push_name);
            if let Some(now) = written_at {
                session.updated_at = now;
                session.last_connected_at = live.last_connected().or(session.last_connected_at);
            }
            snapshot.live = live;
            snapshot.revision.number += 1;
        });
        self.tell();
    }

    /// A turn to change what a client chose: what is written first is also shown first.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.revising.lock().await
    }

    /// Shows what a client chose and was written.
    pub(super) fn revise(&self, row: &Session) {
        self.shown.send_modify(|snapshot| {
            let session = Arc::make_mut(&mut snapshot.session);
            session.name.clone_from(&row.name);
            session.metadata.clone_from(&row.metadata);
            session.presence_on_connect = row.presence_on_connect;
            (session.send_rate, session.send_burst) = (row.send_rate, row.send_burst);
            session.media = row.media;
            session.updated_at = row.updated_at;
            snapshot.revision.number += 1;
        });
        self.tell();
    }

    fn tell(&self) {
        let _ = self.changes.send(self.id.clone()); // Nobody may be listening.
    }

    /// The client for operations, while there is one.
    pub fn client(&self) -> watch::Receiver<Option<Client>> {
        self.client.subscribe()
    }

    /// Lets operations have this client. Nobody is woken if they have it.
    pub(super) fn offer_client(&self, client: &Client) {
        self.client.send_if_modified(|offered| {
            let is_new = offered.as_ref().is_none_or(|offered| !offered.is_same(client));
            if is_new {
                *offered = Some(client.clone());
            }
            is_new
        });
    }

    /// Takes the client from operations and ends those under way. Nobody is woken if there is none.
    pub(super) fn withdraw_client(&self, why: End) {
        self.client.send_if_modified(|offered| match offered.take() {
            Some(client) => {
                client.end(why);
                true
            }
            None => false,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use entity::words::session::{DesiredState, PresenceOnConnect, StatusReason};

    use super::*;
    use crate::session::types::MediaFetching;

    fn row(id: &SessionId) -> SessionRow {
        let now = Timestamp::from_millis(0);
        let status = SessionStatus::Disconnected;
        let session = Session {
            id: id.clone(),
            name: None,
            phone_number: None,
            push_name: None,
            status,
            created_at: now,
            updated_at: now,
            last_connected_at: None,
            is_logged_in: false,
            metadata: BTreeMap::new(),
            presence_on_connect: PresenceOnConnect::Unavailable,
            send_rate: None,
            send_burst: None,
            media: MediaFetching::default(),
        };
        let live = Live {
            status,
            reason: StatusReason::Requested,
            since: now,
            banned_until: None,
            desired: DesiredState::Offline,
            next_retry_at: None,
            identity: None,
            push_name: None,
            qr: None,
            pair_code: None,
        };
        SessionRow { session, live, props: DeviceProps::default() }
    }

    #[test]
    fn an_id_is_free_when_all_is_said_about_the_session_that_had_it() {
        let (registry, id) = (Arc::new(Registry::default()), SessionId::parse("shop").expect("it is one"));
        let coming = registry.reserve(&id).expect("nobody has it");
        assert!(registry.reserve(&id).is_none(), "of two that create it at once one is first");
        registry.add(&row(&id));
        drop(coming);
        assert!(registry.reserve(&id).is_none(), "it is there");
        let (handle, leaving) = registry.remove(&id).expect("it is there");
        assert!(registry.find(&id).is_none() && registry.reserve(&id).is_none(), "it is being deleted");
        registry.restore(handle);
        drop(leaving);
        assert!(registry.find(&id).is_some() && registry.reserve(&id).is_none(), "it could not be deleted");
        drop(registry.remove(&id));
        assert!(registry.reserve(&id).is_some());
    }
}
