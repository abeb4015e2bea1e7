//! Votes in polls, and answers to appointments. A vote is sealed with the secret of its poll, and names what was chosen by a hash of its words. The secret is
//! what the library keeps for 90 days; the words are those of the poll in the journal. Of polls that came a moment ago both are
//! remembered here as well: the library writes secrets later than the journal writes messages. Both are in the message itself, too, as
//! long as that is kept: of what was sent through this API they are nowhere else in the journal.

use std::collections::VecDeque;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::event::EventType;
use entity::words::message::{Attendance, AttendanceState, VoteState};
use parking_lot::Mutex;
use wacore::event::decrypt_event_response_with_secret;
use wacore::poll::{PollVoteCiphertext, compute_option_hash, decrypt_poll_vote_with_secret};
use wacore::store::error::StoreError;
use wacore::store::traits::MsgSecretStore as _;
use waproto::whatsapp::message::EventResponseMessage;
use waproto::whatsapp::message::event_response_message::EventResponseType;

use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::event::body::EventBody;
use crate::event::body::message::{MessageEvent, PollChoice, PollVote};
use crate::event::body::party::Party;
use crate::event::index::StoredMessage;
use crate::event::vote::CastVote;
use crate::event::{index_store, store};
use crate::whatsapp::compose::reading::{event_secret, poll as asked};
use crate::whatsapp::device_store::DeviceStore;
use crate::whatsapp::key_text;
use crate::whatsapp::report::{PollSeal, Report, SealedVote};

/// Polls of one client that are remembered.
const POLLS: usize = 128;
/// Options that a vote names, at most. WhatsApp's apps allow twelve.
const CHOICES: usize = 64;

/// The polls that one client has seen a moment ago, and where older ones are.
pub(super) struct Votes {
    db: Db,
    recent: Mutex<VecDeque<Recent>>,
}

struct Recent {
    id: String,
    creator: Party,
    secret: Vec<u8>,
    options: Vec<String>,
}

impl Votes {
    pub(super) fn new(db: Db) -> Self {
        Self { db, recent: Mutex::default() }
    }

    /// Takes note of a poll, or opens a vote.
    ///
    /// # Errors
    /// `Unavailable`: the poll could not be looked for.
    pub(super) async fn see(&self, session: &SessionId, store: &DeviceStore, report: &mut Report) -> Result<()> {
        let (EventBody::Message(event), Some(poll)) = (&mut report.body, &report.poll) else { return Ok(()) };
        let sealed = match poll {
            PollSeal::Secret(secret) => {
                self.note(secret, event);
                return Ok(());
            }
            PollSeal::Vote(sealed) => sealed,
            PollSeal::Attendance(sealed) => return self.answer(session, store, sealed, event).await,
        };
        let Some(key) = Key::of(event) else { return Ok(()) };
        let vote = match self.secret(session, store, &key).await? {
            None => PollVote { state: VoteState::PollUnknown, chosen: Vec::new() },
            Some(secret) => match open(sealed, &secret, &key) {
                None => PollVote { state: VoteState::Undecryptable, chosen: Vec::new() },
                Some(hashes) => {
                    let options = self.options(session, &key).await?;
                    PollVote { state: VoteState::Opened, chosen: chosen(hashes, &options) }
                }
            },
        };
        report.vote = cast(&key, &vote, event.timestamp);
        if let Some(poll) = &mut event.poll {
            poll.vote = Some(vote);
        }
        Ok(())
    }

    /// Opens an answer to an appointment.
    async fn answer(
        &self,
        session: &SessionId,
        store: &DeviceStore,
        sealed: &SealedVote,
        event: &mut MessageEvent,
    ) -> Result<()> {
        let Some(key) = Key::of(event) else { return Ok(()) };
        let (state, opened) = match self.secret(session, store, &key).await? {
            None => (AttendanceState::AppointmentUnknown, None),
            Some(secret) => match open_answer(sealed, &secret, &key) {
                None => (AttendanceState::Undecryptable, None),
                opened => (AttendanceState::Opened, opened),
            },
        };
        if let Some(attendance) = &mut event.attendance {
            attendance.state = state;
            attendance.answer = opened.as_ref().and_then(|opened| said(opened.response?));
            attendance.extra_guests = opened.map(|opened| opened.extra_guest_count.unwrap_or(0));
        }
        Ok(())
    }

    fn note(&self, secret: &[u8], event: &MessageEvent) {
        let options = event.poll.as_ref().map(|poll| poll.options.clone()).unwrap_or_default();
        let mut recent = self.recent.lock();
        if recent.len() == POLLS {
            recent.pop_front();
        }
        let (id, creator) = (event.message_id.clone(), event.sender.clone());
        recent.push_back(Recent { id, creator, secret: secret.to_vec(), options });
    }

