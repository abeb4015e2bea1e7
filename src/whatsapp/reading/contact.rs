//! What contacts change about themselves, and the account about them.

use entity::words::contact::DeviceChange;
use whatsapp_rust::Jid;
use whatsapp_rust::types::events::Event;
use whatsapp_rust::wacore::stanza::devices::{DeviceNotification, DeviceNotificationType};
use whatsapp_rust::wacore_binary::NodeRef;
use whatsapp_rust::waproto::whatsapp::sync_action_value::ContactAction;

use crate::event::body::EventBody;
use crate::event::body::contact::{
    ContactUpdateEvent, DeviceListUpdateEvent, PictureUpdateEvent, UserAboutUpdateEvent,
};
use crate::whatsapp::reading::party::party;
use crate::whatsapp::reading::stanza::sent_at;

/// None if it is not about a contact, or no news.
pub(super) fn body(event: &Event) -> Option<EventBody> {
    Some(match event {
        Event::PictureUpdate(update) => EventBody::PictureUpdate(PictureUpdateEvent {
            subject: party(&update.jid, None),
            author: update.author.as_ref().map(|author| party(author, None)),
            is_removed: update.removed,
            picture_id: update.picture_id.clone(),
            timestamp: update.timestamp.into(),
        }),
        Event::UserAboutUpdate(update) => EventBody::UserAboutUpdate(UserAboutUpdateEvent {
            contact: party(&update.jid, None),
            about: update.status.clone(),
            timestamp: update.timestamp.into(),
        }),
        Event::ContactUpdate(update) => EventBody::ContactUpdate(ContactUpdateEvent {
            contact: party(&update.jid, other_name(&update.jid, &update.action).as_ref()),
            full_name: update.action.full_name.clone(),
            first_name: update.action.first_name.clone(),
            old: None,
            timestamp: update.timestamp.into(),
        }),
        _ => return None,
    })
}

/// Somebody has another number. None if it is another change of contacts.
pub(super) fn number_change(node: &NodeRef<'_>) -> Option<EventBody> {
    let change = node.children()?.first().filter(|child| child.tag == "modify")?;
    let jid = |name| change.attrs().optional_jid(name);
    Some(EventBody::ContactUpdate(ContactUpdateEvent {
        contact: party(&jid("new")?, jid("new_lid").as_ref()),
        full_name: None,
        first_name: None,
        old: Some(party(&jid("old")?, jid("old_lid").as_ref())),
        timestamp: sent_at(node),
    }))
}

/// Somebody linked a device, or unlinked one. None if nobody can tell who: a change may name a contact by a part of a hash only,
/// and its `from` is the account itself then.
pub(super) fn device_change(node: &NodeRef<'_>) -> Option<EventBody> {
    let update = DeviceNotification::try_parse(node).ok()?;
    if update.operation.contact_hash.is_some() && update.operation.devices.is_empty() {
        return None;
    }
    Some(EventBody::DeviceListUpdate(DeviceListUpdateEvent {
        contact: party(&update.from, update.lid_user.as_ref()),
        change: match update.operation.operation_type {
            DeviceNotificationType::Add => DeviceChange::Added,
            DeviceNotificationType::Remove => DeviceChange::Removed,
            DeviceNotificationType::Update => DeviceChange::Updated,
        },
        device_ids: update.operation.device_ids().into_iter().filter_map(|id| i32::try_from(id).ok()).collect(),
    }))
}

/// What the address book knows somebody by beside this.
fn other_name(jid: &Jid, action: &ContactAction) -> Option<Jid> {
    let other = if jid.is_lid() { &action.pn_jid } else { &action.lid_jid };
    other.as_deref().and_then(|other| other.parse().ok())
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::types::events::ContactUpdate;
    use whatsapp_rust::wacore_binary::Node;
    use whatsapp_rust::wacore_binary::builder::NodeBuilder;

    use super::*;

    fn jid(text: &str) -> Jid {
        text.parse().expect("it is a JID")
    }

    fn notification(kind: &'static str, from: &'static str, child: Node) -> Node {
        let node = NodeBuilder::new("notification").attr("type", kind).attr("from", from).attr("id", "1");
        node.attr("t", "1700000000").children([child]).build()
    }

    #[test]
    fn a_change_of_devices_that_names_nobody_is_not_one_of_the_account() {
        let hashed = NodeBuilder::new("update").attr("hash", "AbCd").build();
        let hashed = notification("devices", "15550100001@s.whatsapp.net", hashed);
        assert!(device_change(&hashed.as_node_ref()).is_none());
        let device = NodeBuilder::new("device").attr("jid", "15550100077:3@s.whatsapp.net").build();
        let keys = NodeBuilder::new("key-index-list").attr("ts", "1700000000").build();
        let named = NodeBuilder::new("remove").children([device, keys]).build();
        let named = notification("devices", "15550100077@s.whatsapp.net", named);
        let Some(EventBody::DeviceListUpdate(update)) = device_change(&named.as_node_ref()) else {
            panic!("it is news")
        };
        assert_eq!((update.contact.phone_number.as_deref(), update.device_ids), (Some("15550100077"), vec![3]));
    }

    #[test]
    fn who_has_another_number_has_both_names_before_and_after() {
        let change = NodeBuilder::new("modify")
            .attr("old", "15550100077@s.whatsapp.net")
            .attr("new", "15550100078@s.whatsapp.net")
            .attr("old_lid", "100000000000077@lid")
            .attr("new_lid", "100000000000078@lid")
            .build();
        let change = notification("contacts", "15550100077@s.whatsapp.net", change);
        let Some(EventBody::ContactUpdate(update)) = number_change(&change.as_node_ref()) else { panic!("it is news") };
        assert_eq!(update.contact.lid.as_deref(), Some("100000000000078@lid"));
        assert_eq!(update.old.and_then(|old| old.lid).as_deref(), Some("100000000000077@lid"));
        assert_eq!(update.timestamp.seconds(), 1_700_000_000);
    }

    #[test]
    fn a_contact_is_known_by_both_names_that_the_address_book_has() {
        let (phone, lid) = ("15550100077@s.whatsapp.net", "100000000000077@lid");
        for (first, pn_jid, lid_jid) in
            [(phone, None, Some(lid)), (lid, Some(phone), None), (lid, Some(phone), Some(lid))]
        {
            let action = ContactAction {
                full_name: Some("Ada Lovelace".to_owned()),
                pn_jid: pn_jid.map(str::to_owned),
                lid_jid: lid_jid.map(str::to_owned),
                ..Default::default()
            };
            let update = ContactUpdate::builder()
                .jid(jid(first))
                .timestamp(Default::default())
                .action(Box::new(action))
                .from_full_sync(false)
                .build();
            let Some(EventBody::ContactUpdate(update)) = body(&Event::ContactUpdate(update)) else {
                panic!("it is news")
            };
            assert_eq!(update.contact.id, first);
            assert_eq!(update.contact.phone_number.as_deref(), Some("15550100077"));
            assert_eq!(update.contact.lid.as_deref(), Some(lid));
        }
    }
}
