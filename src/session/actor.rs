//! One task per running session: hears commands and signals, asks the machine, does what it says.
//!
//! Order of each turn: the new state is written, then shown, then acted upon. Nobody is told what is not on disk.

mod dialling;
mod unlinking;

use std::sync::Arc;
use std::time::Duration;

use entity::timestamp::Timestamp;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Result, chain};
use crate::event::journal::{Draft, Entry as JournalEntry, Journal};
use crate::lifecycle::Lifecycle;
use crate::session::actor::unlinking::Unlinking;
use crate::session::machine::{self, Effect, Input, Outside, Phase, State};
use crate::session::pairing::Pairing;
use crate::session::registry::Entry;
use crate::session::types::{Live, PairCode, PairRequest};
use crate::session::{chronicle, store, view};
use crate::whatsapp::{Connection, Connector, Report, Signal};

/// Wait before a state that could not be written is written again.
const SAVE_AGAIN: Duration = Duration::from_secs(2);
/// Events of one session that wait for the database, at most.
const UNWRITTEN_MAX: usize = 1024;
/// Events that are written at once.
const REPORTS: usize = 256;
/// Wait before an actor that panicked starts again.
const AFTER_PANIC: Duration = Duration::from_secs(5);

/// What every actor needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Where what the service asks for is read.
    pub db: Db,
    /// Where the state is written, with what happened.
    pub journal: Journal,
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
    /// Go where the row says, after a start of the server.
    Boot,
    /// Go online for the first time.
    Begin,
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
    lifecycle.spawn_session(supervise(deps, entry, commands));
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

struct Actor {
    deps: Deps,
    entry: Arc<Entry>,
    state: State,
    connection: Option<Connection>,
    signals: Option<mpsc::Receiver<Signal>>,
    run: Option<JoinHandle<()>>,
    /// When the time of the present phase is up.
    deadline: Option<Instant>,
    /// What the connection reports beside its signals.
    reports: Option<mpsc::Receiver<Report>>,
    /// When to write again what could not be written.
    save_again: Option<Instant>,
    /// What happened and could not be written yet.
    unwritten: Vec<Draft>,
    pairing: Pairing,
    unlinking: Option<Unlinking>,
    /// Whether it was created a moment ago and never had a connection.
    is_new: bool,
    has_ended: bool,
}

/// What wakes an actor.
enum Wake {
    Command(Command),
    Signal(Signal),
    Reports(Vec<Report>),
    TimeUp,
    PairOutcome(Result<()>),
    UnlinkLate,
    SaveAgain,
    Stop,
}

impl Actor {
    fn new(deps: Deps, entry: Arc<Entry>) -> Self {
        let state = view::initial(&entry.present(), deps.clock.now());
        Self {
            deps,
            entry,
            state,
            connection: None,
            signals: None,
            run: None,
            deadline: None,
            reports: None,
            save_again: None,
            unwritten: Vec::new(),
            pairing: Pairing::default(),
            unlinking: None,
            is_new: false,
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
                Some(reports) = some(&mut self.reports) => Wake::Reports(reports),
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
                Wake::Reports(reports) => self.report(reports).await,
                Wake::TimeUp => {
                    let quiet = self.connection.as_ref().map_or(Duration::ZERO, Connection::quiet_for);
                    self.deadline = None;
                    self.apply(Input::TimeUp(quiet)).await;
                }
                Wake::PairOutcome(outcome) => self.pairing.finished(outcome),
                Wake::UnlinkLate => self.unlink().await,
                Wake::SaveAgain => self.save(Some(self.entry.present()), Vec::new()).await,
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
            Command::Begin => {
                self.is_new = true;
                self.apply(Input::Boot).await;
            }
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
        let live = view::next(&before, &self.state, effects, self.pairing.phone_number(), now);
        if (live.status, live.reason) != (before.status, before.reason) {
            let id = self.entry.id();
            info!(session.id = %id, status = %live.status, reason = %live.reason, "session {id} is {}", live.status);
        }
        if live == before {
            return;
        }
        // A stopping server's word is void at its next start, so it is not written.
        let happened = chronicle::between(&before, &live);
        let is_durable = (!happened.is_empty() || view::durable(&live) != view::durable(&before))
            && !self.deps.lifecycle.sessions().is_cancelled();
        if is_durable {
            self.save(Some(live.clone()), happened.into_iter().map(Report::from).collect()).await;
        }
        let written_at = (is_durable && self.save_again.is_none()).then_some(now);
        if let Some(code) = live.pair_code.as_ref().filter(|_| before.pair_code != live.pair_code) {
            self.pairing.succeed(code);
        }
        self.entry.publish(live, written_at);
    }

    /// Writes what the connection reports.
    async fn report(&mut self, mut reports: Vec<Report>) {
        if let Some(connection) = self.connection.clone() {
            connection.complete(&mut reports).await;
        }
        self.save(None, reports).await;
    }

    /// A state that cannot be written is shown all the same: it is true. It is written, and what happened with it, as soon
    /// as that works.
    async fn save(&mut self, live: Option<Live>, happened: Vec<Report>) {
        let (id, now) = (self.entry.id().clone(), self.deps.clock.now());
        let interest = self.deps.journal.interest();
        let kept = happened.iter().filter(|report| interest.has(&id, report.body.event_type()));
        let drafts: Vec<_> = kept.filter_map(|report| report.draft(id.clone(), now).ok()).collect();
        self.unwritten.extend(drafts);
        if live.is_none() && self.unwritten.is_empty() {
            return;
        }
        // What waits already is written first.
        if live.is_none() && self.save_again.is_some() {
            return;
        }
        let write = live.map(|live| store::recording(&id, live, now));
        let written = self
            .deps
            .journal
            .record(JournalEntry { events: self.unwritten.clone(), write, ..JournalEntry::default() })
            .await;
        self.save_again = match written {
            Ok(()) => {
                self.unwritten.clear();
                None
            }
            Err(error) => {
                warn!(session.id = %id, error = chain(&error), "the state of session {id} could not be written");
                let excess = self.unwritten.len().saturating_sub(UNWRITTEN_MAX);
                if excess > 0 {
                    self.unwritten.drain(..excess);
                    warn!(session.id = %id, "{excess} events of session {id} are lost: too many wait to be written");
                }
                Some(Instant::now() + SAVE_AGAIN)
            }
        };
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
}

async fn next(signals: &mut Option<mpsc::Receiver<Signal>>) -> Option<Signal> {
    match signals {
        Some(signals) => signals.recv().await,
        None => std::future::pending().await,
    }
}

async fn some(reports: &mut Option<mpsc::Receiver<Report>>) -> Option<Vec<Report>> {
    let mut some = Vec::new();
    match reports {
        // None when the connection has ended: what it reported is written.
        Some(reports) => (reports.recv_many(&mut some, REPORTS).await > 0).then_some(some),
        None => std::future::pending().await,
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
