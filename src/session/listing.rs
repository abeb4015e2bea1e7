//! Lists of sessions: from memory, like every other answer. The table may be behind while it cannot be written.

use std::sync::Arc;

use entity::words::Scope;

use crate::caller::Caller;
use crate::error::Result;
use crate::page::{Place, Slice, Window};
use crate::session::types::{SessionFilter, SessionPage, Snapshot};
use crate::session::{Sessions, cursor_of, rules};

impl Sessions {
    /// The sessions that match, oldest first, with their number on all pages.
    ///
    /// # Errors
    /// `PageSizeLimit`; `Invalid` for a bad cursor.
    pub fn list(&self, caller: &Caller, filter: SessionFilter, window: Window) -> Result<SessionPage> {
        let all = self.matching(caller, filter, |snapshot| Arc::clone(&snapshot.session))?;
        let total = all.len() as u64;
        let Slice { items, has_previous: _, has_next } = part(all, &window)?;
        let sessions: Vec<_> = items.into_iter().map(Arc::unwrap_or_clone).collect();
        let next_cursor = if has_next { sessions.last().map(cursor_of) } else { None };
        Ok(SessionPage { sessions, total, next_cursor })
    }

    /// The sessions that match, oldest first, with their present states.
    ///
    /// # Errors
    /// `PageSizeLimit`; `Invalid` for a bad cursor.
    pub fn snapshots(&self, caller: &Caller, filter: SessionFilter, window: Window) -> Result<Slice<Snapshot>> {
        let Slice { items, has_previous, has_next } = part(self.matching(caller, filter, Snapshot::clone)?, &window)?;
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

    /// All that match, oldest first, each with its place.
    fn matching<T>(
        &self,
        caller: &Caller,
        filter: SessionFilter,
        take: impl Fn(&Snapshot) -> T,
    ) -> Result<Vec<(Place, T)>> {
        caller.require(Scope::SessionsRead)?;
        let filter = rules::filter(filter)?;
        let mut found = Vec::new();
        self.registry.for_each(|snapshot| {
            if caller.reaches(&snapshot.session.id) && rules::matches(&filter, snapshot) {
                found.push((rules::place(&snapshot.session), take(snapshot)));
            }
        });
        found.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(found)
    }
}

/// The part of a whole list that a window shows.
fn part<T>(all: Vec<(Place, T)>, window: &Window) -> Result<Slice<T>> {
    let Slice { items, has_previous, has_next } = window.bounds()?.cut(all, |(place, _)| place.clone());
    Ok(Slice { items: items.into_iter().map(|(_, item)| item).collect(), has_previous, has_next })
}
