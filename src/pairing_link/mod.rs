//! Pairing links: addresses that let somebody without a key link one phone to one session. Only digests are kept.
//!
//! A link is used up once its session was logged in after the link was made, which the session itself remembers: no mark
//! can be missing. One that is deleted is as if there had never been one.

pub mod store;
pub mod types;

mod visitors;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use entity::ids::{KeyId, PairingLinkId, SessionId};
use entity::timestamp::Timestamp;
use entity::words::access::Scope;
use futures::stream::StreamExt;
use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{Span, field, instrument};

use crate::account::PairRequest;
use crate::caller::{Caller, Grant, Powers};
use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Keys;
use crate::lifecycle::Lifecycle;
use crate::page::PAGE_MAX;
use crate::pairing_link::store::PairingLinkRow;
use crate::pairing_link::types::{OpenPairingLink, PairingLink, Visit, VisitEnd};
use crate::pairing_link::visitors::Visitors;
use crate::session::Sessions;
use crate::session::types::PairCode;
use crate::token;

/// What the token of every link begins with.
const PREFIX: &str = "wpl_";
/// How long a link can be used when nothing is said.
const LIFETIME: u64 = 60 * 60;
/// The longest that it may, seconds: a day.
pub const LIFETIME_MAX: u64 = 24 * 60 * 60;
/// Links of one session that can be used at the same time. Each lets a stranger in, and who makes more has lost sight of them.
const OPEN_MAX: usize = 20;
/// How long it is known that a link has expired. Then it is as if there had never been one.
const REMEMBERED_MILLIS: i64 = 7 * 24 * 60 * 60 * 1000;

/// The pairing links of this server.
#[derive(Clone, Debug)]
pub struct PairingLinks {
    sessions: Sessions,
    keys: Keys,
    db: Db,
    clock: Clock,
    lifecycle: Lifecycle,
    /// Where people find this server, without a slash at the end. None if nobody said so and it listens on every address.
    base: Option<Arc<str>>,
    visitors: Visitors,
}

/// Somebody who came with a link.
struct Visitor {
    /// Who may pair this session and nothing else, as long as the link lives.
    caller: Caller,
    link: PairingLinkRow,
    /// Fires when the key that made the link is deleted.
    lifeline: CancellationToken,
}

impl PairingLinks {
    /// Links that lead nowhere: see [`at`](Self::at).
    pub fn new(sessions: Sessions, keys: Keys, db: Db, clock: Clock, lifecycle: Lifecycle) -> Self {
        Self { sessions, keys, db, clock, lifecycle, base: None, visitors: Visitors::default() }
    }

    /// The same links, to the server at this address.
    #[must_use]
    pub fn at(self, base: Option<&str>) -> Self {
        Self { base: base.map(|base| base.trim_end_matches('/').into()), ..self }
    }

