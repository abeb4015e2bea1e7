//! The rules of a session's life, as a pure function: from the present state and an input it makes the next state, and the effects that
//! the actor carries out.
//!
//! Decides everything and does nothing: no clock, no database, no network. The actor obeys. Longer than other files, since these rules
//! are read together.

use std::time::Duration;

use entity::timestamp::Timestamp;
use entity::words::session::{DesiredState, SessionStatus, StatusReason};

use crate::account::{Code, Identity};
use crate::whatsapp::signal::{Closing, Refusal, Signal, StreamEnding};

mod pairing;
#[cfg(test)]
mod tests;

/// First wait after a failed connection; it doubles with each further one.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// Longest wait between two attempts.
const BACKOFF_CAP: Duration = Duration::from_secs(300);
/// A login that held for so long counts as success: the next wait is the first again. src: WhatsApp Web, 30 s.
const STABLE_AFTER: Duration = Duration::from_secs(30);
/// Failures that one "too many requests" counts for.
const RATE_LIMIT_FAILURES: u32 = 5;
/// Restarts in a row that are followed at once. WhatsApp asks for one after each pairing.
const RESTARTS_AT_ONCE: u32 = 3;
/// Longest wait for a connection and its encrypted channel: the library's own limits are 20 s each.
const DIAL_LIMIT: Duration = Duration::from_secs(50);
/// Longest wait for the login, or for the first QR code, once the channel stands.
const LOGIN_LIMIT: Duration = Duration::from_secs(30);
/// How long a code may be overdue before the connection counts as dead.
const CODE_GRACE: Duration = Duration::from_secs(10);
/// Longest wait for a stream to end that said that it ends.
const ENDING_LIMIT: Duration = Duration::from_secs(15);
/// How often a logged-in connection is looked at.
const LIVENESS_PERIOD: Duration = Duration::from_secs(30);
/// Silence after which a connection is dead. The library asks for a sign of life every 15 to 30 s.
pub const QUIET_LIMIT: Duration = Duration::from_secs(80);

/// Where a session stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No client.
    Resting,
    /// The account is banned; the next attempt comes when that ends.
    Banned(Timestamp),
    /// The next attempt comes at this moment.
    Waiting(Timestamp),
    /// A connection is being made.
    Dialling,
    /// The channel stands: the login is pending, or the first QR code.
    Open,
    /// At least one of the two codes can be used, each until its moment.
    Pairing {
        /// Until when the QR code can be scanned.
        qr_until: Option<Timestamp>,
        /// Until when the pair code can be entered.
        code_until: Option<Timestamp>,
    },
    /// The phone linked the device; WhatsApp restarts the stream and the login follows.
    Linking,
    /// Logged in since.
    LoggedIn(Timestamp),
    /// The stream is about to end; afterwards the next attempt counts so many failures, none being at once.
    Ending(u32),
}

/// All that the rules need to know of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// What the client asked for.
    pub desired: DesiredState,
    /// Whether a phone has linked this device.
    pub is_linked: bool,
    /// Where it stands.
    pub phase: Phase,
    /// Why.
    pub reason: StatusReason,
    /// Attempts that failed in a row.
    pub failures: u32,
    /// Restarts in a row without a login.
    pub restarts: u32,
}

impl State {
    /// The contract's word for the phase. There is no other source of it.
    pub fn status(&self) -> SessionStatus {
        match self.phase {
            Phase::Resting | Phase::Banned(_) => SessionStatus::Disconnected,
            Phase::Waiting(_) | Phase::Dialling | Phase::Ending(_) => SessionStatus::Connecting,
            Phase::Open if self.is_linked => SessionStatus::Connected,
            Phase::Open => SessionStatus::Connecting,
            Phase::Pairing { code_until: Some(_), .. } => SessionStatus::WaitingForPairCode,
            Phase::Pairing { code_until: None, .. } => SessionStatus::WaitingForQr,
            Phase::Linking => SessionStatus::Connected,
            Phase::LoggedIn(_) => SessionStatus::LoggedIn,
        }
    }

