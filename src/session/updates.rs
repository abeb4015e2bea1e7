//! States as they come: the present one first, then every change, until the session is deleted or the server stops.
//!
//! A subscriber that is too slow never gets an older state after a newer one: it skips, and is told how many it missed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use entity::ids::SessionId;
use entity::words::access::Scope;
use futures::stream::{self, BoxStream, Stream, StreamExt};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use crate::caller::Caller;
use crate::error::Result;
use crate::session::Sessions;
use crate::session::command::Command;
use crate::session::registry::Registry;
use crate::session::rules;
use crate::session::types::{Revision, SessionFilter, Snapshot, Update};

impl Sessions {
    /// The states of one session.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub fn updates(&self, caller: &Caller, id: &SessionId) -> Result<BoxStream<'static, Update>> {
        let shown = self.reach(caller, Scope::SessionsRead, id)?.watch();
        Ok(self.until_stop(caller, states(shown)))
    }

    /// The states of a session that nobody has linked yet, which is brought online so that it has codes to show.
    ///
    /// # Errors
    /// `SessionNotFound`, `AlreadyLoggedIn`, `ShuttingDown`.
    pub async fn offer(&self, caller: &Caller, id: &SessionId) -> Result<BoxStream<'static, Update>> {
        let handle = self.unlinked(caller, id)?;
        let shown = handle.watch();
        self.tell(&handle, Command::GoOnline).await?;
        Ok(self.until_stop(caller, states(shown)))
    }

    /// The states of every session that matches, those that come later too. A session that ceases to match is shown once
    /// more, so that nobody keeps an old state of it.
    ///
    /// # Errors
    /// `Invalid` for a filter that breaks a rule.
    pub fn all_updates(&self, caller: &Caller, filter: SessionFilter) -> Result<BoxStream<'static, Update>> {
        caller.require(Scope::SessionsRead)?;
        let filter = rules::filter(filter)?;
        let changes = self.registry.changes();
        let (registry, caller_of) = (Arc::clone(&self.registry), caller.clone());
        let watched = Watched { registry, caller: caller_of, filter, shown: HashMap::new() };
        let begin = (watched, changes, true);
        let states = stream::unfold(begin, |(mut watched, mut changes, is_first)| async move {
            let updates = if is_first { watched.all() } else { watched.next(&mut changes).await? };
            Some((stream::iter(updates), (watched, changes, false)))
        });
        Ok(self.until_stop(caller, states.flatten()))
    }

    fn until_stop<S>(&self, caller: &Caller, states: S) -> BoxStream<'static, Update>
    where
        S: Stream<Item = Update> + Send + 'static,
    {
        let ended = caller.clone().ended(self.deps.clock.clone());
        let stopping = self.deps.lifecycle.doors().clone().cancelled_owned();
        let caller = caller.clone();
        let states =
            states.map(move |Update { snapshot, missed }| Update { snapshot: snapshot.seen_by(&caller), missed });
        states.take_until(ended).take_until(stopping).boxed()
    }
}

/// The present state, then every change.
fn states(mut shown: watch::Receiver<Snapshot>) -> impl Stream<Item = Update> {
    shown.mark_changed();
    stream::unfold((shown, None), |(mut shown, last)| async move {
        shown.changed().await.ok()?;
        let update = Update::after(last, shown.borrow_and_update().clone());
        let revision = update.snapshot.revision;
        Some((update, (shown, Some(revision))))
    })
}

impl Update {
    fn after(last: Option<Revision>, snapshot: Snapshot) -> Self {
        let last = last.filter(|last| last.born == snapshot.revision.born);
        let missed = last.map_or(0, |last| snapshot.revision.number.saturating_sub(last.number + 1));
        Self { snapshot, missed }
    }
}

/// What one subscriber to many sessions has seen.
struct Watched {
    registry: Arc<Registry>,
    caller: Caller,
    filter: SessionFilter,
    /// The revision of each session's last state that was shown here.
    shown: HashMap<SessionId, Revision>,
}

