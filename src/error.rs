//! What can go wrong, in the words of this project. Knows no HTTP and no GraphQL.

use std::fmt;
use std::time::Duration;

use entity::ids::SessionId;

/// A boxed cause, for the log only.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The result of everything that a door can call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it is. `api/error.rs` maps each to its status and code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No key came with the request, or it is not valid.
    Unauthenticated,
    /// The key does not allow this.
    Forbidden,
    /// No session has this id.
    SessionNotFound,
    /// No key has this id, or only one that may do more than the caller.
    KeyNotFound,
    /// No pairing link has this token, or this id in its session.
    PairingLinkNotFound,
    /// The pairing link's time is over.
    PairingLinkExpired,
    /// The pairing link has linked a phone already.
    PairingLinkUsed,
    /// Too many visitors use pairing links at the same time.
    TooManyVisitors,
    /// Too many pair codes were asked for in a short time.
    TooManyPairCodes,
    /// The key has as many tickets for streams as it may have.
    TooManyTickets,
    /// The session has as many pairing links that can be used as it may have.
    TooManyPairingLinks,
    /// No webhook has this id.
    WebhookNotFound,
    /// The webhook has no such delivery.
    DeliveryNotFound,
    /// Events behind this cursor are not kept any more.
    CursorExpired,
    /// The session has no linked phone yet.
    DeviceNotLinked,
    /// The session has no QR code to scan now.
    QrNotAvailable,
    /// A session with this id exists.
    SessionExists,
    /// The session is logged in, so there is nothing to pair.
    AlreadyLoggedIn,
    /// A pair code for another phone number is still outstanding.
    PairCodeOutstanding,
    /// The server does not know under which address people reach it.
    PublicUrlUnknown,
    /// The session is not logged in.
    SessionNotConnected,
    /// No message has this id.
    MessageNotFound,
    /// The message is not to be sent any more, or is on its way.
    MessageNotWaiting,
    /// The message has not failed.
    MessageNotFailed,
    /// The message is older than what is to be done to it may be.
    MessageTooOld,
    /// The message is somebody else's.
    NotYours,
    /// No chat has this id.
    ChatNotFound,
    /// Nobody can get messages there.
    InvalidRecipient,
    /// The number is not on WhatsApp.
    RecipientNotOnWhatsapp,
    /// WhatsApp knows no such recipient.
    RecipientNotFound,
    /// No device of the recipient can get the message.
    RecipientUnreachable,
    /// WhatsApp allows the account no new chats for now.
    AccountRestricted,
    /// The account has begun as many chats as it may.
    NewChatLimit,
    /// Too many messages of the session wait.
    QueueFull,
    /// The same key or reference came with another request.
    IdempotencyKeyReused,
    /// No group has this id.
    GroupNotFound,
    /// The account is not in the group.
    NotInGroup,
    /// Only admins may do this in the group.
    GroupAdminsOnly,
    /// No file has this id, or the message has none.
    MediaNotFound,
    /// The file is larger than it may be.
    MediaTooLarge,
    /// The file cannot be sent as this.
    MediaUnsupported,
    /// The file could not be fetched from its address.
    MediaFetchRefused,
    /// Nobody has the file any more.
    MediaGone,
    /// WhatsApp took a message for malformed.
    InvalidMessage,
    /// WhatsApp does not allow the account a message.
    NotAllowed,
    /// WhatsApp refused a message.
    Rejected,
    /// A value breaks a rule; the detail names the field and the rule.
    Invalid,
    /// A page has more items than a page may have, or none.
    PageSizeLimit,
    /// WhatsApp refused or failed.
    Upstream,
    /// WhatsApp did not answer in time.
    UpstreamTimeout,
    /// The database is unavailable.
    Unavailable,
    /// The server is shutting down.
    ShuttingDown,
    /// Something unexpected.
    Internal,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::Unauthenticated,
        Self::Forbidden,
        Self::SessionNotFound,
        Self::KeyNotFound,
        Self::PairingLinkNotFound,
        Self::PairingLinkExpired,
        Self::PairingLinkUsed,
        Self::TooManyVisitors,
        Self::TooManyPairCodes,
        Self::TooManyTickets,
        Self::TooManyPairingLinks,
        Self::WebhookNotFound,
        Self::DeliveryNotFound,
        Self::CursorExpired,
        Self::DeviceNotLinked,
        Self::QrNotAvailable,
        Self::SessionExists,
        Self::AlreadyLoggedIn,
        Self::PairCodeOutstanding,
        Self::PublicUrlUnknown,
        Self::SessionNotConnected,
        Self::MessageNotFound,
        Self::MessageNotWaiting,
        Self::MessageNotFailed,
        Self::MessageTooOld,
        Self::NotYours,
        Self::ChatNotFound,
        Self::InvalidRecipient,
        Self::RecipientNotOnWhatsapp,
        Self::RecipientNotFound,
        Self::RecipientUnreachable,
        Self::AccountRestricted,
        Self::NewChatLimit,
        Self::QueueFull,
        Self::IdempotencyKeyReused,
        Self::GroupNotFound,
        Self::NotInGroup,
        Self::GroupAdminsOnly,
        Self::MediaNotFound,
        Self::MediaTooLarge,
        Self::MediaUnsupported,
        Self::MediaFetchRefused,
        Self::MediaGone,
        Self::InvalidMessage,
        Self::NotAllowed,
        Self::Rejected,
        Self::Invalid,
        Self::PageSizeLimit,
        Self::Upstream,
        Self::UpstreamTimeout,
        Self::Unavailable,
        Self::ShuttingDown,
        Self::Internal,
    ];
}

