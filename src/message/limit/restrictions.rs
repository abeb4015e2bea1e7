//! What WhatsApp keeps accounts from: writing to people who have never written to them, for a time that it names. What is known is in
//! memory, and in a table for the next process. It is about the account, and is forgotten when another one is linked to the session.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::outgoing::RestrictionKind;
use parking_lot::Mutex;

use crate::message::store::restriction_store::RestrictionRow;

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
pub(in crate::message) struct Restrictions {
    /// Whether messages wait for their end. Otherwise they fail.
    pub(in crate::message) is_holding: bool,
    known: Mutex<HashMap<SessionId, Restriction>>,
}

/// What the account of one session is kept from.
#[derive(Clone, Debug, Default)]
struct Restriction {
    /// JID of the account.
    account: String,
    timelock: Option<End>,
    new_chats: Option<End>,
    /// The message that is under way to show whether it is over.
    probe: Option<String>,
    /// The lanes that wait for what becomes of that.
    waiting: BTreeSet<String>,
}

/// When something ends.
#[derive(Clone, Copy, Debug)]
struct End {
    at: Timestamp,
    /// When WhatsApp said so.
    noted_at: Timestamp,
}

/// What is not known any more: what was held for it need not wait, and the table is to forget it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::message) struct Lifted {
    /// What it was. None for all there was.
    pub(in crate::message) kind: Option<RestrictionKind>,
    /// When WhatsApp last said it: what it says later is not meant.
    pub(in crate::message) noted_at: Timestamp,
    /// The lanes that waited for what becomes of the first message.
    pub(in crate::message) waiting: Vec<String>,
}

/// Whether a chat may be begun now.
#[derive(Debug)]
pub(in crate::message) enum Pass<'a> {
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
pub(in crate::message) struct Probe<'a> {
    restrictions: &'a Restrictions,
    session: SessionId,
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        if let Some(restriction) = self.restrictions.known.lock().get_mut(&self.session) {
            restriction.probe = None;
        }
    }
}

impl Restriction {
    const fn end(&self, kind: RestrictionKind) -> Option<End> {
        match kind {
            RestrictionKind::Timelock => self.timelock,
            RestrictionKind::NewChatLimit => self.new_chats,
        }
    }

    const fn end_mut(&mut self, kind: RestrictionKind) -> &mut Option<End> {
        match kind {
            RestrictionKind::Timelock => &mut self.timelock,
            RestrictionKind::NewChatLimit => &mut self.new_chats,
        }
    }

    fn ends(&self) -> impl Iterator<Item = End> {
        self.timelock.into_iter().chain(self.new_chats)
    }

    fn last_end(&self) -> Option<Timestamp> {
        self.ends().map(|end| end.at).max()
    }

    /// All of it, as it is forgotten.
    fn lifted(self) -> Option<Lifted> {
        let noted_at = self.ends().map(|end| end.noted_at).max()?;
        Some(Lifted { kind: None, noted_at, waiting: self.waiting.into_iter().collect() })
    }
}

impl Restrictions {
    /// With what the process before knew.
    pub(in crate::message) fn new(is_holding: bool, rows: Vec<RestrictionRow>) -> Self {
        let mut known: HashMap<SessionId, Restriction> = HashMap::new();
        for RestrictionRow { session_id, kind, account, ends_at, noted_at } in rows {
            let restriction = known.entry(session_id).or_default();
            *restriction.end_mut(kind) = Some(End { at: ends_at, noted_at });
            restriction.account = account;
        }
        Self { is_holding, known: Mutex::new(known) }
    }

    /// Whether something is known of a session, over or not.
    pub(in crate::message) fn is_known(&self, session: &SessionId) -> bool {
        self.known.lock().contains_key(session)
    }

    /// When a restriction ends that is known and not over.
    pub(in crate::message) fn end(
        &self,
        session: &SessionId,
        kind: RestrictionKind,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let known = self.known.lock();
        known.get(session)?.end(kind).map(|end| end.at).filter(|end| *end > now)
    }

    /// The same, with the moment in which WhatsApp said so, of this account.
    pub(in crate::message) fn noted_end(
        &self,
        session: &SessionId,
        account: &str,
        kind: RestrictionKind,
        now: Timestamp,
    ) -> Option<(Timestamp, Timestamp)> {
        let known = self.known.lock();
        let end = known.get(session).filter(|known| known.account == account)?.end(kind)?;
        (end.at > now).then_some((end.at, end.noted_at))
    }