impl Watched {
    /// The states that are news, oldest session first.
    fn all(&mut self) -> Vec<Update> {
        let mut present: Vec<Snapshot> = Vec::new();
        self.registry.for_each(|snapshot| {
            if self.caller.reaches(&snapshot.session.id) {
                present.push(snapshot.clone());
            }
        });
        let ids: HashSet<_> = present.iter().map(|snapshot| &snapshot.session.id).collect();
        self.shown.retain(|id, _| ids.contains(id));
        present.sort_by(|a, b| (a.session.created_at, &a.session.id).cmp(&(b.session.created_at, &b.session.id)));
        present.into_iter().filter_map(|snapshot| self.see(snapshot)).collect()
    }

    async fn next(&mut self, changes: &mut Receiver<SessionId>) -> Option<Vec<Update>> {
        match changes.recv().await {
            Ok(id) if !self.caller.reaches(&id) => Some(Vec::new()),
            Ok(id) => match self.registry.find(&id) {
                Some(handle) => Some(self.see(handle.look(Snapshot::clone)).into_iter().collect()),
                None => {
                    self.shown.remove(&id);
                    Some(Vec::new())
                }
            },
            Err(RecvError::Lagged(_)) => Some(self.all()),
            Err(RecvError::Closed) => None,
        }
    }

    fn see(&mut self, snapshot: Snapshot) -> Option<Update> {
        let last = self.shown.get(&snapshot.session.id).copied();
        let is_news = last.is_none_or(|last| last < snapshot.revision);
        let is_wanted = rules::matches(&self.filter, &snapshot);
        if !is_news || (!is_wanted && last.is_none()) {
            return None;
        }
        match is_wanted {
            true => self.shown.insert(snapshot.session.id.clone(), snapshot.revision),
            false => self.shown.remove(&snapshot.session.id),
        };
        Some(Update::after(last, snapshot))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use entity::timestamp::Timestamp;
    use entity::words::session::{DesiredState, PresenceOnConnect, SessionStatus, StatusReason};

    use super::*;
    use crate::account::DeviceProps;
    use crate::session::store::SessionRow;
    use crate::session::types::{Live, MediaFetching, Session};

    fn row(id: &str) -> SessionRow {
        let moment = Timestamp::from_millis(0);
        let live = Live {
            status: SessionStatus::Connecting,
            reason: StatusReason::Requested,
            since: moment,
            banned_until: None,
            desired: DesiredState::Online,
            next_retry_at: None,
            identity: None,
            push_name: None,
            qr: None,
            pair_code: None,
        };
        let session = Session {
            id: SessionId::parse(id).expect("an id"),
            name: None,
            phone_number: None,
            push_name: None,
            status: live.status,
            created_at: moment,
            updated_at: moment,
            last_connected_at: None,
            is_logged_in: false,
            metadata: BTreeMap::new(),
            presence_on_connect: PresenceOnConnect::Unavailable,
            send_rate: None,
            send_burst: None,
            media: MediaFetching::default(),
        };
        SessionRow { session, live, props: DeviceProps::default() }
    }

    fn watched(registry: Arc<Registry>) -> Watched {
        Watched { registry, caller: Caller::admin(), filter: SessionFilter::default(), shown: HashMap::new() }
    }

    #[test]
    fn who_is_too_slow_skips_to_the_newest_state_and_is_told_how_many_it_missed() {
        let registry = Arc::new(Registry::default());
        let handle = registry.add(&row("shop"));
        let mut watched = watched(registry);
        let first = watched.all();
        assert_eq!((first.len(), first[0].missed), (1, 0));
        for number in 1..=3 {
            let live = Live { since: Timestamp::from_millis(number * 1000), ..handle.present() };
            handle.publish(live, None);
        }
        let next = watched.all();
        assert_eq!((next.len(), next[0].missed, next[0].snapshot.live.since.seconds()), (1, 2, 3));
        assert!(watched.all().is_empty(), "nothing is shown twice");
    }

    #[test]
    fn a_new_session_with_the_id_of_an_old_one_is_news() {
        let registry = Arc::new(Registry::default());
        let handle = registry.add(&row("shop"));
        handle.publish(handle.present(), None);
        let mut watched = watched(Arc::clone(&registry));
        watched.all();
        registry.remove(handle.id());
        registry.add(&row("shop"));
        assert_eq!(watched.all().len(), 1);
    }
}
