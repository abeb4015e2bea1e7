//! What the library's events say, in the words of our vocabulary. One match each, nothing else; no debug string.
//!
//! What the session's own machine knows better (logins, codes, bans) is not read here.

pub(super) mod message;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::{CallState, ChatState, DeviceChange, GroupChange, ReceiptKind, UndecryptableReason};
use whatsapp_rust::types::events::{DeviceListUpdateType, Event, EventKind, GroupUpdate, UnavailableType};
use whatsapp_rust::types::message::{MessageInfo, MessageSource};
use whatsapp_rust::types::presence::{ChatPresence, ChatPresenceMedia, ReceiptType};
use whatsapp_rust::wacore::stanza::groups::{GroupNotificationAction as Action, GroupParticipantInfo};
use whatsapp_rust::wacore::types::call::{CallAction, ElsewhereOutcome, IncomingCall};
use whatsapp_rust::{Client, Jid};

use crate::event::body::EventBody;
use crate::event::body::Party;
use crate::event::body::call::CallEvent;
use crate::event::body::chat::{
    ArchiveUpdateEvent, ChatPresenceEvent, MarkChatAsReadEvent, MuteUpdateEvent, PinUpdateEvent, PresenceEvent,
    ReceiptEvent, UndecryptableMessageEvent,
};
use crate::event::body::contact::{
    ContactUpdateEvent, DeviceListUpdateEvent, GroupUpdateEvent, JoinedGroupEvent, PictureUpdateEvent,
    PushNameUpdateEvent, UserAboutUpdateEvent,
};
use crate::event::body::session::{OfflineSyncCompletedEvent, OfflineSyncPreviewEvent};
use crate::whatsapp::Report;

/// The events that are read here. The library does not even build those that nobody reads.
pub(super) const KINDS: &[EventKind] = &[
    EventKind::Messages,
    EventKind::Receipt,
    EventKind::Presence,
    EventKind::ChatPresence,
    EventKind::PictureUpdate,
    EventKind::UserAboutUpdate,
    EventKind::ContactUpdate,
    EventKind::ContactNumberChanged,
    EventKind::GroupUpdate,
    EventKind::IncomingCall,
    EventKind::MissedCall,
    EventKind::CallEndedElsewhere,
    EventKind::PushNameUpdate,
    EventKind::PinUpdate,
    EventKind::MuteUpdate,
    EventKind::ArchiveUpdate,
    EventKind::MarkChatAsReadUpdate,
    EventKind::UndecryptableMessage,
    EventKind::OfflineSyncPreview,
    EventKind::OfflineSyncCompleted,
    EventKind::DeviceListUpdate,
];

/// What an event says; nothing if it is no news to a user of ours.
pub(super) fn reports(client: &Client, session: &SessionId, event: &Event) -> Vec<Report> {
    match event {
        Event::GroupUpdate(update) => group(client, update).into_iter().map(Report::from).collect(),
        // The journal has the others: the library asked for that before it told.
        Event::Messages(batch) if !batch.hook_committed => {
            batch.iter().filter_map(|inbound| message::read(session, inbound)).collect()
        }
        _ => body(event).map(Report::from).into_iter().collect(),
    }
}

/// Adds to the people in a body what the library has learnt about them elsewhere.
pub(super) async fn complete(client: &Client, body: &mut EventBody) {
    for party in body.parties() {
        if party.lid.is_some() && party.phone_number.is_some() {
            continue;
        }
        let Ok(jid) = party.id.parse::<Jid>() else { continue };
        if let Ok(Some(known)) = client.get_lid_pn_entry(&jid).await {
            party.phone_number = Some(known.phone_number.to_string());
            party.lid = Some(format!("{}@lid", known.lid));
        }
    }
    if let EventBody::Message(message) = body {
        message.from_phone.clone_from(&message.sender.phone_number);
    }
}

