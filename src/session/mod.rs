//! The session service: what every door calls. Authorizes, checks, writes, and lets the actors do the rest.

pub mod types;

pub mod actor;
pub mod boot;
pub mod machine;
pub mod registry;
pub mod store;

mod pairing;
mod rules;
mod view;

use std::sync::Arc;
use std::time::Duration;

use entity::ids::SessionId;
use entity::words::{DesiredState, SessionStatus};
use sea_orm::TransactionTrait;
use tokio::sync::{oneshot, watch};

use crate::caller::{Caller, Scope};
use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::lifecycle::Lifecycle;
use crate::session::actor::{Command, Deps};
use crate::session::boot::{BootProgress, Queue, Settings};
use crate::session::registry::{Entry, Registry};
use crate::session::types::{
    Device, Live, NewSession, PairCode, PairRequest, Session, SessionChanges, SessionFilter, SessionPage, Status,
};
use crate::whatsapp::Connector;

/// Longest wait for the first QR code of a session that connects.
const QR_WAIT: Duration = Duration::from_secs(10);
/// Longest wait for a pair code: for the connection, and for WhatsApp's answer.
const PAIR_WAIT: Duration = Duration::from_secs(30);
/// Longest wait for an actor to do what it was told: to unlink and to close have limits of their own below this.
const COMMAND_WAIT: Duration = Duration::from_secs(40);

/// The sessions of this server.
#[derive(Clone, Debug)]
pub struct Sessions {
    deps: Deps,
    registry: Arc<Registry>,
    queue: Arc<Queue>,
}

