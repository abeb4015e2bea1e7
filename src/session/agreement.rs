//! After a write of which nobody knows what came, memory is made to agree with the table: a commit whose answer was lost may stand
//! all the same, and every door has to say the same of a session.

use std::sync::Arc;

use entity::ids::SessionId;

use crate::error::Error;
use crate::session::command::Command;
use crate::session::registry::Entry;
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
                let Some(record) = store::find(&tx, &id).await? else {
                    this.registry.forget(&id);
                    return Ok(());
                };
                if let Some(entry) = this.registry.add_missing(&record)
                    && let Some(first) = first
                {
                    let _ = entry.mailbox(&this.deps).send(first()).await; // As in `take_in`.
                }
                Ok::<_, Error>(())
            }
        };
        self.deps.lifecycle.insist("session", attempt).await;
    }

    /// Shows the name and the labels that the table has, after a write of which nobody knows what came.
    pub(super) async fn revise_as_written(&self, entry: &Arc<Entry>) {
        let (this, entry) = (self.clone(), Arc::clone(entry));
        let attempt = move || {
            let (this, entry) = (this.clone(), Arc::clone(&entry));
            async move {
                let tx = this.deps.db.write().begin_decided(store::TABLE).await?;
                if let Some(record) = store::find(&tx, entry.id()).await? {
                    entry.revise(&record.session);
                }
                Ok::<_, Error>(())
            }
        };
        self.deps.lifecycle.insist("session", attempt).await;
    }
}
