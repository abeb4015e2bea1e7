//! What has to be known of a group before a message to it is taken in, and how its members are named there.

use std::sync::Arc;
use std::time::Duration;

use entity::ids::SessionId;
use futures::FutureExt as _;

use crate::account::Identity;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Messages;
use crate::message::lookup::naming::own_jid;
use crate::message::lookup::recipient::Recipient;
use crate::message::request::accepting::own;
use crate::message::sending::groups::{failure_of, obstacle, own_member, refused};
use crate::message::store::audience_store;
use crate::session::client::Account;
use crate::whatsapp::compose::Target;
use crate::whatsapp::names;
use crate::whatsapp::operation::group::GroupFacts;

/// Longest wait for WhatsApp to say what it knows of a group, before a message is taken in all the same.
const ASK_LIMIT: Duration = Duration::from_secs(5);

/// What is known of a group.
pub(in crate::message) struct GroupKnown {
    /// None if nothing is.
    pub(in crate::message) facts: Option<Arc<GroupFacts>>,
    /// Whether WhatsApp has said it, so that the account may write there. Otherwise it is asked before the message is sent.
    pub(in crate::message) is_asked: bool,
}

/// The chat of a message that something is done to.
pub(in crate::message) struct Place {
    /// Whether it is known that the account may write there. None in a chat with a person.
    pub(in crate::message) is_checked: Option<bool>,
    /// Whether the account is an admin of the group, as far as that is known.
    pub(in crate::message) is_admin: bool,
    /// Those who are to learn it, if it is about the account's status.
    pub(in crate::message) audience: Vec<String>,
    /// What is known of the group, if it is one.
    pub(in crate::message) facts: Option<Arc<GroupFacts>>,
}

impl Messages {
    /// The chat of a message that something is done to. In a group, who sent it is named as the group knows them.
    ///
    /// # Errors
    /// `InvalidRecipient`, `GroupNotFound`, `NotInGroup`, `MessageNotFound`, `Unavailable`.
    pub(in crate::message) async fn place(
        &self,
        session: &SessionId,
        account: &Account,
        target: &mut Target,
    ) -> Result<Place> {
        let place = Place { is_checked: None, is_admin: false, audience: Vec::new(), facts: None };
        match Recipient::parse("chat", &target.chat)? {
            Recipient::Person(person) if person.is(own(account)?) => {
                Err(Error::about(ErrorKind::InvalidRecipient, "chat", "must be one with somebody else"))
            }
            Recipient::Person(_) => Ok(place),
            Recipient::Group(group) => {
                let known = self.group(session, account, &group, true).await?;
                let facts = known.facts.as_deref();
                if let Some(sender) = target.participant.take() {
                    target.participant = Some(self.member_jid(session, &sender, facts).await?);
                }
                let member = own(account).ok().zip(facts).and_then(|(own, facts)| own_member(facts, own));
                // While nobody knows who its admins are, WhatsApp is left to say it.
                let is_admin = !known.is_asked || member.is_some_and(|member| member.is_admin);
                Ok(Place { is_checked: Some(known.is_asked), is_admin, facts: known.facts, ..place })
            }
            // The library sends a reaction to the author alone, whom the reaction names.
            Recipient::Status if !target.is_from_me => Ok(Place { is_checked: Some(true), ..place }),
            Recipient::Status => {
                let seen = audience_store::of_message(self.db.read(), session, &target.message_id).await?;
                let gone = || Error::new(ErrorKind::MessageNotFound, "nobody knows here who saw this status");
                Ok(Place { is_checked: Some(true), audience: seen.ok_or_else(gone)?, ..place })
            }
        }
    }

    /// What is known of a group to which the account wants to write. A session that is offline learns later whether it may.
    ///
    /// # Errors
    /// `GroupNotFound`, `NotInGroup`, `GroupAdminsOnly`, `Unavailable`.
    pub(in crate::message) async fn group(
        &self,
        session: &SessionId,
        account: &Account,
        group: &str,
        is_about_another: bool,
    ) -> Result<GroupKnown> {
        let groups = &self.outboxes.shared.groups;
        if let Ok(client) = account.online() {
            match tokio::time::timeout(ASK_LIMIT, groups.ask(session, &client, group).boxed()).await {
                Ok(Ok(facts)) => {
                    return match obstacle(&facts, own(account)?, is_about_another) {
                        Some(obstacle) => Err(refused(obstacle)),
                        None => Ok(GroupKnown { facts: Some(facts), is_asked: true }),
                    };
                }
                Ok(Err(error)) if failure_of(error.kind()).is_some() => return Err(error),
                // A question without an answer is asked again before the message is sent.
                Ok(Err(_)) | Err(_) => {}
            }
        }
        Ok(GroupKnown { facts: groups.known(session, group).await?, is_asked: false })
    }

    /// What somebody is called in a group: as they are named there, if they are in it and that is known.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(in crate::message) async fn member_jid(
        &self,
        session: &SessionId,
        jid: &str,
        group: Option<&GroupFacts>,
    ) -> Result<String> {
        let Some(group) = group else { return Ok(jid.to_owned()) };
        let own = self.sessions.identity(session);
        let is_own = |own: &&Identity| own_jid(own) == jid;
        if let Some(member) = own.as_ref().filter(is_own).and_then(|own| own_member(group, own)) {
            return Ok(member.jid.clone());
        }
        if let Some(member) = group.member(&[jid]) {
            return Ok(member.jid.clone());
        }
        // Who has left is still known by the two names that everybody has.
        let other = names::other_name(self.db.read(), session, jid).await?;
        let wanted = if group.is_lid_addressed { "@lid" } else { "@s.whatsapp.net" };
        Ok(other.filter(|other| !jid.ends_with(wanted) && other.ends_with(wanted)).unwrap_or_else(|| jid.to_owned()))
    }
}
