//! After a write whose outcome nobody knows, memory is made to agree with the table: a commit whose answer was lost may have
//! been written all the same, and every door has to say the same of a session.

use std::sync::Arc;

use entity::ids::SessionId;

use crate::error::Error;
use crate::session::command::Command;
use crate::session::registry::SessionHandle;
use crate::session::types::Snapshot;
use crate::session::{Sessions, store};

impl Sessions {
    /// Has a session if and only if the table has it, after a write of which nobody knows what came: every door says of a session what the
    /// table says. A table that does not answer is asked again until it does.
    pub(super) async fn agree(&self, id: &SessionId, first: Option<fn() -> Command>) {
        let (this, id) = (self.clone(), id.clone());
        let attempt = move || {
            let (this, id) = (this.clone(), id.clone());
            async move {
                let tx = this.deps.db.write().begin_decided(store::TABLE).await?;
                let Some(row) = store::find(&tx, &id).await? else {
                    this.registry.forget(&id);
                    this.deps.journal.demand().forget(&id);
                    return Ok(());
                };
                // Who asked for its webhooks before it was decided did not see them.
                this.deps.journal.demand().change();
                if let Some(handle) = this.registry.add_missing(&row)
                    && let Some(first) = first
                {
                    let _ = handle.mailbox(&this.deps).send(first()).await; // As in `take_in`.
                }
                Ok::<_, Error>(())
            }
        };
        self.deps.lifecycle.insist("session", attempt).await;
    }

    /// The session that was to be created, if the table has it after all: then only the answer was lost.
    pub(super) async fn written(&self, id: &SessionId) -> Option<Snapshot> {
        let handle = self.registry.find(id)?;
        self.is_on_disk().await.then(|| handle.look(Snapshot::clone))
    }

    /// Whether the disk has what the table says. When a flush has failed the table may say more.
    pub(super) async fn is_on_disk(&self) -> bool {
        self.deps.db.write().flushed().await.is_ok()
    }

    /// Shows the name and the labels that the table has, after a write of which nobody knows what came.
    pub(super) async fn revise_as_written(&self, handle: &Arc<SessionHandle>) {
        let (this, handle) = (self.clone(), Arc::clone(handle));
        let attempt = move || {
            let (this, handle) = (this.clone(), Arc::clone(&handle));
            async move {
                let tx = this.deps.db.write().begin_decided(store::TABLE).await?;
                if let Some(row) = store::find(&tx, handle.id()).await? {
                    handle.revise(&row.session);
                }
                Ok::<_, Error>(())
            }
        };
        self.deps.lifecycle.insist("session", attempt).await;
    }
}
