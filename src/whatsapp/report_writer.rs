//! Submits what happened on a session to the journal, in the order in which WhatsApp sent it. One task for each client, which
//! ends when the client is closed and everything is submitted.
//!
//! A message that cannot be written ends the client, and WhatsApp sends it again. WhatsApp may count anything else as
//! acknowledged: it goes to the session's actor, which writes it, late, as soon as that works.

use std::sync::{Arc, OnceLock, Weak};

use entity::ids::SessionId;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, TryFutureExt};
use metrics::counter;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tracing::error;
use whatsapp_rust::Client;
use whatsapp_rust::lid_pn_cache::LearningSource;
use whatsapp_rust::wacore::runtime::Runtime as _;

use crate::clock::Clock;
use crate::crash;
use crate::db::Db;
use crate::error::Error;
use crate::event::body::EventBody;
use crate::event::entry::{JournalEntry, NewEvent};
use crate::event::journal::Journal;
use crate::whatsapp::device_store::DeviceStore;
use crate::whatsapp::device_store::unflushed::HeldMessage;
use crate::whatsapp::order::Order;
use crate::whatsapp::reading::people::{Pair, People};
use crate::whatsapp::report::{Item, Report};
use crate::whatsapp::runtime::ClientRuntime;
use crate::whatsapp::timers::Timers;
use crate::whatsapp::votes::Votes;

/// Reports that are taken from the order at once, at most.
const TOGETHER: usize = 256;

/// One client's way from the order to the journal.
pub(super) struct ReportWriter {
    pub(super) session: SessionId,
    pub(super) journal: Journal,
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) store: Arc<DeviceStore>,
    pub(super) order: Arc<Order<Item>>,
    pub(super) client: Arc<OnceLock<Weak<Client>>>,
    pub(super) runtime: ClientRuntime,
    pub(super) people: People,
    pub(super) votes: Votes,
    pub(super) timers: Timers,
    /// The way to the actor.
    pub(super) unwritten: mpsc::Sender<Report>,
}

/// Ends when a report is written. Gives it back if it could not be.
type Writing = FuturesUnordered<BoxFuture<'static, Option<Report>>>;

/// Messages that are submitted in one entry: the journal knows one that comes again.
#[derive(Default)]
struct Messages {
    new_events: Vec<NewEvent>,
    held: Vec<HeldMessage>,
}

impl ReportWriter {
    pub(super) async fn run(self) {
        // Whatever ends this: nobody may wait for what is not submitted any more.
        let _close = Closing(&self);
        let mut writing = Writing::new();
        loop {
            tokio::select! {
                items = self.order.ready(TOGETHER) => match items {
                    // Boxed: what it needs would otherwise be part of every idle session's task.
                    Some(items) => self.submit_all(items, &mut writing).boxed().await,
                    None => break,
                },
                Some(unwritten) = writing.next(), if !writing.is_empty() => self.pass_on(unwritten),
            }
        }
        while let Some(unwritten) = writing.next().await {
            self.pass_on(unwritten);
        }
    }

    async fn submit_all(&self, items: Vec<Item>, writing: &mut Writing) {
        let mut messages = Messages::default();
        for item in items {
            let (new_events, report, held) = self.read(item).await;
            match held {
                Some(held) => {
                    messages.new_events.extend(new_events);
                    messages.held.push(held);
                }
                None => {
                    self.submit_messages(std::mem::take(&mut messages)).await;
                    self.submit(new_events, report, writing).await;
                }
            }
        }
        self.submit_messages(messages).await;
    }

