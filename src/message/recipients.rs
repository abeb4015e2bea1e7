//! Whom a message reaches: WhatsApp is asked about a number before something is sent to it for the first time, and what it answers is
//! used. It counts questions, so nothing is asked that is known: who has written, or whose other name is known, is there.

use std::collections::HashMap;
use std::time::Duration;

use entity::ids::SessionId;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::account::PhoneNumber;
use crate::db::Db;
use crate::error::Result;
use crate::event::index_store;
use crate::whatsapp::client::Client;
use crate::whatsapp::names;

/// How long an answer is used again. Of who is on WhatsApp more is known afterwards.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
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

/// Looks for people.
#[derive(Debug)]
pub(super) struct Recipients {
    db: Db,
    answers: Mutex<HashMap<(SessionId, String), (Found, Instant)>>,
}

impl Recipients {
    pub(super) fn new(db: Db) -> Self {
        Self { db, answers: Mutex::default() }
    }

    /// The JIDs of one person, the given one first: by number and by LID, as far as both are known.
    pub(super) async fn names(&self, session: &SessionId, jid: &str) -> Result<Vec<String>> {
        let other = names::other_name(self.db.read(), session, jid).await?;
        Ok(std::iter::once(jid.to_owned()).chain(other).collect())
    }

    /// Where this JID of a person is reached, as far as nobody need be asked.
    pub(super) async fn known(&self, session: &SessionId, jid: &str) -> Result<Option<Found>> {
        {
            let answers = self.answers.lock();
            let answer = answers.get(&(session.clone(), jid.to_owned()));
            if let Some((found, _)) = answer.filter(|(_, at)| at.elapsed() < KEPT) {
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
        let found = match client.look_up(&number).await? {
            Some(jid) => Found::At(jid),
            None => Found::Nobody,
        };
        let mut answers = self.answers.lock();
        if answers.len() >= ANSWERS {
            answers.retain(|_, (_, at)| at.elapsed() < KEPT);
        }
        if answers.len() < ANSWERS {
            answers.insert((session.clone(), jid.to_owned()), (found.clone(), Instant::now()));
        }
        Ok(found)
    }
}
