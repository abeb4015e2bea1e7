//! Everything that can go wrong on purpose. `afflict` acts on one connection; what concerns a device or its messages is
//! in `simulator.rs`.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::link::Link;
use crate::world::World;
use crate::{pairing, stanza};

/// Something that goes wrong for one device, or for the next connection.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// The socket is reset.
    Abort,
    /// The WebSocket is closed in order.
    Close {
        /// The closing status; 1000 unless given.
        #[serde(default = "normal_closure")]
        code: u16,
    },
    /// The connection stays open, but nothing is heard and nothing is said any more.
    Silence,
    /// `<xmlstreamend/>`, then close.
    StreamEnd,
    /// `<stream:error code=".."/>`: 500, 503, 515, 516, 401, 429, whatever.
    StreamError {
        /// The error's code.
        code: u16,
        /// Whether the server then closes the socket; `true` unless given.
        #[serde(default = "yes")]
        close: bool,
    },
    /// The device logged in somewhere else: conflict `replaced`, then close.
    Replaced,
    /// The phone's owner removed the device: conflict `device_removed`; later logins fail with 401.
    Removed,
    /// Logins are refused until `ClearFailure`. An open connection is closed so that it shows.
    LoginFailure(LoginFailure),
    /// Logins succeed again.
    ClearFailure,
    /// The server's static key changes for everybody; this device's connection is closed so that it shows.
    RotateStaticKey,
    /// The QR references of the connection are used up.
    RefsExhausted,
    /// Every later stanza on this connection comes late.
    SlowReplies {
        /// How late, milliseconds.
        delay_ms: u64,
    },
    /// The last acknowledged messages are delivered once more.
    Redeliver {
        /// How many, as far as they are remembered; 1 unless given.
        #[serde(default = "one")]
        count: usize,
    },
    /// The next messages arrive so that they cannot be read. The client asks for them again.
    BreakMessages {
        /// How many; 1 unless given.
        #[serde(default = "one")]
        count: usize,
        /// Whether they can be read when they come again; `true` unless given.
        #[serde(default = "yes")]
        repairable: bool,
    },
    /// Many messages at once.
    Burst {
        /// How many.
        count: usize,
        /// Who sends them; made when it does not exist. 15550109999 unless given.
        #[serde(default = "stranger")]
        from: String,
    },
    /// The connection is closed, and messages are waiting before the device can be back.
    QueuedWhileAway {
        /// How many.
        count: usize,
        /// Who sends them; made when it does not exist. 15550109999 unless given.
        #[serde(default = "stranger")]
        from: String,
    },
}

/// What a refused login is told.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LoginFailure {
    /// 401 and 403 logged out, 402 banned for a while, 405 outdated, 500 and 503 try later.
    pub reason: u16,
    /// The kind of ban, with reason 402.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// Seconds until a ban ends, with reason 402.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_seconds: Option<u64>,
    /// Text for the user, not localized.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl LoginFailure {
    /// A failure with nothing but a reason.
    pub fn new(reason: u16) -> Self {
        Self { reason, code: None, expire_seconds: None, message: None }
    }

    /// A temporary ban.
    pub fn ban(code: u16, expire_seconds: u64) -> Self {
        Self { reason: 402, code: Some(code), expire_seconds: Some(expire_seconds), message: None }
    }

    pub(crate) fn stanza(&self) -> Node {
        let mut failure = NodeBuilder::new("failure").attr("reason", self.reason).attr("location", "sim");
        if let Some(code) = self.code {
            failure = failure.attr("code", code);
        }
        if let Some(seconds) = self.expire_seconds {
            failure = failure.attr("expire", seconds);
        }
        if let Some(message) = &self.message {
            failure = failure.attr("message", message);
        }
        failure.build()
    }
}

/// How the server answers the Noise handshake of new connections.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HandshakeMode {
    /// As it should.
    #[default]
    Normal,
    /// With bytes that mean nothing, then it closes.
    Garbage,
    /// Not at all, and the socket stays open.
    Silent,
}

/// Lets a fault happen to a connection. Faults that are about a device's messages or logins do nothing here.
pub(crate) fn afflict(world: &World, link: &Arc<Link>, fault: &Fault) {
    match fault {
        Fault::Abort => link.cut.cancel(),
        Fault::Close { code } => link.close(*code),
        Fault::Silence => link.fall_silent(),
        Fault::StreamEnd => link.dismiss(stanza::stream_end()),
        Fault::StreamError { code, close: true } => link.dismiss(stanza::stream_error(*code)),
        Fault::StreamError { code, close: false } => {
            link.post(stanza::stream_error(*code));
        }
        Fault::Replaced => link.dismiss(stanza::conflict("replaced")),
        Fault::Removed => link.dismiss(stanza::conflict("device_removed")),
        Fault::LoginFailure(failure) => link.dismiss(failure.stanza()),
        Fault::RotateStaticKey => link.close(1000),
        Fault::RefsExhausted => pairing::exhaust(world, link),
        Fault::SlowReplies { delay_ms } => link.slow_down(Duration::from_millis(*delay_ms)),
        Fault::QueuedWhileAway { .. } => link.close(1000),
        Fault::ClearFailure | Fault::Redeliver { .. } | Fault::BreakMessages { .. } | Fault::Burst { .. } => {}
    }
}

fn normal_closure() -> u16 {
    1000
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}

fn stranger() -> String {
    "15550109999".to_owned()
}
