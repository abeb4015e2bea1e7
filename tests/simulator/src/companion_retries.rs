//! Companions that cannot read what another companion wrote: the server hands their request to the one that wrote it, and the answer back.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, Server};

use crate::delivery::{Class, Delivery};
use crate::link::DeviceKey;
use crate::stanza;
use crate::world::{State, World, now};

impl State {
    /// Hands a request to the companion that it is for.
    pub(crate) fn hand_on_request(&mut self, world: &World, reader: &DeviceKey, receipt: &Node) {
        let Some(to) = stanza::jid(receipt, "to") else { return };
        let author = stanza::jid(receipt, "participant").unwrap_or_else(|| to.clone());
        let Some(target) = self.device_key(&author).filter(|target| target.device != 0) else { return };
        let Some(account) = self.accounts.get(&reader.phone_number) else { return };
        let mut request = NodeBuilder::new("receipt")
            .attr("id", stanza::attr_or_empty(receipt, "id"))
            .attr("type", stanza::attr_or_empty(receipt, "type"))
            .attr("t", now());
        request = match (self.participant_in(&to, account), to.server) {
            (Some([(participant, jid), (other, other_jid)]), _) => request
                .attr("from", &to)
                .attr(participant, jid.with_device(reader.device))
                .attr(other, other_jid.with_device(reader.device)),
            (None, Server::Lid) => request.attr("from", stanza::lid_jid(&account.lid).with_device(reader.device)),
            (None, _) => request.attr("from", stanza::phone_jid(&account.phone_number).with_device(reader.device)),
        };
        if let Some(chat) = stanza::jid(receipt, "recipient") {
            request = request.attr("recipient", chat);
        }
        let request = request.children(stanza::children(receipt).iter().cloned()).build();
        self.enqueue(&target, Delivery::notice(Class::Receipt, request), world);
    }
}
