//! Groups.

use entity::timestamp::Timestamp;
use entity::words::GroupChange;
use whatsapp_rust::types::events::GroupUpdate;
use whatsapp_rust::wacore::stanza::groups::{GroupNotificationAction as Action, GroupParticipantInfo};

use crate::event::body::contact::{GroupUpdateEvent, JoinedGroupEvent};
use crate::event::body::{EventBody, Party};
use crate::whatsapp::reading::{Own, name, party, said};

/// What changed about a group, and that the account joined it if it did.
pub(super) fn bodies(own: &Own, update: &GroupUpdate) -> Vec<EventBody> {
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
        // Who asks is the author.
        Action::MembershipApprovalRequest { .. } => {
            (GroupChange::MembershipRequests, author.iter().cloned().collect(), None)
        }
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
        Action::Add { participants, .. } => participants.iter().any(|one| is_own(own, one)),
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
        Action::Invite { .. } | Action::RevokeInvite => GroupChange::Invite,
        _ => GroupChange::Other,
    }
}

fn is_own(own: &Own, one: &GroupParticipantInfo) -> bool {
    own.is(&one.jid) || one.phone_number.as_ref().is_some_and(|phone| own.is(phone))
}

fn participant(one: &GroupParticipantInfo) -> Party {
    Party { push_name: one.display_name.as_deref().and_then(said), ..party(&one.jid, one.phone_number.as_ref()) }
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::wacore::stanza::groups::MembershipRequestMethod;

    use super::*;

    #[test]
    fn who_asks_to_join_a_group_is_among_those_whom_it_is_about() {
        let update = GroupUpdate::builder()
            .group_jid("120363000000000001@g.us".parse().expect("it is a JID"))
            .participant("100000000000077@lid".parse().expect("it is a JID"))
            .participant_pn("15550100077@s.whatsapp.net".parse().expect("it is a JID"))
            .timestamp(Default::default())
            .is_lid_addressing_mode(true)
            .action(Action::MembershipApprovalRequest {
                request_method: MembershipRequestMethod::InviteLink,
                parent_group_jid: None,
            })
            .build();
        let bodies = bodies(&Own([None, None]), &update);
        let [EventBody::GroupUpdate(update)] = &bodies[..] else { panic!("it is one change") };
        assert_eq!(update.change, GroupChange::MembershipRequests);
        let phones: Vec<_> = update.participants.iter().map(|party| party.phone_number.as_deref()).collect();
        assert_eq!(phones, [Some("15550100077")]);
    }
}
