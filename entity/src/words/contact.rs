//! What happens to contacts.

use poem_openapi::Enum;
use sea_orm::{DeriveActiveEnum, EnumIter};

words!(
    /// What changed about a contact's devices.
    DeviceChange {
        /// One was linked.
        Added = "added",
        /// One was unlinked.
        Removed = "removed",
        /// Something about them.
        Updated = "updated",
    }
);
