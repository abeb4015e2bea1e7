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
use whatsapp_rust::{
    ClientError, ErrorChainExt as _, Freshness, IqError, Jid, NodeFilter, ServerRejection, StatusPrivacySetting,
    StatusSendOptions,
};

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
    /// JIDs of those who are to see it, if it is a status.
    pub audience: Vec<String>,
    /// Whether WhatsApp is asked anew first who is in the group and which devices they have.
    pub is_refreshed: bool,
}

/// A message that the socket took: that says nothing of WhatsApp.
#[derive(Debug)]
pub struct Given {
    /// WhatsApp's answer, once it comes. Closed when the connection ends before.
    pub ack: oneshot::Receiver<Ack>,
    /// Whether a copy for a device of the recipient was among what was sent. The library sends a message "successfully" that it could
    /// encrypt for nobody else than the account's own devices (wrs#1299). In a group one text is for all: who has no key to it asks
    /// for the message once more, so a group always has one, be the account alone in it or not.
    pub has_recipient: bool,
    /// The hash of the devices that it was made for. None where none is sent.
    pub phash: Option<String>,
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
        let (options, audience) = (options(outgoing), audience(outgoing)?);
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
            let sent = match audience {
                // The library sends a status only this way; id and protobuf are ours as in every other.
                Some((audience, options)) => library.status().send_raw(message, &audience, options).boxed().await,
                None => library.send_message_with_options(recipient, message, options).await,
            };
            sent.map(|_| Own::of(&library)).map_err(|error| not_given(&error))
        });
        let given = given.await;
        // The library tells of a stanza right before it is encrypted for the socket. Before that it asks WhatsApp for keys, and lets
        // messages wait for what came while the session was away: if it has told of none, nothing was sent.
        let stanza = waiting.lock().take().and_then(|stanza| stanza.now_or_never()).and_then(Result::ok);
        match (given, stanza) {
            (Ok(Ok(own)), Some(stanza)) => {
                let phash = stanza.attrs().optional_string("phash").map(|phash| phash.to_string());
                Ok(Given { ack, has_recipient: has_recipient(&stanza, &own), phash })
            }
            (Ok(Ok(_)), None) => Ok(Given { ack, has_recipient: true, phash: None }),
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

/// Those who are to see a status, and how it is sent. None for all that is none. Reactions to others' statuses go to their authors.
fn audience(outgoing: &OutgoingMessage) -> Result<Option<(Vec<Jid>, StatusSendOptions)>, NotGiven> {
    if outgoing.audience.is_empty() {
        return Ok(None);
    }
    let people: Result<Vec<_>, _> = outgoing.audience.iter().map(|jid| jid.parse::<Jid>()).collect();
    let people = people.map_err(|_| NotGiven::Refused(FailureCode::InvalidMessage))?;
    // Who sees it is listed, which is not what the account's phone has as its choice.
    let (privacy, message_id) = (StatusPrivacySetting::AllowList, Some(outgoing.message_id.clone()));
    Ok(Some((people, StatusSendOptions { privacy, message_id, ..StatusSendOptions::default() })))
}

fn options(outgoing: &OutgoingMessage) -> SendOptions {
    let options = SendOptions::default().with_message_id(&outgoing.message_id);
    match outgoing.is_refreshed {
        true => options.with_group_metadata_freshness(Freshness::Refresh).with_device_freshness(Freshness::Refresh),
        false => options,
    }
}

/// Whether one of the copies in a stanza is for somebody else than the account itself, or it has one text for a whole group.
fn has_recipient(stanza: &Node, own: &Own) -> bool {
    let for_all = stanza.get_optional_child("enc");
    if for_all.is_some_and(|text| text.attrs().optional_string("type").as_deref() == Some("skmsg")) {
        return true;
    }
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

#[cfg(test)]
mod tests {
    use whatsapp_rust::wacore_binary::builder::NodeBuilder;

    use super::*;

    #[test]
    fn a_message_has_a_recipient_if_a_copy_is_for_somebody_else_or_a_text_for_a_group() {
        let own_jid: Jid = "15550100001@s.whatsapp.net".parse().expect("it is a JID");
        let own = Own([Some(own_jid), None]);
        let copies = |jids: &[&str]| {
            let copies = jids.iter().map(|jid| NodeBuilder::new("to").attr("jid", *jid).build());
            NodeBuilder::new("participants").children(copies).build()
        };
        let text = |kind: &str| NodeBuilder::new("enc").attr("type", kind).build();
        let message = |children: Vec<Node>| NodeBuilder::new("message").children(children).build();
        let rows = [
            (message(vec![copies(&["15550100077:2@s.whatsapp.net"])]), true),
            (message(vec![copies(&["15550100001:2@s.whatsapp.net"])]), false),
            (message(vec![copies(&["15550100001:2@s.whatsapp.net"]), text("skmsg")]), true),
            (message(vec![text("skmsg")]), true),
            (message(vec![text("msg")]), false),
        ];
        for (stanza, is_for_somebody) in rows {
            assert_eq!(has_recipient(&stanza, &own), is_for_somebody, "{stanza:?}");
        }
    }
}
