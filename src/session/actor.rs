//! One task per running session: hears commands and signals, asks the machine, does what it says.
//!
//! Order of each turn: the new state is written, then shown, then acted upon. Nobody is told what is not on disk.

use std::sync::Arc;
use std::time::Duration;

use entity::timestamp::Timestamp;
use entity::words::SessionStatus;
use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::TransactionTrait;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Result, chain};
use crate::lifecycle::Lifecycle;
use crate::session::machine::{self, Effect, Input, Outside, Phase, State};
use crate::session::pairing::Pairing;
use crate::session::registry::Entry;
use crate::session::store;
use crate::session::types::{Live, PairCode, PairRequest, QrCode};
use crate::whatsapp::{Connection, Connector, Signal};

/// Longest attempt to reach WhatsApp only in order to unlink a device that is offline.
const UNLINK_LIMIT: Duration = Duration::from_secs(10);
/// Wait before a state that could not be written is written again.
const SAVE_AGAIN: Duration = Duration::from_secs(2);
/// Wait before an actor that panicked starts again.
const AFTER_PANIC: Duration = Duration::from_secs(5);

/// What every actor needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Where the state is written.
    pub db: Db,
    /// Where connections come from.
    pub connector: Connector,
    /// What time it is.
    pub clock: Clock,
    /// When to stop.
    pub lifecycle: Lifecycle,
}

/// What the service asks of an actor. Each reply comes when it is done.
#[derive(Debug)]
pub enum Command {
    /// Go where the row says, after a start of the server or of the session.
    Boot,
    /// Go online.
    GoOnline(oneshot::Sender<()>),
    /// Go offline, staying linked.
    GoOffline(oneshot::Sender<()>),
    /// Unlink the device from the phone.
    Logout(oneshot::Sender<()>),
    /// Unlink the device from the phone and end.
    Delete(oneshot::Sender<()>),
    /// Get a pair code.
    Pair(PairRequest, oneshot::Sender<Result<PairCode>>),
}

/// Starts the actor of a session. A panic is logged, shown and survived.
pub fn start(deps: Deps, entry: Arc<Entry>, commands: mpsc::Receiver<Command>) {
    let lifecycle = deps.lifecycle.clone();
    lifecycle.spawn("session", supervise(deps, entry, commands));
}

async fn supervise(deps: Deps, entry: Arc<Entry>, mut commands: mpsc::Receiver<Command>) {
    let stopping = deps.lifecycle.sessions().clone();
    loop {
        let mut actor = Actor::new(deps.clone(), Arc::clone(&entry));
        let outcome = std::panic::AssertUnwindSafe(actor.run(&mut commands)).catch_unwind().await;
        let Err(_) = outcome else { return };
        warn!(session.id = %entry.id(), "session {} panicked and starts again", entry.id());
        drop(actor);
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(AFTER_PANIC) => {}
        }
    }
}

/// A device that is to be unlinked, and who waits for it.
struct Unlinking {
    replies: Vec<oneshot::Sender<()>>,
    until: Instant,
    and_end: bool,
}

struct Actor {
    deps: Deps,
    entry: Arc<Entry>,
    state: State,
    connection: Option<Connection>,
    signals: Option<mpsc::Receiver<Signal>>,
    run: Option<JoinHandle<()>>,
    /// When the time of the present phase is up.
    deadline: Option<Instant>,
    /// When to write a state again that could not be written.
    save_again: Option<Instant>,
    pairing: Pairing,
    unlinking: Option<Unlinking>,
    has_ended: bool,
}

/// What wakes an actor.
enum Wake {
    Command(Command),
    Signal(Signal),
    TimeUp,
    PairOutcome(Result<()>),
    UnlinkLate,
    SaveAgain,
    Stop,
}

