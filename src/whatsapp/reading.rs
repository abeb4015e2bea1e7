//! What the library's events say, in the words of our vocabulary. One match each, nothing else; no debug string.
//!
//! What the session's own machine knows better (logins, codes, bans) is not read here.

mod call;
mod chat;
mod contact;
mod group;
pub(super) mod message;
mod names;
pub(super) mod party;
pub(super) mod people;
pub(super) mod recent;
pub(super) mod recipient;
mod stanza;

use std::collections::{HashMap, HashSet};

use entity::timestamp::Timestamp;
use futures::future;
use futures::stream::{self, StreamExt as _};
use whatsapp_rust::types::events::{Event, EventKind};
use whatsapp_rust::wacore_binary::NodeRef;
use whatsapp_rust::{Client, Jid};

use crate::event::body::EventBody;
use crate::event::body::party::Party;
use crate::whatsapp::device_store::DeviceStore;
use crate::whatsapp::reading::party::{Own, name};
use crate::whatsapp::reading::recipient::Recipients;
use crate::whatsapp::report::Report;

/// The events that are read here. The library does not even build those that nobody reads.
pub(super) const KINDS: &[EventKind] = &[
    EventKind::Messages,
    EventKind::Receipt,
    EventKind::Presence,
    EventKind::ChatPresence,
    EventKind::PictureUpdate,
    EventKind::UserAboutUpdate,
    EventKind::ContactUpdate,
    EventKind::PinUpdate,
    EventKind::MuteUpdate,
    EventKind::ArchiveUpdate,
    EventKind::MarkChatAsReadUpdate,
    EventKind::DisappearingModeChanged,
    EventKind::AppStateSyncFailed,
    EventKind::UndecryptableMessage,
    EventKind::OfflineSyncPreview,
    EventKind::OfflineSyncCompleted,
    EventKind::HistorySync,
];

/// People whom the library is asked about at once: a message can name a thousand.
const AT_ONCE: usize = 16;

/// What a stanza says that is read here and not from an event: the library waits for its store or for the socket before it tells
/// of groups, devices, numbers and calls, and so tells of two stanzas in either order.
pub(super) fn of_stanza(client: &Client, node: &NodeRef<'_>) -> Vec<Report> {
    let kind = node.attrs().optional_string("type");
    let bodies = match (&*node.tag, kind.as_deref()) {
        ("notification", Some("w:gp2")) => group::bodies(&Own::of(client), node),
        ("notification", Some("contacts")) => contact::number_change(node).into_iter().collect(),
        ("notification", Some("devices")) => contact::device_change(node).into_iter().collect(),
        ("call", _) => call::body(node).into_iter().collect(),
        _ => Vec::new(),
    };
    bodies.into_iter().map(Report::from).collect()
}

/// What an event says, if it is news to a user of ours. Messages are read on their own.
pub(super) fn body(event: &Event, store: &DeviceStore, recipients: &Recipients) -> Option<EventBody> {
    if let Event::Receipt(receipt) = event {
        let mut receipt = receipt.clone();
        recipients.put(&mut receipt);
        return chat::body(&Event::Receipt(receipt));
    }
    let is_state = app_state(event)
        .is_some_and(|(collection, is_from_all, done_at)| store.is_from_first_sync(collection, is_from_all, done_at));
    if is_state { None } else { chat::body(event).or_else(|| contact::body(event)) }
}

/// The collection of the app state that a change belongs to, whether the library had to ask for all of it, and when the phone
/// did it.
fn app_state(event: &Event) -> Option<(&'static str, bool, Timestamp)> {
    Some(match event {
        Event::ContactUpdate(update) => ("critical_unblock_low", update.from_full_sync, update.timestamp.into()),
        Event::PinUpdate(update) => ("regular_low", update.from_full_sync, update.timestamp.into()),
        Event::MuteUpdate(update) => ("regular_high", update.from_full_sync, update.timestamp.into()),
        Event::ArchiveUpdate(update) => ("regular_low", update.from_full_sync, update.timestamp.into()),
        Event::MarkChatAsReadUpdate(update) => ("regular_low", update.from_full_sync, update.timestamp.into()),
        _ => return None,
    })
}

/// Adds to the people in a body what the library has learnt about them elsewhere. Of somebody who is named more than once,
/// it is asked once.
pub(super) async fn complete(client: &Client, body: &mut EventBody) {
    let is_half = |party: &Party| party.lid.is_none() || party.phone_number.is_none();
    let halves: HashSet<_> =
        body.parties().into_iter().filter(|party| is_half(party)).map(|party| party.id.clone()).collect();
    if !halves.is_empty() {
        let own = &Own::of(client);
        let asked = halves.into_iter().map(|id| async move {
            let names = names(client, own, &id.parse().ok()?).await?;
            Some((id, names))
        });
        let asked = stream::iter(asked).buffer_unordered(AT_ONCE).filter_map(future::ready);
        let known: HashMap<_, _> = asked.collect().await;
        for party in body.parties() {
            if let Some((phone_number, lid)) = known.get(&party.id).filter(|_| is_half(party)) {
                party.phone_number = Some(phone_number.clone());
                party.lid = Some(lid.clone());
            }
        }
    }
    if let EventBody::Message(message) = body {
        message.from_phone.clone_from(&message.sender.phone_number);
    }
}

/// The phone number and the LID of whoever has this JID, if both are known.
async fn names(client: &Client, own: &Own, jid: &Jid) -> Option<(String, String)> {
    if let [Some(phone), Some(lid)] = &own.0
        && own.is(jid)
    {
        return Some((phone.user.to_string(), name(lid)));
    }
    let known = client.get_lid_pn_entry(jid).await.ok().flatten()?;
    Some((known.phone_number.to_string(), format!("{}@lid", known.lid)))
}
