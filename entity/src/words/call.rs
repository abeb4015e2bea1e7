//! What becomes of calls.

use poem_openapi::Enum;
use sea_orm::{DeriveActiveEnum, EnumIter};

words!(
    /// How far a call has come.
    CallState {
        /// It rings.
        Offered = "offered",
        /// It was answered.
        Accepted = "accepted",
        /// It was declined.
        Rejected = "rejected",
        /// It is over.
        Ended = "ended",
        /// Nobody answered it.
        Missed = "missed",
        /// Another device of the account answered it.
        AcceptedElsewhere = "accepted_elsewhere",
        /// Another device of the account declined it.
        RejectedElsewhere = "rejected_elsewhere",
    }
);
