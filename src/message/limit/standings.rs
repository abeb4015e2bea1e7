//! What WhatsApp said of accounts when it was asked: until when they may write to nobody new, and how many chats they may begin. In
//! memory, and asked again when it is some minutes old. Nobody waits for an answer longer than a few seconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::outgoing::RestrictionKind;
use parking_lot::Mutex;
use tracing::debug;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result, chain};
use crate::message::types::NewChats;
use crate::whatsapp::client::Client;
use crate::whatsapp::operation::restriction::{NewChatQuota, RestrictionAnswer};

/// How old an answer is when WhatsApp is asked again.
const AGE: Duration = Duration::from_secs(5 * 60);
/// When it is asked again after it did not answer, if it names no other moment.
const PAUSE: Duration = Duration::from_secs(30);
/// How long an answer is waited for: somebody waits for it.
const ASK_LIMIT: Duration = Duration::from_secs(5);
/// How long an answer is remembered that nobody asks for.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// What is known of the accounts of all sessions.
#[derive(Debug, Default)]
pub(in crate::message) struct Standings {
    known: Mutex<HashMap<SessionId, Standing>>,
    /// Held by the question that is under way.
    turns: Mutex<HashMap<SessionId, Arc<tokio::sync::Mutex<()>>>>,
}

/// What is known of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::message) struct Standing {
    /// JID of the account.
    account: String,
    /// Until when it may write to nobody new, which may be over.
    pub(in crate::message) timelock: Option<Timestamp>,
    /// How many chats it may begin, in a cycle that may be over.
    pub(in crate::message) new_chats: Option<NewChats>,
    /// When WhatsApp last answered. None if it never did.
    pub(in crate::message) checked_at: Option<Timestamp>,
    /// From when on it may be asked again.
    next_at: Option<Timestamp>,
}

/// What WhatsApp says that an account is not kept from.
#[derive(Debug, Default)]
pub(in crate::message) struct Denied {
    pub(in crate::message) kinds: Vec<RestrictionKind>,
    /// When it was asked.
    pub(in crate::message) asked_at: Option<Timestamp>,
}

impl Standing {
    /// What is known at this moment: nothing of it is over.
    fn at(self, now: Timestamp) -> Self {
        let timelock = self.timelock.filter(|until| *until > now);
        let new_chats = self.new_chats.filter(|new_chats| new_chats.resets_at > now);
        Self { timelock, new_chats, ..self }
    }

    fn is_old(&self, now: Timestamp) -> bool {
        self.next_at.is_none_or(|next| next <= now)
    }

    /// Takes in what WhatsApp answered, or did not: what it said of something before is still the last that is known then.
    fn answered(
        &mut self,
        lock: Result<RestrictionAnswer>,
        new_chats: Result<RestrictionAnswer>,
        now: Timestamp,
    ) -> Vec<RestrictionKind> {
        let (mut denied, mut pause) = (Vec::new(), None);
        let answers = [(RestrictionKind::Timelock, lock), (RestrictionKind::NewChatLimit, new_chats)];
        for (kind, answer) in answers {
            let said = match answer {
                Ok(said) => said,
                Err(error) => {
                    debug!(error = chain(&error), "WhatsApp did not say what it keeps an account from ({kind})");
                    pause = pause.max(Some(error.retry_after().unwrap_or(PAUSE)));
                    continue;
                }
            };
            self.checked_at = Some(now);
            if said.is_denied {
                denied.push(kind);
            }
            match kind {
                RestrictionKind::Timelock => self.timelock = said.end,
                RestrictionKind::NewChatLimit => {
                    let shown = |NewChatQuota { used, total, resets_at }| NewChats { used, total, resets_at };
                    self.new_chats = said.quota.map(shown);
                }
            }
        }
        self.next_at = Some(now.after(pause.unwrap_or(AGE)));
        denied
    }
}

impl Standings {
    /// What is known of an account at this moment.
    pub(in crate::message) fn known(&self, session: &SessionId, account: &str, now: Timestamp) -> Standing {
        let known = self.known.lock().get(session).filter(|known| known.account == account).cloned();
        known.unwrap_or_else(|| Standing { account: account.to_owned(), ..Standing::default() }).at(now)
    }

