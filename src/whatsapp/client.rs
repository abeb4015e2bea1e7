//! The client of one connection, as operations use it: so many at a time, each with a time limit, and none after the connection.
//!
//! It refers to the library's client weakly, and an operation holds that only while it is under way. So whoever keeps one of these
//! keeps no connection alive. An operation runs in the task of whoever asked for it: when that is dropped, so is the operation.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use entity::ids::SessionId;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::instrument;

use crate::error::{Error, ErrorKind};
use crate::whatsapp::acks::Acks;
use crate::whatsapp::http::transfer::Transfers;
use crate::whatsapp::presence::SaidLast;

/// Operations of one session that are under way at the same time. The library sends one frame after the other and works on one
/// message of a chat at a time, so that more would only wait inside it. Those that wait here are the callers' own tasks, which
/// wait no longer than their time limits.
const AT_ONCE: usize = 16;
/// Files of one session that come or go at the same time. They have places of their own: one that takes an hour keeps no message
/// waiting.
const TRANSFERS_AT_ONCE: usize = 8;
/// Files that the phone is asked for at the same time: each may take half a minute.
const ASKED_AT_ONCE: usize = 2;

/// The client of one connection. Cheap to clone; of no use once the connection has ended.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    session: SessionId,
    library: Weak<whatsapp_rust::Client>,
    permits: Semaphore,
    download_permits: Semaphore,
    upload_permits: Semaphore,
    ask_permits: Semaphore,
    /// How files come and go.
    transfers: Transfers,
    /// Why nothing more is done. It is set once.
    end: watch::Sender<Option<End>>,
    /// Cancelled when what came in cannot be kept. That is known here before the connection has ended.
    given_up: CancellationToken,
    /// Who waits for WhatsApp's answers to messages.
    acks: Arc<Acks>,
    /// Whether nobody uses the session, as it was said last.
    said_last: SaidLast,
}

/// An operation, as its own file says once.
pub(super) struct OperationKind {
    /// What the log calls it.
    pub(super) name: &'static str,
    /// Longest wait for its outcome: for its turn, if it waits for one, and for the work.
    pub(super) limit: Duration,
}

/// Which way a file takes. Each has places of its own, so that none waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It comes.
    Download,
    /// It goes.
    Upload,
    /// The phone is to store it once more.
    Asking,
}

/// Why a client does nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The connection to WhatsApp ended, or is about to.
    Lost,
    /// The session went offline.
    Offline,
    /// What came in could not be written, so the connection was given up.
    GivenUp,
}

/// Why an operation has no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterruptionReason {
    /// Its time limit passed.
    Late,
    /// Its client ended.
    Ended(End),
}

