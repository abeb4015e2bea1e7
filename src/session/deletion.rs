//! How a session ends: for everybody at once, with its last event, and nothing of it left but what webhooks are owed.

use std::sync::Arc;

use entity::ids::SessionId;
use entity::words::access::Scope;

use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::body::EventBody;
use crate::event::body::session::SessionDeletedEvent;
use crate::event::entry::{JournalEntry, NewEvent};
use crate::session::command::Command;
use crate::session::registry::SessionHandle;
use crate::session::types::Snapshot;
use crate::session::{Sessions, not_found, store};

impl Sessions {
    /// Unlinks the device from the phone if it can, and removes the session with all that belongs to it, but for what webhooks
    /// are owed. Gives its last state.
    ///
    /// # Errors
    /// `SessionNotFound`, `Unavailable`.
    #[tracing::instrument(level = "debug", name = "delete_session", skip_all, fields(session.id = %id))]
    pub async fn delete(&self, caller: &Caller, id: &SessionId) -> Result<Snapshot> {
        let (this, id) = (self.clone(), self.reach(caller, Scope::SessionsWrite, id)?.id().clone());
        let removed = self.deps.lifecycle.complete(async move { this.take_away(&id).await }).await?;
        Ok(removed.seen_by(caller))
    }

    async fn take_away(&self, id: &SessionId) -> Result<Snapshot> {
        // From here on nobody finds it, so nobody can start it again behind our back; nor create one with its id before all
        // is said about it.
        let (handle, _reserved) = self.registry.remove(id).ok_or_else(not_found)?;
        if let Err(error) = self.end(&handle).await {
            // It is there as before, unless the table says that it is gone: then only the answer was lost.
            self.registry.restore(Arc::clone(&handle));
            self.agree(id, None).await;
            if self.registry.find(id).is_some() || !self.is_on_disk().await {
                return Err(error);
            }
        }
        self.deps.journal.demand().forget(id);
        Ok(handle.look(Snapshot::clone))
    }

    async fn end(&self, handle: &Arc<SessionHandle>) -> Result<()> {
        // Where nothing can be written the phone keeps its device, and the session all that it is.
        store::touch(self.deps.db.write(), handle.id(), self.deps.clock.now()).await?;
        let was_linked = handle.look(|snapshot| snapshot.live.identity.is_some());
        self.tell(handle, Command::Delete).await?;
        let removed = self.remove(handle).await;
        removed.map_err(|error| if was_linked { half_deleted(error) } else { error })
    }

    async fn remove(&self, handle: &SessionHandle) -> Result<()> {
        let (id, session) = (handle.id(), handle.look(|snapshot| Arc::clone(&snapshot.session)));
        let body = SessionDeletedEvent { name: session.name.clone(), created_at: session.created_at };
        let told = NewEvent::new(id.clone(), &EventBody::SessionDeleted(body), self.deps.clock.now())?;
        let last = Some(store::deletion(id));
        self.deps.journal.write(JournalEntry { events: vec![told], last, ..JournalEntry::default() }).await
    }
}

/// What was done cannot be undone, so it is said.
fn half_deleted(error: Error) -> Error {
    let detail = "the device was unlinked from the phone, but the session could not be deleted: the database is unavailable; \
                  delete it again";
    Error::new(error.kind(), detail).because(error)
}