    /// When the next attempt starts, if one is planned.
    pub fn next_retry_at(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Waiting(until) | Phase::Banned(until) => Some(until),
            Phase::Resting
            | Phase::Dialling
            | Phase::Open
            | Phase::Pairing { .. }
            | Phase::Linking
            | Phase::LoggedIn(_)
            | Phase::Ending(_) => None,
        }
    }

    /// When a ban ends.
    pub fn banned_until(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Banned(until) => Some(until),
            Phase::Resting
            | Phase::Waiting(_)
            | Phase::Dialling
            | Phase::Open
            | Phase::Pairing { .. }
            | Phase::Linking
            | Phase::LoggedIn(_)
            | Phase::Ending(_) => None,
        }
    }

    /// Whether nothing is under way and nothing is planned.
    pub fn is_resting(&self) -> bool {
        self.phase == Phase::Resting
    }
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A client of the API wants the session online.
    GoOnline,
    /// A client of the API wants the session offline.
    GoOffline,
    /// The session was just created, or the server brings it back after a start.
    Boot,
    /// The server stops.
    Shutdown,
    /// The keys on disk belong to a linked device.
    KnownAs(Identity),
    /// The device was unlinked over the API: at WhatsApp too, or only here.
    Unlinked {
        /// Whether WhatsApp said so.
        is_confirmed: bool,
    },
    /// The keys could not be read.
    StorageFailed,
    /// The actor panicked. What it was about to do may be half done; its client is of no use any more.
    Crashed,
    /// The connection reports.
    Signal(Signal),
    /// The time of this phase is up; the connection has been silent for so long.
    TimeUp(Duration),
}

/// Something that the actor must do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Connect, with a new client if there is none.
    Dial,
    /// End the present connection.
    DropSocket,
    /// Save and give up the client.
    Rest,
    /// Delete the device's keys.
    Forget,
    /// Show this QR code until its moment.
    ShowQr(Code, Timestamp),
    /// Show this pair code until its moment.
    ShowPairCode(Code, Timestamp),
    /// Show no QR code any more.
    HideQr,
    /// Show no pair code any more, and let it be void.
    HidePairCode,
    /// Remember who the session is.
    Learn(Identity),
    /// Remember the account's name.
    Name(String),
}

/// What the rules take from outside: the moment, and chance.
#[derive(Clone, Copy, Debug)]
pub struct Outside {
    /// The present moment.
    pub now: Timestamp,
    /// From 0 to 1.
    pub chance: f64,
}

/// The next state, and what to do to get there.
pub fn step(mut state: State, input: Input, outside: Outside) -> (State, Vec<Effect>) {
    let mut effects = Vec::new();
    let out = &mut effects;
    match input {
        Input::GoOnline => state.go_online(out),
        Input::GoOffline => {
            state.desired = DesiredState::Offline;
            if !state.is_resting() || state.reason == StatusReason::Starting {
                state.rest(StatusReason::Requested, out);
            }
        }
        Input::Boot => state.boot(out),
        Input::Shutdown => {
            if !state.is_resting() {
                state.rest(StatusReason::ShuttingDown, out);
            }
        }
        Input::KnownAs(identity) => {
            state.is_linked = true;
            out.push(Effect::Learn(identity));
        }
        Input::Unlinked { is_confirmed } => {
            let reason = if is_confirmed { StatusReason::LoggedOut } else { StatusReason::LoggedOutHere };
            state.give_up(reason, out);
            state.forget(out);
        }
        Input::Crashed => state.crashed(outside, out),
        Input::StorageFailed => state.retry(StatusReason::StorageFailed, 1, outside, out),
        Input::Signal(signal) => state.signal(signal, outside, out),
        Input::TimeUp(quiet) => state.time_up(quiet, outside, out),
    }
    (state, effects)
}

/// How long this phase may last before `TimeUp`; without one it may last for ever.
pub fn time_limit(phase: &Phase, now: Timestamp) -> Option<Duration> {
    match phase {
        Phase::Resting => None,
        Phase::Banned(until) | Phase::Waiting(until) => Some(until.remaining(now)),
        Phase::Dialling => Some(DIAL_LIMIT),
        Phase::Open | Phase::Linking => Some(LOGIN_LIMIT),
        Phase::Pairing { qr_until, code_until } => {
            let qr = qr_until.map(|until| until.remaining(now) + CODE_GRACE);
            let code = code_until.map(|until| until.remaining(now));
            qr.into_iter().chain(code).min()
        }
        Phase::LoggedIn(_) => Some(LIVENESS_PERIOD),
        Phase::Ending(_) => Some(ENDING_LIMIT),
    }
}

impl State {
    fn go_online(&mut self, out: &mut Vec<Effect>) {
        self.desired = DesiredState::Online;
        match self.phase {
            Phase::Resting | Phase::Waiting(_) => {
                self.failures = 0;
                self.restarts = 0;
                self.dial(StatusReason::Requested, out);
            }
            // A ban that is tested before its time gets longer.
            Phase::Banned(_)
            | Phase::Dialling
            | Phase::Open
            | Phase::Pairing { .. }
            | Phase::Linking
            | Phase::LoggedIn(_)
            | Phase::Ending(_) => {}
        }
    }