    /// WhatsApp refused a message and named this end. Gives until when messages are held, and whether that is news. None if it is long
    /// over: then it was refused for something else.
    pub(in crate::message) fn note(
        &self,
        session: &SessionId,
        account: &str,
        (kind, named): (RestrictionKind, Timestamp),
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
        if restriction.account != account {
            *restriction = Restriction { account: account.to_owned(), ..Restriction::default() };
        }
        // Those that waited for the first message find out for themselves.
        restriction.waiting.clear();
        let before = restriction.end_mut(kind).replace(End { at: until, noted_at: now });
        Some((until, before.is_none_or(|before| before.at != until)))
    }

    /// A message was taken, or refused without an end: if it was the first since the end, others need not wait any more.
    pub(in crate::message) fn passed(&self, session: &SessionId, message_id: &str) -> Option<Lifted> {
        let mut known = self.known.lock();
        known.get(session).filter(|restriction| restriction.probe.as_deref() == Some(message_id))?;
        known.remove(session)?.lifted()
    }

    /// WhatsApp says that there is no such restriction, to a question that was asked at this moment. What it said later stays.
    pub(in crate::message) fn denied(
        &self,
        session: &SessionId,
        kind: RestrictionKind,
        asked_at: Timestamp,
    ) -> Option<Lifted> {
        let mut known = self.known.lock();
        let restriction = known.get_mut(session)?;
        let end = restriction.end_mut(kind).take_if(|end| end.noted_at <= asked_at)?;
        let waiting = std::mem::take(&mut restriction.waiting).into_iter().collect();
        if restriction.last_end().is_none() {
            known.remove(session);
        }
        Some(Lifted { kind: Some(kind), noted_at: end.noted_at, waiting })
    }

    /// Forgets what another account was kept from that was linked to the session before.
    pub(in crate::message) fn forget_others(&self, session: &SessionId, account: &str) -> Option<Lifted> {
        let mut known = self.known.lock();
        known.get(session).filter(|restriction| restriction.account != account)?;
        known.remove(session)?.lifted()
    }

    /// Whether something is still known that holds messages until this moment.
    pub(in crate::message) fn holds(&self, session: &SessionId, until: Timestamp) -> bool {
        let known = self.known.lock();
        known.get(session).and_then(Restriction::last_end).is_some_and(|end| end >= until)
    }

    /// This lane waits for what becomes of the first message after a restriction.
    pub(in crate::message) fn wait(&self, session: &SessionId, lane: &str) {
        if let Some(restriction) = self.known.lock().get_mut(session) {
            restriction.waiting.insert(lane.to_owned());
        }
    }

