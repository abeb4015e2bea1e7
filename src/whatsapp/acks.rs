//! WhatsApp's answers to messages, handed to whoever waits for them. They come as stanzas of their own, with the message's id.

use std::collections::HashMap;

use entity::timestamp::Timestamp;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use whatsapp_rust::wacore_binary::NodeRef;

/// What WhatsApp says about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ack {
    /// It took the message.
    Taken {
        /// When, by its clock. None when only what happened later shows that it did.
        at: Option<Timestamp>,
        /// Its hash of the devices that the message is for. None where it tells none.
        phash: Option<String>,
    },
    /// It refused the message with this code.
    Refused {
        /// WhatsApp's code.
        code: i32,
    },
}

/// Who waits for answers.
#[derive(Debug, Default)]
pub(super) struct Acks(Mutex<HashMap<String, oneshot::Sender<Ack>>>);

impl Acks {
    /// The answer to the message with this id, once it comes. Whoever asks for the same again takes the place of the one before.
    pub(super) fn expect(&self, message_id: &str) -> oneshot::Receiver<Ack> {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.0.lock();
        // Nobody says that they do not wait any more.
        waiting.retain(|_, answer| !answer.is_closed());
        waiting.insert(message_id.to_owned(), answer);
        answered
    }

    /// Whether somebody waits for the answer to the message with this id.
    pub(super) fn is_expected(&self, message_id: &str) -> bool {
        self.0.lock().get(message_id).is_some_and(|answer| !answer.is_closed())
    }

    /// Looks whether a stanza answers a message, or shows that WhatsApp took it: a device that cannot open it has it.
    pub(super) fn see(&self, stanza: &NodeRef<'_>) {
        let mut attrs = stanza.attrs();
        let kind = attrs.optional_string("type");
        let ack = match &*stanza.tag {
            "ack" if attrs.optional_string("class").as_deref() == Some("message") => {
                match attrs.optional_string("error") {
                    Some(code) => Ack::Refused { code: code.parse().unwrap_or(0) },
                    None => Ack::Taken {
                        at: moment(attrs.optional_string("t").as_deref()),
                        phash: attrs.optional_string("phash").map(|phash| phash.to_string()),
                    },
                }
            }
            "receipt" if kind.as_deref() == Some("retry") => Ack::Taken { at: None, phash: None },
            _ => return,
        };
        let Some(id) = attrs.optional_string("id") else { return };
        let waiting = self.0.lock().remove(&*id);
        if let Some(waiting) = waiting {
            let _ = waiting.send(ack); // Whoever waited may have gone.
        }
    }
}

fn moment(seconds: Option<&str>) -> Option<Timestamp> {
    Some(Timestamp::from_millis(seconds?.parse::<i64>().ok()?.saturating_mul(1000)))
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::wacore_binary::builder::NodeBuilder;

    use super::*;

    fn ack(id: &str) -> NodeBuilder {
        NodeBuilder::new("ack").attr("class", "message").attr("from", "15550100077@s.whatsapp.net").attr("id", id)
    }

    #[test]
    fn an_answer_reaches_who_waits_for_this_message_and_nobody_else() {
        let acks = Acks::default();
        let (mut one, mut other, mut third) = (acks.expect("A"), acks.expect("B"), acks.expect("C"));
        acks.see(&ack("A").attr("t", "1767143264").attr("phash", "2:tea").build().as_node_ref());
        acks.see(&ack("B").attr("t", "1767143264").attr("error", "463").build().as_node_ref());
        acks.see(&ack("X").build().as_node_ref());
        let of_receipt = NodeBuilder::new("ack").attr("class", "receipt").attr("id", "C").build();
        acks.see(&of_receipt.as_node_ref());
        let (at, phash) = (Some(Timestamp::from_millis(1_767_143_264_000)), Some("2:tea".to_owned()));
        assert_eq!(one.try_recv(), Ok(Ack::Taken { at, phash }));
        assert_eq!(other.try_recv(), Ok(Ack::Refused { code: 463 }));
        assert!(third.try_recv().is_err(), "an ack of a receipt answers no message");
        acks.see(&NodeBuilder::new("receipt").attr("type", "retry").attr("id", "C").build().as_node_ref());
        assert_eq!(third.try_recv(), Ok(Ack::Taken { at: None, phash: None }));
    }

    #[test]
    fn nobody_waits_for_ever_in_memory() {
        let acks = Acks::default();
        for number in 0..100 {
            drop(acks.expect(&number.to_string()));
        }
        assert_eq!(acks.0.lock().len(), 1);
        assert!(!acks.is_expected("99"));
        let _waiting = acks.expect("99");
        assert!(acks.is_expected("99") && !acks.is_expected("98"));
    }
}