    /// What is to be written of an item, and what it was.
    async fn read(&self, item: Item) -> (Vec<NewEvent>, Report, Option<HeldMessage>) {
        let Item { mut report, held } = item;
        let client = self.client.get().and_then(Weak::upgrade);
        self.people.recall(&self.db, &self.session, &report.body, self.clock.now()).await;
        let learnt = self.people.complete(client.as_deref(), &mut report.body).await;
        if let Some(client) = client.filter(|_| !learnt.pairs.is_empty()) {
            self.keep(client, learnt.pairs);
        }
        if let Err(error) = self.votes.see(&self.session, &self.store, &mut report).await {
            // Before the message is let go, so that no frame acknowledges it.
            self.store.give_up(&error);
            return (Vec::new(), report, held);
        }
        let renamed = learnt.renamed.map(|renamed| Report::from(EventBody::PushNameUpdate(renamed)));
        self.timers.sift(&mut report);
        // A timer is written beside its event, whether or not anybody wants that.
        let is_needed = held.is_some() || report.timer.is_some();
        let is_wanted = is_needed || self.journal.demand().is_wanted(&self.session, report.body.event_type());
        let told = renamed.iter().chain(Some(&report).filter(|_| is_wanted));
        let new_events = told.map(|report| report.new_event(self.session.clone(), self.clock.now()));
        let new_events = new_events.collect::<Result<_, Error>>().unwrap_or_else(|error| {
            self.store.give_up(&error);
            Vec::new()
        });
        (new_events, report, held)
    }

    /// Lets the library keep pairs, in a task of its own: it moves the keys of these people along, and waits for messages under
    /// way before it does.
    fn keep(&self, client: Arc<Client>, pairs: Vec<Pair>) {
        self.runtime.spawn_detached(Box::pin(async move {
            let _ = client.add_lid_pn_mappings(pairs, LearningSource::Other).await; // A failed store ends the client.
        }));
    }

    async fn submit_messages(&self, Messages { new_events, held }: Messages) {
        if held.is_empty() {
            return;
        }
        let (rows, failed) = (Some(self.store.unless_given_up()), Some(self.store.giving_up()));
        match self
            .journal
            .submit(JournalEntry { events: new_events, rows, failed, can_wait: true, ..JournalEntry::default() })
            .await
        {
            Ok((entry_number, written)) => {
                held.iter().for_each(|held| self.store.handed_over(held, entry_number));
                // Before they are let go, so that a frame waits for either.
                self.store.submitted(entry_number, written.inspect_ok(|()| crash::point("after_commit")));
            }
            Err(error) => self.store.give_up(&error),
        }
    }

    /// By itself: of several of which some were written, nobody would know which are to be written again.
    async fn submit(&self, new_events: Vec<NewEvent>, report: Report, writing: &mut Writing) {
        if new_events.is_empty() {
            return;
        }
        match self.journal.submit(JournalEntry { events: new_events, can_wait: true, ..JournalEntry::default() }).await
        {
            Ok((_, written)) => {
                writing.push(written.map(|outcome| outcome.err().map(|_| report)).boxed());
            }
            // The journal closes behind the sessions: this one had its time.
            Err(error) => self.leave_out(&report, &error.to_string()),
        }
    }

    /// Gives the actor what could not be written, if anything.
    fn pass_on(&self, unwritten: Option<Report>) {
        let Some(report) = unwritten else { return };
        // Closed: the session has ended, and nobody asks any more.
        if let Err(TrySendError::Full(report)) = self.unwritten.try_send(report) {
            self.leave_out(&report, "too many wait for the database");
        }
    }

    fn leave_out(&self, report: &Report, why: &str) {
        let (id, event_type) = (&self.session, report.body.event_type());
        counter!("waypost_set_aside_total", "what" => "event").increment(1);
        error!(session.id = %id, event.type = %event_type, "an event of session {id} is left out: {why}");
    }
}

/// Says that nothing is submitted any more.
struct Closing<'a>(&'a ReportWriter);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.order.close();
        let rest = self.0.order.rest();
        if !rest.is_empty() {
            // Before it is let go: no frame may acknowledge a message of it.
            self.0.store.give_up(&Error::internal("reports were left behind"));
        }
    }
}
