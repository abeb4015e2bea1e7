//! How a phone links a session: by a QR code or by a pair code.

use std::sync::Arc;
use std::time::Duration;

use entity::ids::{PairingLinkId, SessionId};
use entity::timestamp::Timestamp;
use entity::words::access::Scope;
use tokio::sync::oneshot;

use crate::account::PairRequest;
use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::session::command::{Command, ask};
use crate::session::pair_codes::{Asker, CodeBudget, WantedCode};
use crate::session::registry::SessionHandle;
use crate::session::types::{Live, PairCode, Snapshot};
use crate::session::{Sessions, not_found, projection};

/// Longest wait for the first QR code of a session that connects.
const QR_WAIT: Duration = Duration::from_secs(10);
/// Longest wait for a pair code: for the connection, and for WhatsApp's answer.
const PAIR_WAIT: Duration = Duration::from_secs(30);

impl Sessions {
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

    /// The session, if this caller may pair it and nobody has.
    ///
    /// # Errors
    /// `SessionNotFound`, `AlreadyLoggedIn`.
    pub(super) fn unlinked(&self, caller: &Caller, id: &SessionId) -> Result<Arc<SessionHandle>> {
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

    /// Whether the caller may pair this session, whether a phone has linked it or not.
    ///
    /// # Errors
    /// `Forbidden`, `SessionNotFound`.
    pub fn check_reach(&self, caller: &Caller, id: &SessionId) -> Result<()> {
        self.reach(caller, Scope::SessionsPair, id).map(drop)
    }

    /// When a session was last logged in. None if it never was.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub fn last_connected(&self, caller: &Caller, id: &SessionId) -> Result<Option<Timestamp>> {
        let handle = self.reach(caller, Scope::SessionsPair, id)?;
        Ok(handle.look(|snapshot| snapshot.session.last_connected_at))
    }
}
