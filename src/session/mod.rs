//! The session service: what every door calls.

pub mod types;

use entity::ids::SessionId;
use tokio::sync::watch;

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::session::types::{
    Device, Live, NewSession, PairCode, PairRequest, Session, SessionChanges, SessionFilter, SessionPage, Status,
};

/// How many sessions wait to be brought back after a start, and how many are back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BootProgress {
    /// Sessions that wait for their turn.
    pub waiting: usize,
    /// Sessions whose turn it was.
    pub started: usize,
}

/// The sessions of this server.
#[derive(Clone, Debug)]
pub struct Sessions {}

impl Sessions {
    /// Creates a session and starts to connect it.
    ///
    /// # Errors
    /// `Invalid`, `SessionExists`, `Unavailable`, `ShuttingDown`.
    pub async fn create(&self, caller: &Caller, new: NewSession) -> Result<Session> {
        todo!()
    }

    /// One session.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub async fn find(&self, caller: &Caller, id: &SessionId) -> Result<Session> {
        todo!()
    }

    /// The sessions that match, oldest first.
    ///
    /// # Errors
    /// `Invalid` for a bad limit or cursor.
    pub async fn list(&self, caller: &Caller, filter: SessionFilter) -> Result<SessionPage> {
        todo!()
    }

    /// Changes a session's name and labels.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`.
    pub async fn update(&self, caller: &Caller, id: &SessionId, changes: SessionChanges) -> Result<Session> {
        todo!()
    }

    /// Unlinks the device from the phone if it can, and removes the session with all that belongs to it.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub async fn delete(&self, caller: &Caller, id: &SessionId) -> Result<()> {
        todo!()
    }

    /// Wants the session online. Idempotent.
    ///
    /// # Errors
    /// `SessionNotFound`, `ShuttingDown`.
    pub async fn connect(&self, caller: &Caller, id: &SessionId) -> Result<()> {
        todo!()
    }

    /// Wants the session offline; it stays linked. Idempotent.
    ///
    /// # Errors
    /// `SessionNotFound`, `ShuttingDown`.
    pub async fn disconnect(&self, caller: &Caller, id: &SessionId) -> Result<()> {
        todo!()
    }

    /// Unlinks the device from the phone; the session stays. Idempotent.
    ///
    /// # Errors
    /// `SessionNotFound`, `ShuttingDown`.
    pub async fn logout(&self, caller: &Caller, id: &SessionId) -> Result<()> {
        todo!()
    }

    /// What the session is doing right now.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub async fn status(&self, caller: &Caller, id: &SessionId) -> Result<Status> {
        todo!()
    }

    /// The present state with the current QR code. While the session connects, waits up to 10 s for the first one.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub async fn qr(&self, caller: &Caller, id: &SessionId) -> Result<Live> {
        todo!()
    }

    /// A pair code for this phone number; the outstanding one if it is for the same number.
    ///
    /// # Errors
    /// `SessionNotFound`, `AlreadyLoggedIn`, `PairCodeOutstanding`, `Upstream`, `UpstreamTimeout`.
    pub async fn pair(&self, caller: &Caller, id: &SessionId, request: PairRequest) -> Result<PairCode> {
        todo!()
    }

    /// The linked device.
    ///
    /// # Errors
    /// `SessionNotFound`, `DeviceNotLinked`.
    pub async fn device(&self, caller: &Caller, id: &SessionId) -> Result<Device> {
        todo!()
    }

    /// The present state, then each change. Ends when the session is deleted.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub async fn watch(&self, caller: &Caller, id: &SessionId) -> Result<watch::Receiver<Live>> {
        todo!()
    }

    /// How far the start has come. For the health check; needs no caller.
    pub fn boot_progress(&self) -> BootProgress {
        todo!()
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
