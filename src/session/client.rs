//! The way from an operation to the client that carries it out, past the actor: its mailbox is for the session's life only, and a
//! message that is sent does not wait until a login is written, nor the other way round.
//!
//! The client is in the session's handle. Whoever serves a caller gets it from here; the actor, which unlinks the device on behalf of
//! callers that were asked already, takes it from the handle. Only a pair code goes another way: it is asked for before the login, so
//! the actor asks with the client that it dialled.
//!
//! What an operation cannot do because the session is not logged in is for the service that wants it to say: some wait for the
//! next login, others fail at once.

use entity::ids::SessionId;
use entity::words::access::Scope;
use tokio::sync::watch;

use crate::caller::Caller;
use crate::error::Result;
use crate::session::Sessions;
use crate::whatsapp::client::Client;

impl Sessions {
    /// The session's client for operations: none unless the session is logged in, and another one after each login.
    ///
    /// # Errors
    /// `SessionNotFound`; `Forbidden` without this scope.
    pub fn client(&self, caller: &Caller, scope: Scope, id: &SessionId) -> Result<watch::Receiver<Option<Client>>> {
        Ok(self.reach(caller, scope, id)?.client())
    }
}
