//! Who is asking and what they may do; not how they proved it.

use std::collections::BTreeSet;
use std::sync::Arc;

use entity::ids::{KeyId, SessionId};
use entity::timestamp::Timestamp;
use entity::words::access::Scope;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

/// Who is asking. Made by a door from the key that came with the request.
#[derive(Clone, Debug)]
pub struct Caller(Option<Arc<Grant>>);

/// What a key gives to who holds it.
#[derive(Debug)]
pub struct Grant {
    /// The key.
    pub key: KeyId,
    /// What its maker calls it.
    pub name: String,
    /// What it may do.
    pub powers: Powers,
    /// Until when: moves nearer when the key is rotated or revoked.
    pub end: watch::Sender<Option<Timestamp>>,
}

/// What may be done, and to which sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Powers {
    /// What may be done.
    pub scopes: BTreeSet<Scope>,
    /// To which sessions; None is all.
    pub sessions: Option<BTreeSet<SessionId>>,
}

impl Powers {
    /// Whether these include all of the others.
    pub fn include(&self, others: &Self) -> bool {
        let reach = match (&self.sessions, &others.sessions) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(theirs)) => theirs.is_subset(mine),
        };
        reach && others.scopes.is_subset(&self.scopes)
    }
}

impl Caller {
    /// The holder of the admin token, who may do everything.
    pub fn admin() -> Self {
        Self(None)
    }

    /// The holder of a key.
    pub fn of(grant: Arc<Grant>) -> Self {
        Self(Some(grant))
    }

    /// The key; None for the admin token.
    pub fn grant(&self) -> Option<&Grant> {
        self.0.as_deref()
    }

    /// What this caller may do.
    pub fn scopes(&self) -> Vec<Scope> {
        Scope::ALL.iter().copied().filter(|scope| self.allows(*scope)).collect()
    }

    /// The sessions that this caller may touch; None is all.
    pub fn sessions(&self) -> Option<&BTreeSet<SessionId>> {
        self.grant()?.powers.sessions.as_ref()
    }

    /// Refuses unless this caller may do it.
    ///
    /// # Errors
    /// `Forbidden`.
    pub fn require(&self, scope: Scope) -> Result<()> {
        if self.allows(scope) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Forbidden, format!("this key does not have the scope `{scope}`")))
    }

    /// Whether this caller may do it.
    pub fn allows(&self, scope: Scope) -> bool {
        self.grant().is_none_or(|grant| grant.powers.scopes.contains(&scope))
    }

    /// Whether there is such a session for this caller.
    pub fn reaches(&self, id: &SessionId) -> bool {
        self.sessions().is_none_or(|sessions| sessions.contains(id))
    }

    /// Whether this caller may do all that.
    pub fn includes(&self, powers: &Powers) -> bool {
        self.grant().is_none_or(|grant| grant.powers.include(powers))
    }

    /// Until when this caller may do anything, as far as is known now; None is for ever.
    pub fn ends_at(&self) -> Option<Timestamp> {
        *self.grant()?.end.borrow()
    }

    /// Resolves when the key has expired or was revoked. For what lives longer than a request.
    pub async fn ended(self, clock: Clock) {
        let Some(grant) = self.0 else { return std::future::pending().await };
        let mut end = grant.end.subscribe();
        loop {
            let moment = *end.borrow_and_update();
            let over = async {
                match moment {
                    Some(moment) => tokio::time::sleep(moment.remaining(clock.now())).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => return,
                // The sender is in the grant, which is held here.
                _ = end.changed() => {}
            }
        }
    }
}

impl Grant {
    /// Whether the key still works.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.end.borrow().is_none_or(|end| now < end)
    }

    /// Lets the key end at this moment, unless it ends earlier anyway.
    pub fn end_at(&self, moment: Timestamp) {
        self.end.send_if_modified(|end| {
            let is_earlier = end.is_none_or(|end| moment < end);
            if is_earlier {
                *end = Some(moment);
            }
            is_earlier
        });
    }
}
