//! What the service asks of an actor.

use tokio::sync::oneshot;

use crate::session::pair_codes::WantedCode;

/// What the service asks of an actor. Each reply comes when it is done.
#[derive(Debug)]
pub enum Command {
    /// Go where the row says, after a start of the server.
    Boot,
    /// Go online for the first time.
    Begin,
    /// Go online.
    GoOnline(oneshot::Sender<()>),
    /// Go offline, staying linked.
    GoOffline(oneshot::Sender<()>),
    /// Unlink the device from the phone.
    Logout(oneshot::Sender<()>),
    /// Unlink the device from the phone and end.
    Delete(oneshot::Sender<()>),
    /// Get a pair code.
    Pair(WantedCode),
}
