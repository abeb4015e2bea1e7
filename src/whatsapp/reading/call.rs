//! Calls.

use entity::timestamp::Timestamp;
use entity::words::CallState;
use whatsapp_rust::Jid;
use whatsapp_rust::types::events::Event;
use whatsapp_rust::wacore::types::call::{CallAction, ElsewhereOutcome, IncomingCall, MissedReason};

use crate::event::body::call::CallEvent;
use crate::event::body::{EventBody, Party};
use crate::whatsapp::reading::{party, said};

/// None if it is not about a call, or no news.
pub(super) fn body(event: &Event) -> Option<EventBody> {
    Some(EventBody::Call(match event {
        Event::IncomingCall(call) => incoming(call)?,
        Event::MissedCall(call) => {
            let offline = matches!(call.reason, MissedReason::Offline);
            let ended = ended(&call.from, &call.call_id, CallState::Missed, call.timestamp.into());
            CallEvent { offline, ..ended }
        }
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

#[cfg(test)]
mod tests {
    use whatsapp_rust::wacore::types::call::MissedCall;

    use super::*;

    #[test]
    fn a_call_that_was_missed_while_the_session_was_away_says_so() {
        for (reason, offline) in [(MissedReason::Offline, true), (MissedReason::Remote, false)] {
            let from = "15550100077@s.whatsapp.net".parse().expect("it is a JID");
            let missed = MissedCall::new(from, "C1".to_owned(), Default::default(), reason);
            let Some(EventBody::Call(call)) = body(&Event::MissedCall(missed)) else { panic!("it is news") };
            assert_eq!((call.state, call.offline), (CallState::Missed, offline));
        }
    }
}
