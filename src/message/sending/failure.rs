//! Messages that were not sent, as failures of the request that waits for them.

use std::time::Duration;

use entity::timestamp::Timestamp;
use entity::words::outgoing::{FailureCode, RestrictionKind};

use crate::error::{Error, ErrorKind};
use crate::message::limit::restrictions::Restrictions;
use crate::message::types::Message;

/// When who has begun too many chats may look again, where WhatsApp does not name the end of the cycle, which lasts for days.
const UNKNOWN_CYCLE: Duration = Duration::from_secs(60 * 60);

/// What it means that WhatsApp refused a message, for who waits for it.
pub(in crate::message) fn refusal(message: &Message, restrictions: &Restrictions, now: Timestamp) -> Option<Error> {
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
        FailureCode::GroupNotFound => (ErrorKind::GroupNotFound, "WhatsApp knows no such group"),
        FailureCode::NotInGroup => (ErrorKind::NotInGroup, "the account is not in the group"),
        FailureCode::GroupAdminsOnly => (ErrorKind::GroupAdminsOnly, "only admins may write in this group"),
        FailureCode::MediaGone => (ErrorKind::MediaGone, "the message's file is not kept any more"),
        FailureCode::MediaRefused => (ErrorKind::Rejected, "WhatsApp's media servers do not take the message's file"),
        FailureCode::InvalidMessage => (ErrorKind::InvalidMessage, "WhatsApp took the message for malformed"),
        FailureCode::NotAllowed => (ErrorKind::NotAllowed, "WhatsApp does not allow the account this message"),
        FailureCode::Rejected => (ErrorKind::Rejected, "WhatsApp refused the message"),
    };
    let code = failed.upstream_code.map(|code| format!(" (code {code})")).unwrap_or_default();
    let error = Error::new(kind, format!("{detail}{code}; the message is {}", message.id));
    let error = error.of_message(message.session_id.clone(), message.id.clone());
    let until = |kind| restrictions.end(&message.session_id, kind, now).map(|end| end.remaining(now));
    let wait = if kind == ErrorKind::AccountRestricted {
        until(RestrictionKind::Timelock)
    } else if kind == ErrorKind::NewChatLimit {
        Some(until(RestrictionKind::NewChatLimit).unwrap_or(UNKNOWN_CYCLE))
    } else {
        None
    };
    Some(match wait {
        Some(wait) => error.retry_in(wait),
        None => error,
    })
}
