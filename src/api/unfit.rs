//! Requests that are not served as they came, before anybody looks at what they want. What each is in HTTP, its status says.

/// The body could not be read as JSON.
#[derive(Debug, thiserror::Error)]
#[error("the body is no JSON: {0}")]
pub struct MalformedBody(pub String);

/// A mutation came with GET.
#[derive(Debug, thiserror::Error)]
#[error("GET changes nothing: send mutations with POST")]
pub struct UnfitMethod;

/// A body came that a form of another site could have sent.
#[derive(Debug, thiserror::Error)]
#[error("the body must be JSON and say so: `Content-Type: application/json`")]
pub struct UnfitType;

/// A body came that is packed.
#[derive(Debug, thiserror::Error)]
#[error("the body must come as it is, without a Content-Encoding")]
pub struct UnfitCoding;

/// A socket was asked for without the sub-protocol that it speaks.
#[derive(Debug, thiserror::Error)]
#[error("the only sub-protocol is graphql-transport-ws: `Sec-WebSocket-Protocol: graphql-transport-ws`")]
pub struct UnfitProtocol;

/// A socket was asked for in another way than RFC 6455 has it.
#[derive(Debug, thiserror::Error)]
#[error(
    "this path speaks WebSocket only: `Connection: Upgrade`, `Upgrade: websocket`, `Sec-WebSocket-Version: 13` and a key"
)]
pub struct UnfitUpgrade;

/// The request took longer than any request may.
#[derive(Debug, thiserror::Error)]
#[error("the request took too long")]
pub struct TooSlow;