impl Sessions {
    /// Takes the sessions over from the process before: none is connected, and those that are wanted online come back.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn open(
        db: Db,
        connector: Connector,
        clock: Clock,
        lifecycle: Lifecycle,
        settings: Settings,
    ) -> Result<Self> {
        let deps = Deps { db, connector, clock, lifecycle };
        let tx = deps.db.write().begin().await?;
        store::reset(&tx, deps.clock.now()).await?;
        tx.commit().await?;
        let registry = Arc::new(Registry::default());
        let mut coming_back = Vec::new();
        for record in store::all(deps.db.read()).await? {
            let entry = registry.add(&record);
            if record.live.desired == DesiredState::Online {
                coming_back.push(entry);
            }
        }
        let queue = Arc::new(Queue::default());
        queue.start(deps.clone(), settings, coming_back);
        Ok(Self { deps, registry, queue })
    }

    /// Creates a session and starts to connect it.
    ///
    /// # Errors
    /// `Invalid`, `SessionExists`, `Unavailable`, `ShuttingDown`.
    pub async fn create(&self, caller: &Caller, new: NewSession) -> Result<Session> {
        caller.require(Scope::SessionsWrite)?;
        self.is_open()?;
        let draft = rules::draft(new)?;
        let tx = self.deps.db.write().begin().await?;
        let record = store::insert(&tx, draft, self.deps.clock.now()).await?;
        tx.commit().await?;
        let mailbox = self.registry.add(&record).mailbox(&self.deps);
        let _ = mailbox.send(Command::Begin).await; // An actor that ends now ends with the server, and starts with the next.
        Ok(record.session)
    }

    /// One session.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub async fn find(&self, caller: &Caller, id: &SessionId) -> Result<Session> {
        caller.require(Scope::SessionsRead)?;
        let record = store::find(self.deps.db.read(), id).await?;
        record.map(|record| record.session).ok_or_else(not_found)
    }

    /// The sessions that match, oldest first.
    ///
    /// # Errors
    /// `Invalid` for a bad limit or cursor.
    pub async fn list(&self, caller: &Caller, filter: SessionFilter) -> Result<SessionPage> {
        caller.require(Scope::SessionsRead)?;
        let mut selection = rules::selection(filter)?;
        let wanted = selection.limit;
        let is_whole = wanted.is_none() && selection.after.is_none();
        // One more than asked for tells whether there is another page.
        selection.limit = wanted.map(|limit| limit + 1);
        let mut sessions = store::page(self.deps.db.read(), &selection).await?;
        let more = wanted.is_some_and(|limit| sessions.len() as u64 > limit);
        sessions.truncate(wanted.map_or(usize::MAX, |limit| limit as usize));
        let total = match is_whole {
            true => sessions.len() as u64,
            false => store::count(self.deps.db.read(), &selection).await?,
        };
        let next_cursor = if more { sessions.last().map(rules::cursor_behind) } else { None };
        Ok(SessionPage { sessions, total, next_cursor })
    }

    /// Changes a session's name and labels.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`.
    pub async fn update(&self, caller: &Caller, id: &SessionId, changes: SessionChanges) -> Result<Session> {
        caller.require(Scope::SessionsWrite)?;
        let name = changes.name.map(rules::name).transpose()?;
        let metadata = changes.metadata.map(rules::metadata).transpose()?;
        let tx = self.deps.db.write().begin().await?;
        let changed = store::update(&tx, id, name, metadata, self.deps.clock.now()).await?;
        tx.commit().await?;
        changed.ok_or_else(not_found)
    }

    /// Unlinks the device from the phone if it can, and removes the session with all that belongs to it.
    ///
    /// # Errors
    /// `SessionNotFound`, `Unavailable`.
    pub async fn delete(&self, caller: &Caller, id: &SessionId) -> Result<()> {
        caller.require(Scope::SessionsWrite)?;
        // From here on nobody finds it, so nobody can start it again behind our back.
        let entry = self.registry.remove(id).ok_or_else(not_found)?;
        let ended = self.tell(&entry, Command::Delete).await;
        let removed = match ended {
            Ok(()) => self.remove(id).await,
            Err(error) => Err(error),
        };
        if removed.is_err()
            && let Ok(Some(record)) = store::find(self.deps.db.read(), id).await
        {
            self.registry.add(&record);
        }
        removed
    }

    async fn remove(&self, id: &SessionId) -> Result<()> {
        let tx = self.deps.db.write().begin().await?;
        store::delete(&tx, id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Wants the session online. Idempotent.
    ///
    /// # Errors
    /// `SessionNotFound`, `ShuttingDown`.
    pub async fn connect(&self, caller: &Caller, id: &SessionId) -> Result<()> {
        caller.require(Scope::SessionsWrite)?;
        self.tell(&self.entry(id)?, Command::GoOnline).await
    }

    /// Wants the session offline; it stays linked. Idempotent.
    ///
    /// # Errors
    /// `SessionNotFound`, `ShuttingDown`.
    pub async fn disconnect(&self, caller: &Caller, id: &SessionId) -> Result<()> {
        caller.require(Scope::SessionsWrite)?;
        self.tell(&self.entry(id)?, Command::GoOffline).await
    }

    /// Unlinks the device from the phone; the session stays. Idempotent.
    ///
    /// # Errors
    /// `SessionNotFound`, `ShuttingDown`.
    pub async fn logout(&self, caller: &Caller, id: &SessionId) -> Result<()> {
        caller.require(Scope::SessionsWrite)?;
        self.tell(&self.entry(id)?, Command::Logout).await
    }

    /// What the session is doing right now.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub async fn status(&self, caller: &Caller, id: &SessionId) -> Result<Status> {
        caller.require(Scope::SessionsRead)?;
        Ok(self.entry(id)?.look(Live::status))
    }

    /// The present state with the current QR code. While the session connects, waits up to 10 s for the first one.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub async fn qr(&self, caller: &Caller, id: &SessionId) -> Result<Live> {
        caller.require(Scope::SessionsPair)?;
        let mut live = self.entry(id)?.watch();
        // A session that is still connecting when the time is up is shown as it is.
        if let Ok(Err(_)) = tokio::time::timeout(QR_WAIT, live.wait_for(view::is_settled)).await {
            return Err(not_found());
        }
        Ok(live.borrow().clone())
    }

    /// A pair code for this phone number; the outstanding one if it is for the same number.
    ///
    /// # Errors
    /// `SessionNotFound`, `AlreadyLoggedIn`, `PairCodeOutstanding`, `Upstream`, `UpstreamTimeout`.
    pub async fn pair(&self, caller: &Caller, id: &SessionId, request: PairRequest) -> Result<PairCode> {
        caller.require(Scope::SessionsPair)?;
        self.is_open()?;
        let entry = self.entry(id)?;
        let (reply, code) = oneshot::channel();
        entry.mailbox(&self.deps).send(Command::Pair(request, reply)).await.map_err(|_| not_found())?;
        match tokio::time::timeout(PAIR_WAIT, code).await {
            Ok(Ok(code)) => code,
            Ok(Err(_)) => Err(not_found()),
            Err(_) => Err(Error::new(ErrorKind::UpstreamTimeout, "WhatsApp did not give a pair code in time")),
        }
    }

    /// The linked device.
    ///
    /// # Errors
    /// `SessionNotFound`, `DeviceNotLinked`.
    pub async fn device(&self, caller: &Caller, id: &SessionId) -> Result<Device> {
        caller.require(Scope::SessionsRead)?;
        let live = self.entry(id)?.present();
        let identity = live
            .identity
            .ok_or_else(|| Error::new(ErrorKind::DeviceNotLinked, "no phone has linked this session yet"))?;
        Ok(Device {
            device_id: identity.device_id,
            phone_number: identity.phone_number.digits().to_owned(),
            lid: identity.lid.map(|user| format!("{user}@lid")),
            push_name: live.push_name,
        })
    }

    /// The present state, then each change. Ends when the session is deleted.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub async fn watch(&self, caller: &Caller, id: &SessionId) -> Result<watch::Receiver<Live>> {
        caller.require(Scope::SessionsRead)?;
        Ok(self.entry(id)?.watch())
    }

    /// How far the start has come. For the health check; needs no caller.
    pub fn boot_progress(&self) -> BootProgress {
        self.queue.progress()
    }

    /// How many sessions are in each status, in the order of the statuses. For the metrics; needs no caller.
    pub fn census(&self) -> Vec<(SessionStatus, usize)> {
        let mut census: Vec<_> = SessionStatus::ALL.iter().map(|status| (*status, 0)).collect();
        self.registry.for_each(|live| {
            if let Some((_, count)) = census.iter_mut().find(|(status, _)| *status == live.status) {
                *count += 1;
            }
        });
        census
    }

    fn entry(&self, id: &SessionId) -> Result<Arc<Entry>> {
        self.registry.find(id).ok_or_else(not_found)
    }

    fn is_open(&self) -> Result<()> {
        if self.deps.lifecycle.is_stopping() {
            return Err(Error::new(ErrorKind::ShuttingDown, "the server is shutting down"));
        }
        Ok(())
    }

    /// Tells the actor, and waits until it is done.
    async fn tell(&self, entry: &Arc<Entry>, command: fn(oneshot::Sender<()>) -> Command) -> Result<()> {
        self.is_open()?;
        let (reply, done) = oneshot::channel();
        entry.mailbox(&self.deps).send(command(reply)).await.map_err(|_| not_found())?;
        match tokio::time::timeout(COMMAND_WAIT, done).await {
            Ok(Ok(())) => Ok(()),
            // The actor ended: the session was deleted, or the server stops.
            Ok(Err(_)) => self.is_open().and(Err(not_found())),
            Err(_) => Err(Error::new(ErrorKind::UpstreamTimeout, "the session did not get there in time")),
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

fn not_found() -> Error {
    Error::new(ErrorKind::SessionNotFound, "no session has this id")
}