    /// Whether this message may begin a chat now.
    pub(in crate::message) fn pass(&self, session: &SessionId, message_id: &str, now: Timestamp) -> Pass<'_> {
        let mut known = self.known.lock();
        let Some(restriction) = known.get_mut(session) else { return Pass::Free };
        match restriction.last_end() {
            Some(end) if end > now => Pass::Held(end),
            _ if restriction.probe.is_some() => Pass::Later(now.after(PROBE)),
            _ => {
                restriction.probe = Some(message_id.to_owned());
                Pass::Probe(Probe { restrictions: self, session: session.clone() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMELOCK: RestrictionKind = RestrictionKind::Timelock;
    const LIMIT: RestrictionKind = RestrictionKind::NewChatLimit;
    const OWN: &str = "15550100001@s.whatsapp.net";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn shop() -> SessionId {
        SessionId::parse("shop").expect("an id")
    }

    #[test]
    fn new_chats_wait_for_the_last_end_that_was_named() {
        let (restrictions, shop) = (Restrictions::new(true, Vec::new()), shop());
        assert!(matches!(restrictions.pass(&shop, "A", at(0)), Pass::Free));
        assert_eq!(restrictions.note(&shop, OWN, (TIMELOCK, at(100)), at(0)), Some((at(100), true)));
        assert_eq!(restrictions.note(&shop, OWN, (TIMELOCK, at(100)), at(1)), Some((at(100), false)));
        assert_eq!(restrictions.note(&shop, OWN, (LIMIT, at(500)), at(2)), Some((at(500), true)));
        assert!(matches!(restrictions.pass(&shop, "A", at(100)), Pass::Held(end) if end == at(500)));
        assert_eq!(restrictions.end(&shop, TIMELOCK, at(99)), Some(at(100)));
        assert_eq!(restrictions.end(&shop, TIMELOCK, at(100)), None);
        assert!(restrictions.holds(&shop, at(500)) && !restrictions.holds(&shop, at(501)));
        let other = SessionId::parse("other").expect("an id");
        assert!(matches!(restrictions.pass(&other, "A", at(3)), Pass::Free));
    }

    #[test]
    fn when_it_is_over_one_goes_first_and_the_others_wait_for_what_becomes_of_it() {
        let (restrictions, shop) = (Restrictions::new(true, Vec::new()), shop());
        restrictions.note(&shop, OWN, (TIMELOCK, at(100)), at(0));
        let probe = restrictions.pass(&shop, "A", at(100));
        assert!(matches!(probe, Pass::Probe(_)));
        assert!(matches!(restrictions.pass(&shop, "A", at(100)), Pass::Later(_)));
        // Nothing came of it: another one goes first.
        drop(probe);
        let probe = restrictions.pass(&shop, "A", at(101));
        assert!(matches!(probe, Pass::Probe(_)));
        // It was refused: all are held again.
        restrictions.note(&shop, OWN, (TIMELOCK, at(200)), at(102));
        drop(probe);
        assert!(matches!(restrictions.pass(&shop, "A", at(103)), Pass::Held(end) if end == at(200)));
        assert_eq!(restrictions.passed(&shop, "A"), None);
        assert!(matches!(restrictions.pass(&shop, "A", at(103)), Pass::Held(_)), "somebody else's message was taken");
        let probe = restrictions.pass(&shop, "A", at(200));
        assert_eq!(restrictions.passed(&shop, "B"), None, "that was not the one that all wait for");
        restrictions.wait(&shop, "a lane");
        assert_eq!(
            restrictions.passed(&shop, "A"),
            Some(Lifted { kind: None, noted_at: at(102), waiting: vec!["a lane".to_owned()] })
        );
        drop(probe);
        assert!(matches!(restrictions.pass(&shop, "A", at(200)), Pass::Free));
        assert!(!restrictions.is_known(&shop));
    }

    #[test]
    fn an_end_that_is_over_by_our_clock_alone_is_waited_for_a_little_longer() {
        let (restrictions, shop) = (Restrictions::new(true, Vec::new()), shop());
        assert_eq!(restrictions.note(&shop, OWN, (TIMELOCK, at(100)), at(110)), Some((at(140), true)));
        assert_eq!(restrictions.note(&shop, OWN, (TIMELOCK, at(100)), at(400)), None);
    }

    #[test]
    fn what_is_long_over_takes_no_memory() {
        let restrictions = Restrictions::new(true, Vec::new());
        restrictions.note(&shop(), OWN, (TIMELOCK, at(100)), at(0));
        let other = SessionId::parse("other").expect("an id");
        restrictions.note(&other, OWN, (TIMELOCK, at(90_000 * 2)), at(90_000));
        assert!(!restrictions.is_known(&shop()));
    }

    #[test]
    fn what_whatsapp_denies_is_over_unless_it_said_otherwise_after_it_was_asked() {
        let (restrictions, shop) = (Restrictions::new(true, Vec::new()), shop());
        restrictions.note(&shop, OWN, (TIMELOCK, at(100)), at(10));
        restrictions.note(&shop, OWN, (LIMIT, at(500)), at(20));
        assert_eq!(restrictions.denied(&shop, TIMELOCK, at(9)), None);
        assert_eq!(
            restrictions.denied(&shop, TIMELOCK, at(15)),
            Some(Lifted { kind: Some(TIMELOCK), noted_at: at(10), waiting: Vec::new() })
        );
        assert!(matches!(restrictions.pass(&shop, "A", at(30)), Pass::Held(end) if end == at(500)));
        assert_eq!(
            restrictions.denied(&shop, LIMIT, at(30)),
            Some(Lifted { kind: Some(LIMIT), noted_at: at(20), waiting: Vec::new() })
        );
        assert!(matches!(restrictions.pass(&shop, "A", at(30)), Pass::Free));
        assert_eq!(restrictions.denied(&shop, LIMIT, at(30)), None);
    }

    #[test]
    fn the_next_process_knows_what_the_account_is_kept_from_and_another_account_is_not() {
        let row = |kind, ends_at| {
            let (session_id, account, noted_at) = (shop(), OWN.to_owned(), at(1));
            RestrictionRow { session_id, kind, account, ends_at, noted_at }
        };
        let restrictions = Restrictions::new(true, vec![row(TIMELOCK, at(100)), row(LIMIT, at(500))]);
        let shop = shop();
        assert_eq!(restrictions.noted_end(&shop, OWN, LIMIT, at(2)), Some((at(500), at(1))));
        assert_eq!(restrictions.noted_end(&shop, "15550100002@s.whatsapp.net", LIMIT, at(2)), None);
        assert_eq!(restrictions.forget_others(&shop, OWN), None);
        assert!(matches!(restrictions.pass(&shop, "A", at(2)), Pass::Held(end) if end == at(500)));
        let lifted = restrictions.forget_others(&shop, "15550100002@s.whatsapp.net");
        assert_eq!(lifted, Some(Lifted { kind: None, noted_at: at(1), waiting: Vec::new() }));
        assert!(matches!(restrictions.pass(&shop, "A", at(2)), Pass::Free));
    }
}
