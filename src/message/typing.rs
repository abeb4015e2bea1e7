//! Ends what is shown of somebody who types, after the time that was said. Whatever is shown in the same chat meanwhile takes its place.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use entity::ids::SessionId;
use entity::words::chat::ChatState;
use parking_lot::Mutex;
use tracing::debug;

use crate::error::chain;
use crate::lifecycle::{Lifecycle, ShutdownPhase};
use crate::whatsapp::client::Client;

/// Where somebody types.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Turn {
    pub(super) session: SessionId,
    /// JID of the chat.
    pub(super) chat: String,
}

/// Somebody who types, until they stop or type on.
pub(super) struct Begun {
    turn: Turn,
    number: u64,
}

/// Those who type until a moment, so at most as many as began in the longest time that can be said.
#[derive(Clone, Debug, Default)]
pub(super) struct Typing {
    turns: Arc<Mutex<HashMap<Turn, u64>>>,
    last: Arc<AtomicU64>,
}

impl Typing {
    /// Something else is shown in this chat from now on; until a moment, or not.
    pub(super) fn begin(&self, turn: Turn, is_limited: bool) -> Begun {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let mut turns = self.turns.lock();
        match is_limited {
            true => turns.insert(turn.clone(), number),
            false => turns.remove(&turn),
        };
        Begun { turn, number }
    }

    /// Shows after this time that they stopped, unless something else was shown meanwhile.
    pub(super) fn end_later(&self, lifecycle: &Lifecycle, client: Client, begun: Begun, wait: Duration) {
        let this = self.clone();
        lifecycle.spawn(ShutdownPhase::Workers, "typing", async move {
            // What ends with the connection is not shown any more. The session's connection ends before the workers do.
            let is_over = tokio::select! {
                () = tokio::time::sleep(wait) => true,
                _ = client.ended() => false,
            };
            if this.end(&begun) && is_over {
                let told = client.show_chat_state(&begun.turn.chat, ChatState::Paused).await;
                if let Err(error) = told {
                    debug!(session.id = %begun.turn.session, error = chain(&error), "it could not be shown that nobody types");
                }
            }
        });
    }

    /// Whether it was still shown.
    fn end(&self, begun: &Begun) -> bool {
        let mut turns = self.turns.lock();
        let is_shown = turns.get(&begun.turn) == Some(&begun.number);
        if is_shown {
            turns.remove(&begun.turn);
        }
        is_shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_shown_last_in_a_chat_ends_it() {
        let typing = Typing::default();
        let turn = |chat: &str| Turn { session: SessionId::parse("shop").expect("an id"), chat: chat.to_owned() };
        let (first, other) = (typing.begin(turn("a"), true), typing.begin(turn("b"), true));
        let second = typing.begin(turn("a"), true);
        assert_eq!((typing.end(&first), typing.end(&second), typing.end(&second)), (false, true, false));
        typing.begin(turn("b"), false);
        assert!(!typing.end(&other), "who types on is not stopped");
        assert!(typing.turns.lock().is_empty());
    }
}
