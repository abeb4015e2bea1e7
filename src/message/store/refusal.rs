//! What WhatsApp's codes mean with which it refuses a message.

use entity::words::outgoing::{FailureCode, RestrictionKind};

/// What it means that WhatsApp refused a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::message) enum Refusal {
    /// It never takes it.
    Final(FailureCode),
    /// The account may begin no chat for now.
    Restriction(RestrictionKind),
    /// It cannot serve now.
    Busy,
}

impl Refusal {
    /// What this code means.
    pub(in crate::message) const fn of(code: i32) -> Self {
        match code {
            400 | 479 => Self::Final(FailureCode::InvalidMessage),
            403 | 405 | 473 => Self::Final(FailureCode::NotAllowed),
            404 => Self::Final(FailureCode::RecipientNotFound),
            463 => Self::Restriction(RestrictionKind::Timelock),
            475 => Self::Restriction(RestrictionKind::NewChatLimit),
            503 => Self::Busy,
            _ => Self::Final(FailureCode::Rejected),
        }
    }
}
