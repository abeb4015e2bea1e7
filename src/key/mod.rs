//! The keys of this API: who may come in, and what they may do. Only digests are kept.
//!
//! Every key is in memory as well, so that a request asks no database who it is from.

pub mod types;

pub mod ring;
pub mod store;

mod ticket;
mod ticket_exchange;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use entity::ids::{BadSessionId, IdText, KeyId, SessionId};
use entity::timestamp::Timestamp;
use entity::words::access::Scope;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;
use tracing::{Span, error, field, info, instrument};

use crate::caller::{Caller, Powers};
use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result, chain};
use crate::key::ring::Ring;
use crate::key::store::KeyRow;
use crate::key::ticket::Tickets;
use crate::key::types::{IssuedKey, Key, KeyPage, NewKey};
use crate::lifecycle::last_run::Loop;
use crate::lifecycle::{Lifecycle, ShutdownPhase};
use crate::page::{PAGE_MAX, Slice, SortKey, Window};
use crate::rule;
use crate::token::{self, Digest};

/// What every key begins with.
const PREFIX: &str = "wp_";
/// Most scopes that a request may name, the same ones counted again.
const SCOPES_MAX: usize = 100;
/// Most sessions that a key may name.
pub const SESSIONS_MAX: usize = 1_000;
/// How long the token before works after a rotation when nothing is said.
const OVERLAP: Duration = Duration::from_secs(60 * 60);
/// The longest that it may, seconds: a week.
pub const OVERLAP_MAX: u64 = 7 * 24 * 60 * 60;
/// How often it is written which keys were used.
const TOUCH_PERIOD: Duration = Duration::from_secs(60);

/// The keys of this server.
#[derive(Clone, Debug)]
pub struct Keys {
    admin: Digest,
    ring: Arc<Ring>,
    /// Held by the change that is under way: what is written first is in memory first.
    changing: Arc<tokio::sync::Mutex<()>>,
    tickets: Tickets,
    db: Db,
    clock: Clock,
    lifecycle: Lifecycle,
}

impl Keys {
    /// Lets in the holder of the admin token and those of the keys that are written.
    ///
    /// # Errors
    /// `Unavailable`, or `Internal` for a row that cannot be read.
    pub async fn open(admin: &SecretString, db: Db, clock: Clock, lifecycle: Lifecycle) -> Result<Self> {
        let ring = Ring::default();
        for row in store::all(db.read()).await? {
            ring.put(row);
        }
        let admin = token::digest(admin.expose_secret());
        let keys = Self {
            admin,
            ring: Arc::new(ring),
            changing: Arc::default(),
            tickets: Tickets::default(),
            db,
            clock,
            lifecycle,
        };
        keys.clone().keep_up();
        Ok(keys)
    }

