//! The session service: what every door calls. Authorizes, checks, writes, and lets the actors do the rest.

pub mod types;

pub mod actor;
pub mod boot;
pub mod command;
pub mod deps;
pub mod machine;
pub mod pair_codes;
pub mod registry;
pub mod store;

pub mod client;

mod agreement;
mod creation;
mod deletion;
mod linking;
mod listing;
mod mailbox;
mod pairing;
mod presence;
mod projection;
pub mod rules;
pub mod setting;
mod timeline;
mod transition_events;
mod updates;

use std::sync::Arc;
use std::time::Duration;

use entity::ids::SessionId;
use entity::words::access::Scope;
use entity::words::session::{DesiredState, SessionStatus};
use tokio::sync::{mpsc, oneshot};

use crate::account::Device;
use crate::caller::Caller;
use crate::egress::Egress;
use crate::error::{Error, ErrorKind, Result};
use crate::session::boot::{BootProgress, BootQueue, BootSettings};
use crate::session::command::{Command, ask};
use crate::session::deps::Deps;
use crate::session::pair_codes::PairCodes;
use crate::session::registry::{Registry, SessionHandle};
use crate::session::types::{Session, SessionChanges, Snapshot, Status};

/// Longest wait for an actor to do what it was told: to unlink and to close have limits of their own below this.
const COMMAND_WAIT: Duration = Duration::from_secs(40);

/// The sessions of this server.
#[derive(Clone, Debug)]
pub struct Sessions {
    deps: Deps,
    registry: Arc<Registry>,
    queue: Arc<BootQueue>,
    /// Says which addresses a new session's webhook may have.
    egress: Egress,
    /// How many pair codes were asked for lately.
    pair_codes: PairCodes,
}

