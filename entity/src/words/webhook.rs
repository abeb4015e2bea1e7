//! What becomes of deliveries, and of webhooks.

use poem_openapi::Enum;
use sea_orm::{DeriveActiveEnum, EnumIter};

words!(
    /// How far a delivery has come.
    DeliveryState {
        /// It waits for its first attempt or for the next one.
        Pending = "pending",
        /// The receiver answered with a status from 200 to 299.
        Delivered = "delivered",
        /// Every attempt failed. It can be retried by hand.
        Dead = "dead",
        /// What it was about was over before it could be delivered, as a QR code that nobody can scan any more.
        Expired = "expired",
        /// Somebody decided that it is not to be delivered.
        Discarded = "discarded",
    }
);

words!(
    /// Why a webhook gets nothing.
    DisabledReason {
        /// A client of this API asked for it.
        Requested = "requested",
        /// The receiver answered 410: it wants no more.
        Gone = "gone",
        /// The receiver failed for five days on end.
        Failing = "failing",
        /// Its session was deleted. What happened until then is still delivered; then the webhook goes, too.
        SessionDeleted = "session_deleted",
    }
);
