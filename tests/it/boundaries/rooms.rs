//! The table of rooms: which of them may use which. A room is a file or a folder right below `src/`.

use std::collections::{BTreeMap, BTreeSet};

use crate::boundaries::imports::Import;

/// Rooms, and what each of them may use.
pub type Rooms<'a> = &'a [(&'a str, &'a [&'a str])];

/// Which room may use which, from the ground up: a room may use only such as stand before it, so that no arrow runs up.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    pub rooms: Rooms<'a>,
    /// What every room may use that stands behind it.
    pub for_all: &'a [&'a str],
}

/// The room of a file: `page` for `page.rs`, and for all in `page/`.
fn room_of(place: &str) -> &str {
    let first = place.split('/').next().unwrap_or(place);
    first.strip_suffix(".rs").unwrap_or(first)
}

impl Table<'_> {
    /// Everything in which the code and the table differ, and what is wrong with the table itself.
    pub fn differences<'a>(&self, places: impl Iterator<Item = &'a str>, imports: &BTreeSet<Import>) -> Vec<String> {
        let mut differences = self.contradictions();
        let there: BTreeSet<_> = places.map(room_of).collect();
        let known: BTreeSet<_> = self.rooms.iter().map(|(room, _)| *room).collect();
        differences.extend(there.difference(&known).map(|room| format!("the table has no room `{room}`")));
        differences
            .extend(known.difference(&there).map(|room| format!("the table has a room `{room}`, and there is none")));
        differences.extend(imports.iter().filter_map(|import| self.trespass(import)));
        differences.extend(self.unused(imports));
        differences
    }

    fn may(&self, room: &str) -> BTreeSet<&str> {
        let before = self.rooms.iter().take_while(|(other, _)| *other != room).map(|(other, _)| *other);
        let for_all = before.filter(|other| self.for_all.contains(other));
        let own = self.rooms.iter().filter(|(other, _)| *other == room).flat_map(|(_, may)| may.iter().copied());
        for_all.chain(own).collect()
    }

    /// Says what is wrong with the table: what runs up, stands there twice, or is said in vain.
    fn contradictions(&self) -> Vec<String> {
        let mut contradictions = Vec::new();
        let mut before = BTreeSet::new();
        for (room, may) in self.rooms {
            let up = may.iter().filter(|other| !before.contains(*other));
            contradictions.extend(
                up.map(|other| format!("the table lets `{room}` use `{other}`, which does not stand before it")),
            );
            let twice = may.iter().filter(|other| self.for_all.contains(other));
            contradictions.extend(twice.map(|other| format!("the table lets `{room}` use `{other}`, which all may")));
            if !before.insert(*room) {
                contradictions.push(format!("the table has the room `{room}` twice"));
            }
        }
        let unknown = self.for_all.iter().filter(|room| !before.contains(*room));
        contradictions.extend(unknown.map(|room| format!("the table lets all use `{room}`, which it does not have")));
        contradictions
    }

    fn trespass(&self, Import { from, line, what, to }: &Import) -> Option<String> {
        let (room, other) = (room_of(from), room_of(to));
        let is_lawful = room == other || self.may(room).contains(other);
        (!is_lawful).then(|| format!("{from}:{line}: `{room}` may not use `{other}` ({what})"))
    }

    fn unused(&self, imports: &BTreeSet<Import>) -> Vec<String> {
        let mut used: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for Import { from, to, .. } in imports {
            used.entry(room_of(from)).or_default().insert(room_of(to));
        }
        let is_used = |room: &str, other: &str| used.get(room).is_some_and(|used| used.contains(other));
        let entries = self.rooms.iter().flat_map(|(room, may)| may.iter().map(move |other| (*room, *other)));
        let unused = entries.filter(|(room, other)| !is_used(room, other));
        unused.map(|(room, other)| format!("the table lets `{room}` use `{other}`, and it does not")).collect()
    }
}
