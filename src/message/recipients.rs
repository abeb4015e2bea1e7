//! Whom a message reaches: WhatsApp is asked about a number before something is sent to it for the first time, and what it answers is
//! used. It counts questions, so nothing is asked that is known: who has written, or whose other name is known, is there.

use std::collections::HashMap;
use std::time::Duration;

use entity::ids::SessionId;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::account::PhoneNumber;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::event::index_store;
use crate::whatsapp::client::Client;
use crate::whatsapp::names;

/// How long an answer is used again. Of who is on WhatsApp more is known afterwards.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// The same for a number that is not on WhatsApp: it may be in a moment.
const NOBODY_KEPT: Duration = Duration::from_secs(60 * 60);
/// Answers that are kept.
const ANSWERS: usize = 10_000;

/// What became of looking for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Messages reach them under this JID.
    At(String),
    /// Nobody on WhatsApp has this number.
    Nobody,
}

impl Found {
    /// How long the answer is used again.
    const fn is_good_for(&self) -> Duration {
        match self {
            Self::At(_) => KEPT,
            Self::Nobody => NOBODY_KEPT,
        }
    }
}

/// Looks for people.
#[derive(Debug)]
pub(super) struct Recipients {
    db: Db,
    answers: Mutex<HashMap<(SessionId, String), (Found, Instant)>>,
    /// Until when WhatsApp is asked nothing for a session: it was asked too often.
    pauses: Mutex<HashMap<SessionId, Instant>>,
}

impl Recipients {
    pub(super) fn new(db: Db) -> Self {
        Self { db, answers: Mutex::default(), pauses: Mutex::default() }
    }

    /// The JIDs of one person, the given one first: by number and by LID, as far as both are known.
    pub(super) async fn names(&self, session: &SessionId, jid: &str) -> Result<Vec<String>> {
        let other = names::other_name(self.db.read(), session, jid).await?;
        Ok(std::iter::once(jid.to_owned()).chain(other).collect())
    }

    /// Whether somebody with this JID has ever written to the session.
    pub(super) async fn has_written(&self, session: &SessionId, jid: &str) -> Result<bool> {
        index_store::has_chat(self.db.read(), session, &self.names(session, jid).await?).await
    }

    /// Where this JID of a person is reached, as far as nobody need be asked.
    pub(super) async fn known(&self, session: &SessionId, jid: &str) -> Result<Option<Found>> {
        {
            let answers = self.answers.lock();
            let answer = answers.get(&(session.clone(), jid.to_owned()));
            if let Some((found, _)) = answer.filter(|(found, at)| at.elapsed() < found.is_good_for()) {
                return Ok(Some(found.clone()));
            }
        }
        let names = self.names(session, jid).await?;
        let is_known = names.len() > 1 || index_store::has_chat(self.db.read(), session, &names).await?;
        // A LID is only given by WhatsApp: there is nobody to ask about.
        Ok((is_known || jid.ends_with("@lid")).then(|| Found::At(jid.to_owned())))
    }

    /// Where this JID of a person is reached; WhatsApp is asked if need be.
    ///
    /// # Errors
    /// `Upstream`, `UpstreamTimeout`, `Unavailable`.
    pub(super) async fn find(&self, session: &SessionId, client: &Client, jid: &str) -> Result<Found> {
        if let Some(known) = self.known(session, jid).await? {
            return Ok(known);
        }
        let number = PhoneNumber::parse("to", jid.split('@').next().unwrap_or_default())?;
        if let Some(wait) = self.pause(session) {
            let detail = "WhatsApp was asked about too many numbers, and asks to be left alone for a while";
            return Err(Error::new(ErrorKind::Upstream, detail).retry_in(wait));
        }
        let found = match client.look_up(&number).await {
            Ok(Some(jid)) => Found::At(jid),
            Ok(None) => Found::Nobody,
            Err(error) => {
                if let Some(wait) = error.retry_after() {
                    self.pause_for(session, wait);
                }
                return Err(error);
            }
        };
        let mut answers = self.answers.lock();
        if answers.len() >= ANSWERS {
            answers.retain(|_, (found, at)| at.elapsed() < found.is_good_for());
        }
        if answers.len() < ANSWERS {
            answers.insert((session.clone(), jid.to_owned()), (found.clone(), Instant::now()));
        }
        Ok(found)
    }

    /// How long WhatsApp is asked nothing, and given no message: it said that it was asked too often.
    pub(super) fn pause(&self, session: &SessionId) -> Option<Duration> {
        let until = self.pauses.lock().get(session).copied()?;
        until.checked_duration_since(Instant::now()).filter(|wait| !wait.is_zero())
    }

    /// WhatsApp is asked nothing for so long.
    pub(super) fn pause_for(&self, session: &SessionId, wait: Duration) {
        let now = Instant::now();
        let mut pauses = self.pauses.lock();
        pauses.retain(|_, until| *until > now);
        pauses.insert(session.clone(), now + wait);
    }
}