impl Actor {
    fn new(deps: Deps, entry: Arc<Entry>) -> Self {
        let state = initial(&entry.present(), deps.clock.now());
        Self {
            deps,
            entry,
            state,
            connection: None,
            signals: None,
            run: None,
            deadline: None,
            save_again: None,
            pairing: Pairing::default(),
            unlinking: None,
            has_ended: false,
        }
    }

    async fn run(&mut self, commands: &mut mpsc::Receiver<Command>) {
        self.rearm();
        let stopping = self.deps.lifecycle.sessions().clone();
        while !self.has_ended {
            let wake = tokio::select! {
                biased;
                () = stopping.cancelled() => Wake::Stop,
                Some(signal) = next(&mut self.signals) => Wake::Signal(signal),
                Some(command) = commands.recv() => Wake::Command(command),
                outcome = self.pairing.outcome() => Wake::PairOutcome(outcome),
                () = at(self.deadline) => Wake::TimeUp,
                () = at(self.unlinking.as_ref().map(|unlinking| unlinking.until)) => Wake::UnlinkLate,
                () = at(self.save_again) => Wake::SaveAgain,
            };
            // Boxed: what a turn needs would otherwise be part of every idle session's task.
            self.turn(wake).await;
        }
    }

    fn turn(&mut self, wake: Wake) -> BoxFuture<'_, ()> {
        async move {
            match wake {
                Wake::Command(command) => self.command(command).await,
                Wake::Signal(signal) => self.apply(Input::Signal(signal)).await,
                Wake::TimeUp => {
                    let quiet = self.connection.as_ref().map_or(Duration::ZERO, Connection::quiet_for);
                    self.deadline = None;
                    self.apply(Input::TimeUp(quiet)).await;
                }
                Wake::PairOutcome(outcome) => self.pairing.finished(outcome),
                Wake::UnlinkLate => self.unlink().await,
                Wake::SaveAgain => self.save(self.entry.present()).await,
                Wake::Stop => {
                    self.apply(Input::Shutdown).await;
                    self.has_ended = true;
                }
            }
            self.follow_up().await;
        }
        .boxed()
    }

    async fn command(&mut self, command: Command) {
        match command {
            Command::Boot => self.apply(Input::Boot).await,
            Command::GoOnline(reply) => {
                self.apply(Input::GoOnline).await;
                let _ = reply.send(()); // Whoever asked may have gone.
            }
            Command::GoOffline(reply) => {
                self.apply(Input::GoOffline).await;
                let _ = reply.send(()); // Whoever asked may have gone.
            }
            Command::Logout(reply) => self.begin_unlinking(reply, false).await,
            Command::Delete(reply) => self.begin_unlinking(reply, true).await,
            Command::Pair(request, reply) => {
                let live = self.entry.present();
                let now = self.deps.clock.now();
                if self.pairing.ask(request, reply, &live, self.state.is_linked, now) {
                    if let (Some(_), Some(connection)) = (&live.pair_code, &self.connection) {
                        connection.cancel_pair_code().await;
                    }
                    self.apply(Input::GoOnline).await;
                }
            }
        }
    }

    /// What has become possible, or impossible, by the turn that just ended.
    async fn follow_up(&mut self) {
        match (&self.state.phase, &self.connection) {
            (Phase::Pairing { .. }, Some(connection)) => self.pairing.start(connection, &self.deps.lifecycle),
            (Phase::Dialling | Phase::Open | Phase::Ending(_), _) | (Phase::Pairing { .. }, None) => {}
            (Phase::Resting | Phase::Banned(_) | Phase::Waiting(_) | Phase::Linking | Phase::LoggedIn(_), _) => {
                self.pairing.fail(&self.entry.present());
            }
        }
        // Either it can be done now, or the attempt to get there has failed.
        let is_decided = match self.state.phase {
            Phase::LoggedIn(_) | Phase::Resting | Phase::Waiting(_) | Phase::Banned(_) => true,
            Phase::Dialling | Phase::Open | Phase::Pairing { .. } | Phase::Linking | Phase::Ending(_) => false,
        };
        if is_decided || !self.state.is_linked || self.has_ended {
            self.unlink().await;
        }
    }

    async fn begin_unlinking(&mut self, reply: oneshot::Sender<()>, and_end: bool) {
        let unlinking = self.unlinking.get_or_insert_with(|| Unlinking {
            replies: Vec::new(),
            until: Instant::now() + UNLINK_LIMIT,
            and_end: false,
        });
        unlinking.replies.push(reply);
        unlinking.and_end |= and_end;
        if self.state.is_linked && !matches!(self.state.phase, Phase::LoggedIn(_)) {
            // WhatsApp unlinks a device only at its own request, so it has to log in once more.
            self.apply(Input::GoOnline).await;
        }
    }

    /// Unlinks now: at WhatsApp if the session is logged in, and here in any case.
    async fn unlink(&mut self) {
        let Some(unlinking) = self.unlinking.take() else { return };
        let id = self.entry.id().clone();
        if self.state.is_linked {
            let confirmed = match (&self.state.phase, &self.connection) {
                (Phase::LoggedIn(_), Some(connection)) => connection.logout().await,
                _ => false,
            };
            if !confirmed {
                warn!(session.id = %id, "session {id} is unlinked here, but WhatsApp did not confirm it");
            }
            self.apply(Input::Unlinked).await;
        } else if !self.state.is_resting() {
            self.apply(Input::GoOffline).await;
        }
        self.has_ended |= unlinking.and_end;
        for reply in unlinking.replies {
            let _ = reply.send(()); // Whoever asked may have gone.
        }
    }

    async fn apply(&mut self, input: Input) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            let now = self.deps.clock.now();
            let outside = Outside { now, chance: rand::random() };
            let (state, effects) = machine::step(self.state.clone(), input, outside);
            let phase_changed = state.phase != self.state.phase;
            self.state = state;
            if phase_changed || self.deadline.is_none() {
                self.rearm();
            }
            self.show(&effects, now).await;
            for effect in effects {
                if let Some(input) = self.act(effect).await {
                    next = Some(input);
                }
            }
        }
    }

    fn rearm(&mut self) {
        let limit = machine::time_limit(&self.state.phase, self.deps.clock.now());
        self.deadline = limit.map(|limit| Instant::now() + limit);
    }

    /// Writes the new state and shows it.
    async fn show(&mut self, effects: &[Effect], now: Timestamp) {
        let before = self.entry.present();
        let mut live = before.clone();
        live.status = self.state.status();
        live.reason = self.state.reason;
        live.desired = self.state.desired;
        live.banned_until = self.state.banned_until();
        live.next_retry_at = self.state.next_retry_at();
        for effect in effects {
            self.change(&mut live, effect);
        }
        if (live.status, live.reason) != (before.status, before.reason) {
            live.since = now;
            let id = self.entry.id();
            info!(session.id = %id, status = %live.status, reason = %live.reason, "session {id} is {}", live.status);
        }
        if live == before {
            return;
        }
        // A stopping server's word is void at its next start, so it is not written.
        let is_durable = durable(&live) != durable(&before) && !self.deps.lifecycle.sessions().is_cancelled();
        if is_durable {
            self.save(live.clone()).await;
        }
        if let Some(code) = live.pair_code.as_ref().filter(|_| before.pair_code != live.pair_code) {
            self.pairing.succeed(code);
        }
        self.entry.publisher().send_replace(live);
    }

    fn change(&self, live: &mut Live, effect: &Effect) {
        match effect {
            Effect::ShowQr(code, expires_at) => {
                live.qr = Some(QrCode { code: code.clone(), expires_at: *expires_at });
            }
            Effect::ShowPairCode(code, expires_at) => {
                live.pair_code = self.pairing.phone_number().map(|phone_number| PairCode {
                    code: code.clone(),
                    phone_number: phone_number.clone(),
                    expires_at: *expires_at,
                });
            }
            Effect::HideQr => live.qr = None,
            Effect::HidePairCode => live.pair_code = None,
            Effect::Learn(identity) => live.identity = Some(identity.clone()),
            Effect::Name(name) => live.push_name = Some(name.clone()),
            Effect::Forget => {
                live.identity = None;
                live.push_name = None;
            }
            Effect::Dial | Effect::DropSocket | Effect::Rest => {}
        }
    }

    /// A state that cannot be written is shown all the same: it is true. It is written as soon as that works.
    async fn save(&mut self, live: Live) {
        let now = self.deps.clock.now();
        self.save_again = match self.write(&live, now).await {
            Ok(()) => None,
            Err(error) => {
                let id = self.entry.id();
                warn!(session.id = %id, error = chain(&error), "the state of session {id} could not be written");
                Some(Instant::now() + SAVE_AGAIN)
            }
        };
    }

    async fn write(&self, live: &Live, now: Timestamp) -> Result<()> {
        let tx = self.deps.db.write().begin().await?;
        store::record(&tx, self.entry.id(), live, now).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn act(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Dial => return self.dial().await,
            Effect::DropSocket => {
                if let Some(connection) = self.connection.clone() {
                    self.deps.lifecycle.spawn("drop socket", async move { connection.drop_socket().await });
                }
            }
            Effect::Rest => self.rest().await,
            Effect::Forget => {
                if let Err(error) = self.deps.connector.forget(self.entry.id()).await {
                    let id = self.entry.id();
                    // WhatsApp refuses the old keys at the next connection, and they are deleted then.
                    warn!(session.id = %id, error = chain(&error), "the keys of session {id} could not be deleted");
                }
            }
            Effect::ShowQr(..)
            | Effect::ShowPairCode(..)
            | Effect::HideQr
            | Effect::HidePairCode
            | Effect::Learn(_)
            | Effect::Name(_) => {}
        }
        None
    }

    async fn dial(&mut self) -> Option<Input> {
        let mut learnt = None;
        let connection = match self.connection.clone() {
            Some(connection) => connection,
            None => match self.deps.connector.open(self.entry.id(), self.entry.props()).await {
                Ok((connection, signals)) => {
                    learnt = connection.identity().map(Input::KnownAs);
                    self.connection = Some(connection.clone());
                    self.signals = Some(signals);
                    connection
                }
                Err(error) => {
                    let id = self.entry.id();
                    warn!(session.id = %id, error = chain(&error), "the keys of session {id} could not be read");
                    return Some(Input::StorageFailed);
                }
            },
        };
        self.run = Some(self.deps.lifecycle.spawn("connection", connection.run()));
        learnt
    }

    async fn rest(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        self.signals = None;
        if !connection.close().await {
            let id = self.entry.id();
            warn!(session.id = %id, "the connection of session {id} did not close in time");
        }
        if let Some(run) = self.run.take() {
            run.abort();
        }
    }
}

/// Where a session stands when its actor starts.
fn initial(live: &Live, now: Timestamp) -> State {
    State {
        desired: live.desired,
        is_linked: live.identity.is_some(),
        phase: match live.banned_until {
            Some(until) if until > now => Phase::Banned(until),
            _ => Phase::Resting,
        },
        reason: live.reason,
        failures: 0,
        restarts: 0,
    }
}

/// The part of a state that is written.
fn durable(live: &Live) -> impl PartialEq {
    let Live { status, reason, since, banned_until, desired, identity, push_name, .. } = live.clone();
    (status, reason, since, banned_until, desired, identity, push_name)
}

/// Whether somebody who waits for a QR code has an answer.
pub fn is_settled(live: &Live) -> bool {
    live.status != SessionStatus::Connecting
}

async fn next(signals: &mut Option<mpsc::Receiver<Signal>>) -> Option<Signal> {
    match signals {
        Some(signals) => signals.recv().await,
        None => std::future::pending().await,
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
