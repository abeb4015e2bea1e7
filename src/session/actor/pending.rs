//! What an actor has still to do: writes that did not work yet, and a device that is to be unlinked.

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::event::entry::NewEvent;

/// What could not be written yet.
#[derive(Default)]
pub(super) struct Unwritten {
    /// What happened, in order.
    pub(super) events: Vec<NewEvent>,
    /// When to try again. Some exactly while the state, or what happened with it, waits.
    pub(super) again_at: Option<Instant>,
    /// Whether the state was set aside, and that was told.
    pub(super) is_state_aside: bool,
}

/// A device that is to be unlinked, and who waits for it.
pub(super) struct Unlinking {
    pub(super) replies: Vec<oneshot::Sender<()>>,
    pub(super) until: Instant,
    pub(super) and_end: bool,
}
