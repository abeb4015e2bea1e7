//! Groups.

use entity::timestamp::Timestamp;
use entity::words::group::GroupChange;
use whatsapp_rust::wacore::stanza::groups::{
    GroupNotification, GroupNotificationAction as Action, GroupParticipantInfo,
};
use whatsapp_rust::wacore_binary::NodeRef;

use crate::event::body::EventBody;
use crate::event::body::contact::{GroupUpdateEvent, JoinedGroupEvent};
use crate::event::body::party::Party;
use crate::whatsapp::reading::party::{Own, name, party, said};
use crate::whatsapp::reading::stanza::sent_at;

/// What changed about a group, and that the account joined it if it did.
pub(super) fn bodies(own: &Own, node: &NodeRef<'_>) -> Vec<EventBody> {
    let Some(update) = GroupNotification::try_from_node_ref(node) else { return Vec::new() };
    // Old groups know their members by numbers. The library reads the other name only of those that know them by LIDs.
    let other = update.participant_pn.clone().or_else(|| node.attrs().optional_jid("participant_lid"));
    let author = update.participant.as_ref().map(|author| party(author, other.as_ref()));
    let changes = |action| changes(own, (&name(&update.group_jid), author.as_ref()), action, sent_at(node));
    update.actions.iter().flat_map(changes).collect()
}

fn changes(
    own: &Own,
    (group, author): (&str, Option<&Party>),
    action: &Action,
    timestamp: Timestamp,
) -> Vec<EventBody> {
    let (group, author) = (group.to_owned(), author.cloned());
    let people = |some: &[GroupParticipantInfo]| some.iter().map(participant).collect::<Vec<_>>();
    let (change, participants, text) = match action {
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
    let ephemeral_seconds = match action {
        Action::Ephemeral { expiration, .. } => Some(i64::from(*expiration)),
        _ => None,
    };
    let is_joined = match action {
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
    let other = one.phone_number.as_ref().or(one.lid.as_ref());
    Party { push_name: one.display_name.as_deref().and_then(said), ..party(&one.jid, other) }
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::wacore_binary::builder::NodeBuilder;

    use super::*;

    #[test]
    fn who_asks_to_join_a_group_is_among_those_whom_it_is_about() {
        let node = NodeBuilder::new("notification")
            .attr("type", "w:gp2")
            .attr("from", "120363000000000001@g.us")
            .attr("participant", "100000000000077@lid")
            .attr("participant_pn", "15550100077@s.whatsapp.net")
            .attr("t", "1700000000")
            .children([NodeBuilder::new("membership_approval_request").attr("request_method", "invite_link").build()])
            .build();
        let bodies = bodies(&Own([None, None]), &node.as_node_ref());
        let [EventBody::GroupUpdate(update)] = &bodies[..] else { panic!("it is one change") };
        assert_eq!(update.change, GroupChange::MembershipRequests);
        assert_eq!(update.timestamp.seconds(), 1_700_000_000);
        let phones: Vec<_> = update.participants.iter().map(|party| party.phone_number.as_deref()).collect();
        assert_eq!(phones, [Some("15550100077")]);
    }

    #[test]
    fn in_an_old_group_everybody_has_a_lid_too() {
        let member = NodeBuilder::new("participant")
            .attr("jid", "15550100078@s.whatsapp.net")
            .attr("lid", "100000000000078@lid")
            .build();
        let node = NodeBuilder::new("notification")
            .attr("type", "w:gp2")
            .attr("from", "120363000000000001@g.us")
            .attr("participant", "15550100077@s.whatsapp.net")
            .attr("participant_lid", "100000000000077@lid")
            .attr("t", "1700000000")
            .children([NodeBuilder::new("add").children([member]).build()])
            .build();
        let bodies = bodies(&Own([None, None]), &node.as_node_ref());
        let [EventBody::GroupUpdate(update)] = &bodies[..] else { panic!("it is one change") };
        assert_eq!(update.author.as_ref().and_then(|author| author.lid.as_deref()), Some("100000000000077@lid"));
        assert_eq!(update.participants[0].lid.as_deref(), Some("100000000000078@lid"));
    }
}
