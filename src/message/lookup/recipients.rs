//! Whom a message reaches: WhatsApp is asked about a number before something is sent to it for the first time, and what it answers is
//! used. It counts questions, so nothing is asked that is known: who has written, or whose other name is known, is there. What it says
//! about the others is kept in a table, and numbers that are asked about at once are one question.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::warn;

use crate::account::PhoneNumber;
use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result, chain};
use crate::event::index_store;
use crate::lifecycle::{Lifecycle, ShutdownPhase};
use crate::message::lookup::lookups::{Answer, Found, GATHER, Lookups, same_error};
use crate::message::lookup::naming::is_person;
use crate::message::lookup::recipient_store::{self, RecipientRow};
use crate::whatsapp::client::Client;
use crate::whatsapp::names;
use crate::whatsapp::operation::recipient::LookedUp;

/// How long an answer is used again. Of who is on WhatsApp more is known afterwards.
pub(in crate::message) const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The same for a number that is not on WhatsApp: it may be in a moment.
pub(in crate::message) const NOBODY_KEPT: Duration = Duration::from_secs(60 * 60);
/// Answers that are kept in memory as well.
const ANSWERS: usize = 10_000;
/// Longest wait for an answer: for a question that is under way, and for the next one, of 20 s each, with some room.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// How long the other name of somebody is used without looking for it again.
const NAME_KEPT: Duration = Duration::from_secs(10 * 60);
/// When who asks about too many numbers may ask again: a question takes less than that.
const ROOM_PAUSE: Duration = Duration::from_secs(1);

impl Found {
    /// How long the answer is used again.
    const fn is_good_for(&self) -> Duration {
        match self {
            Self::At(_) => KEPT,
            Self::Nobody => NOBODY_KEPT,
        }
    }

    /// Whether an answer of that moment is still used.
    fn is_good(&self, checked_at: Timestamp, now: Timestamp) -> bool {
        // One that is from later is from a clock that was set wrong.
        checked_at <= now && now < checked_at.after(self.is_good_for())
    }
}

/// Looks for people. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::message) struct Recipients(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Db,
    clock: Clock,
    lifecycle: Lifecycle,
    /// What was said about numbers, by their digits, and when.
    answers: Mutex<HashMap<(SessionId, String), (Found, Timestamp)>>,
    /// The other JIDs of people, of whom they are known, and when they were read: each message asks for them.
    other_names: Mutex<HashMap<(SessionId, String), (String, Instant)>>,
    /// Until when WhatsApp is asked nothing for a session: it was asked too often.
    pauses: Mutex<HashMap<SessionId, Instant>>,
    /// The sessions for which something is asked, each with a task that asks it.
    asking: Mutex<HashMap<SessionId, Asking>>,
}

/// What is asked for a session.
#[derive(Debug)]
struct Asking {
    /// Of the newest question: the connection that is there.
    client: Client,
    lookups: Lookups,
}

/// The task that asks for a session. Whoever still waits when it ends is told nothing, and notices that.
struct Turn {
    recipients: Recipients,
    session: SessionId,
    /// Whether it has left nobody behind.
    is_over: bool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.is_over {
            self.recipients.0.asking.lock().remove(&self.session);
        }
    }
}