    async fn secret(&self, session: &SessionId, store: &DeviceStore, key: &Key<'_>) -> Result<Option<Vec<u8>>> {
        if let Some(secret) = self.recent.lock().iter().rev().find(|poll| poll.is(key)).map(|poll| poll.secret.clone())
        {
            return Ok(Some(secret));
        }
        for chat in &key.chats {
            for creator in names(key.creator) {
                let found = store.get_msg_secret(chat, &creator, key.poll).await.map_err(unreadable)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        let kept = self.kept(session, key).await?;
        Ok(kept.iter().find_map(|content| match asked(content) {
            Some(poll) => poll.secret,
            None => event_secret(content),
        }))
    }

    /// The protobuf of the message that asks, if that is still kept.
    async fn kept(&self, session: &SessionId, key: &Key<'_>) -> Result<Vec<Vec<u8>>> {
        let (chats, creators) = (fitted(key.chats.clone()), fitted(names(key.creator)));
        let found = index_store::with_id(self.db.read(), session, &key_text::id(key.poll)).await?;
        let is_it = |stored: &StoredMessage| {
            let of = &stored.message.key;
            chats.contains(&of.chat) && creators.contains(&without_device(&of.sender))
        };
        Ok(found.into_iter().filter(is_it).map(|stored| stored.message.content).collect())
    }

    /// What can be chosen, if the journal still knows it.
    async fn options(&self, session: &SessionId, key: &Key<'_>) -> Result<Vec<String>> {
        if let Some(poll) = self.recent.lock().iter().rev().find(|poll| poll.is(key)) {
            return Ok(poll.options.clone());
        }
        for chat in &key.chats {
            let bodies = store::messages(self.db.read(), session, &key_text::id(chat), &key_text::id(key.poll)).await?;
            let mut polls = bodies.iter().filter_map(|body| match EventBody::parse(EventType::Message, body) {
                Ok(EventBody::Message(message)) if is_same(&message.sender, key.creator) => message.poll,
                _ => None,
            });
            if let Some(poll) = polls.next_back() {
                return Ok(poll.options);
            }
        }
        let kept = self.kept(session, key).await?;
        Ok(kept.iter().find_map(|content| asked(content)).map(|poll| poll.options).unwrap_or_default())
    }
}

impl Recent {
    fn is(&self, key: &Key<'_>) -> bool {
        self.id == key.poll && is_same(&self.creator, key.creator)
    }
}

/// By what a poll or an appointment is known, and who answers.
struct Key<'a> {
    /// The chat that it is in, by all of its names.
    chats: Vec<String>,
    poll: &'a str,
    creator: &'a Party,
    voter: &'a Party,
}

impl<'a> Key<'a> {
    fn of(event: &'a MessageEvent) -> Option<Self> {
        let (poll, creator) = match (&event.poll, &event.attendance) {
            (Some(poll), _) => (poll.vote_on.as_deref()?, poll.creator.as_ref()?),
            (None, attendance) => {
                let attendance = attendance.as_ref()?;
                (attendance.message_id.as_str(), attendance.creator.as_ref()?)
            }
        };
        let mut chats = vec![event.chat.clone()];
        chats.extend(event.partner.iter().flat_map(names).filter(|name| *name != event.chat));
        Some(Self { chats, poll, creator, voter: &event.sender })
    }
}

/// All names of a person, the one that they were called by first.
fn names(party: &Party) -> Vec<String> {
    let phone = party.phone_number.as_ref().map(|digits| format!("{digits}@s.whatsapp.net"));
    let mut names = vec![party.id.clone()];
    for other in party.lid.clone().into_iter().chain(phone) {
        if !names.contains(&other) {
            names.push(other);
        }
    }
    names
}

/// Names, as the tables have them.
fn fitted(names: Vec<String>) -> Vec<String> {
    names.into_iter().map(|name| key_text::id(&name).into_owned()).collect()
}

/// `15550100077:3@s.whatsapp.net` without the device.
fn without_device(jid: &str) -> String {
    match jid.split_once('@') {
        Some((user, server)) => format!("{}@{server}", user.split(':').next().unwrap_or(user)),
        None => jid.to_owned(),
    }
}

/// What is counted of a vote. None if it is not known to which poll it belongs.
fn cast(key: &Key<'_>, vote: &PollVote, voted_at: Timestamp) -> Option<CastVote> {
    let by_number = |names: &[String]| {
        let number = names.iter().find(|name| name.ends_with("@s.whatsapp.net"));
        number.or(names.first()).map(|name| key_text::id(name).into_owned())
    };
    if vote.state == VoteState::PollUnknown {
        return None;
    }
    Some(CastVote {
        poll_id: key_text::id(key.poll).into_owned(),
        chat: by_number(&key.chats)?,
        voter: by_number(&names(key.voter))?,
        state: vote.state,
        chosen: vote.chosen.iter().map(|choice| choice.option_sha256.clone()).collect(),
        voted_at,
    })
}

fn unreadable(error: StoreError) -> Error {
    Error::new(ErrorKind::Unavailable, "the secrets of polls could not be read").because(error)
}

fn is_same(one: &Party, other: &Party) -> bool {
    let others = names(other);
    names(one).iter().any(|name| others.contains(name))
}

/// The hashes in a vote. The names of creator and voter are a part of the key to it, and nobody knows which of them the voter's
/// phone used.
fn open(sealed: &SealedVote, secret: &[u8], key: &Key<'_>) -> Option<Vec<Vec<u8>>> {
    let voters = names(key.voter);
    names(key.creator).iter().find_map(|creator| {
        voters.iter().find_map(|voter| {
            let sealed = PollVoteCiphertext { enc_payload: &sealed.payload, enc_iv: &sealed.iv };
            decrypt_poll_vote_with_secret(sealed, secret, key.poll, creator, voter).ok()
        })
    })
}

/// The same, of an answer to an appointment.
fn open_answer(sealed: &SealedVote, secret: &[u8], key: &Key<'_>) -> Option<EventResponseMessage> {
    let (SealedVote { payload, iv }, voters) = (sealed, names(key.voter));
    names(key.creator).iter().find_map(|creator| {
        let open = |voter: &String| decrypt_event_response_with_secret(payload, iv, secret, key.poll, creator, voter);
        voters.iter().find_map(|voter| open(voter).ok())
    })
}

/// What an answer to an appointment says.
fn said(response: EventResponseType) -> Option<Attendance> {
    match response {
        EventResponseType::GOING => Some(Attendance::Going),
        EventResponseType::NOT_GOING => Some(Attendance::NotGoing),
        EventResponseType::MAYBE => Some(Attendance::Maybe),
        _ => None,
    }
}

fn chosen(hashes: Vec<Vec<u8>>, options: &[String]) -> Vec<PollChoice> {
    let choice = |hash: Vec<u8>| PollChoice {
        option: options.iter().find(|option| compute_option_hash(option)[..] == hash[..]).cloned(),
        option_sha256: hash.iter().take(32).map(|byte| format!("{byte:02x}")).collect(),
    };
    hashes.into_iter().take(CHOICES).map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 32] = [7; 32];