    /// Who shows this token.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub fn admit(&self, token: &str) -> Result<Caller> {
        let digest = token::digest(token);
        // Digests are compared, so the time says nothing about the token.
        if digest.ct_eq(&self.admin).into() {
            return Ok(Caller::admin());
        }
        let grant = match token::is_well_formed(PREFIX, token) {
            true => self.ring.admit(&digest, self.clock.now()),
            false => None,
        };
        grant.map(Caller::of).ok_or_else(|| Error::new(ErrorKind::Unauthenticated, "the key is not valid"))
    }

    /// Creates a key that may do no more than the caller.
    ///
    /// # Errors
    /// `Invalid`, `Forbidden`, `Unavailable`.
    #[instrument(level = "debug", name = "create_key", skip_all, fields(key.id = field::Empty))]
    pub async fn create(&self, caller: &Caller, new: NewKey) -> Result<IssuedKey> {
        caller.require(Scope::KeysAdmin)?;
        let now = self.clock.now();
        let NewKey { name, scopes, sessions, expires_at } = new;
        let name = rule::name("name", &name)?;
        let sessions = sessions.map(|ids| ids.into_iter().map(|IdText(id)| id).collect());
        let powers = powers(caller, scopes, sessions)?;
        let expires_at = end(caller, expires_at, now)?;
        let token = token::generate(PREFIX);
        let row = KeyRow {
            id: KeyId::generate(),
            name,
            digest: token::digest(token.expose_secret()),
            old: None,
            powers,
            expires_at,
            last_used_at: None,
            created_at: now,
            created_by: caller.grant().map(|grant| grant.key.clone()),
        };
        Span::current().record("key.id", field::display(&row.id));
        let key = shown(&row, now);
        self.in_turn(move |keys| async move {
            keys.written(&row.id, store::insert(keys.db.write(), &row).await).await?;
            info!(key.id = %row.id, "key {} created", row.id);
            keys.ring.put(row);
            Ok(())
        })
        .await?;
        Ok(IssuedKey { key, token: token.expose_secret().to_owned() })
    }

    /// The keys that may do no more than the caller, oldest first.
    ///
    /// # Errors
    /// `Forbidden`, `PageSizeLimit`; `Invalid` for a bad cursor.
    pub fn slice(&self, caller: &Caller, window: &Window) -> Result<Slice<Key>> {
        caller.require(Scope::KeysAdmin)?;
        let bounds = window.bounds()?;
        let now = self.clock.now();
        let mut keys: Vec<_> = self.ring.select(|row| is_within(caller, row).then(|| shown(row, now)));
        keys.sort_by_key(sort_key);
        Ok(bounds.cut(keys, sort_key))
    }

    /// One page of the keys that may do no more than the caller, oldest first; 100 when no size is asked for.
    ///
    /// # Errors
    /// `Forbidden`, `PageSizeLimit`; `Invalid` for a bad cursor.
    pub fn list(&self, caller: &Caller, window: &Window) -> Result<KeyPage> {
        let window = Window { first: window.first.or(Some(PAGE_MAX)), ..window.clone() };
        let Slice { items: keys, has_previous: _, has_next } = self.slice(caller, &window)?;
        let next_cursor = if has_next { keys.last().map(cursor_of) } else { None };
        Ok(KeyPage { keys, next_cursor })
    }

    /// One key.
    ///
    /// # Errors
    /// `Forbidden`, `KeyNotFound`.
    pub fn find(&self, caller: &Caller, id: &KeyId) -> Result<Key> {
        caller.require(Scope::KeysAdmin)?;
        Ok(shown(&self.row(caller, id)?, self.clock.now()))
    }

    /// Revokes a key. What lives by it ends within a second. Gives what it was.
    ///
    /// # Errors
    /// `Forbidden`, `KeyNotFound`, `Unavailable`.
    #[instrument(level = "debug", name = "delete_key", skip_all, fields(key.id = field::Empty))]
    pub async fn delete(&self, caller: &Caller, id: &KeyId) -> Result<Key> {
        let key = self.find(caller, id)?;
        let id = id.clone();
        self.in_turn(move |keys| async move {
            keys.written(&id, store::delete(keys.db.write(), &id).await).await?;
            keys.ring.take(&id, keys.clock.now());
            info!(key.id = %id, "key {id} deleted");
            Ok(())
        })
        .await?;
        Ok(key)
    }

    /// Gives a key a new token. The one before works on for the overlap, seconds; one hour when it is absent.
    ///
    /// # Errors
    /// `Forbidden`, `KeyNotFound`, `Invalid` for an overlap above a week, `Unavailable`.
    #[instrument(level = "debug", name = "rotate_key", skip_all, fields(key.id = field::Empty))]
    pub async fn rotate(&self, caller: &Caller, id: &KeyId, overlap_seconds: Option<u64>) -> Result<IssuedKey> {
        caller.require(Scope::KeysAdmin)?;
        if overlap_seconds.is_some_and(|seconds| seconds > OVERLAP_MAX) {
            return Err(Error::invalid("overlap_seconds", format!("must be from 0 to {OVERLAP_MAX}")));
        }
        let overlap = overlap_seconds.map_or(OVERLAP, Duration::from_secs);
        let token = token::generate(PREFIX);
        let digest = token::digest(token.expose_secret());
        let (caller, id) = (caller.clone(), id.clone());
        let key = self
            .in_turn(move |keys| async move {
                // Looked up again in our turn: another rotation may have been before us.
                let before = keys.row(&caller, &id)?;
                let now = keys.clock.now();
                let old = (before.digest, now.after(overlap));
                keys.written(&id, store::rotate(keys.db.write(), &id, digest, old).await).await?;
                let row = KeyRow { digest, old: Some(old), ..before };
                let key = shown(&row, now);
                keys.ring.turn(row, now);
                info!(key.id = %id, "key {id} rotated");
                Ok(key)
            })
            .await?;
        Ok(IssuedKey { key, token: token.expose_secret().to_owned() })
    }

    /// Fires when this key is deleted; None when it is already. For what was made with it and is to end with it.
    pub fn lifeline(&self, id: &KeyId) -> Option<CancellationToken> {
        self.ring.lifeline(id)
    }

    /// Writes which keys were used since the last time. Part of a loop.
    pub async fn touch(&self) {
        for (id, moment) in self.ring.used() {
            match store::touch(self.db.write(), &id, moment).await {
                Ok(()) => self.ring.noted(&id, moment),
                // The next turn tries again: nothing but this moment is late.
                Err(error) => error!(error = chain(&error), key.id = %id, "the use of key {id} could not be recorded"),
            }
        }
    }

    fn keep_up(self) {
        let (workers, last_run) = (self.lifecycle.workers().clone(), self.lifecycle.last_run(Loop::KeyUse));
        self.lifecycle.clone().spawn(ShutdownPhase::Workers, "key use", async move {
            let mut period = tokio::time::interval(TOUCH_PERIOD);
            while workers.run_until_cancelled(period.tick()).await.is_some() {
                self.touch().await;
                last_run.note();
            }
            self.touch().await;
        });
    }

    /// What came of a write. If it failed, nobody knows whether the table has it: then the key is in memory as it is there, and a
    /// table that does not answer is asked again until it does.
    async fn written(&self, id: &KeyId, outcome: Result<()>) -> Result<()> {
        if outcome.is_err() {
            let (keys, id) = (self.clone(), id.clone());
            let attempt = move || {
                let (keys, id) = (keys.clone(), id.clone());
                async move {
                    let tx = keys.db.write().begin_decided(store::TABLE).await?;
                    let found = store::find(&tx, &id).await?;
                    keys.ring.agree(&id, found, keys.clock.now());
                    Ok::<_, Error>(())
                }
            };
            self.lifecycle.insist("key", attempt).await;
        }
        outcome
    }

    /// The key, if there is one that may do no more than the caller.
    fn row(&self, caller: &Caller, id: &KeyId) -> Result<KeyRow> {
        let found = self.ring.find(id).filter(|row| is_within(caller, row));
        let row = found.ok_or_else(|| Error::new(ErrorKind::KeyNotFound, "no key has this id"))?;
        // An id is the client's text until here.
        Span::current().record("key.id", field::display(&row.id));
        Ok(row)
    }

    /// Makes a change in turn and to the end: what is written must be in memory too.
    async fn in_turn<T, F>(&self, work: impl FnOnce(Self) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (changing, work) = (Arc::clone(&self.changing), work(self.clone()));
        let in_turn = async move {
            let _turn = changing.lock().await;
            work.await
        };
        self.lifecycle.complete(in_turn).await
    }
}