impl Recipients {
    pub(in crate::message) fn new(db: Db, clock: Clock, lifecycle: Lifecycle) -> Self {
        let (answers, other_names) = (Mutex::default(), Mutex::default());
        let (pauses, asking) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { db, clock, lifecycle, answers, other_names, pauses, asking }))
    }

    /// The JIDs of one person, the given one first: by number and by LID, as far as both are known.
    pub(in crate::message) async fn names(&self, session: &SessionId, jid: &str) -> Result<Vec<String>> {
        let key = (session.clone(), jid.to_owned());
        let kept = self.0.other_names.lock().get(&key).filter(|(_, at)| at.elapsed() < NAME_KEPT).cloned();
        let other = match kept {
            Some((other, _)) => Some(other),
            None => {
                let read = names::other_name(self.0.db.read(), session, jid).await?;
                if let Some(other) = &read {
                    let mut names = self.0.other_names.lock();
                    if names.len() >= ANSWERS {
                        names.clear();
                    }
                    names.insert(key, (other.clone(), Instant::now()));
                }
                read
            }
        };
        Ok(std::iter::once(jid.to_owned()).chain(other).collect())
    }

    /// Whether somebody with this JID has ever written to the session, so that a message to them begins no chat.
    pub(in crate::message) async fn has_written(&self, session: &SessionId, jid: &str) -> Result<bool> {
        // Who is in a group need not write there first.
        if !is_person(jid) {
            return Ok(true);
        }
        index_store::has_chat(self.0.db.read(), session, &self.names(session, jid).await?).await
    }

    /// Where this JID of a person is reached, as far as nobody need be asked.
    pub(in crate::message) async fn known(&self, session: &SessionId, jid: &str) -> Result<Option<Found>> {
        // A LID is only given by WhatsApp: there is nobody to ask about.
        if jid.ends_with("@lid") {
            return Ok(Some(Found::At(jid.to_owned())));
        }
        let said = self.remembered(session, digits(jid));
        if let Some(found @ Found::At(_)) = said {
            return Ok(Some(found));
        }
        let names = self.names(session, jid).await?;
        // Also who was not on WhatsApp a while ago, and has written since.
        if names.len() > 1 || index_store::has_chat(self.0.db.read(), session, &names).await? {
            return Ok(Some(Found::At(jid.to_owned())));
        }
        if said.is_some() {
            return Ok(said);
        }
        let Some(row) = recipient_store::find(self.0.db.read(), session, digits(jid)).await? else { return Ok(None) };
        let found = row.jid.map_or(Found::Nobody, Found::At);
        if !found.is_good(row.checked_at, self.0.clock.now()) {
            return Ok(None);
        }
        self.remember(session, digits(jid), &found, row.checked_at);
        Ok(Some(found))
    }

    /// Where this JID of a person is reached; WhatsApp is asked if need be.
    ///
    /// # Errors
    /// `Upstream`, `UpstreamTimeout`, `Unavailable`, `ShuttingDown`.
    pub(in crate::message) async fn find(&self, session: &SessionId, client: &Client, jid: &str) -> Result<Found> {
        if let Some(known) = self.known(session, jid).await? {
            return Ok(known);
        }
        let number = PhoneNumber::parse("to", digits(jid))?;
        self.may_ask(session)?;
        let answer = self.join(session, client, &number).ok_or_else(|| {
            Error::new(ErrorKind::Upstream, "too many numbers wait to be looked up already").retry_in(ROOM_PAUSE)
        })?;
        match tokio::time::timeout(ANSWER_LIMIT, answer).await {
            Ok(Ok(found)) => found,
            Ok(Err(_)) => Err(Error::new(ErrorKind::ShuttingDown, "the server is shutting down")),
            Err(_) => Err(Error::new(ErrorKind::UpstreamTimeout, "WhatsApp did not answer in time")),
        }
    }

    /// Asks about a number, with those that are asked about at the same time. None if too many are.
    fn join(&self, session: &SessionId, client: &Client, number: &PhoneNumber) -> Option<Answer> {
        let (answer, is_first) = {
            let mut asking = self.0.asking.lock();
            match asking.entry(session.clone()) {
                Entry::Occupied(mut asking) => {
                    let Asking { client: present, lookups } = asking.get_mut();
                    if !client.has_ended() {
                        *present = client.clone();
                    }
                    (lookups.join(number), false)
                }
                Entry::Vacant(place) => {
                    let asking = place.insert(Asking { client: client.clone(), lookups: Lookups::default() });
                    (asking.lookups.join(number), true)
                }
            }
        };
        if is_first {
            let turn = Turn { recipients: self.clone(), session: session.clone(), is_over: false };
            let stop = self.0.lifecycle.workers().clone();
            // A task of its own: whoever asked first may go away while others wait.
            self.0.lifecycle.spawn(ShutdownPhase::Workers, "lookups", async move {
                stop.run_until_cancelled(turn.run()).await;
            });
        }
        answer
    }

    /// Asks WhatsApp about these numbers, keeps what it says, and gives it.
    async fn ask(
        &self,
        session: &SessionId,
        client: &Client,
        numbers: Vec<PhoneNumber>,
    ) -> Vec<(PhoneNumber, Result<Found>)> {
        let said = match self.may_ask(session) {
            Ok(()) => client.look_up(&numbers).await,
            Err(error) => Err(error),
        };
        let said = match said {
            Ok(said) => said,
            Err(error) => {
                if let Some(wait) = error.retry_after() {
                    self.pause_for(session, wait);
                }
                let mut failures: Vec<_> =
                    numbers.into_iter().map(|number| (number, Err(same_error(&error)))).collect();
                if let Some((_, first)) = failures.first_mut() {
                    *first = Err(error);
                }
                return failures;
            }
        };
        let found = |said| match said {
            LookedUp::At(jid) => Ok(Found::At(jid)),
            LookedUp::Nobody => Ok(Found::Nobody),
            LookedUp::Unanswered => {
                Err(Error::new(ErrorKind::Upstream, "WhatsApp did not say whether the number is on WhatsApp"))
            }
        };
        let answers: Vec<_> = numbers.into_iter().zip(said.into_iter().map(found)).collect();
        self.keep(session, &answers).await;
        answers
    }

    async fn keep(&self, session: &SessionId, answers: &[(PhoneNumber, Result<Found>)]) {
        let checked_at = self.0.clock.now();
        let mut rows = Vec::with_capacity(answers.len());
        for (number, answer) in answers {
            let Ok(found) = answer else { continue };
            let jid = match found {
                Found::At(jid) => Some(jid.clone()),
                Found::Nobody => None,
            };
            let phone_number = number.digits().to_owned();
            self.remember(session, &phone_number, found, checked_at);
            rows.push(RecipientRow { session_id: session.clone(), phone_number, jid, checked_at });
        }
        // What is lost is asked again.
        if let Err(error) = recipient_store::put(self.0.db.write().without_fsync(), rows).await {
            warn!(session.id = %session, error = chain(&error), "what WhatsApp said about numbers could not be kept");
        }
    }

    fn remembered(&self, session: &SessionId, digits: &str) -> Option<Found> {
        let (answers, now) = (self.0.answers.lock(), self.0.clock.now());
        let answer = answers.get(&(session.clone(), digits.to_owned()));
        answer.filter(|(found, at)| found.is_good(*at, now)).map(|(found, _)| found.clone())
    }

    fn remember(&self, session: &SessionId, digits: &str, found: &Found, checked_at: Timestamp) {
        let (mut answers, now) = (self.0.answers.lock(), self.0.clock.now());
        if answers.len() >= ANSWERS {
            answers.retain(|_, (found, at)| found.is_good(*at, now));
        }
        if answers.len() < ANSWERS {
            answers.insert((session.clone(), digits.to_owned()), (found.clone(), checked_at));
        }
    }

    /// # Errors
    /// `Upstream`: WhatsApp is asked nothing for a while.
    fn may_ask(&self, session: &SessionId) -> Result<()> {
        let Some(wait) = self.pause(session) else { return Ok(()) };
        let detail = "WhatsApp was asked about too many numbers, and asks to be left alone for a while";
        Err(Error::new(ErrorKind::Upstream, detail).retry_in(wait))
    }

    /// How long WhatsApp is asked nothing, and given no message: it said that it was asked too often.
    pub(in crate::message) fn pause(&self, session: &SessionId) -> Option<Duration> {
        let until = self.0.pauses.lock().get(session).copied()?;
        until.checked_duration_since(Instant::now()).filter(|wait| !wait.is_zero())
    }

    /// WhatsApp is asked nothing for so long.
    pub(in crate::message) fn pause_for(&self, session: &SessionId, wait: Duration) {
        let now = Instant::now();
        let mut pauses = self.0.pauses.lock();
        pauses.retain(|_, until| *until > now);
        pauses.insert(session.clone(), now + wait);
    }
}

impl Turn {
    /// Asks until nobody waits for an answer any more.
    async fn run(mut self) {
        tokio::time::sleep(GATHER).await;
        while let Some((client, numbers)) = self.next() {
            let answers = self.recipients.ask(&self.session, &client, numbers).await;
            if let Some(asking) = self.recipients.0.asking.lock().get_mut(&self.session) {
                asking.lookups.tell(answers);
            }
        }
    }

    /// The next question. None if nobody waits for an answer: whoever comes then begins a new turn.
    fn next(&mut self) -> Option<(Client, Vec<PhoneNumber>)> {
        let mut all = self.recipients.0.asking.lock();
        let asking = all.get_mut(&self.session)?;
        let numbers = asking.lookups.take();
        if numbers.is_empty() {
            all.remove(&self.session);
            self.is_over = true;
            return None;
        }
        Some((asking.client.clone(), numbers))
    }
}

/// The number of a JID.
fn digits(jid: &str) -> &str {
    jid.split('@').next().unwrap_or_default()
}
