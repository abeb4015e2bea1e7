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

use crate::account::Identity;
use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::session::Sessions;
use crate::session::registry::SessionHandle;
use crate::session::types::{MediaFetching, SendPace};
use crate::whatsapp::client::Client;

/// Who a session is, and its client.
#[derive(Clone, Debug)]
pub struct Account {
    /// Who it is. None until a phone has linked it.
    pub identity: Option<Identity>,
    /// Its client: none unless the session is logged in, and another one after each login.
    pub client: watch::Receiver<Option<Client>>,
}

impl Account {
    /// Its client, for what cannot wait for the next login.
    ///
    /// # Errors
    /// `SessionNotConnected`.
    pub fn online(&self) -> Result<Client> {
        let client = self.client.borrow().clone().filter(|client| !client.has_ended());
        client.ok_or_else(|| Error::new(ErrorKind::SessionNotConnected, "the session is not logged in"))
    }
}

impl Sessions {
    /// The account of a session, for an operation of this caller.
    ///
    /// # Errors
    /// `SessionNotFound`; `Forbidden` without this scope.
    pub fn account(&self, caller: &Caller, scope: Scope, id: &SessionId) -> Result<Account> {
        let handle = self.reach(caller, scope, id)?;
        Ok(Account { identity: handle.look(|snapshot| snapshot.live.identity.clone()), client: handle.client() })
    }

    /// The ids of all sessions. For what is done on each of them; needs no caller.
    pub fn ids(&self) -> Vec<SessionId> {
        let mut ids = Vec::new();
        self.registry.for_each(|snapshot| ids.push(snapshot.session.id.clone()));
        ids
    }

    /// Who a session is. None until a phone has linked it, or if there is no such session; needs no caller.
    pub fn identity(&self, id: &SessionId) -> Option<Identity> {
        self.registry.find(id)?.look(|snapshot| snapshot.live.identity.clone())
    }

    /// How fast a session is to send, as far as its client chose it; needs no caller.
    pub fn send_pace(&self, id: &SessionId) -> SendPace {
        let chosen = |handle: &SessionHandle| {
            handle.look(|snapshot| SendPace { rate: snapshot.session.send_rate, burst: snapshot.session.send_burst })
        };
        self.registry.find(id).map(|handle| chosen(&handle)).unwrap_or_default()
    }

    /// When a session is to fetch files. None if there is no such session; needs no caller.
    pub fn media_fetching(&self, id: &SessionId) -> Option<MediaFetching> {
        Some(self.registry.find(id)?.look(|snapshot| snapshot.session.media))
    }

    /// The session's client, for what was accepted before: none unless the session is logged in, and another one after each login.
    /// Nothing comes any more once the session is deleted. None if there is no such session; needs no caller.
    pub fn client(&self, id: &SessionId) -> Option<watch::Receiver<Option<Client>>> {
        Some(self.registry.find(id)?.client())
    }
}
