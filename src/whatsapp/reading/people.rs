//! What one stanza tells about somebody, or about a call, for those that come after it: WhatsApp says a number, a name and whether
//! a call is by video once, and only a LID or an id later.
//!
//! It lives as long as the client. What outlives that is in the device store (numbers and LIDs, which the library keeps) and in
//! the journal (calls).

use std::time::Duration;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::call::CallState;
use parking_lot::Mutex;
use whatsapp_rust::{Client, Jid};

use crate::db::Db;
use crate::event::body::EventBody;
use crate::event::body::call::CallEvent;
use crate::event::body::contact::PushNameUpdateEvent;
use crate::event::store;
use crate::whatsapp::reading::names::Names;
use crate::whatsapp::reading::party::Own;
use crate::whatsapp::reading::recent::Recent;

/// LIDs of which the number is remembered here: the library has most of them, too.
const NUMBERS: usize = 4096;
/// Calls that are remembered. One lasts hours at most, and nobody has many at once.
const CALLS: usize = 256;
/// How long ago a call may have begun of which the end comes now.
const CALL_LASTS: Duration = Duration::from_secs(24 * 60 * 60);

/// What one client knows about people.
pub(in crate::whatsapp) struct People(Mutex<Known>);

struct Known {
    names: Names,
    /// Phone numbers by LID.
    numbers: Recent<String>,
    /// LIDs by phone number.
    lids: Recent<String>,
    calls: Recent<Call>,
}

struct Call {
    push_name: Option<String>,
    is_video: bool,
    is_group: bool,
}

/// The user of somebody's LID, and their phone number.
pub(in crate::whatsapp) type Pair = (String, String);

impl Default for People {
    fn default() -> Self {
        Self(Mutex::new(Known {
            names: Names::default(),
            numbers: Recent::new(NUMBERS),
            lids: Recent::new(NUMBERS),
            calls: Recent::new(CALLS),
        }))
    }
}

/// What a body says beside itself.
pub(in crate::whatsapp) struct Learnt {
    /// That somebody has another name now, which was so before this.
    pub(in crate::whatsapp) renamed: Option<PushNameUpdateEvent>,
    /// LIDs and phone numbers that the library is to keep.
    pub(in crate::whatsapp) pairs: Vec<Pair>,
}

impl People {
    /// Learns what a body says, and adds what was said before and what the library knows. Nobody is asked.
    pub(in crate::whatsapp) async fn complete(&self, client: Option<&Client>, body: &mut EventBody) -> Learnt {
        let mut pairs = self.0.lock().follow(body);
        if let Some(client) = client {
            super::complete(client, body).await;
            pairs = unknown(client, pairs).await;
        }
        Learnt { renamed: self.0.lock().name(body), pairs }
    }

    /// Learns about a call what the journal has of it: a client before this one may have heard how it began. What cannot be
    /// read is not added.
    pub(in crate::whatsapp) async fn recall(&self, db: &Db, session: &SessionId, body: &EventBody, now: Timestamp) {
        let EventBody::Call(call) = body else { return };
        if call.state == CallState::Offered || self.0.lock().calls.get(&call.call_id).is_some() {
            return;
        }
        let begin = now.before(CALL_LASTS).millis().saturating_mul(1000);
        let found = store::calls(db.read(), session, begin, CALLS as u64).await;
        let found = found.unwrap_or_default();
        let mut earlier = found.iter().filter_map(|body| serde_json::from_str::<CallEvent>(body).ok());
        // The oldest says how it began.
        if let Some(mut first) = earlier.rfind(|earlier| earlier.call_id == call.call_id) {
            self.0.lock().follow_call(&mut first);
        }
    }
}

/// Those of these that the library does not know. It knows the account itself in another way.
async fn unknown(client: &Client, pairs: Vec<Pair>) -> Vec<Pair> {
    let own = Own::of(client);
    let mut news = Vec::new();
    for (lid, phone_number) in pairs {
        let jid = Jid::lid(&*lid);
        if own.is(&jid) {
            continue;
        }
        let known = client.get_lid_pn_entry(&jid).await;
        if !matches!(&known, Ok(Some(entry)) if *entry.phone_number == *phone_number) {
            news.push((lid, phone_number));
        }
    }
    news
}

impl Known {
    /// Learns numbers and calls from a body, and adds those that it lacks. Gives the pairs that are new.
    fn follow(&mut self, body: &mut EventBody) -> Vec<Pair> {
        let mut news = Vec::new();
        for party in body.parties() {
            match (&party.lid, &party.phone_number) {
                (Some(lid), Some(phone_number)) => {
                    let known = self.numbers.learn(lid, phone_number.clone());
                    self.lids.learn(phone_number, lid.clone());
                    if known.as_ref() != Some(phone_number) {
                        news.push((lid.trim_end_matches("@lid").to_owned(), phone_number.clone()));
                    }
                }
                (Some(lid), None) => party.phone_number = self.numbers.get(lid).cloned(),
                (None, Some(phone_number)) => party.lid = self.lids.get(phone_number).cloned(),
                (None, None) => {}
            }
        }
        if let EventBody::Call(call) = body {
            self.follow_call(call);
        }
        news
    }

    fn follow_call(&mut self, call: &mut CallEvent) {
        if call.state == CallState::Offered || self.calls.get(&call.call_id).is_none() {
            let (push_name, is_video, is_group) = (call.from.push_name.clone(), call.is_video, call.is_group);
            self.calls.learn(&call.call_id, Call { push_name, is_video, is_group });
        } else if let Some(known) = self.calls.get(&call.call_id) {
            call.from.push_name = call.from.push_name.take().or_else(|| known.push_name.clone());
            call.is_video |= known.is_video;
            call.is_group |= known.is_group;
        }
    }

    /// Adds the names that people were seen with. Some if the body shows that somebody has another one now.
    fn name(&mut self, body: &mut EventBody) -> Option<PushNameUpdateEvent> {
        let renamed = match body {
            EventBody::Message(message) => {
                message.from_phone.clone_from(&message.sender.phone_number);
                self.names.learn(message)
            }
            _ => None,
        };
        for party in body.parties() {
            if party.push_name.is_none() {
                party.push_name = self.names.find(party).map(str::to_owned);
            }
        }
        renamed
    }
}

#[cfg(test)]
mod tests {
    use entity::timestamp::Timestamp;

    use super::*;
    use crate::event::body::party::Party;

    const LID: &str = "100000000000077@lid";

    fn call(state: CallState, phone_number: Option<&str>, is_video: bool) -> EventBody {
        let phone_number = phone_number.map(str::to_owned);
        let from = Party { id: LID.to_owned(), lid: Some(LID.to_owned()), phone_number, push_name: None };
        let (call_id, timestamp) = ("C1".to_owned(), Timestamp::from_millis(0));
        EventBody::Call(CallEvent { call_id, from, state, is_video, is_group: false, timestamp, offline: false })
    }

    #[test]
    fn the_end_of_a_call_knows_what_its_offer_said() {
        let people = People::default();
        let mut offer = call(CallState::Offered, Some("15550100077"), true);
        let news = people.0.lock().follow(&mut offer);
        assert_eq!(news, [("100000000000077".to_owned(), "15550100077".to_owned())]);
        for state in [CallState::Missed, CallState::Ended, CallState::RejectedElsewhere] {
            let mut end = call(state, None, false);
            assert_eq!(people.0.lock().follow(&mut end), []);
            let EventBody::Call(end) = end else { panic!("it is a call") };
            assert_eq!((end.from.phone_number.as_deref(), end.is_video), (Some("15550100077"), true));
        }
    }
}
