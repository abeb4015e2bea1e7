//! What the server tells a group's author about many readers at once.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use wacore_binary::builder::NodeBuilder;

use crate::delivery::Class;
use crate::phone::Phone;
use crate::stanza;
use crate::world::now;

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
        let mut users = Vec::with_capacity(readers.len());
        for reader in readers {
            let account = state.accounts.get(*reader).filter(|_| found.members.contains_key(*reader));
            let account = account.with_context(|| format!("{reader} is not in the group"))?;
            users.push(NodeBuilder::new("user").attr("jid", found.jid(account)).attr("t", now()).build());
        }
        let participants = NodeBuilder::new("participants").attr("key", message_id).children(users).build();
        let mut receipt = NodeBuilder::new("receipt")
            .attr("id", self.world.next_id())
            .attr("from", stanza::group_jid(&found.id))
            .attr("t", now());
        receipt = match kind {
            ReceiptKind::Delivered => receipt,
            ReceiptKind::Read => receipt.attr("type", "read"),
            ReceiptKind::Played => receipt.attr("type", "played"),
        };
        let devices = state.companions(&self.phone_number);
        state.notify(&devices, Class::Receipt, &receipt.children([participants]).build(), &self.world);
        Ok(())
    }
}