    /// WhatsApp did something since that shows that it would say something else now: it is to be asked, however young the answer is.
    pub(in crate::message) fn doubt(&self, session: &SessionId, now: Timestamp) {
        if let Some(known) = self.known.lock().get_mut(session) {
            known.next_at = known.next_at.map(|next| next.min(now));
        }
    }

    /// Asks WhatsApp if what is known is old. One question of a session is under way at a time; others wait for its answer.
    pub(in crate::message) async fn refresh(
        &self,
        session: &SessionId,
        account: &str,
        client: &Client,
        clock: &Clock,
    ) -> Denied {
        let turn = {
            let mut turns = self.turns.lock();
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(session.clone()).or_default())
        };
        let _turn = turn.lock().await;
        let asked_at = clock.now();
        let mut standing = self.known(session, account, asked_at);
        if !standing.is_old(asked_at) {
            return Denied::default();
        }
        let ask = |kind| async move {
            let late = || Error::new(ErrorKind::UpstreamTimeout, "WhatsApp did not answer in time");
            tokio::time::timeout(ASK_LIMIT, client.restriction(kind)).await.unwrap_or_else(|_| Err(late()))
        };
        let (lock, new_chats) = tokio::join!(ask(RestrictionKind::Timelock), ask(RestrictionKind::NewChatLimit));
        let now = clock.now();
        let kinds = standing.answered(lock, new_chats, now);
        let mut known = self.known.lock();
        known.retain(|_, standing| standing.next_at.is_some_and(|next| next.after(KEPT) > now));
        known.insert(session.clone(), standing);
        Denied { kinds, asked_at: Some(asked_at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn failure() -> Error {
        Error::new(ErrorKind::Upstream, "no")
    }

    #[test]
    fn what_is_not_answered_stays_as_it_was_and_is_asked_again_soon() {
        let mut standing = Standing::default();
        assert!(standing.is_old(at(0)));
        let quota = NewChatQuota { used: 3, total: 10, resets_at: at(9_000) };
        let lock = RestrictionAnswer { end: Some(at(5_000)), ..RestrictionAnswer::default() };
        let chats = RestrictionAnswer { end: Some(at(9_000)), is_denied: true, quota: Some(quota) };
        assert_eq!(standing.answered(Ok(lock), Ok(chats), at(10)), [RestrictionKind::NewChatLimit]);
        assert_eq!(
            (standing.checked_at, standing.is_old(at(309)), standing.is_old(at(310))),
            (Some(at(10)), false, true)
        );
        let free = RestrictionAnswer { is_denied: true, ..RestrictionAnswer::default() };
        assert_eq!(standing.answered(Ok(free), Err(failure()), at(400)), [RestrictionKind::Timelock]);
        let NewChats { used, total, .. } = standing.new_chats.expect("it is known");
        assert_eq!((standing.timelock, used, total, standing.checked_at), (None, 3, 10, Some(at(400))));
        assert!(standing.is_old(at(430)));
        let late = || failure().retry_in(Duration::from_secs(90));
        assert!(standing.answered(Err(late()), Err(failure()), at(430)).is_empty());
        assert_eq!(
            (standing.checked_at, standing.is_old(at(519)), standing.is_old(at(520))),
            (Some(at(400)), false, true)
        );
        assert_eq!(standing.at(at(9_000)).new_chats, None, "the cycle is over");
    }

    #[test]
    fn nothing_is_known_of_another_account_and_what_is_doubted_is_asked_again() {
        let (standings, shop) = (Standings::default(), SessionId::parse("shop").expect("an id"));
        let mut standing = standings.known(&shop, "a", at(0));
        standing.answered(
            Ok(RestrictionAnswer { end: Some(at(50)), ..RestrictionAnswer::default() }),
            Err(failure()),
            at(0),
        );
        standings.known.lock().insert(shop.clone(), standing);
        assert_eq!(standings.known(&shop, "a", at(1)).timelock, Some(at(50)));
        assert_eq!(standings.known(&shop, "b", at(1)).checked_at, None);
        assert!(!standings.known(&shop, "a", at(1)).is_old(at(1)));
        standings.doubt(&shop, at(1));
        assert!(standings.known(&shop, "a", at(1)).is_old(at(1)));
    }
}
