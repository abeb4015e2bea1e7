//! Every key in memory: the digest of a token -> what it gives. What is here is written already.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use entity::ids::KeyId;
use entity::timestamp::Timestamp;
use parking_lot::RwLock;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::caller::Grant;
use crate::key::store::KeyRow;
use crate::token::Digest;

/// The keys of this process.
#[derive(Debug, Default)]
pub struct Ring(RwLock<Inner>);

#[derive(Debug, Default)]
struct Inner {
    keys: HashMap<KeyId, Held>,
    tokens: HashMap<Digest, Pass>,
}

#[derive(Debug)]
struct Held {
    row: KeyRow,
    used_millis: Arc<AtomicI64>,
    /// Fires when the key is deleted.
    lifeline: CancellationToken,
}

/// What a token is good for.
#[derive(Debug)]
struct Pass {
    grant: Arc<Grant>,
    /// When its key was last used; 0 is never.
    used_millis: Arc<AtomicI64>,
}

impl Ring {
    /// Takes a key in.
    pub fn put(&self, row: KeyRow) {
        let used_millis = Arc::new(AtomicI64::new(row.last_used_at.map_or(0, Timestamp::millis)));
        let inner = &mut *self.0.write();
        let old = row.old.map(|(digest, moment)| (digest, earlier(row.expires_at, Some(moment))));
        for (digest, end) in std::iter::once((row.digest, row.expires_at)).chain(old) {
            let grant = Arc::new(grant(&row, end));
            inner.tokens.insert(digest, Pass { grant, used_millis: Arc::clone(&used_millis) });
        }
        inner.keys.insert(row.id.clone(), Held { row, used_millis, lifeline: CancellationToken::new() });
    }

    /// Gives a key its new token. The one before works on for a while, the one before that no more.
    pub fn turn(&self, row: KeyRow, now: Timestamp) {
        let inner = &mut *self.0.write();
        let Some(held) = inner.keys.get_mut(&row.id) else { return };
        if let Some((stale, _)) = held.row.old
            && let Some(pass) = inner.tokens.remove(&stale)
        {
            pass.grant.end_at(now);
        }
        if let Some((digest, moment)) = row.old
            && let Some(pass) = inner.tokens.get(&digest)
        {
            pass.grant.end_at(moment);
        }
        let grant = Arc::new(grant(&row, row.expires_at));
        inner.tokens.insert(row.digest, Pass { grant, used_millis: Arc::clone(&held.used_millis) });
        held.row = row;
    }

    /// Has a key as its table has it.
    pub fn agree(&self, id: &KeyId, written: Option<KeyRow>, now: Timestamp) {
        match (written, self.find(id)) {
            (None, _) => self.take(id, now),
            (Some(row), None) => self.put(row),
            (Some(row), Some(held)) if row.digest != held.digest => self.turn(row, now),
            (Some(_), Some(_)) => {}
        }
    }

    /// Takes a key out, and ends what lives by it.
    pub fn take(&self, id: &KeyId, now: Timestamp) {
        let inner = &mut *self.0.write();
        let Some(held) = inner.keys.remove(id) else { return };
        held.lifeline.cancel();
        for digest in std::iter::once(held.row.digest).chain(held.row.old.map(|(digest, _)| digest)) {
            if let Some(pass) = inner.tokens.remove(&digest) {
                pass.grant.end_at(now);
            }
        }
    }

    /// Who has the token with this digest, if it works now.
    pub fn admit(&self, digest: &Digest, now: Timestamp) -> Option<Arc<Grant>> {
        let inner = self.0.read();
        let pass = inner.tokens.get(digest).filter(|pass| pass.grant.is_good(now))?;
        pass.used_millis.fetch_max(now.millis(), Ordering::Relaxed);
        Some(Arc::clone(&pass.grant))
    }

    /// One key.
    pub fn find(&self, id: &KeyId) -> Option<KeyRow> {
        self.0.read().keys.get(id).map(Held::look)
    }

    /// Fires when this key is deleted. None when it is already.
    pub fn lifeline(&self, id: &KeyId) -> Option<CancellationToken> {
        self.0.read().keys.get(id).map(|held| held.lifeline.clone())
    }

    /// What is made of every key of which something is made.
    pub fn select<T>(&self, make: impl Fn(&KeyRow) -> Option<T>) -> Vec<T> {
        self.0.read().keys.values().filter_map(|held| make(&held.look())).collect()
    }

    /// The keys that were used since it was last noted, and when.
    pub fn used(&self) -> Vec<(KeyId, Timestamp)> {
        let inner = self.0.read();
        let unwritten = inner.keys.values().filter(|held| held.row.last_used_at != held.look().last_used_at);
        unwritten.filter_map(|held| Some((held.row.id.clone(), held.look().last_used_at?))).collect()
    }

    /// The last use of a key was written.
    pub fn noted(&self, id: &KeyId, moment: Timestamp) {
        if let Some(held) = self.0.write().keys.get_mut(id) {
            held.row.last_used_at = Some(moment);
        }
    }
}

impl Held {
    /// The key with its last use.
    fn look(&self) -> KeyRow {
        let millis = self.used_millis.load(Ordering::Relaxed);
        KeyRow { last_used_at: (millis > 0).then(|| Timestamp::from_millis(millis)), ..self.row.clone() }
    }
}

fn grant(row: &KeyRow, end: Option<Timestamp>) -> Grant {
    let KeyRow { id, name, powers, .. } = row.clone();
    Grant { key: id, name, powers, end: watch::Sender::new(end) }
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    [a, b].into_iter().flatten().min()
}
