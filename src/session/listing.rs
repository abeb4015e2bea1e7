//! Lists of sessions: from memory, like every other answer. The table may be behind while it cannot be written.
//! None of them is longer than one answer may be, whatever is asked for.

use std::sync::Arc;

use entity::words::access::Scope;

use crate::caller::Caller;
use crate::error::Result;
use crate::page::{BYTES_MAX, Slice, SortKey, Window, json_bytes};
use crate::session::types::{Session, SessionFilter, SessionPage, Snapshot};
use crate::session::{Sessions, cursor_of, rules};

/// What a session takes in JSON beside its texts, bytes: names of fields, moments, words.
const FIXED_BYTES: usize = 450;
/// What a label takes beside its texts.
const LABEL_BYTES: usize = 2;

impl Sessions {
    /// The sessions that match, oldest first, with their number on all pages: all of them when no size is asked for, as the
    /// contract has it, but no more than one answer may hold.
    ///
    /// # Errors
    /// `PageSizeLimit`; `Invalid` for a bad cursor.
    pub fn list(&self, caller: &Caller, filter: SessionFilter, window: Window) -> Result<SessionPage> {
        let all = self.matching(caller, filter, |snapshot| Arc::clone(&snapshot.session))?;
        let total = all.len() as u64;
        let Slice { items, has_previous: _, has_next } = part(all, &window, |session| size(session))?;
        let sessions: Vec<_> = items.into_iter().map(Arc::unwrap_or_clone).collect();
        let next_cursor = if has_next { sessions.last().map(cursor_of) } else { None };
        Ok(SessionPage { sessions, total, next_cursor })
    }

    /// The sessions that match, oldest first, with their present states.
    ///
    /// # Errors
    /// `PageSizeLimit`; `Invalid` for a bad cursor.
    pub fn snapshots(&self, caller: &Caller, filter: SessionFilter, window: Window) -> Result<Slice<Snapshot>> {
        let all = self.matching(caller, filter, Snapshot::clone)?;
        let Slice { items, has_previous, has_next } = part(all, &window, |snapshot| size(&snapshot.session))?;
        let items = items.into_iter().map(|snapshot| snapshot.seen_by(caller)).collect();
        Ok(Slice { items, has_previous, has_next })
    }

    /// How many sessions match, on all pages.
    ///
    /// # Errors
    /// `Invalid` for a filter that breaks a rule.
    pub fn count(&self, caller: &Caller, filter: SessionFilter) -> Result<u64> {
        Ok(self.matching(caller, filter, |_| ())?.len() as u64)
    }

    /// All that match, oldest first, each with its sort key.
    fn matching<T>(
        &self,
        caller: &Caller,
        filter: SessionFilter,
        take: impl Fn(&Snapshot) -> T,
    ) -> Result<Vec<(SortKey, T)>> {
        caller.require(Scope::SessionsRead)?;
        let filter = rules::filter(filter)?;
        let mut found = Vec::new();
        self.registry.for_each(|snapshot| {
            if caller.reaches(&snapshot.session.id) && rules::matches(&filter, snapshot) {
                found.push((rules::sort_key(&snapshot.session), take(snapshot)));
            }
        });
        found.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(found)
    }
}

/// The part of a whole list that a window shows, as much of it as one answer may hold.
fn part<T>(all: Vec<(SortKey, T)>, window: &Window, size: impl Fn(&T) -> usize) -> Result<Slice<T>> {
    let bounds = window.bounds()?;
    let Slice { items, has_previous, has_next } = bounds.cut(all, |(key, _)| key.clone());
    let items = items.into_iter().map(|(_, item)| item).collect();
    Ok(Slice { items, has_previous, has_next }.within(BYTES_MAX, bounds.is_from_end, size))
}

/// What a session takes in an answer, bytes: never less.
fn size(session: &Session) -> usize {
    let optional = |text: &Option<String>| text.as_deref().map_or(4, json_bytes);
    let labels = session.metadata.iter();
    FIXED_BYTES
        + session.id.as_str().len()
        + optional(&session.name)
        + optional(&session.phone_number)
        + optional(&session.push_name)
        + labels.map(|(name, value)| json_bytes(name) + json_bytes(value) + LABEL_BYTES).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use entity::ids::SessionId;
    use entity::timestamp::Timestamp;
    use entity::words::session::{MediaFetch, PresenceOnConnect, SessionStatus};

    use super::*;
    use crate::session::types::MediaFetching;

    #[test]
    fn no_session_takes_more_than_is_counted_and_not_much_less() {
        let moment = Timestamp::from_millis(253_402_300_799_000);
        let mut session = Session {
            id: SessionId::parse(&"x".repeat(64)).expect("an id"),
            name: Some("\"".repeat(100)),
            phone_number: Some("155501000010000".to_owned()),
            push_name: Some("\u{1}é".repeat(50)),
            status: SessionStatus::WaitingForPairCode,
            created_at: moment,
            updated_at: moment,
            last_connected_at: Some(moment),
            is_logged_in: false,
            presence_on_connect: PresenceOnConnect::Unavailable,
            send_rate: Some(999.999),
            send_burst: Some(1_000),
            media: MediaFetching { fetch: MediaFetch::Eager, max_bytes: Some(2_147_483_647) },
            metadata: (0..50).map(|n| (format!("label {n}"), "\u{2}".repeat(512))).collect(),
        };
        let written = |session: &Session| serde_json::to_string(session).expect("it is JSON").len();
        assert!((written(&session)..written(&session) + 200).contains(&size(&session)));
        session.metadata = BTreeMap::new();
        (session.name, session.phone_number, session.push_name, session.last_connected_at) = (None, None, None, None);
        (session.send_rate, session.send_burst) = (None, None);
        session.media = MediaFetching::default();
        assert!((written(&session)..written(&session) + 200).contains(&size(&session)));
    }
}
