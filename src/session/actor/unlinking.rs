//! Unlinking a device: at WhatsApp if that can be done soon, and here in any case.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::warn;

use crate::session::actor::Actor;
use crate::session::actor::pending::Unlinking;
use crate::session::machine::{Input, Phase};
use crate::whatsapp::signal::{Refusal, Signal};

/// Longest attempt to reach WhatsApp only in order to unlink a device that is offline.
const UNLINK_LIMIT: Duration = Duration::from_secs(10);

impl Actor {
    /// Begins; the log-in that it takes may come first.
    pub(super) async fn begin_unlinking(&mut self, reply: oneshot::Sender<()>, and_end: bool) {
        let unlinking = self.unlinking.get_or_insert_with(|| Unlinking {
            replies: Vec::new(),
            until: Instant::now() + UNLINK_LIMIT,
            and_end: false,
        });
        unlinking.replies.push(reply);
        unlinking.and_end |= and_end;
        if self.state.is_linked && !matches!(self.state.phase, Phase::LoggedIn(_)) {
            // WhatsApp unlinks a device only at its own request, so it has to log in once more.
            self.apply(Input::GoOnline).await;
        }
    }

    /// Unlinks now: at WhatsApp if the session is logged in, and here in any case.
    pub(super) async fn unlink(&mut self) {
        let Some(unlinking) = self.unlinking.take() else { return };
        let id = self.handle.id().clone();
        if self.state.is_linked {
            // As every operation: by the client that the handle has while the session is logged in.
            let client = self.handle.client().borrow().clone();
            let is_confirmed = match client {
                Some(client) => client.unlink().await.is_ok() || self.is_told_that_it_is_gone(),
                None => false,
            };
            if !is_confirmed {
                warn!(session.id = %id, "session {id} is unlinked here, but WhatsApp did not confirm it");
            }
            self.apply(Input::Unlinked { is_confirmed }).await;
        } else if !self.state.is_resting() {
            self.apply(Input::GoOffline).await;
        }
        self.has_ended |= unlinking.and_end;
        for reply in unlinking.replies {
            let _ = reply.send(()); // Whoever asked may have gone.
        }
    }

    /// Whether WhatsApp ended the connection because the device is not linked any more: that may come instead of its answer.
    fn is_told_that_it_is_gone(&mut self) -> bool {
        let signals = std::iter::from_fn(|| self.signals.as_mut()?.try_recv().ok());
        signals.into_iter().any(|signal| matches!(signal, Signal::Refused(Refusal::LoggedOut | Refusal::DeviceRemoved)))
    }
}
