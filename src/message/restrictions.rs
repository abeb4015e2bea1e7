//! What WhatsApp keeps sessions from: writing to people who have never written to them, for a time that it names. Kept in memory: after
//! a restart the next refusal says it again, and what is held has its moment in its row.

use std::collections::HashMap;
use std::time::Duration;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::outgoing::RestrictionKind;
use parking_lot::Mutex;

/// How far our clock may be ahead of WhatsApp's: so long a restriction may last longer than it seems to.
const SKEW: Duration = Duration::from_secs(5 * 60);
/// How long something is held of which the end that was named is over by our clock, and not by WhatsApp's.
const REST: Duration = Duration::from_secs(30);
/// How long others wait for the first message after a restriction, and then look again.
const PROBE: Duration = Duration::from_secs(5);
/// How long a restriction is remembered after its end if nothing is sent.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The restrictions of all sessions.
#[derive(Debug)]
pub(super) struct Restrictions {
    /// Whether messages wait for their end. Otherwise they fail.
    pub(super) is_holding: bool,
    known: Mutex<HashMap<SessionId, Restriction>>,
}

/// What one session is kept from.
#[derive(Clone, Copy, Debug, Default)]
struct Restriction {
    timelock: Option<Timestamp>,
    new_chats: Option<Timestamp>,
    /// Whether a message is under way that shows whether it is over.
    is_probed: bool,
}

/// Whether a chat may be begun now.
#[derive(Debug)]
pub(super) enum Pass<'a> {
    /// Nothing is known against it.
    Free,
    /// The time is over, and this is the first one that is sent since: the others wait for what becomes of it.
    Probe(Probe<'a>),
    /// Not before this moment.
    Held(Timestamp),
    /// The first one is under way; to be asked again at this moment.
    Later(Timestamp),
}

/// The first message after a restriction.
#[derive(Debug)]
pub(super) struct Probe<'a> {
    restrictions: &'a Restrictions,
    session: SessionId,
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        if let Some(restriction) = self.restrictions.known.lock().get_mut(&self.session) {
            restriction.is_probed = false;
        }
    }
}

impl Restriction {
    fn end(&self, kind: RestrictionKind) -> Option<Timestamp> {
        match kind {
            RestrictionKind::Timelock => self.timelock,
            RestrictionKind::NewChatLimit => self.new_chats,
        }
    }

    fn last_end(&self) -> Option<Timestamp> {
        self.timelock.max(self.new_chats)
    }
}

impl Restrictions {
    pub(super) fn new(is_holding: bool) -> Self {
        Self { is_holding, known: Mutex::default() }
    }

    /// Whether something is known of a session, over or not.
    pub(super) fn is_known(&self, session: &SessionId) -> bool {
        self.known.lock().contains_key(session)
    }

    /// When a restriction ends that is known and not over.
    pub(super) fn end(&self, session: &SessionId, kind: RestrictionKind, now: Timestamp) -> Option<Timestamp> {
        let known = self.known.lock();
        known.get(session)?.end(kind).filter(|end| *end > now)
    }

    /// WhatsApp refused a message and named this end. Gives until when messages are held, and whether that is news. None if it is long
    /// over: then it was refused for something else.
    pub(super) fn note(
        &self,
        session: &SessionId,
        kind: RestrictionKind,
        named: Timestamp,
        now: Timestamp,
    ) -> Option<(Timestamp, bool)> {
        let until = match named {
            named if named > now => named,
            named if named.after(SKEW) > now => now.after(REST),
            _ => return None,
        };
        let mut known = self.known.lock();
        known.retain(|_, restriction| restriction.last_end().is_some_and(|end| end.after(KEPT) > now));
        let restriction = known.entry(session.clone()).or_default();
        let is_news = restriction.end(kind) != Some(until);
        match kind {
            RestrictionKind::Timelock => restriction.timelock = Some(until),
            RestrictionKind::NewChatLimit => restriction.new_chats = Some(until),
        }
        Some((until, is_news))
    }

