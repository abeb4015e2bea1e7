//! Who wants what comes and goes too fast to be kept for nobody: presence and typing.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use entity::ids::{SessionId, WebhookId};
use entity::words::EventType;
use parking_lot::RwLock;

use crate::event::store::Selection;

/// Who follows what. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Interest(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    numbers: AtomicU64,
    wanted: RwLock<HashMap<Who, Selection>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Follower(u64),
    Webhook(WebhookId),
}

/// One follower's interest, until it is dropped.
#[derive(Debug)]
pub struct Following(Interest, Who);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.0.wanted.write().remove(&self.1);
    }
}

impl Interest {
    /// Somebody follows these events from now on.
    pub fn follow(&self, selection: &Selection) -> Following {
        let who = Who::Follower(self.0.numbers.fetch_add(1, Ordering::Relaxed));
        self.0.wanted.write().insert(who.clone(), selection.clone());
        Following(self.clone(), who)
    }

    /// A webhook wants these events from now on, or none.
    pub fn deliver(&self, webhook: &WebhookId, selection: Option<Selection>) {
        let who = Who::Webhook(webhook.clone());
        let mut wanted = self.0.wanted.write();
        match selection {
            Some(selection) => wanted.insert(who, selection),
            None => wanted.remove(&who),
        };
    }

    /// Whether an event is to be kept: whatever lasts, and what does not if somebody wants it now.
    pub fn has(&self, session: &SessionId, event: EventType) -> bool {
        let is_fleeting = matches!(event, EventType::Presence | EventType::ChatPresence);
        !is_fleeting || self.0.wanted.read().values().any(|selection| selection.includes(session, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_is_kept_while_somebody_wants_it_and_messages_always() {
        let interest = Interest::default();
        let (shop, other) =
            (SessionId::parse("shop").expect("it is one"), SessionId::parse("other").expect("it is one"));
        assert!(interest.has(&shop, EventType::Message));
        assert!(!interest.has(&shop, EventType::Presence));
        let all_of_shop = Selection { sessions: Some(vec![shop.clone()]), types: None };
        let following = interest.follow(&all_of_shop);
        assert!(interest.has(&shop, EventType::Presence) && !interest.has(&other, EventType::Presence));
        drop(following);
        assert!(!interest.has(&shop, EventType::Presence));
        let webhook = WebhookId::generate();
        let typing = Selection { sessions: None, types: Some(vec![EventType::ChatPresence]) };
        interest.deliver(&webhook, Some(typing));
        assert!(interest.has(&other, EventType::ChatPresence) && !interest.has(&other, EventType::Presence));
        interest.deliver(&webhook, None);
        assert!(!interest.has(&other, EventType::ChatPresence));
    }
}
