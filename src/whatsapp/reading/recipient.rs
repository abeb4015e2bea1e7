//! In whose chat the account itself read something, on another device. The receipt's stanza says it, and the library's event does
//! not: there the chat is the account itself.

use std::collections::VecDeque;

use parking_lot::Mutex;
use whatsapp_rust::Jid;
use whatsapp_rust::types::events::Receipt;
use whatsapp_rust::wacore_binary::NodeRef;

/// Receipts whose event has not come yet. It comes behind its stanza, before the next one.
const MOST: usize = 64;

/// The chats that stanzas of receipts named, by the receipts' ids.
#[derive(Default)]
pub(in crate::whatsapp) struct Recipients(Mutex<VecDeque<(String, Chat)>>);

struct Chat {
    jid: Jid,
    phone: Option<Jid>,
}

impl Recipients {
    /// Takes note of a receipt's stanza.
    pub(in crate::whatsapp) fn note(&self, receipt: &NodeRef<'_>) {
        let mut attrs = receipt.attrs();
        let Some(id) = attrs.optional_string("id").map(|id| id.to_string()) else { return };
        let Some(jid) = attrs.optional_jid("recipient") else { return };
        let phone = attrs.optional_jid("peer_recipient_pn");
        let mut noted = self.0.lock();
        if noted.len() == MOST {
            noted.pop_front();
        }
        noted.push_back((id, Chat { jid, phone }));
    }

    /// Puts the chat into its receipt.
    pub(in crate::whatsapp) fn put(&self, receipt: &mut Receipt) {
        let mut noted = self.0.lock();
        let found = noted.iter().rposition(|(id, _)| receipt.message_ids.contains(id));
        if let Some((_, chat)) = found.and_then(|index| noted.remove(index)) {
            receipt.source.is_from_me = true;
            receipt.source.chat = chat.jid.to_non_ad();
            receipt.source.recipient_alt = chat.phone;
        }
    }
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::types::message::MessageSource;
    use whatsapp_rust::types::presence::ReceiptType;
    use whatsapp_rust::wacore_binary::builder::NodeBuilder;

    use super::*;
    use crate::event::body::EventBody;
    use crate::whatsapp::reading::chat;
    use whatsapp_rust::types::events::Event;

    fn receipt(id: &str) -> Receipt {
        let own: Jid = "15550100001@s.whatsapp.net".parse().expect("it is a JID");
        Receipt::builder()
            .message_ids(vec!["M0".to_owned(), id.to_owned()])
            .source(MessageSource { chat: own.clone(), sender: own, ..Default::default() })
            .timestamp(Default::default())
            .r#type(ReceiptType::ReadSelf)
            .offline(false)
            .build()
    }

    #[test]
    fn what_the_account_read_on_its_phone_is_in_the_chat_that_the_stanza_names() {
        let recipients = Recipients::default();
        let stanza = NodeBuilder::new("receipt")
            .attr("from", "15550100001@s.whatsapp.net")
            .attr("recipient", "100000000000077@lid")
            .attr("peer_recipient_pn", "15550100077@s.whatsapp.net")
            .attr("type", "read-self")
            .attr("id", "M1")
            .build();
        recipients.note(&stanza.as_node_ref());
        for (id, chat, phone) in
            [("M2", "15550100001@s.whatsapp.net", "15550100001"), ("M1", "100000000000077@lid", "15550100077")]
        {
            let mut receipt = receipt(id);
            recipients.put(&mut receipt);
            let Some(EventBody::Receipt(read)) = chat::body(&Event::Receipt(receipt)) else { panic!("it is news") };
            assert_eq!(read.chat, chat);
            assert_eq!(read.partner.and_then(|partner| partner.phone_number).as_deref(), Some(phone));
        }
    }

    #[test]
    fn no_more_is_noted_than_there_can_be() {
        let recipients = Recipients::default();
        for number in 0..=MOST {
            let stanza = NodeBuilder::new("receipt").attr("id", number.to_string()).attr("recipient", "1@lid").build();
            recipients.note(&stanza.as_node_ref());
        }
        assert_eq!(recipients.0.lock().len(), MOST);
    }
}