impl Sessions {
    /// Takes the sessions over from the process before: none is connected, and those that are wanted online come back.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn open(deps: Deps, egress: Egress, settings: BootSettings) -> Result<Self> {
        deps.journal.write(boot::restart(deps.clock.now())).await?;
        let registry = Arc::new(Registry::default());
        let mut coming_back = Vec::new();
        for row in store::all(deps.db.read()).await? {
            let handle = registry.add(&row);
            if row.live.desired == DesiredState::Online {
                coming_back.push(handle);
            }
        }
        let queue = Arc::new(BootQueue::default());
        queue.start(deps.clone(), settings, coming_back);
        Ok(Self { deps, registry, queue, egress, pair_codes: PairCodes::default() })
    }

    /// One session.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub fn find(&self, caller: &Caller, id: &SessionId) -> Result<Session> {
        let session = self.reach(caller, Scope::SessionsRead, id)?.look(|snapshot| Arc::clone(&snapshot.session));
        Ok(Arc::unwrap_or_clone(session))
    }

    /// One session with its present state.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub fn snapshot(&self, caller: &Caller, id: &SessionId) -> Result<Snapshot> {
        Ok(self.reach(caller, Scope::SessionsRead, id)?.look(Snapshot::clone).seen_by(caller))
    }

    /// Changes a session's name, its labels, what WhatsApp is told at each login, how fast it sends, and when it fetches files.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`.
    #[tracing::instrument(level = "debug", name = "update_session", skip_all, fields(session.id = %id))]
    pub async fn update(&self, caller: &Caller, id: &SessionId, changes: SessionChanges) -> Result<Snapshot> {
        let handle = self.reach(caller, Scope::SessionsWrite, id)?;
        let name = changes.name.map(rules::name).transpose()?;
        let metadata = changes.metadata.map(rules::metadata).transpose()?;
        let (send_rate, send_burst) =
            (changes.send_rate.try_map(rules::send_rate)?, changes.send_burst.try_map(rules::send_burst)?);
        let presence_on_connect = changes.presence_on_connect;
        let media = changes.media.map(rules::media).transpose()?;
        let changes = store::Changes { name, metadata, presence_on_connect, send_rate, send_burst, media };
        let this = self.clone();
        let changed = self.deps.lifecycle.complete(async move {
            let _turn = handle.turn().await;
            let (db, now) = (this.deps.db.write(), this.deps.clock.now());
            let changed = store::update(db, handle.id(), changes, now).await;
            if changed.is_err() {
                this.revise_as_written(&handle).await;
            }
            handle.revise(&changed?.ok_or_else(not_found)?);
            Ok(handle.look(Snapshot::clone))
        });
        Ok(changed.await?.seen_by(caller))
    }

    /// Wants the session online. Idempotent.
    ///
    /// # Errors
    /// `SessionNotFound`, `ShuttingDown`.
    #[tracing::instrument(level = "debug", name = "connect_session", skip_all, fields(session.id = %id))]
    pub async fn connect(&self, caller: &Caller, id: &SessionId) -> Result<Snapshot> {
        let handle = self.reach(caller, Scope::SessionsWrite, id)?;
        self.tell(&handle, Command::GoOnline).await?;
        Ok(handle.look(Snapshot::clone).seen_by(caller))
    }

    /// Wants the session offline; it stays linked. Idempotent.
    ///
    /// # Errors
    /// `SessionNotFound`, `ShuttingDown`.
    #[tracing::instrument(level = "debug", name = "disconnect_session", skip_all, fields(session.id = %id))]
    pub async fn disconnect(&self, caller: &Caller, id: &SessionId) -> Result<Snapshot> {
        let handle = self.reach(caller, Scope::SessionsWrite, id)?;
        self.tell(&handle, Command::GoOffline).await?;
        Ok(handle.look(Snapshot::clone).seen_by(caller))
    }

    /// Unlinks the device from the phone; the session stays. Idempotent.
    ///
    /// # Errors
    /// `SessionNotFound`, `ShuttingDown`.
    #[tracing::instrument(level = "debug", name = "logout_session", skip_all, fields(session.id = %id))]
    pub async fn logout(&self, caller: &Caller, id: &SessionId) -> Result<Snapshot> {
        let handle = self.reach(caller, Scope::SessionsWrite, id)?;
        self.tell(&handle, Command::Logout).await?;
        Ok(handle.look(Snapshot::clone).seen_by(caller))
    }

    /// What the session is doing right now.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub async fn status(&self, caller: &Caller, id: &SessionId) -> Result<Status> {
        Ok(self.reach(caller, Scope::SessionsRead, id)?.look(|snapshot| snapshot.live.status()))
    }

    /// The linked device.
    ///
    /// # Errors
    /// `SessionNotFound`, `DeviceNotLinked`.
    pub async fn device(&self, caller: &Caller, id: &SessionId) -> Result<Device> {
        let device = self.reach(caller, Scope::SessionsRead, id)?.look(|snapshot| snapshot.live.device());
        device.ok_or_else(|| Error::new(ErrorKind::DeviceNotLinked, "no phone has linked this session yet"))
    }

    /// How far the start has come. For the health check; needs no caller.
    pub fn boot_progress(&self) -> BootProgress {
        self.queue.progress()
    }

    /// How many sessions are in each status, in the order of the statuses. For the metrics; needs no caller.
    pub fn census(&self) -> Vec<(SessionStatus, usize)> {
        let mut census: Vec<_> = SessionStatus::ALL.iter().map(|status| (*status, 0)).collect();
        self.registry.for_each(|shown| {
            if let Some((_, count)) = census.iter_mut().find(|(status, _)| *status == shown.live.status) {
                *count += 1;
            }
        });
        census
    }

    /// The session, if the caller may do this to it. One that the caller may not touch is not there.
    fn reach(&self, caller: &Caller, scope: Scope, id: &SessionId) -> Result<Arc<SessionHandle>> {
        caller.require(scope)?;
        self.registry.find(id).filter(|_| caller.reaches(id)).ok_or_else(not_found)
    }

    fn is_open(&self) -> Result<()> {
        if self.deps.lifecycle.is_stopping() {
            return Err(Error::new(ErrorKind::ShuttingDown, "the server is shutting down"));
        }
        Ok(())
    }

    /// Tells the actor, and waits until it is done.
    async fn tell(&self, handle: &Arc<SessionHandle>, command: fn(oneshot::Sender<()>) -> Command) -> Result<()> {
        self.is_open()?;
        let (reply, done) = oneshot::channel();
        let mailbox = handle.mailbox(&self.deps);
        match ask(&mailbox, command(reply), done, COMMAND_WAIT).await {
            Ok(Some(())) => Ok(()),
            Ok(None) => Err(self.unanswered(&mailbox)),
            Err(_) => Err(Error::new(ErrorKind::UpstreamTimeout, "the session did not get there in time")),
        }
    }

    /// Why an actor gave no answer: the server stops, the actor ended since its session was deleted, or it panicked and goes on.
    fn unanswered(&self, mailbox: &mpsc::Sender<Command>) -> Error {
        match self.is_open() {
            Err(stopping) => stopping,
            Ok(()) if mailbox.is_closed() => not_found(),
            Ok(()) => Error::internal("the session's task panicked"),
        }
    }
}

/// Reads the id of an existing session from a path or an argument.
///
/// # Errors
/// `SessionNotFound`: what is no id names no session.
pub fn session_id(text: &str) -> Result<SessionId> {
    SessionId::parse(text).map_err(|_| not_found())
}

/// The cursor of a session: the place right behind it in every list.
pub fn cursor_of(session: &Session) -> String {
    rules::sort_key(session).cursor()
}

impl Snapshot {
    /// Without what this caller may not see: codes are for those who may pair, and for those who may only pair there is
    /// nothing else.
    fn seen_by(mut self, caller: &Caller) -> Self {
        if !caller.allows(Scope::SessionsRead) && !caller.allows(Scope::SessionsWrite) {
            let session = Arc::make_mut(&mut self.session);
            (session.name, session.phone_number, session.push_name) = (None, None, None);
            session.metadata.clear();
            (self.live.identity, self.live.push_name) = (None, None);
        }
        if !caller.allows(Scope::SessionsPair) {
            (self.live.qr, self.live.pair_code) = (None, None);
        }
        self
    }
}

fn not_found() -> Error {
    Error::new(ErrorKind::SessionNotFound, "no session has this id")
}