/// A failure: its kind, a sentence for the caller, and a cause for us.
///
/// `Display` is public text and never prints the cause; the log walks the chain.
pub struct Error {
    kind: ErrorKind,
    /// What the detail is about, as REST spells it. Begins the sentence.
    field: Option<String>,
    detail: String,
    cause: Option<Cause>,
    retry_after: Option<Duration>,
    message: Option<Box<FailedMessage>>,
}

/// A message that was written down before it failed, so that its sender can look at it and try it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedMessage {
    /// Its session.
    pub session_id: SessionId,
    /// Its id.
    pub message_id: String,
}

impl Error {
    /// A failure of this kind, told to the caller as `detail`.
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, field: None, detail: detail.into(), cause: None, retry_after: None, message: None }
    }

    /// `field` breaks a rule. The detail names both.
    pub fn invalid(field: &str, rule: impl fmt::Display) -> Self {
        Self::about(ErrorKind::Invalid, field, rule)
    }

    /// A failure of this kind, for `field` breaks a rule. The detail names both.
    pub fn about(kind: ErrorKind, field: &str, rule: impl fmt::Display) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(kind, rule.to_string()) }
    }

    /// Something unexpected; the caller learns only that.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::new(ErrorKind::Internal, "an unexpected error occurred").because(cause)
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cause>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The same failure, where the request has another name for the field.
    #[must_use]
    pub fn renamed(mut self, name: impl FnOnce(&str) -> String) -> Self {
        self.field = self.field.map(|field| name(&field));
        self
    }

    /// Says when the same request may succeed.
    #[must_use]
    pub fn retry_in(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// When the same request may succeed, if that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Says which message failed.
    #[must_use]
    pub fn of_message(mut self, session_id: SessionId, message_id: String) -> Self {
        self.message = Some(Box::new(FailedMessage { session_id, message_id }));
        self
    }

    /// The message that failed, if it is about one that was written down.
    pub fn message(&self) -> Option<&FailedMessage> {
        self.message.as_deref()
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What the caller is told, where the field is spelled in another way than in REST.
    pub fn told(&self, spelling: impl FnOnce(&str) -> String) -> String {
        let Self { kind: _, field, detail, cause: _, retry_after: _, message: _ } = self;
        match field {
            Some(field) => format!("`{}` {detail}", spelling(field)),
            None => detail.clone(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(str::to_owned))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, chain(self))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// An error and all its causes in one line, for the log.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        line.push_str(": ");
        line.push_str(&inner.to_string());
        cause = inner.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_kind_in_order() {
        let places: Vec<_> = ErrorKind::ALL.iter().map(|kind| *kind as usize).collect();
        assert_eq!(places, (0..=ErrorKind::Internal as usize).collect::<Vec<_>>());
    }
}
