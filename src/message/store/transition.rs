//! What becomes of a message that is sent: every rule, pure, without a clock or a database. What is known never goes back on the way
//! from `scheduled` to `played`, whatever comes late or twice.

use std::time::Duration;

use entity::timestamp::Timestamp;
use entity::words::outgoing::{FailureCode, MessageStatus};

/// How often a message without an answer is given to WhatsApp, at most.
pub(in crate::message) const ATTEMPTS: i32 = 3;
/// How often it is tried to make a message, at most: for about an hour. What keeps it from being made for longer does not heal by itself.
pub(in crate::message) const TRIES: u32 = 8;
/// The same when WhatsApp has no keys for the recipient's devices. After the first try the library has read anew which devices there are.
pub(in crate::message) const TRIES_WITHOUT_KEYS: u32 = 2;
/// Pause after the first try. Each one is three times as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);

/// What is known of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::message) struct Progress {
    pub(in crate::message) status: MessageStatus,
    /// Its place among all that the session sends.
    pub(in crate::message) sequence: i64,
    /// JID to which it goes.
    pub(in crate::message) recipient: String,
    /// Whether it is known that there is such a recipient.
    pub(in crate::message) is_checked: bool,
    /// Whether its file is still to be uploaded: until then it has no turn.
    pub(in crate::message) awaits_upload: bool,
    /// How often it was given to WhatsApp.
    pub(in crate::message) attempts: i32,
    /// Before this moment it is not sent.
    pub(in crate::message) due_at: Timestamp,
    /// From this moment on it is not sent.
    pub(in crate::message) expires_at: Timestamp,
    /// When WhatsApp took it.
    pub(in crate::message) sent_at: Option<Timestamp>,
    pub(in crate::message) code: Option<FailureCode>,
    pub(in crate::message) upstream_code: Option<i32>,
}

/// What happens to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::message) enum Happening {
    /// Its moment has come; it goes behind all that wait.
    Due { sequence: i64 },
    /// Its file is uploaded; it goes behind all that wait. A scheduled message still waits for its moment.
    Uploaded { sequence: i64 },
    /// It is about to be given to WhatsApp, for this recipient.
    Sending { recipient: String },
    /// The same, after it could not be made: that is not told, since it may be so many times.
    SendingAgain { recipient: String },
    /// Nothing of it was sent; it waits until then.
    NotSent { until: Timestamp },
    /// The same, once more. It is not told.
    NotSentAgain { until: Timestamp },
    /// Nothing of it was sent, and nothing ever will be.
    NeverSent { code: FailureCode },
    /// WhatsApp lets the account begin no new chat before then. If it was refused for that, nothing of it was sent.
    Held { until: Timestamp },
    /// What it was held for is over before its moment.
    Released { now: Timestamp },
    /// WhatsApp took it.
    Taken { at: Option<Timestamp> },
    /// WhatsApp or the library refused it for good.
    Refused { code: FailureCode, upstream_code: Option<i32> },
    /// It was given to WhatsApp, and no answer came, or the process ended before one could.
    Unanswered,
    /// It was given to WhatsApp as often as it is.
    GivenUp,
    /// A device of the recipient has it.
    Delivered,
    /// The recipient has read it.
    Read,
    /// The recipient has played it.
    Played,
    /// A client takes it back.
    Cancelled,
    /// A client wants it sent once more, behind all that wait, until then.
    Retried { sequence: i64, expires_at: Timestamp, now: Timestamp },
    /// Its time is over.
    Expired,
}

