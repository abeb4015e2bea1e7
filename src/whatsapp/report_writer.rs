//! Brings what happened on a session to the journal, in the order in which WhatsApp sent it. One task for each client, which
//! ends when the client is closed and everything is brought.
//!
//! A message that cannot be written ends the client, and WhatsApp brings it again. Anything else WhatsApp may think acknowledged:
//! it goes to the session's actor, which writes it as soon as that works. It comes late then.

use std::sync::{Arc, OnceLock, Weak};

use entity::ids::SessionId;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, TryFutureExt};
use tokio::sync::mpsc;
use whatsapp_rust::Client;
use whatsapp_rust::lid_pn_cache::LearningSource;
use whatsapp_rust::wacore::runtime::Runtime as _;

use crate::clock::Clock;
use crate::crash;
use crate::error::Error;
use crate::event::body::EventBody;
use crate::event::journal::{Draft, Entry, Journal};
use crate::whatsapp::Report;
use crate::whatsapp::device_store::DeviceStore;
use crate::whatsapp::device_store::brought::Held;
use crate::whatsapp::order::Order;
use crate::whatsapp::reading::people::{Pair, People};
use crate::whatsapp::runtime::ClientRuntime;
use crate::whatsapp::votes::Votes;

/// Reports that are brought in one entry, at most.
const TOGETHER: usize = 256;

/// Something to be written when its turn has come.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) report: Report,
    /// For messages that WhatsApp brings again until they are acknowledged: no frame leaves before this one is brought.
    pub(super) held: Option<Held>,
}

impl From<Report> for Item {
    fn from(report: Report) -> Self {
        Self { report, held: None }
    }
}

/// One client's way from the order to the journal.
pub(super) struct ReportWriter {
    pub(super) session: SessionId,
    pub(super) journal: Journal,
    pub(super) clock: Clock,
    pub(super) store: Arc<DeviceStore>,
    pub(super) order: Arc<Order<Item>>,
    pub(super) client: Arc<OnceLock<Weak<Client>>>,
    pub(super) runtime: ClientRuntime,
    pub(super) people: People,
    pub(super) votes: Votes,
    /// The way to the actor.
    pub(super) unwritten: mpsc::Sender<Report>,
}

/// Ends when a report is written. Gives it back if it could not be.
type Writing = FuturesUnordered<BoxFuture<'static, Vec<Report>>>;

/// What is brought in one entry: either messages, or anything else.
#[derive(Default)]
struct Batch {
    drafts: Vec<Draft>,
    held: Vec<Held>,
    reports: Vec<Report>,
}

impl ReportWriter {
    pub(super) async fn run(self) {
        // Whatever ends this: nobody is to wait for what is not brought any more.
        let _close = Closing(&self);
        let mut writing = Writing::new();
        loop {
            tokio::select! {
                items = self.order.ready(TOGETHER) => match items {
                    // Boxed: what it needs would otherwise be part of every idle session's task.
                    Some(items) => self.bring_all(items, &mut writing).boxed().await,
                    None => break,
                },
                Some(unwritten) = writing.next(), if !writing.is_empty() => self.pass_on(unwritten),
            }
        }
        while let Some(unwritten) = writing.next().await {
            self.pass_on(unwritten);
        }
    }

    async fn bring_all(&self, items: Vec<Item>, writing: &mut Writing) {
        let mut batch = Batch::default();
        for item in items {
            let is_of_another_kind = item.held.is_some() == batch.held.is_empty();
            if is_of_another_kind && !batch.drafts.is_empty() {
                self.bring(std::mem::take(&mut batch), writing).await;
            }
            self.add(item, &mut batch).await;
        }
        if !batch.drafts.is_empty() {
            self.bring(batch, writing).await;
        }
    }

    async fn add(&self, item: Item, batch: &mut Batch) {
        let Item { mut report, held } = item;
        let client = self.client.get().and_then(Weak::upgrade);
        let learnt = self.people.complete(client.as_deref(), &mut report.body).await;
        if let Some(client) = client.filter(|_| !learnt.pairs.is_empty()) {
            self.keep(client, learnt.pairs);
        }
        if let Err(error) = self.votes.see(&self.session, &self.store, &mut report).await {
            // Before the message is let go, so that no frame acknowledges it.
            return self.store.give_up(&error);
        }
        let renamed = learnt.renamed.map(|renamed| Report::from(EventBody::PushNameUpdate(renamed)));
        let is_wanted = held.is_some() || self.journal.interest().has(&self.session, report.body.event_type());
        let told: Vec<_> = renamed.iter().chain(Some(&report).filter(|_| is_wanted)).collect();
        match told.into_iter().map(|report| report.draft(self.session.clone(), self.clock.now())).collect() {
            Ok::<Vec<_>, Error>(drafts) => batch.drafts.extend(drafts),
            Err(error) => self.store.give_up(&error),
        }
        match held {
            Some(held) => batch.held.push(held),
            None if is_wanted => batch.reports.push(report),
            None => {}
        }
    }

    /// Lets the library keep pairs, in a task of its own: it moves the keys of these people along, and waits for messages under
    /// way before it does.
    fn keep(&self, client: Arc<Client>, pairs: Vec<Pair>) {
        self.runtime.spawn_detached(Box::pin(async move {
            let _ = client.add_lid_pn_mappings(pairs, LearningSource::Other).await; // A failed store ends the client.
        }));
    }

    async fn bring(&self, batch: Batch, writing: &mut Writing) {
        let Batch { drafts, held, reports } = batch;
        match held.is_empty() {
            true => match self.journal.bring(Entry { events: drafts, ..Entry::default() }).await {
                Ok((_, written)) => {
                    writing.push(written.map(|outcome| if outcome.is_ok() { Vec::new() } else { reports }).boxed())
                }
                Err(_) => self.pass_on(reports), // The server is shutting down.
            },
            false => {
                let (rows, failed) = (Some(self.store.unless_given_up()), Some(self.store.giving_up()));
                match self.journal.bring(Entry { events: drafts, rows, failed, ..Entry::default() }).await {
                    Ok((ticket, written)) => {
                        held.iter().for_each(|held| self.store.handed_over(held, ticket));
                        // Before they are let go, so that a frame waits for either.
                        self.store.brought(ticket, written.inspect_ok(|()| crash::point("after_commit")));
                    }
                    Err(error) => self.store.give_up(&error),
                }
            }
        }
    }

    fn pass_on(&self, unwritten: Vec<Report>) {
        for report in unwritten {
            // Full: the actor has more than it keeps. Closed: the session has ended.
            let _ = self.unwritten.try_send(report);
        }
    }
}

/// Says that nothing is brought any more.
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
