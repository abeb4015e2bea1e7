//! What is asked of WhatsApp through a session's [`Client`], one file per family. An operation is a
//! function of that client and passes one of its ways to run, which keeps the number under way, the time limit and the end of the
//! connection. Its library's types and errors go no further than its file.
//!
//! An operation is dropped wherever it awaits, when its time is up or its connection ends. So it writes nothing of ours: whoever
//! asked for it does, and learns from [`Interrupted`] whether WhatsApp may have heard of it.
//!
//! What is no operation, and why:
//! - A session's device, as the API shows it, is known here: WhatsApp is not asked, and it is shown offline, too.
//! - That nobody is there ([`presence`](crate::whatsapp)) answers what the library says by itself, at each login, before the session
//!   counts as logged in. Nobody waits for it.
//! - To end a socket, or to give up an outstanding pair code, asks WhatsApp nothing: it is the life of the connection, and so the
//!   actor's.

pub mod chat;
pub mod group;
mod linked_device;
pub mod media;
pub mod message;
mod pair_code;
pub mod recipient;
pub mod restriction;
mod star;
mod timer;

use std::time::Duration;

use whatsapp_rust::IqError;

use crate::error::{Error, ErrorKind};
use crate::whatsapp::client::{Client, Interrupted, InterruptionReason};

/// How long it is not asked again when it said that it was asked too often, and not for how long.
const BACKOFF: Duration = Duration::from_secs(60);
/// The code with which WhatsApp says that it was asked too often.
const RATE_LIMITED: u16 = 429;

/// How long WhatsApp is not to be asked again, if it said that it was asked too often.
fn backoff(error: &IqError) -> Option<Duration> {
    match error {
        IqError::ServerError { code, backoff, .. } if *code == RATE_LIMITED => Some(pause(*backoff)),
        _ => None,
    }
}

/// The pause that WhatsApp asks for, in seconds, or the usual one.
fn pause(backoff: Option<u32>) -> Duration {
    backoff.map_or(BACKOFF, |seconds| Duration::from_secs(seconds.into()))
}

/// Why WhatsApp did not do what it was asked; `refusal` is what is said if it refused. The library may notice the end of a
/// connection first, and does not tell whether it had sent the question by then: so that counts as begun.
fn query_error(client: &Client, error: IqError, refusal: &str) -> Error {
    let interrupted = |why| Error::from(Interrupted { has_begun: true, why });
    let failure = match &error {
        IqError::ServerError { code, .. } => Error::new(ErrorKind::Upstream, format!("{refusal} (code {code})")),
        IqError::Timeout => interrupted(InterruptionReason::Late),
        IqError::NotConnected
        | IqError::Socket(_)
        | IqError::EncryptSend(_)
        | IqError::ClientState(_)
        | IqError::Disconnected(_)
        | IqError::InternalChannelClosed => interrupted(InterruptionReason::Ended(client.end_reason())),
        _ => Error::new(ErrorKind::Upstream, refusal),
    };
    match backoff(&error) {
        Some(wait) => failure.retry_in(wait).because(error),
        None => failure.because(error),
    }
}
