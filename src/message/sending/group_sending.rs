//! What is done for messages to groups, beside giving them to WhatsApp: before, it is looked whether the account may write there, who is
//! in it is written down, and there are keys for all of them; after a refusal, WhatsApp is asked why; and what WhatsApp took for fewer
//! devices than there are is sent on to the others.

use entity::words::outgoing::FailureCode;
use futures::FutureExt as _;
use tracing::{debug, warn};

use crate::error::{Result, chain};
use crate::message::lookup::recipient::{STATUS, is_group};
use crate::message::sending::groups::{failure_of, obstacle};
use crate::message::sending::outbox::Outbox;
use crate::message::store::audience_store::{self, AudienceRow};
use crate::message::store::outgoing::OutgoingRow;
use crate::message::store::transition::Happening;
use crate::whatsapp::client::Client;
use crate::whatsapp::compose;
use crate::whatsapp::operation::message::OutgoingMessage;

/// WhatsApp's code for a message that calls the members of a group as the group does not any more.
pub(in crate::message) const STALE_GROUP: i32 = 421;

impl Outbox {
    /// The group that a message goes to, once it is ready for it. None if the account may not write there, which is written then.
    pub(in crate::message) async fn group(&self, client: &Client, row: &OutgoingRow) -> Result<Option<String>> {
        let group = &row.progress.recipient;
        let failure = match row.progress.is_checked {
            true => None,
            false => self.group_obstacle(client, row).await?,
        };
        let prepared = match failure {
            Some(failure) => Err(failure),
            None => match self.shared.groups.prepare(&self.session, client, group).boxed().await {
                Ok(members) => Ok(members),
                Err(error) => Err(failure_of(error.kind()).ok_or(error)?),
            },
        };
        match prepared {
            Ok(members) => {
                self.note_audience(row, members).await;
                Ok(Some(group.clone()))
            }
            Err(code) => {
                let refused = Happening::Refused { code, upstream_code: None };
                self.shared.transitions.write_one(&self.session, &row.message_id, refused).await?;
                Ok(None)
            }
        }
    }

    /// Those who are to see a message, if it is a status of the account.
    pub(in crate::message) async fn status_audience(&self, message_id: &str, recipient: &str) -> Result<Vec<String>> {
        if recipient != STATUS {
            return Ok(Vec::new());
        }
        let found = audience_store::of_message(self.shared.db.read(), &self.session, message_id).await?;
        Ok(found.unwrap_or_default())
    }

    /// What keeps a message from its group, by what WhatsApp says of the group.
    async fn group_obstacle(&self, client: &Client, row: &OutgoingRow) -> Result<Option<FailureCode>> {
        let facts = match self.shared.groups.ask(&self.session, client, &row.progress.recipient).boxed().await {
            Ok(facts) => facts,
            Err(error) => return failure_of(error.kind()).map(Some).ok_or(error),
        };
        let Some(own) = self.shared.sessions.identity(&self.session) else { return Ok(None) };
        let (_, content) = self.content(&row.message_id).await?;
        Ok(obstacle(&facts, &own, compose::reading::target_id(&content).is_some()))
    }

    /// Writes down who is to get a message: what is known of it is the least that is known of any of them. Without it nobody would learn
    /// that all have it, but that is no reason not to send it.
    async fn note_audience(&self, row: &OutgoingRow, members: Vec<String>) {
        let (session_id, message_id) = (self.session.clone(), row.message_id.clone());
        let (chat, sent_at) = (row.progress.recipient.clone(), self.shared.clock.now());
        let audience = AudienceRow::new(session_id, message_id, chat, members, sent_at);
        // What is lost in a power cut is written again with the next try, if there is one.
        if let Err(error) = audience_store::put(self.shared.db.write().without_fsync(), audience).await {
            warn!(session.id = %self.session, error = chain(&error), "who gets a message could not be written");
        }
    }

    /// Writes down anew who is to get a message, after the library has asked anew who is in its group.
    pub(in crate::message) async fn renew_audience(&self, client: &Client, row: &OutgoingRow) {
        let group = &row.progress.recipient;
        match self.shared.groups.prepare(&self.session, client, group).boxed().await {
            Ok(members) => self.note_audience(row, members).await,
            Err(error) => {
                debug!(session.id = %self.session, error = chain(&error), "who is in a group now could not be asked");
            }
        }
    }

    /// Why WhatsApp refused a message, which has several codes for why somebody may not write in a group: it says anew what it knows of
    /// the group.
    pub(in crate::message) async fn group_refusal(
        &self,
        client: &Client,
        row: &OutgoingRow,
        said: FailureCode,
    ) -> FailureCode {
        let group = &row.progress.recipient;
        if !is_group(group) {
            return said;
        }
        self.shared.groups.forget(&self.session, group);
        match self.group_obstacle(client, row).await {
            Ok(found) => found.unwrap_or(said),
            Err(error) => {
                debug!(session.id = %self.session, error = chain(&error), "WhatsApp did not say why it refused a message");
                said
            }
        }
    }

    /// Sends a message once more, as the same one, that WhatsApp took for other devices than those for which it was made: somebody has a
    /// device, or is in the group, of which the library did not know. It reads anew who is in the group and which devices they have, and
    /// gives the new ones the key; who has the message already knows its id. What came of it is not waited for: a device that is still
    /// missed asks for the message by itself.
    pub(in crate::message) async fn send_on(&self, client: &Client, row: &OutgoingRow, message: OutgoingMessage) {
        let group = message.recipient.clone();
        self.shared.groups.forget(&self.session, &group);
        if !self.shared.groups.may_send_on(&self.session, &group) {
            debug!(session.id = %self.session, "a message to a group was made for other devices than it has");
            return;
        }
        let message_id = message.message_id.clone();
        match client.send(&OutgoingMessage { is_refreshed: true, ..message }).await {
            Ok(_) => {
                debug!(session.id = %self.session, message.id = message_id, "a message was sent on to more devices");
                self.renew_audience(client, row).await;
            }
            Err(_) => {
                warn!(session.id = %self.session, message.id = message_id, "a message could not be sent on to more devices");
            }
        }
    }
}