/// An operation without an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted {
    /// Whether the library had begun: if so, WhatsApp may have been asked. If not, nothing has happened at all.
    pub has_begun: bool,
    /// Why it has none.
    pub why: InterruptionReason,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("end", &self.known_end()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client for the next connection.
    pub(super) fn new(
        session: SessionId,
        library: Weak<whatsapp_rust::Client>,
        given_up: CancellationToken,
        acks: Arc<Acks>,
        said_last: SaidLast,
        transfers: Transfers,
    ) -> Self {
        let (permits, end) = (Semaphore::new(AT_ONCE), watch::Sender::new(None));
        let inner = Inner {
            session,
            library,
            permits,
            download_permits: Semaphore::new(TRANSFERS_AT_ONCE),
            upload_permits: Semaphore::new(TRANSFERS_AT_ONCE),
            ask_permits: Semaphore::new(ASKED_AT_ONCE),
            transfers,
            end,
            given_up,
            acks,
            said_last,
        };
        Self(Arc::new(inner))
    }

    /// Who waits for WhatsApp's answers to messages.
    pub(super) fn acks(&self) -> &Acks {
        &self.0.acks
    }

    /// Whether nobody uses the session, as it was said last.
    pub(super) fn said_last(&self) -> &SaidLast {
        &self.0.said_last
    }

    /// How files come and go.
    pub(super) fn transfers(&self) -> &Transfers {
        &self.0.transfers
    }

    /// Lets every operation that is under way or waits end now, and no other begin. The first reason stays.
    pub fn end(&self, why: End) {
        self.0.end.send_if_modified(|end| {
            let is_first = end.is_none();
            end.get_or_insert(why);
            is_first
        });
    }

    /// Whether no operation can begin any more.
    pub fn has_ended(&self) -> bool {
        self.known_end().is_some()
    }

    /// Why the connection ended. What noticed it first does not know more than that it did.
    pub(super) fn end_reason(&self) -> End {
        self.known_end().unwrap_or(End::Lost)
    }

    /// Whether this is the client of the same connection.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Does this when its turn has come. The limit is for both, the wait and the work.
    #[instrument(
        level = "debug",
        name = "whatsapp_operation",
        skip_all,
        fields(session.id = %self.0.session, operation = kind.name)
    )]
    pub(super) async fn run<T, F>(
        &self,
        kind: &OperationKind,
        work: impl FnOnce(Arc<whatsapp_rust::Client>) -> F,
    ) -> Result<T, Interrupted>
    where
        F: Future<Output = T>,
    {
        self.run_with(&self.0.permits, kind, work).await
    }

    /// Does this when a file may come or go. It waits for no operation, and none waits for it.
    #[instrument(
        level = "debug",
        name = "whatsapp_operation",
        skip_all,
        fields(session.id = %self.0.session, operation = kind.name)
    )]
    pub(super) async fn run_transfer<T, F>(
        &self,
        way: Way,
        kind: &OperationKind,
        work: impl FnOnce(Arc<whatsapp_rust::Client>) -> F,
    ) -> Result<T, Interrupted>
    where
        F: Future<Output = T>,
    {
        let permits = match way {
            Way::Download => &self.0.download_permits,
            Way::Upload => &self.0.upload_permits,
            Way::Asking => &self.0.ask_permits,
        };
        self.run_with(permits, kind, work).await
    }

    async fn run_with<T, F>(
        &self,
        permits: &Semaphore,
        kind: &OperationKind,
        work: impl FnOnce(Arc<whatsapp_rust::Client>) -> F,
    ) -> Result<T, Interrupted>
    where
        F: Future<Output = T>,
    {
        let until = Instant::now() + kind.limit;
        let _permit = tokio::select! {
            biased;
            end = self.ended() => return Err(Interrupted { has_begun: false, why: InterruptionReason::Ended(end) }),
            permit = permits.acquire() => permit.expect("nobody closes the semaphore"),
            () = tokio::time::sleep_until(until) => return Err(Interrupted { has_begun: false, why: InterruptionReason::Late }),
        };
        self.run_until(until, work).await
    }

    /// Does this at once, whatever else is under way: for what the session itself needs, which does not wait behind what its users
    /// ask for.
    #[instrument(
        level = "debug",
        name = "whatsapp_operation",
        skip_all,
        fields(session.id = %self.0.session, operation = kind.name)
    )]
    pub(super) async fn run_at_once<T, F>(
        &self,
        kind: &OperationKind,
        work: impl FnOnce(Arc<whatsapp_rust::Client>) -> F,
    ) -> Result<T, Interrupted>
    where
        F: Future<Output = T>,
    {
        self.run_until(Instant::now() + kind.limit, work).await
    }

    async fn run_until<T, F>(
        &self,
        until: Instant,
        work: impl FnOnce(Arc<whatsapp_rust::Client>) -> F,
    ) -> Result<T, Interrupted>
    where
        F: Future<Output = T>,
    {
        let before = |end| Interrupted { has_begun: false, why: InterruptionReason::Ended(end) };
        if let Some(end) = self.known_end() {
            return Err(before(end));
        }
        let library = self.0.library.upgrade().ok_or(before(End::Offline))?;
        tokio::select! {
            // In this order: an answer that came just before the connection ended is still an answer.
            biased;
            outcome = work(library) => Ok(outcome),
            end = self.ended() => Err(Interrupted { has_begun: true, why: InterruptionReason::Ended(end) }),
            () = tokio::time::sleep_until(until) => Err(Interrupted { has_begun: true, why: InterruptionReason::Late }),
        }
    }

    fn known_end(&self) -> Option<End> {
        // A store is also given up when its client is closed, which is known by then.
        let end = *self.0.end.borrow();
        end.or_else(|| self.0.given_up.is_cancelled().then_some(End::GivenUp))
    }

    /// Ends when the client does, with the reason.
    pub async fn ended(&self) -> End {
        let mut end = self.0.end.subscribe();
        tokio::select! {
            biased;
            _ = end.wait_for(Option::is_some) => {}
            () = self.0.given_up.cancelled() => {}
        }
        self.end_reason()
    }
}

impl From<Interrupted> for Error {
    fn from(Interrupted { has_begun, why }: Interrupted) -> Self {
        let (kind, detail) = match (why, has_begun) {
            (InterruptionReason::Late, true) => (ErrorKind::UpstreamTimeout, "WhatsApp did not answer in time"),
            (InterruptionReason::Late, false) => {
                (ErrorKind::UpstreamTimeout, "the session was busy for too long, so WhatsApp was not asked")
            }
            (InterruptionReason::Ended(End::Lost), true) => {
                (ErrorKind::Upstream, "the connection to WhatsApp ended before the answer came")
            }
            (InterruptionReason::Ended(End::Lost), false) => {
                (ErrorKind::Upstream, "the connection to WhatsApp ended before WhatsApp was asked")
            }
            (InterruptionReason::Ended(End::Offline), true) => {
                (ErrorKind::Upstream, "the session went offline before WhatsApp's answer came")
            }
            (InterruptionReason::Ended(End::Offline), false) => {
                (ErrorKind::Upstream, "the session went offline before WhatsApp was asked")
            }
            (InterruptionReason::Ended(End::GivenUp), true) => {
                (ErrorKind::Upstream, "the session's storage failed before WhatsApp's answer came")
            }
            (InterruptionReason::Ended(End::GivenUp), false) => {
                (ErrorKind::Upstream, "the session's storage failed before WhatsApp was asked")
            }
        };
        Self::new(kind, detail)
    }
}

#[cfg(test)]
mod tests;
