//! What is known of groups. WhatsApp is asked about a group before something is sent there, and what it says is used for some minutes:
//! it counts questions. What is asked at once about one group is one question. Changes that WhatsApp tells end what was known
//! before. While a session is offline, what the library wrote down when it last sent there tells who is in a group.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use entity::ids::SessionId;
use entity::words::outgoing::FailureCode;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::account::Identity;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::message::lookup::naming::own_jid;
use crate::whatsapp::client::Client;
use crate::whatsapp::group_members;
use crate::whatsapp::operation::group::{GroupFacts, GroupMember, PreparedGroup};

/// How long what WhatsApp said is used again. Changes are told, but not while a session is offline.
const KEPT: Duration = Duration::from_secs(5 * 60);
/// Groups that are remembered, at most.
const GROUPS: usize = 1_000;
/// Members of all groups that are remembered, at most: about 20 MB.
const MEMBERS: usize = 100_000;
/// How long a group's devices are not looked at again after there were keys for all of them.
const DEVICES_KEPT: Duration = Duration::from_secs(60);
/// Shortest time between two messages of a group that are sent on to devices that were missed. Who is missed asks by themselves, so if
/// WhatsApp says each time that some were, it is not worth to send each message twice.
const SENT_ON_AFTER: Duration = Duration::from_secs(60);

/// A group of a session.
type Key = (SessionId, String);

/// What is known of groups. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::message) struct Groups(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Db,
    known: Mutex<HashMap<Key, Known>>,
    /// The number of the next version of what is known of a group.
    versions: AtomicU64,
    /// Held by the question that is under way.
    turns: Mutex<HashMap<Key, Arc<tokio::sync::Mutex<()>>>>,
}

/// What is known of one group.
#[derive(Debug, Default)]
struct Known {
    /// Another one after each change of the group, and never the same again: what was asked before a change is not remembered after it.
    version: u64,
    /// What WhatsApp said, and when.
    facts: Option<(Arc<GroupFacts>, Instant)>,
    /// Members and a hash of their devices, for which there were keys, and when.
    prepared: Option<(PreparedGroup, Instant)>,
    /// When a message was last sent on.
    sent_on_at: Option<Instant>,
}

impl Groups {
    pub(in crate::message) fn new(db: Db) -> Self {
        let (known, versions, turns) = (Mutex::default(), AtomicU64::new(1), Mutex::default());
        Self(Arc::new(Inner { db, known, versions, turns }))
    }

