//! What people say about a message so that only those can read it who have the message: votes in a poll, answers to an event. A phone opens
//! it with the secret of the message that it has got or sent.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use wacore::event::{decrypt_event_response_with_secret, encrypt_event_response_with_secret};
use wacore::poll::{PollVoteCiphertext, compute_option_hash, decrypt_poll_vote_with_secret};
use wacore_binary::Jid;
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::event_response_message::EventResponseType;
use waproto::whatsapp::message::{EncEventResponseMessage, EventResponseMessage};

use crate::inbox::InboxMessage;
use crate::phone::Phone;
use crate::summary::{EventAnswer, options, poll_of, unwrapped};
use crate::world::{State, now};
use crate::{content, stanza};

/// Polls and events that a phone remembers; the oldest go first.
const MOST_PARENTS: usize = 10_000;

/// What a message opens, or says in secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Addon {
    /// It is a poll or an event.
    Parent { secret: Vec<u8>, options: Vec<String> },
    /// It is a vote in a poll.
    Vote(Sealed),
    /// It is an answer to an event.
    Answer(Sealed),
}

/// What is encrypted with the secret of another message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Sealed {
    parent_id: String,
    payload: Vec<u8>,
    iv: Vec<u8>,
}

/// The polls and events that a phone knows, by id.
#[derive(Default)]
pub(crate) struct Parents {
    by_id: HashMap<String, Parent>,
    order: VecDeque<String>,
}

#[derive(Clone)]
struct Parent {
    author: Arc<str>,
    secret: Vec<u8>,
    options: Vec<String>,
}

impl Addon {
    pub(crate) fn of(outer: &wa::Message) -> Option<Self> {
        let message = unwrapped(outer);
        let sealed = |key: &MessageField<wa::MessageKey>, payload: &Option<Vec<u8>>, iv: &Option<Vec<u8>>| Sealed {
            parent_id: key.id.clone().unwrap_or_default(),
            payload: payload.clone().unwrap_or_default(),
            iv: iv.clone().unwrap_or_default(),
        };
        if let Some(update) = message.poll_update_message.as_option() {
            let vote = update.vote.as_option()?;
            return Some(Self::Vote(sealed(&update.poll_creation_message_key, &vote.enc_payload, &vote.enc_iv)));
        }
        if let Some(answer) = message.enc_event_response_message.as_option() {
            let sealed = sealed(&answer.event_creation_message_key, &answer.enc_payload, &answer.enc_iv);
            return Some(Self::Answer(sealed));
        }
        let options = match poll_of(message) {
            Some((poll, _)) => options(poll),
            None if message.event_message.is_set() => Vec::new(),
            None => return None,
        };
        let contexts = [&outer.message_context_info, &message.message_context_info];
        let secret = contexts.into_iter().find_map(|context| context.message_secret.clone())?;
        Some(Self::Parent { secret, options })
    }
}

impl Parents {
    fn insert(&mut self, id: &str, parent: Parent) {
        if self.by_id.insert(id.to_owned(), parent).is_some() {
            return;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > MOST_PARENTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_id.remove(&oldest);
        }
    }
}

/// The names of the options with these hashes.
fn chosen(hashes: &[Vec<u8>], options: &[String]) -> Result<Vec<String>> {
    let name = |hash: &Vec<u8>| options.iter().find(|option| compute_option_hash(option).as_slice() == hash.as_slice());
    hashes.iter().map(|hash| name(hash).cloned().context("it is for an option that the poll does not have")).collect()
}

impl Sealed {
    fn vote(&self, parent: &Parent, author: &str, voter: &str) -> Result<Vec<Vec<u8>>> {
        let sealed = PollVoteCiphertext { enc_payload: &self.payload, enc_iv: &self.iv };
        decrypt_poll_vote_with_secret(sealed, &parent.secret, &self.parent_id, author, voter)
    }

    fn answer(&self, parent: &Parent, author: &str, guest: &str) -> Result<EventResponseMessage> {
        let (payload, iv) = (&self.payload, &self.iv);
        decrypt_event_response_with_secret(payload, iv, &parent.secret, &self.parent_id, author, guest)
    }
}

fn answer_of(response: &EventResponseMessage) -> EventAnswer {
    let word = match response.response {
        Some(EventResponseType::GOING) => "going",
        Some(EventResponseType::NOT_GOING) => "not_going",
        Some(EventResponseType::MAYBE) => "maybe",
        _ => "unknown",
    };
    EventAnswer { response: word, extra_guests: response.extra_guest_count.unwrap_or_default() }
}

impl State {
    /// A phone remembers what opens what will be said about a message.
    pub(crate) fn note_parent(&mut self, phone_number: &str, (id, author): (&str, &str), addon: Option<Addon>) {
        let Some(Addon::Parent { secret, options }) = addon else { return };
        if let Some(account) = self.accounts.get_mut(phone_number) {
            account.parents.insert(id, Parent { author: author.into(), secret, options });
        }
    }

