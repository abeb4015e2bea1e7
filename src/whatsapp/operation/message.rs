//! Messages that are sent. All of them leave through one function, as they were written down: with their own id and secret, so that
//! the same message is the same whenever and however often it is sent.

use std::sync::Arc;
use std::time::Duration;

use entity::words::outgoing::FailureCode;
use futures::FutureExt as _;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use whatsapp_rust::send::{SendError, SendOptions};
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::waproto::codec::message_decode;
use whatsapp_rust::{ClientError, ErrorChainExt as _, IqError, Jid, NodeFilter, ServerRejection};

use crate::whatsapp::acks::Ack;
use crate::whatsapp::client::{Client, Interrupted, InterruptionReason, OperationKind};
use crate::whatsapp::operation::{RATE_LIMITED, backoff, pause};
use crate::whatsapp::reading::party::Own;

/// A message is given to the socket within 75 s: after a login the library lets direct messages wait for up to 60 s, until what came
/// meanwhile is read.
const SEND: OperationKind = OperationKind { name: "send_message", limit: Duration::from_secs(75) };

/// A message as it is given to WhatsApp.
#[derive(Clone)]
pub struct OutgoingMessage {
    /// Its id.
    pub message_id: String,
    /// JID of the account that sends it: no other may.
    pub sender: String,
    /// JID to which it goes.
    pub recipient: String,
    /// The protobuf.
    pub content: Vec<u8>,
}

/// A message that the socket took: that says nothing of WhatsApp.
#[derive(Debug)]
pub struct Given {
    /// WhatsApp's answer, once it comes. Closed when the connection ends before.
    pub ack: oneshot::Receiver<Ack>,
    /// Whether a copy for a device of the recipient was among what was sent. The library sends a message "successfully" that it could
    /// encrypt for nobody else than the account's own devices (wrs#1299).
    pub has_recipient: bool,
}

/// Why a message was not given to WhatsApp, or may not have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotGiven {
    /// Nothing was sent: the connection was gone before.
    Offline,
    /// Nothing was sent, and nothing is to be for a while: WhatsApp was asked too often.
    RateLimited(Duration),
    /// Nothing was sent: the message could not be made. Another try may succeed, and other recipients are not concerned.
    Prevented(Obstacle),
    /// Nothing was sent, and nothing ever will be.
    Refused(FailureCode),
    /// It may have been sent.
    Unknown,
}

/// What keeps a message from being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// WhatsApp knows no devices of the recipient, or has no keys for them. The library forgets which devices there are, so that the next
    /// try finds those that there are now.
    NoKeys,
    /// WhatsApp did not answer about the recipient, the library could not encrypt, or the ratchets could not be written.
    Other,
}

impl Client {
    /// Gives a message to WhatsApp.
    pub async fn send(&self, outgoing: &OutgoingMessage) -> Result<Given, NotGiven> {
        let message = message_decode(&outgoing.content).map_err(|_| NotGiven::Refused(FailureCode::InvalidMessage))?;
        let recipient: Jid = outgoing.recipient.parse().map_err(|_| NotGiven::Refused(FailureCode::InvalidMessage))?;
        let ack = self.acks().expect(&outgoing.message_id);
        let options = SendOptions::default().with_message_id(&outgoing.message_id);
        let filter = NodeFilter::tag("message").attr("id", &outgoing.message_id);
        let sender = outgoing.sender.clone();
        // Outside of the operation, which is dropped when its connection ends.
        let waiting = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&waiting);
        let given = self.run(&SEND, |library| async move {
            if library.pn().is_some_and(|own| own.to_non_ad_string() != sender) {
                return Err(NotGiven::Refused(FailureCode::AccountChanged));
            }
            *noted.lock() = Some(library.wait_for_sent_node(filter));
            let sent = library.send_message_with_options(recipient, message, options).await;
            sent.map(|_| Own::of(&library)).map_err(|error| not_given(&error))
        });
        let given = given.await;
        // The library tells of a stanza right before it is encrypted for the socket. Before that it asks WhatsApp for keys, and lets
        // messages wait for what came while the session was away: if it has told of none, nothing was sent.
        let stanza = waiting.lock().take().and_then(|stanza| stanza.now_or_never()).and_then(Result::ok);
        match (given, stanza) {
            (Ok(Ok(own)), Some(stanza)) => Ok(Given { ack, has_recipient: has_recipient(&stanza, &own) }),
            (Ok(Ok(_)), None) => Ok(Given { ack, has_recipient: true }),
            (Ok(Err(NotGiven::Unknown)), None) => Err(NotGiven::Prevented(Obstacle::Other)),
            (Ok(Err(not_given)), _) => Err(not_given),
            // The connection is there, and yet the message was not made in all that time.
            (Err(Interrupted { has_begun: true, why: InterruptionReason::Late }), None) => {
                Err(NotGiven::Prevented(Obstacle::Other))
            }
            (Err(Interrupted { has_begun: false, .. }), _) | (Err(_), None) => Err(NotGiven::Offline),
            (Err(Interrupted { has_begun: true, .. }), Some(_)) => Err(NotGiven::Unknown),
        }
    }
}

/// Whether one of the copies in a stanza is for somebody else than the account itself.
fn has_recipient(stanza: &Node, own: &Own) -> bool {
    let copies = stanza.get_optional_child("participants").and_then(Node::children).unwrap_or_default();
    let recipients = copies.iter().filter_map(|copy| copy.attrs().optional_jid("jid"));
    recipients.into_iter().any(|jid| !own.is(&jid))
}

/// What the library's error says about whether a message was sent.
fn not_given(error: &SendError) -> NotGiven {
    match error {
        SendError::NotLoggedIn | SendError::Client(ClientError::NotConnected | ClientError::NotLoggedIn) => {
            NotGiven::Offline
        }
        SendError::InvalidRequest(_) => NotGiven::Refused(FailureCode::InvalidMessage),
        // A question that comes before the message: it was not sent.
        SendError::Iq(error) | SendError::Client(ClientError::Iq(error)) => match (backoff(error), error) {
            (Some(wait), _) => NotGiven::RateLimited(wait),
            (None, IqError::ServerError { code: 404 | 406, .. }) => NotGiven::Prevented(Obstacle::NoKeys),
            (
                None,
                IqError::NotConnected
                | IqError::Socket(_)
                | IqError::EncryptSend(_)
                | IqError::ClientState(_)
                | IqError::Disconnected(_)
                | IqError::InternalChannelClosed,
            ) => NotGiven::Offline,
            (None, _) => NotGiven::Prevented(Obstacle::Other),
        },
        // The same question, asked where the library does not tell its kinds of failures apart.
        SendError::Internal(cause) => {
            let cause: &(dyn std::error::Error + 'static) = cause.as_ref();
            match cause.server_rejection() {
                Some(ServerRejection { code: 404 | 406, .. }) => NotGiven::Prevented(Obstacle::NoKeys),
                Some(ServerRejection { code: RATE_LIMITED, backoff, .. }) => NotGiven::RateLimited(pause(backoff)),
                _ => NotGiven::Unknown,
            }
        }
        _ => NotGiven::Unknown,
    }
}