    fn party(lid: &str, phone: Option<&str>) -> Party {
        let phone_number = phone.map(str::to_owned);
        Party { id: lid.to_owned(), lid: Some(lid.to_owned()), phone_number, push_name: None }
    }

    fn sealed(creator: &str, voter: &str) -> SealedVote {
        let hashes = [compute_option_hash("tea").to_vec()];
        let vote = wacore::poll::encrypt_poll_vote_with_secret(&hashes, &SECRET, "P1", creator, voter);
        let (payload, iv) = vote.expect("it is sealed");
        SealedVote { payload, iv: iv.to_vec() }
    }

    #[test]
    fn a_vote_opens_whichever_names_the_voters_phone_used() {
        let (creator, voter) = (party("1@lid", Some("15550100001")), party("2@lid", Some("15550100077")));
        let key = Key { chats: Vec::new(), poll: "P1", creator: &creator, voter: &voter };
        for creator in ["1@lid", "15550100001@s.whatsapp.net"] {
            for voter in ["2@lid", "15550100077@s.whatsapp.net"] {
                let hashes = open(&sealed(creator, voter), &SECRET, &key).expect("it opens");
                let [choice] = &chosen(hashes, &["coffee".to_owned(), "tea".to_owned()])[..] else {
                    panic!("it is one")
                };
                assert_eq!(choice.option.as_deref(), Some("tea"));
            }
        }
        assert!(open(&sealed("3@lid", "2@lid"), &SECRET, &key).is_none());
        assert!(open(&sealed("1@lid", "2@lid"), &[8; 32], &key).is_none());
    }

    #[test]
    fn an_option_that_the_journal_does_not_know_is_named_by_its_hash() {
        let hash = compute_option_hash("tea").to_vec();
        let [choice] = &chosen(vec![hash], &["coffee".to_owned()])[..] else { panic!("it is one") };
        assert_eq!((choice.option.as_deref(), choice.option_sha256.len()), (None, 64));
        assert_eq!(chosen(vec![vec![1; 32]; 1_000], &[]).len(), CHOICES);
    }

    #[test]
    fn a_vote_counts_for_a_person_by_number_and_only_in_a_poll_that_is_known() {
        let (creator, voter) = (party("1@lid", Some("15550100001")), party("2@lid", Some("15550100077")));
        let chats = vec!["2@lid".to_owned(), "15550100077@s.whatsapp.net".to_owned()];
        let key = Key { chats, poll: "P1", creator: &creator, voter: &voter };
        let at = Timestamp::from_millis(1_767_143_264_000);
        let chosen = vec![PollChoice { option: None, option_sha256: "aa".to_owned() }];
        let vote = cast(&key, &PollVote { state: VoteState::Opened, chosen }, at).expect("it counts");
        assert_eq!((vote.poll_id.as_str(), vote.chat.as_str()), ("P1", "15550100077@s.whatsapp.net"));
        assert_eq!((vote.voter.as_str(), vote.chosen), ("15550100077@s.whatsapp.net", vec!["aa".to_owned()]));
        let unknown = PollVote { state: VoteState::PollUnknown, chosen: Vec::new() };
        assert_eq!(cast(&key, &unknown, at), None);
    }
}