    fn boot(&mut self, out: &mut Vec<Effect>) {
        if self.is_resting() && self.desired == DesiredState::Online {
            self.dial(self.reason, out);
        }
    }

    fn dial(&mut self, reason: StatusReason, out: &mut Vec<Effect>) {
        self.phase = Phase::Dialling;
        self.reason = reason;
        out.push(Effect::Dial);
    }

    /// Ends the client; nothing is planned.
    fn rest(&mut self, reason: StatusReason, out: &mut Vec<Effect>) {
        self.phase = Phase::Resting;
        self.reason = reason;
        out.extend([Effect::HideQr, Effect::HidePairCode, Effect::Rest]);
    }

    /// Rests, for a reason that only a person can mend.
    fn give_up(&mut self, reason: StatusReason, out: &mut Vec<Effect>) {
        self.desired = DesiredState::Offline;
        self.rest(reason, out);
    }

    /// The identity is void: the next connection pairs anew.
    fn forget(&mut self, out: &mut Vec<Effect>) {
        self.is_linked = false;
        out.push(Effect::Forget);
    }

    /// Plans the next attempt, later with each failure.
    fn retry(&mut self, reason: StatusReason, failures: u32, outside: Outside, out: &mut Vec<Effect>) {
        self.failures = self.failures.saturating_add(failures);
        self.phase = Phase::Waiting(outside.now.after(backoff(self.failures, outside.chance)));
        self.reason = reason;
        out.extend([Effect::HideQr, Effect::HidePairCode]);
    }

    /// The connection does not do what it should: it is given up together with its client.
    fn retry_anew(&mut self, reason: StatusReason, outside: Outside, out: &mut Vec<Effect>) {
        self.retry(reason, 1, outside, out);
        out.push(Effect::Rest);
    }

    fn signal(&mut self, signal: Signal, outside: Outside, out: &mut Vec<Effect>) {
        // The last stanza of a stream may be read after the socket was seen to close; it tells why it did.
        if matches!(self.phase, Phase::Waiting(_))
            && self.reason == StatusReason::ConnectionLost
            && signal == Signal::StreamEnding(StreamEnding::Ended)
        {
            self.reason = StatusReason::StreamEnded;
        }
        // What a client says that has been given up is no news.
        if matches!(self.phase, Phase::Resting | Phase::Banned(_) | Phase::Waiting(_)) {
            return;
        }
        match signal {
            Signal::HandshakeDone => {
                if self.phase == Phase::Dialling {
                    self.phase = Phase::Open;
                }
            }
            Signal::Qr { .. }
            | Signal::QrExhausted
            | Signal::PairCode { .. }
            | Signal::PairCodeVoid
            | Signal::PairingRejected
            | Signal::MultideviceRequired
            | Signal::PasskeyRequired => self.pairing(signal, outside, out),
            Signal::Paired(identity) => {
                self.is_linked = true;
                self.phase = Phase::Linking;
                self.reason = StatusReason::Paired;
                out.extend([Effect::HideQr, Effect::HidePairCode, Effect::Learn(identity)]);
            }
            Signal::Authenticated { identity, push_name } => {
                self.restarts = 0;
                self.phase = Phase::LoggedIn(outside.now);
                self.reason = StatusReason::Authenticated;
                out.extend(identity.map(Effect::Learn));
                out.extend(push_name.map(Effect::Name));
            }
            Signal::PushName(name) => out.push(Effect::Name(name)),
            Signal::StreamEnding(ending) => self.stream_ending(ending, out),
            Signal::Refused(refusal) => self.refused(refusal, outside, out),
            Signal::Closed(closing) => self.closed(closing, outside, out),
        }
    }

    fn stream_ending(&mut self, ending: StreamEnding, out: &mut Vec<Effect>) {
        match ending {
            StreamEnding::Restart if self.phase == Phase::Linking => {}
            StreamEnding::Restart => self.end(StatusReason::StreamEnded, 0),
            StreamEnding::Ended => self.end(StatusReason::StreamEnded, 1),
            // These servers may leave the socket open and say nothing more.
            StreamEnding::Unavailable => {
                self.end(StatusReason::ServiceUnavailable, 1);
                out.push(Effect::DropSocket);
            }
            StreamEnding::RateLimited => {
                self.end(StatusReason::RateLimited, RATE_LIMIT_FAILURES);
                out.push(Effect::DropSocket);
            }
            StreamEnding::Unknown => {}
        }
    }

