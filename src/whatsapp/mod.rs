//! The only room that knows the WhatsApp library: a connector makes connections, a connection reports signals.
//!
//! The library is driven one connection at a time. Its own reconnecting is switched off: when to dial again, and
//! whether at all, is decided by `session::machine` alone.

pub mod acks;
pub mod client;
pub mod compose;
pub mod connection;
pub mod connector;
pub mod device_store;
pub mod group_members;
pub mod names;
pub mod operation;
pub mod proxy;
pub mod report;
pub mod signal;

mod history;
mod http;
mod inbox;
mod key_text;
mod order;
mod owed_sync;
mod presence;
mod reading;
mod report_writer;
mod reporter;
mod runtime;
mod sockets;
mod timers;
mod translate;
mod transport;
mod votes;

use std::sync::Arc;

use entity::ids::SessionId;
use tokio::sync::mpsc;

use crate::account::DeviceProps;
use crate::error::{Error, ErrorKind, Result};
use crate::whatsapp::connection::{Connection, Outlets};
use crate::whatsapp::connector::Connector;
use crate::whatsapp::report::Report;
use crate::whatsapp::signal::Signal;

/// Signals that wait for the actor. A session has a handful per login; whoever leaves more unread is stuck.
const SIGNAL_CAPACITY: usize = 128;

/// Reports that could not be written and wait for the actor. It does not keep more either.
const UNWRITTEN_CAPACITY: usize = 1024;

/// A client that was prepared, and what it will tell.
#[derive(Debug)]
pub struct Opened {
    /// The client.
    pub connection: Connection,
    /// What changes the session's state.
    pub signals: mpsc::Receiver<Signal>,
    /// What happened beside that and could not be written. All else goes to the journal by itself.
    pub reports: mpsc::Receiver<Report>,
}

/// What has to hear the library's spans, so that nothing waits longer than it must for a message that became nothing.
pub fn message_ends<S>() -> impl tracing_subscriber::Layer<S> + Send + Sync
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    order::ends::layer()
}

impl Connector {
    /// Loads the session's keys (or makes new ones) and prepares a client; nothing is dialled yet. A session that is new
    /// has none, so none are looked for.
    ///
    /// # Errors
    /// `Unavailable`: the database failed.
    pub async fn open(&self, session: &SessionId, props: &DeviceProps, is_new: bool) -> Result<Opened> {
        let (signals, signalled) = mpsc::channel(SIGNAL_CAPACITY);
        let (unwritten, reported) = mpsc::channel(UNWRITTEN_CAPACITY);
        let store = match is_new {
            true => device_store::DeviceStore::empty(self.db.clone(), self.journal.clone(), session.clone()),
            false => device_store::DeviceStore::new(self.db.clone(), self.journal.clone(), session.clone()),
        };
        let store = Arc::new(store);
        let outlets = Outlets { session: session.clone(), signals, unwritten };
        let connection = connection::open(self, store, props, outlets).await;
        let connection = connection.map_err(|error| {
            Error::new(ErrorKind::Unavailable, "the session's keys could not be read").because(error)
        })?;
        Ok(Opened { connection, signals: signalled, reports: reported })
    }

    /// Forgets the session's keys, so that the next connection starts as a new device.
    ///
    /// # Errors
    /// `Unavailable`: the database failed.
    pub async fn forget(&self, session: &SessionId) -> Result<()> {
        device_store::DeviceStore::new(self.db.clone(), self.journal.clone(), session.clone()).forget().await
    }
}
