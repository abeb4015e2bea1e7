//! Who got, read and played a message, as it is shown: each person once, in pages.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::ids::SessionId;
use entity::words::access::Scope;

use crate::account::Identity;
use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::event::body::party::Party;
use crate::message::Messages;
use crate::message::lookup::naming::{own_jid, party_jid};
use crate::message::receipt::receipt_types::{MessageReceipt, MessageReceiptPage, ReceiptSlice, ReceiptWithCursor};
use crate::message::store::receipt_store::{self, Moments, ReceiptRow};
use crate::page::PAGE_MAX;
use crate::whatsapp::names;

/// How a cursor of this list begins.
const CURSOR: &str = "r:";

impl Messages {
    /// Who got, read and played a message, from a cursor on; 100 when no size is asked for.
    ///
    /// # Errors
    /// As [`receipt_slice`](Self::receipt_slice).
    pub async fn receipts(
        &self,
        caller: &Caller,
        session: &SessionId,
        message_id: &str,
        limit: Option<u32>,
        after: Option<String>,
    ) -> Result<MessageReceiptPage> {
        let size = ("limit", limit.unwrap_or(PAGE_MAX));
        let ReceiptSlice { items, has_next } = self.receipt_slice(caller, session, message_id, size, after).await?;
        let next_cursor = items.last().filter(|_| has_next).map(|item| item.cursor.clone());
        Ok(MessageReceiptPage { receipts: items.into_iter().map(|item| item.receipt).collect(), next_cursor })
    }

    /// Who got, read and played a message, each with their place. Nobody, if the message was not sent through this API. `limit` is what
    /// the size is called, and the size.
    ///
    /// # Errors
    /// `SessionNotFound`, `MessageNotFound`, `PageSizeLimit`, `Unavailable`; `Invalid` for a bad cursor.
    pub async fn receipt_slice(
        &self,
        caller: &Caller,
        session: &SessionId,
        message_id: &str,
        (field, limit): (&str, u32),
        after: Option<String>,
    ) -> Result<ReceiptSlice> {
        let account = self.sessions.account(caller, Scope::MessagesRead, session)?;
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(Error::about(ErrorKind::PageSizeLimit, field, format!("must be from 1 to {PAGE_MAX}")));
        }
        let after = after.map(|cursor| participant("after", &cursor)).transpose()?;
        // Also of one that somebody else sent it is known that it is there.
        self.message(session, message_id).await?;
        let rows = receipt_store::of_message(self.db.read(), session, message_id).await?;
        let jids: Vec<_> = rows.iter().map(|row| row.participant.as_str()).collect();
        let others = names::other_names(self.db.read(), session, &jids).await?;
        let mut people = BTreeMap::new();
        for ReceiptRow { participant, at, .. } in rows {
            let party = party(&participant, others.get(&participant).map(String::as_str));
            // Who was called by LID before their number was known has two rows.
            let (_, known) = people.entry(party_jid(&party)).or_insert((party, Moments::default()));
            *known = known.and(at);
        }
        if let Some(own) = &account.identity {
            // A group has the account among its members.
            people.retain(|_, (party, _)| !is_own(party, own));
        }
        let behind = people.into_iter().filter(|(jid, _)| after.as_ref().is_none_or(|after| jid > after));
        let mut items: Vec<_> = behind.take(limit as usize + 1).map(shown).collect();
        let has_next = items.len() > limit as usize;
        items.truncate(limit as usize);
        Ok(ReceiptSlice { items, has_next })
    }
}

fn shown((jid, (participant, at)): (String, (Party, Moments))) -> ReceiptWithCursor {
    let Moments { delivered, read, played } = at;
    let receipt = MessageReceipt { participant, delivered_at: delivered, read_at: read, played_at: played };
    ReceiptWithCursor { receipt, cursor: URL_SAFE_NO_PAD.encode(format!("{CURSOR}{jid}")) }
}

/// Somebody with this JID, and the other one of the two that everybody has, if it is known.
pub(in crate::message) fn party(jid: &str, other: Option<&str>) -> Party {
    let both = || [Some(jid), other].into_iter().flatten();
    let number = both().find_map(|jid| jid.strip_suffix("@s.whatsapp.net"));
    let lid = both().find(|jid| jid.ends_with("@lid"));
    let (phone_number, lid) = (number.map(str::to_owned), lid.map(str::to_owned));
    Party { id: jid.to_owned(), lid, phone_number, push_name: None }
}

fn is_own(party: &Party, own: &Identity) -> bool {
    let is_own_lid = |lid: &str| own.lid.as_deref().is_some_and(|own| lid.strip_suffix("@lid") == Some(own));
    party_jid(party) == own_jid(own) || party.lid.as_deref().is_some_and(is_own_lid)
}

fn participant(field: &str, cursor: &str) -> Result<String> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        text.strip_prefix(CURSOR).map(str::to_owned)
    };
    read().ok_or_else(|| Error::invalid(field, "must be a cursor that a list of receipts gave"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBER: &str = "15550100077@s.whatsapp.net";
    const LID: &str = "100000000000077@lid";

    #[test]
    fn somebody_is_the_same_by_either_name() {
        for (jid, other) in [(NUMBER, LID), (LID, NUMBER)] {
            let party = party(jid, Some(other));
            assert_eq!((party.id.as_str(), party.lid.as_deref()), (jid, Some(LID)));
            assert_eq!(party_jid(&party), NUMBER);
        }
        assert_eq!(party_jid(&party(LID, None)), LID);
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let (jid, item) = (NUMBER.to_owned(), (party(NUMBER, None), Moments::default()));
        let cursor = shown((jid, item)).cursor;
        assert_eq!(participant("after", &cursor).expect("it is one"), NUMBER);
        for bad in ["", "!", "bToxNzY3MTQzMjY0MDAwMDAw"] {
            assert!(participant("after", bad).is_err(), "{bad}");
        }
    }
}
