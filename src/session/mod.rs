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

mod agreement;
mod client;
mod listing;
mod mailbox;
mod pairing;
mod projection;
pub mod rules;
mod timeline;
mod transition_events;
mod updates;

use std::sync::Arc;
use std::time::Duration;

use entity::ids::{PairingLinkId, SessionId};
use entity::timestamp::Timestamp;
use entity::words::access::Scope;
use entity::words::session::{DesiredState, SessionStatus};
use futures::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::error::Elapsed;

use crate::account::{Device, PairRequest};
use crate::caller::Caller;
use crate::egress::Egress;
use crate::error::{Error, ErrorKind, Result};
use crate::event::body::EventBody;
use crate::event::body::session::SessionDeletedEvent;
use crate::event::entry::{self, Write};

use crate::session::boot::{BootProgress, BootSettings, Queue};
use crate::session::command::Command;
use crate::session::deps::Deps;
use crate::session::pair_codes::{Asker, CodeBudget, PairCodes, WantedCode};
use crate::session::registry::{Registry, SessionHandle};
use crate::session::store::SessionDraft;
use crate::session::types::{Live, NewSession, PairCode, Session, SessionChanges, Snapshot, Status};

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
        deps.journal.write(restart(deps.clock.now())).await?;
        let registry = Arc::new(Registry::default());
        let mut coming_back = Vec::new();
        for row in store::all(deps.db.read()).await? {
            let handle = registry.add(&row);
            if row.live.desired == DesiredState::Online {
                coming_back.push(handle);
            }
        }
        let queue = Arc::new(Queue::default());
        queue.start(deps.clone(), settings, coming_back);
        Ok(Self { deps, registry, queue, egress, pair_codes: PairCodes::default() })
    }

    /// Creates a session and starts to connect it.
    ///
    /// # Errors
    /// `Invalid`, `SessionExists`, `Unavailable`, `ShuttingDown`; `Forbidden` for a webhook with a key that may not create
    /// one.
    pub async fn create(&self, caller: &Caller, new: NewSession) -> Result<Snapshot> {
        caller.require(Scope::SessionsWrite)?;
        self.is_open()?;
        if new.webhook.is_some() {
            caller.require(Scope::WebhooksWrite)?;
        }
        let draft = rules::draft(caller, new, self.deps.clock.now())?;
        if !caller.reaches(&draft.id) {
            let detail = "this key is for some sessions only: give the `id` of one of them";
            return Err(Error::new(ErrorKind::Forbidden, detail));
        }
        if let Some(webhook) = &draft.webhook {
            self.egress.admit("webhook.url", &webhook.url).await?;
        }
        let this = self.clone();
        let created = self.deps.lifecycle.complete(async move { this.take_in(draft).await }).await?;
        Ok(created.seen_by(caller))
    }

    #[tracing::instrument(level = "debug", name = "create_session", skip_all, fields(session.id = %draft.id))]
    async fn take_in(&self, mut draft: SessionDraft) -> Result<Snapshot> {
        let _reserved = self.registry.reserve(&draft.id).ok_or_else(|| store::exists(&draft.id))?;
        if let Some(webhook) = &mut draft.webhook {
            // What is still owed about an earlier session with this id is not for it.
            webhook.after_position = *self.deps.journal.recent().head().borrow();
        }
        let webhook = draft.webhook.clone();
        let tx = self.deps.db.write().begin().await?;
        let row = store::insert(&tx, draft, self.deps.clock.now()).await?;
        let committed = tx.commit().await;
        if let Some(webhook) = webhook {
            webhook.announce(self.deps.journal.demand());
        }
        if let Err(error) = committed {
            self.agree(&row.session.id, Some(|| Command::Begin)).await;
            return self.written(&row.session.id).await.ok_or(error);
        }
        let handle = self.registry.add(&row);
        let created = handle.look(Snapshot::clone);
        let mailbox = handle.mailbox(&self.deps);
        let _ = mailbox.send(Command::Begin).await; // An actor that ends now ends with the server, and starts with the next.
        Ok(created)
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

    /// Changes a session's name, its labels, and what WhatsApp is told at each login.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`.
    #[tracing::instrument(level = "debug", name = "update_session", skip_all, fields(session.id = %id))]
    pub async fn update(&self, caller: &Caller, id: &SessionId, changes: SessionChanges) -> Result<Snapshot> {
        let handle = self.reach(caller, Scope::SessionsWrite, id)?;
        let name = changes.name.map(rules::name).transpose()?;
        let metadata = changes.metadata.map(rules::metadata).transpose()?;
        let changes = store::Changes { name, metadata, presence_on_connect: changes.presence_on_connect };
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

    /// Unlinks the device from the phone if it can, and removes the session with all that belongs to it, but for what webhooks
    /// are owed. Gives its last state.
    ///
    /// # Errors
    /// `SessionNotFound`, `Unavailable`.
    #[tracing::instrument(level = "debug", name = "delete_session", skip_all, fields(session.id = %id))]
    pub async fn delete(&self, caller: &Caller, id: &SessionId) -> Result<Snapshot> {
        let (this, id) = (self.clone(), self.reach(caller, Scope::SessionsWrite, id)?.id().clone());
        let removed = self.deps.lifecycle.complete(async move { this.take_away(&id).await }).await?;
        Ok(removed.seen_by(caller))
    }

    async fn take_away(&self, id: &SessionId) -> Result<Snapshot> {
        // From here on nobody finds it, so nobody can start it again behind our back; nor create one with its id before all
        // is said about it.
        let (handle, _reserved) = self.registry.remove(id).ok_or_else(not_found)?;
        if let Err(error) = self.end(&handle).await {
            // It is there as before, unless the table says that it is gone: then only the answer was lost.
            self.registry.restore(Arc::clone(&handle));
            self.agree(id, None).await;
            if self.registry.find(id).is_some() || !self.is_on_disk().await {
                return Err(error);
            }
        }
        self.deps.journal.demand().forget(id);
        Ok(handle.look(Snapshot::clone))
    }

    async fn end(&self, handle: &Arc<SessionHandle>) -> Result<()> {
        // Where nothing can be written the phone keeps its device, and the session all that it is.
        store::touch(self.deps.db.write(), handle.id(), self.deps.clock.now()).await?;
        let was_linked = handle.look(|snapshot| snapshot.live.identity.is_some());
        self.tell(handle, Command::Delete).await?;
        let removed = self.remove(handle).await;
        removed.map_err(|error| if was_linked { half_deleted(error) } else { error })
    }

    async fn remove(&self, handle: &SessionHandle) -> Result<()> {
        let (id, session) = (handle.id(), handle.look(|snapshot| Arc::clone(&snapshot.session)));
        let body = SessionDeletedEvent { name: session.name.clone(), created_at: session.created_at };
        let told = entry::NewEvent::new(id.clone(), &EventBody::SessionDeleted(body), self.deps.clock.now())?;
        let last = Some(store::deletion(id));
        self.deps
            .journal
            .write(entry::JournalEntry { events: vec![told], last, ..entry::JournalEntry::default() })
            .await
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

    /// The present state with the current QR code. While the session connects, waits up to 10 s for the first one.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub async fn qr(&self, caller: &Caller, id: &SessionId) -> Result<Live> {
        let mut shown = self.reach(caller, Scope::SessionsPair, id)?.watch();
        // A session that is still connecting when the time is up is shown as it is.
        if let Ok(Err(_)) =
            tokio::time::timeout(QR_WAIT, shown.wait_for(|shown| !projection::is_connecting(&shown.live))).await
        {
            return Err(not_found());
        }
        Ok(shown.borrow().live.clone())
    }

    /// A pair code for this phone number, the outstanding one if it is for the same number; and the session that shows it.
    ///
    /// # Errors
    /// `SessionNotFound`, `AlreadyLoggedIn`, `PairCodeOutstanding`, `TooManyPairCodes`, `Upstream`, `UpstreamTimeout`.
    pub async fn pair(&self, caller: &Caller, id: &SessionId, request: PairRequest) -> Result<(PairCode, Snapshot)> {
        self.pair_as(caller, id, Asker::Session(id.clone()), request).await
    }

    /// [`pair`](Self::pair) for a visitor of a pairing link, which has a budget of its own.
    ///
    /// # Errors
    /// As there.
    pub async fn pair_by_link(
        &self,
        caller: &Caller,
        id: &SessionId,
        link: &PairingLinkId,
        request: PairRequest,
    ) -> Result<PairCode> {
        Ok(self.pair_as(caller, id, Asker::PairingLink(link.clone()), request).await?.0)
    }

    #[tracing::instrument(level = "debug", name = "pair_session", skip_all, fields(session.id = %id))]
    async fn pair_as(
        &self,
        caller: &Caller,
        id: &SessionId,
        asker: Asker,
        request: PairRequest,
    ) -> Result<(PairCode, Snapshot)> {
        let handle = self.reach(caller, Scope::SessionsPair, id)?;
        self.is_open()?;
        let (reply, code) = oneshot::channel();
        let budget = CodeBudget { asker, codes: self.pair_codes.clone() };
        let wanted = WantedCode { request, budget, reply };
        let mailbox = handle.mailbox(&self.deps);
        match ask(&mailbox, Command::Pair(wanted), code, PAIR_WAIT).await {
            Ok(Some(code)) => code.map(|code| (code, handle.look(Snapshot::clone).seen_by(caller))),
            Ok(None) => Err(self.unanswered(&mailbox)),
            Err(_) => Err(Error::new(ErrorKind::UpstreamTimeout, "WhatsApp did not give a pair code in time")),
        }
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

    /// The session, if this caller may pair it and nobody has.
    ///
    /// # Errors
    /// `SessionNotFound`, `AlreadyLoggedIn`.
    fn unlinked(&self, caller: &Caller, id: &SessionId) -> Result<Arc<SessionHandle>> {
        let handle = self.reach(caller, Scope::SessionsPair, id)?;
        if handle.look(|snapshot| snapshot.live.identity.is_some()) {
            return Err(Error::new(ErrorKind::AlreadyLoggedIn, "a phone has linked this session already"));
        }
        Ok(handle)
    }

    /// Whether a phone could link this session now.
    ///
    /// # Errors
    /// `SessionNotFound`, `AlreadyLoggedIn`.
    pub fn check_unlinked(&self, caller: &Caller, id: &SessionId) -> Result<()> {
        self.unlinked(caller, id).map(drop)
    }

    /// When a session was last logged in. None if it never was.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub fn last_connected(&self, caller: &Caller, id: &SessionId) -> Result<Option<Timestamp>> {
        let handle = self.reach(caller, Scope::SessionsPair, id)?;
        Ok(handle.look(|snapshot| snapshot.session.last_connected_at))
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

/// Gives an actor a command and waits for its answer, so long in all. None if it will not answer.
async fn ask<T>(
    mailbox: &mpsc::Sender<Command>,
    command: Command,
    answer: oneshot::Receiver<T>,
    limit: Duration,
) -> Result<Option<T>, Elapsed> {
    let asked = async {
        mailbox.send(command).await.ok()?;
        answer.await.ok()
    };
    tokio::time::timeout(limit, asked).await
}

/// What a start makes of the states that the process before wrote.
fn restart(now: Timestamp) -> entry::JournalEntry {
    let write: Write = Box::new(move |tx| {
        async move {
            let before = store::all(tx).await?;
            store::reset(tx, now).await?;
            let mut events = Vec::new();
            for (before, after) in before.iter().zip(store::all(tx).await?) {
                for body in transition_events::between(&before.live, &after.live) {
                    events.push(entry::NewEvent::new(after.session.id.clone(), &body, now)?);
                }
            }
            Ok(events)
        }
        .boxed()
    });
    entry::JournalEntry { write: Some(write), ..entry::JournalEntry::default() }
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

/// What was done cannot be undone, so it is said.
fn half_deleted(error: Error) -> Error {
    let detail = "the device was unlinked from the phone, but the session could not be deleted: the database is unavailable; \
                  delete it again";
    Error::new(error.kind(), detail).because(error)
}

fn not_found() -> Error {
    Error::new(ErrorKind::SessionNotFound, "no session has this id")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn who_asks_an_actor_that_takes_nothing_waits_as_long_as_for_an_answer() {
        let (mailbox, mut commands) = mpsc::channel(1);
        mailbox.send(Command::Boot).await.expect("there is room");
        let (reply, answer) = oneshot::channel();
        let asked = ask(&mailbox, Command::GoOnline(reply), answer, LIMIT).await;
        asked.expect_err("nobody takes it out");
        commands.recv().await.expect("it is there");
        let (reply, answer) = oneshot::channel();
        ask(&mailbox, Command::GoOnline(reply), answer, LIMIT).await.expect_err("nobody answers");
        drop(commands);
        let (reply, answer) = oneshot::channel();
        let answer = ask(&mailbox, Command::GoOnline(reply), answer, LIMIT).await;
        assert_eq!(answer.expect("it is known at once"), None);
    }
}
