//! Calls, as their stanzas tell of them.

use entity::words::call::CallState;
use whatsapp_rust::wacore::stanza::call::parse_call_stanza;
use whatsapp_rust::wacore::types::call::{CallAction, IncomingCall};
use whatsapp_rust::wacore_binary::NodeRef;

use crate::event::body::EventBody;
use crate::event::body::call::CallEvent;
use crate::event::body::party::Party;
use crate::whatsapp::reading::party::{party, said};

/// What is said about a call while it is set up or ends; what is said while it lasts is for its participants. None if it is
/// no news.
pub(super) fn body(node: &NodeRef<'_>) -> Option<EventBody> {
    let call: IncomingCall = parse_call_stanza(node).ok()??;
    let (state, is_video, is_group) = match &call.action {
        CallAction::Offer { is_video, group_jid, .. } => (offer(&call), *is_video, group_jid.is_some()),
        CallAction::OfferNotice { is_video, is_group, .. } => (offer(&call), *is_video, *is_group),
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
    Some(EventBody::Call(CallEvent { call_id, from, state, is_video, is_group, timestamp, offline }))
}

/// A call that waited for this device is long over.
fn offer(call: &IncomingCall) -> CallState {
    if call.offline { CallState::Missed } else { CallState::Offered }
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

#[cfg(test)]
mod tests {
    use whatsapp_rust::wacore_binary::builder::NodeBuilder;

    use super::*;

    #[test]
    fn a_call_that_was_missed_while_the_session_was_away_says_so() {
        for (is_offline, state) in [(true, CallState::Missed), (false, CallState::Offered)] {
            let offer = NodeBuilder::new("offer")
                .attr("call-id", "C1")
                .attr("call-creator", "100000000000077@lid")
                .attr("caller_pn", "15550100077@s.whatsapp.net")
                .children([NodeBuilder::new("video").build()])
                .build();
            let mut node = NodeBuilder::new("call").attr("from", "100000000000077@lid").attr("id", "1");
            node = node.attr("t", "1700000000");
            if is_offline {
                node = node.attr("offline", "0");
            }
            let node = node.children([offer]).build();
            let Some(EventBody::Call(call)) = body(&node.as_node_ref()) else { panic!("it is news") };
            assert_eq!((call.state, call.offline, call.is_video), (state, is_offline, true));
            assert_eq!(call.from.phone_number.as_deref(), Some("15550100077"));
        }
    }
}
