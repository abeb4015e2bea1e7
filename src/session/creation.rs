//! How a session begins.

use entity::words::access::Scope;

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::session::command::Command;
use crate::session::store::SessionDraft;
use crate::session::types::{NewSession, Snapshot};
use crate::session::{Sessions, rules, store};

impl Sessions {
    /// Creates a session and starts to connect it.
    ///
    /// # Errors
    /// `Invalid`, `SessionExists`, `Unavailable`, `ShuttingDown`; `Forbidden` for a webhook with a key that may not create
    /// one.
    pub async fn create(&self, caller: &Caller, new: NewSession) -> Result<Snapshot> {
        caller.require(Scope::SessionsWrite)?;
        self.is_open()?;
        if new.webhook.is_some() {
            caller.require(Scope::WebhooksWrite)?;
        }
        let draft = rules::draft(caller, new, self.deps.clock.now())?;
        if !caller.reaches(&draft.id) {
            let detail = "this key is for some sessions only: give the `id` of one of them";
            return Err(Error::new(ErrorKind::Forbidden, detail));
        }
        if let Some(webhook) = &draft.webhook {
            self.egress.admit("webhook.url", &webhook.url).await?;
        }
        let this = self.clone();
        let created = self.deps.lifecycle.complete(async move { this.take_in(draft).await }).await?;
        Ok(created.seen_by(caller))
    }

    #[tracing::instrument(level = "debug", name = "create_session", skip_all, fields(session.id = %draft.id))]
    async fn take_in(&self, mut draft: SessionDraft) -> Result<Snapshot> {
        let _reserved = self.registry.reserve(&draft.id).ok_or_else(|| store::exists(&draft.id))?;
        if let Some(webhook) = &mut draft.webhook {
            // What is still owed about an earlier session with this id is not for it.
            webhook.after_position = *self.deps.journal.recent().head().borrow();
        }
        let webhook = draft.webhook.clone();
        let tx = self.deps.db.write().begin().await?;
        let row = store::insert(&tx, draft, self.deps.clock.now()).await?;
        let committed = tx.commit().await;
        if let Some(webhook) = webhook {
            webhook.announce(self.deps.journal.demand());
        }
        if let Err(error) = committed {
            self.agree(&row.session.id, Some(|| Command::Begin)).await;
            return self.written(&row.session.id).await.ok_or(error);
        }
        let handle = self.registry.add(&row);
        let created = handle.look(Snapshot::clone);
        // Only now: nothing is dialled before the row is written. The actor makes the device's keys when it dials. To make them
        // here, beside the wait for the disk, was tried, and the first code came no sooner (4.2 ms on SQLite either way).
        let mailbox = handle.mailbox(&self.deps);
        let _ = mailbox.send(Command::Begin).await; // An actor that ends now ends with the server, and starts with the next.
        Ok(created)
    }
}
