//! Messages on their way in: the library hands them over before it acknowledges them to WhatsApp, and goes on once they are
//! brought to the journal, so that nobody in a busy chat waits for the disk because of the message before. No frame leaves, and
//! so no acknowledgement, before they are on the disk. Whatever ends in between, WhatsApp delivers them again; what could not
//! be written ends the client, because WhatsApp delivers again only at the next login.

use std::sync::Arc;

use async_trait::async_trait;
use entity::ids::SessionId;
use futures::TryFutureExt;
use whatsapp_rust::Client;
use whatsapp_rust::types::durability_hook::{InboundDurabilityHook, InboundMessage};

use crate::clock::Clock;
use crate::crash;
use crate::error::Result;
use crate::event::body::EventBody;
use crate::event::journal::{Entry, Journal};
use crate::whatsapp::Report;
use crate::whatsapp::device_store::DeviceStore;
use crate::whatsapp::reading::names::Names;
use crate::whatsapp::reading::{self, Own, message};
use crate::whatsapp::votes::Votes;

/// One session's way from the library to the journal.
pub(super) struct Inbox {
    pub(super) session: SessionId,
    pub(super) journal: Journal,
    pub(super) clock: Clock,
    pub(super) store: Arc<DeviceStore>,
    pub(super) names: Names,
    pub(super) votes: Votes,
}

impl Inbox {
    async fn record(&self, client: &Client, batch: &[InboundMessage]) -> Result<()> {
        let own = Own::of(client);
        let mut events = Vec::with_capacity(batch.len());
        for inbound in batch {
            if let Some(mut report) = message::read(&own, &self.session, inbound) {
                reading::complete(client, &mut report.body).await;
                self.votes.see(&self.session, &self.store, &mut report).await?;
                if let EventBody::Message(message) = &report.body
                    && let Some(update) = self.names.learn(message)
                {
                    let renamed = Report::from(EventBody::PushNameUpdate(update));
                    events.push(renamed.draft(self.session.clone(), self.clock.now())?);
                }
                events.push(report.draft(self.session.clone(), self.clock.now())?);
            }
        }
        match events.is_empty() {
            true => Ok(()),
            false => {
                let (rows, failed) = (Some(self.store.unless_given_up()), Some(self.store.giving_up()));
                let (ticket, written) = self.journal.bring(Entry { events, rows, failed, ..Entry::default() }).await?;
                for info in batch.iter().map(|inbound| &inbound.info) {
                    let (chat, sender) = (info.source.chat.to_string(), info.source.sender.to_string());
                    self.store.handed_over(&chat, &sender, &info.id, ticket);
                }
                self.store.brought(ticket, written.inspect_ok(|()| crash::point("after_commit")));
                Ok(())
            }
        }
    }
}

#[async_trait]
impl InboundDurabilityHook for Inbox {
    async fn on_messages(&self, client: Arc<Client>, batch: &[InboundMessage]) -> anyhow::Result<()> {
        self.record(&client, batch).await.inspect_err(|error| self.store.give_up(error))?;
        Ok(())
    }
}