    /// What WhatsApp says of a group. It is asked unless it was within the last minutes.
    ///
    /// # Errors
    /// `GroupNotFound`, `NotInGroup`, `Upstream`, `UpstreamTimeout`.
    pub(in crate::message) async fn ask(
        &self,
        session: &SessionId,
        client: &Client,
        group: &str,
    ) -> Result<Arc<GroupFacts>> {
        if let Some(facts) = self.fresh(session, group) {
            return Ok(facts);
        }
        let key = (session.clone(), group.to_owned());
        let turn = {
            let mut turns = self.0.turns.lock();
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(key.clone()).or_default())
        };
        let _turn = turn.lock().await;
        if let Some(facts) = self.fresh(session, group) {
            return Ok(facts);
        }
        let version = self.version(&key);
        let facts = Arc::new(client.group(group).await?);
        let new = Some((Arc::clone(&facts), Instant::now()));
        self.remember(&key, version, facts.members.len(), |known| known.facts = new);
        Ok(facts)
    }

    /// What is known of a group without asking WhatsApp: what it said within the last minutes, or else who is in it as the library wrote
    /// it down. None if nothing is.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(in crate::message) async fn known(&self, session: &SessionId, group: &str) -> Result<Option<Arc<GroupFacts>>> {
        if let Some(facts) = self.fresh(session, group) {
            return Ok(Some(facts));
        }
        Ok(group_members::written(self.0.db.read(), session, group).await?.map(Arc::new))
    }

    /// Sees to it that there are keys for the devices of a group's members. Gives its members.
    ///
    /// # Errors
    /// `GroupNotFound`, `NotInGroup`, `Upstream`, `UpstreamTimeout`.
    pub(in crate::message) async fn prepare(
        &self,
        session: &SessionId,
        client: &Client,
        group: &str,
    ) -> Result<Vec<String>> {
        let key = (session.clone(), group.to_owned());
        let known = self.0.known.lock().get(&key).and_then(|known| known.prepared.clone());
        let devices = match known {
            Some((prepared, at)) if at.elapsed() < DEVICES_KEPT => return Ok(prepared.members),
            Some((prepared, _)) => prepared.devices,
            None => None,
        };
        let version = self.version(&key);
        let prepared = client.prepare_group(group, devices).await?;
        let members = prepared.members.clone();
        if prepared.devices.is_some() {
            let new = Some((prepared, Instant::now()));
            self.remember(&key, version, members.len(), |known| known.prepared = new);
        }
        Ok(members)
    }

    /// The version of what is known of a group now.
    fn version(&self, key: &Key) -> u64 {
        let mut known = self.0.known.lock();
        if let Some(known) = known.get(key) {
            return known.version;
        }
        make_room(&mut known, 0);
        let version = self.next_version();
        known.insert(key.clone(), Known { version, ..Known::default() });
        version
    }

    /// Remembers what WhatsApp was asked when this version was known. What was forgotten meanwhile, for whatever reason, is asked again.
    fn remember(&self, key: &Key, version: u64, members: usize, set: impl FnOnce(&mut Known)) {
        let mut known = self.0.known.lock();
        if known.get(key).is_some_and(|known| known.version == version) {
            make_room(&mut known, members);
            set(known.entry(key.clone()).or_insert_with(|| Known { version, ..Known::default() }));
        }
    }

    fn next_version(&self) -> u64 {
        self.0.versions.fetch_add(1, Ordering::Relaxed)
    }

    /// A group has changed, or WhatsApp says that it is another than was known.
    pub(in crate::message) fn forget(&self, session: &SessionId, group: &str) {
        if let Some(known) = self.0.known.lock().get_mut(&(session.clone(), group.to_owned())) {
            (known.version, known.facts, known.prepared) = (self.next_version(), None, None);
        }
    }

    /// Whether a message of this group may be sent on now. The next one may not for a while.
    pub(in crate::message) fn may_send_on(&self, session: &SessionId, group: &str) -> bool {
        let mut known = self.0.known.lock();
        make_room(&mut known, 0);
        let new = || Known { version: self.next_version(), ..Known::default() };
        let known = known.entry((session.clone(), group.to_owned())).or_insert_with(new);
        let may = known.sent_on_at.is_none_or(|at| at.elapsed() >= SENT_ON_AFTER);
        if may {
            known.sent_on_at = Some(Instant::now());
        }
        may
    }

    fn fresh(&self, session: &SessionId, group: &str) -> Option<Arc<GroupFacts>> {
        let known = self.0.known.lock();
        let (facts, at) = known.get(&(session.clone(), group.to_owned()))?.facts.as_ref()?;
        (at.elapsed() < KEPT).then(|| Arc::clone(facts))
    }
}

/// Forgets what is old, and all if that is not enough, so that so many more members can be remembered.
fn make_room(known: &mut HashMap<Key, Known>, more: usize) {
    let count = |known: &Known| {
        let (facts, prepared) = (known.facts.as_ref(), known.prepared.as_ref());
        facts.map_or(0, |(facts, _)| facts.members.len()) + prepared.map_or(0, |(prepared, _)| prepared.members.len())
    };
    let is_full = |known: &HashMap<Key, Known>| {
        known.len() >= GROUPS || known.values().map(count).sum::<usize>().saturating_add(more) > MEMBERS
    };
    if is_full(known) {
        known.retain(|_, known| known.facts.as_ref().is_some_and(|(_, at)| at.elapsed() < KEPT));
    }
    if is_full(known) {
        known.clear();
    }
}

/// The account among the members of a group.
pub(in crate::message) fn own_member<'a>(facts: &'a GroupFacts, own: &Identity) -> Option<&'a GroupMember> {
    let lid = own.lid.as_deref().and_then(|lid| lid.split('@').next()).map(|lid| format!("{lid}@lid"));
    facts.member(&[own_jid(own).as_str(), lid.as_deref().unwrap_or_default()])
}

/// What keeps the account from writing in a group. `is_about_another` says whether it is only about a message that is there: everybody
/// may react where only admins write.
pub(in crate::message) fn obstacle(facts: &GroupFacts, own: &Identity, is_about_another: bool) -> Option<FailureCode> {
    match own_member(facts, own) {
        None => Some(FailureCode::NotInGroup),
        Some(member) if facts.is_announcement && !member.is_admin && !is_about_another => {
            Some(FailureCode::GroupAdminsOnly)
        }
        Some(_) => None,
    }
}