    /// A message was taken, or refused without an end: if it was the first since the end, others need not wait any more.
    pub(super) fn passed(&self, session: &SessionId) {
        let mut known = self.known.lock();
        if known.get(session).is_some_and(|restriction| restriction.is_probed) {
            known.remove(session);
        }
    }

    /// Whether a chat may be begun now.
    pub(super) fn pass(&self, session: &SessionId, now: Timestamp) -> Pass<'_> {
        let mut known = self.known.lock();
        let Some(restriction) = known.get_mut(session) else { return Pass::Free };
        match restriction.last_end() {
            Some(end) if end > now => Pass::Held(end),
            _ if restriction.is_probed => Pass::Later(now.after(PROBE)),
            _ => {
                restriction.is_probed = true;
                Pass::Probe(Probe { restrictions: self, session: session.clone() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMELOCK: RestrictionKind = RestrictionKind::Timelock;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn shop() -> SessionId {
        SessionId::parse("shop").expect("an id")
    }

    #[test]
    fn new_chats_wait_for_the_last_end_that_was_named() {
        let (restrictions, shop) = (Restrictions::new(true), shop());
        assert!(matches!(restrictions.pass(&shop, at(0)), Pass::Free));
        assert_eq!(restrictions.note(&shop, TIMELOCK, at(100), at(0)), Some((at(100), true)));
        assert_eq!(restrictions.note(&shop, TIMELOCK, at(100), at(1)), Some((at(100), false)));
        assert_eq!(restrictions.note(&shop, RestrictionKind::NewChatLimit, at(500), at(2)), Some((at(500), true)));
        assert!(matches!(restrictions.pass(&shop, at(100)), Pass::Held(end) if end == at(500)));
        assert_eq!(restrictions.end(&shop, TIMELOCK, at(99)), Some(at(100)));
        assert_eq!(restrictions.end(&shop, TIMELOCK, at(100)), None);
        let other = SessionId::parse("other").expect("an id");
        assert!(matches!(restrictions.pass(&other, at(3)), Pass::Free));
    }

    #[test]
    fn when_it_is_over_one_goes_first_and_the_others_wait_for_what_becomes_of_it() {
        let (restrictions, shop) = (Restrictions::new(true), shop());
        restrictions.note(&shop, TIMELOCK, at(100), at(0));
        let probe = restrictions.pass(&shop, at(100));
        assert!(matches!(probe, Pass::Probe(_)));
        assert!(matches!(restrictions.pass(&shop, at(100)), Pass::Later(_)));
        // Nothing came of it: another one goes first.
        drop(probe);
        let probe = restrictions.pass(&shop, at(101));
        assert!(matches!(probe, Pass::Probe(_)));
        // It was refused: all are held again.
        restrictions.note(&shop, TIMELOCK, at(200), at(102));
        drop(probe);
        assert!(matches!(restrictions.pass(&shop, at(103)), Pass::Held(end) if end == at(200)));
        restrictions.passed(&shop);
        assert!(matches!(restrictions.pass(&shop, at(103)), Pass::Held(_)), "somebody else's message was taken");
        let probe = restrictions.pass(&shop, at(200));
        restrictions.passed(&shop);
        drop(probe);
        assert!(matches!(restrictions.pass(&shop, at(200)), Pass::Free));
        assert!(!restrictions.is_known(&shop));
    }

    #[test]
    fn an_end_that_is_over_by_our_clock_alone_is_waited_for_a_little_longer() {
        let (restrictions, shop) = (Restrictions::new(true), shop());
        assert_eq!(restrictions.note(&shop, TIMELOCK, at(100), at(110)), Some((at(140), true)));
        assert_eq!(restrictions.note(&shop, TIMELOCK, at(100), at(400)), None);
    }

    #[test]
    fn what_is_long_over_takes_no_memory() {
        let restrictions = Restrictions::new(true);
        restrictions.note(&shop(), TIMELOCK, at(100), at(0));
        restrictions.note(&SessionId::parse("other").expect("an id"), TIMELOCK, at(90_000 * 2), at(90_000));
        assert!(!restrictions.is_known(&shop()));
    }
}
