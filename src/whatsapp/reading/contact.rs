//! What contacts change about themselves, and the account about them.

use entity::words::DeviceChange;
use whatsapp_rust::Jid;
use whatsapp_rust::types::events::{DeviceListUpdateType, Event};
use whatsapp_rust::waproto::whatsapp::sync_action_value::ContactAction;

use crate::event::body::EventBody;
use crate::event::body::contact::{
    ContactUpdateEvent, DeviceListUpdateEvent, PictureUpdateEvent, UserAboutUpdateEvent,
};
use crate::whatsapp::reading::party;

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
        Event::ContactNumberChanged(update) => EventBody::ContactUpdate(ContactUpdateEvent {
            contact: party(&update.new_jid, update.new_lid.as_ref()),
            full_name: None,
            first_name: None,
            old: Some(party(&update.old_jid, update.old_lid.as_ref())),
            timestamp: update.timestamp.into(),
        }),
        // It names a contact by a part of a hash only, and `user` is the account itself.
        Event::DeviceListUpdate(update) if update.contact_hash.is_some() && update.devices.is_empty() => return None,
        Event::DeviceListUpdate(update) => EventBody::DeviceListUpdate(DeviceListUpdateEvent {
            contact: party(&update.user, update.lid_user.as_ref()),
            change: match update.update_type {
                DeviceListUpdateType::Add => DeviceChange::Added,
                DeviceListUpdateType::Remove => DeviceChange::Removed,
                DeviceListUpdateType::Update => DeviceChange::Updated,
            },
            device_ids: update.devices.iter().filter_map(|device| i32::try_from(device.device_id).ok()).collect(),
        }),
        _ => return None,
    })
}

/// What the address book knows somebody by beside this.
fn other_name(jid: &Jid, action: &ContactAction) -> Option<Jid> {
    let other = if jid.is_lid() { &action.pn_jid } else { &action.lid_jid };
    other.as_deref().and_then(|other| other.parse().ok())
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::types::events::{ContactUpdate, DeviceListUpdate, DeviceNotificationInfo};

    use super::*;

    fn jid(text: &str) -> Jid {
        text.parse().expect("it is a JID")
    }

    #[test]
    fn a_change_of_devices_that_names_nobody_is_not_one_of_the_account() {
        let hashed = DeviceListUpdate::builder()
            .user(jid("15550100001@s.whatsapp.net"))
            .update_type(DeviceListUpdateType::Update)
            .devices(Vec::new())
            .contact_hash("AbCd".to_owned())
            .build();
        assert!(body(&Event::DeviceListUpdate(hashed)).is_none());
        let named = DeviceListUpdate::builder()
            .user(jid("15550100077@s.whatsapp.net"))
            .update_type(DeviceListUpdateType::Update)
            .devices(vec![DeviceNotificationInfo::builder().device_id(3).build()])
            .build();
        let Some(EventBody::DeviceListUpdate(update)) = body(&Event::DeviceListUpdate(named)) else {
            panic!("it is news")
        };
        assert_eq!((update.contact.phone_number.as_deref(), update.device_ids), (Some("15550100077"), vec![3]));
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
