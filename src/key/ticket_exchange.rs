//! A ticket for a key, and the caller back for a ticket.

use secrecy::ExposeSecret;

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Keys;
use crate::key::types::StreamTicket;

impl Keys {
    /// Gives the caller a ticket with which one stream can be opened as with the key: once, within a minute.
    ///
    /// # Errors
    /// `TooManyTickets`.
    #[tracing::instrument(level = "debug", name = "create_stream_ticket", skip_all)]
    pub fn issue_ticket(&self, caller: &Caller) -> Result<StreamTicket> {
        let (ticket, expires_at) = self.tickets.issue(caller, self.clock.now())?;
        Ok(StreamTicket { ticket: ticket.expose_secret().to_owned(), expires_at })
    }

    /// Who shows this ticket. It is used up.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub fn redeem_ticket(&self, ticket: &str) -> Result<Caller> {
        let caller = self.tickets.redeem(ticket, self.clock.now());
        caller.ok_or_else(|| Error::new(ErrorKind::Unauthenticated, "the ticket is not valid, was used, or is too old"))
    }
}
