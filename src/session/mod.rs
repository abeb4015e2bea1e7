//! The session service: what every door calls. Authorizes, checks, writes, and lets the actors do the rest.

pub mod types;

pub mod actor;
pub mod boot;
pub mod machine;
pub mod registry;
pub mod store;

mod pairing;
mod rules;
mod updates;
mod view;

use std::sync::Arc;
use std::time::Duration;

use entity::ids::SessionId;
use entity::words::{DesiredState, SessionStatus};
use sea_orm::TransactionTrait;
use tokio::sync::oneshot;

use crate::caller::{Caller, Scope};
use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::lifecycle::Lifecycle;
use crate::session::actor::{Command, Deps};
use crate::session::boot::{BootProgress, Queue, Settings};
use crate::session::registry::{Entry, Registry};
use crate::session::types::{
    Device, Live, NewSession, PairCode, PairRequest, Session, SessionChanges, SessionFilter, SessionPage, Slice,
    Snapshot, Status, Window,
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
    pub async fn create(&self, caller: &Caller, new: NewSession) -> Result<Snapshot> {
        caller.require(Scope::SessionsWrite)?;
        self.is_open()?;
        let draft = rules::draft(new)?;
        let tx = self.deps.db.write().begin().await?;
        let record = store::insert(&tx, draft, self.deps.clock.now()).await?;
        tx.commit().await?;
        let entry = self.registry.add(&record);
        let created = entry.look(Snapshot::clone);
        let mailbox = entry.mailbox(&self.deps);
        let _ = mailbox.send(Command::Begin).await; // An actor that ends now ends with the server, and starts with the next.
        Ok(created)
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

    /// One session with its present state.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub fn snapshot(&self, caller: &Caller, id: &SessionId) -> Result<Snapshot> {
        caller.require(Scope::SessionsRead)?;
        Ok(self.entry(id)?.look(Snapshot::clone).seen_by(caller))
    }

    /// The sessions that match, oldest first, with their number on all pages.
    ///
    /// # Errors
    /// `Invalid` for a bad limit or cursor.
    pub async fn list(&self, caller: &Caller, filter: SessionFilter, window: Window) -> Result<SessionPage> {
        let is_whole = window == Window::default();
        let Slice { items: sessions, has_previous: _, has_next } = self.slice(caller, filter.clone(), window).await?;
        let total = match is_whole {
            true => sessions.len() as u64,
            false => self.count(caller, filter).await?,
        };
        let next_cursor = if has_next { sessions.last().map(rules::cursor_of) } else { None };
        Ok(SessionPage { sessions, total, next_cursor })
    }

    /// The sessions that match, oldest first.
    ///
    /// # Errors
    /// `Invalid` for a bad size or cursor.
    pub async fn slice(&self, caller: &Caller, filter: SessionFilter, window: Window) -> Result<Slice<Session>> {
        caller.require(Scope::SessionsRead)?;
        let mut selection = rules::selection(filter, &window)?;
        let wanted = selection.limit.map_or(usize::MAX, |limit| limit as usize);
        // One more than asked for tells whether there is another page.
        selection.limit = selection.limit.map(|limit| limit + 1);
        let mut sessions = store::page(self.deps.db.read(), &selection).await?;
        let is_cut = sessions.len() > wanted;
        let (has_previous, has_next) = (is_cut && selection.is_from_end, is_cut && !selection.is_from_end);
        if has_previous {
            sessions.drain(..sessions.len() - wanted);
        }
        sessions.truncate(wanted);
        Ok(Slice { items: sessions, has_previous, has_next })
    }

    /// The sessions that match, oldest first, with their present states.
    ///
    /// # Errors
    /// `Invalid` for a bad size or cursor.
    pub async fn snapshots(&self, caller: &Caller, filter: SessionFilter, window: Window) -> Result<Slice<Snapshot>> {
        let Slice { items, has_previous, has_next } = self.slice(caller, filter, window).await?;
        // One that was deleted since is not there any more.
        let entries = items.iter().filter_map(|session| self.registry.find(&session.id));
        let items = entries.map(|entry| entry.look(Snapshot::clone).seen_by(caller)).collect();
        Ok(Slice { items, has_previous, has_next })
    }

    /// How many sessions match, on all pages.
    ///
    /// # Errors
    /// `Invalid` for a filter that breaks a rule.
    pub async fn count(&self, caller: &Caller, filter: SessionFilter) -> Result<u64> {
        caller.require(Scope::SessionsRead)?;
        store::count(self.deps.db.read(), &rules::selection(filter, &Window::default())?).await
    }

    /// Changes a session's name and labels.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`.
    pub async fn update(&self, caller: &Caller, id: &SessionId, changes: SessionChanges) -> Result<Snapshot> {
        caller.require(Scope::SessionsWrite)?;
        let name = changes.name.map(rules::name).transpose()?;
        let metadata = changes.metadata.map(rules::metadata).transpose()?;
        let entry = self.entry(id)?;
        let _turn = entry.turn().await;
        let changed = store::update(self.deps.db.write(), id, name, metadata, self.deps.clock.now()).await?;
        entry.revise(&changed.ok_or_else(not_found)?);
        Ok(entry.look(Snapshot::clone).seen_by(caller))
    }

    /// Unlinks the device from the phone if it can, and removes the session with all that belongs to it. Gives its last
    /// state.
    ///
    /// # Errors
    /// `SessionNotFound`, `Unavailable`.
    pub async fn delete(&self, caller: &Caller, id: &SessionId) -> Result<Snapshot> {
        caller.require(Scope::SessionsWrite)?;
        let (this, caller, id) = (self.clone(), caller.clone(), id.clone());
        // To the end, even if the client hangs up: a session that is half deleted is neither there nor gone.
        let work = self.deps.lifecycle.host(async move { this.take_away(&caller, &id).await });
        work.await.map_err(Error::internal)?
    }

    async fn take_away(&self, caller: &Caller, id: &SessionId) -> Result<Snapshot> {
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
        removed.map(|()| entry.look(Snapshot::clone).seen_by(caller))
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
    pub async fn connect(&self, caller: &Caller, id: &SessionId) -> Result<Snapshot> {
        caller.require(Scope::SessionsWrite)?;
        let entry = self.entry(id)?;
        self.tell(&entry, Command::GoOnline).await?;
        Ok(entry.look(Snapshot::clone).seen_by(caller))
    }

    /// Wants the session offline; it stays linked. Idempotent.
    ///
    /// # Errors
    /// `SessionNotFound`, `ShuttingDown`.
    pub async fn disconnect(&self, caller: &Caller, id: &SessionId) -> Result<Snapshot> {
        caller.require(Scope::SessionsWrite)?;
        let entry = self.entry(id)?;
        self.tell(&entry, Command::GoOffline).await?;
        Ok(entry.look(Snapshot::clone).seen_by(caller))
    }

    /// Unlinks the device from the phone; the session stays. Idempotent.
    ///
    /// # Errors
    /// `SessionNotFound`, `ShuttingDown`.
    pub async fn logout(&self, caller: &Caller, id: &SessionId) -> Result<Snapshot> {
        caller.require(Scope::SessionsWrite)?;
        let entry = self.entry(id)?;
        self.tell(&entry, Command::Logout).await?;
        Ok(entry.look(Snapshot::clone).seen_by(caller))
    }

    /// What the session is doing right now.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub async fn status(&self, caller: &Caller, id: &SessionId) -> Result<Status> {
        caller.require(Scope::SessionsRead)?;
        Ok(self.entry(id)?.look(|snapshot| snapshot.live.status()))
    }

    /// The present state with the current QR code. While the session connects, waits up to 10 s for the first one.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub async fn qr(&self, caller: &Caller, id: &SessionId) -> Result<Live> {
        caller.require(Scope::SessionsPair)?;
        let mut shown = self.entry(id)?.watch();
        // A session that is still connecting when the time is up is shown as it is.
        if let Ok(Err(_)) = tokio::time::timeout(QR_WAIT, shown.wait_for(|shown| view::is_settled(&shown.live))).await {
            return Err(not_found());
        }
        Ok(shown.borrow().live.clone())
    }

    /// A pair code for this phone number, the outstanding one if it is for the same number; and the session that shows it.
    ///
    /// # Errors
    /// `SessionNotFound`, `AlreadyLoggedIn`, `PairCodeOutstanding`, `Upstream`, `UpstreamTimeout`.
    pub async fn pair(&self, caller: &Caller, id: &SessionId, request: PairRequest) -> Result<(PairCode, Snapshot)> {
        caller.require(Scope::SessionsPair)?;
        self.is_open()?;
        let entry = self.entry(id)?;
        let (reply, code) = oneshot::channel();
        entry.mailbox(&self.deps).send(Command::Pair(request, reply)).await.map_err(|_| not_found())?;
        match tokio::time::timeout(PAIR_WAIT, code).await {
            Ok(Ok(code)) => code.map(|code| (code, entry.look(Snapshot::clone))),
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
        let device = self.entry(id)?.look(|snapshot| snapshot.live.device());
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

/// The cursor of a session: the place right behind it in every list.
pub fn cursor_of(session: &Session) -> String {
    rules::cursor_of(session)
}

impl Snapshot {
    /// Without what this caller may not see: codes are for those who may pair.
    fn seen_by(mut self, caller: &Caller) -> Self {
        if !caller.allows(Scope::SessionsPair) {
            (self.live.qr, self.live.pair_code) = (None, None);
        }
        self
    }
}

fn not_found() -> Error {
    Error::new(ErrorKind::SessionNotFound, "no session has this id")
}