/// The cursor of a key: the place right behind it in every list.
pub fn cursor_of(key: &Key) -> String {
    sort_key(key).cursor()
}

fn sort_key(key: &Key) -> SortKey {
    SortKey { created_at: key.created_at, id: key.id.to_string() }
}

/// Whether a key may do no more than the caller, and for no longer. Any other would be a way to more than the caller has.
fn is_within(caller: &Caller, row: &KeyRow) -> bool {
    let outlives = |own: Timestamp| row.expires_at.is_none_or(|end| own < end);
    caller.includes(&row.powers) && !caller.ends_at().is_some_and(outlives)
}

/// What a new key is to be able to do, which the caller must be able to do as well.
fn powers(caller: &Caller, scopes: Vec<Scope>, sessions: Option<Vec<String>>) -> Result<Powers> {
    if scopes.is_empty() {
        return Err(Error::invalid("scopes", "must name at least one scope"));
    }
    if scopes.len() > SCOPES_MAX {
        return Err(Error::invalid("scopes", format!("must name at most {SCOPES_MAX} scopes")));
    }
    let scopes: BTreeSet<_> = scopes.into_iter().collect();
    if let Some(missing) = scopes.iter().find(|scope| !caller.allows(**scope)) {
        let detail = format!("this key does not have the scope `{missing}` and cannot give it away");
        return Err(Error::new(ErrorKind::Forbidden, detail));
    }
    let sessions = match sessions {
        Some(ids) => Some(named(caller, ids)?),
        None => caller.sessions().cloned(),
    };
    // What is measured is measured over all sessions.
    if sessions.is_some() && scopes.contains(&Scope::MetricsRead) {
        return Err(Error::invalid("scopes", "must not have `metrics:read` in a key for some sessions only"));
    }
    Ok(Powers { scopes, sessions })
}

fn named(caller: &Caller, ids: Vec<String>) -> Result<BTreeSet<SessionId>> {
    if !(1..=SESSIONS_MAX).contains(&ids.len()) {
        return Err(Error::invalid("sessions", format!("must name 1 to {SESSIONS_MAX} sessions")));
    }
    let read = |id: &String| {
        let rule = "must be ids that match ^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$";
        SessionId::parse(id).map_err(|BadSessionId| Error::invalid("sessions", rule))
    };
    let ids = ids.iter().map(read).collect::<Result<BTreeSet<_>>>()?;
    if ids.iter().any(|id| !caller.reaches(id)) {
        let detail = "this key may not touch all of these sessions and cannot give them away";
        return Err(Error::new(ErrorKind::Forbidden, detail));
    }
    Ok(ids)
}

/// Until when a new key is to work: never longer than the caller's.
fn end(caller: &Caller, wanted: Option<Timestamp>, now: Timestamp) -> Result<Option<Timestamp>> {
    let own = caller.ends_at();
    match wanted {
        None => Ok(own),
        Some(wanted) if wanted <= now => Err(Error::invalid("expires_at", "must lie in the future")),
        Some(wanted) if own.is_some_and(|own| own < wanted) => {
            Err(Error::new(ErrorKind::Forbidden, "this key expires earlier and cannot give away more time"))
        }
        Some(wanted) => Ok(Some(wanted)),
    }
}

/// A key as every door shows it.
fn shown(row: &KeyRow, now: Timestamp) -> Key {
    let KeyRow { id, name, digest: _, old, powers, expires_at, last_used_at, created_at, created_by } = row.clone();
    Key {
        id,
        name,
        scopes: powers.scopes.into_iter().collect(),
        sessions: powers.sessions.map(|ids| ids.into_iter().collect()),
        expires_at,
        last_used_at,
        created_at,
        created_by,
        old_token_expires_at: old.map(|(_, moment)| moment).filter(|moment| now < *moment),
    }
}
