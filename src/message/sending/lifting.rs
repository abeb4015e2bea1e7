//! Lets go what was held for a restriction that is no more: it ended and a message was taken, WhatsApp says that there is none, or
//! another account is linked. Each held message has its moment in its row, which may be far away and would be waited for.

use std::sync::Arc;

use entity::ids::SessionId;
use tracing::{error, info};

use crate::error::{ErrorKind, Result, chain};
use crate::message::limit::restrictions::Lifted;
use crate::message::lookup::naming::own_jid;
use crate::message::sending::outbox::{Outbox, Shared};
use crate::message::sending::outboxes::{BATCH, Outboxes};
use crate::message::sending::transitions::Change;
use crate::message::store::restriction_store;
use crate::message::store::transition::Happening;

impl Outbox {
    /// JID of the account that is linked to the session.
    pub(in crate::message) fn account(&self) -> Option<String> {
        self.shared.sessions.identity(&self.session).as_ref().map(own_jid)
    }

    /// Forgets what WhatsApp keeps another account from than the one that is linked now.
    pub(in crate::message) async fn forget_other_account(&self) {
        if let Some(account) = self.account() {
            self.lift(self.shared.restrictions.forget_others(&self.session, &account)).await;
        }
    }

    /// Lets go what was held for what is lifted, if anything is.
    pub(in crate::message) async fn lift(&self, lifted: Option<Lifted>) {
        let Some(lifted) = lifted else { return };
        let wake = Arc::clone(&self.wake);
        lift(Arc::clone(&self.shared), self.session.clone(), lifted, move |lane| wake.lane(lane, None)).await;
    }
}

impl Outboxes {
    /// Lets go what was held for what is lifted.
    pub(in crate::message) async fn lift(&self, session: &SessionId, lifted: Lifted) {
        let (this, of) = (self.clone(), session.clone());
        lift(Arc::clone(&self.shared), session.clone(), lifted, move |lane| this.start(&of, Some(lane))).await;
    }
}

/// Returns when it is done, or after a moment; then it is gone on with until it is.
async fn lift(shared: Arc<Shared>, session: SessionId, lifted: Lifted, wake: impl Fn(&str) + Send + Sync + 'static) {
    info!(session.id = %session, "WhatsApp keeps session {session} from what it was kept from no more");
    let (lifecycle, wake) = (shared.lifecycle.clone(), Arc::new(wake));
    let attempt = move || {
        let (shared, session, lifted, wake) = (Arc::clone(&shared), session.clone(), lifted.clone(), Arc::clone(&wake));
        async move {
            let done = release(&shared, &session, &lifted, &*wake).await;
            if let Err(error) = &done
                && error.kind() != ErrorKind::ShuttingDown
            {
                error!(session.id = %session, error = chain(error), "messages that were held could not be let go");
            }
            done
        }
    };
    lifecycle.insist("restriction lift", attempt).await;
}

async fn release(shared: &Shared, session: &SessionId, lifted: &Lifted, wake: &(dyn Fn(&str) + Sync)) -> Result<()> {
    lifted.waiting.iter().for_each(|lane| wake(lane));
    // One that is held again meanwhile, for something else, is not let go a second time.
    let mut after = 0;
    loop {
        let now = shared.clock.now();
        let held = restriction_store::held(shared.db.read(), session, after, now, BATCH).await?;
        let Some(last) = held.last() else { break };
        after = last.sequence;
        let released =
            |message_id: &String| Change { message_id: message_id.clone(), happening: Happening::Released { now } };
        // What could not be made waits for something else.
        let is_held = |message_id: &&String| !shared.preventions.is_known(session, message_id);
        let changes = held.iter().map(|held| &held.message_id).filter(is_held).map(released).collect();
        let changed = shared.transitions.write(session, changes).await;
        // Also if the answer was lost: they may be free.
        for held in &held {
            wake(&held.lane);
        }
        changed?;
    }
    // Behind that: if the process ends before, the next one knows the restriction, and finds out again that it is no more.
    shared.transitions.forget_restriction(session, lifted.kind, lifted.noted_at).await
}
