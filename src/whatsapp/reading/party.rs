//! Who is behind a JID.

use whatsapp_rust::types::message::MessageSource;
use whatsapp_rust::wacore_binary::{JidExt as _, Server};
use whatsapp_rust::{Client, Jid};

use crate::event::body::party::Party;

/// Longest JID that is looked at, bytes. A phone number has 15 digits, a LID about as many.
pub(super) const JID_BYTES: usize = 128;

/// The account itself, by its phone number and its LID.
pub(in crate::whatsapp) struct Own(pub(in crate::whatsapp) [Option<Jid>; 2]);

impl Own {
    pub(in crate::whatsapp) fn of(client: &Client) -> Self {
        Self([client.pn(), client.lid()])
    }

    /// The account as a person. None until a phone has linked it.
    pub(super) fn party(&self) -> Option<Party> {
        let [phone, lid] = &self.0;
        let party = |jid: &Jid| party(jid, lid.as_ref());
        phone.as_ref().or(lid.as_ref()).map(party)
    }

    pub(in crate::whatsapp) fn is(&self, jid: &Jid) -> bool {
        self.0.iter().flatten().any(|own| own.user == jid.user && own.server == jid.server)
    }
}

/// A JID without a device.
pub(super) fn name(jid: &Jid) -> String {
    jid.to_non_ad_string()
}

/// Who is behind a JID, with the other one of the two that everybody has, if it is known.
pub(super) fn party(jid: &Jid, other: Option<&Jid>) -> Party {
    let both = [Some(jid), other];
    let phone = both.iter().flatten().find(|jid| jid.is_pn());
    let lid = both.iter().flatten().find(|jid| jid.is_lid());
    Party {
        id: name(jid),
        lid: lid.map(|lid| name(lid)),
        phone_number: phone.map(|phone| phone.user.to_string()),
        push_name: None,
    }
}

/// Who sent something.
pub(super) fn sender(source: &MessageSource, push_name: Option<&str>) -> Party {
    Party { push_name: push_name.and_then(said), ..party(&source.sender, source.sender_alt.as_ref()) }
}

/// The other person of a direct chat, by the chat's JID and, if it is known, the other one of the two that everybody has. None of
/// a chat that has no such person.
pub(super) fn partner(chat: &Jid, other: Option<&Jid>) -> Option<Party> {
    let is_shared = chat.is_group() || chat.server() == Server::Broadcast || chat.is_newsletter();
    (!is_shared && !chat.user.is_empty()).then(|| party(chat, other))
}

/// The other person of the direct chat in which something was sent. What the account itself sent from another device names the
/// number of the person to whom it went, at its `peer`.
pub(super) fn partner_of(source: &MessageSource, peer: Option<&Jid>) -> Option<Party> {
    let other = match source.is_from_me {
        true => source.recipient_alt.as_ref().or(peer),
        false => source.sender_alt.as_ref(),
    };
    partner(&source.chat, other)
}

/// Who is behind a JID that stands in a message, if it is somebody's.
pub(super) fn somebody(jid: &str) -> Option<Party> {
    if jid.len() > JID_BYTES {
        return None;
    }
    let jid = jid.parse::<Jid>().ok()?;
    partner(&jid, None)
}

/// A name, unless it is empty.
pub(super) fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jid(text: &str) -> Jid {
        text.parse().expect("it is a JID")
    }

    #[test]
    fn somebody_is_known_by_both_names_whichever_came_first() {
        let (phone, lid) = (jid("15550100001:3@s.whatsapp.net"), jid("100000000000001@lid"));
        for (first, second, id) in [(&phone, &lid, "15550100001@s.whatsapp.net"), (&lid, &phone, "100000000000001@lid")]
        {
            let party = party(first, Some(second));
            assert_eq!(party.id, id);
            assert_eq!(party.lid.as_deref(), Some("100000000000001@lid"));
            assert_eq!(party.phone_number.as_deref(), Some("15550100001"));
        }
        assert_eq!(party(&lid, None).phone_number, None);
    }
}
