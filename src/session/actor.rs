//! One task per running session: hears commands and signals, asks the machine, does what it says.
//!
//! Order of each turn: the new state is written, then shown, then acted upon. Nobody is told what is not on disk.

mod dialling;
mod pending;
mod saving;
mod unlinking;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{Instrument, debug_span, warn};

use crate::crash;
use crate::error::{Result, chain};
use crate::lifecycle::ShutdownPhase;
use crate::session::actor::pending::{Unlinking, Unwritten};
use crate::session::command::Command;
use crate::session::deps::Deps;
use crate::session::machine::{self, Effect, Input, Outside, Phase, State};
use crate::session::pairing::Pairing;
use crate::session::projection;
use crate::session::registry::SessionHandle;
use crate::whatsapp::client::{Client, End};
use crate::whatsapp::connection::Connection;
use crate::whatsapp::report::Report;
use crate::whatsapp::signal::Signal;

/// Events that are written at once.
const REPORTS: usize = 256;
/// Wait before an actor starts again that panicked while it recovered from a panic.
const AFTER_PANIC: Duration = Duration::from_secs(5);

/// Starts the actor of a session. A panic is logged, shown and survived.
pub fn start(deps: Deps, handle: Arc<SessionHandle>, commands: mpsc::Receiver<Command>) {
    let lifecycle = deps.lifecycle.clone();
    lifecycle.spawn(ShutdownPhase::Sessions, "session", supervise(deps, handle, commands));
}

async fn supervise(deps: Deps, handle: Arc<SessionHandle>, mut commands: mpsc::Receiver<Command>) {
    let stopping = deps.lifecycle.sessions().clone();
    let mut actor = Actor::new(deps, handle);
    let mut has_panicked = false;
    loop {
        let begun = Instant::now();
        let life = async {
            if has_panicked {
                // Ends the client before it plans another, and says what happened.
                actor.apply(Input::Crashed).boxed().await;
            }
            actor.run(&mut commands).await;
        };
        if AssertUnwindSafe(life).catch_unwind().await.is_ok() {
            // Whoever gets no answer any more is to know that it has ended, and did not panic.
            commands.close();
            return;
        }
        let id = actor.handle.id();
        warn!(session.id = %id, "session {id} panicked and starts again");
        if has_panicked && begun.elapsed() < AFTER_PANIC {
            tokio::select! {
                () = stopping.cancelled() => {}
                () = tokio::time::sleep(AFTER_PANIC) => {}
            }
        }
        actor = actor.successor();
        has_panicked = true;
    }
}

struct Actor {
    deps: Deps,
    handle: Arc<SessionHandle>,
    state: State,
    connection: Option<Connection>,
    /// What operations have of the present connection. They get it while the session is logged in.
    client: Option<Client>,
    signals: Option<mpsc::Receiver<Signal>>,
    run: Option<JoinHandle<()>>,
    /// When the time of the present phase is up.
    deadline: Option<Instant>,
    /// What the connection reports beside its signals.
    reports: Option<mpsc::Receiver<Report>>,
    unwritten: Unwritten,
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
    fn new(deps: Deps, handle: Arc<SessionHandle>) -> Self {
        let state = projection::initial(&handle.present(), deps.clock.now());
        Self {
            deps,
            handle,
            state,
            connection: None,
            client: None,
            signals: None,
            run: None,
            deadline: None,
            reports: None,
            unwritten: Unwritten::default(),
            pairing: Pairing::default(),
            unlinking: None,
            is_new: false,
            has_ended: false,
        }
    }

    /// The actor after one that panicked: it stands where that one stood, and has its client, until it hears of the panic.
    fn successor(self) -> Self {
        let Self { deps, handle, state, connection, client, reports, run, unwritten, .. } = self;
        Self { state, connection, client, reports, run, unwritten, ..Self::new(deps, handle) }
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
                () = at(self.unwritten.again_at) => Wake::SaveAgain,
            };
            // Boxed: what a turn needs would otherwise be part of every idle session's task.
            self.turn(wake).await;
        }
    }

    fn turn(&mut self, wake: Wake) -> BoxFuture<'_, ()> {
        let span = debug_span!("session_turn", session.id = %self.handle.id());
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
                Wake::SaveAgain => self.save(Some(self.handle.present()), Vec::new()).await,
                Wake::Stop => {
                    self.apply(Input::Shutdown).await;
                    self.save_the_rest().await;
                    self.has_ended = true;
                }
            }
            self.follow_up().await;
        }
        .instrument(span)
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
                crash::panic_point("go_online");
                self.apply(Input::GoOnline).await;
                let _ = reply.send(()); // Whoever asked may have gone.
            }
            Command::GoOffline(reply) => {
                self.apply(Input::GoOffline).await;
                let _ = reply.send(()); // Whoever asked may have gone.
            }
            Command::Logout(reply) => self.begin_unlinking(reply, false).await,
            Command::Delete(reply) => self.begin_unlinking(reply, true).await,
            Command::Pair(wanted) => {
                let live = self.handle.present();
                let now = self.deps.clock.now();
                if self.pairing.ask(wanted, &live, self.state.is_linked, now) {
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
        match (&self.state.phase, &self.client) {
            (Phase::Pairing { .. }, Some(client)) => self.pairing.start(client, &self.deps.lifecycle),
            (Phase::Dialling | Phase::Open | Phase::Ending(_), _) | (Phase::Pairing { .. }, None) => {}
            (Phase::Resting | Phase::Banned(_) | Phase::Waiting(_) | Phase::Linking | Phase::LoggedIn(_), _) => {
                self.pairing.fail(&self.handle.present());
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
            self.withdraw_client();
            self.show(&effects, now).await;
            self.offer_client();
            for effect in effects {
                if let Some(input) = self.act(effect).await {
                    next = Some(input);
                }
            }
        }
    }

    /// Operations have no client unless the session is logged in; those under way end.
    fn withdraw_client(&self) {
        match self.state.phase {
            Phase::LoggedIn(_) => {}
            Phase::Resting | Phase::Banned(_) => self.handle.withdraw_client(End::Offline),
            Phase::Waiting(_)
            | Phase::Dialling
            | Phase::Open
            | Phase::Pairing { .. }
            | Phase::Linking
            | Phase::Ending(_) => self.handle.withdraw_client(End::Lost),
        }
    }

    /// Operations have the client once the session is shown as logged in.
    fn offer_client(&self) {
        if let (Phase::LoggedIn(_), Some(client)) = (&self.state.phase, &self.client) {
            self.handle.offer_client(client);
        }
    }

    fn rearm(&mut self) {
        let limit = machine::time_limit(&self.state.phase, self.deps.clock.now());
        self.deadline = limit.map(|limit| Instant::now() + limit);
    }

    async fn act(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Dial => return self.dial().await,
            Effect::DropSocket => {
                if let Some(connection) = self.connection.clone() {
                    let dropping = async move { connection.drop_socket().await };
                    self.deps.lifecycle.spawn(ShutdownPhase::Sessions, "drop socket", dropping);
                }
            }
            Effect::Rest => self.rest().await,
            Effect::Forget => {
                if let Err(error) = self.deps.connector.forget(self.handle.id()).await {
                    let id = self.handle.id();
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