    /// Makes a link to a session that nobody has linked yet. It lives so many seconds, an hour when nothing is said, and
    /// no longer than the caller's key.
    ///
    /// # Errors
    /// `Forbidden`, `SessionNotFound`, `AlreadyLoggedIn`, `PublicUrlUnknown`, `TooManyPairingLinks`, `Invalid` for a lifetime
    /// above a day.
    #[instrument(
        level = "debug",
        name = "create_pairing_link",
        skip_all,
        fields(session.id = %id, pairing_link.id = field::Empty)
    )]
    pub async fn create(&self, caller: &Caller, id: &SessionId, expires_in: Option<u64>) -> Result<PairingLink> {
        self.sessions.check_unlinked(caller, id)?;
        let seconds = expires_in.unwrap_or(LIFETIME);
        if !(1..=LIFETIME_MAX).contains(&seconds) {
            return Err(Error::invalid("expires_in", format!("must be from 1 to {LIFETIME_MAX}")));
        }
        let base = self.base.as_ref().ok_or_else(|| {
            let detail = "the server listens on every address and does not know the one at which people reach it: start \
                          it with --public-url";
            Error::new(ErrorKind::PublicUrlUnknown, detail)
        })?;
        // Those who make one at the same time may come out above the bound by as many.
        let open = self.list(caller, id).await?;
        if open.len() >= OPEN_MAX {
            let detail = format!(
                "{OPEN_MAX} pairing links of this session can be used already: the next one can be made when one of them has \
                 expired or was deleted, or a phone was linked with one"
            );
            return Err(Error::new(ErrorKind::TooManyPairingLinks, detail));
        }
        let now = self.clock.now();
        let wanted = now.after(Duration::from_secs(seconds));
        let expires_at = caller.ends_at().map_or(wanted, |end| end.min(wanted));
        let token = token::generate(PREFIX);
        let row = PairingLinkRow {
            id: PairingLinkId::generate(),
            session: id.clone(),
            digest: token::digest(token.expose_secret()),
            expires_at,
            created_at: now,
            created_by: caller.grant().map(|grant| grant.key.clone()),
        };
        Span::current().record("pairing_link.id", field::display(&row.id));
        store::forget(self.db.write(), id, Timestamp::from_millis(now.millis() - REMEMBERED_MILLIS)).await?;
        store::insert(self.db.write(), row).await?;
        // Behind the #, so that no server's log and no Referer ever holds it.
        let url = format!("{base}/pair#{}", token.expose_secret());
        Ok(PairingLink { url, expires_at })
    }

    /// The links to a session that can be used now, oldest first.
    ///
    /// # Errors
    /// `Forbidden`, `SessionNotFound`, `Unavailable`.
    pub async fn list(&self, caller: &Caller, id: &SessionId) -> Result<Vec<OpenPairingLink>> {
        let last = self.sessions.last_connected(caller, id)?;
        store::open(self.db.read(), id, last, self.clock.now(), PAGE_MAX.into()).await
    }

    /// Deletes a link, whether it can be used or not; those who look at it see at once that it is over. The session stays as it
    /// is, and so does a code that the link has shown. Gives what the link was.
    ///
    /// # Errors
    /// `Forbidden`, `SessionNotFound`, `PairingLinkNotFound`, `Unavailable`.
    #[instrument(
        level = "debug",
        name = "delete_pairing_link",
        skip_all,
        fields(session.id = %id, pairing_link.id = field::Empty)
    )]
    pub async fn delete(&self, caller: &Caller, id: &SessionId, link: &PairingLinkId) -> Result<OpenPairingLink> {
        self.sessions.check_reach(caller, id)?;
        let unknown = || Error::new(ErrorKind::PairingLinkNotFound, "no pairing link has this id");
        let deleted = store::of_session(self.db.read(), id, link).await?.ok_or_else(unknown)?;
        // An id is the client's text until here.
        Span::current().record("pairing_link.id", field::display(link));
        let (links, session, link) = (self.clone(), id.clone(), link.clone());
        // To the end, also for a caller that goes away: those who look at the link are told behind the write.
        match self.lifecycle.complete(async move { links.take(session, link).await }).await? {
            true => Ok(deleted),
            false => Err(unknown()),
        }
    }

    /// Shows a visitor the session's codes, and brings it online so that there are some.
    ///
    /// # Errors
    /// `PairingLinkNotFound`, `PairingLinkExpired`, `PairingLinkUsed`, `TooManyVisitors`, `Unavailable`, `ShuttingDown`.
    #[instrument(
        level = "debug",
        name = "visit_pairing_link",
        skip_all,
        fields(session.id = field::Empty, pairing_link.id = field::Empty)
    )]
    pub async fn visit(&self, token: &str) -> Result<Visit> {
        let seat = self.visitors.seat(&self.admit(token).await?.link.id)?;
        // Once more: a link that was deleted before the seat was taken does not end the seat.
        let Visitor { caller, link, lifeline } = self.admit(token).await?;
        note(&link);
        let updates = self.sessions.offer(&caller, &link.session).await.map_err(told_to_a_visitor)?;
        let (clock, lifecycle, deleted) = (self.clock.clone(), self.lifecycle.clone(), seat.lifeline.clone());
        let ending = VisitEnd { expires_at: link.expires_at, clock, lifecycle, _seat: seat };
        let updates = updates.take_until(lifeline.cancelled_owned()).take_until(deleted.cancelled_owned());
        Ok(Visit { updates: updates.boxed(), ending })
    }

    /// A pair code for a visitor's phone number.
    ///
    /// # Errors
    /// As `visit`, and those of asking for a pair code: `TooManyPairCodes` for the sixth within ten minutes.
    #[instrument(
        level = "debug",
        name = "pair_by_link",
        skip_all,
        fields(session.id = field::Empty, pairing_link.id = field::Empty)
    )]
    pub async fn pair(&self, token: &str, request: PairRequest) -> Result<PairCode> {
        let Visitor { caller, link, lifeline: _ } = self.admit(token).await?;
        note(&link);
        let paired = self.sessions.pair_by_link(&caller, &link.session, &link.id, request).await;
        paired.map_err(told_to_a_visitor)
    }

    /// Deletes a link, and tells those who look at it. False if there is none any more.
    async fn take(&self, session: SessionId, link: PairingLinkId) -> Result<bool> {
        let outcome = store::delete(self.db.write(), &link).await;
        match &outcome {
            Ok(_) => self.visitors.dismiss(&link),
            // If only the answer was lost it is deleted all the same.
            Err(_) => {
                let links = self.clone();
                let attempt = move || {
                    let (links, session, link) = (links.clone(), session.clone(), link.clone());
                    async move {
                        let tx = links.db.write().begin_decided(store::TABLE).await?;
                        if store::of_session(&tx, &session, &link).await?.is_none() {
                            links.visitors.dismiss(&link);
                        }
                        Ok::<_, Error>(())
                    }
                };
                self.lifecycle.insist("pairing link", attempt).await;
            }
        }
        outcome
    }

    async fn admit(&self, token: &str) -> Result<Visitor> {
        let unknown = || Error::new(ErrorKind::PairingLinkNotFound, "there is no such pairing link");
        if !token::is_well_formed(PREFIX, token) {
            return Err(unknown());
        }
        let link = store::find(self.db.read(), token::digest(token)).await?.ok_or_else(unknown)?;
        let lifeline = match &link.created_by {
            Some(key) => self.keys.lifeline(key).ok_or_else(unknown)?,
            None => CancellationToken::new(),
        };
        let caller = visitor(&link);
        let last = self.sessions.last_connected(&caller, &link.session).map_err(told_to_a_visitor)?;
        if last.is_some_and(|last| link.created_at <= last) {
            return Err(Error::new(ErrorKind::PairingLinkUsed, "the pairing link has linked a phone already"));
        }
        if link.expires_at <= self.clock.now() {
            return Err(Error::new(ErrorKind::PairingLinkExpired, "the pairing link's time is over"));
        }
        Ok(Visitor { caller, link, lifeline })
    }
}

/// Tells the span of a visitor's operation which link it is: until it was found, it was the visitor's text.
fn note(link: &PairingLinkRow) {
    let span = Span::current();
    span.record("session.id", field::display(&link.session)).record("pairing_link.id", field::display(&link.id));
}

/// Who comes with this link: somebody who may pair its session, and nothing else.
fn visitor(link: &PairingLinkRow) -> Caller {
    let powers = Powers {
        scopes: BTreeSet::from([Scope::SessionsPair]),
        sessions: Some(BTreeSet::from([link.session.clone()])),
    };
    let end = watch::Sender::new(Some(link.expires_at));
    Caller::of(Arc::new(Grant { key: KeyId::named(link.id.as_str()), name: "pairing link".to_owned(), powers, end }))
}

/// A visitor knows of a link, not of sessions.
fn told_to_a_visitor(error: Error) -> Error {
    match error.kind() {
        ErrorKind::SessionNotFound => {
            Error::new(ErrorKind::PairingLinkNotFound, "there is no such pairing link").because(error)
        }
        ErrorKind::AlreadyLoggedIn => {
            Error::new(ErrorKind::PairingLinkUsed, "the pairing link has linked a phone already").because(error)
        }
        _ => error,
    }
}
