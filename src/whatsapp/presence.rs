//! What WhatsApp is told about whether somebody uses the session. The library says `available` at each login and after some
//! changes of the account's name, and has no switch for that; a linked device that is available keeps the phone silent. Where
//! nobody uses the session, `unavailable` follows at once. Delivery receipts give the sender two ticks either way: the library
//! is told to send them so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use entity::words::session::PresenceOnConnect;
use tracing::debug;
use whatsapp_rust::Client;
use whatsapp_rust::types::events::Event;
use whatsapp_rust::wacore::runtime::Runtime as _;

use crate::error::chain;
use crate::whatsapp::runtime::ClientRuntime;

/// Time that the library gets to say `available` after it has told a new name: it does so from a task that it starts then.
const AFTER_NAME: Duration = Duration::from_secs(1);

/// One client's presence.
pub(super) struct Presence {
    runtime: ClientRuntime,
    is_unavailable: AtomicBool,
}

impl Presence {
    /// Nothing is said yet.
    pub(super) fn new(runtime: ClientRuntime) -> Self {
        Self { runtime, is_unavailable: AtomicBool::new(true) }
    }

    /// What to say from the next login on.
    pub(super) fn choose(&self, presence: PresenceOnConnect) {
        let is_unavailable = match presence {
            PresenceOnConnect::Unavailable => true,
            PresenceOnConnect::Available => false,
        };
        self.is_unavailable.store(is_unavailable, Ordering::Release);
    }

    /// Says that nobody is here, when the library has just said otherwise or is about to.
    pub(super) fn follow(&self, client: &Arc<Client>, event: &Event) {
        let wait = match event {
            Event::Connected(_) => Duration::ZERO,
            Event::SelfPushNameUpdated(_) => AFTER_NAME,
            _ => return,
        };
        if !self.is_unavailable.load(Ordering::Acquire) {
            return;
        }
        let client = Arc::clone(client);
        self.runtime.spawn_detached(Box::pin(async move {
            tokio::time::sleep(wait).await;
            if let Err(error) = client.presence().set_unavailable().await {
                // The connection has ended, or the name is not known yet: then the library said nothing either.
                debug!(error = chain(&error), "it could not be said that nobody is here");
            }
        }));
    }
}
