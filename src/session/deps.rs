//! What the sessions stand on.

use crate::clock::Clock;
use crate::db::Db;
use crate::event::journal::Journal;
use crate::lifecycle::Lifecycle;
use crate::whatsapp::connector::Connector;

/// What every actor needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Where what the service asks for is read.
    pub db: Db,
    /// Where the state is written, with what happened.
    pub journal: Journal,
    /// Where connections come from.
    pub connector: Connector,
    /// What time it is.
    pub clock: Clock,
    /// When to stop.
    pub lifecycle: Lifecycle,
}