    /// A phone opens what a message says in secret, if it has the message that this is about.
    pub(crate) fn open_addon(&mut self, phone_number: &str, message: &mut InboxMessage) {
        let Some(addon) = message.addon.clone() else { return };
        let opened = match &*addon {
            Addon::Parent { .. } => {
                let (id, author) = (message.id.clone(), message.from.clone());
                return self.note_parent(phone_number, (&id, &author), Some((*addon).clone()));
            }
            Addon::Vote(sealed) => self.opened_vote(phone_number, sealed, &message.from).map(|vote| {
                message.content.vote = vote;
            }),
            Addon::Answer(sealed) => self.opened_answer(phone_number, sealed, &message.from).map(|answer| {
                message.content.event_answer = answer;
            }),
        };
        // A test may let a phone write what nobody can open.
        if let Err(error) = opened
            && message.from_device != 0
        {
            self.stats.add_violation(format!("message {}: a phone cannot open what it says: {error:#}", message.id));
        }
    }

    fn opened_vote(&self, phone_number: &str, sealed: &Sealed, voter: &str) -> Result<Option<Vec<String>>> {
        let Some(parent) = self.parent(phone_number, &sealed.parent_id) else { return Ok(None) };
        let names = self.names_of(&parent.author, voter)?;
        let hashes = names.iter().find_map(|[author, voter]| sealed.vote(parent, author, voter).ok());
        chosen(&hashes.context("the poll's secret does not open it")?, &parent.options).map(Some)
    }

    fn opened_answer(&self, phone_number: &str, sealed: &Sealed, guest: &str) -> Result<Option<EventAnswer>> {
        let Some(parent) = self.parent(phone_number, &sealed.parent_id) else { return Ok(None) };
        let names = self.names_of(&parent.author, guest)?;
        let answer = names.iter().find_map(|[author, guest]| sealed.answer(parent, author, guest).ok());
        Ok(Some(answer_of(&answer.context("the event's secret does not open it")?)))
    }

    fn parent(&self, phone_number: &str, id: &str) -> Option<&Parent> {
        self.accounts.get(phone_number)?.parents.by_id.get(id)
    }

    /// How author and speaker are named in what is sealed: both by phone number or both by hidden number, never mixed
    /// (devlikeapro/waha#1561).
    fn names_of(&self, author: &str, speaker: &str) -> Result<[[String; 2]; 2]> {
        let account = |number: &str| self.accounts.get(number).context("nobody said it");
        let (author, speaker) = (account(author)?, account(speaker)?);
        Ok([
            [&author.lid, &speaker.lid].map(|lid| stanza::lid_jid(lid).to_string()),
            [&author.phone_number, &speaker.phone_number].map(|number| stanza::phone_jid(number).to_string()),
        ])
    }
}

impl Phone {
    /// Votes in a poll that this phone has got or sent, in the chat where it is: for these options and no others, none takes a vote back.
    /// Returns the vote's id.
    ///
    /// # Errors
    /// The phone knows no such poll, or it has no such option.
    pub async fn vote(&self, chat: &str, poll_id: &str, choices: &[&str]) -> Result<String> {
        let (parent, [author, voter]) = self.sealing(chat, poll_id)?;
        for choice in choices {
            ensure!(parent.options.iter().any(|option| option == choice), "the poll has no option {choice}");
        }
        let key = self.key_of(chat, poll_id)?;
        self.send_content(chat, content::vote_with(&parent.secret, key, [&author, &voter], choices)).await
    }

    /// Answers an event that this phone has got or sent: `going`, `not_going` or `maybe`, with so many others. Returns the answer's id.
    ///
    /// # Errors
    /// The phone knows no such event, or the word is another one.
    pub async fn answer_event(&self, chat: &str, event_id: &str, word: &str, extra_guests: i32) -> Result<String> {
        let response = match word {
            "going" => EventResponseType::GOING,
            "not_going" => EventResponseType::NOT_GOING,
            "maybe" => EventResponseType::MAYBE,
            other => anyhow::bail!("{other} is no answer to an event"),
        };
        let (parent, [author, guest]) = self.sealing(chat, event_id)?;
        let response = EventResponseMessage {
            response: Some(response),
            timestamp_ms: Some(now() as i64 * 1000),
            extra_guest_count: (extra_guests > 0).then_some(extra_guests),
        };
        let (payload, iv) = encrypt_event_response_with_secret(&response, &parent.secret, event_id, &author, &guest)?;
        let answer = EncEventResponseMessage {
            event_creation_message_key: MessageField::some(self.key_of(chat, event_id)?),
            enc_payload: Some(payload),
            enc_iv: Some(iv.to_vec()),
        };
        let message = wa::Message { enc_event_response_message: MessageField::some(answer), ..Default::default() };
        self.send_content(chat, message).await
    }

    /// The poll or event, and how author and speaker are named: as the chat names people.
    fn sealing(&self, chat: &str, id: &str) -> Result<(Parent, [String; 2])> {
        let state = self.world.state.lock();
        let parent = state.parent(&self.phone_number, id).with_context(|| format!("the phone knows no {id}"))?.clone();
        let [lids, numbers] = state.names_of(&parent.author, &self.phone_number)?;
        let group = chat.parse::<Jid>().ok().and_then(|jid| state.group_of(&jid)).map(|group| group.addressing);
        let is_lid = group.map_or_else(
            || state.accounts.get(&self.phone_number).is_some_and(|account| account.is_migrated),
            |addressing| addressing == crate::group::Addressing::Lid,
        );
        Ok((parent, if is_lid { lids } else { numbers }))
    }
}
