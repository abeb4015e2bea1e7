//! How the uploader of a session learns that there is more to upload.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, watch};

/// Whether something is new.
#[derive(Debug, Default)]
pub(super) struct News {
    is_new: AtomicBool,
    notify: Notify,
    /// How often a message was taken back.
    withdrawals: watch::Sender<u64>,
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

    /// A message was taken back: its file may be one that nobody waits for any more.
    pub(super) fn tell_withdrawal(&self) {
        self.withdrawals.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Changes when a message is taken back from now on.
    pub(super) fn withdrawals(&self) -> watch::Receiver<u64> {
        self.withdrawals.subscribe()
    }

    /// Whether something was new since this was asked last, or since somebody was told of it.
    pub(super) fn take(&self) -> bool {
        self.is_new.swap(false, Ordering::SeqCst)
    }
}