/// The failure of a message to a group that nothing is sent to, as WhatsApp's answer about the group tells it. None if it tells none.
pub(in crate::message) const fn failure_of(kind: ErrorKind) -> Option<FailureCode> {
    match kind {
        ErrorKind::GroupNotFound => Some(FailureCode::GroupNotFound),
        ErrorKind::NotInGroup => Some(FailureCode::NotInGroup),
        _ => None,
    }
}

/// What keeps the account from writing in a group, for who asked for it.
pub(in crate::message) fn refused(failure: FailureCode) -> Error {
    match failure {
        FailureCode::NotInGroup => Error::new(ErrorKind::NotInGroup, "the account is not in the group"),
        FailureCode::GroupAdminsOnly => Error::new(ErrorKind::GroupAdminsOnly, "only admins may write in this group"),
        _ => Error::new(ErrorKind::GroupNotFound, "WhatsApp knows no such group"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::PhoneNumber;
    use crate::db::sqlite::Synchronous;

    fn member(jid: &str, other: Option<&str>, is_admin: bool) -> GroupMember {
        GroupMember { jid: jid.to_owned(), other: other.map(str::to_owned), is_admin }
    }

    fn facts(members: Vec<GroupMember>, is_announcement: bool) -> GroupFacts {
        GroupFacts { is_lid_addressed: true, is_announcement, expiration: Some(0), members }
    }

    #[test]
    fn a_member_may_write_and_where_only_admins_do_a_member_may_still_react() {
        let phone_number = PhoneNumber::parse("phone_number", "15550100001").expect("a number");
        let own = Identity { phone_number, lid: Some("100000000000001@lid".to_owned()), device_id: 1 };
        let (lid, number) = ("100000000000001@lid", "15550100001@s.whatsapp.net");
        let other = member("100000000000077@lid", None, true);
        let rows = [
            (vec![other.clone()], false, false, Some(FailureCode::NotInGroup)),
            (vec![other.clone(), member(lid, None, false)], false, false, None),
            (vec![other.clone(), member(number, Some(lid), false)], false, false, None),
            (vec![other.clone(), member("1@lid", Some(number), false)], false, false, None),
            (vec![other.clone(), member(lid, None, false)], true, false, Some(FailureCode::GroupAdminsOnly)),
            (vec![other.clone(), member(lid, None, false)], true, true, None),
            (vec![other, member(lid, None, true)], true, false, None),
        ];
        for (members, is_announcement, is_about_another, found) in rows {
            let facts = facts(members, is_announcement);
            assert_eq!(obstacle(&facts, &own, is_about_another), found, "{facts:?}");
        }
    }

    #[tokio::test]
    async fn what_was_asked_before_a_change_is_not_believed_after_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("waypost.db");
        let groups = Groups::new(Db::sqlite(&file, Synchronous::Normal).await.expect("a new file"));
        let session = SessionId::parse("shop").expect("an id");
        let answer = || Some((Arc::new(facts(vec![member("1@lid", None, false)], false)), Instant::now()));
        let key = (session.clone(), "1@g.us".to_owned());
        let version = groups.version(&key);
        groups.forget(&session, "1@g.us");
        groups.remember(&key, version, 1, |known| known.facts = answer());
        assert!(groups.fresh(&session, "1@g.us").is_none(), "the answer is from before the change");
        let version = groups.version(&key);
        groups.forget(&session, "2@g.us");
        groups.remember(&key, version, 1, |known| known.facts = answer());
        assert!(groups.fresh(&session, "1@g.us").is_some(), "another group has changed");
        groups.forget(&session, "1@g.us");
        assert!(groups.fresh(&session, "1@g.us").is_none());
    }

    #[test]
    fn no_more_is_remembered_than_may_be() {
        let many = Arc::new(facts(vec![member("1@lid", None, false); 60_000], false));
        let key = |name: &str| (SessionId::parse("shop").expect("an id"), name.to_owned());
        let mut known = HashMap::new();
        let one = || Known { facts: Some((Arc::clone(&many), Instant::now())), ..Known::default() };
        known.insert(key("a"), one());
        make_room(&mut known, 30_000);
        assert_eq!(known.len(), 1, "there is room");
        make_room(&mut known, 50_000);
        assert_eq!(known.len(), 0);
        for number in 0..GROUPS {
            known.insert(key(&number.to_string()), Known::default());
        }
        known.insert(key("fresh"), one());
        make_room(&mut known, 0);
        assert_eq!(known.len(), 1, "what says nothing makes room first");
    }
}
