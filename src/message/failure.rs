//! Messages that were not sent, as failures of the request that waits for them.

use entity::words::outgoing::FailureCode;

use crate::error::{Error, ErrorKind};
use crate::message::types::Message;

/// What it means that WhatsApp refused a message, for who waits for it.
pub(super) fn refusal(message: &Message) -> Option<Error> {
    let failed = message.failed.as_ref()?;
    let (kind, detail) = match failed.code {
        FailureCode::Unconfirmed => return None,
        FailureCode::RecipientNotOnWhatsapp => (ErrorKind::RecipientNotOnWhatsapp, "the number is not on WhatsApp"),
        FailureCode::RecipientNotFound => (ErrorKind::RecipientNotFound, "WhatsApp knows no such recipient"),
        FailureCode::RecipientUnreachable => {
            (ErrorKind::RecipientUnreachable, "the message could be encrypted for no device of the recipient")
        }
        FailureCode::AccountChanged => (ErrorKind::SessionNotConnected, "another account is linked to the session now"),
        FailureCode::AccountRestricted => {
            (ErrorKind::AccountRestricted, "WhatsApp allows this account no new chats for now")
        }
        FailureCode::NewChatLimit => {
            (ErrorKind::NewChatLimit, "this account has begun as many chats as WhatsApp allows in this time")
        }
        FailureCode::InvalidMessage => (ErrorKind::InvalidMessage, "WhatsApp took the message for malformed"),
        FailureCode::NotAllowed => (ErrorKind::NotAllowed, "WhatsApp does not allow the account this message"),
        FailureCode::Rejected => (ErrorKind::Rejected, "WhatsApp refused the message"),
    };
    let code = failed.upstream_code.map(|code| format!(" (code {code})")).unwrap_or_default();
    Some(Error::new(kind, format!("{detail}{code}; the message is {}", message.id)))
}