/// What is known afterwards. None if that changes nothing.
pub(in crate::message) fn step(now_known: &Progress, happening: &Happening) -> Option<Progress> {
    use MessageStatus::{
        Cancelled, Delivered, Expired, Failed, Played, Queued, Read, Scheduled, Sending, Sent, Unconfirmed,
    };
    let known = now_known.clone();
    let status = known.status;
    let to = |status: MessageStatus| Progress { status, code: None, upstream_code: None, ..known.clone() };
    let failed = |code: FailureCode, upstream_code: Option<i32>| Progress {
        status: Failed,
        code: Some(code),
        upstream_code,
        ..known.clone()
    };
    // Nobody knew whether it had arrived, and this shows it.
    let was_doubtful = status == Failed && known.code == Some(FailureCode::Unconfirmed);
    match happening {
        Happening::Due { sequence } => (status == Scheduled).then(|| Progress { sequence: *sequence, ..to(Queued) }),
        Happening::Uploaded { sequence } => uploaded(now_known, *sequence),
        Happening::Sending { recipient } | Happening::SendingAgain { recipient } => {
            (matches!(status, Queued | Unconfirmed) && !known.awaits_upload).then(|| Progress {
                recipient: recipient.clone(),
                is_checked: true,
                attempts: known.attempts.saturating_add(1),
                ..to(Sending)
            })
        }
        Happening::NotSent { until } | Happening::NotSentAgain { until } => {
            (status == Sending).then(|| not_sent(&known, *until))
        }
        Happening::NeverSent { code } => (status == Sending).then(|| {
            let attempts = known.attempts.saturating_sub(1);
            // Sent before, it may have arrived then.
            let code = if attempts > 0 { FailureCode::Unconfirmed } else { *code };
            Progress { attempts, ..failed(code, None) }
        }),
        Happening::Held { until } => match status {
            Queued if known.due_at < *until => Some(Progress { due_at: *until, ..known }),
            Sending => Some(not_sent(&known, *until)),
            _ => None,
        },
        Happening::Released { now } => {
            (status == Queued && known.due_at > *now).then_some(Progress { due_at: *now, ..known })
        }
        Happening::Taken { at } => (matches!(status, Queued | Sending | Unconfirmed) || was_doubtful)
            .then(|| Progress { sent_at: *at, ..to(Sent) }),
        Happening::Refused { code, upstream_code } => match status {
            // Given to WhatsApp before, it may have arrived then: that it was refused now does not say that it did not.
            Sending if known.attempts > 1 => Some(failed(FailureCode::Unconfirmed, *upstream_code)),
            Unconfirmed => Some(failed(FailureCode::Unconfirmed, *upstream_code)),
            Queued | Sending => Some(failed(*code, *upstream_code)),
            // Its file is uploaded before its moment, and never will be.
            Scheduled if known.awaits_upload => Some(failed(*code, *upstream_code)),
            Scheduled | Sent | Delivered | Read | Played | Failed | Cancelled | Expired => None,
        },
        Happening::Unanswered => (status == Sending).then(|| to(Unconfirmed)),
        Happening::GivenUp => (status == Unconfirmed).then(|| failed(FailureCode::Unconfirmed, None)),
        Happening::Delivered => is_before(&known, Delivered).then(|| to(Delivered)),
        Happening::Read => is_before(&known, Read).then(|| to(Read)),
        Happening::Played => is_before(&known, Played).then(|| to(Played)),
        Happening::Cancelled => matches!(status, Scheduled | Queued).then(|| to(Cancelled)),
        Happening::Retried { sequence, expires_at, now } => {
            // WhatsApp has taken the id of a message that was encrypted for nobody: it would acknowledge it, and deliver nothing.
            let is_lost = known.code == Some(FailureCode::RecipientUnreachable) && known.attempts > 0;
            (matches!(status, Failed | Expired | Cancelled) && !is_lost).then(|| Progress {
                sequence: *sequence,
                expires_at: *expires_at,
                due_at: *now,
                // One that may have arrived stays in doubt, whatever becomes of the next try.
                attempts: i32::from(was_doubtful),
                ..to(if was_doubtful { Unconfirmed } else { Queued })
            })
        }
        Happening::Expired => match status {
            Scheduled | Queued => Some(to(Expired)),
            // It may have arrived: that it expired would say that it did not.
            Unconfirmed => Some(failed(FailureCode::Unconfirmed, None)),
            Sending | Sent | Delivered | Read | Played | Failed | Cancelled | Expired => None,
        },
    }
}

/// What is known of a message whose file is there. What was taken back meanwhile stays so, and is uploaded once more if it is retried.
fn uploaded(known: &Progress, sequence: i64) -> Option<Progress> {
    let is_waiting = matches!(known.status, MessageStatus::Scheduled | MessageStatus::Queued);
    (is_waiting && known.awaits_upload).then(|| Progress { sequence, awaits_upload: false, ..known.clone() })
}

/// Whether what a phone says of a message is news. It is true, whatever WhatsApp had said.
fn is_before(known: &Progress, heard: MessageStatus) -> bool {
    use MessageStatus::{
        Cancelled, Delivered, Expired, Failed, Played, Queued, Read, Scheduled, Sending, Sent, Unconfirmed,
    };
    match known.status {
        Queued | Sending | Unconfirmed | Sent => true,
        Delivered => matches!(heard, Read | Played),
        Read => heard == Played,
        Failed => known.attempts > 0,
        Scheduled | Played | Cancelled | Expired => false,
    }
}

/// What is known of a message of which nothing was sent this time. Sent before, it may have arrived then.
fn not_sent(known: &Progress, until: Timestamp) -> Progress {
    let attempts = known.attempts.saturating_sub(1);
    let status = if attempts > 0 { MessageStatus::Unconfirmed } else { MessageStatus::Queued };
    Progress { status, attempts, due_at: until, code: None, upstream_code: None, ..known.clone() }
}

/// What becomes of a message that could not be made, so many times now, of so many that it may be.
pub(in crate::message) fn prevented(times: u32, tries: u32, now: Timestamp) -> Happening {
    if times >= tries {
        return Happening::NeverSent { code: FailureCode::RecipientUnreachable };
    }
    let pause = 3_u32.checked_pow(times.saturating_sub(1)).and_then(|factor| FIRST_PAUSE.checked_mul(factor));
    let until = now.after(pause.map_or(LONGEST_PAUSE, |pause| pause.min(LONGEST_PAUSE)));
    match times {
        0 | 1 => Happening::NotSent { until },
        _ => Happening::NotSentAgain { until },
    }
}

/// Whether an event says that this has happened, if it changes the state.
pub(in crate::message) const fn is_told(happening: &Happening) -> bool {
    !matches!(happening, Happening::SendingAgain { .. } | Happening::NotSentAgain { .. })
}

/// Whether it is still to be sent.
pub(in crate::message) const fn is_open(status: MessageStatus) -> bool {
    matches!(
        status,
        MessageStatus::Scheduled | MessageStatus::Queued | MessageStatus::Sending | MessageStatus::Unconfirmed
    )
}

/// Whether WhatsApp has it.
pub const fn is_sent(status: MessageStatus) -> bool {
    matches!(status, MessageStatus::Sent | MessageStatus::Delivered | MessageStatus::Read | MessageStatus::Played)
}

#[cfg(test)]
mod tests;
