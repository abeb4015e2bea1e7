//! The uploaders of all sessions that have something to upload: starts them, and lets them go.

use std::collections::HashMap;
use std::sync::Arc;

use entity::ids::SessionId;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::error::Result;
use crate::lifecycle::ShutdownPhase;
use crate::media::files::Files;
use crate::message::news::News;
use crate::message::sending::outboxes::Outboxes;
use crate::message::sending::uploader::{UploadShared, Uploader};
use crate::message::store::upload_store;

/// Files that the process uploads at the same time.
const AT_ONCE: usize = 8;

/// The uploaders. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::message) struct Uploads {
    shared: Arc<UploadShared>,
    running: Arc<Mutex<HashMap<SessionId, Arc<News>>>>,
}

impl Uploads {
    /// None runs yet.
    pub(in crate::message) fn new(outboxes: Outboxes, files: Files) -> Self {
        let shared = UploadShared { outboxes, files, permits: Semaphore::new(AT_ONCE) };
        Self { shared: Arc::new(shared), running: Arc::default() }
    }

    /// Goes on where the process before ended: nothing of an upload that it did not finish is kept.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(in crate::message) async fn go_on(&self) -> Result<()> {
        let shared = &self.shared.outboxes.shared;
        for session in upload_store::sessions(shared.db.read(), shared.clock.now()).await? {
            self.start(&session);
        }
        Ok(())
    }

    /// Begins with the files of scheduled messages that are to be sent soon.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(in crate::message) async fn go_ahead(&self) -> Result<()> {
        let shared = &self.shared.outboxes.shared;
        for session in upload_store::scheduled_sessions(shared.db.read(), shared.clock.now()).await? {
            self.start(&session);
        }
        Ok(())
    }

    /// Lets a session's uploader stop what nobody waits for any more, since a message was taken back.
    pub(in crate::message) fn withdraw(&self, session: &SessionId) {
        if let Some(news) = self.running.lock().get(session) {
            news.tell_withdrawal();
        }
    }

    /// Lets a session's uploader look for what there is to upload.
    pub(in crate::message) fn start(&self, session: &SessionId) {
        let shared = &self.shared.outboxes.shared;
        let Some(client) = shared.sessions.client(session) else { return };
        let news = {
            let mut running = self.running.lock();
            if let Some(news) = running.get(session) {
                news.tell();
                return;
            }
            let news = Arc::new(News::default());
            running.insert(session.clone(), Arc::clone(&news));
            news
        };
        let lifecycle = &shared.lifecycle;
        let (running, stop) = (Arc::clone(&self.running), lifecycle.workers().clone());
        let mut uploader =
            Uploader { session: session.clone(), client, news: Arc::clone(&news), shared: Arc::clone(&self.shared) };
        // One of the workers, as the outboxes are: the sessions' clients end before them, and what is under way with those.
        lifecycle.spawn(ShutdownPhase::Workers, "uploader", async move {
            loop {
                if stop.run_until_cancelled(uploader.run()).await.is_none() {
                    return;
                }
                let mut running = running.lock();
                if !news.take() {
                    running.remove(&uploader.session);
                    return;
                }
            }
        });
    }
}
