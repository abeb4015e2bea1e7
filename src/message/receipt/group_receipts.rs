//! What is known of messages to groups: the least that is known of any of those for whom they are. Their receipts are counted first, and
//! only looked at one by one when they can be enough, so that the thousand receipts of a large group are not read a thousand times.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::outgoing::MessageStatus;

use crate::error::Result;
use crate::event::body::contact::GroupUpdateEvent;
use crate::message::lookup::naming::{own_jid, party_jid};
use crate::message::receipt::lowest::lowest;
use crate::message::sending::outbox::Shared;
use crate::message::sending::transitions::Change;
use crate::message::store::audience_store;
use crate::message::store::outgoing::OutgoingRow;
use crate::message::store::receipt_store::{self, Moments};
use crate::message::store::transition::{Happening, is_sent};
use crate::whatsapp::names;

/// How long ago a message may have been sent to be looked at when somebody leaves its group. Older ones stay as they are: nobody waits
/// for them any more, and a large group has no end of them.
const LOOKED_BACK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Of these, the newest that are looked at.
const LOOKED_AT: u64 = 500;
/// Messages that are looked at together.
const TOGETHER: usize = 100;

impl Shared {
    /// Writes what is known of these messages by now, after somebody for whom they are did something, or left.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(in crate::message) async fn raise_to_lowest(
        &self,
        session: &SessionId,
        message_ids: impl IntoIterator<Item = String>,
    ) -> Result<()> {
        let ids: Vec<_> = message_ids.into_iter().collect();
        for ids in ids.chunks(TOGETHER) {
            let mut changes = Vec::new();
            for row in self.transitions.rows(session, ids).await? {
                if !is_sent(row.progress.status) || row.progress.status == MessageStatus::Played {
                    continue;
                }
                if let Some(happening) = self.happened_to_all(session, &row).await? {
                    changes.push(Change { message_id: row.message_id, happening });
                }
            }
            if !changes.is_empty() {
                self.transitions.write(session, changes).await?;
            }
        }
        Ok(())
    }

    /// What all of those did for whom a message is. None if that is no more than is known, or nobody knows for whom it is.
    async fn happened_to_all(&self, session: &SessionId, row: &OutgoingRow) -> Result<Option<Happening>> {
        let Some(members) = audience_store::of_message(self.db.read(), session, &row.message_id).await? else {
            return Ok(None);
        };
        let counts = receipt_store::counts(self.db.read(), session, &row.message_id).await?;
        let count = match row.progress.status {
            MessageStatus::Delivered => counts.read,
            MessageStatus::Read => counts.played,
            _ => counts.delivered,
        };
        // The account itself is a member, too.
        if usize::try_from(count).unwrap_or(usize::MAX) < members.len().saturating_sub(1) {
            return Ok(None);
        }
        let receipts = receipt_store::of_message(self.db.read(), session, &row.message_id).await?;
        let jids = members.iter().chain(receipts.iter().map(|receipt| &receipt.participant));
        let jids: Vec<_> = jids.map(String::as_str).collect();
        let others = names::other_names(self.db.read(), session, &jids).await?;
        let mut known: HashMap<String, Moments> = HashMap::new();
        for receipt in &receipts {
            let person = known.entry(person(&receipt.participant, &others)).or_default();
            *person = person.and(receipt.at);
        }
        let own = self.own_names(session);
        let others_than_own = members.iter().map(|jid| person(jid, &others)).filter(|jid| !own.contains(jid));
        Ok(lowest(&others_than_own.collect(), &known))
    }

    /// Takes who left a group out of those for whom its messages are.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(in crate::message) async fn leave(
        &self,
        session: &SessionId,
        update: &GroupUpdateEvent,
        until: Timestamp,
    ) -> Result<()> {
        let mut left: BTreeSet<_> = update.participants.iter().map(party_jid).collect();
        left.extend(update.participants.iter().filter_map(|party| party.lid.clone()));
        let own = self.own_names(session);
        // Who was removed gets no news of the others: what is known stays as it is.
        if left.iter().any(|jid| own.contains(jid)) {
            return Ok(());
        }
        let jids: Vec<_> = left.iter().map(String::as_str).collect();
        let others: Vec<_> = names::other_names(self.db.read(), session, &jids).await?.into_values().collect();
        left.extend(others);
        let since = until.before(LOOKED_BACK);
        let (db, place) = (self.db.write().without_fsync(), (update.group.as_str(), [since, until]));
        audience_store::leave(db, session, place, |jid| left.contains(jid)).await?;
        // All of them, whomever they are for now: if the process died after the line above, nobody else would look at them.
        let newest = audience_store::newest(self.db.read(), session, &update.group, since, LOOKED_AT).await?;
        self.raise_to_lowest(session, newest).await
    }

    /// The JIDs of the account.
    fn own_names(&self, session: &SessionId) -> Vec<String> {
        let Some(own) = self.sessions.identity(session) else { return Vec::new() };
        let lid = own.lid.as_deref().and_then(|lid| lid.split('@').next()).map(|lid| format!("{lid}@lid"));
        std::iter::once(own_jid(&own)).chain(lid).collect()
    }
}

/// Somebody by number, if that is known.
fn person(jid: &str, others: &HashMap<String, String>) -> String {
    match others.get(jid) {
        Some(other) if other.ends_with("@s.whatsapp.net") => other.clone(),
        _ => jid.to_owned(),
    }
}
