//! What the two ends of a socket say to each other. src: the `graphql-transport-ws` protocol.

use async_graphql::{Request, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why a socket is closed: a code of the protocol, or of WebSockets, and a reason for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closing(pub(super) u16, pub(super) &'static str);

pub(super) const GOING_AWAY: Closing = Closing(1001, "The server is shutting down");
pub(super) const BAD_FRAME: Closing = Closing(1002, "The frame breaks the WebSocket protocol");
pub(super) const BAD_TEXT: Closing = Closing(1007, "The text is not UTF-8");
pub(super) const NOT_TAKEN: Closing = Closing(1008, "The client does not take what it asked for");
pub(super) const TOO_LARGE: Closing = Closing(1009, "The message is too large");
pub(super) const BAD_MESSAGE: Closing = Closing(4400, "The message is not one of graphql-transport-ws");
pub(super) const NOT_INITIALISED: Closing = Closing(4401, "Unauthorized");
pub(super) const FORBIDDEN: Closing = Closing(4403, "Forbidden");
pub(super) const INIT_TIMEOUT: Closing = Closing(4408, "Connection initialisation timeout");
pub(super) const ID_TAKEN: Closing = Closing(4409, "A subscriber with this id exists already");
pub(super) const TOO_MANY_INITS: Closing = Closing(4429, "Too many initialisation requests");

/// A message of the client.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Said {
    ConnectionInit { payload: Option<Value> },
    Ping { payload: Option<Value> },
    Pong,
    Subscribe { id: String, payload: Box<Request> },
    Complete { id: String },
}

impl Said {
    /// Reads a message.
    ///
    /// # Errors
    /// `BAD_MESSAGE`.
    pub(super) fn parse(text: &str) -> Result<Self, Closing> {
        serde_json::from_str(text).map_err(|_| BAD_MESSAGE)
    }
}

/// A message to the client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Says<'a> {
    ConnectionAck,
    Ping,
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Value>,
    },
    Next {
        id: &'a str,
        payload: &'a Response,
    },
    Error {
        id: &'a str,
        payload: Value,
    },
    Complete {
        id: &'a str,
    },
}
