//! Tickets: what a browser's `EventSource` shows instead of a key, since it can send no header. What stands in an address is
//! seen by proxies and kept in histories, so a ticket opens one stream, soon, and is nothing afterwards.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use entity::timestamp::Timestamp;
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::token::{self, Digest};

/// What every ticket begins with.
const PREFIX: &str = "wpt_";
/// How long a ticket can be used.
const LIFETIME: Duration = Duration::from_secs(60);
/// Tickets that one key has at the same time.
const TICKETS_MAX: usize = 100;

/// The tickets that were not used yet. A restart forgets them.
#[derive(Clone, Debug, Default)]
pub(super) struct Tickets(Arc<Mutex<HashMap<Digest, Held>>>);

#[derive(Debug)]
struct Held {
    caller: Caller,
    expires_at: Timestamp,
}

impl Tickets {
    /// A ticket with which a stream is this caller's.
    ///
    /// # Errors
    /// `TooManyTickets`.
    pub(super) fn issue(&self, caller: &Caller, now: Timestamp) -> Result<(SecretString, Timestamp)> {
        let mut held = self.0.lock();
        // Nobody has a ticket for longer than it is good for, or more than a few: so this stays small.
        held.retain(|_, ticket| now < ticket.expires_at && ticket.expires_at <= now.after(LIFETIME));
        let key = |caller: &Caller| caller.grant().map(|grant| grant.key.clone());
        let own = held.values().filter(|ticket| key(&ticket.caller) == key(caller)).map(|ticket| ticket.expires_at);
        let own: Vec<_> = own.collect();
        if let Some(first) = own.iter().min().filter(|_| own.len() >= TICKETS_MAX) {
            let detail = format!("this key has {TICKETS_MAX} tickets that were not used: use them, or try again later");
            return Err(Error::new(ErrorKind::TooManyTickets, detail).retry_in(first.remaining(now)));
        }
        let (ticket, expires_at) = (token::generate(PREFIX), now.after(LIFETIME));
        held.insert(token::digest(ticket.expose_secret()), Held { caller: caller.clone(), expires_at });
        Ok((ticket, expires_at))
    }

    /// Whose ticket it is. It is used up by this.
    pub(super) fn redeem(&self, ticket: &str, now: Timestamp) -> Option<Caller> {
        if !token::is_well_formed(PREFIX, ticket) {
            return None;
        }
        let Held { caller, expires_at } = self.0.lock().remove(&token::digest(ticket))?;
        let is_good = caller.grant().is_none_or(|grant| grant.is_good(now));
        (is_good && now < expires_at).then_some(caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_good_once_and_for_a_minute() {
        let (tickets, start) = (Tickets::default(), Timestamp::from_millis(1_000_000));
        let (ticket, expires_at) = tickets.issue(&Caller::admin(), start).expect("the first one");
        assert_eq!(expires_at, start.after(LIFETIME));
        let late = tickets.issue(&Caller::admin(), start).expect("the second one").0;
        assert!(tickets.redeem("wpt_other", start).is_none());
        assert!(tickets.redeem(ticket.expose_secret(), start).is_some());
        assert!(tickets.redeem(ticket.expose_secret(), start).is_none(), "it is used up");
        assert!(tickets.redeem(late.expose_secret(), expires_at).is_none(), "its time is over");
    }

    #[test]
    fn a_key_has_so_many_tickets_and_no_more_until_one_is_used_or_over() {
        let (tickets, start) = (Tickets::default(), Timestamp::from_millis(1_000_000));
        let issue = |now| tickets.issue(&Caller::admin(), now);
        let all: Vec<_> = (0..TICKETS_MAX).map(|_| issue(start).expect("one more").0).collect();
        let refused = issue(start).expect_err("one too many");
        assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::TooManyTickets, Some(LIFETIME)));
        assert!(tickets.redeem(all[0].expose_secret(), start).is_some());
        assert!(issue(start).is_ok() && issue(start).is_err());
        assert!(issue(start.after(LIFETIME)).is_ok());
        assert_eq!(tickets.0.lock().len(), 1, "those that are over are forgotten");
    }
}
