//! Pair codes of one session: at most one request is under way, and everyone who asks for its number gets its code.

use entity::timestamp::Timestamp;
use tokio::sync::oneshot;
use tracing::Instrument;

use crate::account::{PairRequest, PhoneNumber};
use crate::error::{Error, ErrorKind, Result};
use crate::lifecycle::{Lifecycle, ShutdownPhase};
use crate::session::pair_codes::WantedCode;
use crate::session::types::{Live, PairCode};
use crate::whatsapp::client::Client;

/// Callers that wait for one pair code. More than this are turned away.
const CALLERS_MAX: usize = 16;

/// Who waits for a pair code, and the request that is under way.
#[derive(Default)]
pub(super) struct Pairing {
    request: Option<PairRequest>,
    callers: Vec<oneshot::Sender<Result<PairCode>>>,
    under_way: Option<oneshot::Receiver<Result<()>>>,
}

impl Pairing {
    /// Takes a caller in. True if a code has to be asked for; otherwise the caller has an answer or soon will.
    pub(super) fn ask(&mut self, wanted: WantedCode, live: &Live, is_linked: bool, now: Timestamp) -> bool {
        let WantedCode { request, budget, reply: caller } = wanted;
        let outstanding = live.pair_code.as_ref().filter(|code| code.expires_at > now);
        let answer = if is_linked {
            Err(Error::new(ErrorKind::AlreadyLoggedIn, "a phone is linked already; log the session out first"))
        } else if let Some(code) = outstanding.filter(|code| code.phone_number == request.phone_number) {
            Ok(code.clone())
        } else if self.callers.is_empty() {
            // Only what WhatsApp is asked for counts: it is what rings a phone.
            match budget.take(now) {
                Ok(()) => {
                    self.request = Some(request);
                    self.callers.push(caller);
                    return true;
                }
                Err(error) => Err(error),
            }
        } else if self.phone_number() == Some(&request.phone_number) && self.callers.len() < CALLERS_MAX {
            self.callers.push(caller);
            return false;
        } else {
            Err(Error::new(ErrorKind::PairCodeOutstanding, "a pair code is being asked for; try again in a moment"))
        };
        let _ = caller.send(answer); // Whoever asked may have gone.
        false
    }

    /// The number for which the last code was asked.
    pub(super) fn phone_number(&self) -> Option<&PhoneNumber> {
        self.request.as_ref().map(|request| &request.phone_number)
    }

    /// Asks WhatsApp, if someone waits and nothing is under way.
    pub(super) fn start(&mut self, client: &Client, lifecycle: &Lifecycle) {
        let Some(request) = self.request.clone().filter(|_| !self.callers.is_empty() && self.under_way.is_none())
        else {
            return;
        };
        let (done, outcome) = oneshot::channel();
        let client = client.clone();
        let asking = async move {
            let _ = done.send(client.request_pair_code(request).await); // The session may have ended.
        };
        lifecycle.spawn(ShutdownPhase::Sessions, "pair code", asking.in_current_span());
        self.under_way = Some(outcome);
    }

    /// The end of the request that is under way; never, if none is.
    pub(super) async fn outcome(&mut self) -> Result<()> {
        match &mut self.under_way {
            Some(outcome) => outcome.await.unwrap_or_else(|_| Err(interrupted())),
            None => std::future::pending().await,
        }
    }

    /// The request ended. After a success the code itself comes, or came, as a signal.
    pub(super) fn finished(&mut self, outcome: Result<()>) {
        self.under_way = None;
        if let Err(error) = outcome {
            for caller in self.callers.drain(..) {
                let _ = caller.send(Err(Error::new(error.kind(), error.to_string()))); // The caller may have gone.
            }
        }
    }

    /// The code is there.
    pub(super) fn succeed(&mut self, code: &PairCode) {
        for caller in self.callers.drain(..) {
            let _ = caller.send(Ok(code.clone())); // The caller may have gone.
        }
    }

    /// No code can come any more.
    pub(super) fn fail(&mut self, live: &Live) {
        self.under_way = None;
        for caller in self.callers.drain(..) {
            let detail = format!("no pair code could be had: the session is {} ({})", live.status, live.reason);
            let _ = caller.send(Err(Error::new(ErrorKind::Upstream, detail))); // The caller may have gone.
        }
    }
}

fn interrupted() -> Error {
    Error::new(ErrorKind::Upstream, "the connection to WhatsApp ended before it made a pair code")
}
