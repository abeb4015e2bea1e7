//! Who wants which events. Presence and typing come too often to be kept for nobody, so they are kept only while somebody wants
//! them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use entity::ids::{SessionId, WebhookId};
use entity::words::event::EventType;
use parking_lot::RwLock;

use crate::event::record::Selection;

/// Who follows what. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Demand(Arc<Inner>);

/// What each webhook wants.
type Wants = HashMap<WebhookId, Vec<EventType>>;

#[derive(Debug, Default)]
struct Inner {
    numbers: AtomicU64,
    followers: RwLock<HashMap<u64, Selection>>,
    /// What webhooks want, by the session that they are for; None is all sessions.
    webhooks: RwLock<HashMap<Option<SessionId>, Wants>>,
    /// Counts the changes of webhooks.
    version: AtomicU64,
}

/// What one follower wants, until it is dropped.
#[derive(Debug)]
pub struct Follower(Demand, u64);

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.0.followers.write().remove(&self.1);
    }
}

impl Demand {
    /// Somebody follows these events from now on.
    pub fn follow(&self, selection: &Selection) -> Follower {
        let number = self.0.numbers.fetch_add(1, Ordering::Relaxed);
        self.0.followers.write().insert(number, selection.clone());
        Follower(self.clone(), number)
    }

    /// A webhook wants these events from now on, or none.
    pub fn set_webhook(&self, session: Option<&SessionId>, webhook: &WebhookId, types: &[EventType]) {
        let types: Vec<_> =
            types.iter().copied().filter(|event| *event == EventType::All || is_fleeting(*event)).collect();
        let (session, mut webhooks) = (session.cloned(), self.0.webhooks.write());
        if !types.is_empty() {
            webhooks.entry(session).or_default().insert(webhook.clone(), types);
        } else if let Some(of_session) = webhooks.get_mut(&session) {
            of_session.remove(webhook);
            if of_session.is_empty() {
                webhooks.remove(&session);
            }
        }
        self.0.version.fetch_add(1, Ordering::Release);
    }

    /// A session is gone: its webhooks get nothing new.
    pub fn forget(&self, session: &SessionId) {
        self.0.webhooks.write().remove(&Some(session.clone()));
        self.0.version.fetch_add(1, Ordering::Release);
    }

    /// Something else changed about what is delivered: whoever is about to post looks again.
    pub fn change(&self) {
        self.0.version.fetch_add(1, Ordering::Release);
    }

    /// Grows with each change of a webhook, after the database has it. Who read a webhook after this and finds the same
    /// number later has read what is there.
    pub fn version(&self) -> u64 {
        self.0.version.load(Ordering::Acquire)
    }

    /// Whether an event is to be kept: whatever lasts, and what does not if somebody wants it now.
    pub fn is_wanted(&self, session: &SessionId, event: EventType) -> bool {
        !is_fleeting(event)
            || self.is_delivered(session, event)
            || self.0.followers.read().values().any(|selection| selection.includes(session, event))
    }

    fn is_delivered(&self, session: &SessionId, event: EventType) -> bool {
        let webhooks = self.0.webhooks.read();
        let of = |session: Option<SessionId>| webhooks.get(&session).into_iter().flat_map(HashMap::values);
        let mut wanted = of(None).chain(of(Some(session.clone())));
        wanted.any(|types| types.contains(&EventType::All) || types.contains(&event))
    }
}

/// Whether an event says what is true for a moment only.
fn is_fleeting(event: EventType) -> bool {
    matches!(event, EventType::Presence | EventType::ChatPresence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_is_kept_while_somebody_wants_it_and_messages_always() {
        let demand = Demand::default();
        let (shop, other) =
            (SessionId::parse("shop").expect("it is one"), SessionId::parse("other").expect("it is one"));
        assert!(demand.is_wanted(&shop, EventType::Message));
        assert!(!demand.is_wanted(&shop, EventType::Presence));
        let all_of_shop = Selection { sessions: Some(vec![shop.clone()]), ..Selection::default() };
        let following = demand.follow(&all_of_shop);
        assert!(demand.is_wanted(&shop, EventType::Presence) && !demand.is_wanted(&other, EventType::Presence));
        drop(following);
        assert!(!demand.is_wanted(&shop, EventType::Presence));
        let webhook = WebhookId::generate();
        demand.set_webhook(None, &webhook, &[EventType::Message, EventType::ChatPresence]);
        assert!(demand.is_wanted(&other, EventType::ChatPresence) && !demand.is_wanted(&other, EventType::Presence));
        demand.set_webhook(None, &webhook, &[EventType::Message]);
        assert!(!demand.is_wanted(&other, EventType::ChatPresence));
        demand.set_webhook(Some(&shop), &webhook, &[EventType::All]);
        assert!(demand.is_wanted(&shop, EventType::Presence) && !demand.is_wanted(&other, EventType::Presence));
        demand.forget(&shop);
        assert!(!demand.is_wanted(&shop, EventType::Presence));
        assert_eq!(demand.version(), 4, "each change counts, whatever the webhook wants");
        assert!(demand.0.webhooks.read().is_empty() && demand.0.followers.read().is_empty());
    }
}
