//! What the server tells a group's author about many readers at once.

use std::sync::Arc;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use wacore_binary::Jid;
use wacore_binary::builder::NodeBuilder;

use crate::delivery::Class;
use crate::group_send::GroupSent;
use crate::inbox::Report;
use crate::phone::Phone;
use crate::stanza;
use crate::world::{State, World, now};

/// What members of a group have done with a message.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptKind {
    /// Their phones have it.
    Delivered,
    /// They have read it.
    Read,
    /// They have listened to it.
    Played,
}

/// Up to so many members are told of one by one; more come together in one stanza. WhatsApp does both, by rules that nobody has written
/// down.
const MOST_SINGLE: usize = 32;

impl State {
    /// Tells a sender's companions which members' phones have a message.
    pub(crate) fn report_arrivals(&mut self, world: &World, sent: &GroupSent, readers: &[Arc<str>]) {
        if readers.len() <= MOST_SINGLE {
            let report = Report { sender: Arc::clone(&sent.from.phone_number), address: sent.chat.clone() };
            for reader in readers {
                self.report_arrival(world, &report, reader, &sent.id);
            }
            return;
        }
        let accounts = readers.iter().filter_map(|reader| self.accounts.get(reader));
        let jids = accounts.map(|account| sent.addressing.jid(account)).collect();
        self.tell_together(world, &sent.from.phone_number, (&sent.chat, &sent.id), ReceiptKind::Delivered, jids);
    }

    fn tell_together(
        &mut self,
        world: &World,
        author: &str,
        (chat, message_id): (&Jid, &str),
        kind: ReceiptKind,
        readers: Vec<Jid>,
    ) {
        let user = |jid: Jid| NodeBuilder::new("user").attr("jid", jid).attr("t", now()).build();
        let users = readers.into_iter().map(user);
        let participants = NodeBuilder::new("participants").attr("key", message_id).children(users).build();
        let mut receipt = NodeBuilder::new("receipt").attr("id", world.next_id()).attr("from", chat).attr("t", now());
        receipt = match kind {
            ReceiptKind::Delivered => receipt,
            ReceiptKind::Read => receipt.attr("type", "read"),
            ReceiptKind::Played => receipt.attr("type", "played"),
        };
        let devices = self.companions(author);
        self.notify(&devices, Class::Receipt, &receipt.children([participants]).build(), world);
    }
}

impl Phone {
    /// Tells this account's companions in one stanza what several members of a group have done with a message of
    /// theirs. The message need not exist.
    ///
    /// # Errors
    /// There is no such group, or a reader is not in it.
    pub fn hear_from_group(&self, group: &str, message_id: &str, kind: ReceiptKind, readers: &[&str]) -> Result<()> {
        let mut state = self.world.state.lock();
        let jid = group.parse().with_context(|| format!("{group} is no address"))?;
        let found = state.group_of(&jid).with_context(|| format!("there is no group {group}"))?;
        let chat = stanza::group_jid(&found.id);
        let mut jids = Vec::with_capacity(readers.len());
        for reader in readers {
            let account = state.accounts.get(*reader).filter(|_| found.members.contains_key(*reader));
            jids.push(found.jid(account.with_context(|| format!("{reader} is not in the group"))?));
        }
        state.tell_together(&self.world, &self.phone_number, (&chat, message_id), kind, jids);
        Ok(())
    }
}
