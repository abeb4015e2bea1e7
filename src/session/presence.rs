//! Whether somebody uses the account, as its contacts see it, until the next login: what is said then is a setting of the session.

use entity::ids::SessionId;
use entity::words::access::Scope;

use crate::caller::Caller;
use crate::error::Result;
use crate::session::Sessions;
use crate::session::types::{NewPresence, Presence};

impl Sessions {
    /// Shows that somebody uses the account, or that nobody does.
    ///
    /// # Errors
    /// `SessionNotFound`, `SessionNotConnected`, `Upstream`, `UpstreamTimeout`.
    #[tracing::instrument(level = "debug", name = "set_presence", skip_all, fields(session.id = %id))]
    pub async fn set_presence(&self, caller: &Caller, id: &SessionId, new: NewPresence) -> Result<Presence> {
        let client = self.account(caller, Scope::ProfileWrite, id)?.online()?;
        let NewPresence { state } = new;
        client.set_presence(state).await?;
        Ok(Presence { state })
    }
}
