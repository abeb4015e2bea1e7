//! What is known of a message that is for several: the least that is known of any of those for whom it is. Without a database.
//!
//! Those for whom it is are the members of the group when it was sent, without the account itself and without who left since: they may
//! never get it, and would keep it from ever being read. Who tells nobody what they read keeps it at `delivered`.

use std::collections::{BTreeSet, HashMap};

use crate::message::store::receipt_store::Moments;
use crate::message::store::transition::Happening;

/// What happened to a message by what these did with it: what all of them did. None if it reached not all of them, or is for nobody.
/// Both name each person in the same way.
pub(in crate::message) fn lowest(people: &BTreeSet<String>, receipts: &HashMap<String, Moments>) -> Option<Happening> {
    let levels = people.iter().map(|person| receipts.get(person).map_or(0, level));
    match levels.min() {
        Some(1) => Some(Happening::Delivered),
        Some(2) => Some(Happening::Read),
        Some(3) => Some(Happening::Played),
        _ => None,
    }
}

/// How far somebody is with a message. Who has read it has it, whatever is told of that.
const fn level(moments: &Moments) -> u8 {
    match moments {
        Moments { played: Some(_), .. } => 3,
        Moments { read: Some(_), .. } => 2,
        Moments { delivered: Some(_), .. } => 1,
        Moments { delivered: None, read: None, played: None } => 0,
    }
}

#[cfg(test)]
mod tests {
    use entity::timestamp::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn moments(level: u8) -> Moments {
        let at = |needed: u8| (level == needed).then(|| Timestamp::from_millis(1_000));
        Moments { delivered: at(1), read: at(2), played: at(3) }
    }

    fn of(levels: &[(&str, u8)]) -> (BTreeSet<String>, HashMap<String, Moments>) {
        let people = levels.iter().map(|(name, _)| (*name).to_owned()).collect();
        (people, levels.iter().map(|(name, level)| ((*name).to_owned(), moments(*level))).collect())
    }

    #[test]
    fn it_is_what_all_of_them_did() {
        let rows = [
            (vec![("a", 1), ("b", 0)], None),
            (vec![("a", 1), ("b", 1)], Some(Happening::Delivered)),
            (vec![("a", 3), ("b", 1)], Some(Happening::Delivered)),
            (vec![("a", 2), ("b", 3)], Some(Happening::Read)),
            (vec![("a", 3), ("b", 3)], Some(Happening::Played)),
            (vec![], None),
        ];
        for (levels, happening) in rows {
            let (people, receipts) = of(&levels);
            assert_eq!(lowest(&people, &receipts), happening, "{levels:?}");
        }
        let (people, _) = of(&[("a", 1), ("b", 1)]);
        let (_, receipts) = of(&[("a", 2), ("c", 2)]);
        assert_eq!(lowest(&people, &receipts), None, "of one of them nothing is known");
    }

    proptest! {
        #[test]
        fn who_leaves_never_takes_anything_back(levels in proptest::collection::vec(0..4_u8, 2..12)) {
            let names: Vec<_> = (0..levels.len()).map(|number| number.to_string()).collect();
            let rows: Vec<_> = names.iter().map(String::as_str).zip(levels).collect();
            let rank = |happening: Option<Happening>| match happening {
                Some(Happening::Played) => 3,
                Some(Happening::Read) => 2,
                Some(Happening::Delivered) => 1,
                _ => 0,
            };
            let (people, receipts) = of(&rows);
            let before = rank(lowest(&people, &receipts));
            let (fewer, _) = of(&rows[1..]);
            prop_assert!(rank(lowest(&fewer, &receipts)) >= before);
        }
    }
}
