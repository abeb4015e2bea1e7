//! How the uploader of a session learns that there is more to upload.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether something is new.
#[derive(Debug, Default)]
pub(super) struct News {
    is_new: AtomicBool,
    notify: Notify,
}

impl News {
    /// Something is to be uploaded.
    pub(super) fn tell(&self) {
        self.is_new.store(true, Ordering::SeqCst);
        self.notify.notify_one();
    }

    /// Ends when something may be new.
    pub(super) async fn come(&self) {
        self.notify.notified().await;
        self.is_new.store(false, Ordering::SeqCst);
    }

    /// Whether something was new since this was asked last, or since somebody was told of it.
    pub(super) fn take(&self) -> bool {
        self.is_new.swap(false, Ordering::SeqCst)
    }
}