    fn end(&mut self, reason: StatusReason, failures: u32) {
        self.phase = Phase::Ending(failures);
        self.reason = reason;
    }

    fn refused(&mut self, refusal: Refusal, outside: Outside, out: &mut Vec<Effect>) {
        match refusal {
            Refusal::LoggedOut => {
                self.give_up(StatusReason::LoggedOutByPhone, out);
                self.forget(out);
            }
            Refusal::DeviceRemoved => {
                self.give_up(StatusReason::DeviceRemoved, out);
                self.forget(out);
            }
            Refusal::AccountLocked => self.give_up(StatusReason::AccountLocked, out),
            Refusal::ClientOutdated => self.give_up(StatusReason::ClientOutdated, out),
            Refusal::Replaced => self.give_up(StatusReason::Replaced, out),
            Refusal::Other => self.give_up(StatusReason::LoginRefused, out),
            Refusal::Banned(lasts) => {
                self.rest(StatusReason::BannedTemporarily, out);
                self.phase = Phase::Banned(outside.now.after(lasts));
            }
            Refusal::Unavailable => self.end(StatusReason::ServiceUnavailable, 1),
        }
    }

    fn closed(&mut self, closing: Closing, outside: Outside, out: &mut Vec<Effect>) {
        if closing == Closing::Crashed {
            return self.retry_anew(StatusReason::Crashed, outside, out);
        }
        let reason = match closing {
            Closing::Unreachable => StatusReason::Unreachable,
            Closing::VersionUnavailable => StatusReason::VersionUnavailable,
            Closing::HandshakeFailed => StatusReason::HandshakeFailed,
            Closing::Lost | Closing::Crashed => StatusReason::ConnectionLost,
        };
        match self.phase {
            Phase::Linking if closing == Closing::Lost && self.restarts < RESTARTS_AT_ONCE => {
                self.restarts += 1;
                out.push(Effect::Dial);
            }
            Phase::Ending(0) if self.restarts < RESTARTS_AT_ONCE => {
                self.restarts += 1;
                self.dial(self.reason, out);
            }
            Phase::Ending(failures) => self.retry(self.reason, failures.max(1), outside, out),
            Phase::LoggedIn(since) => {
                if outside.now.since(since) >= STABLE_AFTER {
                    self.failures = 0;
                }
                self.retry(reason, 1, outside, out);
            }
            Phase::Dialling | Phase::Open | Phase::Pairing { .. } | Phase::Linking => {
                self.retry(reason, 1, outside, out);
            }
            Phase::Resting | Phase::Banned(_) | Phase::Waiting(_) => {}
        }
    }

    fn crashed(&mut self, outside: Outside, out: &mut Vec<Effect>) {
        match (&self.phase, self.desired) {
            // A ban goes on, whatever happens here.
            (Phase::Banned(_), _) => out.push(Effect::Rest),
            (_, DesiredState::Online) => self.retry_anew(StatusReason::Crashed, outside, out),
            (Phase::Resting, DesiredState::Offline) => out.push(Effect::Rest),
            (_, DesiredState::Offline) => self.rest(StatusReason::Crashed, out),
        }
    }

    fn time_up(&mut self, quiet: Duration, outside: Outside, out: &mut Vec<Effect>) {
        match self.phase {
            Phase::Resting => {}
            Phase::Banned(until) | Phase::Waiting(until) => {
                if until <= outside.now {
                    self.dial(self.reason, out);
                }
            }
            Phase::Dialling | Phase::Open | Phase::Linking => self.retry_anew(StatusReason::TimedOut, outside, out),
            Phase::Ending(failures) => {
                self.failures = self.failures.saturating_add(failures.saturating_sub(1));
                self.retry_anew(self.reason, outside, out);
            }
            Phase::LoggedIn(_) => {
                if quiet >= QUIET_LIMIT {
                    self.retry_anew(StatusReason::TimedOut, outside, out);
                }
            }
            Phase::Pairing { qr_until, code_until } => {
                if code_until.is_some_and(|until| until <= outside.now) {
                    self.pair_code_ended(qr_until, out);
                } else if qr_until.is_some_and(|until| until.after(CODE_GRACE) <= outside.now) {
                    self.retry_anew(StatusReason::TimedOut, outside, out);
                }
            }
        }
    }
}

/// The wait before the next attempt: doubling, capped, and up to a fifth longer or shorter by chance.
fn backoff(failures: u32, chance: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let plain = BACKOFF_FIRST.saturating_mul(1 << doublings).min(BACKOFF_CAP);
    plain.mul_f64(0.8 + 0.4 * chance.clamp(0.0, 1.0))
}
