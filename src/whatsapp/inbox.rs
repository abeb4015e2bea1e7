//! Messages on their way in. The library hands them over before it acknowledges them to WhatsApp, and goes on as soon as they
//! have their position in the order of events, so that a busy chat does not wait for the disk once per message. No frame leaves
//! before they are on the disk, and so no acknowledgement does. Whatever ends in between, WhatsApp delivers them again. A
//! message that could not be written ends the client, because WhatsApp delivers again only at the next login.

use std::sync::Arc;

use anyhow::ensure;
use async_trait::async_trait;
use entity::ids::SessionId;
use whatsapp_rust::Client;
use whatsapp_rust::types::durability_hook::{InboundDurabilityHook, InboundMessage};

use crate::whatsapp::device_store::DeviceStore;
use crate::whatsapp::order::Order;
use crate::whatsapp::reading::message;
use crate::whatsapp::reading::party::Own;
use crate::whatsapp::report::Item;

/// One session's way from the library to the order.
pub(super) struct Inbox {
    pub(super) session: SessionId,
    pub(super) store: Arc<DeviceStore>,
    pub(super) order: Arc<Order<Item>>,
}

impl Inbox {
    fn item(&self, own: &Own, inbound: &InboundMessage) -> Option<Item> {
        let report = message::read(own, &self.session, inbound)?;
        let source = &inbound.info.source;
        let held = self.store.hold(&source.chat.to_string(), &source.sender.to_string(), &inbound.info.id);
        Some(Item { report, held: Some(held) })
    }
}

#[async_trait]
impl InboundDurabilityHook for Inbox {
    async fn on_messages(&self, client: Arc<Client>, batch: &[InboundMessage]) -> anyhow::Result<()> {
        let own = Own::of(&client);
        let bundle = batch.iter().map(|inbound| (inbound.info.id.clone(), self.item(&own, inbound))).collect();
        ensure!(self.order.messages(bundle).await, "the client is closed");
        ensure!(!self.store.given_up().is_cancelled(), "the client was given up");
        Ok(())
    }
}
