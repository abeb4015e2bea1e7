//! Where the library's events go: those that change the session's state to its actor, what happened beside that to its place in
//! the order. Called in the library's tasks, in the order in which each of them tells; it never waits.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use entity::ids::SessionId;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;
use whatsapp_rust::Client;
use whatsapp_rust::types::events::{Event, EventHandler, EventInterest};

use crate::error::{Error, ErrorKind};
use crate::whatsapp::acks::Acks;
use crate::whatsapp::device_store::DeviceStore;
use crate::whatsapp::history::History;
use crate::whatsapp::order::Order;
use crate::whatsapp::owed_sync::OwedSyncs;
use crate::whatsapp::presence::Presence;
use crate::whatsapp::reading::message;
use crate::whatsapp::reading::party::Own;
use crate::whatsapp::reading::recipient::Recipients;
use crate::whatsapp::report::Item;
use crate::whatsapp::report::Report;
use crate::whatsapp::runtime::ClientRuntime;
use crate::whatsapp::signal::Signal;
use crate::whatsapp::{reading, translate};

/// Hands the library's events on: what changes the session's state as signals, and the rest in its order.
pub(super) struct Reporter {
    pub(super) signals: mpsc::Sender<Signal>,
    pub(super) order: Arc<Order<Item>>,
    pub(super) session: SessionId,
    pub(super) store: Arc<DeviceStore>,
    pub(super) recipients: Recipients,
    pub(super) client: Arc<OnceLock<Weak<Client>>>,
    pub(super) presence: Presence,
    pub(super) started: Instant,
    /// Milliseconds from `started` to the last stanza.
    pub(super) last_stanza: AtomicI64,
    pub(super) runtime: ClientRuntime,
    pub(super) owed_syncs: OwedSyncs,
    /// Who waits for answers to messages.
    pub(super) acks: Arc<Acks>,
    /// Reads what the phone tells of the time before.
    pub(super) history: History,
}

impl Reporter {
    /// The queue holds far more than a connection reports. Should it be full all the same, the actor is stuck, and a
    /// lost signal would be a lie about the state: the client is given up instead.
    pub(super) fn signal(&self, signal: Signal) {
        // An actor that does not listen any more is closing this client, and means to hear nothing of it.
        self.give_up_unless(!matches!(self.signals.try_send(signal), Err(TrySendError::Full(_))));
    }

    /// What is to be written gets its place in the order. The client is given up when it comes in faster than the database takes
    /// it.
    fn report(&self, client: &Arc<Client>, event: &Event) {
        let item = reading::body(event, &self.store, &self.recipients).map(|body| Item::from(Report::from(body)));
        match event {
            Event::RawNode(node) => {
                self.order.stanza(node);
                for report in reading::of_stanza(client, node.get()) {
                    self.give_up_unless(self.order.happened(report.into()));
                }
            }
            Event::OfflineSyncCompleted(_) => {
                self.give_up_unless(self.order.backlog_ended(item));
            }
            Event::UndecryptableMessage(message) => {
                if let Some(item) = item {
                    self.give_up_unless(self.order.became(&message.info.id, item));
                }
            }
            // Channels, and what the phone hands over later. The journal has the others: the library asked for that first.
            Event::Messages(batch) if !batch.hook_committed => {
                let own = Own::of(client);
                for inbound in batch.iter() {
                    if let Some(report) = message::read(&own, &self.session, inbound) {
                        self.give_up_unless(self.order.became(&inbound.info.id, report.into()));
                    }
                }
            }
            Event::HistorySync(part) => self.history.came(part),
            Event::AppStateSyncFailed(failed) => self.owed_syncs.skipped(&failed.skipped, client, &self.runtime),
            _ => {
                if let Some(item) = item {
                    self.give_up_unless(self.order.happened(item));
                }
            }
        }
    }

    fn give_up_unless(&self, is_taken: bool) {
        if !is_taken {
            self.store.give_up(&Error::new(ErrorKind::Unavailable, "more came in than could be written"));
        }
    }

    pub(super) fn saw_stanza(&self) {
        let millis = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.last_stanza.store(millis, Ordering::Relaxed);
    }

    pub(super) fn quiet_for(&self) -> Duration {
        let seen = u64::try_from(self.last_stanza.load(Ordering::Relaxed)).unwrap_or(0);
        self.started.elapsed().saturating_sub(Duration::from_millis(seen))
    }
}

/// The library takes its handlers by value.
pub(super) struct Handler(pub(super) Arc<Reporter>);

impl EventHandler for Handler {
    fn handle_event(&self, event: Arc<Event>) {
        if let Event::RawNode(node) = &*event {
            self.0.saw_stanza();
            self.0.acks.see(node.get());
            if node.tag() == "receipt" {
                self.0.recipients.note(node.get());
            }
            if node.tag() == "message"
                && let Some(id) = node.get().attrs().optional_string("id")
            {
                self.0.store.stanza(&id);
            }
        }
        let Some(client) = self.0.client.get().and_then(Weak::upgrade) else { return };
        self.0.presence.follow(&client, &event);
        if let Some(signal) = translate::signal(&client, &event) {
            self.0.signal(signal);
        }
        self.0.report(&client, &event);
    }

    fn interest(&self) -> EventInterest {
        // The library does not even build the others.
        EventInterest::of(&[translate::KINDS, reading::KINDS].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::db::Db;
    use crate::db::sqlite::Synchronous;
    use crate::event::journal::Journal;
    use crate::lifecycle::Lifecycle;

    #[tokio::test]
    async fn an_actor_that_is_stuck_costs_the_client_and_one_that_has_let_go_does_not() {
        let directory = tempfile::tempdir().expect("there is room");
        let path = directory.path().join("waypost.db");
        let db = Db::sqlite(&path, Synchronous::Normal).await.expect("a file");
        db.migrate().await.expect("tables");
        let journal = Journal::open(db.clone(), Clock::system(), &Lifecycle::new()).await.expect("a journal");
        let session = SessionId::parse("nobody").expect("it is one");
        let (signals, signalled) = mpsc::channel(1);
        let store = Arc::new(DeviceStore::new(db, journal.clone(), session.clone()));
        let order = Arc::new(Order::new());
        let runtime = ClientRuntime::new(Lifecycle::new(), Arc::clone(&order));
        let history = History { session: session.clone(), journal, runtime: runtime.clone() };
        let reporter = Reporter {
            signals,
            order,
            session,
            store: Arc::clone(&store),
            recipients: Recipients::default(),
            client: Arc::default(),
            presence: Presence::new(runtime.clone()),
            started: Instant::now(),
            last_stanza: AtomicI64::new(0),
            runtime,
            owed_syncs: OwedSyncs::default(),
            acks: Arc::default(),
            history,
        };
        reporter.signal(Signal::HandshakeDone);
        drop(signalled);
        reporter.signal(Signal::QrExhausted);
        assert!(!store.given_up().is_cancelled(), "nobody listens any more");
        let (signals, _signalled) = mpsc::channel(1);
        let reporter = Reporter { signals, ..reporter };
        reporter.signal(Signal::HandshakeDone);
        assert!(!store.given_up().is_cancelled());
        reporter.signal(Signal::QrExhausted);
        assert!(store.given_up().is_cancelled(), "a signal is lost");
    }
}
