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
    is_unavailable: Arc<AtomicBool>,
}

/// Whether nobody uses the session, as it was said last: at the login, or by a client of the API since then.
#[derive(Clone, Debug)]
pub(super) struct SaidLast(Arc<AtomicBool>);

impl SaidLast {
    /// From now on this holds, whatever the library says by itself.
    pub(super) fn set(&self, is_unavailable: bool) {
        self.0.store(is_unavailable, Ordering::Release);
    }
}

impl Presence {
    /// Nothing is said yet.
    pub(super) fn new(runtime: ClientRuntime) -> Self {
        Self { runtime, is_unavailable: Arc::new(AtomicBool::new(true)) }
    }

    /// What was said last, for who says something else.
    pub(super) fn said_last(&self) -> SaidLast {
        SaidLast(Arc::clone(&self.is_unavailable))
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
        let (client, is_unavailable) = (Arc::clone(client), Arc::clone(&self.is_unavailable));
        if !is_unavailable.load(Ordering::Acquire) {
            return;
        }
        self.runtime.spawn_detached(Box::pin(async move {
            tokio::time::sleep(wait).await;
            if !is_unavailable.load(Ordering::Acquire) {
                return;
            }
            if let Err(error) = client.presence().set_unavailable().await {
                // The connection has ended, or the name is not known yet: then the library said nothing either.
                debug!(error = chain(&error), "it could not be said that nobody is here");
            }
        }));
    }
}
