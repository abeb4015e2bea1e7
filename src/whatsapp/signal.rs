//! What a connection tells about the session's state.

use crate::account::{Code, Identity};

/// What a connection reports, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The encrypted channel stands.
    HandshakeDone,
    /// A QR code can be scanned for so long.
    Qr {
        /// What the picture says.
        code: Code,
        /// How long a phone can scan it.
        lives: std::time::Duration,
    },
    /// The last QR code expired unscanned.
    QrExhausted,
    /// A pair code can be entered for so long.
    PairCode {
        /// Eight characters and a dash.
        code: Code,
        /// How long it can be entered.
        lives: std::time::Duration,
    },
    /// The outstanding pair code is void.
    PairCodeVoid,
    /// The phone linked this device; the login follows.
    Paired(Identity),
    /// The phone's answer to the pairing does not verify.
    PairingRejected,
    /// A phone without multi-device support scanned the code.
    MultideviceRequired,
    /// The account wants a passkey.
    PasskeyRequired,
    /// WhatsApp accepted the login.
    Authenticated {
        /// Who this is.
        identity: Option<Identity>,
        /// The account's own name, if it is known by now.
        push_name: Option<String>,
    },
    /// The account's own name.
    PushName(String),
    /// The stream is about to end, or has to be ended.
    StreamEnding(StreamEnding),
    /// WhatsApp turned the login down, or ended it.
    Refused(Refusal),
    /// The connection is over. Nothing follows until the next one.
    Closed(Closing),
}

/// Why the server ends a stream although the login stays good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnding {
    /// It expects a new connection at once.
    Restart,
    /// It ended the stream in good order.
    Ended,
    /// It cannot serve now.
    Unavailable,
    /// It got too many requests.
    RateLimited,
    /// It gave a reason that has no meaning for us.
    Unknown,
}

/// Why WhatsApp does not want this login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The identity is not linked any more.
    LoggedOut,
    /// The device was taken off the phone's list.
    DeviceRemoved,
    /// The account is locked.
    AccountLocked,
    /// The account is banned for so long.
    Banned(std::time::Duration),
    /// The protocol version is too old.
    ClientOutdated,
    /// Somebody else logged in with this identity.
    Replaced,
    /// It cannot serve now.
    Unavailable,
    /// Another reason.
    Other,
}

/// How far a connection had come when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// WhatsApp could not be reached.
    Unreachable,
    /// The protocol version could not be learnt.
    VersionUnavailable,
    /// The encrypted channel could not be set up.
    HandshakeFailed,
    /// The channel stood and ended.
    Lost,
    /// The library panicked.
    Crashed,
}