fn body(event: &Event) -> Option<EventBody> {
    Some(match event {
        Event::Receipt(receipt) => EventBody::Receipt(ReceiptEvent {
            chat: name(&receipt.source.chat),
            is_group: receipt.source.is_group,
            sender: sender(&receipt.source, None),
            message_ids: receipt.message_ids.clone(),
            kind: receipt_kind(&receipt.r#type)?,
            timestamp: receipt.timestamp.into(),
            offline: receipt.offline,
        }),
        Event::Presence(presence) => EventBody::Presence(PresenceEvent {
            contact: party(&presence.from, None),
            is_online: !presence.unavailable,
            last_seen: presence.last_seen.map(Timestamp::from),
        }),
        Event::ChatPresence(presence) => EventBody::ChatPresence(ChatPresenceEvent {
            chat: name(&presence.source.chat),
            is_group: presence.source.is_group,
            sender: sender(&presence.source, None),
            state: match (presence.state, presence.media) {
                (ChatPresence::Composing, ChatPresenceMedia::Text) => ChatState::Composing,
                (ChatPresence::Composing, ChatPresenceMedia::Audio) => ChatState::Recording,
                (ChatPresence::Paused, _) => ChatState::Paused,
            },
        }),
        Event::PinUpdate(update) => EventBody::PinUpdate(PinUpdateEvent {
            chat: name(&update.jid),
            is_pinned: update.action.pinned.unwrap_or(false),
            timestamp: update.timestamp.into(),
        }),
        Event::MuteUpdate(update) => {
            let until = update.action.mute_end_timestamp.filter(|millis| *millis > 0);
            let is_muted = update.action.muted.unwrap_or(false);
            EventBody::MuteUpdate(MuteUpdateEvent {
                chat: name(&update.jid),
                is_muted,
                muted_until: until.filter(|_| is_muted).map(Timestamp::from_millis),
                timestamp: update.timestamp.into(),
            })
        }
        Event::ArchiveUpdate(update) => EventBody::ArchiveUpdate(ArchiveUpdateEvent {
            chat: name(&update.jid),
            is_archived: update.action.archived.unwrap_or(false),
            timestamp: update.timestamp.into(),
        }),
        Event::MarkChatAsReadUpdate(update) => EventBody::MarkChatAsRead(MarkChatAsReadEvent {
            chat: name(&update.jid),
            is_read: update.action.read.unwrap_or(false),
            timestamp: update.timestamp.into(),
        }),
        Event::UndecryptableMessage(message) => EventBody::UndecryptableMessage(undecryptable(
            &message.info,
            message.is_unavailable,
            message.unavailable_type,
        )),
        Event::OfflineSyncPreview(preview) => EventBody::OfflineSyncPreview(OfflineSyncPreviewEvent {
            total: preview.total,
            messages: preview.messages,
            receipts: preview.receipts,
            notifications: preview.notifications,
            app_data_changes: preview.app_data_changes,
            calls: preview.calls,
        }),
        Event::OfflineSyncCompleted(completed) => {
            EventBody::OfflineSyncCompleted(OfflineSyncCompletedEvent { count: completed.count })
        }
        other => return contact(other).or_else(|| call(other)),
    })
}

fn contact(event: &Event) -> Option<EventBody> {
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
        Event::PushNameUpdate(update) => EventBody::PushNameUpdate(PushNameUpdateEvent {
            contact: Party { push_name: said(&update.new_push_name), ..sender(&update.message.source, None) },
            old_push_name: said(&update.old_push_name),
        }),
        Event::ContactUpdate(update) => EventBody::ContactUpdate(ContactUpdateEvent {
            contact: party(&update.jid, None),
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

fn call(event: &Event) -> Option<EventBody> {
    Some(EventBody::Call(match event {
        Event::IncomingCall(call) => incoming(call)?,
        Event::MissedCall(call) => ended(&call.from, &call.call_id, CallState::Missed, call.timestamp.into()),
        Event::CallEndedElsewhere(call) => {
            let state = match call.outcome {
                ElsewhereOutcome::Accepted => CallState::AcceptedElsewhere,
                _ => CallState::RejectedElsewhere,
            };
            ended(&call.from, &call.call_id, state, call.timestamp.into())
        }
        _ => return None,
    }))
}

/// What is said about a call while it is set up or ends; what is said while it lasts is for its participants.
fn incoming(call: &IncomingCall) -> Option<CallEvent> {
    let (state, is_video, is_group) = match &call.action {
        CallAction::Offer { is_video, group_jid, .. } => (CallState::Offered, *is_video, group_jid.is_some()),
        CallAction::OfferNotice { is_video, is_group, .. } => (CallState::Offered, *is_video, *is_group),
        CallAction::Accept { .. } => (CallState::Accepted, false, false),
        CallAction::Reject { .. } => (CallState::Rejected, false, false),
        CallAction::Terminate { reason, .. } => (call_end(reason.as_deref()), false, false),
        _ => return None,
    };
    let caller = match &call.action {
        CallAction::Offer { caller_pn, .. } => caller_pn.as_ref(),
        _ => None,
    };
    let creator = call.action.call_creator();
    let from = Party { push_name: call.notify.as_deref().and_then(said), ..party(creator, caller) };
    let (call_id, timestamp, offline) = (call.action.call_id().to_owned(), call.timestamp.into(), call.offline);
    Some(CallEvent { call_id, from, state, is_video, is_group, timestamp, offline })
}

/// How a call ended for this account, in WhatsApp's words.
fn call_end(reason: Option<&str>) -> CallState {
    match reason {
        Some("accepted_elsewhere") => CallState::AcceptedElsewhere,
        Some("rejected_elsewhere") => CallState::RejectedElsewhere,
        Some("timeout") => CallState::Missed,
        _ => CallState::Ended,
    }
}

fn ended(from: &Jid, call_id: &str, state: CallState, timestamp: Timestamp) -> CallEvent {
    let (call_id, from) = (call_id.to_owned(), party(from, None));
    CallEvent { call_id, from, state, is_video: false, is_group: false, timestamp, offline: false }
}

fn undecryptable(info: &MessageInfo, is_unavailable: bool, kind: UnavailableType) -> UndecryptableMessageEvent {
    UndecryptableMessageEvent {
        message_id: info.id.clone(),
        chat: name(&info.source.chat),
        is_group: info.source.is_group,
        sender: sender(&info.source, Some(&info.push_name)),
        reason: match kind {
            UnavailableType::ViewOnce => UndecryptableReason::ViewOnce,
            _ if is_unavailable => UndecryptableReason::Unavailable,
            _ => UndecryptableReason::Failed,
        },
        timestamp: info.timestamp.into(),
    }
}

/// What became of a message. What devices say to each other about keys is no news.
fn receipt_kind(kind: &ReceiptType) -> Option<ReceiptKind> {
    Some(match kind {
        ReceiptType::Delivered | ReceiptType::Inactive => ReceiptKind::Delivered,
        ReceiptType::Read => ReceiptKind::Read,
        ReceiptType::ReadSelf => ReceiptKind::ReadSelf,
        ReceiptType::Played => ReceiptKind::Played,
        ReceiptType::PlayedSelf => ReceiptKind::PlayedSelf,
        ReceiptType::Sent | ReceiptType::ServerError => ReceiptKind::Failed,
        _ => return None,
    })
}

/// What changed about a group, and that the account joined it if it did.
fn group(client: &Client, update: &GroupUpdate) -> Vec<EventBody> {
    let (group, timestamp) = (name(&update.group_jid), Timestamp::from(update.timestamp));
    let author = update.participant.as_ref().map(|author| party(author, update.participant_pn.as_ref()));
    let people = |some: &[GroupParticipantInfo]| some.iter().map(participant).collect::<Vec<_>>();
    let (change, participants, text) = match &update.action {
        Action::Add { participants, .. } => (GroupChange::ParticipantsAdded, people(participants), None),
        Action::Remove { participants, .. } => (GroupChange::ParticipantsRemoved, people(participants), None),
        Action::Promote { participants } => (GroupChange::ParticipantsPromoted, people(participants), None),
        Action::Demote { participants } => (GroupChange::ParticipantsDemoted, people(participants), None),
        Action::Modify { participants } => (GroupChange::ParticipantChanged, people(participants), None),
        Action::Subject { subject, .. } => (GroupChange::Subject, Vec::new(), Some(subject.clone())),
        Action::Description { description, .. } => (GroupChange::Description, Vec::new(), description.clone()),
        Action::CreatedMembershipRequests { requests, .. } => (GroupChange::MembershipRequests, people(requests), None),
        Action::RevokedMembershipRequests { participants } => {
            let participants = participants.iter().map(|jid| party(jid, None)).collect();
            (GroupChange::MembershipRequests, participants, None)
        }
        other => (plain_change(other), Vec::new(), None),
    };
    let ephemeral_seconds = match &update.action {
        Action::Ephemeral { expiration, .. } => Some(i64::from(*expiration)),
        _ => None,
    };
    let is_joined = match &update.action {
        Action::Create { .. } => true,
        Action::Add { participants, .. } => participants.iter().any(|one| is_own(client, one)),
        _ => false,
    };
    let joined = is_joined
        .then(|| EventBody::JoinedGroup(JoinedGroupEvent { group: group.clone(), author: author.clone(), timestamp }));
    let changed = GroupUpdateEvent { group, author, change, participants, text, ephemeral_seconds, timestamp };
    joined.into_iter().chain([EventBody::GroupUpdate(changed)]).collect()
}

/// What changed, where nobody and no text belongs to it.
fn plain_change(action: &Action) -> GroupChange {
    match action {
        Action::Create { .. } => GroupChange::Created,
        Action::Delete { .. } => GroupChange::Deleted,
        Action::Locked { .. } => GroupChange::Locked,
        Action::Unlocked => GroupChange::Unlocked,
        Action::Announce => GroupChange::Announcement,
        Action::NotAnnounce => GroupChange::NotAnnouncement,
        Action::Ephemeral { .. } => GroupChange::Ephemeral,
        Action::MembershipApprovalMode { .. } | Action::MemberAddMode { .. } => GroupChange::Membership,
        Action::MembershipApprovalRequest { .. } => GroupChange::MembershipRequests,
        Action::Invite { .. } | Action::RevokeInvite => GroupChange::Invite,
        _ => GroupChange::Other,
    }
}

fn is_own(client: &Client, one: &GroupParticipantInfo) -> bool {
    let own = [client.pn(), client.lid()];
    own.iter()
        .flatten()
        .any(|own| own.user == one.jid.user || one.phone_number.as_ref().is_some_and(|pn| pn.user == own.user))
}

fn participant(one: &GroupParticipantInfo) -> Party {
    Party { push_name: one.display_name.as_deref().and_then(said), ..party(&one.jid, one.phone_number.as_ref()) }
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

/// A name, unless it is empty.
fn said(text: &str) -> Option<String> {
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

    #[test]
    fn what_devices_say_about_keys_is_no_news() {
        assert_eq!(receipt_kind(&ReceiptType::Retry), None);
        assert_eq!(receipt_kind(&ReceiptType::Other("new".to_owned())), None);
        assert_eq!(receipt_kind(&ReceiptType::Read), Some(ReceiptKind::Read));
    }
}
