//! The client of a session: made for the first connection, dialled again for each later one unless it was given up, closed
//! at the end.

use tracing::warn;

use crate::error::{Result, chain};
use crate::lifecycle::ShutdownPhase;
use crate::session::actor::Actor;
use crate::session::machine::Input;
use crate::whatsapp::Opened;
use crate::whatsapp::connection::Connection;

impl Actor {
    async fn open(&mut self) -> Result<Opened> {
        let is_new = std::mem::take(&mut self.is_new);
        self.deps.connector.open(self.handle.id(), self.handle.props(), is_new).await
    }

    /// Starts the next connection, on a client of which there is at most one.
    pub(super) async fn dial(&mut self) -> Option<Input> {
        let mut learnt = None;
        if self.connection.as_ref().is_some_and(Connection::is_given_up) {
            self.rest().await;
        }
        let connection = match self.connection.clone() {
            Some(connection) => connection,
            None => match self.open().await {
                Ok(Opened { connection, signals, reports }) => {
                    learnt = connection.identity().map(Input::KnownAs);
                    self.connection = Some(connection.clone());
                    self.signals = Some(signals);
                    self.reports = Some(reports);
                    connection
                }
                Err(error) => {
                    let id = self.handle.id();
                    warn!(session.id = %id, error = chain(&error), "the keys of session {id} could not be read");
                    return Some(Input::StorageFailed);
                }
            },
        };
        self.client = Some(connection.next_client());
        let presence = self.handle.look(|snapshot| snapshot.session.presence_on_connect);
        self.run = Some(self.deps.lifecycle.spawn(ShutdownPhase::Sessions, "connection", connection.run(presence)));
        learnt
    }

    /// Closes the client for good.
    pub(super) async fn rest(&mut self) {
        let Some(connection) = self.connection.clone() else { return };
        self.signals = None;
        if !connection.close().await {
            let id = self.handle.id();
            warn!(session.id = %id, "the connection of session {id} did not close in time");
        }
        if let Some(run) = self.run.take() {
            run.abort();
        }
        if let Some(mut reports) = self.reports.take() {
            let last: Vec<_> = std::iter::from_fn(|| reports.try_recv().ok()).collect();
            if !last.is_empty() {
                self.report(last).await;
            }
        }
        (self.connection, self.client) = (None, None);
    }
}
